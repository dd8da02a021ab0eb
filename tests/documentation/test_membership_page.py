"""`docs/membership.md` runs: what its calls say is what comes of them."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

from loyalty.models import MembershipPeriod, PaidMembership
from tests.loyalty.plan_shop import sell
from tests.loyalty.shop import NOON, day, join, open_shop

PAGE = (Path(__file__).parents[2] / "docs/membership.md").read_text(encoding="utf-8")


def blocks() -> list[str]:
    return [dedent(block) for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", PAGE, re.MULTILINE)]


@pytest.mark.django_db
def test_the_calls_of_the_page_do_what_it_says(clock):
    clock.move_to(NOON)
    programme = open_shop()
    plan = sell(programme, perks=[{"kind": "free_shipping", "number": 1500}], shipping_minor=490)
    told = {"programme": programme, "plan": plan, "member": join("alice", programme), "now": NOON}
    start, charge, others, ask = blocks()

    exec(start, told)
    exec(ask, told)
    assert told["has"] == {"free_shipping": 1500}
    clock.move_to(day(363))
    exec(charge, told)
    assert list(MembershipPeriod.objects.order_by("number").values_list("reference", flat=True)) == [
        "pay-1001",
        "pay-1002",
    ]
    exec(others, told)
    assert PaidMembership.objects.get().end_reason == "refunded"
