"""A job that can be watched: each id it works becomes an audit record, so nothing done twice goes unseen."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from backstage import registry
from backstage.models import AuditRecord
from backstage.operations import audit
from backstage.policies import SYSTEM, Chunk, Progress
from backstage.registry import AuditKind, Job

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
SLOT = "2026-03-03T12:00:00Z"


class Counting:
    """The job `count`: due are the ids from 1 to `due` that no record names yet, `size` to a chunk."""

    def __init__(self, *, due: int = 6, size: int = 2) -> None:
        self.due = due
        self.size = size
        self.before_work: Callable[[Chunk], None] = lambda chunk: None
        self.job = Job(
            name="count",
            every=timedelta(hours=1),
            plan=self.plan,
            work=self.work,
            note="counts for the tests",
        )

    def plan(self, at: datetime) -> list[Chunk]:
        left = [number for number in range(1, self.due + 1) if number not in self.worked()]
        shares = [left[start : start + self.size] for start in range(0, len(left), self.size)]
        return [Chunk(share[0], share[-1], len(share)) for share in shares]

    def work(self, chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
        numbers = [number for number in range(chunk.lo, chunk.hi + 1) if number not in self.worked()]
        for number in numbers:
            audit.record(kind="counted", object_kind="number", object_id=number, by=SYSTEM, at=at)
        self.before_work(chunk)
        return Progress(done=len(numbers))

    def worked(self) -> Counter[int]:
        """Return how often each id was worked."""
        numbers = AuditRecord.objects.filter(kind="counted").values_list("object_id", flat=True)
        return Counter(map(int, numbers))


@pytest.fixture(autouse=True)
def own_doors(monkeypatch):
    """Leave the doors of the process as they were."""
    for door in (registry.jobs, registry.audit_kinds, registry.invariants, registry.approval_kinds):
        monkeypatch.setattr(door, "_things", dict(door._things))
        monkeypatch.setattr(door, "duplicates", [])


@pytest.fixture
def counting() -> Counting:
    counting = Counting()
    registry.jobs.register("count", counting.job)
    registry.audit_kinds.register("counted", AuditKind(name="counted", sentence="%(by)s counted %(object)s"))
    return counting


def at_once(*deeds: Callable[[], object]) -> list[object]:
    """Do several things at the same time, each on its own connection."""

    def alone(deed: Callable[[], object]) -> object:
        try:
            return deed()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(alone, deed) for deed in deeds]]
