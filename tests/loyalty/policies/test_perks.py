"""Benefits, as rules know them: read, refused, and put together."""

import pytest

from loyalty.policies.perks import (
    Perk,
    PerkFault,
    PerkKind,
    PerkUnreadable,
    find_perk,
    join_perks,
    perk_rows,
    read_perks,
)

ROWS = [
    {"kind": "free_shipping", "number": 5000},
    {"kind": "early_access", "number": 24},
    {"kind": "birthday_gift", "text": {"en": "a box of chocolates"}},
    {"kind": "other", "key": "lounge", "text": {"en": "Coffee in our lounge"}},
]


def test_perks_are_read_and_stored_as_they_were():
    assert perk_rows(read_perks(ROWS)) == ROWS


def test_shops_ask_for_a_perk_by_its_name():
    perks = read_perks(ROWS)

    assert [perk.name for perk in perks] == ["free_shipping", "early_access", "birthday_gift", "lounge"]
    assert find_perk(perks, "early_access") == Perk(PerkKind.EARLY_ACCESS, 24)
    assert find_perk(perks, "free_returns") is None


@pytest.mark.parametrize(
    ("rows", "fault", "place"),
    [
        (["free_shipping"], PerkFault.SHAPE, 0),
        ([{"kind": "free_shipping", "price": 1}], PerkFault.SHAPE, 0),
        ([{"kind": "free_lunch"}], PerkFault.UNKNOWN, 0),
        ([{"kind": "early_access"}], PerkFault.NUMBER, 0),
        ([{"kind": "early_access", "number": 0}], PerkFault.NUMBER, 0),
        ([{"kind": "free_shipping", "number": True}], PerkFault.NUMBER, 0),
        ([{"kind": "birthday_gift", "number": 5}], PerkFault.NUMBER, 0),
        ([{"kind": "other", "text": {"en": "Coffee"}}], PerkFault.KEY, 0),
        ([{"kind": "other", "key": "free_shipping", "text": {"en": "Coffee"}}], PerkFault.KEY, 0),
        ([{"kind": "free_returns", "key": "mine"}], PerkFault.KEY, 0),
        ([{"kind": "other", "key": "lounge"}], PerkFault.TEXT, 0),
        ([{"kind": "birthday_gift", "text": {"en": " "}}], PerkFault.TEXT, 0),
        ([{"kind": "free_returns"}, {"kind": "free_returns"}], PerkFault.TWICE, 1),
        ([{"kind": "other", "key": f"k{n}", "text": {"en": "x"}} for n in range(13)], PerkFault.MANY, 12),
    ],
)
def test_what_cannot_be_read_says_why_and_where(rows, fault, place):
    with pytest.raises(PerkUnreadable) as refusal:
        read_perks(rows)

    assert (refusal.value.fault, refusal.value.place) == (fault, place)


def test_of_the_same_perk_from_two_sides_the_better_one_counts():
    level = read_perks([{"kind": "free_shipping", "number": 5000}, {"kind": "early_access", "number": 48}])
    plan = read_perks(
        [{"kind": "free_shipping"}, {"kind": "early_access", "number": 24}, {"kind": "free_returns"}]
    )

    assert join_perks(level, plan) == (
        Perk(PerkKind.FREE_SHIPPING),
        Perk(PerkKind.EARLY_ACCESS, 48),
        Perk(PerkKind.FREE_RETURNS),
    )
