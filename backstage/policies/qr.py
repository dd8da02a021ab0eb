"""A QR code as one path, so that it needs no picture file, no style and no script."""

from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import Any

segno: ModuleType | None = None
with suppress(ImportError):  # without the extra `cards`, what is written beside the code is enough
    segno = import_module("segno")


def draw_qr(text: str) -> tuple[str, int]:
    """Return the path of a QR code, and the side of the square that it stands in; "" and 0 without segno.

    A full QR code, never the Micro QR that `segno.make` chooses for so short a text: common readers can't
    read those. Four modules of white around it, as the standard asks.
    """
    if segno is None:
        return "", 0
    code = segno.make_qr(text, error="m")
    size, _ = code.symbol_size(border=4)
    return _path(code), int(size)


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
