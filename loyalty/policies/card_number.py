"""Card numbers that a person can read out and a typing error cannot turn into somebody else's."""

# 23 symbols: no vowels (no accidental words), none that look alike (0 O, 1 I L, 2 Z, 5 S, 8 B). A prime many,
# so that the weighted sum below catches every single wrong symbol and every swap of neighbours.
ALPHABET = "2345679CDFGHJKMNPRTVWXY"
BODY_LENGTH = 8


def with_check(body: str) -> str:
    """Append the check symbol to eight symbols of the alphabet."""
    total = sum(weight * ALPHABET.index(symbol) for weight, symbol in enumerate(body, start=2))
    return body + ALPHABET[total % len(ALPHABET)]


def is_card_number(text: str) -> bool:
    """Tell whether `text`, once normalised, can be a card number."""
    number = normalise(text)
    return (
        len(number) == BODY_LENGTH + 1
        and all(symbol in ALPHABET for symbol in number)
        and with_check(number[:-1]) == number
    )


def normalise(text: str) -> str:
    """Drop what people put between groups and fold case."""
    return text.replace(" ", "").replace("-", "").upper()


def in_groups(number: str) -> str:
    """Write a number as it is read out: KM4 K7Q 2P9."""
    return " ".join(number[start : start + 3] for start in range(0, len(number), 3))
