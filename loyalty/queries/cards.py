"""A member's card: the number as it is read out, and as a QR code that tills can scan."""

from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from loyalty.policies.card_number import in_groups

segno: ModuleType | None = None
with suppress(ImportError):  # without the extra `cards`, the number alone still works at every till
    segno = import_module("segno")


@dataclass(frozen=True, slots=True)
class Card:
    """What a card page shows. `qr_path` draws the code in a box of `qr_size` units; empty without one."""

    number: str
    grouped: str
    qr_path: str = ""
    qr_size: int = 0


def get_card(number: str) -> Card:
    """Draw the card of a member number.

    A full QR code, never the Micro QR that `segno.make` chooses for so short a text: common readers can't
    read those. Four modules of white around it, as the standard asks. One path, so that it needs no style.
    """
    if segno is None:
        return Card(number, in_groups(number))
    code = segno.make_qr(number, error="m")
    size, _ = code.symbol_size(border=4)
    return Card(number, in_groups(number), _path(code), size)


def _path(code: Any) -> str:
    runs = []
    for y, row in enumerate(code.matrix_iter(border=4)):
        start = None
        for x, dark in enumerate([*row, 0]):
            if dark and start is None:
                start = x
            elif not dark and start is not None:
                runs.append(f"M{start} {y}h{x - start}v1h-{x - start}z")
                start = None
    return "".join(runs)
