"""The settings of a programme that are about value, as they hold at a moment: before, now, and announced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# What members lose or gain by when it changes. The rest of a programme's row holds once it is saved.
VALUE_SETTINGS = (
    "worth_points",
    "worth_minor",
    "reprieve_days",
    "debt_policy",
    "combination",
    "notice_days",
)


@dataclass(frozen=True, slots=True)
class Worth:
    """So many points are worth so many minor units of the programme's currency."""

    points: int
    minor: int

    def of(self, points: int) -> int:
        """Give what points are worth in whole minor units; a part of one is lost."""
        return points * self.minor // self.points


@dataclass(frozen=True, slots=True)
class SettingsHistory:
    """The settings as last written down, what they were before, and what they become.

    `former` is oldest first: pairs of a moment, in ISO format, and what changed then with the values of
    before. `coming` holds from `coming_at` on, whether or not a job has written it down.
    """

    written: Mapping[str, Any]
    former: Sequence[tuple[str, Mapping[str, Any]]] = ()
    coming: Mapping[str, Any] | None = None
    coming_at: datetime | None = None

    def value_at(self, name: str, at: datetime) -> Any:
        """Give the value of one setting at a moment."""
        if self.coming and self.coming_at is not None and self.coming_at <= at and name in self.coming:
            return self.coming[name]
        for until, values in self.former:
            if name in values and at < datetime.fromisoformat(until):
                return values[name]
        return self.written[name]

    def worth_at(self, at: datetime) -> Worth:
        """Give what points are worth at a moment."""
        return Worth(self.value_at("worth_points", at), self.value_at("worth_minor", at))
