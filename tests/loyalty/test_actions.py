"""Points for what members do besides buying: once for each source, within caps, with a reason for none."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from backstage.models import AuditRecord
from backstage.operations.check import check_ledger
from backstage.operations.jobs import run_job
from backstage.policies import SHOP
from commerce.operations.customers import merge_customers
from loyalty.ledger.moves import hold
from loyalty.models import ActionAttempt, ActionRule, ActionVersion, Entry, Member
from loyalty.operations import actions as actions_module
from loyalty.operations.action_rules import (
    ActionStepRefused,
    change_action_rule,
    create_action_rule,
    discard_action_rule,
    end_action_rule,
    pause_action_rule,
    switch_on_action_rule,
)
from loyalty.operations.actions import (
    Action,
    ActionUnreadable,
    AttemptUnknown,
    record_action,
    record_actions,
    withdraw_action,
)
from loyalty.operations.members import pause
from loyalty.operations.programme import change_state
from loyalty.policies.errors import NotEnoughPoints
from loyalty.policies.programme import ProgrammeState
from loyalty.queries.actions import list_ways
from loyalty.queries.programmes import rules_of
from loyalty.queries.why import why
from tests.loyalty.shop import NOON, OPENED, customer, day, join, open_shop, points, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def programme():
    return open_shop()


@pytest.fixture(autouse=True)
def books_are_right(db, clock):
    clock.move_to(day(40))
    yield
    wrong = [answer for answer in check_ledger().answers if not answer.liveness and answer.findings]
    assert wrong == []


def give(programme, kind="review", number=20, *, at=OPENED, event="", **terms) -> ActionRule:
    rule = create_action_rule(
        programme_id=programme.id,
        name=kind.title(),
        kind=kind,
        event=event,
        terms={"points": number, **terms},
        at=at,
    )
    return switch_on_action_rule(rule_id=rule.id, at=at)


def review(programme, member, source="review-1", *, at=NOON, **more):
    return record_action(
        programme_id=programme.id, kind="review", source=source, member_id=member.id, at=at, **more
    )


# -- once, and with a reason ---------------------------------------------------------------------------------


def test_an_action_brings_its_points_at_once_and_says_what_for(programme):
    give(programme)
    alice = join("alice", programme)

    recorded = review(programme, alice)

    assert (recorded.points, recorded.reason, recorded.is_replay) == (20, "", False)
    assert points(alice) == (20, 0, 0)
    entry = Entry.objects.get(kind=1)
    assert (entry.reason, entry.qualifying_change) == ("review", 0)
    assert why(entry_id=entry.id).sentence == "For your review"


def test_the_same_source_counts_once_whoever_tells_it_again(programme):
    give(programme)
    alice, bob = join("alice", programme), join("bob", programme)
    first = review(programme, alice)

    assert review(programme, alice) == type(first)(first.attempt_id, 20, "", True)
    assert review(programme, bob).is_replay
    assert (points(alice), points(bob), ActionAttempt.objects.count()) == ((20, 0, 0), (0, 0, 0), 1)


def test_a_customer_is_found_through_the_shops_own_name_and_a_stranger_brings_nothing(programme):
    give(programme)
    alice = join("alice", programme)
    tell("1", who="bob")

    def ask(name, source):
        return record_action(
            programme_id=programme.id, kind="review", source=source, customer_id=customer(name).id, at=NOON
        )

    assert (ask("alice", "1").points, points(alice)[0]) == (20, 20)
    assert (ask("bob", "2").attempt_id, ask("bob", "2").reason) == (None, "not_member")


def test_a_cap_refuses_what_is_too_much_and_notes_it(programme):
    give(programme, cap_times=2, cap_period="month")
    alice = join("alice", programme)

    given = [review(programme, alice, str(number), at=day(number)) for number in (0, 1, 2, 29)]

    assert [(one.points, one.reason) for one in given] == [
        (20, ""),
        (20, ""),
        (0, "cap_reached"),
        (20, ""),
    ]
    assert ActionAttempt.objects.get(reason="cap_reached").points == 0
    # What was refused stays refused when it is told again.
    assert review(programme, alice, "2", at=day(35)).reason == "cap_reached"


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda programme, member, rule: pause(member_id=member.id, at=day(-1)), "not_active"),
        (lambda programme, member, rule: pause_action_rule(rule_id=rule.id, at=day(-1)), "no_rule"),
        (
            lambda programme, member, rule: change_state(
                programme_id=programme.id, state=ProgrammeState.PAUSED, at=day(-1)
            ),
            "not_live",
        ),
    ],
)
def test_what_brings_nothing_is_recorded_with_its_reason(programme, prepare, reason):
    rule, alice = give(programme), join("alice", programme)
    prepare(programme, alice, rule)

    recorded = review(programme, alice)

    assert (recorded.points, recorded.reason) == (0, reason)
    assert ActionAttempt.objects.get().reason == reason
    assert not Entry.objects.exists()


def test_an_action_that_is_told_late_falls_under_the_rule_of_its_day(programme):
    rule, alice = give(programme), join("alice", programme)
    change_action_rule(rule_id=rule.id, terms={"points": 50}, at=day(0))

    assert review(programme, alice, "old", at=day(5), occurred_at=day(-1)).points == 20
    assert review(programme, alice, "new", at=day(5)).points == 50


def test_an_event_of_the_shops_own_has_a_key(programme):
    give(programme, "event", 7, event="beans-tasting")
    alice = join("alice", programme)

    def told(event):
        return record_action(
            programme_id=programme.id, kind="event", event=event, source="1", member_id=alice.id, at=NOON
        )

    assert (told("beans-tasting").points, told("other").reason) == (7, "no_rule")


def test_points_count_for_the_level_only_where_the_rule_says_so(programme):
    give(programme, counts_for_level=True)
    alice = join("alice", programme)

    review(programme, alice)

    assert Entry.objects.get(kind=1).qualifying_change == 20


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "revew"}, "Did you mean 'review'?"),
        ({"source": " "}, "Give a source"),
        ({"source": "x" * 101}, "Give a source"),
        ({"event": "x"}, "with the kind 'event'"),
        ({"kind": "event"}, "with the kind 'event'"),
        ({"member_id": None}, "Say who"),
        ({"customer_id": 1}, "Say who"),
        ({"member_id": 987654}, "There is no member 987654"),
        ({"occurred_at": datetime(2026, 3, 3)}, "time zone"),  # noqa: DTZ001
    ],
)
def test_what_cannot_be_an_action_is_refused_with_the_way_out_and_nothing_is_recorded(programme, wrong, said):
    give(programme)
    alice = join("alice", programme)
    told = {"kind": "review", "source": "1", "member_id": alice.id, "at": NOON}

    with pytest.raises(ActionUnreadable, match=said):
        record_action(programme_id=programme.id, **(told | wrong))

    assert not ActionAttempt.objects.exists()


def test_many_are_told_in_as_many_statements_as_one(programme):
    give(programme)
    members = [join(f"m{number}", programme) for number in range(21)]

    def asked(chosen):
        told = [Action(kind="review", source=f"r{one.id}", member_id=one.id) for one in chosen]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            record_actions(programme_id=programme.id, actions=told, at=NOON)
        return len(queries)

    one, many = asked(members[:1]), asked(members[1:])
    assert many <= one + 1  # by the thousand PostgreSQL stores a posting in one statement
    assert ActionAttempt.objects.filter(points=20).count() == 21


# -- taken back, and merged ----------------------------------------------------------------------------------


def test_what_was_no_review_is_taken_back_once_and_makes_room_under_the_cap(programme):
    give(programme, cap_times=1)
    alice = join("alice", programme)
    review(programme, alice)

    for _ in range(2):
        withdraw_action(programme_id=programme.id, kind="review", source="review-1", at=day(1))

    assert points(alice, day(1)) == (0, 0, 0)
    assert review(programme, alice, at=day(2)).points == 20  # told again, it answers what it brought then
    assert points(alice, day(2)) == (0, 0, 0)
    assert review(programme, alice, "review-2", at=day(2)).points == 20
    assert AuditRecord.objects.filter(kind="action_withdrawn").count() == 1


def test_more_than_is_left_cannot_be_taken_back_and_nothing_changes(programme):
    give(programme)
    alice = join("alice", programme)
    review(programme, alice)

    with transaction.atomic():
        hold(member_id=alice.id, points=15, key="h", expires_at=day(9), at=NOON, by=SHOP)

    with pytest.raises(NotEnoughPoints):
        withdraw_action(programme_id=programme.id, kind="review", source="review-1", at=NOON)

    assert ActionAttempt.objects.get().withdrawn_at is None
    with pytest.raises(AttemptUnknown):
        withdraw_action(programme_id=programme.id, kind="review", source="other", at=NOON)


def test_merged_members_share_one_cap(programme):
    give(programme, cap_times=1)
    alice, bob = join("alice", programme), join("bob", programme)
    review(programme, bob)
    merge_customers(source=customer("bob").id, target=customer("alice").id, by=SHOP, at=day(1))

    assert review(programme, alice, "review-2", at=day(1)).reason == "cap_reached"
    assert review(programme, bob, "review-3", at=day(1)).reason == "cap_reached"


# -- joining, birthdays, anniversaries -----------------------------------------------------------------------


def test_whoever_joins_gets_the_welcome_once_in_the_same_moment(programme):
    give(programme, "sign_up", 50)

    alice = join("alice", programme, at=NOON)
    join("alice", programme, at=day(1))

    assert points(alice) == (50, 0, 0)
    assert ActionAttempt.objects.count() == 1


def test_whoever_is_enrolled_by_a_purchase_gets_the_welcome_too():
    programme = open_shop(enrolment="automatic")
    give(programme, "sign_up", 50)

    tell("1", who="alice")

    assert points(Member.objects.get())[:2] == (50, 100)


def born(name, on):
    who = customer(name)
    who.birth_date = on
    who.save()


def run(at, slot=None):
    run_job(name="grant_occasion_points", at=at, slot=slot or at.isoformat())


def test_a_birthday_is_kept_once_a_year_also_when_no_job_ran_that_day(programme):
    give(programme, "birthday", 30)
    alice = join("alice", programme)
    born("alice", date(1990, 3, 5))

    for number in (1, 6, 7, 8):
        run(day(number))
    assert points(alice, day(9)) == (30, 0, 0)
    born("alice", date(1990, 3, 10))  # editing the day makes no second one
    run(day(8), "again")
    assert points(alice, day(9)) == (30, 0, 0)
    run(day(373))
    # The points of a year ago have ended meanwhile, as all points do after 12 months.
    assert (points(alice, day(374)), ActionAttempt.objects.count()) == ((30, 0, 0), 2)


def test_a_birthday_of_the_29_of_february_is_kept_on_the_28(programme):
    give(programme, "birthday", 30)
    alice = join("alice", programme)
    born("alice", date(1992, 2, 29))

    run(datetime(2027, 2, 27, 12, tzinfo=UTC))
    assert not ActionAttempt.objects.exists()
    run(datetime(2027, 2, 28, 12, tzinfo=UTC))

    assert ActionAttempt.objects.get().source == f"birthday:{alice.id}:2027"


def test_what_is_longer_ago_than_a_week_is_not_made_up_for(programme):
    give(programme, "birthday", 30)
    join("alice", programme)
    born("alice", date(1990, 3, 5))

    run(day(10))

    assert not ActionAttempt.objects.exists()


def test_an_anniversary_is_a_year_after_joining_and_not_the_day_itself(programme):
    give(programme, "anniversary", 40)
    alice = join("alice", programme, at=NOON)

    run(day(0.5))
    assert not ActionAttempt.objects.exists()
    run(day(365))

    assert points(alice, day(366)) == (40, 0, 0)


def test_the_job_asks_as_many_questions_for_many_members_as_for_one(programme):
    give(programme, "birthday", 30)

    def asked(names, at):
        for name in names:
            join(name, programme)
            born(name, date(1990, at.month, at.day))
        with CaptureQueriesContext(connection) as queries:
            run(at)
        return len(queries)

    one, many = asked(["a"], day(1)), asked([f"b{number}" for number in range(20)], day(20))
    assert many <= one + 1
    assert ActionAttempt.objects.filter(points=30).count() == 21


# -- the life of a rule --------------------------------------------------------------------------------------


def test_a_draft_gives_nothing_and_is_changed_in_place(programme):
    rule = create_action_rule(
        programme_id=programme.id, name="Reviews", kind="review", terms={"points": 20}, at=OPENED
    )
    change_action_rule(rule_id=rule.id, own={"name": "Stars"}, terms={"points": 30}, at=OPENED)
    alice = join("alice", programme)

    assert review(programme, alice).reason == "no_rule"
    assert ActionVersion.objects.get().points == 30
    discard_action_rule(rule_id=rule.id, at=NOON)
    assert not ActionRule.objects.exists()


def test_what_runs_is_changed_by_a_version_and_never_edited_and_what_ended_stays_so(programme):
    rule = give(programme)
    change_action_rule(rule_id=rule.id, terms={"points": 30}, at=day(0))
    pause_action_rule(rule_id=rule.id, at=day(1))
    switch_on_action_rule(rule_id=rule.id, at=day(2))
    end_action_rule(rule_id=rule.id, at=day(3))

    found = list(ActionVersion.objects.order_by("number").values_list("points", "starts_at", "ends_at"))
    assert found == [(20, OPENED, day(0)), (30, day(0), day(1)), (30, day(2), day(3))]
    for deed in (switch_on_action_rule, pause_action_rule, discard_action_rule, end_action_rule):
        with pytest.raises(ActionStepRefused):
            deed(rule_id=rule.id, at=day(4))


def test_two_rules_for_one_thing_cannot_run_at_once(programme):
    give(programme)

    with pytest.raises(ValidationError, match="gives points for the same"):
        give(programme)

    assert list(ActionRule.objects.values_list("state", flat=True).order_by("id")) == ["on", "draft"]


@pytest.mark.parametrize(
    "wrong", [{"points": 0}, {"points": -1}, {"points": 10**9}, {"cap_times": 0}, {"cap_period": "x"}]
)
def test_what_a_rule_cannot_be_is_refused_beside_its_field(programme, wrong):
    with pytest.raises(ValidationError) as refusal:
        create_action_rule(
            programme_id=programme.id, name="A", kind="review", terms={"points": 1, **wrong}, at=OPENED
        )

    assert list(refusal.value.message_dict) == list(wrong)
    assert not ActionRule.objects.exists()


def test_members_read_what_else_brings_points(programme):
    give(programme)
    give(programme, "sign_up", 50)
    rule = give(programme, "birthday", 1)
    change_action_rule(rule_id=rule.id, own={"public_text": {"en": "A point for your day"}}, at=OPENED)

    programme.refresh_from_db()
    assert list_ways(rules_of(programme).actions, at=NOON) == [
        "20\N{NO-BREAK SPACE}points: a review, whatever its stars",
        "A point for your day",
    ]


# -- together ------------------------------------------------------------------------------------------------


def at_once(count, deed):
    barrier = Barrier(count)

    def one(number):
        try:
            barrier.wait(30)
            return deed(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.django_db(transaction=True)
def test_a_cap_is_exact_when_many_things_are_done_at_once(programme):
    give(programme, cap_times=3)
    alice = join("alice", programme)

    given = at_once(16, lambda number: review(programme, alice, f"r{number}").points)

    assert sorted(given) == [0] * 13 + [20] * 3
    assert points(alice) == (60, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_one_source_told_by_many_counts_once(programme):
    give(programme)
    members = [join(f"m{number}", programme) for number in range(8)]

    given = at_once(8, lambda number: review(programme, members[number]).is_replay)

    assert sorted(given) == [False] + [True] * 7
    assert ActionAttempt.objects.count() == 1


if connection.vendor == "postgresql":  # SQLite has one writer at a time: there is no lock to take away

    @pytest.mark.django_db(transaction=True)
    def test_control_without_the_lock_a_cap_is_passed(programme, monkeypatch):
        give(programme, cap_times=1)
        alice = join("alice", programme)
        monkeypatch.setattr(actions_module, "lock_accounts", list)
        both_have_counted, decide = Barrier(2), actions_module._decide

        def decide_together(*args):
            attempts = decide(*args)
            both_have_counted.wait(30)
            return attempts

        monkeypatch.setattr(actions_module, "_decide", decide_together)

        given = at_once(2, lambda number: review(programme, alice, f"r{number}").points)

        assert given == [20, 20]
