"""What the owner sees around an announced change: consequences, calendar, the end, the second person."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from backstage import clock as business_clock
from backstage.models import Approval, AuditRecord
from backstage.operations import approvals
from backstage.policies import SHOP, By
from backstage.policies.approvals import ChangeRefusedError
from loyalty.models import Announcement, EarningRule, LotTerms, Programme, TermsVersion
from loyalty.operations.adjustments import give_points
from loyalty.operations.programme import change_rule, change_settings
from tests.factories.commerce import PurchaseFactory, PurchaseLineFactory
from tests.factories.loyalty import BareCustomerFactory, MemberFactory, ProgrammeFactory
from tests.harness.client import StrictClient

pytestmark = pytest.mark.usefixtures("clock")

PROGRAMMES = "/admin/encore_loyalty/programme/"


@pytest.fixture
def programme(db):
    """A live club whose members are told 30 days before."""
    return ProgrammeFactory(complete=True, worth_points=100, worth_minor=50, notice_days=30)


@pytest.fixture
def alice(programme):
    alice = MemberFactory(programme=programme)
    give_points(member_id=alice.pk, points=200, key="gift", reason="goodwill", by=SHOP)
    return alice


def fill(page, **told) -> dict[str, str]:
    """Fill the form on a page as a browser would, with what is told."""
    form = page.context["form"]
    shown = {name: form[name].value() for name in form.fields}
    return {
        name: str(value)
        for name, value in {**shown, **told}.items()
        if value is not None and value is not False
    }


def address(programme, name: str) -> str:
    return f"{PROGRAMMES}{programme.pk}/{name}/"


def show(client, programme, name: str, **told):
    return client.post(address(programme, name), fill(client.get(address(programme, name)), **told))


def confirm(client, programme, name: str, shown, **told):
    return client.post(address(programme, name), fill(shown, **told), follow=True)


def said(page) -> str:
    return page.content.decode().replace("\xa0", " ")


# -- announcing ----------------------------------------------------------------------------------------------


def test_what_takes_something_away_is_said_and_waits_for_the_first_whole_day_after_the_notice(
    admin_client, programme, alice, clock
):
    shown = show(admin_client, programme, "rule", points="5")

    every = "You get {}\xa0points for every €1.00 that you spend."
    assert shown.context["meanings"][:3] == [
        f"{every.format(10)} → {every.format(5)}",
        "This takes something away: fewer points for the same money.",
        "Members are told today. It holds from April\xa03 on, and can be called off until then.",
    ]
    assert not Announcement.objects.exists()

    done = confirm(admin_client, programme, "rule", shown)

    assert "Announced. It holds from April 3 on, and you can call it off until then." in said(done)
    announcement = Announcement.objects.get()
    assert announcement.starts_at == datetime(2026, 4, 3, tzinfo=UTC)
    assert announcement.changes["points"] == [10, 5]
    assert AuditRecord.objects.get(kind="earningrule_version").by_kind == "staff"


def test_a_day_that_is_too_early_is_refused_beside_its_field_with_the_one_that_is_not(
    admin_client, programme, alice
):
    shown = show(admin_client, programme, "rule", points="5", holds_from="2026-04-02")

    assert shown.status_code == 422
    (error,) = shown.context["form"].errors["holds_from"]
    assert error == (
        "This takes something away from members, so they are told 30 days before. "
        "Choose 2026-04-03 or a later day, or leave it empty."
    )
    assert EarningRule.objects.count() == 1


@pytest.mark.parametrize(("day", "starts_at"), [("", None), ("2026-03-03", None), ("2026-03-09", 9)])
def test_a_change_for_the_better_holds_at_once_or_from_the_day_that_is_chosen(
    admin_client, programme, alice, clock, day, starts_at
):
    shown = show(admin_client, programme, "rule", points="20", holds_from=day)
    confirm(admin_client, programme, "rule", shown)

    begins = EarningRule.objects.get(points=20).starts_at
    assert begins == (datetime(2026, 3, starts_at, tzinfo=UTC) if starts_at else clock.now())
    assert Announcement.objects.count() == (1 if starts_at else 0)


def test_yesterday_is_no_day_from_which_something_can_hold(admin_client, programme):
    shown = show(admin_client, programme, "rule", points="20", holds_from="2026-03-02")

    assert shown.context["form"].errors["holds_from"] == ["This day has passed. Choose today or a later day."]


def test_a_second_change_is_refused_with_the_day_of_the_first(admin_client, programme, alice):
    change_rule(
        programme_id=programme.pk,
        points=5,
        starts_at=datetime(2026, 4, 9, tzinfo=UTC),
        at=business_clock.now(),
    )

    page = confirm(admin_client, programme, "rule", show(admin_client, programme, "rule", points="20"))

    assert "A change is announced for April 9 already." in said(page)
    assert EarningRule.objects.count() == 2


def test_terms_are_announced_in_the_words_that_members_read(admin_client, programme, alice):
    shown = show(admin_client, programme, "terms", window_days="30")
    confirm(admin_client, programme, "terms", shown)

    assert "This takes something away: points are ready later." in shown.context["meanings"]
    assert LotTerms.objects.get(window_days=30).starts_at == datetime(2026, 4, 3, tzinfo=UTC)


def test_the_calendar_shows_what_is_announced_and_calls_it_off(admin_client, programme, alice):
    confirm(admin_client, programme, "rule", show(admin_client, programme, "rule", points="5"))
    announcement = Announcement.objects.get()

    page = admin_client.get(address(programme, "change"))
    assert "Members read of it now." in said(page)
    assert "You get 5 points for every €1.00 that you spend." in said(page)
    after = admin_client.post(address(programme, "call_off"), {"announcement": announcement.pk}, follow=True)

    assert "Called off. Everything stays as it is." in said(after)
    assert "Call it off" not in said(after)
    assert EarningRule.objects.get(ends_at=None).points == 10
    again = admin_client.post(address(programme, "call_off"), {"announcement": announcement.pk}, follow=True)
    assert "It holds already, or was called off before." in said(again)


def test_what_is_announced_elsewhere_cannot_be_called_off_here(admin_client, programme, alice):
    other = ProgrammeFactory(complete=True)
    confirm(admin_client, programme, "rule", show(admin_client, programme, "rule", points="5"))

    answer = admin_client.post(address(other, "call_off"), {"announcement": Announcement.objects.get().pk})

    assert answer.status_code == 404
    assert Announcement.objects.get().cancelled_at is None


def test_whoever_may_only_look_announces_nothing_and_calls_nothing_off(programme, alice):
    change_rule(
        programme_id=programme.pk,
        points=5,
        starts_at=datetime(2026, 4, 9, tzinfo=UTC),
        at=business_clock.now(),
    )
    user = get_user_model().objects.create_user("bob", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_programme"))
    client = StrictClient()
    client.force_login(user)

    page = client.get(address(programme, "change"))
    answers = [
        client.post(address(programme, name), {"announcement": Announcement.objects.get().pk}).status_code
        for name in ("call_off", "close", "rule")
    ]

    assert "Call it off" not in said(page)
    assert answers == [403, 403, 403]


def test_the_programmes_page_costs_the_same_however_much_was_announced(admin_client, programme, alice):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            admin_client.get(address(programme, "change"))
        return len(queries)

    count()
    told = {"subject": "rule", "changes": {"points": [10, 9], "per_minor": [100, 100]}}
    at = business_clock.now()
    counts = []
    for number in (1, 19):
        for _ in range(number):
            Announcement.objects.create(
                programme=programme, announced_at=at, starts_at=at + timedelta(days=9), **told
            )
        counts.append(count())

    assert counts[0] == counts[1]


def test_terms_are_published_with_the_first_day_that_members_can_be_told_of(admin_client, programme, alice):
    shown = show(admin_client, programme, "text", text="Be nice.")
    done = confirm(admin_client, programme, "text", shown)

    assert (
        "Members are told today, and can read it. It holds from April\xa03 on." in shown.context["meanings"]
    )
    assert TermsVersion.objects.get().starts_at == datetime(2026, 4, 3, tzinfo=UTC)
    assert "The terms of the club</strong> from April 3 on" in said(done)
    early = confirm(
        admin_client,
        programme,
        "text",
        show(admin_client, programme, "text", text="Be nicer.", holds_from="2026-03-09"),
    )
    assert "A change is announced for April 3 already." in said(early)


# -- the end -------------------------------------------------------------------------------------------------


def test_the_end_is_announced_after_what_it_means_was_read(admin_client, programme, alice):
    page = admin_client.get(address(programme, "close"))
    assert fill(page)["last_day"] == "2026-04-02"

    shown = show(admin_client, programme, "close", last_day="2026-04-30")
    done = confirm(admin_client, programme, "close", shown)

    assert shown.context["meanings"] == [
        "From now on nobody joins, and orders bring no points.",
        "Members are told today. They can use their points until the end of April\xa030.",
        "What would be ready only in the last 14 days, or later, becomes ready at once.",
        "Now: 1 member, with 200\xa0points, worth €1.00. What is left after that day ends.",
        "You can take this back until then.",
    ]
    programme.refresh_from_db()
    assert programme.closes_at == datetime(2026, 5, 1, tzinfo=UTC)
    assert "The club ends on April 30. Points can be used until then." in said(done)


def test_an_end_that_comes_too_soon_is_refused_beside_its_field(admin_client, programme, alice):
    page = confirm(
        admin_client, programme, "close", show(admin_client, programme, "close", last_day="2026-03-31")
    )

    assert page.context["form"].errors["last_day"] == [
        "Members would be told too late. Choose 2026-04-02 or a later day."
    ]
    programme.refresh_from_db()
    assert (programme.state, programme.closes_at) == ("live", None)


def test_the_button_of_the_calendar_keeps_the_club_open_after_all(admin_client, programme, alice):
    confirm(admin_client, programme, "close", show(admin_client, programme, "close", last_day="2026-04-30"))

    admin_client.post(
        address(programme, "call_off"), {"announcement": Announcement.objects.get().pk}, follow=True
    )

    programme.refresh_from_db()
    assert (programme.state, programme.closes_at) == ("live", None)


def test_a_name_changes_at_once_whatever_day_is_chosen(admin_client, programme, alice):
    told = {"name": "Bean Club", "holds_from": "2026-05-01"}
    page = admin_client.get(address(programme, "settings"))
    shown = admin_client.post(address(programme, "settings"), fill(page) | told)
    done = confirm(admin_client, programme, "settings", shown)

    assert "Done. It holds from now on." in said(done)
    programme.refresh_from_db()
    assert (programme.name, programme.coming_at) == ("Bean Club", None)


# -- a slip of the keyboard ----------------------------------------------------------------------------------


def test_a_hundredfold_rule_shows_what_a_month_would_cost_and_asks(admin_client, programme, clock):
    for days in (1, 30):
        purchase = PurchaseFactory(
            placed_at=clock.now() - timedelta(days=days), customer=BareCustomerFactory()
        )
        PurchaseLineFactory(purchase=purchase, sold_minor=10_000)

    shown = show(admin_client, programme, "rule", points="1000")
    assert (
        "A month of orders like your last 90 days promises €10.00 now, and €1,000.00 then."
        in shown.context["meanings"]
    )
    assert "It would cost 100 times as much as now. Is that what you mean?" in shown.context["meanings"]
    unticked = admin_client.post(address(programme, "rule"), fill(shown))
    assert unticked.context["form"].errors["is_meant"] == [
        "Tick this if you mean it. Else look at the numbers again."
    ]
    assert EarningRule.objects.count() == 1

    confirm(admin_client, programme, "rule", shown, is_meant="on")

    assert EarningRule.objects.get(ends_at=None).points == 1000


def test_without_orders_the_two_rates_are_compared(admin_client, programme):
    shown = show(admin_client, programme, "rule", points="1000")

    assert "It would cost 100 times as much as now. Is that what you mean?" in shown.context["meanings"]


def test_a_new_programme_that_gives_most_of_each_price_back_is_asked_about(admin_client, db):
    told = {"name": "Club", "key": "club", "currency": "EUR", "time_zone": "UTC"}
    told |= {"points": "1", "per": "0.10", "worth_points": "1", "worth": "1"}

    asked = admin_client.post(f"{PROGRAMMES}add/", told)

    assert asked.context["form"].errors["is_meant"] == [
        "Points would give back 1,000 % of each price. Is that what you mean?"
    ]
    assert not Programme.objects.exists()
    admin_client.post(f"{PROGRAMMES}add/", told | {"is_meant": "on"})
    assert EarningRule.objects.get().per_minor == 10


def test_double_points_for_good_are_not_asked_about(admin_client, programme):
    shown = show(admin_client, programme, "rule", points="20")
    confirm(admin_client, programme, "rule", shown)

    assert "is_meant" not in shown.context["form"].fields
    assert EarningRule.objects.get(ends_at=None).points == 20


def test_a_hundredfold_worth_is_asked_about(admin_client, programme):
    shown = show(admin_client, programme, "settings", worth="50")
    admin_client.post(address(programme, "settings"), fill(shown))

    programme.refresh_from_db()
    assert programme.worth_minor == 50
    assert "It would cost 100 times as much as now. Is that what you mean?" in shown.context["meanings"]


# -- a second person for what points are worth ---------------------------------------------------------------


def ask(client, programme, **told):
    shown = show(client, programme, "settings", **told)
    return confirm(client, programme, "settings", shown, why="Margins are thin")


def test_a_new_worth_is_asked_for_and_says_what_it_does_to_what_members_have(admin_client, programme, alice):
    shown = show(admin_client, programme, "settings", worth="0.40")

    assert (
        "Members have 200\xa0points. They would be worth €0.80 instead of €1.00."
        in (shown.context["meanings"])
    )
    lacking = admin_client.post(address(programme, "settings"), fill(shown))
    assert lacking.context["form"].errors["why"] == ["Somebody else looks at this first. Tell them here why."]
    done = ask(admin_client, programme, worth="0.40")

    assert "Sent for approval. Nothing has changed yet." in said(done)
    assert "Change what points are worth in the club “Club”" in said(done)
    programme.refresh_from_db()
    assert (programme.worth_minor, programme.coming_at) == (50, None)
    assert Approval.objects.get().reason == "Margins are thin"


def test_approved_by_another_it_is_announced_by_the_notice_from_then_on(
    admin_client, programme, alice, clock, carol
):
    ask(admin_client, programme, worth="0.40")
    approval = Approval.objects.get()
    page = admin_client.get(f"/admin/encore_backstage/approval/{approval.pk}/change/")
    assert "100 points are worth €0.40 off a later order." in said(page)
    clock.advance(days=10)

    decide(approval, carol)

    programme.refresh_from_db()
    assert (programme.worth_minor, programme.coming_settings) == (50, {"worth_minor": 40})
    assert programme.coming_at == datetime(2026, 4, 13, tzinfo=UTC)


def test_a_day_that_has_come_too_near_meanwhile_cannot_be_approved(
    admin_client, programme, alice, clock, carol
):
    ask(admin_client, programme, worth="0.40", holds_from="2026-04-03")
    clock.advance(days=10)

    with pytest.raises(ChangeRefusedError, match="Members would be told too late by now"):
        decide(Approval.objects.get(), carol)

    programme.refresh_from_db()
    assert programme.coming_at is None


def test_a_change_that_was_announced_meanwhile_comes_first(admin_client, programme, alice, carol):
    ask(admin_client, programme, worth="0.40")
    change_settings(programme_id=programme.pk, reprieve_days=7, starts_at=datetime(2026, 4, 9, tzinfo=UTC))

    with pytest.raises(ChangeRefusedError, match="Another change was announced meanwhile"):
        decide(Approval.objects.get(), carol)

    assert Approval.objects.get().state == "waiting"
    assert Programme.objects.get(pk=programme.pk).coming_settings == {"reprieve_days": 7}


def test_two_clicks_are_one_request(admin_client, programme, alice):
    shown = show(admin_client, programme, "settings", worth="0.60")

    for _ in range(2):
        confirm(admin_client, programme, "settings", shown, why="More for all")

    assert Approval.objects.count() == 1


def decide(approval, user):
    with transaction.atomic():
        approvals.approve(
            approval_id=approval.pk,
            by=By("staff", str(user.pk), "carol"),
            at=business_clock.now(),
            now=business_clock.real_now(),
        )
