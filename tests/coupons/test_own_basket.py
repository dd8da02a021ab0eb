"""The owner tries a coupon on a basket of their own choice before it is saved."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from commerce.policies.basket import Basket, BasketLine
from coupons.models import Coupon, CouponOrder
from coupons.operations.margin import FloorOf, set_floor
from coupons.policies.margin import FloorScope, Remedy
from coupons.queries.coupon_preview import offer_of
from coupons.queries.evaluation import evaluate
from coupons.queries.own_basket import OwnBasket, try_own_basket
from coupons.registry import ThoughtOf
from tests.coupons.shop import NOON, amount, day, offer
from tests.factories.commerce import (
    ChannelFactory,
    CustomerFactory,
    IdentityFactory,
    ProductFactory,
    PurchaseFactory,
    PurchaseLineFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(clock):
    clock.move_to(NOON)
    ProductFactory(
        sku="MUG", name="Gift mug", brand="Nord", price_minor=2000, cost_minor=1400, currency="EUR"
    )
    ProductFactory(
        sku="BEANS", name="Beans", brand="Roast", price_minor=1000, cost_minor=None, currency="EUR"
    )
    return ChannelFactory(name="Web shop", time_zone="Europe/Oslo", currency="EUR")


def filled(**changes):
    return {
        "name": "Half",
        "kind": "percent",
        "percent": "50",
        "currency": "EUR",
        "sale_goods": "any",
        "codes": "one",
        "code": "half",
        "starts_on": "2026-03-20",
        "ends_on": "2026-04-10",
        "time_zone": "Europe/Oslo",
        "together": "best",
        "basket": ["MUG", "MUG", "BEANS"],
        **changes,
    }


def own(client, **changes):
    """What the preview says of the basket."""
    answer = client.post(reverse("admin:encore_coupons_coupon_preview"), filled(**changes))
    assert answer.status_code == 200
    return answer.context["own"]


def cells(told):
    return [
        tuple(line[name] for name in ("pieces", "name", "before", "off", "after")) for line in told["lines"]
    ]


def floor(of, percent, **told):
    set_floor(of=of, percent=Decimal(percent), at=NOON, **told)


def test_pieces_and_prices_are_tried_before_the_coupon_is_saved_or_has_begun(admin_client):
    told = own(admin_client, basket_shipping="4.90")

    assert cells(told) == [
        ("2", "Gift mug", "€40.00", "€20.00", "€20.00"),
        ("1", "Beans", "€10.00", "€5.00", "€5.00"),
    ]
    assert (told["shop"], told["problems"]) == ("Web shop", [])
    assert told["pays"] == "It costs €29.90 instead of €54.90, postage included."
    assert told["kept"] == ["What you keep of it is not known: nobody told what this costs you: Beans."]
    assert told["coupons"] == [("Half (HALF)", ["It takes up to €25.00 off."])]
    assert not Coupon.objects.exists()


def test_the_row_says_which_piece_the_margin_cut_from_what_to_what_and_by_which_floor(admin_client):
    floor(FloorOf(FloorScope.BRAND, brand="Nord"), 10)

    told = own(admin_client)

    # What is left has to be a ninth above the cost of 28.00.
    assert cells(told)[0] == ("2", "Gift mug", "€40.00", "€8.88", "€31.12")
    assert [line["cuts"] for line in told["lines"]] == [
        ["“Half”: cut from €20.00 to €8.88 off, by the floor of 10 % for goods of Nord."],
        [],
    ]


def test_a_floor_that_refuses_the_coupon_is_named_where_it_would_have_cut(admin_client):
    floor(FloorOf(FloorScope.CHANNEL), 10, remedy=Remedy.REFUSE)

    told = own(admin_client, basket=["MUG"])

    assert cells(told) == [("1", "Gift mug", "€20.00", "–", "€20.00")]
    assert told["lines"][0]["cuts"] == [
        "“Half”: cut from €10.00 to €0.00 off, by the floor of 10 % for whole orders everywhere."
    ]
    assert told["coupons"] == [("Half (HALF)", ["The goods in the basket can't be reduced any further."])]


def test_the_tax_of_the_last_sale_counts_as_it_does_at_the_checkout(admin_client):
    PurchaseLineFactory(
        purchase=PurchaseFactory(channel=ChannelFactory()), key="1", sku="MUG", sold_minor=2000, tax_minor=400
    )

    told = own(admin_client, basket=["MUG"], percent="10")

    assert told["kept"][0] == "You keep €2.00 → €0.40 (−80%)."


def test_other_prices_other_codes_and_what_runs_by_itself_are_in_it(admin_client):
    offer("SEASON", name="Season", percent=Decimal(10), lane="season")
    offer(name="By itself", percent=Decimal(30))

    told = own(admin_client, basket_prices="MUG 30,50\nBEANS", basket_codes="season, nothing", basket=["MUG"])

    assert cells(told) == [("1", "Gift mug", "€30.50", "€16.78", "€13.72")]
    assert told["problems"] == ["“BEANS” is no article number with a price."]
    assert told["coupons"] == [
        ("Half (HALF)", ["It takes up to €15.25 off."]),
        ("By itself", ["Another offer takes more off, and the two can't be used together."]),
        ("(NOTHING)", ["There is no such code, or it can't be used here. Check how it is spelled."]),
        ("Season (SEASON)", ["It takes up to €3.05 off."]),
    ]


def test_without_a_customer_it_counts_for_whoever_it_is_meant_for_and_with_one_for_them(admin_client):
    alice = CustomerFactory(name="alice")
    IdentityFactory(customer=alice, kind="email", value="alice@example.com")
    PurchaseFactory(channel=ChannelFactory(), customer=alice, placed_at=NOON - timedelta(days=9))
    first = {"first_order_only": "on", "limit_per_customer": "1", "basket": ["MUG"]}

    assert own(admin_client, **first)["coupons"] == [("Half (HALF)", ["It takes up to €10.00 off."])]
    for who in (str(alice.pk), "alice@example.com"):
        told = own(admin_client, **first, basket_customer=who)
        assert told["coupons"] == [("Half (HALF)", ["It is for a first order, and you have ordered before."])]
    told = own(admin_client, **first, basket_customer="nobody@example.com")
    assert told["problems"] == [
        "“nobody@example.com” is not one customer. Give the number, or the whole address."
    ]


def test_what_is_wrong_in_the_basket_keeps_no_coupon_from_being_saved(admin_client):
    wrong = {"basket_prices": "x", "basket_customer": "999", "basket": ["GONE"], "percent": "20"}
    assert own(admin_client, **wrong)["lines"] == []
    assert own(admin_client, **wrong)["problems"] == [
        "“x” is no article number with a price.",
        "“999” is not one customer. Give the number, or the whole address.",
        "Nobody knows a price of: GONE",
    ]

    admin_client.post(reverse("admin:encore_coupons_coupon_add"), {**filled(**wrong), "save": "1"})

    assert Coupon.objects.get().name == "Half"


def test_twenty_one_codes_are_too_many(admin_client):
    told = own(admin_client, basket_codes=",".join(f"CODE{number}" for number in range(21)))

    assert told == {"problems": ["At most 20 codes are tried."]}


def test_who_may_not_see_customers_asks_about_none(client, django_user_model):
    user = django_user_model.objects.create_user("ola", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_coupon", "add_coupon"]))
    client.force_login(user)
    alice = CustomerFactory(name="alice")
    PurchaseFactory(channel=ChannelFactory(), customer=alice, placed_at=NOON - timedelta(days=9))

    page = client.get(reverse("admin:encore_coupons_coupon_add"))
    told = own(client, first_order_only="on", basket_customer=str(alice.pk), basket=["MUG"])

    assert "basket_customer" not in page.context["form"].fields
    assert told["coupons"] == [("Half (HALF)", ["It takes up to €10.00 off."])]


def test_articles_are_put_into_the_basket_by_their_name(admin_client):
    address = reverse("admin:encore_coupons_coupon_add")

    found = admin_client.post(address, {**filled(basket=[]), "find": "gift", "search": "1"})
    assert 'value="basket=MUG"' in found.content.decode()
    picked = admin_client.post(address, {**filled(basket=["MUG"]), "add": "basket=MUG"})

    assert picked.context["form"]["basket"].value() == "MUG\nMUG"
    assert not Coupon.objects.exists()


# -- the engine ----------------------------------------------------------------------------------------------


def think(coupon: Coupon, code: str = "") -> ThoughtOf:
    version = coupon.versions.order_by("-number")[0]
    return ThoughtOf(offer_of(coupon, version), code, coupon.is_automatic, NOON)


@pytest.mark.parametrize("told", [{}, amount(700), {"limit_per_customer": 1}, {"first_order_only": True}])
def test_what_is_tried_is_what_the_checkout_gives(told):
    alice = CustomerFactory(name="alice")
    coupon = offer("CODE", **told)
    offer("SEASON", lane="season", percent=Decimal(10))
    floor(FloorOf(FloorScope.CHANNEL), 25)
    basket = Basket(
        "web",
        "EUR",
        (
            BasketLine("MUG", 4000, Decimal(2), "MUG", "Nord"),
            BasketLine("BEANS", 1000, Decimal(1), "BEANS", "Roast"),
        ),
        490,
    )

    tried = try_own_basket(
        think(coupon, "CODE"),
        OwnBasket(
            channel="web",
            currency="EUR",
            pieces={"MUG": 2, "BEANS": 1},
            shipping_minor=490,
            codes=["season", "code"],
            customer_id=alice.pk,
        ),
    )

    real = evaluate(basket, ["code", "season"], alice.pk, NOON)
    assert tried.evaluation.by_line == real.by_line
    assert tried.evaluation.cuts == real.cuts
    assert tried.evaluation.discount_minor == real.discount_minor > 0


def test_a_large_basket_takes_as_many_statements_as_a_small_one_and_writes_nothing():
    coupon = offer("CODE", at=day(-1))
    for number in range(30):
        ProductFactory(sku=f"S{number}", name=f"S{number}", price_minor=100, currency="EUR")

    def statements(count):
        pieces = {f"S{number}": 1 for number in range(count)}
        with CaptureQueriesContext(connection) as seen:
            try_own_basket(think(coupon), OwnBasket(channel="web", currency="EUR", pieces=pieces))
        return len(seen)

    statements(1)
    assert statements(30) == statements(2) <= 8
    assert not CouponOrder.objects.exists()
