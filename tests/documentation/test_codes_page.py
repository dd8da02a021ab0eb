"""The call that the page about codes shows makes what it says."""

import re
from pathlib import Path

import pytest

from coupons.models import Code
from tests.factories.coupons import NOON, CouponFactory

PAGE = (Path(__file__).parents[2] / "docs/codes.md").read_text()


@pytest.mark.django_db
def test_the_call_of_the_page_makes_the_codes_that_it_says(clock):
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    clock.move_to(NOON)
    code = code.replace("coupon_id=1", f"coupon_id={CouponFactory().pk}")

    for _ in range(2):
        exec(compile(code, "docs/codes.md", "exec"), {})

    assert Code.objects.count() == 5_000
