"""The end of a programme: announced with its day, taken back until then, and brought by time."""

from datetime import date, datetime

from django.db import transaction

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, SYSTEM, By, Chunk, Progress
from loyalty.models import Announcement, Programme
from loyalty.operations.changes.notice import NoticeTooShort, announce
from loyalty.operations.changes.phases import begin_phase
from loyalty.operations.changes.stamp import lock_for_change
from loyalty.policies.calendar import end_of_day
from loyalty.policies.changes.notice import earliest_start
from loyalty.policies.changes.subjects import Subject
from loyalty.policies.programme import PROGRAMME_STEPS, ProgrammeState
from loyalty.queries.changes.announcements import has_audience


class CannotClose(ValueError):
    """A programme cannot be closed from where it is."""

    def __init__(self, *, state: ProgrammeState) -> None:
        self.state = state
        super().__init__(f"A programme that is {state.value} can't be closed. It has to be live or paused.")


def close_programme(
    *, programme_id: int, last_day: date, at: datetime | None = None, by: By = SHOP
) -> Announcement:
    """Announce the last day of a programme: nobody joins or earns from now on, points are usable until then.

    Points on their way become ready as planned, and those that would come too late at once: see
    `loyalty.operations.changes.winding_up`. It can be taken back until the day is over.
    Locks: the programme. Raises: CannotClose; NoticeTooShort where members would be told too late.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme = lock_for_change(programme_id)
        state = programme.state_at(at)
        if ProgrammeState.CLOSING not in PROGRAMME_STEPS[state]:
            raise CannotClose(state=state)
        closes_at = end_of_day(last_day, programme.zone)
        _require_notice(programme, closes_at, at)
        begin_phase(
            programme=programme,
            state=ProgrammeState.CLOSING,
            at=at,
            then=ProgrammeState.CLOSED,
            then_at=closes_at,
        )
        programme.state, programme.closes_at = ProgrammeState.CLOSING.value, closes_at
        programme.save(update_fields=["state", "closes_at"])
        announcement = announce(
            programme=programme,
            subject=Subject.CLOSING,
            before={"state": state.value},
            after={"state": ProgrammeState.CLOSED.value},
            starts_at=closes_at,
            at=at,
        )
        audit.record(
            kind="programme_closing",
            object_kind="programme",
            object_id=programme_id,
            by=by,
            at=at,
            before={"state": state.value},
            after={"closes_at": closes_at},
        )
    assert announcement is not None  # noqa: S101 (the state does change)
    return announcement


def _require_notice(programme: Programme, closes_at: datetime, at: datetime) -> None:
    days = programme.settings_history().value_at("notice_days", at)
    earliest = earliest_start(at, days, is_told=has_audience(programme=programme, at=at))
    # Without members any day will do, if it is not over.
    if closes_at < earliest or closes_at <= at:
        raise NoticeTooShort(earliest=earliest, notice_days=days if earliest > at else 0)


def keep_open(*, programme: Programme, state: ProgrammeState, at: datetime) -> None:
    """Let a programme that was to close be what it was before. The programme is locked, its day not over."""
    begin_phase(programme=programme, state=state, at=at)
    programme.state, programme.closes_at = state.value, None
    programme.save(update_fields=["state", "closes_at"])


def plan_closing(at: datetime) -> list[Chunk]:
    """Find the programmes whose last day is over by `at`, one chunk each. Queries: 1."""
    due = Programme.objects.filter(state=ProgrammeState.CLOSING.value, closes_at__lte=at)
    return [
        Chunk(programme_id, programme_id, 1)
        for programme_id in due.order_by("id").values_list("id", flat=True)
    ]


def work_closing(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Write down that time has closed a programme, in the caller's transaction."""
    programme = lock_for_change(chunk.lo)
    if programme.state != ProgrammeState.CLOSING or programme.state_at(at) is not ProgrammeState.CLOSED:
        return Progress(done=0)
    programme.state = ProgrammeState.CLOSED.value
    programme.save(update_fields=["state"])
    audit.record(
        kind="programme_state",
        object_kind="programme",
        object_id=programme.pk,
        by=SYSTEM,
        at=at,
        before={"state": ProgrammeState.CLOSING.value},
        after={"state": ProgrammeState.CLOSED.value},
    )
    return Progress(done=1)
