"""What happens to a gift card besides spending: paused, resumed, extended, made void, a new code."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from backstage import clock
from backstage.operations import audit
from backstage.operations.approvals import ReasonMissingError
from backstage.policies import By
from coupons.ledger import gift_cards as ledger
from coupons.locks import lock_gift_cards
from coupons.models import GiftCard
from coupons.policies.gift_card_book import CardBook
from coupons.policies.gift_card_codes import draw_code
from coupons.policies.gift_card_errors import GiftCardEndNotLater, GiftCardStepRefused, GiftCardUnknown
from coupons.policies.gift_cards import GiftCardMoney, GiftCardMove, GiftCardState
from coupons.queries.gift_card_codes import hash_code, list_keys, mark_of
from coupons.queries.gift_card_limits import check_alone
from coupons.queries.gift_cards import load_books

IN_USE = (GiftCardState.ACTIVE, GiftCardState.PAUSED)


def pause_gift_card(*, card_id: int, reason: str, at: datetime | None = None, by: By) -> GiftCard:
    """Let nobody reserve money of a card until it is resumed. What is reserved already may be used.

    Locks: the card. Replay: a paused card stays paused. Raises: GiftCardUnknown, GiftCardStepRefused,
    ReasonMissingError.
    """
    at = clock.now() if at is None else at
    _check_reason(reason)
    with transaction.atomic():
        card = get_locked(card_id)
        if card.state == GiftCardState.PAUSED:
            return card
        _require(card, "paused", GiftCardState.ACTIVE)
        _step(card, GiftCardState.PAUSED, "gift_card_paused", at=at, by=by, reason=reason)
    return card


def resume_gift_card(*, card_id: int, at: datetime | None = None, by: By) -> GiftCard:
    """Let a paused card be used again. Locks: the card. Raises: GiftCardUnknown, GiftCardStepRefused."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        card = get_locked(card_id)
        if card.state == GiftCardState.ACTIVE:
            return card
        _require(card, "used again", GiftCardState.PAUSED)
        _step(card, GiftCardState.ACTIVE, "gift_card_resumed", at=at, by=by)
    return card


def extend_gift_card(
    *, card_id: int, expires_at: datetime | None, reason: str = "", at: datetime | None = None, by: By
) -> GiftCard:
    """Let a card be used longer; None takes its end away. What had expired on it is given back.

    Locks: the card. Replay: the same end again changes nothing. Raises: GiftCardUnknown,
    GiftCardStepRefused for a void one, GiftCardEndNotLater.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        card = get_locked(card_id)
        _require(card, "extended", *IN_USE)
        if card.expires_at == expires_at:
            return card
        if card.expires_at is None or (expires_at is not None and expires_at <= max(card.expires_at, at)):
            raise GiftCardEndNotLater(asked_at=expires_at or at, ends_at=card.expires_at)
        before = card.expires_at
        book = open_book(card, at=at)
        book.expires_at = expires_at
        if expired_minor := book.money[GiftCardMoney.EXPIRED]:
            book.move(GiftCardMove.REINSTATE, expired_minor, at, is_asked=True)
        changes = {"expires_at": expires_at, "reprieve_ends_at": None}
        key = f"extend:{'never' if expires_at is None else expires_at.isoformat()}"
        ledger.write(card, book=book, at=at, by=by, key=key, content={"key": key}, changes=changes)
        was, now = {"expires_at": before}, {"expires_at": expires_at}
        record(card, kind="gift_card_extended", at=at, by=by, reason=reason, before=was, after=now)
    return card


def void_gift_card(*, card_id: int, reason: str, at: datetime | None = None, by: By) -> GiftCard:
    """End a card for good: what is left on it is owed to nobody any more.

    What an order has reserved may still be used; what comes back from it is void. Staff is held to the limit
    of the card's currency; `request_gift_card_deed` asks for more. Locks: the card. Replay: a void card stays
    void. Raises: GiftCardUnknown, ReasonMissingError, OverGiftCardLimit.
    """
    at = clock.now() if at is None else at
    _check_reason(reason)
    with transaction.atomic():
        card = get_locked(card_id)
        if card.state != GiftCardState.VOID:
            book = open_book(card, at=at)
            check_alone(asked_minor=book.balance_minor, currency=card.currency, by=by)
            make_void(card, book=book, at=at, by=by, reason=reason)
    return card


def make_void(card: GiftCard, *, book: CardBook, at: datetime, by: By, reason: str) -> None:
    """Make a locked card void, whatever the limits say. A card that was never approved was never owed."""
    if card.state == GiftCardState.WAITING:
        book.move(GiftCardMove.ISSUE, card.issued_minor, at)
    voided_minor = book.balance_minor
    if voided_minor:
        book.move(GiftCardMove.VOID, voided_minor, at, is_asked=True)
    void = {"state": GiftCardState.VOID.value}
    ledger.write(card, book=book, at=at, by=by, key="void", content={"reason": reason}, changes=void)
    record(card, kind="gift_card_voided", at=at, by=by, reason=reason, after={"voided_minor": voided_minor})


def renew_gift_card_code(*, card_id: int, reason: str, at: datetime | None = None, by: By) -> str:
    """Give a card a new code and return it, this once; the old one is worth nothing from now on.

    For a card that was lost, and for a shop that has lost the code before it could send it. Locks: the card.
    Raises: GiftCardUnknown, GiftCardStepRefused for a void one, ReasonMissingError.
    """
    at = clock.now() if at is None else at
    _check_reason(reason)
    with transaction.atomic():
        card = get_locked(card_id)
        _require(card, "given a new code", *IN_USE)
        code, columns = draw_new_code()
        for name, value in columns.items():
            setattr(card, name, value)
        card.save(update_fields=list(columns))
        record(card, kind="gift_card_code_renewed", at=at, by=by, reason=reason)
    return code


def draw_new_code() -> tuple[str, dict[str, str]]:
    """Return a code that nobody has, and what is kept of it."""
    code, key = draw_code(secrets.choice), list_keys()[0]
    return code, {"code_hash": hash_code(code, key), "key_mark": mark_of(key), "last_four": code[-4:]}


def get_locked(card_id: int) -> GiftCard:
    """Lock one card. Raises: GiftCardUnknown."""
    cards = lock_gift_cards(card_ids=[card_id])
    if not cards:
        raise GiftCardUnknown
    return cards[0]


def open_book(card: GiftCard, *, at: datetime) -> CardBook:
    """Load the book of a locked card, with what time has decided for it. Queries: 1."""
    book = load_books([card])[card.pk]
    book.settle(at)
    return book


def record(
    card: GiftCard,
    *,
    kind: str,
    at: datetime,
    by: By,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write a deed with a card into the log; its code is in no line of it."""
    audit.record(
        kind=kind,
        object_kind="gift_card",
        object_id=card.pk,
        by=by,
        at=at,
        before=before,
        after=after,
        reason=reason.strip(),
    )


def _step(card: GiftCard, state: GiftCardState, kind: str, *, at: datetime, by: By, reason: str = "") -> None:
    before = card.state
    card.state = state.value
    card.save(update_fields=["state"])
    record(
        card, kind=kind, at=at, by=by, reason=reason, before={"state": before}, after={"state": state.value}
    )


def _require(card: GiftCard, deed: str, *states: GiftCardState) -> None:
    if card.state not in states:
        raise GiftCardStepRefused(state=card.state, deed=deed)


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise ReasonMissingError
