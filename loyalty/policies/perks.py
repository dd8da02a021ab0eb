"""What a level or a paid membership brings besides points: named, so that shops and other apps can act on it.

A perk is kept as a small document, `{"kind": "free_shipping", "number": 5000}`; `read_perks` turns a list of
those into values and says what is wrong with one, `perk_rows` turns them back.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MOST_PERKS = 12
LONGEST_TEXT = 120
LARGEST_NUMBER = 10**9
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")


class PerkKind(StrEnum):
    """What a perk is. Free shipping may have a number: from which order value on; early access has hours."""

    FREE_SHIPPING = "free_shipping"
    EARLY_ACCESS = "early_access"
    BIRTHDAY_GIFT = "birthday_gift"
    FREE_RETURNS = "free_returns"
    PRIORITY_HELP = "priority_help"
    OTHER = "other"


# The kinds that a number belongs to, and whether it has to be there.
NUMBERED = {PerkKind.FREE_SHIPPING: False, PerkKind.EARLY_ACCESS: True}


class PerkFault(StrEnum):
    """Why a perk cannot stay as it is."""

    SHAPE = "shape"
    UNKNOWN = "unknown"
    NUMBER = "number"
    KEY = "key"
    TEXT = "text"
    TWICE = "twice"
    MANY = "many"


class PerkUnreadable(ValueError):
    """A list of perks cannot be read: `fault` says why, `place` which one, counted from 0."""

    def __init__(self, fault: PerkFault, place: int) -> None:
        self.fault, self.place = fault, place
        super().__init__(f"Perk {place + 1} cannot stay as it is: {fault.value}.")


@dataclass(frozen=True, slots=True)
class Perk:
    """One perk. Units: `number` is minor units of the programme's currency for free shipping, hours for early
    access, and nothing for the others. `key` names what is of the shop's own; `text` says it by language.
    """

    kind: PerkKind
    number: int | None = None
    key: str = ""
    text: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name that a shop's code asks for: `free_shipping`, or the key of what is of its own."""
        return self.key if self.kind is PerkKind.OTHER else self.kind.value


def read_perks(rows: Iterable[Any]) -> tuple[Perk, ...]:
    """Turn stored or typed perks into values, in their order. Raises: PerkUnreadable with the first fault."""
    perks: list[Perk] = []
    for place, row in enumerate(rows):
        if place >= MOST_PERKS:
            raise PerkUnreadable(PerkFault.MANY, place)
        perk = _read(row, place)
        if perk.name in {one.name for one in perks}:
            raise PerkUnreadable(PerkFault.TWICE, place)
        perks.append(perk)
    return tuple(perks)


def perk_rows(perks: Iterable[Perk]) -> list[dict[str, Any]]:
    """Turn perks into what is stored; what is empty is left out."""
    told = (
        {"kind": perk.kind.value, "number": perk.number, "key": perk.key, "text": dict(perk.text)}
        for perk in perks
    )
    return [{name: value for name, value in row.items() if value not in (None, "", {})} for row in told]


def find_perk(perks: Iterable[Perk], name: str) -> Perk | None:
    """Find a perk by its name."""
    return next((perk for perk in perks if perk.name == name), None)


def join_perks(*lists: Sequence[Perk]) -> tuple[Perk, ...]:
    """Put together what somebody has from several sides; of the same perk the better one counts.

    Free shipping is better from a smaller order on, early access by more hours.
    """
    best: dict[str, Perk] = {}
    for perk in (perk for perks in lists for perk in perks):
        other = best.get(perk.name)
        if other is None or _worth(perk) > _worth(other):
            best[perk.name] = perk
    return tuple(best.values())


def holds_up(perks: Sequence[Perk], *, against: Sequence[Perk]) -> bool:
    """Tell whether everything of before is still there, and no less of it.

    Words cannot be compared, so other ones count as less; a further language does not.
    """
    return all(
        (perk := find_perk(perks, before.name)) is not None
        and _worth(perk) >= _worth(before)
        and before.text.items() <= perk.text.items()
        for before in against
    )


def keep_words(rows: Iterable[Mapping[str, Any]], before: Iterable[Perk]) -> list[dict[str, Any]]:
    """Give perks as a form asks for them the words that they had, in all languages, where it shows none or
    one of them.
    """
    had = {perk.name: perk.text for perk in before}
    kept = []
    for row in rows:
        text = had.get(row.get("key") or row["kind"], {})
        is_same = set(row.get("text", {}).values()) <= set(text.values())
        kept.append({**row, **({"text": dict(text)} if text and is_same else {})})
    return kept


def _worth(perk: Perk) -> int:
    if perk.kind is PerkKind.FREE_SHIPPING:
        return -(perk.number or 0)
    return perk.number or 0


def _read(row: Any, place: int) -> Perk:
    if not isinstance(row, Mapping) or not row.keys() <= {"kind", "number", "key", "text"}:
        raise PerkUnreadable(PerkFault.SHAPE, place)
    if row.get("kind") not in set(PerkKind):
        raise PerkUnreadable(PerkFault.UNKNOWN, place)
    kind = PerkKind(row["kind"])
    number, key, text = row.get("number"), row.get("key", ""), row.get("text") or {}
    if not _is_number(kind, number):
        raise PerkUnreadable(PerkFault.NUMBER, place)
    if not _is_key(kind, key):
        raise PerkUnreadable(PerkFault.KEY, place)
    if not _is_text(kind, text):
        raise PerkUnreadable(PerkFault.TEXT, place)
    return Perk(kind, number, key, dict(text))


def _is_number(kind: PerkKind, number: Any) -> bool:
    if number is None:
        return not NUMBERED.get(kind, False)
    # True is an int to Python and a tick to whoever sent it.
    is_whole = isinstance(number, int) and not isinstance(number, bool)
    return kind in NUMBERED and is_whole and 1 <= number <= LARGEST_NUMBER


def _is_key(kind: PerkKind, key: Any) -> bool:
    if not isinstance(key, str):
        return False
    if kind is not PerkKind.OTHER:
        return key == ""
    return bool(_KEY.fullmatch(key)) and key not in set(PerkKind)


def _is_text(kind: PerkKind, text: Any) -> bool:
    """What is of the shop's own needs words; elsewhere they may say more (which gift)."""
    if not isinstance(text, Mapping) or (kind is PerkKind.OTHER and not text):
        return False
    return all(
        isinstance(language, str)
        and isinstance(said, str)
        and 0 < len(said.strip()) <= len(said) <= LONGEST_TEXT
        for language, said in text.items()
    )
