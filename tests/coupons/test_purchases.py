"""Orders with coupons follow the purchases that the shop tells: placed, called off, sent back."""

import pytest

from commerce.operations import settle_purchases, sync_purchase
from coupons.models import CouponOrder
from coupons.operations.redemption import reserve_coupons, void_coupons
from tests.coupons.shop import NOON, basket, counts, day, line, offer
from tests.factories.commerce import ChannelFactory, snapshot
from tests.factories.commerce import line as sold

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_are_right")]


@pytest.fixture(autouse=True)
def _web():
    ChannelFactory(key="web")


def tell(as_of: int, *lines, reference="1001", **told) -> None:
    sync_purchase(snapshot(reference, as_of, lines=lines or (sold("1"),), **told), at=NOON)
    settle_purchases(at=NOON, limit=100)


def reserve(code="BEANS20", reference="1001", of=None):
    return reserve_coupons(of or basket(), codes=[code], reference=reference, until=day(1), at=NOON)


def state(reference="1001") -> str:
    return CouponOrder.objects.get(reference=reference).state


def test_a_purchase_that_is_told_has_used_what_it_reserved():
    coupon = offer("BEANS20")
    reserve()

    tell(1)

    assert (state(), counts(coupon)) == ("captured", (1, 200))
    assert CouponOrder.objects.get().applied_revision == 1


def test_a_purchase_that_is_called_off_gives_back_what_it_had():
    coupon = offer("BEANS20", limit_total=1)
    reserve()
    tell(1)

    tell(2, status="cancelled")
    assert (state(), counts(coupon)) == ("voided", (0, 0))

    tell(3, status="placed")
    assert (state(), counts(coupon)) == ("captured", (1, 200))


def test_a_place_that_somebody_else_has_by_now_is_not_taken_from_them():
    coupon = offer("BEANS20", limit_total=1)
    reserve()
    tell(1, status="cancelled")
    reserve(reference="1002")

    tell(2, status="placed")

    assert (state(), state("1002"), counts(coupon)) == ("voided", "reserved", (1, 200))
    assert CouponOrder.objects.get(reference="1001").applied_revision == 2


def test_goods_that_come_back_give_the_budget_their_part():
    coupon = offer("BEANS20", budget_minor=300)
    reserve(of=basket(line("a", 1000, 3), line("b", 500)))
    goods = sold("b", quantity=1, sold_minor=400)

    tell(1, sold("a", quantity=3, sold_minor=800), goods)
    tell(2, sold("a", quantity=3, sold_minor=800, returned_quantity=1), goods)
    assert counts(coupon) == (1, 234)
    tell(3, sold("a", quantity=3, sold_minor=800, returned_quantity=3), goods)
    assert counts(coupon) == (1, 100)
    tell(4, sold("a", quantity=3, sold_minor=800, returned_quantity=2), goods)
    assert counts(coupon) == (1, 167)


def test_lines_of_other_names_come_back_by_their_share_of_all():
    coupon = offer("BEANS20")
    reserve(of=basket(line("a", 1000)))

    tell(1, sold("x", quantity=1, sold_minor=500, returned_quantity=1), sold("y", quantity=1, sold_minor=300))

    assert counts(coupon) == (1, 75)


def test_what_was_told_already_changes_nothing():
    coupon = offer("BEANS20")
    reserve()
    tell(1)
    void_coupons(channel="web", reference="1001", at=NOON)

    tell(1)

    assert (state(), counts(coupon)) == ("voided", (0, 0))


def test_a_purchase_without_coupons_is_left_alone():
    tell(1)

    assert not CouponOrder.objects.exists()
