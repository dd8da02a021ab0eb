"""How recurring work is cut into slots and chunks."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# A run that has shown no sign of life for this long is taken up by whoever comes by. Too short does no harm:
# two workers on one run share its chunks.
STALE_AFTER = timedelta(minutes=2)


class JobState(StrEnum):
    """Where a run stands. A failed run is over: the next one finds what it left, because it is still due."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A range of ids, both ends included, with the number of things due in it."""

    lo: int
    hi: int
    counted: int


@dataclass(frozen=True, slots=True)
class Progress:
    """What working one chunk came to."""

    done: int
    failed: int = 0
    error: str = ""


def slot_at(*, now: datetime, every: timedelta) -> str:
    """Return the name of the slot that `now` falls into; two beats within one slot mean one run.

    Time: slots are cut from UTC, so an hour that daylight saving repeats or skips is neither run twice nor
    lost.
    """
    start = EPOCH + (now - EPOCH) // every * every
    return start.strftime("%Y-%m-%dT%H:%M:%SZ")
