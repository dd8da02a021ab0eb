"""How soon a source may try another code: a bucket of tries that fills again by itself.

The whole bucket is one moment, `free_at`, when all tries are made good again. Each wrong one moves it on by
one interval; whoever is a whole bucket ahead of the clock has to wait.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many tries at once, and one more after each interval."""

    tries: int
    interval: timedelta

    def wait(self, *, free_at: datetime, at: datetime) -> timedelta:
        """Give how long a source has to wait before the next try; nothing where it may."""
        return max(timedelta(), free_at - at - (self.tries - 1) * self.interval)

    def after_a_try(self, *, free_at: datetime, at: datetime) -> datetime:
        """Give the moment when all tries are made good again, after one more."""
        return max(free_at, at) + self.interval
