"""A plan that becomes worse for those who are in it is announced, and can be called off until its day."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from backstage.operations.check import check_ledger
from loyalty.models import Announcement, MembershipPeriod, Plan, PlanVersion, Programme
from loyalty.operations.changes.cancelling import cancel_announcement
from loyalty.operations.changes.notice import AlreadyAnnounced, NoticeTooShort, StartPassed
from loyalty.operations.plans.memberships import WrongPrice, renew_membership
from loyalty.operations.plans.offers import PlanStepRefused, change_plan, close_plan, create_plan, end_plan
from loyalty.queries.plans.renewals import list_due_renewals
from loyalty.queries.programmes import get_programme_rules
from tests.loyalty.levels import level_ids, switch_on
from tests.loyalty.plan_shop import PRICE, pay, sell
from tests.loyalty.shop import NOON, OPENED, award, day, goods, join, open_shop, tell

pytestmark = pytest.mark.django_db

JUST_BEFORE = timedelta(microseconds=1)
START = day(30)


@pytest.fixture
def club():
    return open_shop(enrolment="automatic", notice_days=30)


@pytest.fixture
def plan(club):
    """29.00 a month for twice the points."""
    return sell(club, months=1)


@pytest.fixture
def alice(club, plan):
    """She is in the plan, paid for until 3 April."""
    alice = join("alice", club)
    pay(plan, alice)
    return alice


def raise_price(plan, *, starts_at=START, at=NOON, **terms):
    return change_plan(plan_id=plan.id, terms={"price_minor": 3900, **terms}, starts_at=starts_at, at=at)


def versions(plan) -> list[tuple]:
    rows = PlanVersion.objects.filter(plan=plan).order_by("number")
    return list(rows.values_list("price_minor", "starts_at", "ends_at"))


def test_a_higher_price_needs_the_notice_and_the_refusal_changes_nothing(plan, alice):
    for starts_at in (None, START - JUST_BEFORE):
        with pytest.raises(NoticeTooShort) as refusal:
            change_plan(
                plan_id=plan.id,
                own={"name": "Prime"},
                terms={"price_minor": 3900},
                starts_at=starts_at,
                at=NOON,
            )

    assert (refusal.value.earliest, refusal.value.lowers) == (START, ("price",))
    assert versions(plan) == [(PRICE, OPENED, None)]
    assert Plan.objects.get().name == "Plus"
    assert not Announcement.objects.exists()
    raise_price(plan)
    assert versions(plan) == [(PRICE, OPENED, START), (3900, START, None)]


def test_a_renewal_costs_the_old_price_until_the_day_and_the_new_one_from_then_on(club, plan, alice):
    bob = join("bob", club)
    pay(plan, bob)
    raise_price(plan)

    asked = [list_due_renewals(programme_id=club.id, before=timedelta(9), at=day(n)) for n in (29, 30)]
    assert [{due.price_minor for due in one} for one in asked] == [{PRICE}, {3900}]
    hers, his = MembershipPeriod.objects.order_by("id").values_list("membership_id", flat=True)
    renew_membership(membership_id=hers, paid_minor=PRICE, reference="a", at=START - JUST_BEFORE)
    with pytest.raises(WrongPrice):
        renew_membership(membership_id=his, paid_minor=PRICE, reference="b", at=START)
    renew_membership(membership_id=his, paid_minor=3900, reference="b", at=START)

    assert list(MembershipPeriod.objects.order_by("id").values_list("paid_minor", flat=True)) == [
        PRICE,
        PRICE,
        PRICE,
        3900,
    ]
    assert broken() == []


def test_what_is_paid_for_keeps_its_factor_beyond_the_day_and_the_next_payment_brings_the_new_one(club):
    plan = sell(club)
    alice, bob = join("alice", club), join("bob", club)
    pay(plan, alice)
    change_plan(plan_id=plan.id, terms={"factor": Decimal("1.5")}, starts_at=START, at=NOON)
    pay(plan, bob, at=START)

    told = [tell(who, goods(), who=who, placed_at=day(31), at=day(31)) for who in ("alice", "bob")]

    assert [award(one).earned_points for one in told] == [200, 150]


@pytest.mark.parametrize(
    ("terms", "lowers"),
    [
        ({"price_minor": PRICE + 1}, ["price"]),
        ({"price_minor": PRICE, "months": 12}, []),
        ({"price_minor": 2 * PRICE, "months": 3}, ["price"]),
        ({"factor": Decimal("1.99")}, ["factor"]),
        ({"grace_days": 6}, ["grace"]),
        ({"perks": []}, ["perks"]),
        ({"perks": [{"kind": "free_returns"}, {"kind": "priority_help"}]}, []),
        ({"trial_days": 30}, []),
        ({"price_minor": 1900, "factor": Decimal(3)}, []),
    ],
)
def test_what_is_worse_for_those_who_are_in_it_is_told_in_codes(club, terms, lowers):
    plan = sell(club, months=1, perks=[{"kind": "free_returns"}])
    pay(plan, join("alice", club))

    change_plan(plan_id=plan.id, terms=terms, starts_at=START, at=NOON)

    one = Announcement.objects.get()
    assert (one.subject, one.plan_id, one.lowers) == ("plan", plan.id, lowers)


def test_another_level_or_none_cannot_be_compared_so_it_is_announced(club):
    ids = level_ids(switch_on(club))
    plan = sell(club, level_id=ids["Silver"], at=day(0))
    pay(plan, join("alice", club))

    for level_id in (ids["Gold"], None):
        with pytest.raises(NoticeTooShort) as refusal:
            change_plan(plan_id=plan.id, terms={"level_id": level_id}, at=NOON)
        assert refusal.value.lowers == ("level",)


def test_what_nobody_loses_by_holds_now(club, plan):
    join("bob", club)
    raise_price(plan, starts_at=None)
    assert versions(plan) == [(PRICE, OPENED, NOON), (3900, NOON, None)]
    pay(plan, join("alice", club), paid_minor=3900)

    change_plan(plan_id=plan.id, terms={"price_minor": 1900}, at=day(1))
    change_plan(
        plan_id=plan.id,
        terms={
            "perks": [{"kind": "free_shipping"}],
            "shipping_minor": 490,
        },
        at=day(2),
    )
    change_plan(plan_id=plan.id, terms={"shipping_minor": 590}, starts_at=day(50), at=day(3))

    assert [starts_at for _, starts_at, _ in versions(plan)] == [OPENED, NOON, day(1), day(2), day(3)]
    assert not Announcement.objects.exists()


def test_while_staff_tries_the_programme_out_nobody_is_told(plan, alice):
    Programme.objects.update(state="staff_only")

    raise_price(plan, starts_at=None)

    assert versions(plan) == [(PRICE, OPENED, NOON), (3900, NOON, None)]


def test_a_second_change_or_the_end_of_the_plan_is_refused_while_one_is_announced(club, plan, alice):
    raise_price(plan)
    other = sell(club, name="Basic")

    with pytest.raises(AlreadyAnnounced):
        raise_price(plan, at=day(1), starts_at=day(60))
    with pytest.raises(AlreadyAnnounced):
        end_plan(plan_id=plan.id, at=day(1))
    with pytest.raises(StartPassed):
        raise_price(other, starts_at=NOON - JUST_BEFORE)

    assert versions(plan) == [(PRICE, OPENED, START), (3900, START, None)]
    change_plan(plan_id=other.id, terms={"price_minor": 900}, at=day(1))
    close_plan(plan_id=plan.id, at=day(1))
    end_plan(plan_id=plan.id, at=START)


def test_called_off_everything_is_as_it_was_before(club, plan, alice):
    before = list(PlanVersion.objects.values())
    raise_price(plan)

    cancel_announcement(announcement_id=Announcement.objects.get().id, at=day(29))

    assert list(PlanVersion.objects.values()) == before
    assert get_programme_rules(club.id).plan_at(plan.id, day(31)).price_minor == PRICE
    pay(plan, join("bob", club), at=day(31))
    raise_price(plan, at=day(31), starts_at=day(61))
    assert versions(plan) == [(PRICE, OPENED, day(61)), (3900, day(61), None)]


def test_what_a_plan_cannot_be_is_refused_also_where_it_would_hold_later(plan, alice):
    with pytest.raises(ValidationError) as refusal:
        raise_price(plan, months=0)

    assert list(refusal.value.message_dict) == ["months"]
    assert versions(plan) == [(PRICE, OPENED, None)]
    assert not Announcement.objects.exists()


def test_a_draft_changes_in_place_and_from_no_day_on(club):
    plan = create_plan(programme_id=club.id, name="Soon", terms={"price_minor": PRICE, "factor": 2}, at=NOON)

    with pytest.raises(PlanStepRefused):
        raise_price(plan)

    assert versions(plan) == [(PRICE, None, None)]


# -- what the books say --------------------------------------------------------------------------------------


def broken() -> list[str]:
    return [finding.detail for finding in check_ledger().findings if "plan" in finding.invariant]


def test_an_announced_version_that_does_not_begin_is_found(club, plan, alice, clock):
    clock.move_to(NOON)
    raise_price(plan)
    assert broken() == []

    PlanVersion.objects.filter(starts_at=START).update(starts_at=START + JUST_BEFORE)

    assert [found.partition(": no version")[0] for found in broken()] == [
        f"announcement {Announcement.objects.get().id} of programme {club.id}"
    ]


def test_a_payment_under_a_version_that_did_not_hold_is_found(plan, alice, clock):
    clock.move_to(NOON)
    period = MembershipPeriod.objects.get()

    PlanVersion.objects.update(starts_at=NOON + JUST_BEFORE)

    (found,) = broken()
    assert found.startswith(f"period {period.id} was paid for at ")
    assert found.endswith(f"when version {period.version_id} did not hold")
