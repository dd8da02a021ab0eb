"""Why a snapshot is refused, or what about it is left out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from commerce.policies.card_numbers import has_card_number
from commerce.policies.identities import is_phone
from commerce.policies.returns import find_over_return
from commerce.policies.snapshot import Snapshot, TenderKind, Who


class ProblemKind(StrEnum):
    """Why a snapshot was refused, or what about it was left out."""

    UNKNOWN_CHANNEL = "unknown_channel"
    WRONG_AS_OF = "wrong_as_of"
    CARD_NUMBER = "card_number"
    CARD_TOKEN_DIGITS = "card_token_digits"  # noqa: S105 (a code, not a secret)
    OVER_RETURN = "over_return"
    CURRENCY_CHANGED = "currency_changed"
    SAME_AS_OF = "same_as_of_other_content"
    UNKNOWN_LOGIN = "unknown_login"
    UNKNOWN_MEMBER_NUMBER = "unknown_member_number"
    UNREADABLE_ADDRESS = "unreadable_address"
    UNMATCHED_RETURN = "unmatched_return"


# The snapshot was not stored; a later one that is stored settles the matter.
REFUSALS = frozenset(
    {
        ProblemKind.UNKNOWN_CHANNEL,
        ProblemKind.WRONG_AS_OF,
        ProblemKind.CARD_NUMBER,
        ProblemKind.CARD_TOKEN_DIGITS,
        ProblemKind.OVER_RETURN,
        ProblemKind.CURRENCY_CHANGED,
        ProblemKind.SAME_AS_OF,
    }
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason to store nothing of a snapshot, with codes, numbers and ids only."""

    kind: ProblemKind
    detail: dict[str, Any] = field(default_factory=dict)


def find_refusal(snapshot: Snapshot) -> Refusal | None:
    """Return why nothing of `snapshot` may be stored, as far as it says so by itself.

    What no order of arrival can change is asked here, so that any order of arrival ends in the same state.
    """
    card_field = _find_card_number(snapshot)
    if card_field:
        return Refusal(ProblemKind.CARD_NUMBER, {"field": card_field})
    if snapshot.who.card_token.strip().isdigit():
        return Refusal(ProblemKind.CARD_TOKEN_DIGITS, {"field": "who.card_token"})
    over_return = find_over_return(snapshot.lines, refunded_minor=snapshot.refunded_minor)
    if over_return:
        return Refusal(ProblemKind.OVER_RETURN, over_return)
    return None


def _find_card_number(snapshot: Snapshot) -> str:
    """Return the name of the field that holds a card number.

    SKU, reference and line key may look like one.
    """
    for name, text in _list_texts(snapshot):
        if text and has_card_number(text):
            return name
    return ""


def _list_texts(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    yield from _list_who_texts(snapshot.who)
    for line in snapshot.lines:
        # Joined by a sign that never stands within a card number: one look instead of three.
        yield "line.name, line.brand or line.category_path", f"{line.name}|{line.brand}|{line.category_path}"
    for code in snapshot.codes:
        yield "codes", code
    for tender in snapshot.tenders:
        # A gift card's number is made like a payment card's, and belongs to the shop.
        if tender.kind != TenderKind.GIFT_CARD:
            yield "tender.reference", tender.reference


def _list_who_texts(who: Who) -> Iterable[tuple[str, str]]:
    login = who.login if isinstance(who.login, str) else ""
    return (
        ("who.login", login),
        ("who.external_id", who.external_id),
        ("who.member_number", who.member_number),
        ("who.card_token", who.card_token),
        ("who.email", who.email),
        # Now and then an international number passes the formula of card numbers.
        ("who.phone", "" if is_phone(who.phone) else who.phone),
        ("who.name", who.name),
    )
