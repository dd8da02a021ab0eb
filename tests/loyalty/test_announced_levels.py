"""Levels that become harsher are announced first, hold from their day on, and can be called off till then."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection

from backstage.models import AuditRecord
from backstage.operations.check import check_ledger
from loyalty.models import Announcement, Programme, Tier, TierHolding, TierNotice, TierScheme
from loyalty.operations.changes.cancelling import CannotCancel, cancel_announcement
from loyalty.operations.changes.notice import AlreadyAnnounced, NoticeTooShort, StartPassed
from loyalty.operations.tiers import schemes as operations
from loyalty.operations.tiers.schemes import LevelsUnknown, save_scheme, switch_off_levels, switch_on_levels
from loyalty.policies.backtest import Proposal
from loyalty.policies.tiers.terms import TierPlan
from loyalty.queries.backtest import run_backtest
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.quote import quote, single
from loyalty.queries.tiers.course import find_course
from loyalty.queries.tiers.schemes import list_level_choices, name_levels
from tests.loyalty.levels import THREE, history, level, level_ids, requalify, switch_on, warn
from tests.loyalty.shop import NOON, OPENED, award, day, goods, join, open_shop, tell

pytestmark = pytest.mark.django_db

JUST_BEFORE = timedelta(microseconds=1)
START = day(30)


@pytest.fixture
def club():
    club = open_shop(enrolment="automatic", notice_days=30)
    switch_on(club)
    return club


@pytest.fixture
def alice(club):
    return join("alice", club)


def draft(club, *, at=NOON, settings=None, **levels) -> TierScheme:
    """Draft a new version of the three levels, some with other fields; None takes one away."""
    ids = level_ids(TierScheme.objects.filter(programme=club, starts_at=OPENED).get())
    tiers = [
        replace(plan, level_id=ids[plan.name], **changed)
        for plan in THREE
        if (changed := levels.get(plan.name, {})) is not None
    ]
    return save_scheme(programme_id=club.id, rules=settings or {}, tiers=tiers, at=at)


def announce(club, *, starts_at=START, at=NOON, settings=None, **levels) -> TierScheme:
    draft(club, at=at, settings=settings, **levels)
    return switch_on_levels(programme_id=club.id, starts_at=starts_at, at=at)


def buy(reference: str, minor: int, at, *, who: str = "alice", told_at=None) -> int:
    return tell(reference, goods(sold_minor=minor), who=who, at=told_at or at, placed_at=at)


def versions(club) -> list[tuple]:
    rows = TierScheme.objects.filter(programme=club).order_by("number")
    return list(rows.values_list("number", "starts_at", "ends_at"))


def course(club, member, at):
    found = find_course(get_programme_rules(club.id), member_id=member.id, at=at)
    assert found is not None
    return found


# -- who has to be told, and how long before -----------------------------------------------------------------


def test_a_dearer_level_needs_the_notice_and_the_refusal_changes_nothing(club, alice):
    draft(club, Gold={"threshold": 120_000})

    for starts_at in (None, NOON, START - JUST_BEFORE):
        with pytest.raises(NoticeTooShort) as refusal:
            switch_on_levels(programme_id=club.id, starts_at=starts_at, at=NOON)

    assert (refusal.value.earliest, refusal.value.notice_days) == (START, 30)
    assert refusal.value.lowers == ("threshold",)
    assert versions(club) == [(1, OPENED, None), (2, None, None)]
    assert not Announcement.objects.exists()
    switch_on_levels(programme_id=club.id, starts_at=START, at=NOON)
    assert versions(club) == [(1, OPENED, START), (2, START, None)]


def test_switching_levels_off_needs_the_notice_too(club, alice):
    with pytest.raises(NoticeTooShort):
        switch_off_levels(programme_id=club.id, at=NOON)
    assert versions(club) == [(1, OPENED, None)]

    buy("1", 30_000, NOON)
    switch_off_levels(programme_id=club.id, starts_at=START, at=NOON)

    assert versions(club) == [(1, OPENED, START)]
    assert [level(alice, at) for at in (START - JUST_BEFORE, START)] == ["Silver", None]
    assert course(club, alice, NOON).lasts_until == START
    assert find_course(get_programme_rules(club.id), member_id=alice.id, at=START) is None


def test_what_is_only_better_may_hold_now_or_from_a_day_that_is_chosen(club, alice):
    announce(club, starts_at=None, Gold={"threshold": 90_000})
    assert not Announcement.objects.exists()

    announce(club, at=day(1), starts_at=day(2), Gold={"threshold": 80_000})

    assert versions(club) == [(1, OPENED, NOON), (2, NOON, day(2)), (3, day(2), None)]
    assert Announcement.objects.get().lowers == []


def test_without_members_nobody_has_to_be_told(club):
    announce(club, starts_at=None, Gold={"threshold": 120_000})
    switch_off_levels(programme_id=club.id, at=day(1))

    assert versions(club) == [(1, OPENED, NOON), (2, NOON, day(1))]


def test_staff_who_try_a_programme_out_have_been_promised_nothing(club, alice):
    Programme.objects.update(state="staff_only")

    announce(club, starts_at=None, Gold=None)

    assert versions(club) == [(1, OPENED, NOON), (2, NOON, None)]


def test_nothing_holds_from_before_it_was_decided(club):
    draft(club, Gold={"threshold": 90_000})

    with pytest.raises(StartPassed):
        switch_on_levels(programme_id=club.id, starts_at=NOON - JUST_BEFORE, at=NOON)

    assert versions(club) == [(1, OPENED, None), (2, None, None)]


def test_what_changes_nothing_holds_at_once_and_is_not_announced(club, alice):
    announce(club)

    assert versions(club) == [(1, OPENED, NOON), (2, NOON, None)]
    assert not Announcement.objects.exists()


# -- what holds when -----------------------------------------------------------------------------------------


def test_an_order_earns_by_the_factor_of_the_moment_it_was_placed_at_as_was_quoted(club, alice):
    buy("gold", 100_000, NOON)
    announce(club, Gold={"factor": Decimal("1.25")})

    moments = [START - JUST_BEFORE, START]
    told = [buy(str(n), 1_000, at, told_at=day(31)) for n, at in enumerate(moments)]

    assert [award(one).earned_points for one in told] == [150, 125]
    quoted = [
        quote(basket=single(1000), currency="EUR", programme_id=club.id, member_id=alice.id, at=at).points
        for at in moments
    ]
    assert quoted == [150, 125]


def test_the_second_before_its_start_the_old_threshold_counts_and_from_then_on_the_new_one(club):
    alice, bob = join("alice", club), join("bob", club)
    announce(club, Gold={"threshold": 120_000})

    buy("1", 100_000, START - timedelta(seconds=1))
    buy("2", 100_000, START, who="bob")

    assert [level(one, START) for one in (alice, bob)] == ["Gold", "Silver"]
    assert course(club, bob, START).missing == 20_000
    buy("3", 20_000, START + timedelta(seconds=1), who="bob")
    assert level(bob, day(31)) == "Gold"


def test_an_order_of_the_last_second_that_arrives_late_reaches_what_was_promised_then(club):
    alice, bob = join("alice", club), join("bob", club)
    announce(club, Gold={"threshold": 120_000})

    buy("1", 100_000, START - timedelta(seconds=1), told_at=day(31))
    buy("2", 90_000, START - timedelta(seconds=1), told_at=START, who="bob")
    buy("3", 10_000, START, told_at=START, who="bob")

    assert [level(one, day(31)) for one in (alice, bob)] == ["Gold", "Silver"]
    gold = TierHolding.objects.get(member=alice)
    assert (gold.begins_at, gold.begin_reason, gold.tests_on) == (day(31), "reached", date(2027, 4, 2))


def test_an_order_of_before_that_changes_later_raises_nobody_again(club, alice):
    buy("1", 100_000, day(1))
    tell("1", goods(sold_minor=100_000, returned_minor=1, returned_quantity=0), at=day(2), placed_at=day(1))
    announce(club, at=day(3), starts_at=day(33), Gold={"threshold": 120_000})
    TierHolding.objects.update(ends_at=day(10), end_reason="withdrawn")

    tell("1", goods(sold_minor=100_000), at=day(34), placed_at=day(1))

    assert level(alice, day(34)) == "Silver"


def test_who_has_a_level_keeps_it_until_its_test_which_the_new_version_decides(club, alice):
    buy("1", 100_000, NOON)
    announce(club, Gold={"threshold": 120_000})
    buy("2", 110_000, day(100))

    assert level(alice, day(101)) == "Gold"
    assert course(club, alice, day(101)).keeps_missing == 10_000
    assert course(club, alice, day(1)).keeps_missing == 120_000

    requalify(day(366 + 31))
    assert history(alice)[-2:] == [("Gold", "reached", "fell"), ("Silver", "fell", "")]


def test_a_test_before_the_start_is_decided_by_the_old_version_however_late_the_job_is(club, alice):
    buy("1", 100_000, day(-365 + 20))
    buy("2", 100_000, day(1))
    announce(club, Gold={"threshold": 120_000}, settings={"grace_days": 0})

    requalify(day(40))

    assert history(alice) == [("Gold", "reached", "kept"), ("Gold", "kept", "")]


def test_grace_is_that_of_the_version_that_decides_the_test(club, alice):
    buy("1", 100_000, day(-365 + 29))
    announce(club, settings={"grace_days": 0})

    requalify(day(31))
    assert level(alice, day(31)) == "Gold"
    buy("2", 100_000, day(50))

    assert history(alice) == [("Gold", "reached", "kept"), ("Gold", "kept", "")]
    assert TierHolding.objects.get(ends_at=None).tests_on == date(2027, 4, 1)


def test_a_warning_says_what_the_version_asks_that_decides_the_test(club, alice):
    buy("1", 100_000, day(-365 + 40))
    announce(club, at=day(5), starts_at=day(35), Gold={"threshold": 120_000})
    buy("2", 30_000, day(6))

    assert warn(day(12)) == 1

    assert TierNotice.objects.get().missing == 90_000
    assert course(club, alice, day(12)).keeps_missing == 90_000


def test_a_level_that_goes_is_theirs_until_the_day_and_nothing_keeps_it(club, alice):
    buy("1", 100_000, NOON)
    announce(club, Gold=None)

    found = course(club, alice, day(1))
    assert (found.tier.name, found.lasts_until, found.keeps_missing) == ("Gold", START, None)
    assert [level(alice, at) for at in (START - JUST_BEFORE, START)] == ["Gold", None]
    requalify(START)
    assert level(alice, day(31)) == "Silver"


def test_a_level_that_something_else_counts_for_by_its_test_is_measured_by_that(club, alice):
    buy("1", 100_000, NOON)
    announce(
        club,
        settings={"metric": "orders"},
        Bronze={"threshold": 1},
        Silver={"threshold": 3},
        Gold={"threshold": 5},
    )
    buy("2", 500, day(1))

    found = course(club, alice, day(2))
    assert (found.next, found.keeps_missing, found.tested_by.metric) == (None, 4, "orders")


def test_levels_that_could_not_be_lost_last_from_the_day_on_which_they_can(club, alice):
    announce(club, starts_at=None, settings={"window": "lifetime"})
    buy("1", 100_000, day(1))
    assert TierHolding.objects.get().tests_on is None

    announce(club, at=day(2), starts_at=day(32), settings={"window": "rolling"})

    before, after = (course(club, alice, at) for at in (day(3), day(32)))
    assert before.lasts_until == after.lasts_until
    assert after.lasts_until.isoformat() == "2027-04-04T22:00:00+00:00"
    assert TierHolding.objects.get().tests_on is None
    requalify(day(32))
    assert TierHolding.objects.get().tests_on == date(2027, 4, 4)


def test_levels_that_are_on_again_from_a_day_are_tested_from_that_day_on_whoever_comes_first(club, alice):
    buy("1", 30_000, NOON)
    switch_off_levels(programme_id=club.id, starts_at=START, at=NOON)
    announce(club, at=day(400), starts_at=day(500))
    assert level(alice, day(499)) is None

    buy("2", 100, day(500))

    assert [(row.tests_on, row.ends_at) for row in TierHolding.objects.all()] == [(date(2027, 3, 3), None)]
    assert course(club, alice, day(500)).lasts_until.isoformat() == "2027-07-16T22:00:00+00:00"
    requalify(day(501))
    assert TierHolding.objects.get().tests_on == date(2027, 7, 16)
    assert level(alice, day(501)) == "Silver"


def test_on_its_day_the_job_raises_whoever_has_earned_more_by_it(club):
    alice, bob = join("alice", club), join("bob", club)
    for who in ("alice", "bob"):
        buy(who, 90_000, NOON, who=who)
    announce(club, Gold={"threshold": 80_000})
    assert requalify(day(29)) == 0

    buy("3", 100, START, who="bob")

    assert [level(one, START) for one in (alice, bob)] == ["Silver", "Gold"]
    assert requalify(START) == 1
    assert level(alice, START) == "Gold"


# -- what is announced, and called off -----------------------------------------------------------------------


def test_an_announcement_keeps_both_versions_in_codes(club, alice):
    ids = level_ids(announce(club, Gold={"threshold": 120_000}, settings={"grace_days": 10}))

    one = Announcement.objects.get()
    assert (one.subject, one.lowers, one.announced_at, one.starts_at) == (
        "levels",
        ["grace", "threshold"],
        NOON,
        START,
    )
    assert {name: pair for name, pair in one.changes.items() if name != "levels"} == {
        "metric": ["spend", "spend"],
        "window": ["rolling", "rolling"],
        "grace_days": [30, 10],
    }
    before, after = one.changes["levels"]
    gold = {"level_id": ids["Gold"], "name": "Gold", "percent": 150, "perks": []}
    assert (before[2], after[2]) == ({**gold, "threshold": 100_000}, {**gold, "threshold": 120_000})


def test_while_one_is_announced_a_second_change_is_refused_with_the_way_out(club, alice):
    announce(club, Gold={"threshold": 120_000})
    draft(club, at=day(1), Gold={"threshold": 90_000})
    stood = versions(club)

    with pytest.raises(AlreadyAnnounced, match=f"announcement_id={Announcement.objects.get().id}"):
        switch_on_levels(programme_id=club.id, at=day(1))
    with pytest.raises(AlreadyAnnounced):
        switch_off_levels(programme_id=club.id, starts_at=day(60), at=day(1))

    assert versions(club) == stood
    switch_on_levels(programme_id=club.id, at=START)
    assert versions(club) == [(1, OPENED, START), (2, START, START), (3, START, None)]


def test_called_off_everything_is_as_it_was_before_and_the_version_is_a_draft_again(club, alice):
    buy("1", 100_000, NOON)
    draft(club, at=NOON, Gold={"threshold": 120_000, "factor": Decimal("1.25")})
    fields = [list(model.objects.order_by("id").values()) for model in (TierScheme, Tier, TierHolding)]
    switch_on_levels(programme_id=club.id, starts_at=START, at=NOON)

    cancel_announcement(announcement_id=Announcement.objects.get().id, at=day(29))

    assert fields == [
        list(model.objects.order_by("id").values()) for model in (TierScheme, Tier, TierHolding)
    ]
    assert award(buy("2", 1_000, day(31))).earned_points == 150
    assert AuditRecord.objects.filter(kind="change_called_off").count() == 1
    switch_on_levels(programme_id=club.id, starts_at=day(61), at=day(31))
    assert versions(club) == [(1, OPENED, day(61)), (2, day(61), None)]


def test_called_off_beside_a_new_draft_it_is_a_version_that_never_ran(club, alice):
    announce(club, Gold={"threshold": 120_000})
    draft(club, at=day(1), Gold={"threshold": 90_000})

    cancel_announcement(announcement_id=Announcement.objects.get().id, at=day(2))
    switch_on_levels(programme_id=club.id, at=day(3))

    assert versions(club) == [(1, OPENED, day(3)), (2, START, START), (3, day(3), None)]
    assert broken() == []


def test_the_end_of_levels_can_be_called_off_and_not_once_it_holds(club, alice):
    switch_off_levels(programme_id=club.id, starts_at=START, at=NOON)
    announcement = Announcement.objects.get()

    with pytest.raises(CannotCancel, match="holds already"):
        cancel_announcement(announcement_id=announcement.id, at=START)
    cancel_announcement(announcement_id=announcement.id, at=START - JUST_BEFORE)

    assert versions(club) == [(1, OPENED, None)]


def test_a_level_that_is_only_announced_is_not_offered_to_campaigns(club, alice):
    announce(club, Gold=None)
    names = [name for _, name in list_level_choices(club.id, at=day(1))]

    assert names == ["Bronze", "Silver", "Gold"]
    cancel_announcement(announcement_id=Announcement.objects.get().id, at=day(1))
    save_scheme(
        programme_id=club.id,
        rules={},
        tiers=[TierPlan("Bronze", 10_000), TierPlan("Iron", 20_000)],
        at=day(1),
    )
    switch_on_levels(programme_id=club.id, starts_at=day(31), at=day(1))
    assert [[name for _, name in list_level_choices(club.id, at=day(n))] for n in (30, 31)] == [
        ["Bronze", "Silver", "Gold"],
        ["Bronze", "Silver", "Gold", "Bronze", "Iron"],
    ]


def test_a_new_name_is_said_from_its_day_on_and_a_level_that_never_held_by_the_one_it_would_have(club, alice):
    gold = level_ids(TierScheme.objects.get())["Gold"]
    announce(club, Gold={"name": "Sun", "threshold": 200_000})
    draft(club, Gold={"name": "Moon"})

    said = [name_levels([gold], at=at)[gold] for at in (day(1), START - JUST_BEFORE, START)]

    assert said == ["Gold", "Gold", "Sun"]
    new = save_scheme(programme_id=club.id, rules={}, tiers=[TierPlan("Iron", 20_000)], at=day(1))
    iron = new.tiers.get().level_id
    assert name_levels([iron, gold], at=day(1)) == {iron: "Iron", gold: "Gold"}


# -- what the books say --------------------------------------------------------------------------------------


def broken() -> list[str]:
    return [finding.detail for finding in check_ledger().findings]


def test_announced_levels_that_neither_begin_nor_end_are_found(club, alice):
    announce(club, Gold={"threshold": 120_000})
    assert broken() == []

    TierScheme.objects.filter(starts_at=START).update(starts_at=day(31))
    TierScheme.objects.filter(ends_at=START).update(ends_at=day(31))

    assert [found.partition(": no levels")[0] for found in broken()] == [
        f"announcement {Announcement.objects.get().id} of programme {club.id}"
    ]


def test_two_versions_that_hold_at_one_time_are_found(club, alice):
    second = announce(club, Gold={"threshold": 120_000})
    first = TierScheme.objects.get(number=1)

    TierScheme.objects.filter(id=first.id).update(ends_at=START + JUST_BEFORE)

    assert (
        f"versions {first.id} and {second.id} of the levels of programme {club.id} hold at one time"
        in broken()
    )


def test_levels_without_a_test_are_found_once_the_job_has_had_a_day_for_them(club, alice, clock):
    clock.move_to(NOON)
    announce(club, starts_at=None, settings={"window": "lifetime"})
    buy("1", 100_000, NOON)
    announce(club, at=NOON, starts_at=START, settings={"window": "rolling"})

    found = {}
    for at in (day(29), day(30.5), day(32)):
        clock.move_to(at)
        found[at] = [one for one in broken() if one.startswith("level")]

    late = f"level {TierHolding.objects.get().id} of member {alice.id} would never be tested"
    assert found == {day(29): [], day(30.5): [], day(32): [late]}


# -- two at once ---------------------------------------------------------------------------------------------


def change_together(club) -> list[str]:
    """Let two owners announce a new version and the end of levels in the same moment; give what became of
    each.
    """
    start = Barrier(2)

    def change_one(operate) -> str:
        start.wait(timeout=30)
        try:
            return type(operate(programme_id=club.id, starts_at=START, at=NOON)).__name__
        except Exception as error:
            return type(error).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        return sorted(pool.map(change_one, (switch_on_levels, switch_off_levels)))


@pytest.fixture
def drafted(transactional_db):
    club = open_shop(enrolment="automatic", notice_days=30)
    switch_on(club)
    join("alice", club)
    draft(club, Gold={"threshold": 120_000})
    return club


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_in_the_same_moment_the_second_is_told_of_the_first(drafted):
    assert change_together(drafted) == ["AlreadyAnnounced", "TierScheme"]
    assert Announcement.objects.count() == 1


if connection.vendor == "postgresql":  # SQLite has one writer at a time: there is no lock to take away

    @pytest.mark.django_db(transaction=True)
    def test_control_without_the_lock_both_are_announced(drafted, monkeypatch):
        asked, agree = Barrier(2), operations._agree

        def agree_when_both_have_asked(*told, **more):
            asked.wait(timeout=30)
            return agree(*told, **more)

        with monkeypatch.context() as without:
            without.setattr(operations, "lock_for_change", lambda one: Programme.objects.get(id=one))
            without.setattr(operations, "_agree", agree_when_both_have_asked)
            results = change_together(drafted)

        assert results == ["TierScheme", "TierScheme"]
        assert Announcement.objects.count() == 2


def test_nothing_can_be_switched_on_without_a_draft_nor_off_while_they_are_off(club):
    with pytest.raises(LevelsUnknown):
        switch_on_levels(programme_id=club.id, starts_at=START, at=NOON)
    switch_off_levels(programme_id=club.id, at=NOON)
    with pytest.raises(LevelsUnknown):
        switch_off_levels(programme_id=club.id, starts_at=START, at=day(1))
    assert not Announcement.objects.exists()


def test_a_trial_of_other_rules_uses_the_levels_that_are_on_and_not_those_that_are_announced(club, alice):
    buy("1", 100_000, day(-10))
    buy("2", 1_000, day(-9))
    announce(club, Gold={"factor": Decimal("1.25")})
    rules = get_programme_rules(club.id)
    proposal = Proposal(rules.rules[0].rule, next(iter(rules.terms_by_id().values())))

    report = run_backtest(rules=rules, proposal=proposal, since=day(-20), until=NOON)

    assert report.changes == []
