"""Coupons, codes and redemptions as rows, for tests of what stands above the operations that write them."""

from datetime import UTC, datetime

import factory

from coupons.models import (
    BrandAgreement,
    Code,
    CodeAlert,
    CodeBatch,
    Coupon,
    CouponOrder,
    CouponVersion,
    MarginFloor,
    PublisherSite,
    Redemption,
    Submission,
)
from tests.factories.commerce import CustomerFactory

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


class CouponFactory(factory.django.DjangoModelFactory):
    """Runs since long ago without an end, in euros and Oslo; `draft=True` does not run yet."""

    class Meta:
        model = Coupon

    class Params:
        draft = factory.Trait(state="draft")

    name = "Beans"
    state = "on"
    currency = "EUR"
    time_zone = "Europe/Oslo"
    starts_at = LONG_AGO
    is_endless = True
    created_at = LONG_AGO


class CouponVersionFactory(factory.django.DjangoModelFactory):
    """20 % off everything, since long ago."""

    class Meta:
        model = CouponVersion

    coupon = factory.SubFactory(CouponFactory)
    number = 1
    kind = "percent"
    percent = 20
    starts_at = LONG_AGO


class CodeBatchFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = CodeBatch

    coupon = factory.SubFactory(CouponFactory)
    name = "Flyers"
    prefix = "BEANS"
    wanted_count = 100
    created_at = LONG_AGO


class CodeFactory(factory.django.DjangoModelFactory):
    """The code that everybody shares; `unique=True` is one of many, good once."""

    class Meta:
        model = Code

    class Params:
        unique = factory.Trait(kind="unique", limit_total=1)

    coupon = factory.SubFactory(CouponFactory)
    code = factory.Sequence(lambda number: f"BEANS{number}")
    kind = "shared"
    created_at = LONG_AGO


class CouponOrderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = CouponOrder

    channel = "web"
    reference = factory.Sequence(lambda number: f"{10000 + number}")
    customer = factory.SubFactory(CustomerFactory)
    currency = "EUR"
    state = "captured"
    fingerprint = "0" * 64
    discount_minor = 200
    reserved_at = NOON
    captured_at = NOON


class RedemptionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Redemption

    order = factory.SubFactory(CouponOrderFactory)
    version = factory.SubFactory(CouponVersionFactory)
    coupon = factory.SelfAttribute("version.coupon")
    state = "captured"
    amount_minor = 200
    by_line = factory.LazyFunction(lambda: {"1": 200})
    used_at = NOON


class PublisherSiteFactory(factory.django.DjangoModelFactory):
    """A site that takes titles of 30 letters."""

    class Meta:
        model = PublisherSite

    name = factory.Sequence(lambda number: f"Coupons {number}")
    feed_key = factory.Sequence(lambda number: f"secret{number}")
    title_length = 30
    created_at = LONG_AGO


class SubmissionFactory(factory.django.DjangoModelFactory):
    """A sheet that is prepared, with a code of the site's own."""

    class Meta:
        model = Submission

    site = factory.SubFactory(PublisherSiteFactory)
    coupon = factory.SubFactory(CouponFactory, is_public=True)
    code = factory.SubFactory(CodeFactory, coupon=factory.SelfAttribute("..coupon"), kind="site")
    title = "20% off"
    created_at = LONG_AGO


class CodeAlertFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = CodeAlert

    code = factory.SubFactory(CodeFactory)
    since_at = LONG_AGO
    customer_count = 30
    found_at = NOON


class MarginFloorFactory(factory.django.DjangoModelFactory):
    """A tenth of whole orders, everywhere."""

    class Meta:
        model = MarginFloor

    scope = "channel"
    percent = 10
    starts_at = LONG_AGO


class BrandAgreementFactory(factory.django.DjangoModelFactory):
    """Coupons up to 15 % off."""

    class Meta:
        model = BrandAgreement

    brand = factory.Sequence(lambda number: f"Brand {number}")
    most_percent = 15
    time_zone = "Europe/Oslo"
    starts_at = LONG_AGO
