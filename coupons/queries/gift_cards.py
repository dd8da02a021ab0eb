"""What is on gift cards, as of a moment: what time has decided counts, written down or not."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, Sum

from backstage import clock
from coupons.models import GiftCard, GiftCardHold, GiftCardMovement
from coupons.policies.gift_card_book import CardBook, OpenHold, Order
from coupons.policies.gift_cards import (
    COUNTERS,
    GiftCardHoldState,
    GiftCardMoney,
    GiftCardMove,
    GiftCardState,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftCardBalance:
    """What may be spent from one card, and until when. `card` stands for it in a basket.

    Units: minor units of `currency`. `usable_until` is None for a card without an end.
    """

    card: UUID
    last_four: str
    currency: str
    balance_minor: int
    held_minor: int
    usable_until: datetime | None
    is_usable: bool


def read_book(card: GiftCard, holds: Iterable[GiftCardHold]) -> CardBook:
    """Make a book of a card and its open reservations."""
    return CardBook(
        currency=card.currency,
        state=GiftCardState(card.state),
        expires_at=card.expires_at,
        reprieve_ends_at=card.reprieve_ends_at,
        money={GiftCardMoney.ISSUANCE: 0}
        | {money: getattr(card, f"{money.value}_minor") for money in COUNTERS},
        holds=[
            OpenHold(hold.pk, hold.amount_minor, hold.expires_at, (hold.channel, hold.reference))
            for hold in holds
        ],
    )


def load_books(cards: Collection[GiftCard]) -> dict[int, CardBook]:
    """Return the books of these cards, by their ids. Queries: 1."""
    holds: dict[int, list[GiftCardHold]] = defaultdict(list)
    ids = [card.pk for card in cards]
    for hold in GiftCardHold.objects.filter(card_id__in=ids, state=GiftCardHoldState.OPEN).order_by("id"):
        holds[hold.card_id].append(hold)
    return {card.pk: read_book(card, holds[card.pk]) for card in cards}


def balance_of(card: GiftCard, book: CardBook, at: datetime) -> GiftCardBalance:
    """Say what is on a card at a moment. The book is settled by this."""
    book.settle(at)
    return GiftCardBalance(
        card=card.handle,
        last_four=card.last_four,
        currency=card.currency,
        balance_minor=book.balance_minor,
        held_minor=book.money[GiftCardMoney.HELD],
        usable_until=book.usable_until,
        is_usable=card.state == GiftCardState.ACTIVE and not book.has_ended(at),
    )


def list_balances(cards: Collection[GiftCard], *, at: datetime | None = None) -> list[GiftCardBalance]:
    """Say what is on these cards, in their order. Queries: 1."""
    at = clock.now() if at is None else at
    books = load_books(cards)
    return [balance_of(card, books[card.pk], at) for card in cards]


def get_balance_of_card(card_id: int, *, at: datetime | None = None) -> GiftCardBalance:
    """Say what is on one card, which the caller knows. Queries: 2. Raises: GiftCard.DoesNotExist."""
    return list_balances([GiftCard.objects.get(id=card_id)], at=at)[0]


def list_gift_cards_of(*, customer_id: int, at: datetime | None = None) -> list[GiftCardBalance]:
    """Say what is on the cards that belong to a customer, or to one merged into them, newest first.

    Queries: 2.
    """
    theirs = Q(owner_id=customer_id) | Q(owner__merged_into=customer_id)
    shown = [GiftCardState.ACTIVE.value, GiftCardState.PAUSED.value]
    return list_balances(list(GiftCard.objects.filter(theirs, state__in=shown).order_by("-id")), at=at)


@dataclass(frozen=True, slots=True)
class OrderUse:
    """What an order took from a card, and how much of it came back. Units: minor units."""

    card_id: int
    order: Order
    used_minor: int
    refunded_minor: int

    @property
    def open_minor(self) -> int:
        """What may still come back."""
        return self.used_minor - self.refunded_minor


def list_order_uses(*, card_ids: Collection[int] | None = None, order: Order | None = None) -> list[OrderUse]:
    """Say what orders took from cards, oldest first: of these cards, in this order, or both. Queries: 1."""
    rows = GiftCardMovement.objects.filter(move__in=[GiftCardMove.USE, GiftCardMove.REFUND])
    if card_ids is not None:
        rows = rows.filter(card_id__in=card_ids)
    if order is not None:
        rows = rows.filter(channel=order[0], reference=order[1])
    sums: dict[tuple[int, Order], list[int]] = defaultdict(lambda: [0, 0])
    summed = rows.values("card_id", "channel", "reference", "move").annotate(minor=Sum("amount_minor"))
    for row in summed.order_by("card_id", "channel", "reference"):
        place = 0 if row["move"] == GiftCardMove.USE else 1
        sums[row["card_id"], (row["channel"], row["reference"])][place] += row["minor"]
    return [OrderUse(card_id, order, used, back) for (card_id, order), (used, back) in sums.items()]
