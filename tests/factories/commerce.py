"""Channels, customers, purchases and what a shop says about them.

Most tests speak as a shop does, in snapshots. The rows below are for tests of what stands above
`sync_purchases`.
"""

from datetime import UTC, datetime
from typing import Any

import factory

from commerce.models import (
    Channel,
    Customer,
    Identity,
    PossibleDuplicate,
    Product,
    Purchase,
    PurchaseLine,
    PurchaseProblem,
    Return,
    Segment,
    Tender,
)
from commerce.policies.snapshot import LineSnapshot, Snapshot, TenderSnapshot, Who

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PLACED_AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


def line(key: str = "1", **told: Any) -> LineSnapshot:
    """Two mugs for 10.00 together, unless `told` otherwise."""
    return LineSnapshot(**{"key": key, "sku": "MUG", "name": "Mug", "quantity": 2, "sold_minor": 1000} | told)


def tender(kind: str = "money", amount_minor: int = 1000, **told: Any) -> TenderSnapshot:
    """10.00 in money, unless `told` otherwise."""
    return TenderSnapshot(kind=kind, amount_minor=amount_minor, **told)


def snapshot(reference: str = "10482", as_of: int | datetime = 1, **told: Any) -> Snapshot:
    """What the web shop says about an order of two mugs by nobody, unless `told` otherwise."""
    usual: dict[str, Any] = {
        "channel": "web",
        "reference": reference,
        "as_of": as_of,
        "who": Who(),
        "currency": "EUR",
        "placed_at": PLACED_AT,
        "lines": (line(),),
    }
    return Snapshot(**usual | told)


class ChannelFactory(factory.django.DjangoModelFactory):
    """A web shop in euros and Berlin that numbers its changes; `timed=True` tells their time instead."""

    class Meta:
        model = Channel
        django_get_or_create = ("key",)

    class Params:
        timed = factory.Trait(as_of_kind="time")

    key = "web"
    name = "Web shop"
    kind = "web"
    time_zone = "Europe/Berlin"
    currency = "EUR"
    country = "DE"
    as_of_kind = "sequence"
    created_at = LONG_AGO


class CustomerFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Customer

    name = "alice"
    created_at = LONG_AGO


class IdentityFactory(factory.django.DjangoModelFactory):
    """An e-mail address that nobody has proven; `proven=True` has it proven."""

    class Meta:
        model = Identity

    class Params:
        proven = factory.Trait(verified_at=LONG_AGO)

    customer = factory.SubFactory(CustomerFactory)
    kind = "email"
    value = "alice@example.com"
    created_at = LONG_AGO


class PossibleDuplicateFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = PossibleDuplicate

    customer = factory.SubFactory(CustomerFactory)
    other = factory.SubFactory(CustomerFactory, name="alicia")
    reason = "email"
    found_at = LONG_AGO


class ProductFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Product

    sku = factory.Sequence(lambda number: f"MUG-{number}")
    name = "Mug"
    currency = "EUR"
    updated_at = LONG_AGO


class PurchaseFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Purchase

    channel = factory.SubFactory(ChannelFactory)
    reference = factory.Sequence(lambda number: f"{10000 + number}")
    customer = factory.SubFactory(CustomerFactory)
    customer_as_of = 1
    currency = "EUR"
    placed_at = PLACED_AT
    status = "placed"
    as_of = 1
    fingerprint = "0" * 64
    revision = 1
    changed_at = PLACED_AT
    first_synced_at = PLACED_AT


class PurchaseLineFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = PurchaseLine

    purchase = factory.SubFactory(PurchaseFactory)
    key = factory.Sequence(lambda number: str(number + 1))
    sku = "MUG"
    name = "Mug"
    quantity = 2
    sold_minor = 1000


class TenderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Tender

    purchase = factory.SubFactory(PurchaseFactory)
    kind = "money"
    amount_minor = 1000


class ReturnFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Return

    purchase = factory.SubFactory(PurchaseFactory)
    line_key = "1"
    quantity = 1
    amount_minor = 500
    returned_at = PLACED_AT
    revision = 2


class PurchaseProblemFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = PurchaseProblem

    channel = "web"
    reference = factory.Sequence(lambda number: f"{10000 + number}")
    kind = "over_return"
    fingerprint = factory.Sequence(lambda number: f"{number:064}")
    found_at = PLACED_AT


class SegmentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Segment

    key = factory.Sequence(lambda number: f"segment-{number}")
    name = "Coffee drinkers"
    created_at = LONG_AGO
    updated_at = LONG_AGO
