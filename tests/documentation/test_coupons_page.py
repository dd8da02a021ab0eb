"""The checkout that the page about coupons shows is one that works, with the coupon that it shows."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from coupons.operations.coupons import change_coupon
from tests.coupons.shop import counts

PAGE = (Path(__file__).parents[2] / "docs/coupons.md").read_text()


@pytest.mark.django_db
def test_the_calls_of_the_page_do_what_it_says(clock):
    clock.move_to(datetime(2026, 3, 3, 12, tzinfo=UTC))
    checkout, life = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(f"from decimal import Decimal\n{life}", "docs/coupons.md", "exec"), names)
    coupon = names["coupon"]
    # The page buys as somebody whom the shop does not know.
    change_coupon(coupon_id=coupon.id, own={"limit_per_customer": None})

    exec(compile(checkout, "docs/coupons.md", "exec"), {})

    assert counts(coupon) == (0, 0)
