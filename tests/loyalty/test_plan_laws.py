"""Each law of paid membership bites: a row that breaks it is planted, and nothing else is found."""

from datetime import timedelta

import pytest

from backstage.operations.check import check_ledger
from loyalty.models import Award, MembershipPeriod, PaidMembership
from loyalty.operations.plans.cancelling import refund_membership
from loyalty.operations.plans.memberships import renew_membership
from tests.loyalty.plan_shop import PRICE, pay, sell
from tests.loyalty.shop import NOON, day, join, open_shop, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def books(clock):
    """Alice has paid twice, Bob was refunded in part, and both have bought something."""
    clock.move_to(day(320))
    programme = open_shop()
    plan, gold = sell(programme), sell(programme, name="Gold", price_minor=PRICE)
    alice, bob = join("alice", programme), join("bob", programme)
    first, second = pay(plan, alice), pay(plan, bob)
    renew_membership(membership_id=first.membership_id, paid_minor=PRICE, reference="R1", at=day(300))
    refund_membership(membership_id=second.membership_id, refunded_minor=100, ends_at=day(360), at=day(310))
    tell("1", at=day(1), placed_at=day(1))
    tell("2", placed_at=day(-1))
    assert broken() == set()
    return first.membership_id, second.membership_id, gold.versions.get()


def broken() -> set[str]:
    """Name the laws that are broken; that no job has made points ready here is no news."""
    wrong = {answer.invariant for answer in check_ledger().answers if not answer.is_clean}
    return wrong - {"ledger.release_is_on_time"}


def periods(membership_id, number=1):
    return MembershipPeriod.objects.filter(membership_id=membership_id, number=number)


def price(first, _second, _gold):
    periods(first).update(paid_minor=PRICE - 1)


def version(first, _second, gold):
    periods(first).update(version=gold)


def gap(first, _second, _gold):
    periods(first, 2).update(number=3)


def lasting(first, _second, _gold):
    row = periods(first).get()
    periods(first).update(perks_end_at=row.ends_at + timedelta(1))


def older_first(first, _second, _gold):
    periods(first).update(refunded_minor=1)


def over(first, _second, _gold):
    PaidMembership.objects.filter(id=first).update(ended_at=day(100), end_reason="lapsed")


def points(_first, _second, _gold):
    Award.objects.filter(purchase__reference="2").update(plan_points=1)


@pytest.mark.parametrize(
    ("plant", "law"),
    [
        (price, "plan_price_was_paid"),
        (version, "plan_period_is_of_its_plan"),
        (gap, "plan_periods_follow"),
        (lasting, "plan_benefits_end_in_order"),
        (older_first, "plan_refunds_newest_first"),
        (over, "plan_end_is_an_end"),
        (points, "plan_points_have_a_plan"),
    ],
)
def test_a_planted_row_is_found_by_its_law_alone(books, plant, law):
    plant(*books)

    assert broken() == {f"ledger.{law}"}


def test_benefits_do_not_end_early_without_a_refund(books):
    first, _second, _gold = books
    periods(first, 2).update(perks_end_at=day(400))

    assert broken() == {"ledger.plan_benefits_end_in_order"}


def test_an_end_that_nobody_writes_down_is_found_after_two_days(books, clock):
    _first, second, _gold = books
    ends_at = periods(second).get().perks_end_at

    clock.move_to(ends_at + timedelta(2))
    assert "ledger.plan_ends_are_written" not in broken()
    clock.move_to(ends_at + timedelta(2, seconds=1))

    assert "ledger.plan_ends_are_written" in broken()
    assert ends_at > NOON
