"""`docs/ledger.md` says what the code says: its states, its examples, its questions, its way to spend."""

import re

import pytest

from backstage.policies import SHOP
from backstage.registry import invariants
from docs import ledger_page
from loyalty.operations.adjustments import give_points
from loyalty.policies.errors import NotEnoughPoints
from loyalty.queries import get_balance
from tests.factories.loyalty import PointsAccountFactory

PAGE = ledger_page.PAGE.read_text(encoding="utf-8")
TO_WRITE_IT = "run: python docs/ledger_page.py"


@pytest.mark.django_db
def test_the_states_and_the_worked_examples_are_what_comes_out_of_the_code():
    assert ledger_page.write(PAGE) == PAGE, TO_WRITE_IT


def test_the_page_lists_every_question_that_check_ledger_asks():
    listed = dict(re.findall(r"^\| ([^|]+\?) \| `([\w.]+)`", PAGE, re.MULTILINE))

    assert listed == {invariant.question: name for name, invariant in invariants.items()}


@pytest.mark.django_db
def test_points_are_reserved_spent_and_given_up_as_the_page_shows(clock):
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    shown = {}
    exec(compile(code, "docs/ledger.md", "exec"), shown)
    member_id = PointsAccountFactory().member_id
    give_points(member_id=member_id, points=500, key="welcome", reason="goodwill", by=SHOP)

    first = shown["reserve"](member_id, 1, 300)
    with pytest.raises(NotEnoughPoints):
        shown["reserve"](member_id, 2, 300)
    second = shown["reserve"](member_id, 3, 150)
    shown["spend"](member_id, first, "10482")
    shown["give_up"](member_id, second)

    balance = get_balance(member_id=member_id)
    assert (balance.available, balance.held) == (200, 0)
