"""Jobs that are late by a random time change no balance and no date."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty.models import Lot, Movement
from loyalty.policies.errors import LedgerRefusal
from tests.factories.loyalty import MemberFactory
from tests.loyalty.ledger import deeds
from tests.loyalty.ledger.deeds import day

pytestmark = pytest.mark.django_db

LAST_DAY = 40
days = st.integers(0, LAST_DAY)
points = st.integers(1, 6)

# A deed at a day: what is done, to how many points, and the days from then on that it names.
plans = st.lists(
    st.tuples(days, st.sampled_from(["earn", "give", "hold", "spend", "return"]), points, st.integers(0, 15)),
    max_size=8,
)


def carry_out(member, at: int, what: str, count: int, span: int) -> None:
    deeds_of: dict[str, Callable[[], object]] = {
        "earn": lambda: deeds.earn(
            member, count, at=day(at), ready_at=day(at + span), ends_at=day(at + span + 9), purchase=1
        ),
        "give": lambda: deeds.give(member, count, at=day(at), ends_at=day(at + span + 1)),
        "hold": lambda: deeds.hold(member, count, at=day(at), until=day(at + span + 1)),
        "spend": lambda: deeds.capture(member, deeds.hold(member, count, at=day(at)), at=day(at)),
        "return": lambda: deeds.return_points(member, count, at=day(at)),
    }
    with suppress(LedgerRefusal):
        deeds_of[what]()


def written(member) -> list[tuple]:
    """Every movement, with its lot named by its place in the member's life instead of by its id."""
    order = {lot_id: number for number, lot_id in enumerate(lot_ids(member))}
    rows = Movement.objects.filter(member=member).values_list(
        "lot_id", "from_state", "to_state", "points", "effective_at"
    )
    return sorted((order[lot_id], *row) for lot_id, *row in rows)


def lot_ids(member) -> list[int]:
    return list(Lot.objects.filter(member=member).order_by("id").values_list("id", flat=True))


@settings(
    max_examples=20,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(plan=plans, runs=st.sets(days, max_size=3))
def test_a_member_whose_jobs_are_late_has_the_balances_of_one_whose_jobs_run_daily(programme, plan, runs):
    punctual, late = (MemberFactory(programme=programme) for _ in range(2))

    for today in range(LAST_DAY + 1):
        for at, what, count, span in plan:
            if at == today:
                carry_out(punctual, at, what, count, span)
                carry_out(late, at, what, count, span)
        deeds.settle(punctual, at=day(today))
        if today in runs:
            deeds.settle(late, at=day(today))

    for moment in (day(number) + timedelta(hours=1) for number in range(-1, LAST_DAY + 1)):
        assert deeds.points_of(late, moment) == deeds.points_of(punctual, moment)
    deeds.settle(late, at=day(LAST_DAY))
    assert written(late) == written(punctual)
