"""A change that takes something away is announced first, holds from its day on, and can be called off."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from backstage.models import AuditRecord
from backstage.operations.check import check_ledger
from backstage.operations.jobs import run_job
from backstage.policies import SHOP
from loyalty.models import Announcement, EarningRule, LotTerms, Programme, TermsVersion
from loyalty.operations import programme as programme_operations
from loyalty.operations.adjustments import give_points
from loyalty.operations.changes.cancelling import CannotCancel, cancel_announcement
from loyalty.operations.changes.notice import AlreadyAnnounced, NoticeTooShort, StartPassed
from loyalty.operations.changes.text import publish_terms
from loyalty.operations.programme import (
    add_product_group,
    change_rule,
    change_settings,
    change_terms,
    create_programme,
)
from loyalty.operations.spending import reserve_points, spend_reserved
from loyalty.queries import get_balance
from loyalty.queries.changes.announcements import list_standing
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.quote import quote, single
from tests.loyalty.shop import NOON, OPENED, award, day, goods, join, open_shop, points, tell

pytestmark = pytest.mark.django_db

JUST_BEFORE = timedelta(microseconds=1)


@pytest.fixture
def club():
    return open_shop(worth_points=100, worth_minor=50, notice_days=30)


@pytest.fixture
def alice(club):
    return join("alice", club)


def quoted(club, at) -> int:
    return quote(basket=single(1000), currency="EUR", programme_id=club.id, at=at).points


def versions(model=EarningRule) -> list[tuple]:
    return list(model.objects.order_by("version").values_list("version", "starts_at", "ends_at"))


# -- who has to be told, and how long before -----------------------------------------------------------------


def test_fewer_points_need_the_notice_and_the_refusal_says_from_when_they_may_hold(club, alice):
    with pytest.raises(NoticeTooShort) as refusal:
        change_rule(programme_id=club.id, points=5, at=NOON)

    assert (refusal.value.earliest, refusal.value.notice_days) == (day(30), 30)
    assert versions() == [(1, OPENED, None)]
    assert not Announcement.objects.exists()
    with pytest.raises(NoticeTooShort):
        change_rule(programme_id=club.id, points=5, starts_at=day(30) - JUST_BEFORE, at=NOON)
    change_rule(programme_id=club.id, points=5, starts_at=day(30), at=NOON)
    assert versions() == [(1, OPENED, day(30)), (2, day(30), None)]


def test_a_change_for_the_better_may_hold_now(club, alice):
    change_rule(programme_id=club.id, points=20, at=NOON)

    assert [quoted(club, at) for at in (NOON - JUST_BEFORE, NOON)] == [100, 200]
    assert not Announcement.objects.exists()


def test_without_members_nobody_has_to_be_told(club):
    change_rule(programme_id=club.id, points=5, at=NOON)

    assert quoted(club, NOON) == 50


def test_staff_who_try_a_programme_out_have_been_promised_nothing(club, alice):
    Programme.objects.update(state="staff_only")

    change_rule(programme_id=club.id, points=5, at=NOON)

    assert quoted(club, NOON) == 50


def test_what_gives_with_one_hand_and_takes_with_the_other_needs_the_notice(club, alice):
    with pytest.raises(NoticeTooShort):
        change_terms(programme_id=club.id, window_days=7, expiry_months=6, at=NOON)

    assert versions(LotTerms) == [(1, OPENED, None)]


def test_a_shorter_notice_is_itself_announced_by_the_longer_one(club, alice):
    with pytest.raises(NoticeTooShort):
        change_settings(programme_id=club.id, notice_days=0, at=NOON)
    change_settings(programme_id=club.id, notice_days=0, starts_at=day(30), at=NOON)

    with pytest.raises(NoticeTooShort):
        change_rule(programme_id=club.id, points=5, at=day(29))
    change_rule(programme_id=club.id, points=5, at=day(30))

    assert quoted(club, day(30)) == 50


def test_nothing_holds_from_before_it_was_decided(club):
    with pytest.raises(StartPassed):
        change_rule(programme_id=club.id, points=20, starts_at=NOON - JUST_BEFORE, at=NOON)

    assert versions() == [(1, OPENED, None)]


# -- what holds when -----------------------------------------------------------------------------------------


def test_orders_earn_by_the_rule_of_the_moment_they_were_placed_at_however_late_they_arrive(club, alice):
    change_rule(programme_id=club.id, points=5, starts_at=day(30), at=NOON)

    moments = [day(30) - JUST_BEFORE, day(30)]
    told = [tell(str(n), placed_at=at, at=day(31)) for n, at in enumerate(moments)]

    assert [award(purchase_id).earned_points for purchase_id in told] == [100, 50]
    assert [quoted(club, at) for at in moments] == [100, 50]


def test_the_rules_that_a_process_keeps_know_of_the_change_before_it_holds(club, alice):
    assert get_programme_rules(club.id).rule_at(day(30)).points == 10

    change_rule(programme_id=club.id, points=5, starts_at=day(30), at=NOON)

    rules = get_programme_rules(club.id)
    assert [rules.rule_at(at).points for at in (day(30) - JUST_BEFORE, day(30))] == [10, 5]


def test_new_terms_hold_for_lots_of_orders_from_their_day_on(club, alice):
    change_terms(programme_id=club.id, window_days=28, starts_at=day(30), at=NOON)

    before, after = (tell(str(n), placed_at=day(n), at=day(n)) for n in (29, 30))

    coming = get_balance(member_id=alice.id, at=day(30)).on_the_way
    assert [part.at.astimezone(club.zone).date() for part in coming] == [date(2026, 4, 15), date(2026, 4, 30)]
    assert [award(purchase_id).earned_points for purchase_id in (before, after)] == [100, 100]


def test_terms_of_a_group_are_announced_apart_from_those_of_all_other_goods(club, alice):
    group = add_product_group(programme_id=club.id, name="Shoes", brands=["Aker"], at=NOON)

    change_terms(programme_id=club.id, product_group_id=group.id, window_days=60, starts_at=day(30), at=NOON)
    change_terms(programme_id=club.id, window_days=20, starts_at=day(31), at=NOON)

    rules = get_programme_rules(club.id)
    by_id = rules.terms_by_id()
    windows = [
        {group_id: by_id[terms_id].window_days for group_id, terms_id in rules.terms_at(at).items()}
        for at in (NOON, day(30), day(31))
    ]
    assert windows == [{None: 14}, {None: 14, group.id: 60}, {None: 20, group.id: 60}]
    announced = list_standing(programme_id=club.id, at=NOON)
    assert [(one.product_group_id, one.changes) for one in announced] == [
        (group.id, {"window_days": [14, 60], "clock": ["order", "order"]}),
        (None, {"window_days": [14, 20], "clock": ["order", "order"]}),
    ]


@pytest.mark.parametrize("is_written_down", [False, True])
def test_the_worth_of_points_is_that_of_the_moment_asked_about(club, alice, is_written_down):
    give_points(member_id=alice.id, points=1000, key="gift", reason="goodwill", at=NOON, by=SHOP)

    change_settings(programme_id=club.id, worth_minor=40, starts_at=day(30), at=NOON)
    if is_written_down:
        assert run_job(name="take_up_settings", at=day(32)).state == "done"

    worth = [
        get_balance(member_id=alice.id, at=at).worth_minor for at in (day(30) - JUST_BEFORE, day(30), day(40))
    ]
    assert worth == [500, 400, 400]
    club.refresh_from_db()
    assert (club.worth_minor, club.coming_at) == ((40, None) if is_written_down else (50, day(30)))


def test_taking_up_what_holds_is_done_once_and_is_in_the_log(club, alice):
    change_settings(programme_id=club.id, worth_minor=40, starts_at=day(30), at=NOON)

    runs = [run_job(name="take_up_settings", at=at) for at in (day(29), day(31), day(32))]

    assert [run.counted for run in runs] == [0, 1, 0]
    club.refresh_from_db()
    assert club.former_settings == [[day(30).isoformat(), {"worth_minor": 50}]]
    assert AuditRecord.objects.filter(kind="programme_settings").count() == 2


def test_settings_that_are_not_about_value_hold_at_once_beside_one_that_waits(club, alice):
    change_settings(programme_id=club.id, name="Bean Club", reprieve_days=7, starts_at=day(30), at=NOON)

    club.refresh_from_db()
    assert (club.name, club.reprieve_days) == ("Bean Club", 14)
    assert club.coming_settings == {"reprieve_days": 7}


def test_debts_and_campaigns_are_treated_as_was_promised_until_the_day(club, alice):
    change_settings(programme_id=club.id, debt_policy="let_go", combination="add_up", at=NOON)
    change_settings(programme_id=club.id, debt_policy="debt", combination="best", starts_at=day(30), at=NOON)

    rules = get_programme_rules(club.id)
    moments = [NOON - JUST_BEFORE, NOON, day(30) - JUST_BEFORE, day(30)]
    assert [rules.debt_policy_at(at).value for at in moments] == ["debt", "let_go", "let_go", "debt"]
    assert [rules.combination_at(at).value for at in moments] == ["best", "add_up", "add_up", "best"]


def test_points_that_come_back_before_the_day_make_no_debt_that_was_let_go_until_then(club, alice):
    change_settings(programme_id=club.id, debt_policy="let_go", at=NOON)
    change_settings(programme_id=club.id, debt_policy="debt", starts_at=day(40), at=NOON)
    for number, at in enumerate((day(20), day(41))):
        tell(f"{number}", placed_at=NOON, at=NOON)
        give = points(alice, day(15))[0]
        assert give == 100
        _spend(alice, 100, f"k{number}", day(15))
        back = goods(returned_quantity=2, returned_minor=1000, returned_at=at)
        tell(f"{number}", back, placed_at=NOON, at=at)

    assert points(alice, day(42)) == (0, 0, 100)


def _spend(member, count, key, at):
    held = reserve_points(member_id=member.id, points=count, key=key, expires_at=at + timedelta(1), at=at)
    spend_reserved(member_id=member.id, hold_id=held.entry_id, key=f"{key}!", at=at)


# -- what is announced ---------------------------------------------------------------------------------------


def test_an_announcement_says_in_codes_what_changes_what_it_takes_away_and_from_when(club, alice):
    change_rule(
        programme_id=club.id, points=5, counts_shipping=True, rounding="up", starts_at=day(30), at=NOON
    )

    announcement = Announcement.objects.get()
    assert announcement.changes == {
        "points": [10, 5],
        "per_minor": [100, 100],
        "counts_shipping": [False, True],
        "rounding": ["down", "up"],
    }
    assert announcement.lowers == ["points"]
    assert (announcement.announced_at, announcement.starts_at) == (NOON, day(30))
    assert [list_standing(programme_id=club.id, at=at) for at in (day(30) - JUST_BEFORE, day(30))] == [
        [announcement],
        [],
    ]


def test_a_second_change_while_one_is_announced_is_refused_with_the_way_out(club, alice):
    change_rule(programme_id=club.id, points=5, starts_at=day(30), at=NOON)
    announcement = Announcement.objects.get()

    with pytest.raises(AlreadyAnnounced, match=f"announcement_id={announcement.id}"):
        change_rule(programme_id=club.id, points=20, at=day(1))

    assert versions() == [(1, OPENED, day(30)), (2, day(30), None)]
    change_terms(programme_id=club.id, window_days=7, at=day(1))
    change_rule(programme_id=club.id, points=20, at=day(30))
    assert [quoted(club, at) for at in (day(29), day(30))] == [100, 200]


def test_called_off_it_never_ran_and_the_version_before_runs_on(club, alice):
    change_rule(programme_id=club.id, points=5, starts_at=day(30), at=NOON)

    cancel_announcement(announcement_id=Announcement.objects.get().id, at=day(29))

    assert [quoted(club, at) for at in (day(29), day(31))] == [100, 100]
    assert versions() == [(1, OPENED, None), (2, day(30), day(30))]
    assert list_standing(programme_id=club.id, at=day(29)) == []
    change_rule(programme_id=club.id, points=20, at=day(29))
    assert [quoted(club, at) for at in (day(28), day(29), day(31))] == [100, 200, 200]
    assert AuditRecord.objects.filter(kind="change_called_off").count() == 1


def test_terms_of_a_group_and_settings_can_be_called_off_too(club, alice):
    group = add_product_group(programme_id=club.id, name="Shoes", brands=["Aker"], at=NOON)
    change_terms(programme_id=club.id, product_group_id=group.id, window_days=60, starts_at=day(30), at=NOON)
    change_settings(programme_id=club.id, worth_minor=40, starts_at=day(30), at=NOON)

    for announcement in list_standing(programme_id=club.id, at=NOON):
        cancel_announcement(announcement_id=announcement.id, at=day(1))

    club.refresh_from_db()
    assert club.worth_at(day(31)).minor == 50
    assert list(get_programme_rules(club.id).terms_at(day(31))) == [None]
    change_terms(programme_id=club.id, product_group_id=group.id, window_days=7, at=day(2))
    assert group.id in get_programme_rules(club.id).terms_at(day(2))


def test_what_holds_already_or_was_called_off_cannot_be_called_off(club, alice):
    change_rule(programme_id=club.id, points=5, starts_at=day(30), at=NOON)
    announcement = Announcement.objects.get()

    with pytest.raises(CannotCancel, match="holds already"):
        cancel_announcement(announcement_id=announcement.id, at=day(30))
    assert quoted(club, day(30)) == 50
    cancel_announcement(announcement_id=announcement.id, at=day(29))
    with pytest.raises(CannotCancel, match="was called off before"):
        cancel_announcement(announcement_id=announcement.id, at=day(29))


def test_what_cannot_be_is_refused_beside_its_field_also_where_it_would_hold_later(club, alice):
    with pytest.raises(ValidationError) as refusal:
        change_settings(programme_id=club.id, worth_points=0, starts_at=day(30), at=NOON)
    with pytest.raises(ValidationError):
        change_rule(programme_id=club.id, points=0, starts_at=day(30), at=NOON)

    assert list(refusal.value.message_dict) == ["worth_points"]
    assert not Announcement.objects.exists()
    assert versions() == [(1, OPENED, None)]


def test_a_rule_changes_also_before_its_programme_begins():
    club = create_programme(
        key="soon", name="Soon", currency="EUR", time_zone="UTC", live_from=day(10), at=NOON
    )

    change_rule(programme_id=club.id, points=7, at=day(1))

    assert get_programme_rules(club.id).rule_at(day(10)).points == 7
    assert versions() == [(1, day(10), day(10)), (2, day(1), None)]


# -- the terms as a text -------------------------------------------------------------------------------------


def test_new_terms_are_announced_whatever_they_say_and_hold_from_their_day(club, alice):
    with pytest.raises(NoticeTooShort):
        publish_terms(programme_id=club.id, text="Points are even better.", at=NOON)
    assert not TermsVersion.objects.exists()

    publish_terms(programme_id=club.id, text="Points are even better.", starts_at=day(30), at=NOON)

    announcement = Announcement.objects.get()
    assert (announcement.subject, announcement.changes) == ("text", {"number": [0, 1]})
    with pytest.raises(AlreadyAnnounced):
        publish_terms(programme_id=club.id, text="Or not.", starts_at=day(40), at=day(1))
    cancel_announcement(announcement_id=announcement.id, at=day(2))
    assert not TermsVersion.objects.exists()


def test_the_first_terms_of_a_club_without_members_hold_at_once(club):
    terms = publish_terms(programme_id=club.id, text="Be nice.", at=NOON)

    assert (terms.number, terms.starts_at) == (1, NOON)
    with pytest.raises(ValidationError):
        publish_terms(programme_id=club.id, text="  ", at=NOON)


# -- what the books say --------------------------------------------------------------------------------------


def broken() -> list[str]:
    return [finding.detail for finding in check_ledger().findings]


def test_an_announcement_whose_version_does_not_begin_is_found(club, alice):
    change_rule(programme_id=club.id, points=5, starts_at=day(30), at=NOON)
    change_terms(programme_id=club.id, window_days=20, starts_at=day(31), at=NOON)
    assert broken() == []

    EarningRule.objects.filter(starts_at=day(30)).update(starts_at=day(29))
    LotTerms.objects.filter(starts_at=day(31)).update(starts_at=day(29))

    rule, terms = Announcement.objects.order_by("id")
    assert [found.partition(":")[0] for found in broken()] == [
        f"announcement {rule.id} of programme {club.id}",
        f"announcement {terms.id} of programme {club.id}",
    ]


def test_what_was_called_off_or_holds_already_breaks_no_law(club, alice):
    change_rule(programme_id=club.id, points=5, starts_at=day(30), at=NOON)
    cancel_announcement(announcement_id=Announcement.objects.get().id, at=NOON)
    change_rule(programme_id=club.id, points=6, starts_at=day(31), at=NOON)
    change_rule(programme_id=club.id, points=7, at=day(40))

    assert broken() == []


# -- two at once ---------------------------------------------------------------------------------------------


def announce_together(club) -> list[str]:
    """Let two owners announce a change in the same moment; give what became of each."""
    start = Barrier(2)

    def announce_one(count: int) -> str:
        start.wait(timeout=30)
        try:
            return type(change_rule(programme_id=club.id, points=count, starts_at=day(30), at=NOON)).__name__
        except Exception as error:
            return type(error).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        return sorted(pool.map(announce_one, (5, 6)))


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_in_the_same_moment_the_second_is_told_of_the_first(transactional_db):
    club = open_shop(notice_days=30)
    join("alice", club)

    assert announce_together(club) == ["AlreadyAnnounced", "EarningRule"]
    assert Announcement.objects.count() == 1


if connection.vendor == "postgresql":  # SQLite has one writer at a time: there is no lock to take away

    @pytest.mark.django_db(transaction=True)
    def test_control_without_the_lock_the_second_is_not_told_of_the_first(transactional_db, monkeypatch):
        club = open_shop(notice_days=30)
        join("alice", club)
        asked, begin = Barrier(2), programme_operations.begin_version

        def begin_when_both_have_asked(**told):
            asked.wait(timeout=30)
            return begin(**told)

        with monkeypatch.context() as without:
            without.setattr(
                programme_operations, "lock_for_change", lambda one: Programme.objects.get(id=one)
            )
            without.setattr(programme_operations, "begin_version", begin_when_both_have_asked)
            results = announce_together(club)

        # The database may still refuse the second, as a version of one number; nobody tells it why.
        assert "EarningRule" in results
        assert "AlreadyAnnounced" not in results
