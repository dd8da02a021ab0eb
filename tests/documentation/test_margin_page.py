"""What the page about margins shows is what works."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from tests.coupons.shop import NOON, basket, line, offer

PAGE = (Path(__file__).parents[2] / "docs/margin.md").read_text()


@pytest.mark.django_db
def test_the_code_of_the_page_keeps_the_margin_that_it_speaks_of(clock):
    clock.move_to(NOON)
    offer("HALF", percent=Decimal(50))
    mug = line("mug", 2000, brand="Keramikk Nord", cost_minor=1400)
    known = {"now": NOON, "basket": basket(mug)}

    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        exec(compile(block, "docs/margin.md", "exec"), known)

    assert known["evaluation"].to_pay_minor == 1700
