"""Paying with gift cards: reserved for an order, then used or given back. Several cards may pay one order.

A gift card is tender: the order's total stays what it is, and the card pays a part of it. All cards of an
order are locked in one statement by ascending id, so two orders with the same cards wait and never deadlock.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from backstage import clock
from backstage.policies import SHOP, By
from coupons.conf import GIFT_CARD_HOLD_MINUTES
from coupons.ledger import gift_cards as ledger
from coupons.locks import lock_gift_cards
from coupons.models import GiftCard, GiftCardHold
from coupons.policies.gift_card_book import CardBook, Order
from coupons.policies.gift_card_errors import (
    GiftCardCurrencyDiffers,
    GiftCardHoldClosed,
    GiftCardKeyReused,
    GiftCardUnknown,
    HoldExceeded,
)
from coupons.policies.gift_cards import GiftCardHoldState, GiftCardMove
from coupons.queries.gift_cards import load_books


@dataclass(frozen=True, slots=True)
class GiftCardShare:
    """What one card is to pay; `card` is the handle that `look_up_gift_card` gave. Units: minor units."""

    card: UUID
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ReservedGiftCard:
    """What is reserved on one card, or was used or given back. Units: minor units."""

    hold_id: int
    card: UUID
    amount_minor: int
    state: GiftCardHoldState
    expires_at: datetime
    is_replay: bool


def reserve_gift_card(
    *,
    card: UUID,
    amount_minor: int,
    currency: str,
    channel: str,
    reference: str,
    key: str,
    expires_at: datetime | None = None,
    at: datetime | None = None,
    by: By = SHOP,
) -> ReservedGiftCard:
    """Reserve money of one card for an order, as `reserve_gift_cards` does for several."""
    (reserved,) = reserve_gift_cards(
        shares=[GiftCardShare(card, amount_minor)],
        currency=currency,
        channel=channel,
        reference=reference,
        key=key,
        expires_at=expires_at,
        at=at,
        by=by,
    )
    return reserved


def reserve_gift_cards(
    *,
    shares: Sequence[GiftCardShare],
    currency: str,
    channel: str,
    reference: str,
    key: str,
    expires_at: datetime | None = None,
    at: datetime | None = None,
    by: By = SHOP,
) -> list[ReservedGiftCard]:
    """Reserve money of several cards for an order, balance → held: all of them, or nothing.

    It keeps until `expires_at`, 30 minutes by default (a setting); from then on it is free again, written
    down or not. A smaller amount than asked for is never taken. Replay: the same key with the same shares
    answers with the reservations that stand, whatever became of them. Locks: the cards. Queries: 3, and 3 for
    each card. Raises: GiftCardUnknown, GiftCardNotUsable, GiftCardCurrencyDiffers, NotEnoughOnGiftCard with
    what is asked and left, GiftCardKeyReused.
    """
    at = clock.now() if at is None else at
    expires_at = at + timedelta(minutes=GIFT_CARD_HOLD_MINUTES.get()) if expires_at is None else expires_at
    wanted = {share.card: share.amount_minor for share in shares}
    _check(shares, wanted, key=key, reference=reference, expires_at=expires_at, at=at)
    order = (channel, reference)
    with transaction.atomic():
        cards = lock_gift_cards(handles=wanted)
        if len(cards) != len(wanted):
            raise GiftCardUnknown
        if standing := _find_standing(cards, wanted, order=order, key=key, currency=currency):
            return standing
        books = load_books(cards)
        holds = [
            _reserve(card, books[card.pk], wanted[card.handle], currency, order, key, expires_at, at, by)
            for card in cards
        ]
    return [_tell(hold, is_replay=False) for hold in holds]


def capture_gift_card(
    *, hold_id: int, amount_minor: int | None = None, at: datetime | None = None, by: By = SHOP
) -> ReservedGiftCard:
    """Use reserved money for good, held → used: the order stands. Less than was reserved frees the rest.

    Where the reservation has timed out, the same amount is taken again if it is still there. Replay: captured
    again with the same amount, it answers with what stands. Locks: the card. Raises: GiftCardUnknown,
    GiftCardHoldClosed where it was given back, HoldExceeded, GiftCardKeyReused for another amount, and what
    reserving raises where it has timed out.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        ((hold, card),) = _lock_holds(hold_id=hold_id)
        return _capture(hold, card, amount_minor, at=at, by=by)


def capture_gift_cards(
    *, channel: str, reference: str, at: datetime | None = None, by: By = SHOP
) -> list[ReservedGiftCard]:
    """Use all that is reserved for an order, as `capture_gift_card` does for one; all of it or nothing.

    Reservations that were given back are left alone. Locks: the cards.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        held = _lock_holds(channel=channel, reference=reference)
        return [
            _capture(hold, card, None, at=at, by=by)
            for hold, card in held
            if hold.state != GiftCardHoldState.VOIDED
        ]


def void_gift_card_hold(*, hold_id: int, at: datetime | None = None, by: By = SHOP) -> ReservedGiftCard:
    """Give reserved money back to its card, held → balance: the payment failed, or the basket was left.

    Replay: given back or timed out before, it stays so. Locks: the card. Raises: GiftCardUnknown,
    GiftCardHoldClosed where it was used; `refund_to_gift_card` gives that back.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        ((hold, card),) = _lock_holds(hold_id=hold_id)
        return _give_back(hold, card, at=at, by=by)


def void_gift_card_holds(
    *, channel: str, reference: str, at: datetime | None = None, by: By = SHOP
) -> list[ReservedGiftCard]:
    """Give back all that is reserved for an order and not used yet. Locks: the cards."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        held = _lock_holds(channel=channel, reference=reference)
        return [
            _give_back(hold, card, at=at, by=by)
            for hold, card in held
            if hold.state == GiftCardHoldState.OPEN
        ]


# -- the parts -----------------------------------------------------------------------------------------------


def _check(
    shares: Sequence[GiftCardShare],
    wanted: Collection[UUID],
    *,
    key: str,
    reference: str,
    expires_at: datetime,
    at: datetime,
) -> None:
    if not shares or len(wanted) != len(shares):
        raise ValueError("shares must name at least one gift card, and each of them once.")
    if any(share.amount_minor <= 0 for share in shares):
        raise ValueError("A share must be a positive number of minor units. Leave out what pays nothing.")
    if not key or not reference:
        raise ValueError("key and reference must be told: an order's number, and what makes a retry a retry.")
    if expires_at <= at:
        raise ValueError(f"expires_at is {expires_at}, which is over. Name a later moment.")


def _find_standing(
    cards: Sequence[GiftCard], wanted: dict[UUID, int], *, order: Order, key: str, currency: str
) -> list[ReservedGiftCard]:
    """Return what a key stands for; two requests with one key for different cards are caught one by one."""
    channel, reference = order
    same_order = Q(channel=channel, reference=reference, key=key)
    holds = list(
        GiftCardHold.objects.filter(same_order | Q(card__in=cards, key=key))
        .select_related("card")
        .order_by("card_id")
    )
    if not holds:
        return []
    found = {hold.card.handle: hold.amount_minor for hold in holds}
    orders = {(hold.channel, hold.reference) for hold in holds}
    if found != wanted or orders != {order} or {hold.card.currency for hold in holds} != {currency}:
        raise GiftCardKeyReused(key=key)
    return [_tell(hold, is_replay=True) for hold in holds]


def _reserve(
    card: GiftCard,
    book: CardBook,
    amount_minor: int,
    currency: str,
    order: Order,
    key: str,
    expires_at: datetime,
    at: datetime,
    by: By,
) -> GiftCardHold:
    if card.currency != currency:
        raise GiftCardCurrencyDiffers(asked_currency=currency, card_currency=card.currency)
    book.settle(at)
    book.check_can_hold(amount_minor, at)
    hold = ledger.open_hold(
        card, amount_minor=amount_minor, order=order, key=key, expires_at=expires_at, at=at
    )
    book.move(GiftCardMove.HOLD, amount_minor, at, hold_id=hold.pk, order=order, is_asked=True)
    ledger.write(card, book=book, at=at, by=by, key=f"hold:{hold.pk}", content={"key": key})
    return hold


def _lock_holds(**of: str | int) -> list[tuple[GiftCardHold, GiftCard]]:
    """Lock the cards of these reservations, ascending, and read the reservations as they stand then."""
    named = {"id": of["hold_id"]} if "hold_id" in of else of
    rows = GiftCardHold.objects.filter(**named)
    cards = {card.pk: card for card in lock_gift_cards(card_ids=set(rows.values_list("card_id", flat=True)))}
    held = [(hold, cards[hold.card_id]) for hold in rows.filter(card__in=cards).order_by("card_id", "id")]
    for hold, card in held:
        hold.card = card
    if not held and "hold_id" in of:
        raise GiftCardUnknown
    return held


def _capture(
    hold: GiftCardHold, card: GiftCard, amount_minor: int | None, *, at: datetime, by: By
) -> ReservedGiftCard:
    amount_minor = hold.amount_minor if amount_minor is None else amount_minor
    if not 0 < amount_minor <= hold.amount_minor:
        raise HoldExceeded(hold_id=hold.pk, asked_minor=amount_minor, held_minor=hold.amount_minor)
    key, content = f"use:{hold.pk}", {"amount_minor": amount_minor}
    if ledger.find_standing(card_id=card.pk, key=key, content=content):
        return _tell(hold, is_replay=True)
    if hold.state == GiftCardHoldState.VOIDED:
        raise GiftCardHoldClosed(hold_id=hold.pk, state=hold.state)
    book = load_books([card])[card.pk]
    book.settle(at)
    order, was = (hold.channel, hold.reference), GiftCardHoldState(hold.state)
    if was is GiftCardHoldState.LAPSED or hold.pk in book.lapsed:
        book.check_can_hold(amount_minor, at)
        book.move(GiftCardMove.HOLD, amount_minor, at, hold_id=hold.pk, order=order)
        book.lapsed = [hold_id for hold_id in book.lapsed if hold_id != hold.pk]
    elif rest_minor := hold.amount_minor - amount_minor:
        book.release(next(one for one in book.holds if one.id == hold.pk), at, rest_minor)
    book.move(GiftCardMove.USE, amount_minor, at, hold_id=hold.pk, order=order, is_asked=True)
    ledger.close_hold(hold.pk, state=GiftCardHoldState.CAPTURED, at=at, was=was)
    ledger.write(card, book=book, at=at, by=by, key=key, content=content)
    hold.state = GiftCardHoldState.CAPTURED.value
    return _tell(hold, is_replay=False)


def _give_back(hold: GiftCardHold, card: GiftCard, *, at: datetime, by: By) -> ReservedGiftCard:
    if hold.state == GiftCardHoldState.CAPTURED:
        raise GiftCardHoldClosed(hold_id=hold.pk, state=hold.state)
    if hold.state != GiftCardHoldState.OPEN:
        return _tell(hold, is_replay=True)
    book = load_books([card])[card.pk]
    book.settle(at)
    state = GiftCardHoldState.LAPSED
    if hold.pk not in book.lapsed:
        state = GiftCardHoldState.VOIDED
        book.release(next(one for one in book.holds if one.id == hold.pk), at, is_asked=True)
        ledger.close_hold(hold.pk, state=state, at=at)
    ledger.write(card, book=book, at=at, by=by)
    hold.state = state.value
    return _tell(hold, is_replay=False)


def _tell(hold: GiftCardHold, *, is_replay: bool) -> ReservedGiftCard:
    state = GiftCardHoldState(hold.state)
    handle = hold.card.handle
    return ReservedGiftCard(hold.pk, handle, hold.amount_minor, state, hold.expires_at, is_replay)
