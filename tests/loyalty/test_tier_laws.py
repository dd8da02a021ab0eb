"""The laws of levels bite: each is shown by a row that breaks it. And two who find one rise write it once."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest
from django.db import connection

from backstage.operations.check import check_ledger
from commerce.operations.sync import sync_purchases
from commerce.policies.snapshot import Snapshot, Who
from loyalty.models import Member, TierHolding, TierScheme
from loyalty.operations import awards as awards_module
from loyalty.operations.awards import settle_awards
from tests.loyalty.levels import level_ids, switch_on
from tests.loyalty.shop import NOON, day, goods, join, open_shop, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def programme():
    return open_shop(enrolment="automatic")


@pytest.fixture
def alice(programme, clock):
    """She has Gold since noon."""
    clock.move_to(day(2))
    switch_on(programme)
    member = join("alice", programme)
    tell("1", goods(sold_minor=100_000))
    assert broken() == []
    return member


def broken() -> list[str]:
    return [finding.detail for finding in check_ledger().findings]


def plant(member: Member, **fields) -> TierHolding:
    told = {"level_id": level_ids(TierScheme.objects.get())["Silver"], "tests_on": date(2027, 3, 3)}
    return TierHolding.objects.create(
        **{"member": member, "begins_at": day(-9), "begin_reason": "reached", **told, **fields}
    )


def test_two_levels_at_once_are_found(alice):
    second = TierHolding.objects.get()
    plant(alice, ends_at=day(1), end_reason="reached")

    assert broken() == [f"level {second.id} of member {alice.id} began before the one before it had ended"]


def test_a_level_that_was_kept_without_one_before_it_is_found(alice):
    planted = plant(alice, begin_reason="kept", ends_at=day(-8), end_reason="fell")

    assert broken() == [f"level {planted.id} of member {alice.id} was kept or fallen to, and none ended then"]


def test_a_level_that_the_programme_never_had_is_found(alice):
    TierHolding.objects.update(level_id=99)

    assert broken() == [f"member {alice.id} has level 99, which the programme never had"]


def test_a_level_that_would_never_be_tested_is_found(alice):
    TierHolding.objects.update(tests_on=None)

    assert broken() == [f"level {TierHolding.objects.get().id} of member {alice.id} would never be tested"]


def test_a_level_of_somebody_who_was_merged_is_found(alice, programme):
    bob = join("bob", programme)
    Member.objects.filter(id=alice.id).update(merged_into=bob)

    assert broken() == [
        f"member {alice.id} was merged into {bob.id} and still has level {TierHolding.objects.get().id}"
    ]


def test_a_test_that_nobody_writes_down_is_late_and_not_wrong(alice, clock):
    clock.move_to(day(365 + 30 + 4))

    late = [one for one in check_ledger().findings if one.invariant == "ledger.levels_are_tested_on_time"]

    assert [one.detail for one in late] == [
        f"level {TierHolding.objects.get().id} should have been tested on 2027-03-03"
    ]


# -- many at once --------------------------------------------------------------------------------------------

AT_ONCE = 4


def race(*racers: Callable[[], object]) -> list[object]:
    """Run all together, each in a thread with a connection of its own; give results or errors."""
    start = Barrier(AT_ONCE)

    def run_one(racer: Callable[[], object]) -> object:
        start.wait(timeout=30)
        try:
            return racer()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run_one, racers))


@pytest.fixture
def settlements(transactional_db, clock):
    """Orders of one member, each of which reaches Gold; they wait for their points."""
    clock.move_to(day(2))
    programme = open_shop(enrolment="automatic")
    switch_on(programme)
    join("alice", programme)
    told = [
        Snapshot(
            channel="web",
            reference=str(number),
            as_of=NOON,
            who=Who(external_id="alice"),
            currency="EUR",
            placed_at=NOON - timedelta(hours=number),
            lines=(goods(sold_minor=100_000),),
        )
        for number in range(AT_ONCE)
    ]
    ids = [outcome.purchase_id for outcome in sync_purchases(told, at=NOON)]
    return [lambda one=one: settle_awards(purchase_ids=[one], at=NOON) for one in ids]


@pytest.mark.django_db(transaction=True)
def test_orders_that_reach_a_level_side_by_side_raise_it_once(settlements):
    results = race(*settlements)

    assert Counter(map(repr, results)) == {"1": AT_ONCE}
    assert TierHolding.objects.count() == 1


if connection.vendor == "postgresql":  # SQLite has one writer at a time: there is no lock to take away

    @pytest.mark.django_db(transaction=True)
    def test_control_without_the_lock_the_database_refuses_the_second_level(settlements, monkeypatch):
        together = Barrier(AT_ONCE)
        settle = awards_module.settle_levels

        def settle_together(**told):
            together.wait(timeout=30)
            return settle(**told)

        with monkeypatch.context() as without:
            without.setattr(awards_module, "lock_accounts", lambda member_ids: None)
            without.setattr(awards_module, "post", lambda requests, **told: [])
            without.setattr(awards_module, "settle_levels", settle_together)
            results = race(*settlements)

        assert "IntegrityError" in {type(result).__name__ for result in results}
        assert TierHolding.objects.count() == 1
