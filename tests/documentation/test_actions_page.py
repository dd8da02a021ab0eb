"""The call that the page about actions shows is the one that works."""

import re
from pathlib import Path

import pytest

from tests.loyalty.shop import NOON, customer, join, open_shop
from tests.loyalty.test_actions import give

PAGE = (Path(__file__).parents[2] / "docs/actions.md").read_text()


@pytest.mark.django_db
def test_the_call_of_the_page_gives_the_points_that_it_says(clock):
    clock.move_to(NOON)
    programme = open_shop()
    give(programme)
    join("alice", programme)
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    code = code.replace("programme_id=1", f"programme_id={programme.id}")

    exec(compile(code.replace("4711", str(customer("alice").id)), "docs/actions.md", "exec"), {})
