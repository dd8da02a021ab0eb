"""Each condition lets in exactly whom its sentence describes."""

from datetime import UTC, date, datetime, timedelta

import pytest

from commerce.models import Customer
from commerce.queries.segments import describe_segment
from tests.commerce.segments import AT, YEAR, bought, days_ago, names_in, segment, told_of, where
from tests.factories.commerce import CustomerFactory, line


def spent(**values):
    return where("spend", currency="EUR", **values)


def customer(name):
    return Customer.objects.get(name=name)


def test_spend_is_the_money_that_was_kept(web):
    bought("alice", 4000)
    bought("alice", 6000)
    bought("bob", 10000, lines=[line(sold_minor=10000, quantity=3, returned_quantity=1)])
    bought("carol", 10000, refunded_minor=1)
    bought("dave", 10000, status="cancelled")
    bought("erin", 10000, currency="USD")

    assert names_in(spent(at_least=10000)) == ["alice"]
    assert names_in(spent(at_least=6667, at_most=9999)) == ["bob", "carol"]
    assert told_of(customer("bob"), spent(at_least=10000)) == (
        False,
        "spent €66.67 so far, €100.00 needed",
    )


def test_who_never_bought_spent_nothing(web):
    CustomerFactory(name="alice")
    bought("bob", 1)

    assert names_in(spent(at_most=0)) == ["alice"]


def test_a_period_of_months_begins_with_the_first_minute_of_its_first_day(web):
    midnight_in_berlin = datetime(2025, 3, 2, 23, tzinfo=UTC)
    bought("alice", on=midnight_in_berlin)
    bought("bob", on=midnight_in_berlin - timedelta(microseconds=1))

    assert names_in(spent(at_least=1, period=YEAR), time_zone="Europe/Berlin") == ["alice"]
    assert names_in(spent(at_least=1, period=YEAR), time_zone="UTC") == []


def test_a_period_from_day_to_day_holds_both_days(web):
    bought("early", on=datetime(2025, 12, 31, 23, 59, tzinfo=UTC))
    bought("first", on=datetime(2026, 1, 1, tzinfo=UTC))
    bought("last", on=datetime(2026, 1, 31, 23, 59, tzinfo=UTC))
    bought("late", on=datetime(2026, 2, 1, tzinfo=UTC))
    january = {"from": "2026-01-01", "to": "2026-01-31"}

    assert names_in(where("orders", at_least=1, period=january)) == ["first", "last"]


def test_what_happens_after_the_moment_of_asking_does_not_count(web):
    bought("alice", on=days_ago(10))
    bought("bob", on=days_ago(5))

    assert names_in(where("orders", at_least=1), at=days_ago(10)) == ["alice"]


def test_orders_are_counted_without_the_cancelled(web):
    for _order in range(3):
        bought("alice")
    for status in ("placed", "cancelled", "paid"):
        bought("bob", status=status)

    assert names_in(where("orders", at_least=3)) == ["alice"]
    assert names_in(where("orders", at_least=1, at_most=2)) == ["bob"]
    assert told_of(customer("bob"), where("orders", at_least=3)) == (
        False,
        "ordered 2 times so far, 3 needed",
    )


def test_the_last_purchase_decides_by_whole_days(web):
    CustomerFactory(name="never")
    bought("alice", on=days_ago(100))
    bought("alice", on=days_ago(30))
    bought("bob", on=days_ago(31))

    assert names_in(where("last_purchase", days_at_most=30)) == ["alice"]
    assert names_in(where("last_purchase", days_at_least=31)) == ["bob"]
    assert names_in(where("last_purchase", days_at_least=30)) == ["alice", "bob"]
    assert names_in(where("last_purchase", on_or_after="2026-02-01")) == ["alice"]
    assert names_in(where("last_purchase", before="2026-02-01")) == ["bob"]
    assert told_of(customer("never"), where("last_purchase", days_at_least=1)) == (False, "has never ordered")
    assert told_of(customer("bob"), where("last_purchase", days_at_most=30)) == (
        False,
        "last ordered on Jan 31, 2026, 31 days ago",
    )


def test_a_channel_counts_only_the_orders_that_came_through_it(web, store):
    bought("alice")
    bought("bob", channel="store", as_of=AT)
    bought("carol", channel="store", as_of=AT, on=days_ago(400))

    assert names_in(where("channel", any_of=["store"])) == ["bob", "carol"]
    assert names_in(where("channel", any_of=["web", "store"], period=YEAR)) == ["alice", "bob"]
    assert names_in(where("channel", any_of=["store"], times=2)) == []


def test_a_product_was_bought_unless_all_of_it_came_back(web):
    bought("alice", lines=[line(sku="MUG", quantity=2, returned_quantity=1)])
    bought("bob", lines=[line(sku="MUG", quantity=2, returned_quantity=2)])
    bought("carol", lines=[line(sku="mug")])
    bought("dave", lines=[line(sku="CUP")], status="cancelled")

    assert names_in(where("product", any_of=["MUG", "CUP"])) == ["alice"]


def test_a_brand_in_several_orders_counts_orders_and_not_lines(web):
    bought("alice", lines=[line("1", brand="Solberg"), line("2", brand="Solberg")])
    for _order in range(2):
        bought("bob", lines=[line(brand="Solberg")])

    assert names_in(where("brand", any_of=["Solberg"], times=2)) == ["bob"]
    assert told_of(customer("alice"), where("brand", any_of=["Solberg"], times=2)) == (
        False,
        "bought brand Solberg once so far, 2 needed",
    )


@pytest.mark.parametrize("asked", ["coffee", "coffee/"])
def test_a_category_holds_those_below_it_and_no_namesake(web, asked):
    for name, path in {
        "itself": "coffee",
        "below": "coffee/beans",
        "namesake": "coffeehouse",
        "capital": "Coffee/beans",
        "elsewhere": "gifts/coffee",
        "wild": "c_ffee/beans",
    }.items():
        bought(name, lines=[line(category_path=path)])

    assert names_in(where("category", any_of=[asked])) == ["below", "itself"]
    assert names_in(where("category", any_of=["c_ffee"])) == ["wild"]


def test_the_top_by_revenue_is_rounded_up_and_takes_in_whoever_equals_the_last(web):
    CustomerFactory(name="never")
    bought("nothing", 0)
    for name, minor in {"alice": 900, "bob": 500, "carol": 500, "dave": 500, "erin": 100}.items():
        bought(name, minor)

    top = {
        percent: names_in(where("top_revenue", percent=percent, currency="EUR"))
        for percent in (20, 21, 80, 100)
    }

    assert top == {
        20: ["alice"],
        21: ["alice", "bob", "carol", "dave"],
        80: ["alice", "bob", "carol", "dave"],
        100: ["alice", "bob", "carol", "dave", "erin"],
    }
    assert told_of(customer("erin"), where("top_revenue", percent="40", currency="EUR")) == (
        False,
        "spent €1.00 so far: place 5 of 5, 2 or better needed",
    )
    assert told_of(customer("never"), where("top_revenue", percent="40", currency="EUR")) == (
        False,
        "brought no revenue in EUR so far",
    )


def test_recency_frequency_and_money_put_customers_into_fifths(web):
    for place in range(10):
        for _order in range(10 - place):
            bought(f"c{place}", 100 * (place + 1), on=days_ago(place + 1))

    def classes(**asked):
        return names_in(where("recency_frequency_money", currency="EUR", **asked))

    assert classes(recency=[5]) == ["c0", "c1"]
    assert classes(frequency=[1]) == ["c8", "c9"]
    assert classes(recency=[4, 5], frequency=[4, 5]) == ["c0", "c1", "c2", "c3"]
    assert classes(money=[5]) == ["c4", "c5"]  # 6 x 500 and 5 x 600
    assert told_of(customer("c9"), where("recency_frequency_money", currency="EUR", recency=[5])) == (
        False,
        "so far: how recently class 1, how often class 1, how much class 1",
    )


def test_equal_customers_are_in_the_same_fifth(web):
    for name in ("alice", "bob", "carol", "dave"):
        bought(name, 100)
    bought("erin", 50)

    assert names_in(where("recency_frequency_money", currency="EUR", money=[5])) == [
        "alice", "bob", "carol", "dave",
    ]  # fmt: skip
    assert names_in(where("recency_frequency_money", currency="EUR", money=[1])) == ["erin"]


def test_a_place_is_a_town_a_country_or_both(db):
    CustomerFactory(name="alice", place="Oslo", country="NO")
    CustomerFactory(name="bob", place="Oslo", country="US")
    CustomerFactory(name="carol", place="", country="NO")

    assert names_in(where("place", places=["Oslo"])) == ["alice", "bob"]
    assert names_in(where("place", countries=["NO"])) == ["alice", "carol"]
    assert names_in(where("place", places=["Oslo"], countries=["NO", "SE"])) == ["alice"]
    assert told_of(customer("carol"), where("place", places=["Oslo"])) == (False, "lives in NO")


def test_an_age_changes_on_the_birthday(db):
    for name, born in {
        "today": date(2008, 3, 3),
        "tomorrow": date(2008, 3, 4),
        "older": date(1990, 1, 1),
        "unborn": date(2026, 3, 4),
        "unknown": None,
    }.items():
        CustomerFactory(name=name, birth_date=born)

    assert names_in(where("age", at_least=18)) == ["older", "today"]
    assert names_in(where("age", at_most=17)) == ["tomorrow"]
    assert names_in(where("age", at_least=18, at_most=18)) == ["today"]
    assert told_of(customer("tomorrow"), where("age", at_least=18)) == (False, "is 17 years old, 18 needed")
    assert told_of(customer("unknown"), where("age", at_least=18)) == (False, "date of birth is not known")


def test_a_birthday_is_found_across_the_end_of_the_year(db):
    for name, born in {
        "eve": date(1990, 12, 31),
        "new": date(1985, 1, 1),
        "later": date(1985, 1, 5),
        "before": date(1985, 12, 29),
        "unknown": None,
    }.items():
        CustomerFactory(name=name, birth_date=born)
    at = datetime(2025, 12, 30, 12, tzinfo=UTC)

    assert names_in(where("birthday", next_days=5), at=at) == ["eve", "new"]
    assert names_in(where("birthday", this_month=True), at=at) == ["before", "eve"]
    assert names_in(where("birthday", next_days=365), at=at) == ["before", "eve", "later", "new"]
    assert told_of(customer("eve"), where("birthday", next_days=0), at=at) == (
        False,
        "was born on Dec 31, 1990",
    )


@pytest.mark.parametrize(("year", "found"), [(2026, ["leap"]), (2028, [])])
def test_a_leap_day_is_kept_the_day_before_where_the_year_has_none(db, year, found):
    CustomerFactory(name="leap", birth_date=date(2000, 2, 29))

    assert names_in(where("birthday", next_days=0), at=datetime(year, 2, 28, 12, tzinfo=UTC)) == found


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"any_of": ["M"]}, ["text", "texts"]),
        ({"any_of": [1]}, ["number", "numbers"]),
        ({"any_of": [True]}, ["yes"]),
        ({"any_of": ["1", False]}, ["digits"]),
        ({"at_least": 1}, ["half", "number", "numbers"]),
        ({"at_least": 1.5, "at_most": 2}, ["half", "numbers"]),
        ({"at_most": 0}, []),
        ({}, ["digits", "half", "number", "numbers", "text", "texts", "yes"]),
    ],
)
def test_an_attribute_is_compared_with_its_own_kind_alone(db, values, found):
    for name, value in {
        "text": "M",
        "texts": ["S", "M"],
        "number": 1,
        "numbers": [1, 2],
        "half": 1.5,
        "digits": "1",
        "yes": True,
        "null": None,
    }.items():
        CustomerFactory(name=name, attributes={"our size": value, "other": "M"})
    CustomerFactory(name="none", attributes={})
    CustomerFactory(name="list", attributes=["M", 1])

    assert names_in(where("attribute", name="our size", **values)) == found


def test_an_attribute_may_have_any_name(db):
    for name in ('a"b', "a.b", "$", "1", "a'b", "a%sb"):
        CustomerFactory(name=name, attributes={name: "yes"})

    found = [
        names_in(where("attribute", name=name, any_of=["yes"]))
        for name in ('a"b', "a.b", "$", "1", "a'b", "a%sb")
    ]

    assert found == [['a"b'], ["a.b"], ["$"], ["1"], ["a'b"], ["a%sb"]]


def test_a_tag_is_one_of_those_given(db):
    CustomerFactory(name="alice", tags=["vip", "press"])
    CustomerFactory(name="bob", tags=["vi"])
    CustomerFactory(name="carol", tags=[])

    assert names_in(where("tag", any_of=["press", "staff"])) == ["alice"]
    assert told_of(customer("bob"), where("tag", any_of=["vip"])) == (False, "has the tags vi")


def test_a_segment_reads_as_a_sentence():
    definition = segment(
        spent(at_least=10000, period=YEAR),
        {**where("tag", any_of=["staff"]), "not": True},
        {
            "match": "any",
            "conditions": [where("category", any_of=["coffee"]), where("birthday", this_month=True)],
        },
    )

    assert describe_segment(definition=definition) == (
        "all of: spent at least €100.00 in the last 12 months; not: has the tag staff; "
        "(any of: bought category coffee so far, at least once; has a birthday this month)"
    )
