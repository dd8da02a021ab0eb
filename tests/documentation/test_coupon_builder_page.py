"""The calls that the page about the coupon builder shows are the ones that work."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from coupons.registry import collision_checks, coupon_previews
from tests.factories.commerce import PurchaseFactory, PurchaseLineFactory
from tests.factories.coupons import NOON, CouponVersionFactory

PAGE = (Path(__file__).parents[2] / "docs/coupon-builder.md").read_text()
ASK, REGISTER = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.django_db
def test_the_answer_of_the_page_has_what_the_apps_of_the_page_add(clock, monkeypatch):
    clock.move_to(NOON)
    monkeypatch.setattr(coupon_previews, "_things", {})
    monkeypatch.setattr(collision_checks, "_things", {})
    purchase = PurchaseFactory(placed_at=NOON - timedelta(days=1))
    PurchaseLineFactory(purchase=purchase, quantity=1, sold_minor=350, cost_minor=122)
    coupon = CouponVersionFactory().coupon
    found = {}

    exec(compile(REGISTER, "docs/coupon-builder.md", "exec"), {})
    exec(compile(ASK.replace("id=1", f"id={coupon.pk}"), "docs/coupon-builder.md", "exec"), found)

    assert "You keep €2.28 → €1.58 (−31%)." in found["sentences"]
    assert found["sentences"][-2:] == [
        "Earns points on 280.",
        "Newsletter “Beans” goes out after this code ends.",
    ]
