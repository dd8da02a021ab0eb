"""Writes what a deed has done to a card's book: movements first, then the card once, by the net.

Whoever calls has locked the card, looked for the key, settled and checked. The CHECKs of the tables are the
last line; nothing passes through a forbidden state, because each row is written once.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db.models import F
from django.utils import timezone

from backstage.policies import SYSTEM, By
from coupons.models import GiftCard, GiftCardHold, GiftCardMovement
from coupons.policies.gift_card_book import CardBook, Moved, Order
from coupons.policies.gift_card_errors import GiftCardKeyReused
from coupons.policies.gift_cards import COUNTERS, GiftCardHoldState


class GiftCardConflict(RuntimeError):
    """A row was not as it was when it was locked: somebody wrote past the lock."""


def fingerprint(**content: Any) -> str:
    """Tell a retry from another request under the same key."""
    return sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def find_standing(*, card_id: int, key: str, content: Mapping[str, Any]) -> GiftCardMovement | None:
    """Return the movement that stands under a key. Queries: 1. Raises: GiftCardKeyReused."""
    standing = GiftCardMovement.objects.filter(card_id=card_id, key=key).first()
    if standing is not None and standing.fingerprint != fingerprint(**content):
        raise GiftCardKeyReused(key=key)
    return standing


def open_hold(
    card: GiftCard, *, amount_minor: int, order: Order, key: str, expires_at: datetime, at: datetime
) -> GiftCardHold:
    """Store a reservation; its movement is written with the book. Queries: 1."""
    channel, reference = order
    return GiftCardHold.objects.create(
        card=card,
        channel=channel,
        reference=reference,
        key=key,
        amount_minor=amount_minor,
        reserved_at=at,
        expires_at=expires_at,
    )


def close_hold(
    hold_id: int, *, state: GiftCardHoldState, at: datetime, was: GiftCardHoldState = GiftCardHoldState.OPEN
) -> None:
    """Close a reservation, by a guarded update. Queries: 1. Raises: GiftCardConflict."""
    rows = GiftCardHold.objects.filter(id=hold_id, state=was.value)
    if rows.update(state=state.value, closed_at=at) != 1:
        raise GiftCardConflict(f"Reservation {hold_id} was not {was.value} any more.")


def write(
    card: GiftCard,
    *,
    book: CardBook,
    at: datetime,
    by: By,
    key: str = "",
    content: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> None:
    """Write the movements of a book, close what has lapsed, and change the card by the net.

    `key` and the fingerprint of `content` stand at the movement that was asked for. `changes` are dates and
    the state. Queries: 2, and 1 for each reservation that has lapsed. Raises: GiftCardConflict.
    """
    for hold_id in book.lapsed:
        close_hold(hold_id, state=GiftCardHoldState.LAPSED, at=at)
    recorded_at = timezone.now()
    told = fingerprint(**content) if content else ""
    GiftCardMovement.objects.bulk_create(
        [_row(card, moved, key=key, told=told, by=by, recorded_at=recorded_at) for moved in book.moves]
    )
    counters = {f"{money.value}_minor": book.money[money] for money in COUNTERS}
    nets = {name: F(name) + after - getattr(card, name) for name, after in counters.items()}
    moved_nets = {name: net for name, net in nets.items() if counters[name] != getattr(card, name)}
    if not (moved_nets or changes):
        return
    if GiftCard.objects.filter(id=card.pk).update(**moved_nets, **(changes or {})) != 1:
        raise GiftCardConflict(f"Gift card {card.pk} is gone.")
    for name, value in {**counters, **(changes or {})}.items():
        setattr(card, name, value)


def _row(
    card: GiftCard, moved: Moved, *, key: str, told: str, by: By, recorded_at: datetime
) -> GiftCardMovement:
    who = by if moved.is_asked else SYSTEM
    channel, reference = moved.order
    return GiftCardMovement(
        card=card,
        move=moved.move.value,
        amount_minor=moved.amount_minor,
        hold_id=moved.hold_id,
        channel=channel,
        reference=reference,
        key=key if moved.is_asked else "",
        fingerprint=told if moved.is_asked else "",
        by_kind=who.kind,
        by_id=who.id,
        effective_at=moved.at,
        recorded_at=recorded_at,
    )
