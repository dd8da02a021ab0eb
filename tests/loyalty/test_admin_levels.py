"""The owner drafts levels in sentences and sees who would have which; staff looks after those of a member."""

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.models import Announcement, Programme, TierHolding, TierScheme
from loyalty.operations.tiers.schemes import save_scheme
from loyalty.policies.tiers.terms import TierPlan
from tests.loyalty.levels import THREE, level, switch_on
from tests.loyalty.shop import NOON, OPENED, day, goods, join, open_shop, tell

pytestmark = pytest.mark.django_db
HOME = "/admin/encore_loyalty/tierscheme/"
MEMBERS = "/admin/encore_loyalty/member/"


@pytest.fixture
def programme(clock):
    clock.move_to(day(1))
    return open_shop(enrolment="automatic", worth_points=100, worth_minor=50)


def typed(programme, **more):
    told = {
        "programme": programme.pk,
        "metric": "spend",
        "window": "rolling",
        "fall": "step",
        "grace_days": "30",
        "notice_days": "30",
        "level_0_name": "Silver",
        "level_0_threshold": "300",
        "level_0_factor": "1.25",
        "level_1_name": "Gold",
        "level_1_threshold": "1000.50",
        "level_1_factor": "1.5",
    }
    return {**told, **more}


def said(page) -> str:
    return " ".join(page.content.decode().replace("\N{NO-BREAK SPACE}", " ").split())


def test_levels_are_drafted_switched_on_changed_and_switched_off(admin_client, programme):
    alice = join("alice", programme)
    tell("1", goods(sold_minor=30_000))

    answer = admin_client.post(
        f"{HOME}add/",
        typed(
            programme,
            save="1",
            level_1_shipping="50",
            level_1_early="24",
            level_1_perks=["birthday_gift"],
            level_1_own="lounge: Free coffee",
        ),
    )
    scheme = TierScheme.objects.get()
    assert (answer.status_code, scheme.starts_at) == (302, None)
    assert [(tier.name, tier.threshold, str(tier.factor)) for tier in scheme.tiers.order_by("threshold")] == [
        ("Silver", 30_000, "1.25"),
        ("Gold", 100_050, "1.50"),
    ]
    assert scheme.tiers.get(name="Gold").perks == [
        {"kind": "free_shipping", "number": 5000},
        {"kind": "early_access", "number": 24},
        {"kind": "birthday_gift"},
        {"kind": "other", "key": "lounge", "text": {"en": "Free coffee"}},
    ]

    admin_client.post(f"{HOME}{scheme.pk}/start/")
    assert level(alice, day(1)) == "Silver"
    page = said(admin_client.get(f"{HOME}{scheme.pk}/change/"))
    assert "Free shipping from €50.00 on" in page
    assert "Free coffee" in page
    assert "from €1,000.50 in the last 12 months on" in page

    form = admin_client.get(f"{HOME}{scheme.pk}/edit/").context["form"]
    sent = {field.name: value for field in form if (value := field.value()) not in (None, False, "", [])}
    admin_client.post(f"{HOME}{scheme.pk}/edit/", {**sent, "programme": programme.pk, "save": "1"})
    draft = TierScheme.objects.get(starts_at=None)
    assert draft.tiers.get(name="Gold").perks == scheme.tiers.get(name="Gold").perks
    assert draft.tiers.get(name="Gold").level_id == scheme.tiers.get(name="Gold").level_id

    admin_client.post(f"{HOME}{draft.pk}/discard/")
    admin_client.post(f"{HOME}{scheme.pk}/stop/")
    assert level(alice, day(1)) is None


def test_the_words_of_benefits_that_the_form_does_not_show_stay_as_they_are(admin_client, programme):
    gift = {"kind": "birthday_gift", "text": {"en": "a bag of beans"}}
    lounge = {"kind": "other", "key": "lounge", "text": {"en": "Coffee", "pl": "Kawa"}}
    switch_on(programme, TierPlan("Gold", 100_000, perks=(gift, lounge)))
    running = TierScheme.objects.get()
    form = admin_client.get(f"{HOME}{running.pk}/edit/").context["form"]
    sent = {field.name: value for field in form if (value := field.value()) not in (None, False, "", [])}

    admin_client.post(f"{HOME}{running.pk}/edit/", {**sent, "programme": programme.pk, "save": "1"})
    draft = TierScheme.objects.get(starts_at=None)
    assert draft.tiers.get().perks == [gift, lounge]

    sent["level_0_own"] = "lounge: Tea"
    admin_client.post(f"{HOME}{running.pk}/edit/", {**sent, "programme": programme.pk, "save": "1"})
    assert draft.tiers.get().perks == [gift, {**lounge, "text": {"en": "Tea"}}]


def test_three_levels_are_proposed_that_only_need_names(admin_client, programme):
    form = admin_client.get(f"{HOME}add/").context["form"]
    sent = {field.name: value for field in form if (value := field.value()) not in (None, False, "", [])}

    admin_client.post(f"{HOME}add/", {**sent, "programme": programme.pk, "save": "1"})
    scheme = TierScheme.objects.get()
    answer = admin_client.post(f"{HOME}{scheme.pk}/start/", follow=True)

    assert list(scheme.tiers.order_by("threshold").values_list("threshold", flat=True)) == [
        10_000,
        30_000,
        100_000,
    ]
    assert "Give this level a name before it is switched on." in said(answer)
    scheme.refresh_from_db()
    assert scheme.starts_at is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"level_1_threshold": "300"}, "level_1_threshold"),
        ({"level_1_threshold": "200"}, "level_1_threshold"),
        ({"level_1_threshold": "0"}, "level_1_threshold"),
        ({"level_1_threshold": ""}, "level_1_threshold"),
        ({"level_1_threshold": "1.005"}, "level_1_threshold"),
        ({"metric": "orders"}, "level_1_threshold"),
        ({"level_1_factor": "150"}, "level_1_factor"),
        ({"level_1_factor": "1.1"}, "level_1_factor"),
        ({"level_1_name": "silver"}, "level_1_name"),
        ({"level_1_own": "no colon"}, "level_1_own"),
        ({"grace_days": "500"}, "grace_days"),
        ({"window": "x"}, "window"),
    ],
)
def test_what_cannot_be_is_said_beside_its_gap_and_nothing_is_saved(admin_client, programme, wrong, field):
    page = admin_client.post(f"{HOME}add/", typed(programme, save="1", **wrong))

    assert page.status_code == 422
    assert page.context["form"].errors[field]
    assert not TierScheme.objects.exists()


def test_a_factor_over_three_shows_what_a_year_costs_and_asks(admin_client, programme):
    join("alice", programme)
    tell("1", goods(sold_minor=200_000))

    page = admin_client.post(f"{HOME}add/", typed(programme, save="1", level_1_factor="9"))

    assert page.status_code == 422
    assert page.context["form"].errors["is_meant"] == [
        (
            "About 160,000\N{NO-BREAK SPACE}points more a year, worth €800.00, if everybody buys as in "
            "the last one. Tick here if it is meant to be."
        )
    ]
    assert not TierScheme.objects.exists()

    admin_client.post(f"{HOME}add/", typed(programme, save="1", level_1_factor="9", is_meant="1"))
    assert TierScheme.objects.get().tiers.get(name="Gold").factor == 9


def test_a_threshold_that_lost_two_digits_is_asked_about(admin_client, programme):
    for number in range(12):
        tell(str(number), goods(sold_minor=2_000), who=f"m{number}")

    page = admin_client.post(
        f"{HOME}add/", typed(programme, save="1", level_0_threshold="3", level_1_threshold="10")
    )

    assert page.context["form"].errors["is_meant"] == [
        "More than half of all members would have the highest level. Tick here if it is meant to be."
    ]
    assert not TierScheme.objects.exists()


def test_the_preview_says_who_would_have_which_level_today(admin_client, programme):
    for who, minor in (("alice", 200_000), ("bob", 30_000), ("carol", 100)):
        tell(who, goods(sold_minor=minor), who=who)

    page = admin_client.post(f"{HOME}preview/", typed(programme))

    told = page.context["preview"]
    assert [(row["name"], row["members"]) for row in told["rows"]] == [("Silver", 1), ("Gold", 1)]
    assert told["without"] == "1 member"
    assert told["cost"] == (
        "About 10,750\N{NO-BREAK SPACE}points more a year, worth €53.75, if everybody buys as in the last "
        "one."
    )
    assert not TierScheme.objects.exists()
    half = admin_client.post(f"{HOME}preview/", typed(programme, level_1_threshold="x"))
    assert "Fill in what is missing" in said(half)


# -- what takes something away -------------------------------------------------------------------------------


@pytest.fixture
def promised(programme):
    """Silver and Gold are on, and a member has been promised them; changes are told 30 days before."""
    switch_on(programme, *THREE[1:])
    join("alice", programme)
    Programme.objects.update(notice_days=30)
    return programme


def draft_dearer(admin_client, promised) -> TierScheme:
    """Draft Gold from 1,200.00 on, by the form."""
    running = TierScheme.objects.get()
    form = admin_client.get(f"{HOME}{running.pk}/edit/").context["form"]
    sent = {field.name: value for field in form if (value := field.value()) not in (None, False, "", [])}
    sent |= {"programme": promised.pk, "level_1_threshold": "1200"}
    shown = said(admin_client.post(f"{HOME}preview/", sent))
    assert (
        "This takes something away: a level takes more.</strong> "
        "Members have to be told first, so it can hold from April 4 on." in shown
    )
    admin_client.post(f"{HOME}{running.pk}/edit/", {**sent, "save": "1"})
    return TierScheme.objects.get(starts_at=None)


def test_the_page_of_a_dearer_draft_says_what_it_takes_and_offers_the_earliest_day(admin_client, promised):
    draft = draft_dearer(admin_client, promised)

    page = admin_client.get(f"{HOME}{draft.pk}/change/")

    told = said(page)
    assert (
        "<li>Gold: from €1,000.00 in the last 12 months on → "
        "Gold: from €1,200.00 in the last 12 months on</li>" in told
    )
    assert "This takes something away: a level takes more. Members are told today" in told
    assert page.context["meaning"].form["holds_from"].value() == "2026-04-04"
    assert ">Announce</button>" in told


@pytest.mark.parametrize("day_chosen", ["", "2026-03-04", "2026-04-03"])
def test_a_day_that_is_too_early_is_refused_beside_its_field(admin_client, promised, day_chosen):
    draft = draft_dearer(admin_client, promised)

    page = admin_client.post(f"{HOME}{draft.pk}/start/", {"holds_from": day_chosen})

    assert page.status_code == 422
    assert page.context["meaning"].form.errors["holds_from"] == [
        (
            "This takes something away: a level takes more. "
            "Members are told 30 days before. Choose 2026-04-04 or a later day."
        )
    ]
    draft.refresh_from_db()
    assert draft.starts_at is None
    assert not Announcement.objects.exists()
    gone = admin_client.post(f"{HOME}{draft.pk}/start/", {"holds_from": "2026-03-01"})
    assert gone.context["meaning"].form.errors["holds_from"] == [
        "This day has passed. Choose today or a later day."
    ]


def test_a_dearer_version_is_announced_shown_above_the_list_and_called_off(admin_client, promised):
    draft = draft_dearer(admin_client, promised)

    answer = admin_client.post(f"{HOME}{draft.pk}/start/", {"holds_from": "2026-04-04"}, follow=True)

    told = said(answer)
    assert "Announced. It holds from April 4 on, and you can call it off until then." in told
    assert "<strong>Announced.</strong> money spent in the last 12 months · from April 4 on" in told
    listed = said(admin_client.get(HOME))
    assert "Club: Levels from April 4 on" in listed
    # A form within the form of the list would be none to a browser.
    assert listed.index("/call_off/") < listed.index('id="changelist-form"')
    running = TierScheme.objects.get(number=1)
    there = admin_client.get(f"{HOME}{running.pk}/change/")
    assert (there.context["state"], there.context["meaning"]) == ("Switched on", None)
    assert "Call it off" in said(there)

    one = Announcement.objects.get()
    called_off = admin_client.post(f"{HOME}call_off/", {"announcement": one.pk}, follow=True)

    assert "Called off. Everything stays as it is." in said(called_off)
    assert "Call it off" not in said(called_off)
    draft.refresh_from_db()
    assert draft.starts_at is None
    TierScheme.objects.filter(pk=draft.pk).update(starts_at=day(31), ends_at=day(31))
    listed = said(admin_client.get(HOME))
    assert "called_off" not in listed
    assert listed.count("Called off") == 1
    again = admin_client.post(f"{HOME}call_off/", {"announcement": one.pk}, follow=True)
    assert "It holds already, or was called off before." in said(again)
    assert admin_client.post(f"{HOME}call_off/", {"announcement": "x"}).status_code == 404


def test_switching_off_is_announced_with_the_earliest_day(admin_client, promised):
    running = TierScheme.objects.get()
    page = admin_client.get(f"{HOME}{running.pk}/change/")
    assert "There are the levels Silver, Gold. → There are no levels any more." in said(page)
    day_offered = page.context["meaning"].form["holds_from"].value()

    assert admin_client.post(f"{HOME}{running.pk}/stop/").status_code == 422
    admin_client.post(f"{HOME}{running.pk}/stop/", {"holds_from": day_offered})

    running.refresh_from_db()
    assert running.ends_at.isoformat() == "2026-04-03T22:00:00+00:00"
    assert "March 3 to April 4" not in said(admin_client.get(HOME))
    second = admin_client.post(f"{HOME}{running.pk}/stop/", {"holds_from": "2026-05-01"}, follow=True)
    assert "A change is announced for April 4 already." in said(second)


def test_who_may_only_look_can_change_nothing(client, carol, programme):
    carol.user_permissions.add(Permission.objects.get(codename="view_tierscheme"))
    client.force_login(carol)
    scheme = save_scheme(programme_id=programme.pk, rules={}, tiers=THREE, at=OPENED)

    assert client.get(f"{HOME}{scheme.pk}/change/").status_code == 200
    assert client.get(f"{HOME}add/").status_code == 403
    assert client.post(f"{HOME}preview/", typed(programme)).status_code == 403
    assert client.post(f"{HOME}{scheme.pk}/start/").status_code == 403
    assert client.post(f"{HOME}call_off/").status_code == 403
    scheme.refresh_from_db()
    assert scheme.starts_at is None


def test_pages_ask_the_same_number_of_questions_for_any_number_of_levels(admin_client, programme):
    few = save_scheme(programme_id=programme.pk, rules={}, tiers=THREE[:1], at=OPENED)
    admin_client.get(f"{HOME}{few.pk}/change/")
    counts = []
    for tiers in (THREE[:1], [TierPlan(f"L{n}", 100 * n) for n in range(1, 9)]):
        save_scheme(programme_id=programme.pk, rules={}, tiers=tiers, at=OPENED)
        admin_client.get(f"{HOME}{few.pk}/change/")
        with CaptureQueriesContext(connection) as queries:
            admin_client.get(f"{HOME}{few.pk}/change/")
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 11


# -- one member ----------------------------------------------------------------------------------------------


def test_the_tab_of_a_member_says_what_they_read_and_what_they_had(admin_client, programme):
    switch_on(programme)
    alice = join("alice", programme)
    tell("1", goods(sold_minor=30_000))

    page = said(admin_client.get(f"{MEMBERS}{alice.pk}/change/?tab=levels"))

    assert "Until March 3, 2027. To keep it for the time after that: €300.00 more by then." in page
    assert "Next level: Gold. Missing: €700.00." in page
    assert "tested on March 3, 2027" in page


def test_staff_gives_a_level_with_a_reason_and_ends_it(admin_client, programme):
    scheme = switch_on(programme)
    alice = join("alice", programme)
    gold = scheme.tiers.get(name="Gold").level_id

    refused = admin_client.post(f"{MEMBERS}{alice.pk}/level/", {"level_id": gold})
    assert refused.context["form"].errors["note"] == ["Say why, so that whoever asks later can be told."]
    assert not TierHolding.objects.exists()
    late = admin_client.post(
        f"{MEMBERS}{alice.pk}/level/", {"level_id": gold, "note": "Wedding", "last_day": "2026-03-03"}
    )
    assert "last_day" in late.context["form"].errors

    admin_client.post(
        f"{MEMBERS}{alice.pk}/level/", {"level_id": gold, "note": "Wedding", "last_day": "2026-03-31"}
    )
    assert [level(alice, day(n)) for n in (1, 28, 29)] == ["Gold", "Gold", None]
    assert "Wedding" in said(admin_client.get(f"{MEMBERS}{alice.pk}/change/?tab=levels"))

    admin_client.post(f"{MEMBERS}{alice.pk}/level_end/")
    assert level(alice, day(1)) is None


def test_while_levels_are_off_the_tab_says_so(admin_client, programme):
    alice = join("alice", programme)

    assert "Levels are switched off." in said(admin_client.get(f"{MEMBERS}{alice.pk}/change/?tab=levels"))
    assert "Levels are switched off." in said(admin_client.get(f"{MEMBERS}{alice.pk}/level/"))
    assert NOON
