"""The owner takes in partners by a sentence, sees what a month comes to, closes it, takes it as a file."""

from datetime import date

import pytest
from django.contrib.auth.models import Permission

from backstage.models import ApiKey
from loyalty.models import Partner, PartnerChannel, PartnerPrice, PartnerStatement
from loyalty.operations.statements import close_months
from loyalty.queries.statements import write_csv
from tests.loyalty.shop import open_shop
from tests.loyalty.test_partners import channel, partner
from tests.loyalty.test_statements import MAY, at, buy, member

pytestmark = pytest.mark.django_db
HOME, STATEMENTS = "/admin/encore_loyalty/partner/", "/admin/encore_loyalty/partnerstatement/"


@pytest.fixture
def programme(clock):
    clock.move_to(at(5, 20))
    return open_shop(terms={"window_days": 0})


@pytest.fixture
def shop(programme):
    return channel()


@pytest.fixture
def bakery(programme, shop):
    return partner(programme, "bakery", shop, at=at(4, 1), starts_on=MAY)


def typed(programme, shop, **more):
    told = {"programme": programme.pk, "name": "Bakery", "key": "bakery", "channel": [shop.pk]}
    return {**told, "issued": "5.00", "redeemed": "4.00", "starts_on": "2026-05-20", "save": "1", **more}


def test_a_partner_is_taken_in_by_a_sentence(admin_client, programme, shop):
    answer = admin_client.post(f"{HOME}add/", typed(programme, shop))

    taken_in = Partner.objects.get()
    assert (answer.status_code, answer.url) == (302, f"{HOME}{taken_in.pk}/change/")
    assert PartnerPrice.objects.values_list("issued_minor", "redeemed_minor").get() == (500, 400)
    page = admin_client.get(answer.url).content.decode()
    assert "pays €5.00, is paid €4.00 for 1,000 points" in page
    assert "May 2026 so far" in page
    assert "Bakery" in admin_client.get(HOME).content.decode()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"issued": "-1"}, "issued"),
        ({"redeemed": "0.001"}, "redeemed"),
        ({"starts_on": "soon"}, "starts_on"),
        ({"key": "no spaces"}, "key"),
        ({"channel": ["999"]}, "channel"),
    ],
)
def test_what_cannot_be_is_said_beside_its_gap_and_nothing_is_saved(
    admin_client, programme, shop, wrong, field
):
    page = admin_client.post(f"{HOME}add/", typed(programme, shop, **wrong))

    assert (page.status_code, list(page.context["form"].errors)) == (422, [field])
    assert not Partner.objects.exists()


def test_a_channel_that_somebody_has_is_said_beside_its_gap(admin_client, programme, shop, bakery):
    page = admin_client.post(f"{HOME}add/", typed(programme, shop, key="train"))

    assert page.context["form"].errors["channel"] == ["“Bakery” belongs to Bakery. End that first."]
    assert Partner.objects.count() == 1


def test_the_preview_says_what_a_month_would_come_to(admin_client, programme):
    told = {"programme": programme.pk, "issued": "5", "redeemed": "2.50"}

    page = admin_client.post(f"{HOME}preview/", told).content.decode()
    assert "issue 10,000\N{NO-BREAK SPACE}points and take 4,000\N{NO-BREAK SPACE}points" in page
    assert "The partner owes €40.00." in page
    told["redeemed"] = ""
    assert "Fill in both prices" in admin_client.post(f"{HOME}preview/", told).content.decode()
    assert not Partner.objects.exists()


def test_a_price_and_a_channel_are_changed_and_ended(admin_client, programme, shop, bakery):
    cafe = channel("cafe")
    price = {"programme": programme.pk, "issued": "6", "redeemed": "4", "save": "1"}
    page = admin_client.post(f"{HOME}{bakery.pk}/price/", {**price, "starts_on": "2026-05-20"})
    assert "Choose tomorrow" in page.context["form"].errors["starts_on"][0]
    admin_client.post(f"{HOME}{bakery.pk}/price/", {**price, "starts_on": "2026-06-01"})
    told = {"programme": programme.pk, "channel": cafe.pk, "starts_on": "2026-05-21", "save": "1"}
    admin_client.post(f"{HOME}{bakery.pk}/channel/", told)
    claim = PartnerChannel.objects.get(channel=shop)
    admin_client.post(
        f"{HOME}{bakery.pk}/channel-end/?claim={claim.pk}", {"last_on": "2026-05-31", "save": "1"}
    )

    claim.refresh_from_db()
    assert (PartnerPrice.objects.count(), PartnerChannel.objects.count()) == (2, 2)
    assert f"{claim.ends_at:%m-%d %H}" == "05-31 22"
    page = admin_client.get(f"{HOME}{bakery.pk}/change/").content.decode()
    assert "from May 1, 2026 until before June 1, 2026" in page


def test_ending_a_partner_asks_first(admin_client, programme, bakery):
    assert "keys are withdrawn" in admin_client.get(f"{HOME}{bakery.pk}/end/").content.decode()
    bakery.refresh_from_db()
    assert bakery.ended_at is None

    admin_client.post(f"{HOME}{bakery.pk}/end/")

    bakery.refresh_from_db()
    assert bakery.ended_at == at(5, 20)
    for deed in ("price", "channel", "end"):
        assert admin_client.get(f"{HOME}{bakery.pk}/{deed}/").status_code == 404


def test_a_key_is_made_for_a_partner_from_its_page(admin_client, bakery):
    page = admin_client.get(f"{HOME}{bakery.pk}/change/").content.decode()
    assert f"?owner=partner:{bakery.pk}" in page

    told = {"request": "q", "owner": f"partner:{bakery.pk}", "scopes": ["balance"], "name": "Till"}
    admin_client.post("/admin/encore_backstage/apikey/add/", told)

    assert ApiKey.objects.get().owner_id == str(bakery.pk)


def test_a_month_is_closed_by_a_button_that_says_which(admin_client, programme, bakery, clock):
    member(programme)
    buy("1", 10_000, at(5, 2))
    clock.move_to(at(6, 1))
    assert "May 2026" in admin_client.get(f"{HOME}{bakery.pk}/close/").content.decode()
    assert not PartnerStatement.objects.exists()

    for _ in range(2):
        admin_client.post(f"{HOME}{bakery.pk}/close/")

    assert PartnerStatement.objects.get().balance_minor == 500
    page = admin_client.get(f"{HOME}{bakery.pk}/change/").content.decode()
    assert "The partner owes €5.00." in page


def test_a_statement_is_a_page_a_chart_a_file_and_its_entries(admin_client, programme, bakery):
    member(programme)
    buy("1", 10_000, at(5, 2))
    close_months(programme_id=programme.id, until=at(6, 1), at=at(6, 1))
    statement = PartnerStatement.objects.get()

    page = admin_client.get(f"{STATEMENTS}{statement.pk}/change/").content.decode()
    file = admin_client.get(f"{STATEMENTS}{statement.pk}/csv/")
    entries = admin_client.get(f"{STATEMENTS}{statement.pk}/entries/").content.decode()

    assert "Bakery · Issued" in page
    assert "<svg" in page
    assert (file.content, file["Content-Disposition"]) == (
        write_csv(statement),
        'attachment; filename="bakery-2026-05.csv"',
    )
    assert "/admin/encore_loyalty/entry/" in entries
    assert "May 2026" in admin_client.get(STATEMENTS).content.decode()


def test_whoever_may_only_look_can_change_nothing(client, django_user_model, programme, shop, bakery):
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=["view_partner"]))
    client.force_login(clerk)

    page = client.get(f"{HOME}{bakery.pk}/change/")
    assert page.status_code == 200
    assert "End this partner" not in page.content.decode()
    assert client.post(f"{HOME}add/", typed(programme, shop, key="x")).status_code == 403
    for deed in ("price", "channel", "close", "end"):
        assert client.post(f"{HOME}{bakery.pk}/{deed}/").status_code == 403
    assert client.post(f"{HOME}preview/").status_code == 403


def test_the_list_asks_as_many_questions_for_many_partners(
    admin_client, programme, bakery, django_assert_max_num_queries
):
    for number in range(10):
        partner(programme, f"p{number}", channel(f"c{number}"), starts_on=date(2026, 5, 20))

    with django_assert_max_num_queries(10):
        assert admin_client.get(HOME).status_code == 200
