"""Give a command as somebody in a shell does."""

import io
import json
from dataclasses import dataclass
from typing import Any

from django.core.management import call_command


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command left: its exit code, and what it said on both ways."""

    code: int
    said: str
    complained: str

    @property
    def result(self) -> dict[str, Any]:
        """What it said as JSON."""
        return json.loads(self.said)


def encore(*arguments: object) -> Answer:
    """Run `manage.py encore …`."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command("encore", *map(str, arguments), "--no-progress", stdout=out, stderr=err)
    except SystemExit as stop:
        code = int(stop.code or 0)
    return Answer(code, out.getvalue(), err.getvalue())
