"""What the owner sees of campaigns and does with them: a sentence with gaps, tried on past orders first."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from loyalty.models import Campaign, CampaignVersion
from loyalty.operations.campaigns import create_campaign, pause_campaign, switch_on_campaign
from tests.harness.client import StrictClient
from tests.loyalty.shop import NOON, day, goods, open_shop, tell

pytestmark = pytest.mark.django_db

LIST = "/admin/encore_loyalty/campaign/"
DOUBLE = {"kind": "multiply", "factor": Decimal(2)}


@pytest.fixture
def programme(clock):
    clock.move_to(NOON)
    return open_shop(enrolment="automatic")


@pytest.fixture
def clerk(programme):
    """Signed in as somebody who may look at campaigns, and at nothing else."""
    user = get_user_model().objects.create_user("bob", password="bob", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_campaign"))
    client = StrictClient()
    client.force_login(user)
    return client


def draft(programme, terms=DOUBLE, **own) -> Campaign:
    told = {"name": "Double", "starts_at": day(1), "ends_at": day(8), **own}
    return create_campaign(programme_id=programme.id, terms=terms, at=NOON, **told)


def told(**more) -> dict[str, object]:
    """What a person fills in for double points on coffee."""
    return {
        "name": "Double beans",
        "kind": "multiply",
        "factor": "2",
        "category_paths": "coffee",
        "starts_at": "2026-03-04T00:00",
        "ends_at": "2026-03-11T00:00",
        "text_en": "Double points on beans",
        **more,
    }


def test_a_campaign_is_drafted_in_the_programmes_own_time(admin_client, programme):
    page = admin_client.post(f"{LIST}add/", {**told(cap_points="500"), "save": "1"})

    campaign = Campaign.objects.get()
    assert page.url == f"{LIST}{campaign.pk}/change/"
    assert (campaign.name, campaign.state) == ("Double beans", "draft")
    assert campaign.starts_at.isoformat() == "2026-03-03T23:00:00+00:00"
    assert campaign.public_text == {"en": "Double points on beans"}
    version = campaign.versions.get()
    assert (version.factor, version.category_paths, version.cap_points) == (2, ["coffee"], 500)


def test_a_card_fills_in_a_beginning(admin_client, programme):
    page = admin_client.get(f"{LIST}add/?card=amount")

    assert page.context["form"]["steps"].value() == "50 = 30"
    assert "Bonus over an amount" in page.content.decode()


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"factor": "1"}, "factor", "Give a factor over 1 and up to 10: 2 is double."),
        ({"factor": ""}, "factor", "Say how many times the points: 2 is double."),
        ({"kind": "steps", "steps": "lots"}, "steps", "“lots” is no step. Write it like 4.50 = 30."),
        ({"kind": "steps", "steps": "4.505 = 30"}, "steps", "EUR has 2 decimal places."),
        ({"kind": "steps"}, "steps", "Give at least one step"),
        ({"ends_at": "2026-03-03T12:00"}, "ends_at", "The end is not after the start."),
        ({"from_time": "10:00", "to_time": "10:00"}, "to_time", "These hours are empty."),
        ({"name": ""}, "name", "This field is required."),
    ],
)
def test_a_mistake_is_said_beside_its_gap_and_nothing_is_saved(admin_client, programme, wrong, field, said):
    page = admin_client.post(f"{LIST}add/", {**told(**wrong), "save": "1"})

    assert page.status_code == 422
    assert said in " ".join(page.context["form"].errors[field])
    assert not Campaign.objects.exists()


def test_the_preview_tries_it_on_orders_of_the_past_and_saves_nothing(admin_client, programme):
    for number, amount in enumerate((240, 900, 3600)):
        line = goods("a", amount, category_path="coffee/beans" if number else "")
        tell(str(number), line, who=f"member-{number}", placed_at=day(-number - 1), at=day(-number - 1))

    page = admin_client.post(f"{LIST}preview/", told())

    said = page.content.decode().replace("\xa0", " ")
    assert "2 times the points on: coffee." in said
    assert "Without the campaign: 90" in said
    assert "+ 90" in said
    assert "= 180 points" in said
    assert "2 customers of the last 90 days would have got something." in said
    assert "In 7 days it costs about 1,050 points: €1,050.00 promised, €735.00 if 70 % get used." in said
    assert not Campaign.objects.exists()


def test_the_preview_names_what_it_overlaps_and_what_then_counts(admin_client, programme):
    switch_on_campaign(campaign_id=draft(programme, name="Weekend bonus", ends_at=day(3)).id, at=NOON)
    switch_on_campaign(
        campaign_id=draft(programme, {**DOUBLE, "category_paths": ["tea"]}, name="Tea").id, at=NOON
    )

    said = admin_client.post(f"{LIST}preview/", told()).content.decode().replace("\xa0", " ")

    assert "Overlaps “Weekend bonus” from March 4, 2026 13:00 to March 6, 2026 13:00." in said
    assert "Best one wins: an order in both gets the larger of the two." in said
    assert "Tea" not in said


def test_without_a_script_a_button_shows_the_same_and_saves_nothing(admin_client, programme):
    page = admin_client.post(f"{LIST}add/", {**told(), "show": "1"})

    assert page.status_code == 200
    assert page.context["preview"]["promise"] == "2 times the points on: coffee."
    assert not Campaign.objects.exists()


def test_a_half_written_form_has_no_preview_yet(admin_client, programme):
    page = admin_client.post(f"{LIST}preview/", told(starts_at=""))

    assert "Fill in what is missing to see what it would do." in page.content.decode()


def test_a_draft_is_started_paused_gone_on_with_and_ended(admin_client, programme, clock):
    campaign = draft(programme)
    address = f"{LIST}{campaign.pk}/"
    states = []
    for deed, moment in (("start", day(0)), ("pause", day(2)), ("start", day(3)), ("end", day(4))):
        clock.move_to(moment)
        assert admin_client.post(f"{address}{deed}/").url.partition("?")[0] == f"{address}change/"
        campaign.refresh_from_db()
        states.append(campaign.state)

    assert states == ["on", "paused", "on", "ended"]
    page = admin_client.get(f"{address}change/").content.decode()
    assert "Ended." in page
    assert "<button" not in page.split("Versions")[0].split("<h1>")[1]


def test_what_runs_is_changed_by_a_new_version(admin_client, programme, clock):
    campaign = switch_on_campaign(campaign_id=draft(programme, starts_at=day(1)).id, at=NOON)
    clock.move_to(day(2))
    address = f"{LIST}{campaign.pk}/edit/"
    form = admin_client.get(address).context["form"]
    shown = {name: form[name].value() for name in form.fields}
    filled = {name: value for name, value in shown.items() if value not in (None, [])}
    filled["starts_at"] = shown["starts_at"].strftime("%Y-%m-%dT%H:%M")
    filled["ends_at"] = shown["ends_at"].strftime("%Y-%m-%dT%H:%M")

    page = admin_client.post(address, {**filled, "factor": "3", "save": "1"})

    assert page.status_code == 302
    periods = campaign.versions.order_by("number").values_list("factor", "starts_at", "ends_at")
    assert list(periods) == [(2, day(1), day(2)), (3, day(2), day(8))]
    assert Campaign.objects.get().starts_at == day(1)


def test_a_draft_is_thrown_away(admin_client, programme):
    campaign = draft(programme)

    assert admin_client.post(f"{LIST}{campaign.pk}/discard/").url == LIST
    assert not Campaign.objects.exists()


def test_what_cannot_be_started_any_more_says_why(admin_client, programme, clock):
    campaign = draft(programme)
    clock.move_to(day(9))

    page = admin_client.post(f"{LIST}{campaign.pk}/start/", follow=True)

    assert "The end has passed already." in page.content.decode()
    assert Campaign.objects.get().state == "draft"


def test_the_list_shows_what_is_on_in_the_next_six_weeks(admin_client, programme):
    switch_on_campaign(campaign_id=draft(programme, name="Soon").id, at=NOON)
    draft(programme, name="Only a draft")

    page = admin_client.get(LIST)

    assert [bar["campaign"].name for bar in page.context["strip"]["bars"]] == ["Soon"]
    assert "from March 4, 2026 13:00 to March 11, 2026 13:00" in page.content.decode().replace("\xa0", " ")


def test_an_empty_list_says_what_will_be_there(admin_client, programme):
    assert (
        "No campaigns yet. A campaign gives extra points for a while."
        in admin_client.get(LIST).content.decode()
    )


def test_who_may_only_look_changes_nothing(clerk, programme):
    campaign = switch_on_campaign(campaign_id=draft(programme).id, at=NOON)
    address = f"{LIST}{campaign.pk}/"

    assert clerk.get(f"{address}change/").status_code == 200
    refused = [clerk.post(f"{address}{deed}/") for deed in ("start", "pause", "end", "discard", "edit")]
    refused += [clerk.post(f"{LIST}add/", {**told(), "save": "1"}), clerk.post(f"{LIST}preview/", told())]
    assert {page.status_code for page in refused} == {403}
    campaign.refresh_from_db()
    assert (campaign.state, CampaignVersion.objects.count()) == ("on", 1)


def test_looking_changes_nothing(admin_client, programme):
    campaign = draft(programme)

    assert [admin_client.get(f"{LIST}{campaign.pk}/{deed}/").status_code for deed in ("start", "end")] == [
        405,
        405,
    ]
    assert Campaign.objects.get().state == "draft"


def test_a_campaign_out_of_points_says_so(admin_client, programme, clock):
    campaign = switch_on_campaign(campaign_id=draft(programme, starts_at=NOON).id, at=NOON)
    pause_campaign(campaign_id=campaign.id, reason="budget", at=NOON + timedelta(hours=1))

    page = admin_client.get(f"{LIST}{campaign.pk}/change/")

    assert "It has paused itself" in page.content.decode()


def test_the_pages_ask_a_constant_number_of_questions(admin_client, programme, django_assert_max_num_queries):
    for number in range(6):
        tell(str(number), who=f"member-{number}", placed_at=day(-number - 1), at=day(-number - 1))
        switch_on_campaign(campaign_id=draft(programme, name=f"More {number}").id, at=NOON)

    with django_assert_max_num_queries(12):
        admin_client.get(LIST)
    with django_assert_max_num_queries(28):
        admin_client.post(f"{LIST}preview/", told())
