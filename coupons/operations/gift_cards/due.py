"""Writes down for all gift cards what time has decided. No balance changes by it: reading settles as well."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from backstage.policies import SYSTEM, Chunk, Progress
from coupons.ledger import gift_cards as ledger
from coupons.locks import lock_gift_cards
from coupons.models import GiftCard, GiftCardHold
from coupons.policies.gift_cards import GiftCardHoldState
from coupons.queries.gift_cards import load_books

CARDS_PER_CHUNK = 500


def plan_stale_holds(at: datetime) -> list[Chunk]:
    """Cut the cards with reservations that have timed out into ranges of ids. Queries: 1."""
    return _cut(_stale(at).values_list("card_id", flat=True))


def work_stale_holds(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Write down what time has decided for these cards. Locks: the cards, ascending."""
    rows = _stale(at).filter(card_id__gte=chunk.lo, card_id__lte=chunk.hi)
    return _settle(rows.values_list("card_id", flat=True), at)


def plan_expiry(at: datetime) -> list[Chunk]:
    """Cut the cards whose time is over, with money left on them, into ranges of ids. Queries: 1."""
    return _cut(_over(at).values_list("id", flat=True))


def work_expiry(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Write down what time has decided for these cards. Locks: the cards, ascending."""
    return _settle(_over(at).filter(id__range=(chunk.lo, chunk.hi)).values_list("id", flat=True), at)


def _stale(at: datetime) -> QuerySet[GiftCardHold]:
    return GiftCardHold.objects.filter(state=GiftCardHoldState.OPEN, expires_at__lte=at)


def _over(at: datetime) -> QuerySet[GiftCard]:
    is_reprieved = Q(reprieve_ends_at__isnull=False) & ~Q(reprieve_ends_at__lte=at)
    return GiftCard.objects.filter(balance_minor__gt=0, expires_at__lte=at).exclude(is_reprieved)


def _cut(card_ids: Iterable[int]) -> list[Chunk]:
    ids = sorted(set(card_ids))
    parts = [ids[start : start + CARDS_PER_CHUNK] for start in range(0, len(ids), CARDS_PER_CHUNK)]
    return [Chunk(part[0], part[-1], len(part)) for part in parts]


def _settle(card_ids: Iterable[int], at: datetime) -> Progress:
    cards = lock_gift_cards(card_ids=set(card_ids))
    books = load_books(cards)
    done = 0
    for card in cards:
        book = books[card.pk]
        book.settle(at)
        if book.moves:
            ledger.write(card, book=book, at=at, by=SYSTEM)
            done += 1
    return Progress(done=done)
