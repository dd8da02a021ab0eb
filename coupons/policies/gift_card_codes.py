"""Codes of gift cards: long enough that nobody finds one by trying, and never a payment card's number."""

from collections.abc import Callable

from commerce.policies.card_numbers import has_card_number

# No vowels, which make accidental words, and nothing that looks alike (0 O, 1 I L, 2 Z, 5 S, 8 B).
ALPHABET = "2345679CDFGHJKMNPRTVWXY"
LENGTH = 16  # 23 ** 16, about 2 ** 72


def draw_code(choose: Callable[[str], str]) -> str:
    """Draw a code symbol by symbol; one that could be taken for a payment card's number is drawn again.

    Source: ISO/IEC 7812. A clerk who types such a code may put it into a field for payment cards, and
    whatever looks for card numbers in logs would raise an alarm.
    """
    while True:
        code = "".join(choose(ALPHABET) for _ in range(LENGTH))
        if not has_card_number(code):
            return code


def in_groups(code: str) -> str:
    """Write a code as it is printed and read out.

    >>> in_groups("KM4K7Q2P9C3D4F5G")
    'KM4K-7Q2P-9C3D-4F5G'
    """
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))
