"""The jobs of commerce."""

from collections.abc import Sequence
from datetime import datetime

from backstage.policies import Chunk, Progress
from commerce.operations.reactions import list_due, settle_range

# What one run takes up; the next one begins a minute later.
MOST_DUE = 20_000
CHUNK = 500


def plan_settling(at: datetime) -> Sequence[Chunk]:
    """Cut the purchases that some app may not have caught up with into ranges of ids."""
    due = list_due(at=at, limit=MOST_DUE)
    parts = [due[start : start + CHUNK] for start in range(0, len(due), CHUNK)]
    return [Chunk(lo=part[0], hi=part[-1], counted=len(part)) for part in parts]


def work_settling(chunk: Chunk, at: datetime, _chunk_id: int) -> Progress:
    """Let the apps catch up with one range of purchases; what has been marked there since comes next time."""
    settled = settle_range(at=at, lo=chunk.lo, hi=chunk.hi, limit=CHUNK)
    return Progress(done=settled.forgotten, failed=settled.failed, error=settled.error)
