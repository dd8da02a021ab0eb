"""Recognize a payment card's number, so that none is ever stored.

Source: ISO/IEC 7812 (13 to 19 digits in use, the last one by Luhn's formula). No payment card begins with 0.
"""

import re
import unicodedata

SHORTEST, LONGEST = 13, 19
# A cheap first look that most texts fail at once: enough digits, close enough to each other.
_MANY_DIGITS = re.compile(r"(?:\d\D{0,2}){12}\d")
# Digits in groups, as people write them: spaces, any dash, dots, slashes or underscores, at most two in a
# row.
_GROUPS = re.compile(r"\d+(?:[\s\u00ad\u2010-\u2015\u2212\-._/]{1,2}\d+)*")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DOUBLED = str.maketrans("0123456789", "0246813579")


def has_card_number(text: str) -> bool:
    """Say whether `text` holds a Luhn-valid run of 13 to 19 digits, also one written in groups.

    About one long number in ten passes the formula by chance. That is the price of never storing a card
    number, and why a SKU, a purchase's reference and a line's key are not asked. A UUID is let through: it
    may consist of digits.
    """
    if not _MANY_DIGITS.search(text):
        return False
    plain = _in_ascii_digits(_UUID.sub("", text))
    return any(_run_holds_card(run.group()) for run in _GROUPS.finditer(plain))


def passes_luhn(digits: str) -> bool:
    """Say whether the last digit fits the others."""
    total = sum(map(int, digits[-1::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))
    return total % 10 == 0


def _in_ascii_digits(text: str) -> str:
    return "".join(
        str(unicodedata.decimal(character)) if character.isdecimal() else character
        for character in unicodedata.normalize("NFKC", text)
    )


def _run_holds_card(run: str) -> bool:
    """Try every succession of whole groups: "4111 1111 1111 1111 12/29" ends with a date."""
    groups = re.findall(r"\d+", run)
    for first in range(len(groups)):
        digits = ""
        for group in groups[first:]:
            digits += group
            if len(digits) > LONGEST:
                break
            if len(digits) >= SHORTEST and digits[0] != "0" and passes_luhn(digits):
                return True
    return False
