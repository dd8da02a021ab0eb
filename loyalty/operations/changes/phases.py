"""The states that a programme has been in, is in, and is to be in."""

from datetime import datetime

from django.db.models import Q

from loyalty.models import Programme, ProgrammePhase
from loyalty.policies.programme import ProgrammeState


def begin_phase(
    *,
    programme: Programme,
    state: ProgrammeState,
    at: datetime,
    then: ProgrammeState | None = None,
    then_at: datetime | None = None,
) -> None:
    """Begin a state at `at`, and with `then` the one that follows it by itself; the programme is locked.

    What was to follow the state of before has never been, and goes.
    """
    phases = ProgrammePhase.objects.filter(programme=programme)
    phases.filter(starts_at__gte=at).delete()
    phases.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at)).update(ends_at=at)
    ProgrammePhase.objects.create(programme=programme, state=state.value, starts_at=at, ends_at=then_at)
    if then is not None and then_at is not None:
        ProgrammePhase.objects.create(programme=programme, state=then.value, starts_at=then_at)
