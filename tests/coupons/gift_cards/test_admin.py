"""The owner sells gift cards in a sentence, finds them, looks after them, and sees what is owed."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import transaction

from backstage.models import Approval
from backstage.operations import approvals
from backstage.operations.check import check_ledger
from backstage.policies import SHOP, By
from backstage.policies.approvals import ChangeRefusedError
from coupons.models import GiftCard, GiftCardLimit
from coupons.operations.gift_cards.look_up import look_up_gift_card
from tests.coupons.gift_cards.till import NOON, day, money_of, moves_of, refund, reserve, sell, use
from tests.factories.commerce import ChannelFactory

pytestmark = pytest.mark.django_db
HOME = "/admin/encore_coupons/giftcard/"
TOKEN = "0b5fd08e-4a5f-4d7c-9d0c-0d6a3a1c8f10"
CODE = re.compile(r"<code>([A-Z0-9-]{19})</code>")


@pytest.fixture(autouse=True)
def books_are_right(db, clock):
    clock.move_to(NOON)
    ChannelFactory(key="web", currency="EUR", time_zone="Europe/Oslo")
    yield
    assert [finding.detail for finding in check_ledger().findings] == []


def typed(**more):
    return {"key": TOKEN, "amount": "50.00", "currency": "EUR", "last_day": "2029-12-31", **more}


def staff(client, *permissions: str):
    """Sign somebody in who may look at gift cards and do no more than this."""
    person = get_user_model().objects.create_user("carol", is_staff=True)
    names = ["view_giftcard", *permissions]
    person.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(person)
    return person


def test_a_card_is_sold_in_a_sentence_and_its_code_shown_once(admin_client):
    page = admin_client.post(f"{HOME}add/", typed(recipient="Ola", message="Happy birthday", reference="900"))

    (code,) = CODE.findall(page.content.decode())
    assert "no-store" in page["Cache-Control"]
    assert "<svg" in page.content.decode()
    found = look_up_gift_card(code=code, source="till", at=NOON).found
    assert (found.balance_minor, str(found.usable_until)) == (5000, "2029-12-31 23:00:00+00:00")
    again = admin_client.post(
        f"{HOME}add/", typed(recipient="Ola", message="Happy birthday", reference="900")
    )
    assert again.status_code == 302
    card = GiftCard.objects.get()
    for address in (HOME, f"{HOME}{card.pk}/change/"):
        assert code not in admin_client.get(address).content.decode()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "5.001"}, "amount"),
        ({"amount": "1e14"}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"last_day": ""}, "last_day"),
        ({"is_endless": "on"}, "last_day"),
        ({"last_day": "2020-01-01"}, "last_day"),
        ({"message": "4111 1111 1111 1111"}, "message"),
        ({"key": "x"}, "key"),
    ],
)
def test_what_cannot_be_is_said_beside_its_gap_and_nothing_is_sold(admin_client, wrong, field):
    page = admin_client.post(f"{HOME}add/", typed(**wrong))

    assert page.status_code == 422
    assert page.context["form"].errors[field]
    assert not GiftCard.objects.exists()


def test_a_card_is_paused_resumed_extended_and_made_void(admin_client):
    card = sell(5000, expires_at=day(30))
    page = f"{HOME}{card.pk}"

    for deed, told, state in (
        ("pause", {"reason": "Lost"}, "paused"),
        ("resume", {}, "active"),
        ("extend", {"last_day": "2027-01-31"}, "active"),
        ("void", {"reason": "Charge-back"}, "void"),
    ):
        assert admin_client.post(f"{page}/{deed}/", told).status_code == 302
        card.refresh_from_db()
        assert card.state == state

    assert moves_of(card)[-1] == ("void", 5000)
    assert admin_client.get(f"{page}/change/").context["deeds"] == []
    assert admin_client.get(f"{page}/void/").status_code == 404


@pytest.mark.parametrize("deed", ["pause", "void", "renew"])
def test_a_deed_without_a_reason_is_asked_for_one(admin_client, deed):
    card = sell()

    page = admin_client.post(f"{HOME}{card.pk}/{deed}/", {"reason": " "})

    assert page.status_code == 422
    assert page.context["form"].errors["reason"]
    assert money_of(card) == {"balance": 5000}


@pytest.mark.parametrize("end", ["2026-03-10", "2020-01-01"])
def test_an_end_that_is_no_later_is_said_beside_its_gap(admin_client, end):
    card = sell(5000, expires_at=day(30))

    page = admin_client.post(f"{HOME}{card.pk}/extend/", {"last_day": end})

    assert page.status_code == 422
    assert "April 2, 2026" in page.context["form"].errors["last_day"][0]


def test_a_lost_card_gets_a_new_code(admin_client):
    card = sell()

    page = admin_client.post(f"{HOME}{card.pk}/renew/", {"reason": "Left on a train"})

    (code,) = CODE.findall(page.content.decode())
    assert look_up_gift_card(code=code, source="till", at=NOON).found.card == card.handle


def test_money_goes_back_by_hand_up_to_what_the_order_took_and_two_clicks_are_one(admin_client):
    card = sell(5000)
    use(card, 3000)
    page = f"{HOME}{card.pk}/refund/"
    told = {"use": "web|1001|0", "amount": "10.00", "reason": "Broken cup"}

    for _ in range(2):
        admin_client.post(page, told)
    assert money_of(card) == {"balance": 3000, "used": 2000}

    too_much = {"use": "web|1001|1000", "amount": "20.01", "reason": "Broken cup"}
    assert admin_client.post(page, too_much).context["form"].errors["amount"]
    assert money_of(card) == {"balance": 3000, "used": 2000}


def test_cards_are_found_by_code_by_its_last_four_and_by_order(admin_client):
    page = admin_client.post(f"{HOME}add/", typed(reference="900"))
    (code,) = CODE.findall(page.content.decode())
    sell()
    card = GiftCard.objects.get(reference="900")

    for words in (code, code.lower().replace("-", " "), card.last_four, "900"):
        found = list(admin_client.get(HOME, {"q": words}).context["cl"].result_list)
        assert card in found
    assert not admin_client.get(HOME, {"q": "nothing"}).context["cl"].result_list


def test_the_list_asks_the_same_for_one_card_and_for_many(admin_client, django_assert_num_queries):
    for count in (1, 20):
        for _ in range(count):
            reserve(sell(100), 10)
        with django_assert_num_queries(4):
            page = admin_client.get(HOME)

    assert len(page.context["cl"].result_list) == 21


def test_the_list_counts_what_has_ended_as_nothing_before_any_job(admin_client, clock):
    over, lapsed = sell(5000, expires_at=day(1)), sell(5000)
    reserve(lapsed, 2000)

    clock.move_to(day(1.05))

    text = admin_client.get(HOME).content.decode()
    assert "€0.00" in text
    assert "€30.00" not in text
    assert admin_client.get(f"{HOME}{over.pk}/change/").context["left"] == "€0.00"


def test_figures_say_what_was_sold_used_and_is_owed_by_age(admin_client, clock):
    old = sell(1000, at=day(-500))
    use(old, 300, at=day(-400))
    new = sell(2000)
    reserve(new, 500)
    sell(7000, currency="NOK")
    sell(600, expires_at=day(1))
    clock.move_to(day(1))

    euro, kroner = admin_client.get(HOME).context["figures"]

    assert (euro["sold"], euro["used"], euro["expired"], euro["owed"]) == (
        "€36.00",
        "€3.00",
        "€6.00",
        "€27.00",
    )
    assert euro["ages"] == ["€20.00", "€7.00", "€0.00", "€0.00"]
    assert kroner["owed"] == "NOK70.00"


def test_who_may_only_look_sees_cards_and_can_do_nothing(client):
    staff(client)
    card = sell()

    assert client.get(HOME).status_code == 200
    assert client.get(f"{HOME}{card.pk}/change/").context["deeds"] == []
    assert client.get(f"{HOME}add/").status_code == 403
    assert client.get(f"{HOME}limits/").status_code == 403
    for deed in ("pause", "void", "renew", "extend", "refund"):
        assert client.post(f"{HOME}{card.pk}/{deed}/", {"reason": "x"}).status_code == 403
    assert money_of(card) == {"balance": 5000}


def test_who_may_not_look_sees_nothing(client):
    person = get_user_model().objects.create_user("mallory", is_staff=True)
    client.force_login(person)
    card = sell()

    for address in (HOME, f"{HOME}{card.pk}/change/", f"{HOME}add/"):
        assert client.get(address).status_code == 403


def test_over_a_limit_a_card_is_worth_nothing_until_somebody_else_approves(admin_client, client, clock):
    admin_client.post(f"{HOME}limits/", {"EUR": "20.00"})
    assert GiftCardLimit.objects.get().alone_minor == 2000
    staff(client, "add_giftcard", "change_giftcard")

    assert client.post(f"{HOME}add/", typed()).context["form"].errors["reason"]
    page = client.post(f"{HOME}add/", typed(reason="For the raffle"))
    (code,) = CODE.findall(page.content.decode())
    card = GiftCard.objects.get()
    assert (card.state, money_of(card)) == ("waiting", {})
    assert look_up_gift_card(code=code, source="till", at=NOON).found is None

    approve()
    assert money_of(card) == {"balance": 5000}
    client.post(f"{HOME}{card.pk}/void/", {"reason": "Never given out"})
    assert money_of(card) == {"balance": 5000}
    approve()
    assert money_of(card) == {"voided": 5000}


def test_over_a_limit_money_goes_back_once_it_is_approved(client):
    card = sell(5000)
    use(card, 3000)
    GiftCardLimit.objects.create(currency="EUR", alone_minor=500)
    staff(client, "change_giftcard")
    told = {"use": "web|1001|0", "amount": "10.00", "reason": "Broken cup"}

    client.post(f"{HOME}{card.pk}/refund/", told)
    assert money_of(card) == {"balance": 2000, "used": 3000}

    approve()
    assert money_of(card) == {"balance": 3000, "used": 2000}


def test_what_was_asked_for_and_cannot_be_done_any_more_says_so(client):
    card = sell(5000)
    use(card, 3000)
    GiftCardLimit.objects.create(currency="EUR", alone_minor=500)
    staff(client, "change_giftcard")
    client.post(f"{HOME}{card.pk}/refund/", {"use": "web|1001|0", "amount": "10.00", "reason": "Broken"})
    refund(card, 2000)

    with pytest.raises(ChangeRefusedError):
        approve()

    assert money_of(card) == {"balance": 4000, "used": 1000}


def approve() -> None:
    """Somebody else approves what waits, seeing first what it is."""
    waiting = Approval.objects.get(state="waiting")
    olga = By("staff", "999", "Olga")
    with transaction.atomic():
        approvals.approve(approval_id=waiting.pk, by=olga, at=NOON, now=waiting.requested_at)


def test_whoever_decides_sees_which_card_and_why(admin_client, client):
    card = sell(5000)
    GiftCardLimit.objects.create(currency="EUR", alone_minor=500)
    staff(client, "change_giftcard")
    client.post(f"{HOME}{card.pk}/void/", {"reason": "Never given out"})
    waiting = Approval.objects.get()

    page = admin_client.get(f"/admin/encore_backstage/approval/{waiting.pk}/change/").content.decode()

    assert f"The gift card that ends with {card.last_four}" in page
    assert "Never given out" in page


def test_the_shop_itself_has_no_limit():
    GiftCardLimit.objects.create(currency="EUR", alone_minor=1)

    assert money_of(sell(5000, by=SHOP)) == {"balance": 5000}
