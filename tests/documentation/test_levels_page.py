"""The calls that the page about levels shows are the ones that work."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from loyalty.models import TierHolding
from loyalty.policies.tiers.terms import TierPlan
from tests.loyalty.levels import switch_on
from tests.loyalty.shop import NOON, goods, join, open_shop, tell

PAGE = (Path(__file__).parents[2] / "docs/levels.md").read_text()


@pytest.mark.django_db
def test_the_calls_of_the_page_find_give_and_end_a_level(clock):
    clock.move_to(NOON)
    programme = open_shop()
    switch_on(programme, TierPlan("Gold", 100_000, Decimal("1.5"), ({"kind": "free_shipping"},)))
    alice = join("alice", programme)
    tell("1", goods(sold_minor=100_000))
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    code = code.replace("get_programme_rules(1)", f"get_programme_rules({programme.id})")
    told: dict = {}

    exec(compile(code.replace("4711", str(alice.id)), "docs/levels.md", "exec"), told)

    assert (told["names"], told["ships_free"]) == (["Gold"], True)
    assert list(TierHolding.objects.order_by("id").values_list("source", "end_reason")) == [
        ("earned", ""),
        ("plan", "withdrawn"),
    ]
