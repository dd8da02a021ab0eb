"""What the database itself refuses about coupons, whoever writes."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from coupons.models import Code, Coupon, CouponVersion
from tests.factories.coupons import (
    LONG_AGO,
    CodeFactory,
    CouponFactory,
    CouponVersionFactory,
    RedemptionFactory,
)

pytestmark = pytest.mark.django_db


def refused(make, **told) -> str:
    """Give the name of the rule that refuses a row; nothing is stored."""
    with pytest.raises(IntegrityError) as failure, transaction.atomic():
        make(**told)
    return str(failure.value)


@pytest.mark.parametrize(
    "told",
    [
        {"ends_at": None, "is_endless": False},
        {"ends_at": LONG_AGO + timedelta(days=1), "is_endless": True},
        {"ends_at": LONG_AGO, "is_endless": False},
    ],
    ids=["neither", "both", "ends when it starts"],
)
def test_an_end_is_given_or_waived(told):
    assert "encore_coupon_end_given_or_waived" in refused(CouponFactory, **told)
    assert not Coupon.objects.exists()


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        ({"limit_total": 1, "used_count": 2}, "encore_coupon_within_limit"),
        ({"budget_minor": 100, "spent_minor": 101}, "encore_coupon_within_budget"),
        ({"budget_minor": 100, "currency": ""}, "encore_coupon_budget_currency"),
        ({"currency": "E"}, "encore_coupon_currency"),
        ({"state": "paused"}, "encore_coupon_paused_at"),
        ({"state": "ended"}, "encore_coupon_ended_at"),
        ({"state": "over"}, "encore_coupon_state"),
    ],
)
def test_a_coupon_cannot_say_what_cannot_be(told, rule):
    assert rule in refused(CouponFactory, **told)
    assert not Coupon.objects.exists()


@pytest.mark.parametrize(
    "told",
    [
        {"kind": "percent", "percent": None},
        {"kind": "percent", "percent": 0},
        {"kind": "percent", "percent": 101},
        {"kind": "amount", "amount_minor": None},
        {"kind": "amount", "amount_minor": 0},
        {"kind": "product", "amount_minor": None},
        {"kind": "buy_get", "buy_pieces": 2, "get_pieces": None, "percent": 100},
        {"kind": "buy_get", "buy_pieces": 2, "get_pieces": 1, "percent": None},
        {"kind": "half"},
    ],
)
def test_a_version_promises_something_whole(told):
    coupon = CouponFactory()

    assert "encore_coupon_version_kind" in refused(CouponVersionFactory, coupon=coupon, **told)
    assert not CouponVersion.objects.exists()


def test_a_coupon_has_one_shared_code_that_is_not_void():
    first = CodeFactory(code="BEANS20")

    refused(CodeFactory, coupon=first.coupon, code="BEANS25")
    Code.objects.filter(id=first.id).update(state="void")
    CodeFactory(coupon=first.coupon, code="BEANS25")
    CodeFactory(coupon=first.coupon, code="BEANS25DEALS", kind="site")

    assert sorted(Code.objects.values_list("code", "state")) == [
        ("BEANS20", "void"),
        ("BEANS25", "ready"),
        ("BEANS25DEALS", "ready"),
    ]


def test_a_code_is_one_coupons_alone():
    CodeFactory(code="BEANS20")

    refused(CodeFactory, code="BEANS20")

    assert Code.objects.count() == 1


def test_a_code_is_never_used_more_often_than_it_may_be():
    assert "encore_code_within_limit" in refused(CodeFactory, unique=True, used_count=2)


def test_an_order_uses_a_coupon_once_but_for_what_was_given_back():
    first = RedemptionFactory(state="voided")

    again = RedemptionFactory(order=first.order, version=first.version)
    refused(RedemptionFactory, order=first.order, version=first.version)

    assert again.coupon_id == first.coupon_id


def test_no_more_comes_back_than_was_taken_off():
    assert "encore_redemption_returned" in refused(RedemptionFactory, returned_minor=201)
