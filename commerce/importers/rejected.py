"""The file of rows that were not taken: the same columns, the line and the reason. Corrected, it is imported
as it is."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from commerce.importers.encore_csv import OF_REJECTED
from commerce.importers.source import Row, SourceError
from commerce.policies.card_numbers import has_card_number

HIDDEN: Final = "(hidden: it looks like a card number)"


class RejectedRows:
    """Writes rejected rows; there is no file until there is one.

    A batch's rows are on the disk before the batch is committed, and `size` is stored with it: what a killed
    import wrote beyond it is cut off when it goes on.
    """

    def __init__(self, path: Path, names: Sequence[str], *, size: int) -> None:
        self.path = path
        self.names = [name for name in names if name.lower() not in OF_REJECTED]
        self._places = [place for place, name in enumerate(names) if name.lower() not in OF_REJECTED]
        self.size = self.cut_back(size=size)

    def write(self, rejected: Sequence[tuple[Row, str]]) -> None:
        """Append rows in the order of the file and wait until they are on the disk.

        Raises: SourceError where they cannot be written.
        """
        if not rejected:
            return
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if self.size == 0:
            writer.writerow([*self.names, *OF_REJECTED])
        for (line, cells, _), reason in sorted(rejected, key=lambda item: item[0][0]):
            shown = [cells[place] if place < len(cells) else "" for place in self._places]
            writer.writerow([*map(_hide_card_number, shown), line, reason])
        try:
            with self.path.open("ab" if self.size else "wb") as file:
                self.size += file.write(text.getvalue().encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SourceError(
                f"Rejected rows cannot be written to {self.path}: {error.strerror}. Choose another place "
                f"with --rejected FILE."
            ) from error

    def cut_back(self, *, size: int) -> int:
        """Cut off what was written for a batch that was not stored after all; return how much is left."""
        try:
            if size and self.path.exists() and self.path.stat().st_size >= size:
                os.truncate(self.path, size)
                self.size = size
            else:
                self.size = 0  # nothing counts, or somebody took the file away: the next row begins a new one
        except OSError as error:
            raise SourceError(f"{self.path} cannot be written: {error.strerror}.") from error
        return self.size


def _hide_card_number(text: str) -> str:
    return HIDDEN if has_card_number(text) else text
