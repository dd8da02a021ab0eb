"""The page about programmes: its table is the rule, and its examples run."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from backstage.policies import SHOP
from loyalty.models import Announcement, Entry, Programme
from loyalty.operations.adjustments import give_points
from loyalty.policies.programme import PROGRAMME_ALLOWS
from loyalty.policies.states import EntryKind
from tests.loyalty.shop import day, join, open_shop

PAGE = (Path(__file__).parents[2] / "docs" / "programme.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.once
def test_the_table_of_states_is_the_one_that_decides():
    rows = re.findall(r"^\| ([a-z ]+) \| (\w+) \| (\w+) \| (yes|no) \| (\w+) \|$", PAGE, re.MULTILINE)
    who = {(False, False): "nobody", (True, True): "staff", (True, False): "everybody"}

    assert {tuple(row) for row in rows} == {
        (
            state.value.replace("_", " "),
            who[allows.join, allows.join and allows.staff_only],
            who[allows.earn, allows.earn and allows.staff_only],
            "yes" if allows.spend else "no",
            who[allows.see, allows.see and allows.staff_only],
        )
        for state, allows in PROGRAMME_ALLOWS.items()
    }


@pytest.mark.django_db
def test_the_examples_run_one_after_the_other(clock):
    clock.move_to(day(0))
    programme = open_shop(notice_days=30)
    member = join("alice", programme)
    give_points(member_id=member.id, points=300, key="gift", reason="goodwill", by=SHOP)
    told = {
        "programme": programme,
        "member": member,
        "now": clock.now(),
        "in_an_hour": clock.now() + timedelta(hours=1),
        "in_six_weeks": clock.now() + timedelta(weeks=6),
        "date": date,
    }

    for block in BLOCKS:
        exec(compile(block, "programme.md", "exec"), told)

    assert Entry.objects.filter(kind=EntryKind.CAPTURE).count() == 1
    announced = Announcement.objects.order_by("id").values_list("subject", "cancelled_at")
    assert list(announced) == [
        ("rule", clock.now()),
        ("settings", clock.now()),
        ("closing", None),
    ]
    assert Programme.objects.get().state == "closing"
