"""How a customer is recognized: the order of trust, and one spelling for each address and number."""

from enum import StrEnum

import phonenumbers


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
PROVABLE_KINDS = frozenset({IdentityKind.EMAIL, IdentityKind.PHONE})
# Good for earning, never for showing data or spending, even though one customer owns it.
EARN_ONLY_KINDS = frozenset({IdentityKind.CARD_TOKEN})


def normalize_email(text: str) -> str:
    """Return the address as it is compared: trimmed, in lower case; empty if it is none.

    RFC 5321 lets a host tell `Ann@` from `ann@`. No mail host that customers use does, while people type
    both.
    """
    address = text.strip()
    local, at_sign, host = address.rpartition("@")
    if not (local and at_sign and host) or any(character.isspace() for character in address):
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
