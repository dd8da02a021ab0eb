"""What a programme lets happen in each of its states: one table, asked by joining, earning, using, seeing."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model

from backstage.policies import SHOP
from commerce.models import Customer
from loyalty.models import Member
from loyalty.operations.adjustments import give_points
from loyalty.operations.members import CannotJoin, enrol
from loyalty.operations.programme import change_state, create_programme
from loyalty.operations.spending import (
    CannotSpend,
    give_back_spent,
    give_up_reserved,
    reserve_points,
    spend_reserved,
)
from loyalty.policies.programme import (
    MEMBER_ALLOWS,
    PROGRAMME_ALLOWS,
    PROGRAMME_STEPS,
    MemberState,
    ProgrammeState,
    state_at,
)
from loyalty.queries.memberships import list_visible_programmes
from loyalty.queries.quote import quote, single
from tests.loyalty.shop import NOON, OPENED, award, customer, day, join, open_shop, points, tell

pytestmark = pytest.mark.django_db

# State: who may join, whose orders earn, may points be used, who sees it.
TABLE = {
    "draft": ("nobody", "nobody", False, "nobody"),
    "staff_only": ("staff", "staff", True, "staff"),
    "live": ("everybody", "everybody", True, "everybody"),
    "paused": ("nobody", "nobody", False, "everybody"),
    "closing": ("nobody", "nobody", True, "everybody"),
    "closed": ("nobody", "nobody", False, "everybody"),
}


def test_the_table_has_every_state_and_agrees_with_the_rule():
    who = {(False, False): "nobody", (True, True): "staff", (True, False): "everybody"}

    said = {
        state.value: (
            who[allows.join, allows.join and allows.staff_only],
            who[allows.earn, allows.earn and allows.staff_only],
            allows.spend,
            who[allows.see, allows.see and allows.staff_only],
        )
        for state, allows in PROGRAMME_ALLOWS.items()
    }

    assert said == TABLE
    assert set(PROGRAMME_STEPS) == set(ProgrammeState)


def club_in(state: str):
    """A club that is in this state since NOON, with two members from before: bob, and carol of the staff."""
    club = open_shop()
    join("bob", club)
    staff = get_user_model().objects.create_user("carol", is_staff=True)
    Customer.objects.filter(id=join("carol", club).customer_id).update(user=staff)
    for name in ("bob", "carol"):
        give_points(member_id=member(name).id, points=100, key="gift", reason="goodwill", at=OPENED, by=SHOP)
    closes_at = {"closing": day(90), "closed": NOON}.get(state)
    club.phases.update(ends_at=NOON)
    club.phases.create(state=state, starts_at=NOON)
    type(club).objects.update(state=state, closes_at=closes_at, rules_stamp=uuid4())
    club.refresh_from_db()
    return club


def member(name: str) -> Member:
    return Member.objects.get(customer=customer(name))


def can_join(name: str, club) -> bool:
    try:
        join(name, club, at=day(1))
    except CannotJoin:
        return False
    return True


def can_spend(name: str, key: str = "k") -> bool:
    try:
        reserve_points(member_id=member(name).id, points=40, key=key, expires_at=day(2), at=day(1))
    except CannotSpend:
        return False
    return True


@pytest.mark.parametrize("state", TABLE)
def test_joining(state):
    club = club_in(state)
    user = get_user_model().objects.create_user("dora", is_staff=True)
    dora = Customer.objects.create(name="dora", user=user, created_at=OPENED)
    joined = set()

    for who, customer_id in (("stranger", None), ("staff", dora.id)):
        try:
            if customer_id:
                enrol(customer_id=customer_id, programme_id=club.id, at=day(1))
            else:
                join("eve", club, at=day(1))
            joined.add(who)
        except CannotJoin:
            pass

    wanted = {"nobody": set(), "staff": {"staff"}, "everybody": {"stranger", "staff"}}[TABLE[state][0]]
    assert joined == wanted
    assert club.members.count() == 2 + len(wanted)


@pytest.mark.parametrize("state", TABLE)
def test_earning(state):
    club = club_in(state)
    if state == "staff_only":  # who joined while it was for staff alone is staff
        Member.objects.filter(id=member("carol").id).update(joined_at=day(0.5))

    earned = {
        who: award(tell(name, who=name, placed_at=day(1), at=day(1))).earned_points
        for who, name in (("customer", "bob"), ("staff", "carol"))
    }

    wanted = {"nobody": (0, 0), "staff": (0, 100), "everybody": (100, 100)}[TABLE[state][1]]
    assert (earned["customer"], earned["staff"]) == wanted
    quoted = quote(basket=single(1000), currency="EUR", programme_id=club.id, at=day(1)).points
    assert quoted == (0 if TABLE[state][1] == "nobody" else 100)


@pytest.mark.parametrize("state", TABLE)
def test_using_points_at_the_checkout(state):
    club_in(state)

    assert can_spend("bob") is TABLE[state][2]

    assert points(member("bob"), day(1)) == ((60, 0, 0) if TABLE[state][2] else (100, 0, 0))


@pytest.mark.parametrize("state", TABLE)
def test_seeing(state):
    club_in(state)

    seen = {
        who
        for who, is_staff in (("all", False), ("staff", True))
        if list_visible_programmes(is_staff=is_staff)
    }

    wanted = {"nobody": set(), "staff": {"staff"}, "everybody": {"all", "staff"}}
    assert seen == wanted[TABLE[state][3]]


@pytest.mark.parametrize("state", TABLE)
def test_enrolling_by_a_purchase_where_the_programme_does_so(state):
    club = club_in(state)
    type(club).objects.update(enrolment="automatic", rules_stamp=uuid4())

    tell("7", who="eve", placed_at=day(1), at=day(1))

    assert club.members.count() == (3 if state == "live" else 2)


@pytest.mark.parametrize("state", MemberState)
def test_the_state_of_the_member_is_asked_at_the_checkout_as_well(state):
    club_in("live")
    Member.objects.update(state=state.value, left_at=NOON if state == "left" else None)

    assert can_spend("bob") is MEMBER_ALLOWS[state].spend


def test_what_was_reserved_in_time_is_spent_or_given_up_also_after_a_pause():
    club = club_in("live")
    bob = member("bob")
    first, second = (
        reserve_points(member_id=bob.id, points=30, key=key, expires_at=day(9), at=day(1)).entry_id
        for key in ("first", "second")
    )
    change_state(programme_id=club.id, state=ProgrammeState.PAUSED, at=day(2))

    again = reserve_points(member_id=bob.id, points=30, key="first", expires_at=day(9), at=day(3))
    spent = spend_reserved(member_id=bob.id, hold_id=first, key="spend", at=day(3))
    give_up_reserved(member_id=bob.id, hold_id=second, key="give-up", at=day(3))

    assert (again.entry_id, again.is_replay) == (first, True)
    assert points(bob, day(3)) == (70, 0, 0)
    give_back_spent(member_id=bob.id, capture_id=spent.entry_id, points=30, key="back", at=day(4))
    assert points(bob, day(4)) == (100, 0, 0)
    assert not can_spend("bob", key="third")


def test_time_closes_a_programme_in_whatever_row_it_stands():
    closing, closed = ProgrammeState.CLOSING, ProgrammeState.CLOSED

    assert state_at(closing, NOON, NOON - timedelta(microseconds=1)) is closing
    assert state_at(closing, NOON, NOON) is closed
    assert state_at(closing, None, NOON) is closing
    assert state_at(ProgrammeState.LIVE, None, NOON) is ProgrammeState.LIVE


def test_orders_of_the_trial_earn_for_staff_and_never_for_whoever_joined_later():
    club = open_shop(backdate_days=30)
    club.phases.all().delete()
    club.phases.create(state="staff_only", starts_at=OPENED, ends_at=day(10))
    club.phases.create(state="live", starts_at=day(10))
    type(club).objects.update(rules_stamp=uuid4())
    user = get_user_model().objects.create_user("carol", is_staff=True)
    carol = Customer.objects.create(name="carol", user=user, created_at=OPENED)
    enrol(customer_id=carol.id, programme_id=club.id, at=day(1))
    trial = tell("1", who="bob", placed_at=day(5), at=day(5))

    join("bob", club, at=day(11))

    assert (award(trial).earned_points, award(trial).reason) == (0, "not_live")
    assert award(tell("2", who="bob", placed_at=day(12), at=day(12))).earned_points == 100


def test_a_draft_that_is_tried_by_staff_can_go_back_and_nothing_is_lost():
    club = create_programme(key="club", name="Club", currency="EUR", time_zone="UTC", at=OPENED)
    change_state(programme_id=club.id, state=ProgrammeState.STAFF_ONLY, at=day(1))
    change_state(programme_id=club.id, state=ProgrammeState.DRAFT, at=day(2))
    change_state(programme_id=club.id, state=ProgrammeState.LIVE, at=day(3))

    states = club.phases.order_by("starts_at").values_list("state", flat=True)
    assert list(states) == ["draft", "staff_only", "draft", "live"]
