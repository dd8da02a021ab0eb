"""Joining, leaving, pausing, and points given or taken by hand."""

import pytest

from backstage.models import AuditRecord
from backstage.operations.jobs import run_job
from backstage.policies import By
from commerce.models import Identity
from loyalty.models import Entry, EntryNote, Lot, Member, PointsAccount, TermsVersion
from loyalty.operations.adjustments import give_points, take_points
from loyalty.operations.members import (
    CannotJoin,
    NotPossible,
    accept_terms,
    enrol,
    leave,
    pause,
    resume,
    undo_leaving,
)
from loyalty.operations.programme import change_state, change_terms
from loyalty.policies.card_number import is_card_number
from loyalty.policies.errors import KeyReused, NotEnoughPoints
from loyalty.policies.programme import ProgrammeState
from tests.loyalty.shop import NOON, customer, day, join, open_shop, points, tell

pytestmark = pytest.mark.django_db
CAROL = By("staff", "7", "carol")


@pytest.fixture
def club():
    return open_shop()


@pytest.fixture
def alice(club):
    return join("alice", club)


def test_joining_gives_an_account_a_card_number_and_a_line_in_the_log(alice):
    assert is_card_number(alice.number)
    assert PointsAccount.objects.get(member=alice).available == 0
    assert Identity.objects.get(kind="member_number").value == alice.number
    assert AuditRecord.objects.filter(kind="member_joined", object_id=str(alice.id)).count() == 1


def test_joining_twice_is_joining_once(alice, club):
    again = enrol(customer_id=alice.customer_id, programme_id=club.id, at=NOON)

    assert (again.member_id, again.number, again.is_new) == (alice.id, alice.number, False)
    assert Member.objects.count() == 1


def test_nobody_joins_a_programme_that_is_paused(club):
    change_state(programme_id=club.id, state=ProgrammeState.PAUSED, at=day(-1))
    tell(who="bob")

    with pytest.raises(CannotJoin, match="Switch it on"):
        enrol(customer_id=customer("bob").id, programme_id=club.id, at=NOON)

    assert Member.objects.count() == 0


def test_the_accepted_version_of_the_terms_is_kept_with_its_date(alice, club):
    terms = TermsVersion.objects.create(programme=club, number=2, text="Be kind.", starts_at=NOON)

    accept_terms(member_id=alice.id, terms_id=terms.id, at=day(1))

    alice.refresh_from_db()
    assert (alice.terms, alice.terms_accepted_at) == (terms, day(1))


def test_points_given_by_hand_are_ready_at_once_and_keep_who_why_and_what_was_said(alice):
    posted = give_points(
        member_id=alice.id, points=50, key="g1", reason="goodwill", message="Cold coffee", at=NOON, by=CAROL
    )

    note = EntryNote.objects.get(entry_id=posted.entry_id)
    assert points(alice) == (50, 0, 0)
    assert (note.by_label, note.for_member) == ("carol", "Cold coffee")
    assert Entry.objects.get(id=posted.entry_id).qualifying_change == 0
    assert AuditRecord.objects.get(kind="points_given").after == {"points": 50}


def test_a_gift_that_ends_by_inactivity_lives_on_with_each_purchase(club, alice):
    change_terms(programme_id=club.id, expiry_kind="inactivity", expiry_months=2, at=day(-1))
    give_points(member_id=alice.id, points=50, key="g1", reason="goodwill", lapse_months=2, at=NOON, by=CAROL)
    tell(placed_at=day(30), at=day(30))

    still, over = points(alice, day(85)), points(alice, day(100))
    run_job(name="expire_due_points", at=day(100))

    assert (still, over) == ((150, 0, 0), (0, 0, 0))
    assert list(Lot.objects.order_by("id").values_list("issued", "expired")) == [(50, 50), (100, 100)]


def test_a_double_click_gives_once(alice):
    give = {"member_id": alice.id, "points": 50, "key": "g1", "reason": "goodwill", "at": NOON, "by": CAROL}
    first = give_points(**give)

    second = give_points(**give)

    assert (second.entry_id, second.is_replay) == (first.entry_id, True)
    assert points(alice) == (50, 0, 0)
    assert AuditRecord.objects.filter(kind="points_given").count() == 1


def test_the_same_key_for_another_amount_is_refused_and_changes_nothing(alice):
    give_points(member_id=alice.id, points=50, key="g1", reason="goodwill", at=NOON, by=CAROL)

    with pytest.raises(KeyReused):
        give_points(member_id=alice.id, points=51, key="g1", reason="goodwill", at=NOON, by=CAROL)

    assert points(alice) == (50, 0, 0)


def test_taking_more_than_there_is_is_refused_with_both_numbers(alice):
    give_points(member_id=alice.id, points=50, key="g1", reason="goodwill", at=NOON, by=CAROL)

    with pytest.raises(NotEnoughPoints) as refusal:
        take_points(member_id=alice.id, points=51, key="t1", reason="correction", at=NOON, by=CAROL)

    assert (refusal.value.asked_points, refusal.value.available_points) == (51, 50)
    assert points(alice) == (50, 0, 0)
    assert not AuditRecord.objects.filter(kind="points_taken").exists()


@pytest.mark.parametrize("amount", [0, -5, True, 1.5, "10", 2**60])
def test_no_number_of_points_is_refused_by_name(alice, amount):
    with pytest.raises(ValueError, match="whole number above zero"):
        give_points(member_id=alice.id, points=amount, key="g1", reason="goodwill", at=NOON, by=CAROL)

    assert Entry.objects.count() == 0


def test_points_by_hand_need_a_reason(alice):
    with pytest.raises(ValueError, match="need a reason"):
        take_points(member_id=alice.id, points=5, key="t1", reason="", at=NOON, by=CAROL)

    assert Entry.objects.count() == 0


def test_leaving_can_be_undone_for_14_days(alice):
    give_points(member_id=alice.id, points=50, key="g1", reason="goodwill", at=NOON, by=CAROL)
    leave(member_id=alice.id, at=day(1))

    undo_leaving(member_id=alice.id, at=day(14))

    alice.refresh_from_db()
    assert (alice.state, alice.left_at) == ("active", None)
    assert points(alice, day(14)) == (50, 0, 0)


def test_after_14_days_the_points_of_those_who_left_end_by_entries(alice):
    give_points(member_id=alice.id, points=50, key="g1", reason="goodwill", at=NOON, by=CAROL)
    tell(placed_at=NOON, at=NOON)
    leave(member_id=alice.id, at=day(1))

    run_job(name="forfeit_left_members", at=day(14))
    still_there = points(alice, day(14))
    run = run_job(name="forfeit_left_members", at=day(15))

    assert still_there == (150, 0, 0)
    assert (run.state, run.done) == ("done", 1)
    assert points(alice, day(15)) == (0, 0, 0)
    with pytest.raises(NotPossible):
        undo_leaving(member_id=alice.id, at=day(15))


def test_who_left_and_joins_again_keeps_the_card_and_within_14_days_the_points(alice, club):
    give_points(member_id=alice.id, points=50, key="g1", reason="goodwill", at=NOON, by=CAROL)
    leave(member_id=alice.id, at=day(1))

    again = enrol(customer_id=alice.customer_id, programme_id=club.id, at=day(10))

    assert (again.number, again.is_new) == (alice.number, False)
    assert points(alice, day(10)) == (50, 0, 0)


def test_who_joins_again_after_14_days_begins_with_nothing_even_if_no_job_ran(alice, club):
    give_points(member_id=alice.id, points=50, key="g1", reason="goodwill", at=NOON, by=CAROL)
    leave(member_id=alice.id, at=day(1))

    enrol(customer_id=alice.customer_id, programme_id=club.id, at=day(30))

    alice.refresh_from_db()
    assert alice.state == "active"
    assert points(alice, day(30)) == (0, 0, 0)


def test_a_paused_member_can_be_resumed_and_nothing_else_can(alice):
    pause(member_id=alice.id, at=NOON)
    resume(member_id=alice.id, at=day(1))

    with pytest.raises(NotPossible, match="is active"):
        resume(member_id=alice.id, at=day(2))

    alice.refresh_from_db()
    assert alice.state == "active"
