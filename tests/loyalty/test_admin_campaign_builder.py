"""Building a campaign: goods picked by name, a basket of one's own, slips asked about and taken back."""

import re
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backstage.models import Approval
from commerce.queries.goods import list_articles, search_goods
from loyalty.models import Campaign, CampaignLimit
from loyalty.operations.campaign_limits import set_campaign_limit
from loyalty.operations.campaigns import create_campaign
from loyalty.policies.campaign_limits import BudgetLimit
from tests.factories.commerce import ProductFactory
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
def products(db):
    """Two coffees and a mug."""
    ProductFactory(
        sku="B1", name="Beans from Huila", brand="Aker", category_path="food/coffee/beans", price_minor=900
    )
    ProductFactory(sku="B2", name="Ground coffee", brand="Aker", category_path="food/coffee", price_minor=650)
    ProductFactory(sku="M1", name="Mug", brand="Fjell", category_path="kitchen/mugs", price_minor=None)


@pytest.fixture
def marketer(programme):
    """Signed in as somebody who may draft and change campaigns, and start them up to 10,000 points."""
    group = Group.objects.create(name="Marketers")
    for name in ("view_campaign", "add_campaign", "change_campaign"):
        group.permissions.add(Permission.objects.get(codename=name))
    user = get_user_model().objects.create_user("dave", is_staff=True)
    user.groups.add(group)
    set_campaign_limit(programme_id=programme.id, group_id=group.id, limit=BudgetLimit(10_000), at=NOON)
    client = StrictClient()
    client.force_login(user)
    return client


def told(**more) -> dict[str, object]:
    """What a person fills in for double points."""
    return {
        "name": "Double beans",
        "kind": "multiply",
        "factor": "2",
        "starts_at": "2026-03-04T00:00",
        "ends_at": "2026-03-11T00:00",
        **more,
    }


def draft(programme, **own) -> Campaign:
    told = {"name": "Double", "starts_at": NOON, **own}
    return create_campaign(programme_id=programme.id, terms=DOUBLE, at=NOON, **told)


def said(page) -> str:
    return re.sub(r"\s+", " ", page.content.decode().replace("\xa0", " "))


def values(page, name: str) -> list[str]:
    """Give what the page would send for a field."""
    return [
        value
        for value in re.findall(rf'<input type="hidden" name="{name}" value="([^"]*)"', said(page))
        if value
    ]


# -- finding goods -------------------------------------------------------------------------------------------


def test_articles_brands_and_categories_are_found_by_a_part_of_their_name(products):
    assert [(one.kind, one.value, one.label) for one in search_goods("coffee")] == [
        ("skus", "B2", "Ground coffee"),
        ("category_paths", "food/coffee", "food/coffee"),
    ]
    assert [(one.kind, one.value) for one in search_goods("AKER")] == [("brands", "Aker")]
    assert [(one.kind, one.value) for one in search_goods("b1")] == [("skus", "B1")]
    assert search_goods("  ") == []
    assert search_goods("tea") == []


def test_a_shop_that_tells_no_articles_is_searched_by_what_it_sold(programme):
    tell("1", goods("x", 900, brand="Aker", category_path="food/tea"))

    assert [(one.kind, one.value, one.label) for one in search_goods("good")] == [("skus", "Ax", "Goods")]
    assert [(one.kind, one.value) for one in search_goods("tea")] == [("category_paths", "food/tea")]
    assert list_articles(["Ax"])["Ax"].price_minor == 450


def test_a_search_costs_the_same_however_many_articles_there_are(products):
    counts = []
    for number in (1, 20):
        for one in range(number):
            ProductFactory(
                sku=f"{number}-{one}", name="Coffee", brand=f"b{one}", category_path=f"coffee/{one}"
            )
        with CaptureQueriesContext(connection) as queries:
            search_goods("coffee")
        counts.append(len(queries))

    assert counts == [3, 3]
    assert len(search_goods("coffee")) == 10 + 2


# -- picking without a script --------------------------------------------------------------------------------


def test_searching_offers_what_fits_and_complains_about_nothing_that_is_still_missing(
    admin_client, programme, products
):
    page = admin_client.post(f"{LIST}add/", {"name": "", "find": "coffee", "search": "1"})

    assert page.status_code == 200
    assert 'name="add" value="skus=B2"' in said(page)
    assert 'name="add" value="basket=B2"' in said(page)
    assert "This field is required" not in said(page)
    assert not Campaign.objects.exists()


def test_what_is_picked_stands_by_its_name_and_can_be_taken_out_again(admin_client, programme, products):
    page = admin_client.post(f"{LIST}add/", told(add="skus=B1", skus="B2"))
    assert values(page, "skus") == ["B2", "B1"]
    assert "Beans from Huila <span" in said(page)
    assert 'aria-label="Take out Ground coffee"' in said(page)
    assert page.context["form"]["name"].value() == "Double beans"
    assert "2 times the points on: Ground coffee, Beans from Huila." in said(page)

    page = admin_client.post(f"{LIST}add/", told(drop="skus=B2", skus=["B2", "B1"]))
    assert values(page, "skus") == ["B1"]

    admin_client.post(f"{LIST}add/", told(skus=["B1"], category_paths="food/coffee", save="1"))
    version = Campaign.objects.get().versions.get()
    assert (version.skus, version.category_paths) == (["B1"], ["food/coffee"])


def test_what_is_not_known_can_be_picked_as_it_is_written(admin_client, programme, products):
    page = admin_client.post(f"{LIST}add/", told(find="food/tea", search="1"))

    assert "Nothing matches “food/tea”." in said(page)
    assert 'name="add" value="category_paths=food/tea"' in said(page)


def test_a_command_that_names_another_field_changes_nothing(admin_client, programme):
    page = admin_client.post(f"{LIST}add/", told(add="budget_points=99"))

    assert page.status_code == 200
    assert page.context["form"]["budget_points"].value() in (None, "")


def test_changing_a_campaign_begins_with_what_was_picked(admin_client, programme, products):
    campaign = draft(programme)
    campaign.versions.update(skus=["B1"], brands=["Aker"])

    page = admin_client.get(f"{LIST}{campaign.pk}/edit/")

    assert (values(page, "skus"), values(page, "brands")) == (["B1"], ["Aker"])
    assert "Beans from Huila" in said(page)
    assert page.context["preview"]["promise"].startswith("2 times the points")
    assert "Fill in what is missing" not in said(page)


def test_the_first_button_of_the_form_is_one_that_changes_nothing(admin_client, programme):
    page = said(admin_client.get(f"{LIST}add/"))
    form = page[page.index("data-encore-preview") :]

    assert re.search(r"<button[^>]*>", form).group() == (
        '<button class="enc-default" name="search" value="1" tabindex="-1" aria-hidden="true">'
    )


# -- a basket of one's own -----------------------------------------------------------------------------------


def test_a_basket_of_ones_own_is_tried_by_the_engine_and_not_saved(admin_client, programme, products):
    page = admin_client.post(
        f"{LIST}add/", told(category_paths="food/coffee/beans", basket=["B1", "B2"], add="basket=B1")
    )

    assert values(page, "basket") == ["B1", "B1", "B2"]
    assert "2 × Beans from Huila" in said(page)
    (sample,) = page.context["preview"]["samples"]
    assert [str(part) for part in sample[:3]] == [
        "Your own basket",
        "€24.50",
        "Beans from Huila, Ground coffee",
    ]
    assert [line.replace("\xa0", " ") for line in sample[3]] == [
        "Without the campaign: 245",
        "+ 180",
        "= 425 points",
    ]
    assert not Campaign.objects.exists()


def test_an_article_without_a_price_is_named_and_left_out(admin_client, programme, products):
    page = admin_client.post(f"{LIST}preview/", told(basket=["M1", "B2"]))

    assert "Nobody knows a price of: M1" in said(page)
    assert "= 130 points" in said(page)


# -- a slip of the keyboard ----------------------------------------------------------------------------------


def test_a_bonus_that_costs_many_times_what_orders_earn_is_asked_about(admin_client, programme):
    for number in range(3):
        tell(str(number), goods("a", 5_000), placed_at=day(-1 - number), at=NOON)
    bonus = told(kind="steps", steps="50 = 3000")

    page = admin_client.post(f"{LIST}add/", {**bonus, "save": "1"})

    assert page.status_code == 422
    assert "It would cost 7 times as much as now. Is that what you mean?" in said(page)
    assert "Tick this if you mean it." in said(page)
    assert not Campaign.objects.exists()
    admin_client.post(f"{LIST}add/", {**bonus, "save": "1", "is_meant": "1"})
    assert Campaign.objects.get().versions.get().steps == [[5000, 3000]]


def test_without_orders_the_step_is_compared_with_an_order_of_just_its_amount(admin_client, programme):
    page = admin_client.post(f"{LIST}add/", {**told(kind="steps", steps="5 = 5000"), "save": "1"})

    assert "It would cost 101 times as much as now." in said(page)
    assert not Campaign.objects.exists()


# -- who may start it ----------------------------------------------------------------------------------------


def test_a_marketer_starts_within_the_limit_and_asks_above_it(marketer, programme):
    small, large = draft(programme, budget_points=10_000), draft(programme, budget_points=10_001)

    marketer.post(f"{LIST}{small.pk}/start/")
    refused = marketer.post(f"{LIST}{large.pk}/start/", follow=True)

    assert "This is over your limit. Campaigns with a budget of at most 10,000 points." in said(refused)
    assert [Campaign.objects.get(pk=one.pk).state for one in (small, large)] == ["on", "draft"]
    assert "Ask to switch it on" in said(refused)
    assert 'action="../start/"' not in said(refused)
    unsaid = marketer.post(f"{LIST}{large.pk}/ask/", {"reason": " "}, follow=True)
    assert "Say why, in a few words" in said(unsaid)
    assert not Approval.objects.exists()
    asked = marketer.post(f"{LIST}{large.pk}/ask/", {"reason": "Spring sale"}, follow=True)
    assert "Switch on the campaign “Double”, with a budget of 10,001 points" in said(asked)
    assert Campaign.objects.get(pk=large.pk).state == "draft"


def test_a_marketer_who_raises_a_running_budget_over_the_limit_reads_it_beside_the_field(marketer, programme):
    campaign = draft(programme, budget_points=10_000)
    marketer.post(f"{LIST}{campaign.pk}/start/")
    page = marketer.get(f"{LIST}{campaign.pk}/edit/")
    form = page.context["form"]
    filled = {name: form[name].value() for name in form.fields if form[name].value() not in (None, "", [])}
    filled |= {"starts_at": "2026-03-03T13:00", "budget_points": "20000", "save": "1"}

    page = marketer.post(f"{LIST}{campaign.pk}/edit/", filled)

    assert page.context["form"].errors["budget_points"] == [
        "This is over your limit. Campaigns with a budget of at most 10,000\xa0points."
    ]
    campaign.refresh_from_db()
    assert campaign.budget_points == 10_000


def test_whoever_approves_sees_what_it_promises(admin_client, marketer, programme):
    campaign = draft(programme, budget_points=99_000)
    marketer.post(f"{LIST}{campaign.pk}/ask/", {"reason": "Spring sale"})
    approval = f"/admin/encore_backstage/approval/{Approval.objects.get().pk}/"

    page = admin_client.get(f"{approval}change/")
    assert "2 times the points." in said(page)
    admin_client.post(f"{approval}decide/", {"decision": "approve"})

    campaign.refresh_from_db()
    assert campaign.state == "on"


def test_the_owner_sets_the_limit_on_the_programmes_page(admin_client, programme):
    group = Group.objects.create(name="Marketers")
    address = f"/admin/encore_loyalty/programme/{programme.pk}/"
    filled = {"role": str(group.pk), "budget_points": "5000"}

    shown = admin_client.post(f"{address}campaign_limit/", filled)
    assert "Campaigns with a budget of at most 5,000\xa0points." in shown.context["meanings"]
    checked = shown.context["form"]["checked"].value()
    page = admin_client.post(f"{address}campaign_limit/", {**filled, "checked": checked}, follow=True)

    assert CampaignLimit.objects.get().budget_points == 5000
    assert "Marketers <span" in said(page)


# -- taking back ---------------------------------------------------------------------------------------------


def test_a_click_can_be_taken_back_for_a_minute(admin_client, programme):
    campaign = draft(programme, starts_at=day(2))
    states = []
    for deed in ("start", "pause", "end"):
        page = admin_client.post(f"{LIST}{campaign.pk}/{deed}/", follow=True)
        assert "You can take this back for a minute." in said(page)
        back = admin_client.post(f"{LIST}{campaign.pk}/undo/", {"undo": page.context["undo"]}, follow=True)
        assert "Taken back." in said(back)
        states.append(Campaign.objects.get().state)
        admin_client.post(f"{LIST}{campaign.pk}/start/")

    assert states == ["draft", "on", "on"]


def test_after_a_minute_or_for_another_campaign_nothing_is_taken_back(admin_client, programme, monkeypatch):
    campaign, other = draft(programme, starts_at=day(2)), draft(programme, starts_at=day(2))
    page = admin_client.post(f"{LIST}{campaign.pk}/start/", follow=True)
    token = page.context["undo"]

    wrong = admin_client.post(f"{LIST}{other.pk}/undo/", {"undo": token}, follow=True)
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + 61)
    late = admin_client.post(f"{LIST}{campaign.pk}/undo/", {"undo": token}, follow=True)
    again = admin_client.get(f"{LIST}{campaign.pk}/change/?undo={token}")

    for answer in (wrong, late):
        assert "The minute is over. Use the buttons below instead." in said(answer)
    assert "You can take this back" not in said(again)
    assert sorted(Campaign.objects.values_list("state", flat=True)) == ["draft", "on"]
