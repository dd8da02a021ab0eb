"""The end of a club: announced with its day, taken back until then, brought by time; no point goes unsaid."""

from datetime import UTC, date, datetime, timedelta

import pytest

from backstage.models import AuditRecord
from backstage.operations.check import check_ledger
from backstage.operations.jobs import run_job
from backstage.policies import SHOP
from loyalty.models import Announcement, Entry, ProgrammePhase
from loyalty.operations.adjustments import give_points
from loyalty.operations.changes.cancelling import CannotCancel, cancel_announcement
from loyalty.operations.changes.closing import CannotClose, close_programme
from loyalty.operations.changes.notice import NoticeTooShort
from loyalty.operations.changes.winding_up import plan_winding_up
from loyalty.operations.programme import StepNotAllowed, change_state
from loyalty.operations.spending import CannotSpend, reserve_points, spend_reserved
from loyalty.policies.programme import ProgrammeState
from tests.loyalty.shop import NOON, OPENED, award, day, goods, join, open_shop, points, tell

pytestmark = pytest.mark.django_db

LAST_DAY = date(2026, 4, 12)
ENDS_AT = datetime(2026, 4, 12, 22, tzinfo=UTC)
JUST_BEFORE = timedelta(microseconds=1)


@pytest.fixture
def club():
    return open_shop(notice_days=20)


@pytest.fixture
def alice(club):
    """A member with 300 points ready."""
    alice = join("alice", club)
    give_points(member_id=alice.id, points=300, key="gift", reason="goodwill", at=OPENED, by=SHOP)
    return alice


def close(club, last_day=LAST_DAY, at=NOON):
    return close_programme(programme_id=club.id, last_day=last_day, at=at)


def broken() -> list[object]:
    """Give what breaks a law of the books; what is merely late is another question."""
    return [found for answer in check_ledger().answers if not answer.liveness for found in answer.findings]


def phases() -> list[tuple]:
    return list(ProgrammePhase.objects.order_by("starts_at").values_list("state", "starts_at", "ends_at"))


def test_closing_needs_an_end_that_members_are_told_long_enough_before(club, alice):
    with pytest.raises(NoticeTooShort) as refusal:
        close(club, last_day=date(2026, 3, 22))

    assert refusal.value.earliest == day(20)
    club.refresh_from_db()
    assert (club.state, club.closes_at) == ("live", None)
    close(club, last_day=date(2026, 3, 23))
    club.refresh_from_db()
    assert club.closes_at == datetime(2026, 3, 23, 23, tzinfo=UTC)


def test_without_members_it_may_end_today_and_not_yesterday(club):
    with pytest.raises(NoticeTooShort):
        close(club, last_day=date(2026, 3, 2))

    close(club, last_day=date(2026, 3, 3))

    club.refresh_from_db()
    assert club.state_at(NOON) is ProgrammeState.CLOSING


def test_nobody_earns_from_the_announcement_on_and_points_are_usable_until_the_end(club, alice):
    close(club)

    before, after = (tell(str(n), placed_at=at, at=day(1)) for n, at in enumerate((NOON - JUST_BEFORE, NOON)))

    assert [award(purchase_id).earned_points for purchase_id in (before, after)] == [100, 0]
    assert award(after).reason == "not_live"
    reserve_points(member_id=alice.id, points=50, key="in-time", expires_at=ENDS_AT, at=ENDS_AT - JUST_BEFORE)
    with pytest.raises(CannotSpend, match="the programme is closed"):
        reserve_points(member_id=alice.id, points=50, key="late", expires_at=day(90), at=ENDS_AT)


def test_time_closes_it_and_the_daily_job_writes_it_down_once(club, alice):
    close(club)

    assert phases() == [("live", OPENED, NOON), ("closing", NOON, ENDS_AT), ("closed", ENDS_AT, None)]
    club.refresh_from_db()
    assert [club.state_at(at).value for at in (NOON, ENDS_AT)] == ["closing", "closed"]
    counted = [
        run_job(name="close_programmes", at=at).counted
        for at in (ENDS_AT - JUST_BEFORE, ENDS_AT, ENDS_AT + timedelta(1))
    ]
    club.refresh_from_db()
    assert (counted, club.state, club.closes_at) == ([0, 1, 0], "closed", ENDS_AT)
    assert AuditRecord.objects.filter(kind="programme_state").count() == 1


def test_what_is_left_ends_by_entries_once_however_often_the_job_runs(club, alice):
    tell("1", placed_at=NOON - JUST_BEFORE, at=NOON)
    close(club)

    runs = [run_job(name="wind_up_programmes", at=at) for at in (day(20), ENDS_AT, ENDS_AT + timedelta(1))]

    assert [run.counted for run in runs] == [0, 1, 0]
    assert points(alice, ENDS_AT + timedelta(2)) == (0, 0, 0)
    ended = Entry.objects.filter(member_id=alice.id, reason="closed", kind__in=(6, 7))
    assert ended.count() == 3
    assert broken() == []


def test_many_members_are_wound_up_in_ranges_and_a_run_that_was_cut_off_goes_on(club, alice, monkeypatch):
    monkeypatch.setattr("loyalty.operations.changes.winding_up.MEMBERS_PER_CHUNK", 2)
    others = [join(f"member-{number}", club) for number in range(4)]
    for member in others:
        give_points(member_id=member.id, points=10, key="gift", reason="goodwill", at=OPENED, by=SHOP)
    close(club)

    assert [chunk.counted for chunk in plan_winding_up(ENDS_AT)] == [2, 2, 1]
    run_job(name="wind_up_programmes", at=ENDS_AT)
    assert plan_winding_up(ENDS_AT + timedelta(1)) == []
    assert [points(member, ENDS_AT) for member in (alice, *others)] == [(0, 0, 0)] * 5


def test_points_on_their_way_become_ready_as_planned_and_those_that_come_too_late_at_once(club, alice):
    tell("1", placed_at=day(-12), at=NOON)  # ready on 5 March
    tell("2", placed_at=NOON - JUST_BEFORE, at=NOON)  # ready on 17 March
    tell("3", goods(sold_minor=2000), placed_at=day(13), at=day(13))  # ready on 30 March
    close(club, last_day=date(2026, 4, 10), at=day(13.5))

    assert points(alice, day(13.5)) == (500, 200, 0)
    run_job(name="wind_up_programmes", at=day(13.6))

    assert points(alice, day(13.6)) == (700, 0, 0)
    entry = Entry.objects.get(member_id=alice.id, reason="closing")
    assert entry.occurred_at == day(13.6)
    assert broken() == []


def test_goods_that_come_back_take_back_points_that_became_ready_early(club, alice):
    purchase_id = tell("1", placed_at=day(13), at=day(13))
    close(club, last_day=date(2026, 4, 10), at=day(13.5))
    run_job(name="wind_up_programmes", at=day(13.6))

    back = goods(returned_quantity=2, returned_minor=1000, returned_at=day(14))
    tell("1", back, placed_at=day(13), at=day(14))

    assert award(purchase_id).standing_points == 0
    assert points(alice, day(14)) == (300, 0, 0)
    assert broken() == []


def test_a_lot_that_waits_for_its_delivery_becomes_ready_at_once_and_its_date_does_no_harm():
    club = open_shop(terms={"clock": "delivery"})
    alice = join("alice", club)
    tell("1", placed_at=day(-1), at=NOON)
    close(club)

    run_job(name="wind_up_programmes", at=day(1))
    tell("1", placed_at=day(-1), delivered_at=day(2), status="fulfilled", at=day(2))

    assert points(alice, day(3)) == (100, 0, 0)
    assert broken() == []


def test_debt_is_paid_by_what_becomes_ready_early(club, alice):
    tell("1", placed_at=day(-20), at=NOON)
    held = reserve_points(member_id=alice.id, points=400, key="all", expires_at=day(1), at=NOON)
    spend_reserved(member_id=alice.id, hold_id=held.entry_id, key="spent", at=NOON)
    tell(
        "1",
        goods(returned_quantity=2, returned_minor=1000, returned_at=day(1)),
        placed_at=day(-20),
        at=day(1),
    )
    tell("2", goods(sold_minor=1500), placed_at=day(13), at=day(13))
    close(club, last_day=date(2026, 4, 10), at=day(13.5))

    assert points(alice, day(13.5)) == (0, 150, 100)
    run_job(name="wind_up_programmes", at=day(13.6))

    assert points(alice, day(13.6)) == (50, 0, 0)
    assert broken() == []


def test_a_checkout_that_began_in_time_is_finished_and_the_rest_ends_after_it(club, alice):
    close(club)
    held = reserve_points(
        member_id=alice.id,
        points=100,
        key="basket",
        expires_at=ENDS_AT + timedelta(hours=1),
        at=ENDS_AT - timedelta(minutes=1),
    )

    assert run_job(name="wind_up_programmes", at=ENDS_AT).counted == 0
    spend_reserved(member_id=alice.id, hold_id=held.entry_id, key="spend", at=ENDS_AT + timedelta(minutes=5))
    run_job(name="wind_up_programmes", at=ENDS_AT + timedelta(hours=2))

    spent = Entry.objects.filter(member_id=alice.id, kind=4).count()
    assert (spent, points(alice, ENDS_AT + timedelta(hours=2))) == (1, (0, 0, 0))


def test_an_order_of_before_that_arrives_after_the_end_is_shown_and_ends_by_entries_too(club, alice):
    close(club)
    run_job(name="wind_up_programmes", at=ENDS_AT)

    late = tell("late", placed_at=NOON - JUST_BEFORE, at=ENDS_AT + timedelta(days=3))
    run_job(name="wind_up_programmes", at=ENDS_AT + timedelta(days=4))

    assert award(late).earned_points == 100
    assert points(alice, ENDS_AT + timedelta(days=5)) == (0, 0, 0)


def test_points_that_are_left_a_day_after_the_end_are_found_by_the_check(club, alice, clock):
    close(club)
    run_job(name="release_due_points", at=NOON)

    found = []
    for at in (ENDS_AT + timedelta(hours=25), ENDS_AT + timedelta(hours=27)):
        clock.move_to(at)
        found.append([one.detail for one in check_ledger().findings])
    run_job(name="wind_up_programmes", at=clock.now())

    assert found[0] == []
    (detail,) = found[1]
    assert detail.startswith(f"member {alice.id} has 0 and 300 points; the programme closed at 2026-04-12")
    assert check_ledger().findings == []


def test_closing_can_be_taken_back_until_the_end(club, alice):
    announcement = close(club)

    cancel_announcement(announcement_id=announcement.id, at=day(10))

    club.refresh_from_db()
    assert (club.state, club.closes_at) == ("live", None)
    assert phases() == [("live", OPENED, NOON), ("closing", NOON, day(10)), ("live", day(10), None)]
    earned = [award(tell(str(n), placed_at=day(n), at=day(11))).earned_points for n in (9, 10)]
    assert earned == [0, 100]
    with pytest.raises(CannotCancel):
        cancel_announcement(announcement_id=announcement.id, at=day(11))


def test_the_step_back_to_live_takes_the_announcement_back_too(club, alice):
    close(club)

    change_state(programme_id=club.id, state=ProgrammeState.LIVE, at=day(10))

    assert Announcement.objects.get().cancelled_at == day(10)
    assert [row[0] for row in phases()] == ["live", "closing", "live"]


def test_a_paused_club_that_stays_open_after_all_is_paused_again(club, alice):
    change_state(programme_id=club.id, state=ProgrammeState.PAUSED, at=NOON)
    announcement = close(club, at=day(1))

    cancel_announcement(announcement_id=announcement.id, at=day(2))

    club.refresh_from_db()
    assert club.state == "paused"


def test_what_time_has_closed_stays_closed_also_before_the_job_has_run(club, alice):
    announcement = close(club)

    with pytest.raises(CannotCancel):
        cancel_announcement(announcement_id=announcement.id, at=ENDS_AT)
    with pytest.raises(StepNotAllowed, match="closed can't become live"):
        change_state(programme_id=club.id, state=ProgrammeState.LIVE, at=ENDS_AT)
    with pytest.raises(CannotClose):
        close(club, last_day=date(2027, 1, 1), at=ENDS_AT)

    club.refresh_from_db()
    assert (club.state, club.closes_at) == ("closing", ENDS_AT)


def test_a_closing_without_an_end_is_no_step_that_can_be_taken(club, alice):
    with pytest.raises(StepNotAllowed):
        change_state(programme_id=club.id, state=ProgrammeState.CLOSING, at=NOON)
    with pytest.raises(StepNotAllowed):
        change_state(programme_id=club.id, state=ProgrammeState.CLOSED, at=NOON)

    assert [row[0] for row in phases()] == ["live"]
