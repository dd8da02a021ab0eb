"""How a customer is recognized: the order of trust, and one spelling for each address and number."""

from dataclasses import dataclass
from enum import StrEnum

import phonenumbers

from commerce.policies.snapshot import Who

Key = tuple[str, str, str]


class IdentityKind(StrEnum):
    """The ways to know a customer beside a login, most trusted first."""

    EXTERNAL_ID = "external_id"
    MEMBER_NUMBER = "member_number"
    CARD_TOKEN = "card_token"  # noqa: S105 (the name of a kind, not a secret)
    EMAIL = "email"
    PHONE = "phone"


# Means something within one channel only.
SCOPED_KINDS = frozenset({IdentityKind.EXTERNAL_ID, IdentityKind.CARD_TOKEN})
# Typed in by anyone, so that it proves nothing until its owner has answered from it.
ADDRESS_KINDS = frozenset({IdentityKind.EMAIL, IdentityKind.PHONE})
# Says whose purchase it is and no more: a card is paid with by a family, a member number is read aloud at
# the till.
EARN_ONLY_KINDS = frozenset({IdentityKind.MEMBER_NUMBER, IdentityKind.CARD_TOKEN})


@dataclass(frozen=True, slots=True)
class Claim:
    """One identity as a snapshot states it, in its normal form.

    `is_proven` is False for an address nobody proved.
    """

    kind: str
    scope: str
    value: str
    is_proven: bool

    @property
    def key(self) -> Key:
        """What the identity is looked up by."""
        return (self.kind, self.scope, self.value)


def list_claims(who: Who, *, channel: str, country: str) -> tuple[list[Claim], list[str]]:
    """Return the identities that `who` states, most trusted first, and which kinds cannot be read."""
    claims = [
        Claim(kind, channel if kind in SCOPED_KINDS else "", normalize(kind, value), True)
        for kind, value in (
            (IdentityKind.EXTERNAL_ID, who.external_id),
            (IdentityKind.MEMBER_NUMBER, who.member_number),
            (IdentityKind.CARD_TOKEN, who.card_token),
        )
        if value.strip()
    ]
    unreadable = []
    for kind, text, value in (
        (IdentityKind.EMAIL, who.email, normalize_email(who.email)),
        (IdentityKind.PHONE, who.phone, normalize_phone(who.phone, country=country) if who.phone else ""),
    ):
        if value:
            claims.append(Claim(kind, "", value, kind in who.verified))
        elif text.strip():
            unreadable.append(kind.value)
    return claims, unreadable


def normalize(kind: str, text: str, *, country: str = "") -> str:
    """Return `text` in the normal form of its kind; empty if it is none of that kind."""
    if kind == IdentityKind.EMAIL:
        return normalize_email(text)
    if kind == IdentityKind.PHONE:
        return normalize_phone(text, country=country)
    if kind == IdentityKind.MEMBER_NUMBER:
        return normalize_member_number(text)
    return text.strip()


def normalize_member_number(text: str) -> str:
    """Return the number as it is compared, however it was read out: "km4 k7q-2p9" is KM4K7Q2P9."""
    return "".join(text.split()).replace("-", "").upper()


def normalize_email(text: str) -> str:
    """Return the address as it is compared: trimmed, in lower case; empty if it is none.

    RFC 5321 lets a host tell `Ann@` from `ann@`. No mail host that customers use does, while people type
    both.
    """
    address = text.strip()
    local, _, host = address.rpartition("@")
    if not (local and host) or any(character.isspace() for character in address):
        return ""
    return f"{local}@{host}".lower()


def normalize_phone(text: str, *, country: str) -> str:
    """Return the number in E.164 ("+4722123456"), or nothing if it is none.

    Without a prefix it is read as a number of `country`.
    """
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_phone(text: str) -> bool:
    """Say whether `text` is an international number that some network hands out."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return False
