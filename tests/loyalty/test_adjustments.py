"""Staff gives and takes points up to a limit; beyond it somebody else looks first."""

import time
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from backstage.models import Approval, AuditRecord
from backstage.operations import approvals
from backstage.operations.approvals import KeyTakenError, ReasonMissingError
from backstage.operations.check import check_ledger
from backstage.policies import SHOP, By
from backstage.policies.approvals import ChangeRefusedError
from commerce.operations import merge_customers
from loyalty.models import AdjustmentTally, Entry, EntryNote, Member
from loyalty.operations import adjustments
from loyalty.operations.adjustments import OverLimit, give_points, request_adjustment, take_points
from loyalty.operations.limits import UnknownRole, set_limit
from loyalty.policies.adjustments import Adjustment, Deed, Limit
from loyalty.queries import get_balance
from loyalty.queries.limits import list_limits
from tests.backstage.conftest import at_once
from tests.factories.loyalty import MemberFactory, ProgrammeFactory

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
OF_A_CLERK = Limit(points_per_act=150, points_per_day=200)


def staff(name: str, *roles: Group, may_decide: bool = False) -> By:
    user = get_user_model().objects.create_user(name, is_staff=True)
    user.groups.set(roles)
    if may_decide:
        user.user_permissions.add(Permission.objects.get(codename="decide_approval"))
    return By("staff", str(user.pk), name)


@pytest.fixture
def clerks(programme):
    """A role that may give and take 150 points in one go and 200 a day."""
    role = Group.objects.create(name="Clerks")
    set_limit(programme_id=programme.pk, group_id=role.pk, limit=OF_A_CLERK, at=NOON)
    return role


@pytest.fixture
def dave(clerks):
    """A clerk."""
    return staff("dave", clerks)


@pytest.fixture
def marek(db):
    """Somebody who may approve."""
    return staff("marek", may_decide=True)


def give(member: Member, points: int, by: By, *, key: str = "", at: datetime = NOON):
    key = key or f"gift-{Entry.objects.count()}"
    return give_points(member_id=member.pk, points=points, key=key, reason="goodwill", at=at, by=by)


def ready(member: Member, at: datetime = NOON) -> int:
    return get_balance(member_id=member.pk, at=at).available


def ask(member: Member, points: int, by: By, **told) -> Approval:
    told = {"deed": Deed.GIVE, "key": "ask", "reason": "goodwill", "note": "Cold coffee"} | told
    adjustment = Adjustment(member_id=member.pk, points=points, **told)
    return Approval.objects.get(pk=request_adjustment(adjustment=adjustment, at=NOON, now=NOON, by=by))


def approve(approval: Approval, by: By, *, at: datetime = NOON) -> None:
    with transaction.atomic():
        approvals.approve(approval_id=approval.pk, by=by, at=at, now=at)


# -- the limit


def test_staff_gives_up_to_the_limit_in_one_go_and_not_a_point_more(alice, dave):
    give(alice, 150, dave)

    with pytest.raises(OverLimit) as refusal:
        give(alice, 151, dave)

    assert (refusal.value.asked_points, refusal.value.limit) == (151, OF_A_CLERK)
    assert str(refusal.value) == (
        "This is over your limit. At most 150\xa0points in one go. At most 200\xa0points a day. "
        "Given and taken by you today: 150\xa0points."
    )
    assert ready(alice) == 150
    assert Entry.objects.count() == 1
    assert AuditRecord.objects.filter(kind="points_given").count() == 1


def test_what_is_given_and_taken_in_one_day_is_added_up_over_all_members(alice, bob, dave):
    give(alice, 120, dave)
    take_points(member_id=alice.pk, points=30, key="t", reason="correction", at=NOON, by=dave)
    give(bob, 50, dave)

    with pytest.raises(OverLimit) as refusal:
        give(bob, 1, dave)

    assert refusal.value.counted_points == 200
    assert (ready(alice), ready(bob)) == (90, 50)
    assert AdjustmentTally.objects.get().points == 200


def test_the_next_day_begins_at_midnight_where_the_programme_is(alice, dave, programme):
    programme.time_zone = "Europe/Oslo"
    programme.save()
    half_past_midnight_in_oslo = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
    give(alice, 150, dave)

    give(alice, 150, dave, at=half_past_midnight_in_oslo)

    days = AdjustmentTally.objects.order_by("counted_on").values_list("counted_on", "points")
    assert list(days) == [(date(2026, 3, 3), 150), (date(2026, 3, 4), 150)]


def test_each_person_has_a_day_of_their_own(alice, dave, clerks):
    give(alice, 150, dave)

    give(alice, 150, staff("erin", clerks))

    assert ready(alice) == 300


def test_a_retry_of_what_used_up_the_day_is_answered_and_counted_once(alice, dave):
    first = give(alice, 150, dave, key="click")
    give(alice, 50, dave)

    again = give(alice, 150, dave, key="click")

    assert (again.entry_id, again.is_replay) == (first.entry_id, True)
    assert AdjustmentTally.objects.get().points == 200


def test_of_several_roles_the_most_generous_counts(alice, clerks, programme):
    managers = Group.objects.create(name="Managers")
    set_limit(programme_id=programme.pk, group_id=managers.pk, limit=Limit(1000, None), at=NOON)

    give(alice, 1000, staff("erin", clerks, managers))

    assert ready(alice) == 1000


def test_whoever_has_no_role_with_a_limit_is_held_to_the_one_of_everybody_else(alice, dave, programme):
    owner = staff("owner")
    give(alice, 5000, owner)
    set_limit(programme_id=programme.pk, group_id=None, limit=Limit(4000), at=NOON)

    with pytest.raises(OverLimit):
        give(alice, 4001, owner)
    with pytest.raises(OverLimit):
        give(alice, 151, dave)

    assert ready(alice) == 5000


def test_the_shops_own_code_has_no_limit(alice, programme):
    set_limit(programme_id=programme.pk, group_id=None, limit=Limit(0, 0), at=NOON)

    give(alice, 5000, SHOP)

    assert ready(alice) == 5000
    assert not AdjustmentTally.objects.exists()


def test_the_limit_of_one_programme_holds_in_no_other(alice):
    elsewhere = ProgrammeFactory(complete=True)
    set_limit(programme_id=elsewhere.pk, group_id=None, limit=Limit(10), at=NOON)
    owner = staff("owner")

    give(alice, 11, owner)

    with pytest.raises(OverLimit):
        give(MemberFactory(programme=elsewhere), 11, owner)
    assert ready(alice) == 11


def test_a_limit_that_is_set_at_noon_knows_of_the_morning(alice, programme):
    owner = staff("owner")
    give(alice, 180, owner, at=NOON - timedelta(hours=3))
    set_limit(programme_id=programme.pk, group_id=None, limit=Limit(None, 200), at=NOON)

    with pytest.raises(OverLimit):
        give(alice, 21, owner)

    assert ready(alice) == 180


def test_setting_a_limit_leaves_a_line_in_the_log_with_both_values(programme, clerks, dave):
    set_limit(programme_id=programme.pk, group_id=clerks.pk, limit=Limit(300), at=NOON, by=dave)
    set_limit(programme_id=programme.pk, group_id=clerks.pk, limit=None, at=NOON, by=dave)

    _, changed, removed = AuditRecord.objects.filter(kind="adjustment_limit_set").order_by("id")
    assert changed.before == {"role": "Clerks", "points_per_act": 150, "points_per_day": 200}
    assert changed.after == {"role": "Clerks", "points_per_act": 300, "points_per_day": None}
    assert (removed.after, removed.by_label) == ({"role": "Clerks"}, "dave")
    assert list_limits(programme_id=programme.pk) == [("Everybody else, the owner too", Limit())]


def test_a_limit_that_cannot_be_is_refused_and_the_old_one_stands(programme, clerks):
    with pytest.raises(UnknownRole, match="The roles are: Clerks"):
        set_limit(programme_id=programme.pk, group_id=clerks.pk + 1, limit=Limit(1), at=NOON)
    with pytest.raises(ValidationError, match="points_per_act"):
        set_limit(programme_id=programme.pk, group_id=clerks.pk, limit=Limit(-1), at=NOON)

    assert list_limits(programme_id=programme.pk)[0] == ("Clerks", OF_A_CLERK)
    assert AuditRecord.objects.filter(kind="adjustment_limit_set").count() == 1


def two_gifts_at_once(alice: Member, bob: Member, by: By) -> list[str]:
    """Give 150 points to each in the same moment; the accounts differ, so no lock of theirs helps."""

    def try_to_give(member: Member) -> str:
        try:
            give(member, 150, by, key="race")
        except OverLimit:
            return "over the limit"
        return "given"

    return sorted(map(str, at_once(lambda: try_to_give(alice), lambda: try_to_give(bob))))


@pytest.mark.django_db(transaction=True)
def test_two_tills_of_one_person_cannot_both_use_what_is_left(alice, bob, dave):
    assert two_gifts_at_once(alice, bob, dave) == ["given", "over the limit"]
    assert ready(alice) + ready(bob) == 150


if connection.vendor == "postgresql":  # SQLite has one writer at a time: nobody is between read and write

    @pytest.mark.django_db(transaction=True)
    def test_control_with_a_look_before_and_no_guard_both_get_through(alice, bob, dave, monkeypatch):
        def look_then_add(points, day, points_per_day):
            before = AdjustmentTally.objects.filter(**day).values_list("points", flat=True).first() or 0
            time.sleep(0.5)
            AdjustmentTally.objects.bulk_create([AdjustmentTally(**day)], ignore_conflicts=True)
            AdjustmentTally.objects.filter(**day).update(points=before + points)
            return before + points <= points_per_day

        monkeypatch.setattr(adjustments, "_add", look_then_add)

        assert two_gifts_at_once(alice, bob, dave) == ["given", "given"]


# -- the request


def test_what_is_over_the_limit_is_asked_for_and_moves_nothing(alice, dave, marek):
    approval = ask(alice, 500, dave, message="Sorry!")

    assert (approval.state, approval.requested_by_label, approval.not_before) == ("waiting", "dave", None)
    assert (approval.reason, approval.object_kind, approval.object_id) == (
        "Cold coffee",
        "member",
        str(alice.pk),
    )
    assert ready(alice) == 0
    assert not AdjustmentTally.objects.exists()
    logged = AuditRecord.objects.get(kind="approval_requested")
    assert (logged.by_label, logged.after["change"]["points"]) == ("dave", 500)


def test_whoever_approves_gives_exactly_what_was_asked_for(alice, dave, marek):
    ends = NOON + timedelta(days=30, microseconds=1)
    approval = ask(alice, 500, dave, message="Sorry!", expires_at=ends, counts_for_level=True)

    approve(approval, marek, at=NOON + timedelta(minutes=5))

    assert ready(alice, NOON + timedelta(minutes=5)) == 500
    assert ready(alice, ends) == 0
    entry = Entry.objects.get()
    assert (entry.by_id, entry.reason, entry.qualifying_change) == (marek.id, "goodwill", 500)
    note = EntryNote.objects.get()
    assert (note.by_label, note.for_member, note.internal) == ("marek", "Sorry!", "Cold coffee")
    given = AuditRecord.objects.get(kind="points_given")
    assert (given.by_label, given.after) == ("marek", {"points": 500, "asked_by": "dave"})
    assert AuditRecord.objects.filter(kind="approval_approved", by_label="marek").count() == 1
    assert not AdjustmentTally.objects.exists()
    assert check_ledger().findings == []


def test_points_are_taken_back_after_approval_too(alice, dave, marek):
    give(alice, 700, SHOP)

    approve(ask(alice, 500, dave, deed=Deed.TAKE, reason="correction"), marek)

    assert ready(alice) == 200


@pytest.mark.django_db(transaction=True)
def test_of_many_who_approve_at_once_one_gives_the_points(alice, dave, marek):
    approval = ask(alice, 500, dave)

    def try_to_approve() -> str:
        try:
            approve(approval, marek)
        except approvals.AlreadyDecidedError:
            return "too late"
        return "given"

    outcomes = sorted(map(str, at_once(*[try_to_approve] * 4)))

    assert outcomes == ["given", "too late", "too late", "too late"]
    assert ready(alice) == 500


def test_the_lone_owner_approves_their_own_request_after_an_hour(alice, marek):
    approval = ask(alice, 500, marek)

    with pytest.raises(approvals.TooEarlyError, match="Come back in 1 minutes"):
        approve(approval, marek, at=NOON + timedelta(minutes=59))
    assert ready(alice) == 0

    approve(approval, marek, at=NOON + timedelta(hours=1))
    assert ready(alice, NOON + timedelta(hours=1)) == 500


def test_whoever_asked_cannot_approve_while_somebody_else_can(alice, marek):
    approval = ask(alice, 500, staff("owner", may_decide=True))

    with pytest.raises(approvals.SecondPersonNeededError):
        approve(approval, By("staff", approval.requested_by_id, "owner"), at=NOON + timedelta(days=9))

    assert ready(alice) == 0


def test_a_request_says_why_and_nothing_is_stored_without(alice, dave):
    with pytest.raises(ReasonMissingError):
        ask(alice, 500, dave, note="  ")

    assert not Approval.objects.exists()


def test_asking_twice_with_one_key_asks_once_and_for_another_sum_is_refused(alice, dave):
    first = ask(alice, 500, dave)

    assert ask(alice, 500, dave).pk == first.pk
    with pytest.raises(KeyTakenError):
        ask(alice, 501, dave)

    assert Approval.objects.get().payload["points"] == 500


def spend_what_is_there(alice: Member, bob: Member) -> None:
    take_points(member_id=alice.pk, points=400, key="t", reason="correction", at=NOON, by=SHOP)


def merge_her(alice: Member, bob: Member) -> None:
    merge_customers(source=alice.customer_id, target=bob.customer_id, at=NOON, by=SHOP)


def do_it_on_the_same_page(alice: Member, bob: Member) -> None:
    take_points(member_id=alice.pk, points=500, key="ask", reason="goodwill", at=NOON, by=SHOP)


def use_the_key_for_something_else(alice: Member, bob: Member) -> None:
    give(alice, 1, SHOP, key="ask")


@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [
        (spend_what_is_there, "Only 300 points are ready."),
        (merge_her, "merged into another one"),
        (do_it_on_the_same_page, "on the same page meanwhile"),
        (use_the_key_for_something_else, "on the same page meanwhile"),
    ],
)
def test_what_cannot_be_done_any_more_is_said_and_the_request_waits(alice, bob, dave, marek, meanwhile, said):
    give(alice, 700, SHOP)
    approval = ask(alice, 500, dave, deed=Deed.TAKE)
    meanwhile(alice, bob)
    before = (Entry.objects.count(), ready(alice))

    with pytest.raises(ChangeRefusedError, match=said):
        approve(approval, marek)

    approval.refresh_from_db()
    assert approval.state == "waiting"
    assert (Entry.objects.count(), ready(alice)) == before


def test_points_that_would_have_ended_are_not_given(alice, dave, marek):
    approval = ask(alice, 500, dave, expires_at=NOON + timedelta(days=1))

    with pytest.raises(ChangeRefusedError, match="is over"):
        approve(approval, marek, at=NOON + timedelta(days=1))

    assert Entry.objects.count() == 0


def test_what_is_said_of_a_member_stays_out_of_the_log(alice, dave, marek):
    approve(ask(alice, 500, dave, note="Her dog was ill", message="Sorry about Rex"), marek)

    for record in AuditRecord.objects.all():
        assert "dog" not in f"{record.after} {record.reason}"
        assert "Rex" not in f"{record.after} {record.reason}"
