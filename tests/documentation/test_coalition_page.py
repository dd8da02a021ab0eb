"""What the page about partners and outside programmes shows is what works."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from backstage.policies import SHOP
from loyalty.models import Entry
from loyalty.operations.adjustments import give_points
from loyalty.operations.outside import open_outside, set_outside_rate
from loyalty.policies.outside import Direction
from tests.loyalty.shop import NOON, OPENED, join, open_shop
from tests.loyalty.test_partners import channel

PAGE = (Path(__file__).parents[2] / "docs/coalition.md").read_text()


@pytest.mark.django_db
def test_the_calls_of_the_page_do_what_it_says(clock):
    clock.move_to(NOON)
    programme = open_shop()
    member = join("alice", programme)
    give_points(member_id=member.id, points=2_000, key="gift", reason="goodwill", at=NOON, by=SHOP)
    miles = open_outside(
        programme_id=programme.id,
        key="miles",
        name="Air",
        unit="miles",
        account_pattern="FA######",
        at=OPENED,
    )
    set_outside_rate(outside_id=miles.id, direction=Direction.OUT, points=500, units=200, at=OPENED)
    names = {
        "member": member,
        "miles": miles,
        "bakery_channel": channel(),
        "in_an_hour": NOON + timedelta(hours=1),
    }

    codes = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for code in codes:
        exec(compile(code, "docs/coalition.md", "exec"), names)

    assert len(codes) == 2
    assert set(Entry.objects.filter(kind=4).values_list("channel_id", flat=True)) == {
        names["bakery_channel"].id
    }
