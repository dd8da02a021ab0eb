"""Texts as QR codes, drawn as one path each, so that they need no style and no picture."""

from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

segno: ModuleType | None = None
with suppress(ImportError):  # the extra `cards`
    segno = import_module("segno")

# Four modules of white around it, as the standard asks.
BORDER = 4


@dataclass(frozen=True, slots=True)
class Qr:
    """A drawing: `path` in a box of `size` units."""

    path: str
    size: int


def draw_qr(text: str) -> Qr | None:
    """Draw a text; None where no library is installed.

    A full QR code, never the Micro QR that `segno.make` chooses for a short text: common readers can't read
    those.
    """
    if segno is None:
        return None
    code = segno.make_qr(text, error="m")
    size, _ = code.symbol_size(border=BORDER)
    return Qr(_path(code), size)


def _path(code: Any) -> str:
    runs = []
    for y, row in enumerate(code.matrix_iter(border=BORDER)):
        start = None
        for x, dark in enumerate([*row, 0]):
            if dark and start is None:
                start = x
            elif not dark and start is not None:
                runs.append(f"M{start} {y}h{x - start}v1h-{x - start}z")
                start = None
    return "".join(runs)
