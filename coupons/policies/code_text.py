"""How codes of a batch are made: letters that nobody confuses, enough of them, and no accidental words.

A batch has a prefix that everybody may know and random places that nobody can guess. The prefix is said once
with the batch; a code is stored without spaces and dashes and shown in groups of four.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from math import ceil

# No vowels, so that no word comes about; no 0, 1 and L, which are taken for others. In the order of their
# bytes, so that codes that are made in order are stored in order.
ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"
LEAST_PLACES, USUAL_PLACES, MOST_PLACES = 6, 8, 20
LONGEST_PREFIX = 20
MOST_CODES = 5_000_000
# What is proposed leaves guessers so many tries for one hit.
GOOD_ODDS = 10_000_000
GROUP = 4

# Words that can be read without their vowels, in the languages of the house, also with digits for letters.
UGLY_WORDS = (
    "8888 BTCH CCK CHJ CNT CVNT DCK FCK FGT FKK FTT FVCK HTLR JBC KKK KRW KVRW NGGR NGR NZ PCK PSSY PZD RVV"
    " SHT SSS TWT WTF"
)
READ_AS = str.maketrans({"S": "[S5]", "G": "[G69]", "T": "[T7]", "B": "[B8]", "Z": "[Z2]"})
UGLY = re.compile("|".join(UGLY_WORDS.translate(READ_AS).split()))

# A code is drawn in two parts. The first letters come from a share of all that there are, so that the chunks
# of a batch follow each other in the index; the others from all.
HEAD = 3
HEADS = tuple("".join(letters) for letters in product(ALPHABET, repeat=HEAD))

# A random byte says which letter; the last four are dropped, or the first letters would come more often.
_USED = 256 // len(ALPHABET) * len(ALPHABET)
_LETTERS = bytes(ord(ALPHABET[number % len(ALPHABET)]) for number in range(256))
_DROPPED = bytes(range(_USED, 256))

TokenBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Share:
    """The part of all codes that a chunk is drawn from: `count` after the first `start`, of `whole`."""

    start: int
    count: int
    whole: int

    def heads(self) -> tuple[int, int]:
        """Give the first head and the one after the last.

        Rounded to whole heads: a share is at least one, and is as densely filled as any other but for that.
        """
        first = min(len(HEADS) * self.start // self.whole, len(HEADS) - 1)
        return first, max(len(HEADS) * (self.start + self.count) // self.whole, first + 1)


def draw_texts(*, count: int, places: int, share: Share, token_bytes: TokenBytes) -> list[str]:
    """Draw so many different texts of so many places within a share, ascending; `token_bytes` is the dice.

    There must be many more than are wanted, which `odds` says.
    """
    first, beyond = share.heads()
    found: set[str] = set()
    while (missing := count - len(found)) > 0:
        tails = _letters((places - HEAD) * missing, token_bytes)
        # Four bytes for at most 21,952 heads: one comes 1.000005 times as often as another at the most.
        heads = memoryview(token_bytes(4 * missing)).cast("I")
        found.update(
            text
            for number, at in zip(heads, range(0, len(tails), places - HEAD), strict=True)
            if not is_ugly(text := HEADS[first + number % (beyond - first)] + tails[at : at + places - HEAD])
        )
    return sorted(found)


def _letters(count: int, token_bytes: TokenBytes) -> str:
    letters = b""
    while len(letters) < count:
        # About one byte in sixty-four is dropped.
        more = token_bytes((count - len(letters)) * 33 // 32 + 16)
        letters += more.translate(_LETTERS, _DROPPED)
    return letters[:count].decode("ascii")


def is_ugly(text: str) -> bool:
    """Tell whether somebody could read a bad word in a text, also where digits stand for letters."""
    return UGLY.search(text) is not None


def odds(*, count: int, places: int) -> int:
    """Say how many guesses hit one of `count` codes on average, for who knows the prefix.

    Units: guesses for one hit. Ugly texts are not taken off: they are a few in a hundred.
    """
    return int(len(ALPHABET) ** places // max(count, 1))


def places_for(*, count: int, wanted_odds: int = GOOD_ODDS) -> int:
    """Return how many random places so many codes need, so that a hit takes that many guesses.

    Never fewer than usual; at most as many as there may be.
    """
    return next(
        (
            places
            for places in range(USUAL_PLACES, MOST_PLACES)
            if odds(count=count, places=places) >= wanted_odds
        ),
        MOST_PLACES,
    )


def spell(code: str, *, prefix: str) -> str:
    """Write a stored code as people read it: "SUN7K4QM2XP" of the prefix "SUN" as "SUN-7K4Q-M2XP"."""
    if not code.startswith(prefix):
        return code
    text = code.removeprefix(prefix)
    groups = [text[at : at + GROUP] for at in range(0, len(text), GROUP)]
    return "-".join([prefix, *groups] if prefix else groups)


def cut_evenly(count: int, *, at_most: int) -> list[int]:
    """Cut a number into as few parts as can be, none above `at_most` and none much smaller than another."""
    parts = ceil(count / at_most)
    return [count * (number + 1) // parts - count * number // parts for number in range(parts)]
