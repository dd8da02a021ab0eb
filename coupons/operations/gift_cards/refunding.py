"""Money that comes back to gift cards: what an order took may return, in parts, and never more.

The shop tells the total that has come back so far, as it tells returns of goods: said twice it is true once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from backstage import clock
from backstage.policies import SHOP, By
from coupons.conf import GIFT_CARD_GRACE_DAYS
from coupons.ledger import gift_cards as ledger
from coupons.locks import lock_gift_cards
from coupons.models import GiftCard
from coupons.operations.gift_cards.caring import open_book
from coupons.policies.gift_card_book import Order
from coupons.policies.gift_card_errors import GiftCardNotUsable, GiftCardUnknown, TooMuchRefunded
from coupons.policies.gift_cards import GiftCardMove, GiftCardState
from coupons.queries.gift_cards import OrderUse, list_order_uses


def refund_to_gift_card(
    *,
    card: UUID,
    channel: str,
    reference: str,
    refunded_minor: int,
    at: datetime | None = None,
    by: By = SHOP,
) -> int:
    """Let money come back to the card that paid an order, used → balance; return what came back now.

    `refunded_minor` is what has come back to this card for this order so far, this time included. Where the
    card's time is over, the money can be used for 30 more days (a setting). Locks: the card. Replay: the same
    total again moves nothing. Raises: GiftCardUnknown, TooMuchRefunded above what the order took and below
    what has come back, GiftCardNotUsable for a void card.
    """
    at = clock.now() if at is None else at
    order = (channel, reference)
    with transaction.atomic():
        cards = lock_gift_cards(handles=[card])
        if not cards:
            raise GiftCardUnknown
        uses = list_order_uses(card_ids=[cards[0].pk], order=order)
        use = uses[0] if uses else OrderUse(cards[0].pk, order, 0, 0)
        if not use.refunded_minor <= refunded_minor <= use.used_minor:
            raise _too_much(refunded_minor, [use])
        return _refund(cards[0], use, refunded_minor - use.refunded_minor, at=at, by=by)


def refund_to_gift_cards(
    *, channel: str, reference: str, refunded_minor: int, at: datetime | None = None, by: By = SHOP
) -> dict[UUID, int]:
    """Let money come back to all cards that paid an order; return what came back now to each.

    `refunded_minor` is the total of the order so far. What is new goes first to the card that lasts longest,
    so that as little as possible can expire, then to the others. Locks: the cards. Replay and refusals as
    `refund_to_gift_card`.
    """
    at = clock.now() if at is None else at
    order = (channel, reference)
    with transaction.atomic():
        card_ids = {use.card_id for use in list_order_uses(order=order)}
        cards = {card.pk: card for card in lock_gift_cards(card_ids=card_ids)}
        uses = list_order_uses(card_ids=card_ids, order=order)
        back_minor = sum(use.refunded_minor for use in uses)
        if not back_minor <= refunded_minor <= sum(use.used_minor for use in uses):
            raise _too_much(refunded_minor, uses)
        shares = _share(refunded_minor - back_minor, uses, cards)
        return {
            cards[use.card_id].handle: _refund(cards[use.card_id], use, shares[use.card_id], at=at, by=by)
            for use in uses
            if shares.get(use.card_id)
        }


def _share(new_minor: int, uses: Sequence[OrderUse], cards: dict[int, GiftCard]) -> dict[int, int]:
    def lasts(use: OrderUse) -> tuple[bool, float, int]:
        card = cards[use.card_id]
        ends = 0.0 if card.expires_at is None else card.expires_at.timestamp()
        return card.expires_at is None, ends, use.card_id

    shares: dict[int, int] = {}
    standing = [use for use in uses if cards[use.card_id].state != GiftCardState.VOID]
    for use in sorted(standing, key=lasts, reverse=True):
        shares[use.card_id] = min(new_minor, use.open_minor)
        new_minor -= shares[use.card_id]
    if new_minor:
        raise GiftCardNotUsable(state=GiftCardState.VOID.value)
    return shares


def _refund(card: GiftCard, use: OrderUse, new_minor: int, *, at: datetime, by: By) -> int:
    if not new_minor:
        return 0
    if card.state == GiftCardState.VOID:
        raise GiftCardNotUsable(state=card.state)
    book = open_book(card, at=at)
    changes = {}
    if book.has_ended(at):
        changes["reprieve_ends_at"] = at + timedelta(days=GIFT_CARD_GRACE_DAYS.get())
    total_minor = use.refunded_minor + new_minor
    book.move(GiftCardMove.REFUND, new_minor, at, order=use.order, is_asked=True)
    key = _key(use.order, total_minor)
    ledger.write(
        card, book=book, at=at, by=by, key=key, content={"total_minor": total_minor}, changes=changes
    )
    return new_minor


def _key(order: Order, total_minor: int) -> str:
    return f"refund:{ledger.fingerprint(order=order, total_minor=total_minor)[:40]}"


def _too_much(asked_minor: int, uses: Sequence[OrderUse]) -> TooMuchRefunded:
    return TooMuchRefunded(
        asked_minor=asked_minor,
        used_minor=sum(use.used_minor for use in uses),
        refunded_minor=sum(use.refunded_minor for use in uses),
    )
