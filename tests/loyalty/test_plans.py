"""Paid membership: what is paid for lasts as long as was said, whatever comes late, twice or at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from backstage.models import AuditRecord
from backstage.operations.check import check_ledger
from backstage.operations.jobs import run_job
from backstage.policies import SHOP
from commerce.operations.customers import merge_customers, unmerge_customer
from loyalty.models import Entry, MembershipPeriod, PaidMembership, Plan, PlanVersion
from loyalty.operations.members import pause
from loyalty.operations.plans import memberships as memberships_module
from loyalty.operations.plans import rows as rows_module
from loyalty.operations.plans.cancelling import (
    OverRefund,
    RefundShrank,
    cancel_membership,
    keep_membership,
    refund_membership,
)
from loyalty.operations.plans.memberships import (
    MembershipRuns,
    PaymentReused,
    PlanNotSold,
    TrialUsed,
    WrongPrice,
    renew_membership,
    start_membership,
    start_trial,
)
from loyalty.operations.plans.offers import (
    PlanStepRefused,
    change_plan,
    close_plan,
    create_plan,
    discard_plan,
    end_plan,
    switch_on_plan,
)
from loyalty.operations.plans.rows import MembershipCancelled, MembershipOver
from loyalty.operations.programme import change_state
from loyalty.policies.basket import Basket, BasketLine
from loyalty.policies.programme import ProgrammeState
from loyalty.queries.plans.memberships import find_held, find_plan, list_perks
from loyalty.queries.plans.renewals import list_due_renewals
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.quote import quote
from loyalty.queries.why import why
from tests.loyalty.plan_shop import PRICE, pay, sell
from tests.loyalty.shop import NOON, OPENED, award, day, goods, join, open_shop, tell

pytestmark = pytest.mark.django_db

# Joined on 3 March 2026 in Oslo: the year ends with 3 March 2027, grace a week later.
YEAR_ENDS = datetime(2027, 3, 3, 23, tzinfo=UTC)
GRACE_ENDS = datetime(2027, 3, 10, 23, tzinfo=UTC)


@pytest.fixture
def programme():
    return open_shop()


@pytest.fixture(autouse=True)
def books_are_right(db, clock):
    clock.move_to(day(400))
    yield
    wrong = [answer for answer in check_ledger().answers if not answer.liveness and answer.findings]
    assert wrong == []


def in_plan(member, at) -> bool:
    rules = get_programme_rules(member.programme_id)
    return find_plan(rules, member_id=member.id, at=at) is not None


def held(member):
    return find_held(get_programme_rules(member.programme_id), member_id=member.id)


def renew(membership_id, at, *, reference="again", paid_minor=PRICE):
    return renew_membership(membership_id=membership_id, paid_minor=paid_minor, reference=reference, at=at)


def rows():
    """Give all that is stored about who has paid for what."""
    return list(PaidMembership.objects.order_by("id").values()), list(
        MembershipPeriod.objects.order_by("id").values()
    )


# -- paying --------------------------------------------------------------------------------------------------


def test_a_payment_lasts_to_the_end_of_its_local_day_and_grace_is_a_part_of_it(programme):
    plan, alice = sell(programme), join("alice", programme)

    paid = pay(plan, alice)

    assert (paid.starts_at, paid.ends_at, paid.perks_end_at) == (NOON, YEAR_ENDS, GRACE_ENDS)
    assert [
        in_plan(alice, at)
        for at in (
            NOON - timedelta(seconds=1),
            NOON,
            YEAR_ENDS,
            GRACE_ENDS - timedelta(seconds=1),
            GRACE_ENDS,
        )
    ] == [False, True, True, True, False]


@pytest.mark.parametrize("paid_minor", [PRICE - 1, PRICE + 1, 29, 290_000])
def test_anything_but_the_price_is_refused_with_both_amounts(programme, paid_minor):
    plan, alice = sell(programme), join("alice", programme)

    with pytest.raises(WrongPrice) as refusal:
        pay(plan, alice, paid_minor=paid_minor)

    assert (refusal.value.paid_minor, refusal.value.price_minor) == (paid_minor, PRICE)
    assert rows() == ([], [])


def test_the_price_is_that_of_the_version_that_was_sold_at_the_moment_of_the_payment(programme):
    plan, alice, bob = sell(programme), join("alice", programme), join("bob", programme)
    change_plan(plan_id=plan.id, terms={"price_minor": 3900, "factor": Decimal(3)}, at=day(2))

    old, new = pay(plan, alice, at=day(1)), pay(plan, bob, at=day(2), paid_minor=3900)

    assert [held(member).offer.percent for member in (alice, bob)] == [200, 300]
    with pytest.raises(WrongPrice):
        renew(old.membership_id, day(300))
    assert renew(old.membership_id, day(300), paid_minor=3900).starts_at == old.ends_at
    assert new.membership_id != old.membership_id


def test_a_payment_that_is_told_twice_counts_once(programme):
    plan, alice = sell(programme), join("alice", programme)
    first = pay(plan, alice, reference="P1")

    again = pay(plan, alice, at=day(3), reference="P1")

    assert again == type(first)(first.membership_id, NOON, YEAR_ENDS, GRACE_ENDS, is_replay=True)
    assert MembershipPeriod.objects.count() == 1
    bob = join("bob", programme)
    before = rows()
    with pytest.raises(PaymentReused):
        pay(plan, bob, reference="P1")
    assert rows() == before


@pytest.mark.parametrize("reference", ["", "  ", "x" * 101])
def test_a_payment_needs_a_number(programme, reference):
    plan, alice = sell(programme), join("alice", programme)

    with pytest.raises(ValueError, match="reference"):
        start_membership(member_id=alice.id, plan_id=plan.id, paid_minor=PRICE, reference=reference, at=NOON)

    assert rows() == ([], [])


def test_who_is_in_a_plan_renews_it_and_does_not_start_another(programme):
    plan, other = sell(programme), sell(programme, name="Gold")
    alice = join("alice", programme)
    pay(plan, alice)
    before = rows()

    for wanted in (plan, other):
        with pytest.raises(MembershipRuns, match="renew_membership"):
            pay(wanted, alice, at=day(10))

    assert rows() == before


@pytest.mark.parametrize(
    "prepare",
    [
        lambda programme, plan, member: close_plan(plan_id=plan.id, at=day(-1)),
        lambda programme, plan, member: end_plan(plan_id=plan.id, at=day(-1)),
        lambda programme, plan, member: pause(member_id=member.id, at=day(-1)),
        lambda programme, plan, member: change_state(
            programme_id=programme.id, state=ProgrammeState.PAUSED, at=day(-1)
        ),
    ],
)
def test_what_is_not_sold_to_a_member_is_refused(programme, prepare):
    plan, alice = sell(programme, trial_days=14), join("alice", programme)
    prepare(programme, plan, alice)

    with pytest.raises(PlanNotSold):
        pay(plan, alice)
    with pytest.raises(PlanNotSold):
        start_trial(member_id=alice.id, plan_id=plan.id, at=NOON)

    assert rows() == ([], [])


# -- renewing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "at", [day(300), YEAR_ENDS - timedelta(1), YEAR_ENDS, GRACE_ENDS - timedelta(seconds=1)]
)
def test_a_renewal_begins_where_the_last_period_ends_paid_early_or_in_grace(programme, at):
    plan, alice = sell(programme), join("alice", programme)
    first = pay(plan, alice)

    second = renew(first.membership_id, at)

    assert (second.starts_at, second.ends_at) == (YEAR_ENDS, datetime(2028, 3, 3, 23, tzinfo=UTC))
    assert in_plan(alice, YEAR_ENDS)
    assert in_plan(alice, GRACE_ENDS)
    # What was of grace is not counted twice.
    assert MembershipPeriod.objects.get(number=1).perks_end_at == YEAR_ENDS


def test_months_are_counted_from_the_anchor(programme):
    plan, alice = sell(programme, months=1), join("alice", programme)
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    paid = [pay(plan, alice, at=at)]

    for number in range(3):
        paid.append(renew(paid[0].membership_id, paid[-1].ends_at, reference=f"R{number}"))

    last_days = [(one.ends_at - timedelta(hours=3)).date() for one in paid]
    assert last_days == [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31)]


def test_after_grace_only_a_new_start_is_possible(programme):
    plan, alice = sell(programme), join("alice", programme)
    first = pay(plan, alice)
    before = rows()

    with pytest.raises(MembershipOver, match="lapsed"):
        renew(first.membership_id, GRACE_ENDS)

    assert rows() == before
    # Nobody has to wait for the job.
    assert pay(plan, alice, at=GRACE_ENDS).starts_at == GRACE_ENDS
    ended = PaidMembership.objects.get(id=first.membership_id)
    assert (ended.ended_at, ended.end_reason) == (GRACE_ENDS, "lapsed")


def test_a_payment_in_time_that_is_told_after_the_job_leaves_no_gap(programme):
    plan, alice = sell(programme), join("alice", programme)
    first = pay(plan, alice)
    run_job(name="renew_memberships", at=GRACE_ENDS + timedelta(1))
    assert PaidMembership.objects.get().end_reason == "lapsed"

    second = renew(first.membership_id, GRACE_ENDS - timedelta(hours=1))

    assert second.starts_at == YEAR_ENDS
    assert (PaidMembership.objects.get().ended_at, PaidMembership.objects.get().end_reason) == (None, "")


def test_nobody_pays_for_more_than_one_period_ahead(programme):
    plan, alice = sell(programme), join("alice", programme)
    first = pay(plan, alice)
    renew(first.membership_id, day(300), reference="R1")
    before = rows()

    with pytest.raises(MembershipRuns, match="paid for already"):
        renew(first.membership_id, day(301), reference="R2")

    assert rows() == before


def test_the_shop_is_told_whom_to_charge_how_much(programme):
    plan = sell(programme, trial_days=14)
    names = ("alice", "bob", "carol", "dave", "erin")
    alice, bob, carol, dave, erin = (join(name, programme) for name in names)
    paid = {member.id: pay(plan, member, at=day(number)) for number, member in enumerate((alice, bob, carol))}
    pay(plan, dave, at=day(100))
    cancel_membership(membership_id=paid[bob.id].membership_id, at=day(200))
    renew(paid[carol.id].membership_id, day(364), reference="R1")
    start_trial(member_id=erin.id, plan_id=plan.id, at=day(355))

    due = list_due_renewals(programme_id=programme.id, before=timedelta(7), at=day(363))

    assert [(one.member_id, one.price_minor, one.currency, one.is_after_trial) for one in due] == [
        (alice.id, PRICE, "EUR", False),
        (erin.id, PRICE, "EUR", True),
    ]
    assert (due[0].ends_at, due[0].perks_end_at) == (YEAR_ENDS, GRACE_ENDS)
    assert [one.member_id for one in list_due_renewals(programme_id=programme.id, at=day(366))] == [alice.id]
    assert list_due_renewals(programme_id=programme.id, at=day(363)) == []


# -- trials --------------------------------------------------------------------------------------------------


def test_a_trial_ends_by_itself_without_grace_and_is_there_once(programme):
    plan, other = sell(programme, trial_days=14), sell(programme, name="Gold", trial_days=30)
    alice = join("alice", programme)

    trial = start_trial(member_id=alice.id, plan_id=plan.id, at=NOON)

    assert (trial.ends_at, trial.perks_end_at) == (datetime(2026, 3, 17, 23, tzinfo=UTC),) * 2
    assert start_trial(member_id=alice.id, plan_id=plan.id, at=day(2)).is_replay
    with pytest.raises(MembershipRuns):
        start_trial(member_id=alice.id, plan_id=other.id, at=day(2))
    for again in (plan, other):
        with pytest.raises(TrialUsed):
            start_trial(member_id=alice.id, plan_id=again.id, at=day(30))
    assert PaidMembership.objects.count() == 1


def test_what_is_paid_during_a_trial_goes_on_when_it_is_over(programme):
    plan, alice, bob = sell(programme, trial_days=14), join("alice", programme), join("bob", programme)
    trials = [start_trial(member_id=member.id, plan_id=plan.id, at=NOON) for member in (alice, bob)]

    by_start = pay(plan, alice, at=day(5))
    by_renewal = renew(trials[1].membership_id, day(5))

    ends_at = datetime(2027, 3, 17, 23, tzinfo=UTC)
    for trial, paid in zip(trials, (by_start, by_renewal), strict=True):
        assert paid.membership_id == trial.membership_id
        assert (paid.starts_at, paid.ends_at) == (trial.ends_at, ends_at)
    assert in_plan(alice, trials[0].ends_at)


def test_a_plan_without_a_trial_has_none(programme):
    plan, alice = sell(programme), join("alice", programme)

    with pytest.raises(PlanNotSold, match="no trial"):
        start_trial(member_id=alice.id, plan_id=plan.id, at=NOON)

    assert rows() == ([], [])


# -- cancelling and refunds ----------------------------------------------------------------------------------


def test_who_cancels_keeps_what_was_paid_for_and_can_take_it_back(programme):
    plan, alice = sell(programme), join("alice", programme)
    paid = pay(plan, alice)

    cancel_membership(membership_id=paid.membership_id, at=day(10))
    cancel_membership(membership_id=paid.membership_id, at=day(11))

    assert held(alice).membership.cancelled_at == day(10)
    assert (in_plan(alice, YEAR_ENDS - timedelta(1)), in_plan(alice, YEAR_ENDS)) == (True, False)
    with pytest.raises(MembershipCancelled, match="keep_membership"):
        renew(paid.membership_id, day(300))
    with pytest.raises(MembershipRuns, match="cancelled"):
        pay(plan, alice, at=day(300))

    keep_membership(membership_id=paid.membership_id, at=day(20))
    keep_membership(membership_id=paid.membership_id, at=day(21))

    assert held(alice).membership.cancelled_at is None
    assert held(alice).last.perks_end_at == GRACE_ENDS
    assert renew(paid.membership_id, day(300)).starts_at == YEAR_ENDS


def test_who_cancels_in_grace_has_nothing_left_and_nothing_to_take_back(programme):
    plan, alice = sell(programme), join("alice", programme)
    paid = pay(plan, alice)
    at = YEAR_ENDS + timedelta(2)

    cancel_membership(membership_id=paid.membership_id, at=at)

    assert (in_plan(alice, at - timedelta(seconds=1)), in_plan(alice, at)) == (True, False)
    with pytest.raises(MembershipOver):
        keep_membership(membership_id=paid.membership_id, at=at)
    with pytest.raises(MembershipOver):
        renew(paid.membership_id, at)
    run_job(name="renew_memberships", at=at)
    assert PaidMembership.objects.get().end_reason == "cancelled"


def test_a_refund_ends_the_benefits_at_once_or_on_a_day_and_nothing_is_renewed(programme):
    plan, alice, bob = sell(programme), join("alice", programme), join("bob", programme)
    first, second = pay(plan, alice), pay(plan, bob)

    refund_membership(membership_id=first.membership_id, refunded_minor=PRICE, at=day(10))
    refund_membership(membership_id=second.membership_id, refunded_minor=1000, ends_at=day(40), at=day(10))

    assert (in_plan(alice, day(9)), in_plan(alice, day(10))) == (True, False)
    assert (in_plan(bob, day(39)), in_plan(bob, day(40))) == (True, False)
    assert (held(alice).membership.end_reason, held(alice).membership.ended_at) == ("refunded", day(10))
    for membership_id, at in ((first.membership_id, day(11)), (second.membership_id, day(11))):
        with pytest.raises(MembershipOver, match="refunded"):
            renew(membership_id, at)
    assert pay(plan, alice, at=day(11)).membership_id != first.membership_id
    run_job(name="renew_memberships", at=day(41))
    assert PaidMembership.objects.get(id=second.membership_id).ended_at == day(40)


def test_refunds_are_told_as_a_total_and_the_newest_payment_goes_first(programme):
    plan, alice = sell(programme), join("alice", programme)
    paid = pay(plan, alice)
    renew(paid.membership_id, day(300))

    for total in (1000, 1000, 4000):
        refund_membership(membership_id=paid.membership_id, refunded_minor=total, at=day(310))

    refunded = MembershipPeriod.objects.order_by("number").values_list("refunded_minor", "perks_end_at")
    assert list(refunded) == [(1100, day(310)), (PRICE, YEAR_ENDS)]
    assert (held(alice).membership.ended_at, in_plan(alice, YEAR_ENDS)) == (day(310), False)
    before = rows()
    with pytest.raises(RefundShrank) as less:
        refund_membership(membership_id=paid.membership_id, refunded_minor=3999, at=day(311))
    with pytest.raises(OverRefund) as more:
        refund_membership(membership_id=paid.membership_id, refunded_minor=2 * PRICE + 1, at=day(311))
    assert (less.value.refunded_minor, less.value.known_minor) == (3999, 4000)
    assert (more.value.refunded_minor, more.value.paid_minor) == (2 * PRICE + 1, 2 * PRICE)
    assert rows() == before


@pytest.mark.parametrize("ends_at", [day(9), YEAR_ENDS + timedelta(1)])
def test_a_refund_cannot_end_what_has_passed_or_what_was_never_paid_for(programme, ends_at):
    plan, alice = sell(programme), join("alice", programme)
    paid = pay(plan, alice)
    before = rows()

    with pytest.raises(ValidationError):
        refund_membership(membership_id=paid.membership_id, refunded_minor=100, ends_at=ends_at, at=day(10))

    assert rows() == before


# -- time and the job ----------------------------------------------------------------------------------------


def test_a_job_that_runs_late_changes_nothing_and_writes_the_dates_of_then(programme):
    plan = sell(programme)
    alice, bob, carol = (join(name, programme) for name in ("alice", "bob", "carol"))
    pay(plan, alice)
    cancelled, going_on = pay(plan, bob), pay(plan, carol, at=day(100))
    cancel_membership(membership_id=cancelled.membership_id, at=day(5))
    asked = [(member, at) for member in (alice, bob) for at in (day(100), YEAR_ENDS, GRACE_ENDS, day(400))]
    before = [in_plan(*one) for one in asked]

    assert run_job(name="renew_memberships", at=day(390)).done == 2
    assert run_job(name="renew_memberships", at=day(391)).done == 0

    assert [in_plan(*one) for one in asked] == before
    ended = dict(PaidMembership.objects.values_list("member_id", "ended_at"))
    assert ended == {alice.id: GRACE_ENDS, bob.id: YEAR_ENDS, carol.id: None}
    assert going_on.ends_at > day(391)


# -- what it earns -------------------------------------------------------------------------------------------


def ask(programme, member, at=NOON):
    basket = Basket((BasketLine("1", 1000),))
    return quote(
        basket=basket, currency="EUR", programme_id=programme.id, channel="web", member_id=member.id, at=at
    )


def test_orders_of_a_plan_earn_its_factor_and_keep_it(programme):
    plan, alice = sell(programme), join("alice", programme)
    paid = pay(plan, alice)

    inside, outside = tell("1", at=day(1), placed_at=day(1)), tell("2", placed_at=day(-1))

    assert (award(inside).earned_points, award(inside).plan_points) == (200, 100)
    assert (award(outside).earned_points, award(outside).plan_points) == (100, 0)
    assert ask(programme, alice, day(1)).points == 200
    entry = Entry.objects.get(source_id=inside, kind=1)
    assert "Your paid membership adds 100." in why(entry_id=entry.id).steps
    refund_membership(membership_id=paid.membership_id, refunded_minor=PRICE, at=day(2))
    tell("1", goods(sold_minor=2000), at=day(3), placed_at=day(1))
    assert (award(inside).earned_points, award(inside).plan_points) == (400, 200)
    tell("1", goods(sold_minor=2000, returned_minor=500), at=day(4), placed_at=day(1))
    assert (award(inside).standing_points, award(inside).plan_points) == (300, 150)


def test_where_no_plan_was_ever_sold_nobody_asks_for_one(programme):
    alice = join("alice", programme)
    tell("1")

    def count_questions(reference):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            tell(reference)
        return sum("membershipperiod" in query["sql"] for query in queries)

    assert count_questions("2") == 0
    plan = sell(programme)
    tell("3")
    assert count_questions("4") == 1
    pay(plan, alice)
    assert count_questions("5") == 1


# -- merges --------------------------------------------------------------------------------------------------


def merge(source, target, at):
    merge_customers(source=source.customer_id, target=target.customer_id, at=at, by=SHOP)


def unmerge(source, at):
    unmerge_customer(source=source.customer_id, at=at, by=SHOP)


def test_a_merge_carries_what_was_paid_for_and_taking_it_back_returns_it(programme):
    plan, alice, bob = sell(programme), join("alice", programme), join("bob", programme)
    paid = pay(plan, alice)

    merge(alice, bob, day(10))

    assert (in_plan(bob, day(11)), held(bob).membership.id) == (True, paid.membership_id)
    assert [one.member_id for one in list_due_renewals(programme_id=programme.id, at=YEAR_ENDS)] == [bob.id]

    unmerge(alice, day(20))

    assert (in_plan(bob, day(21)), in_plan(alice, day(21))) == (False, True)
    assert renew(paid.membership_id, day(300)).starts_at == YEAR_ENDS


def test_a_merge_of_two_who_both_pay_charges_once_and_loses_nothing(programme):
    plan, alice, bob = sell(programme), join("alice", programme), join("bob", programme)
    shorter, longer = pay(plan, alice), pay(plan, bob, at=day(50))

    merge(bob, alice, day(60))

    states = dict(PaidMembership.objects.values_list("id", "cancelling"))
    assert states == {shorter.membership_id: "merged", longer.membership_id: ""}
    assert set(PaidMembership.objects.values_list("member_id", flat=True)) == {alice.id}
    due = list_due_renewals(programme_id=programme.id, before=timedelta(60), at=YEAR_ENDS)
    assert [one.membership_id for one in due] == [longer.membership_id]

    unmerge(bob, day(70))

    assert set(PaidMembership.objects.values_list("member_id", "cancelling")) == {
        (alice.id, ""),
        (bob.id, ""),
    }
    assert held(alice).last.perks_end_at == GRACE_ENDS


# -- plans ---------------------------------------------------------------------------------------------------


def test_a_plan_is_drafted_sold_changed_closed_and_ended_and_never_edited(programme):
    terms = {"price_minor": PRICE, "factor": 2}
    plan = create_plan(programme_id=programme.id, name="Plus", terms=terms, at=OPENED)
    change_plan(plan_id=plan.id, terms={"price_minor": 2500}, at=OPENED)
    switch_on_plan(plan_id=plan.id, at=day(0))
    change_plan(plan_id=plan.id, own={"name": "Plus!"}, at=day(1))
    change_plan(plan_id=plan.id, terms={"price_minor": 3000}, at=day(2))
    close_plan(plan_id=plan.id, at=day(3))
    switch_on_plan(plan_id=plan.id, at=day(4))
    end_plan(plan_id=plan.id, at=day(5))

    found = list(PlanVersion.objects.order_by("number").values_list("price_minor", "starts_at", "ends_at"))
    assert found == [(2500, day(0), day(2)), (3000, day(2), day(5))]
    for deed in (switch_on_plan, close_plan, end_plan, discard_plan, change_plan):
        with pytest.raises(PlanStepRefused):
            deed(plan_id=plan.id, at=day(6))
    assert list(AuditRecord.objects.order_by("id").values_list("kind", flat=True))[-3:] == [
        "plan_closed",
        "plan_switched_on",
        "plan_ended",
    ]


def test_a_draft_can_be_thrown_away(programme):
    plan = create_plan(
        programme_id=programme.id, name="Plus", terms={"price_minor": 1, "factor": 2}, at=OPENED
    )

    discard_plan(plan_id=plan.id, at=OPENED)

    assert (Plan.objects.count(), PlanVersion.objects.count()) == (0, 0)


def test_ending_or_closing_a_plan_leaves_memberships_alone(programme):
    closed, ended = sell(programme), sell(programme, name="Gold")
    alice, bob = join("alice", programme), join("bob", programme)
    first, second = pay(closed, alice), pay(ended, bob)
    close_plan(plan_id=closed.id, at=day(10))
    end_plan(plan_id=ended.id, at=day(10))

    assert (in_plan(alice, day(300)), in_plan(bob, day(300))) == (True, True)
    assert renew(first.membership_id, day(300), reference="R1").starts_at == YEAR_ENDS
    with pytest.raises(PlanNotSold, match="runs out"):
        renew(second.membership_id, day(300), reference="R2")
    due = list_due_renewals(programme_id=programme.id, before=timedelta(9), at=day(364))
    assert [one.member_id for one in due] == []


FREE_SHIPPING = {"kind": "free_shipping", "number": 1500}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"price_minor": 0}, "price_minor"),
        ({"price_minor": 10**9 + 1}, "price_minor"),
        ({"months": 0}, "months"),
        ({"months": 37}, "months"),
        ({"grace_days": 29}, "grace_days"),
        ({"trial_days": 181}, "trial_days"),
        ({"factor": Decimal("0.5")}, "factor"),
        ({"factor": Decimal("10.01")}, "factor"),
        ({"factor": Decimal("1.005")}, "factor"),
        ({"factor": 1}, "perks"),
        ({"perks": [{"kind": "nonsense"}]}, "perks"),
        ({"perks": [FREE_SHIPPING]}, "shipping_minor"),
        ({"shipping_minor": 490}, "shipping_minor"),
        ({"perks": [FREE_SHIPPING], "shipping_minor": 490, "free_for_all_minor": 1500}, "free_for_all_minor"),
        ({"free_for_all_minor": 5000}, "free_for_all_minor"),
        ({"level_id": 77}, "level_id"),
    ],
)
def test_what_a_plan_cannot_be_is_refused_beside_its_field(programme, wrong, field):
    terms = {"price_minor": PRICE, "factor": 2, **wrong}

    with pytest.raises(ValidationError) as refusal:
        create_plan(programme_id=programme.id, name="Plus", terms=terms, at=OPENED)

    assert list(refusal.value.message_dict) == [field]
    assert not Plan.objects.exists()


def test_two_plans_that_are_sold_have_two_names(programme):
    plan = sell(programme)

    with pytest.raises(ValidationError, match="this name"):
        sell(programme, name="plus")

    end_plan(plan_id=plan.id, at=OPENED + timedelta(1))
    assert sell(programme, name="plus", at=OPENED + timedelta(1)).state == "on"


def test_a_shop_asks_what_a_member_has_by_name(programme):
    perks = [FREE_SHIPPING, {"kind": "early_access", "number": 24}]
    plan = sell(programme, perks=perks, shipping_minor=490)
    alice = join("alice", programme)

    assert list_perks(member_id=alice.id, at=NOON) == ()
    pay(plan, alice)

    assert [(perk.name, perk.number) for perk in list_perks(member_id=alice.id, at=NOON)] == [
        ("free_shipping", 1500),
        ("early_access", 24),
    ]


# -- together ------------------------------------------------------------------------------------------------


def at_once(count, deed):
    barrier = Barrier(count)

    def one(number):
        try:
            barrier.wait(30)
            return deed(number)
        except (MembershipRuns, IntegrityError) as refusal:
            return type(refusal).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.django_db(transaction=True)
def test_one_payment_that_arrives_by_many_ways_at_once_counts_once(programme):
    plan, alice = sell(programme), join("alice", programme)

    told = at_once(8, lambda number: pay(plan, alice, reference="P1").is_replay)

    assert sorted(told) == [False] + [True] * 7
    assert MembershipPeriod.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_payments_at_once_one_is_refused_by_the_rule(programme):
    plan, alice = sell(programme), join("alice", programme)

    told = at_once(2, lambda number: pay(plan, alice, reference=f"P{number}").is_replay)

    assert sorted(told, key=str) == [False, "MembershipRuns"]
    assert MembershipPeriod.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_renewals_at_once_one_is_refused_by_the_rule(programme):
    plan, alice = sell(programme), join("alice", programme)
    paid = pay(plan, alice)

    told = at_once(2, lambda number: renew(paid.membership_id, day(300), reference=f"R{number}").is_replay)

    assert sorted(told, key=str) == [False, "MembershipRuns"]
    assert MembershipPeriod.objects.count() == 2


if connection.vendor == "postgresql":  # SQLite has one writer at a time: there is no lock to take away

    @pytest.mark.django_db(transaction=True)
    def test_control_without_the_lock_only_the_database_refuses_the_second_payment(programme, monkeypatch):
        plan, alice = sell(programme), join("alice", programme)
        monkeypatch.setattr(rows_module, "lock_accounts", list)
        both_have_looked, begin = Barrier(2), memberships_module._begin

        def begin_together(*args):
            both_have_looked.wait(30)
            return begin(*args)

        monkeypatch.setattr(memberships_module, "_begin", begin_together)
        monkeypatch.setattr(memberships_module, "_with_retry", in_one_transaction)

        told = at_once(2, lambda number: pay(plan, alice, reference=f"P{number}").is_replay)

        assert sorted(told, key=str) == [False, "IntegrityError"]


def in_one_transaction(deed):
    with transaction.atomic():
        return deed()
