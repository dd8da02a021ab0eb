"""What the owner sees of the programme and changes: said in words first, done on the second click."""

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from backstage.models import AuditRecord
from backstage.policies import SHOP
from loyalty.models import EarningRule, ExchangeRate, LotTerms, ProductGroup, Programme
from loyalty.operations.adjustments import give_points
from tests.factories.commerce import PurchaseFactory, PurchaseLineFactory
from tests.harness.client import StrictClient

pytestmark = pytest.mark.usefixtures("clock")

PROGRAMMES = "/admin/encore_loyalty/programme/"
CHANGES = ["rule", "terms", "settings", "group", "rate", "limit"]


def fill(page, **told) -> dict[str, str]:
    """Fill the form on a page as a browser would, with what is told."""
    form = page.context["form"]
    shown = {name: form[name].value() for name in form.fields}
    return {
        name: str(value)
        for name, value in {**shown, **told}.items()
        if value is not None and value is not False
    }


def change(client, address: str, **told):
    """Fill in, look at what it means, and confirm."""
    shown = client.post(address, fill(client.get(address), **told))
    return shown, client.post(address, fill(shown))


@pytest.fixture
def clerk(db):
    """Signed in as somebody who may look at the programme, and at nothing else."""
    user = get_user_model().objects.create_user("bob", password="bob", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_programme"))
    client = StrictClient()
    client.force_login(user)
    return client


def test_a_programme_is_created_as_a_draft_with_what_an_order_gives(admin_client, db):
    told = {
        "name": "Coffee Club",
        "key": "club",
        "currency": "eur",
        "time_zone": "Europe/Oslo",
        "points": "10",
        "per": "1",
        "worth_points": "100",
        "worth": "0.50",
    }

    answer = admin_client.post(f"{PROGRAMMES}add/", told)

    programme = Programme.objects.get()
    assert answer["Location"] == f"{PROGRAMMES}{programme.pk}/change/"
    assert (programme.state, programme.currency, programme.worth_minor) == ("draft", "EUR", 50)
    assert EarningRule.objects.get().per_minor == 100


@pytest.mark.parametrize(
    ("told", "field", "error"),
    [
        ({"currency": "XYY"}, "currency", "There is no currency XYY."),
        ({"time_zone": "Europe/Olso"}, "time_zone", "Write one such as Europe/Oslo."),
        ({"per": "0"}, "per", "Write an amount above zero."),
        ({"per": "0.001"}, "per", "EUR has 2 decimal places."),
        ({"worth": "NaN"}, "worth", "Enter a number."),
        ({"key": "club"}, "key", "already"),
        ({"points": "9" * 30}, "points", "less than or equal to"),
    ],
)
def test_what_a_programme_cannot_be_is_said_beside_its_field(admin_client, programme, told, field, error):
    Programme.objects.update(key="club")
    right = {"name": "New", "key": "new", "currency": "EUR", "time_zone": "UTC"}
    right |= {"points": "1", "per": "10", "worth_points": "1", "worth": "1"}

    answer = admin_client.post(f"{PROGRAMMES}add/", right | told)

    assert answer.status_code == 422
    assert error in str(answer.context["form"].errors[field])
    assert Programme.objects.count() == 1


def test_a_new_rule_says_what_it_means_for_recorded_orders_before_it_runs(admin_client, programme):
    for sold_minor in (300, 500, 2000):
        PurchaseLineFactory(purchase=PurchaseFactory(), sold_minor=sold_minor)

    shown, done = change(admin_client, f"{PROGRAMMES}{programme.pk}/rule/", points="1", per="10")

    assert "leaves 67 % of your newest 3 orders with nothing." in shown.content.decode()
    assert done.status_code == 302
    rules = EarningRule.objects.order_by("starts_at")
    assert [(rule.points, rule.per_minor) for rule in rules] == [(10, 100), (1, 1000)]
    assert AuditRecord.objects.get().by_kind == "staff"


def test_a_field_that_changes_after_the_first_click_is_shown_anew(admin_client, programme):
    address = f"{PROGRAMMES}{programme.pk}/rule/"
    shown = admin_client.post(address, fill(admin_client.get(address), points="2"))

    again = admin_client.post(address, fill(shown, points="20"))

    assert "20\xa0points for every" in again.content.decode()
    assert EarningRule.objects.count() == 1


def test_terms_of_a_group_begin_with_those_of_all_other_goods(admin_client, programme):
    change(admin_client, f"{PROGRAMMES}{programme.pk}/group/", name="Machines", category_paths="machines")
    group = ProductGroup.objects.get()

    change(admin_client, f"{PROGRAMMES}{programme.pk}/terms/?group={group.pk}", window_days="60")

    assert group.category_paths == ["machines"]
    assert LotTerms.objects.get(product_group=group).window_days == 60
    assert LotTerms.objects.get(product_group__isnull=True).window_days == 14


def test_a_worth_changes_at_once_while_there_are_no_members(admin_client, programme):
    change(admin_client, f"{PROGRAMMES}{programme.pk}/settings/", worth="0.50")

    programme.refresh_from_db()
    assert programme.worth_minor == 50


def test_a_rate_is_added_for_orders_from_now_on(admin_client, programme, clock):
    change(admin_client, f"{PROGRAMMES}{programme.pk}/rate/", currency="gbp", rate="1.2")

    rate = ExchangeRate.objects.get()
    assert (rate.currency, rate.rate, rate.starts_at) == ("GBP", Decimal("1.2"), clock.now())


@pytest.mark.parametrize(
    ("name", "told", "field"),
    [
        ("rate", {"currency": "EUR", "rate": "1"}, "currency"),
        ("rate", {"currency": "GBP", "rate": "0"}, "rate"),
        ("group", {"name": "Nothing"}, "skus"),
        ("terms", {"window_days": "9999"}, "window_days"),
        ("terms", {"expiry_day": "32"}, "expiry_day"),
        ("settings", {"worth": "-1"}, "worth"),
        ("rule", {"points": "0"}, "points"),
    ],
)
def test_a_change_that_cannot_be_is_said_beside_its_field_and_changes_nothing(
    admin_client, programme, name, told, field
):
    address = f"{PROGRAMMES}{programme.pk}/{name}/"

    answer = admin_client.post(address, fill(admin_client.get(address), **told))

    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert AuditRecord.objects.count() == 0


def test_the_buttons_take_the_programme_a_step_on_and_refuse_a_leap(admin_client, programme):
    paused = admin_client.post(f"{PROGRAMMES}{programme.pk}/state/", {"state": "paused"}, follow=True)
    leap = admin_client.post(f"{PROGRAMMES}{programme.pk}/state/", {"state": "draft"}, follow=True)

    programme.refresh_from_db()
    assert programme.state == "paused"
    assert "Nobody joins, earns or spends." in paused.content.decode()
    assert "can&#x27;t become draft" in leap.content.decode()


def test_whoever_may_only_look_sees_no_button_and_every_change_is_refused(clerk, programme):
    page = clerk.get(f"{PROGRAMMES}{programme.pk}/change/").content.decode()

    answers = [clerk.post(f"{PROGRAMMES}{programme.pk}/{name}/", {}).status_code for name in CHANGES]

    assert "Change what an order gives" not in page
    assert answers == [403] * len(CHANGES)
    assert clerk.post(f"{PROGRAMMES}{programme.pk}/state/", {"state": "paused"}).status_code == 403
    assert clerk.get(f"{PROGRAMMES}add/").status_code == 403


def test_the_first_page_says_what_is_owed_and_shows_nobody_more_than_they_may_see(
    admin_client, clerk, programme, alice
):
    give_points(member_id=alice.pk, points=1200, key="gift", reason="goodwill", by=SHOP)

    owner, clerks = (client.get("/admin/").content.decode() for client in (admin_client, clerk))

    assert "€1,200.00" in owner
    assert "1,200\xa0points issued, 0\xa0points used" in owner
    assert "Find a member" in owner
    assert "Find a member" not in clerks


def test_the_first_page_of_a_new_shop_says_what_to_do(admin_client):
    page = admin_client.get("/admin/").content.decode()

    assert "Nothing needs you now." in page
    assert "Create a programme" in page
