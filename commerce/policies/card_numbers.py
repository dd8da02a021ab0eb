"""Recognize a payment card's number, so that none is ever stored.

Source: ISO/IEC 7812 (13 to 19 digits in use, last one by Luhn's formula). A number that starts with 0 is no
payment card.
"""

import re
import unicodedata
from uuid import UUID

SHORTEST, LONGEST = 13, 19
# Digits in groups, as people write them: spaces, any dash, dots, slashes or underscores between, at most two
# in a row.
_GROUPS = re.compile(r"\d+(?:[\s\u00ad\u2010-\u2015\u2212\-._/]{1,2}\d+)*")
_DOUBLED = str.maketrans("0123456789", "0246813579")


def has_card_number(text: str) -> bool:
    """Say whether `text` holds a Luhn-valid run of 13 to 19 digits, also one written in groups.

    About one long number in ten passes the formula by chance. That is the price of never storing a card
    number, and why a SKU, a purchase's reference and a line's key are not asked.
    """
    if not _has_enough_digits(text):
        return False
    text = unicodedata.normalize("NFKC", text)
    return not _is_uuid(text) and any(_run_holds_card(run.group()) for run in _GROUPS.finditer(text))


def passes_luhn(digits: str) -> bool:
    """Say whether the last digit fits the others."""
    total = sum(map(int, digits[-1::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))
    return total % 10 == 0


def _has_enough_digits(text: str) -> bool:
    return len(text) >= SHORTEST and sum(map(str.isdigit, text)) >= SHORTEST


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    # A bare UUID may consist of digits alone; only its dashes tell it from a number.
    return "-" in text and not text[0].isspace()


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
