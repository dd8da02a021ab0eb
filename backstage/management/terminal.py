"""How a verb speaks to a person or to a program.

Results go to standard output, progress and complaints to standard error, so that output can be piped.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, TextIO

from django.core.management.base import OutputWrapper
from django.core.serializers.json import DjangoJSONEncoder
from tqdm import tqdm

TENTH = 10
SECONDS_BETWEEN_LINES = 30


class Terminal:
    """Standard output and standard error of one verb."""

    def __init__(
        self, *, stdout: OutputWrapper, stderr: OutputWrapper, wants_json: bool, wants_progress: bool
    ) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.wants_json = wants_json
        self.wants_progress = wants_progress

    def line(self, text: str = "") -> None:
        """Say one line to the person; silent when JSON was asked for."""
        if not self.wants_json:
            with tqdm.external_write_mode(file=_raw(self.stdout)):  # lifts a bar out of the way
                self.stdout.write(text)

    def error(self, text: str) -> None:
        """Say what went wrong and what to do."""
        self.stderr.write(text)

    def json(self, value: Any) -> None:
        """Write the result as JSON, when it was asked for."""
        if self.wants_json:
            self.stdout.write(json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2))

    @contextmanager
    def bar(self, *, label: str, total: int | None, unit: str = "") -> Iterator["ProgressBar"]:
        """Open a progress bar; on no terminal, one line per tenth of the way, or each half minute."""
        bar = ProgressBar(label=label, total=total, unit=unit, stream=self.stderr, shown=self.wants_progress)
        try:
            yield bar
        finally:
            bar.close()


class ProgressBar:
    """A bar on a terminal, a few lines in a log, nothing when nobody wants it."""

    def __init__(
        self, *, label: str, total: int | None, unit: str, stream: OutputWrapper, shown: bool
    ) -> None:
        self.label = label
        self.unit = unit
        self.total = total
        self.done = 0
        self.stream = stream
        self.tenths = 0
        self.last_line_at = monotonic()
        self.writes_lines = shown and not stream.isatty()
        # ASCII where colors are unwelcome: such a terminal or log rarely draws blocks well either.
        self.tqdm: tqdm[Any] = tqdm(
            desc=label,
            total=total,
            unit=f" {unit}" if unit else "",
            file=_raw(stream),
            ascii="NO_COLOR" in os.environ,
            mininterval=0.1,
            leave=True,
            disable=not (shown and stream.isatty()),
        )

    def advance(self, count: int) -> None:
        """Say that `count` more are done."""
        self.reach(done=self.done + count)

    def reach(self, *, done: int, total: int | None = None) -> None:
        """Say how many are done altogether."""
        if total is not None and total != self.total:
            self.total = self.tqdm.total = total
        self.tqdm.update(done - self.done)
        self.done = done
        if self.writes_lines and self.total:
            self._write_tenth(min(TENTH, self.done * TENTH // self.total))
        elif self.writes_lines and monotonic() - self.last_line_at >= SECONDS_BETWEEN_LINES:
            self._write_line(f"{self.done:,} {self.unit}".rstrip())

    def close(self) -> None:
        """Leave the last state on the screen."""
        self.tqdm.close()

    def _write_tenth(self, tenths: int) -> None:
        if tenths > self.tenths:
            self.tenths = tenths
            self._write_line(f"{tenths * TENTH} % ({self.done:,} of {self.total:,})")

    def _write_line(self, text: str) -> None:
        self.last_line_at = monotonic()
        self.stream.write(f"{self.label}: {text}")


def _raw(stream: OutputWrapper) -> TextIO:
    """Return the stream below Django's wrapper, which would end every redraw with a new line."""
    raw: TextIO = getattr(stream, "_out", sys.stderr)
    return raw
