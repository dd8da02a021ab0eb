"""How an invitation stands at a moment, and what becomes of the place of a name."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from loyalty.policies.invitations import Facts, ListState, Standing, address, expires_after, standing_at

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
DAY = timedelta(days=1)
pytestmark = pytest.mark.once


def facts(**more):
    usual = {"state": ListState.ON, "sent_at": AT, "expires_at": AT + 30 * DAY}
    return Facts(**{**usual, "is_joined": False, "is_withdrawn": False, **more})


@pytest.mark.parametrize(
    ("told", "at", "standing"),
    [
        ({}, AT, Standing.OPEN),
        ({}, AT - DAY, Standing.WAITING),
        ({"sent_at": None, "expires_at": None}, AT, Standing.WAITING),
        ({}, AT + 30 * DAY - timedelta(microseconds=1), Standing.OPEN),
        ({}, AT + 30 * DAY, Standing.EXPIRED),
        ({"is_joined": True}, AT + 60 * DAY, Standing.USED),
        ({"is_withdrawn": True}, AT, Standing.WITHDRAWN),
        ({"state": ListState.PAUSED}, AT, Standing.PAUSED),
        ({"state": ListState.PAUSED}, AT + 30 * DAY, Standing.EXPIRED),
        ({"state": ListState.ENDED}, AT, Standing.ENDED),
        ({"state": ListState.ENDED, "is_joined": True}, AT, Standing.USED),
    ],
)
def test_an_invitation_stands_as_its_facts_say(told, at, standing):
    assert standing_at(facts(**told), at) is standing


@pytest.mark.parametrize(("left", "standing"), [(0, Standing.USED), (1, Standing.OPEN)])
def test_a_guest_comes_in_as_long_as_there_is_room_also_after_whom_it_was_made_for(left, standing):
    assert standing_at(facts(is_joined=True, guests_left=left), AT, is_guest=True) is standing


def test_days_are_whole_days_of_the_programme_also_when_the_clocks_change():
    oslo = ZoneInfo("Europe/Oslo")

    assert expires_after(AT, 1, oslo) == datetime(2026, 3, 4, 23, tzinfo=UTC)
    assert expires_after(AT, 26, oslo) == datetime(2026, 3, 29, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("Dear {name}, come in", "Alice", "Dear Alice, come in"),
        ("Dear {name}, come in", "", "Dear, come in"),
        ("{name}, come in", "", "Come in"),
        ("{name}", "", ""),
        ("Come in", "", "Come in"),
        ("come in", "Alice", "come in"),
        ("{name.__class__} {0}", "Alice", "{name.__class__} {0}"),
        ("Hi {name}", "{name}", "Hi {name}"),
    ],
)
def test_a_name_takes_its_place_and_nothing_else_is_touched(text, name, said):
    assert address(text, name) == said
