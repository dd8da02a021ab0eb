"""The coupon feed: who is in it, how it is written, and that asking again costs next to nothing."""

import csv
import json
from datetime import timedelta
from io import StringIO
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories.commerce import CustomerFactory, ProductFactory
from tests.factories.coupons import (
    NOON,
    CodeFactory,
    CouponFactory,
    CouponVersionFactory,
    PublisherSiteFactory,
    RedemptionFactory,
    SubmissionFactory,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
FORMS = ("json", "jsonld", "csv", "rss")


@pytest.fixture(autouse=True)
def noon(clock):
    clock.move_to(NOON)


def publish(code="BEANS20", *, version=None, **coupon):
    """A public coupon of 20 % with a code that everybody shares."""
    row = CouponFactory(**{"is_public": True, **coupon})
    CouponVersionFactory(coupon=row, **(version or {}))
    if code:
        CodeFactory(coupon=row, code=code)
    return row


def ask(client, form="json", address="/coupons/feed.", **headers):
    return client.get(f"{address}{form}", headers=headers)


def coupons(client, address="/coupons/feed.", query=""):
    return client.get(f"{address}json{query}").json()["coupons"]


# -- who is in it --------------------------------------------------------------------------------------------


def test_only_what_is_marked_public_is_in_the_feed(client):
    publish("SECRET20", is_public=False)
    publish("DRAFT20", state="draft")
    publish("")  # many codes that are good once, and none to tell
    bound = CustomerFactory()
    publish("OWN20", version={"customer_ids": [bound.pk]})
    publish("BEANS20")
    publish("", is_automatic=True, name="Autumn")

    assert [(one["code"], one["text"]) for one in coupons(client)] == [("BEANS20", "Beans"), ("", "Autumn")]


def test_each_coupon_says_where_it_stands_and_leaves_a_month_after_its_end(client):
    publish("NOW", starts_at=NOON - DAY)
    publish("SOON", starts_at=NOON + DAY)
    publish("OVER", starts_at=NOON - 3 * DAY, ends_at=NOON - DAY, is_endless=False)
    publish("STOPPED", starts_at=NOON - 2 * DAY, state="ended", ended_at=NOON)
    publish("USED", starts_at=NOON - 4 * DAY, limit_total=2, used_count=2)
    paused = publish("PAUSED", starts_at=NOON - 5 * DAY)
    paused.codes.update(state="paused")
    publish("FORGOTTEN", starts_at=NOON - 90 * DAY, ends_at=NOON - 30 * DAY, is_endless=False)

    assert {one["code"]: one["state"] for one in coupons(client)} == {
        "NOW": "active",
        "SOON": "upcoming",
        "OVER": "expired",
        "STOPPED": "withdrawn",
        "USED": "withdrawn",
        "PAUSED": "withdrawn",
    }


def test_a_coupon_says_its_newest_terms_in_words_and_in_figures(client):
    coupon = publish(
        limit_per_customer=2,
        ends_at=NOON + 30 * DAY,
        is_endless=False,
        public_text={"en": "Fresh beans", "nb": "Ferske bønner"},
        version={"minimum_minor": 3000, "category_paths": ["Coffee/Beans"], "except_skus": ["MUG-A"]},
    )
    ProductFactory(sku="MUG-A", name="Red mug")
    CouponVersionFactory(coupon=coupon, number=2, percent=30, starts_at=None)  # a draft of a change

    (told,) = coupons(client)

    assert told["title"] == "20% off"
    assert told["conditions"] == [
        "Only for: Beans.",
        "Not for: Red mug.",
        "From €30.00 on.",
        "2 times for each customer.",
        "Good until April 2, 2026.",
    ]
    assert (told["text"], told["percent"], told["minimum"], told["currency"]) == (
        "Fresh beans",
        "20.00",
        "30.00",
        "EUR",
    )
    assert told["offer"]["@context"] == "https://schema.org"
    assert coupons(client, query="?lang=nb")[0]["text"] == "Ferske bønner"
    assert coupons(client, query="?lang=xx")[0]["text"] == "Fresh beans"


# -- a site of its own ---------------------------------------------------------------------------------------


def test_a_site_reads_its_own_code_and_nobody_else_does(client):
    coupon = publish("BEANS20")
    site = PublisherSiteFactory()
    own = CodeFactory(coupon=coupon, code="KLUB20", kind="site")
    SubmissionFactory(site=site, coupon=coupon, code=own)
    other = PublisherSiteFactory()

    def codes(address):
        return [one["code"] for one in coupons(client, address)]

    assert codes(f"/coupons/sites/{site.feed_key}/feed.") == ["KLUB20"]
    assert codes(f"/coupons/sites/{other.feed_key}/feed.") == ["BEANS20"]
    assert codes("/coupons/feed.") == ["BEANS20"]
    answer = ask(client, "json", f"/coupons/sites/{site.feed_key}/feed.")
    assert answer["Cache-Control"] == "private, max-age=300"


def test_a_wrong_secret_and_an_ended_site_find_nothing(client):
    ended = PublisherSiteFactory(ended_at=NOON)

    assert ask(client, "json", "/coupons/sites/guess/feed.").status_code == 404
    assert ask(client, "json", f"/coupons/sites/{ended.feed_key}/feed.").status_code == 404
    assert ask(client, "pdf").status_code == 404
    assert client.post("/coupons/feed.json").status_code == 405


# -- how it is written ---------------------------------------------------------------------------------------


def test_a_table_of_coupons_holds_no_formula(client):
    publish(name='=HYPERLINK("http://evil")')

    (row,) = csv.DictReader(StringIO(ask(client, "csv").content.decode()))

    assert row["text"] == """'=HYPERLINK("http://evil")"""
    assert (row["code"], row["state"], row["percent"]) == ("BEANS20", "active", "20.00")


def test_rss_says_every_coupon_with_its_text_escaped(client):
    publish(name="<b>Beans</b> & \x0bmore", starts_at=NOON - DAY)

    answer = ask(client, "rss")
    (item,) = ElementTree.fromstring(answer.content).iter("item")

    assert answer["Content-Type"] == "application/rss+xml; charset=utf-8"
    assert item.findtext("title") == "20% off with the code BEANS20 (Good now)"
    assert item.findtext("description") == "<b>Beans</b> & more"
    assert item.findtext("category") == "active"


def test_json_ld_is_a_data_feed_of_offers(client, settings):
    settings.ENCORE = {"FEED_SHOP": "Kaffe", "FEED_LINK": "https://kaffe.example/beans"}
    publish()

    told = json.loads(ask(client, "jsonld").content)

    assert (told["@type"], told["name"]) == ("DataFeed", "Coupons of Kaffe")
    (offer,) = told["dataFeedElement"]
    assert (offer["@type"], offer["url"], offer["name"]) == (
        "Offer",
        "https://kaffe.example/beans",
        "20% off",
    )


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_feed_is_a_feed_and_reads_the_same_at_every_asking(client, clock, form):
    first = ask(client, form)
    clock.move_to(NOON + DAY)

    assert (first.status_code, ask(client, form)["ETag"]) == (200, first["ETag"])


# -- asking again --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_who_has_the_feed_already_is_told_so_until_something_changes(client, form):
    coupon = publish(starts_at=NOON - DAY)
    first = ask(client, form)

    again = ask(client, form, if_none_match=f'W/{first["ETag"]}, "other"')
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert ask(client, form, if_modified_since=first["Last-Modified"]).status_code == 304
    assert client.head(f"/coupons/feed.{form}")["ETag"] == first["ETag"]

    coupon.codes.update(state="paused")  # at no known moment
    changed = ask(client, form, if_none_match=first["ETag"])
    assert (changed.status_code, "Last-Modified" in changed) == (200, False)
    assert ask(client, form, if_modified_since=first["Last-Modified"]).status_code == 200


def test_the_feed_is_never_kept_beyond_the_next_change_by_the_clock(client):
    publish(ends_at=NOON + timedelta(seconds=90), is_endless=False)

    assert ask(client)["Cache-Control"] == "public, max-age=90"


@pytest.mark.parametrize("form", FORMS)
def test_a_long_feed_takes_as_many_statements_as_a_short_one(client, form):
    def statements():
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert ask(client, form).status_code == 200
        return len(seen)

    publish("CODE1", version={"skus": ["A"]})
    few = statements()
    for number in range(2, 22):
        publish(f"CODE{number}", version={"skus": ["A"]})

    assert (few, statements()) == (4, 4)


def test_use_is_no_matter_of_the_feed(client):
    coupon = publish()
    RedemptionFactory(version=coupon.versions.get())

    assert "used" not in ask(client).content.decode()
