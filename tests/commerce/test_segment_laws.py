"""Whatever is asked of whatever shop: the count, the list, each customer's own answer and plain Python agree.

The oracle walks over customers one by one, with the purchases as the shop told them. It shares no code with
the statement that it checks.
"""

from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from math import ceil

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commerce.models import Customer
from commerce.operations import sync_purchases
from commerce.policies.snapshot import Who
from commerce.queries.segments import count_segment, list_segment, read_segment, why_not
from tests.factories.commerce import CustomerFactory, IdentityFactory, line, snapshot

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
NAMES = "abcdef"
SKUS = ["MUG", "CUP"]

orders = st.fixed_dictionaries(
    {
        "name": st.sampled_from(NAMES),
        "days": st.integers(0, 60),
        "minor": st.integers(0, 5),
        "returned": st.integers(0, 2),
        "sku": st.sampled_from(SKUS),
        "status": st.sampled_from(["paid", "paid", "cancelled"]),
    }
)
profiles = st.fixed_dictionaries(
    {
        "place": st.sampled_from(["", "Oslo", "Bergen"]),
        "birth_date": st.none() | st.dates(date(2000, 1, 1), date(2010, 12, 31)),
        "tags": st.lists(st.sampled_from(["vip", "press"]), unique=True),
    }
)
period = st.integers(1, 60).map(lambda days: {"last": days})


def condition(name, **values):
    return st.fixed_dictionaries(
        {"condition": st.just(name), "with": st.fixed_dictionaries(values), "not": st.booleans()}
    )


currency = st.just("EUR")
conditions = st.one_of(
    condition("spend", currency=currency, at_least=st.integers(0, 12), period=period),
    condition("orders", at_most=st.integers(0, 4), period=period),
    condition("last_purchase", days_at_most=st.integers(0, 60)),
    condition("product", any_of=st.lists(st.sampled_from(SKUS), min_size=1), times=st.integers(1, 3)),
    condition("top_revenue", currency=currency, percent=st.integers(1, 100)),
    condition(
        "recency_frequency_money", currency=currency, frequency=st.lists(st.integers(1, 5), min_size=1)
    ),
    condition("place", places=st.just(["Oslo"])),
    condition("age", at_least=st.integers(15, 26)),
    condition("birthday", next_days=st.integers(0, 365)),
    condition("tag", any_of=st.just(["vip"])),
)
matches = st.sampled_from(["all", "any"])


def group(parts):
    return st.fixed_dictionaries(
        {"match": matches, "not": st.booleans(), "conditions": st.lists(parts, min_size=1, max_size=3)}
    )


segments = group(st.one_of(conditions, group(conditions)))


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=st.lists(orders, max_size=14),
    people=st.fixed_dictionaries(dict.fromkeys(NAMES, profiles)),
    merges=st.dictionaries(st.sampled_from("bcdef"), st.sampled_from("abcde"), max_size=3),
    raw=segments,
)
def test_count_list_and_every_answer_agree_with_plain_python(web, told, people, merges, raw):
    with taken_back():
        # Only towards earlier letters, so that no circle arises.
        merges = {source: target for source, target in merges.items() if target < source}
        rows = set_up(told, people, merges)
        definition = read_segment(conditions=raw)
        survivors = {name: rows[name] for name in NAMES if name not in merges}

        listed = {customer.name for customer in list_segment(definition=definition, at=AT, limit=100)}
        passing = {
            name
            for name, row in survivors.items()
            if why_not(definition=definition, customer_id=row.pk, at=AT).passes
        }

        assert (
            listed == passing == {name for name in survivors if Oracle(told, people, merges).holds(raw, name)}
        )
        assert count_segment(definition=definition, at=AT) == len(listed)


@contextmanager
def taken_back():
    """Leave each example an empty shop."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def set_up(told, people, merges):
    rows = {name: CustomerFactory(name=name, **profile) for name, profile in people.items()}
    for name, row in rows.items():
        IdentityFactory(customer=row, kind="external_id", scope="web", value=name, proven=True)
    sync_purchases([as_snapshot(number, order) for number, order in enumerate(told)], at=AT)
    for source, target in merges.items():
        Customer.objects.filter(name=source).update(merged_into=rows[target], merged_at=AT)
    return rows


def as_snapshot(number, order):
    return snapshot(
        f"order-{number}",
        who=Who(external_id=order["name"]),
        status=order["status"],
        placed_at=AT - timedelta(days=order["days"]),
        lines=[
            line(sku=order["sku"], sold_minor=order["minor"], quantity=2, returned_quantity=order["returned"])
        ],
    )


class Oracle:
    """Answers about one customer at a time."""

    def __init__(self, told, people, merges):
        self.people = people
        self.told = {name: [] for name in NAMES}
        for order in told:
            owner = order["name"]
            while owner in merges:
                owner = merges[owner]
            if order["status"] != "cancelled":
                self.told[owner].append(order)

    def holds(self, part, name):
        if "conditions" in part:
            combine = all if part["match"] == "all" else any
            return combine([self.holds(inner, name) for inner in part["conditions"]]) != part["not"]
        return getattr(self, part["condition"])(name, **part["with"]) != part["not"]

    def kept(self, order):
        return order["minor"] - (0, (order["minor"] + 1) // 2, order["minor"])[order["returned"]]

    def spent(self, name):
        return sum(self.kept(order) for order in self.told[name])

    def recent(self, name, days):
        # The day so many days ago counts from midnight, and it is noon.
        return [order for order in self.told[name] if order["days"] <= days]

    def spend(self, name, currency, at_least, period):
        return sum(self.kept(order) for order in self.recent(name, period["last"])) >= at_least

    def orders(self, name, at_most, period):
        return len(self.recent(name, period["last"])) <= at_most

    def product(self, name, any_of, times):
        kept = [order for order in self.told[name] if order["sku"] in any_of and order["returned"] < 2]
        return len(kept) >= times

    def last_purchase(self, name, days_at_most):
        return bool(self.recent(name, days_at_most))

    def top_revenue(self, name, currency, percent):
        ranked = sorted((self.spent(other) for other in NAMES if self.spent(other) > 0), reverse=True)
        return bool(ranked) and self.spent(name) >= ranked[ceil(len(ranked) * percent / 100) - 1]

    def recency_frequency_money(self, name, currency, frequency):
        counts = [len(self.told[other]) for other in NAMES if self.told[other]]
        ahead = sum(count > len(self.told[name]) for count in counts)
        return bool(self.told[name]) and 5 - ahead * 5 // len(counts) in frequency

    def place(self, name, places):
        return self.people[name]["place"] in places

    def age(self, name, at_least):
        born = self.people[name]["birth_date"]
        return born is not None and (AT.year - born.year, AT.month, AT.day) >= (
            at_least,
            born.month,
            born.day,
        )

    def birthday(self, name, next_days):
        born = self.people[name]["birth_date"]
        if born is None:
            return False
        days = [AT.date() + timedelta(days=count) for count in range(next_days + 1)]
        kept_on = (2, 28) if (born.month, born.day) == (2, 29) else (born.month, born.day)
        return kept_on in [(day.month, day.day) for day in days]

    def tag(self, name, any_of):
        return bool(set(any_of) & set(self.people[name]["tags"]))
