"""A file of rows, read as a stream: plain or gzip, from the disk or from standard input."""

import csv
import gzip
import hashlib
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

GZIP_MAGIC: Final = b"\x1f\x8b"
LONGEST_LINE: Final = 1 << 20
STANDARD_INPUT: Final = "-"
DELIMITERS: Final = (",", ";", "\t")


class SourceError(Exception):
    """The file cannot be read any further. What was read and stored before stays."""


# One row of the file: the line it starts on, its cells, and what is wrong with it before anybody asks what it
# means. A plain tuple: there is one for each of some hundred thousand lines.
Row = tuple[int, list[str], str]


class Source:
    """An opened file: `names` of its columns, then `rows()`.

    Only one line is held at a time. `position()` is in bytes of the file as it lies on the disk, packed or
    not.
    """

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        is_gzip = packed.peek(2)[:2] == GZIP_MAGIC  # type: ignore[attr-defined]
        self._plain: Any = gzip.GzipFile(fileobj=packed) if is_gzip else packed
        self._broken: dict[int, str] = {}
        self._line = 0
        lines = self._lines()
        first = next(lines, "")
        if not first.strip():
            raise SourceError("The file is empty. Its first line must name the columns, separated by commas.")
        delimiter = max(DELIMITERS, key=first.count)
        self.names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter))]
        # Strict, because a quote that is never closed would otherwise swallow all the rows behind it in
        # silence.
        self._reader = csv.reader(lines, delimiter=delimiter, strict=True)

    def position(self) -> int:
        """Return how many bytes of the file were taken; 0 where it cannot be told."""
        return self._packed.tell() if self._packed.seekable() else 0

    def rows(self) -> Iterator[Row]:
        """Yield every row but blank ones, in the order of the file.

        Raises: SourceError where the rest of the file cannot be read.
        """
        while True:
            start = self._line + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield start, [], self._explain(start, error)
                continue
            if cells:
                yield start, cells, self._find_fault(start, cells) if self._is_odd(cells) else ""

    def _is_odd(self, cells: list[str]) -> bool:
        return len(cells) != len(self.names) or bool(self._broken)

    def _find_fault(self, start: int, cells: list[str]) -> str:
        for line in [line for line in self._broken if line <= self._line]:
            fault = self._broken.pop(line)
            if line >= start:
                return fault
        if len(cells) != len(self.names):
            return (
                f"It has {len(cells)} columns, the first line of the file names {len(self.names)}. "
                f"Put text that holds the separator between double quotes."
            )
        return ""

    def _explain(self, start: int, error: csv.Error) -> str:
        if "end of data" in str(error) or "field limit" in str(error):
            raise SourceError(
                f"Line {start}: a double quote is opened and never closed, so that everything behind it "
                f"would be one row. Close it, or double it where it is part of the text."
            ) from error
        return f"Its quotes cannot be understood ({error}). Double a quote that is part of the text."

    def _lines(self) -> Iterator[str]:
        read = partial(self._plain.readline, LONGEST_LINE + 1)
        try:
            for line in iter(read, b""):
                self._line += 1
                yield self._decode(line)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise SourceError(
                f"The packed file ends or breaks behind line {self._line} ({error}). It was probably not "
                f"copied completely: get it again."
            ) from error

    def _decode(self, line: bytes) -> str:
        if len(line) > LONGEST_LINE:
            raise SourceError(f"Line {self._line} is longer than a million bytes: this is no file of rows.")
        try:
            text = line.decode("utf-8-sig" if self._line == 1 else "utf-8")
        except UnicodeDecodeError as error:
            self._broken[self._line] = (
                f"It is not UTF-8 (byte {error.start + 1} of the line). "
                f"Save the file with the encoding UTF-8."
            )
            text = line.decode(errors="replace")
        if "\x00" in text:
            self._broken[self._line] = "It holds a NUL byte. Save the file as plain text in UTF-8."
            text = text.replace("\x00", "")
        return text


@contextmanager
def open_source(name: str) -> Iterator[Source]:
    """Open a file, or standard input for "-".

    Raises: SourceError.
    """
    if name == STANDARD_INPUT:
        yield Source(sys.stdin.buffer)
        return
    try:
        with Path(name).open("rb") as packed:
            yield Source(packed)
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror or error}.") from error


def make_fingerprint(name: str) -> str:
    """Return the digest of a file's bytes; empty for standard input, which can be read only once.

    Raises: SourceError.
    """
    if name == STANDARD_INPUT:
        return ""
    try:
        with Path(name).open("rb") as packed:
            return hashlib.file_digest(packed, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror or error}.") from error


def find_columns(names: Sequence[str], *, needed: Sequence[str], spelled: Callable[[str], str]) -> list[int]:
    """Return the positions of the `needed` columns, however they are capitalized.

    Raises: SourceError naming those that are missing.
    """
    places = {spelled(name): place for place, name in enumerate(names)}
    missing = [name for name in needed if spelled(name) not in places]
    if missing:
        raise SourceError(
            f"The first line does not name the columns {', '.join(missing)}. It names: {', '.join(names)}."
        )
    return [places[spelled(name)] for name in needed]
