"""Which changes take something away, from when they may hold, and when a cost looks like a slip."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.policies.basket import Basket, BasketLine
from loyalty.policies.calendar import end_of_day
from loyalty.policies.changes.cost import Cost
from loyalty.policies.changes.lowering import (
    Lowers,
    lowered_by_levels,
    lowered_by_rule,
    lowered_by_settings,
    lowered_by_terms,
)
from loyalty.policies.changes.notice import earliest_start, first_whole_day, has_an_audience, last_whole_day
from loyalty.policies.changes.settings import SettingsHistory, Worth
from loyalty.policies.earning import BaseRule, EarningFacts, EarningRules, Rounding, quote
from loyalty.policies.programme import ProgrammeState
from loyalty.policies.terms import Clock, ExpiryKind, Terms, expiry_moment, release_moment

pytestmark = pytest.mark.once

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
OSLO = ZoneInfo("Europe/Oslo")
RULE = {"points": 10, "per_minor": 100, "counts_tax": True, "counts_shipping": True, "rounding": "nearest"}
TERMS = {
    "window_days": 14,
    "clock": "payment",
    "missing_fact_days": 90,
    "expiry_kind": "after_release",
    "expiry_months": 12,
    "expiry_at_month_end": True,
    "expiry_month": 12,
    "expiry_day": 31,
}
SETTINGS = {
    "worth_points": 100,
    "worth_minor": 50,
    "reprieve_days": 14,
    "debt_policy": "debt",
    "combination": "add_up",
    "notice_days": 30,
}


@pytest.mark.parametrize(
    ("change", "lowers"),
    [
        ({}, set()),
        ({"points": 9}, {Lowers.POINTS}),
        ({"per_minor": 101}, {Lowers.POINTS}),
        ({"points": 1, "per_minor": 10}, set()),
        ({"points": 11}, set()),
        ({"counts_tax": False}, {Lowers.TAX}),
        ({"counts_shipping": False}, {Lowers.SHIPPING}),
        ({"rounding": "down"}, {Lowers.ROUNDING}),
        ({"rounding": "up"}, set()),
        ({"points": 20, "counts_shipping": False}, {Lowers.SHIPPING}),
        (
            {"points": 5, "rounding": "down", "counts_tax": False},
            {Lowers.POINTS, Lowers.ROUNDING, Lowers.TAX},
        ),
    ],
)
def test_a_rule_that_takes_something_away_says_what_also_where_it_gives_as_well(change, lowers):
    assert lowered_by_rule(RULE, {**RULE, **change}) == lowers


def levels(**gold):
    """Two levels: Silver stays as it is."""
    silver = {"level_id": 1, "name": "Silver", "threshold": 30_000, "percent": 125, "perks": []}
    return [silver, {**silver, "level_id": 2, "name": "Gold", "threshold": 100_000, "percent": 150, **gold}]


LEVELS = {
    "metric": "spend",
    "window": "rolling",
    "fall": "step",
    "grace_days": 30,
    "warning_days": 30,
    "levels": levels(
        perks=[{"kind": "free_shipping", "number": 5000}, {"kind": "early_access", "number": 24}]
    ),
}


def perks(*told):
    return {"levels": levels(perks=list(told))}


SHIPPING, EARLY = ({"kind": "free_shipping"}, {"kind": "early_access", "number": 24})


@pytest.mark.parametrize(
    ("before", "after", "lowers"),
    [
        ({}, {}, set()),
        ({}, perks(SHIPPING, EARLY, {"kind": "free_returns"}), set()),
        ({}, perks(EARLY, {"kind": "free_shipping", "number": 5001}), {Lowers.PERKS}),
        ({}, perks(SHIPPING, {"kind": "early_access", "number": 23}), {Lowers.PERKS}),
        ({}, perks(EARLY), {Lowers.PERKS}),
        (
            perks({"kind": "other", "key": "lounge", "text": {"en": "Coffee"}}),
            perks({"kind": "other", "key": "lounge", "text": {"en": "Tea"}}),
            {Lowers.PERKS},
        ),
        (
            perks({"kind": "other", "key": "lounge", "text": {"en": "Coffee"}}),
            perks({"kind": "other", "key": "lounge", "text": {"en": "Coffee", "pl": "Kawa"}}),
            set(),
        ),
        (perks(), {"levels": levels(threshold=100_001)}, {Lowers.THRESHOLD}),
        (perks(), {"levels": levels(threshold=99_999, percent=149)}, {Lowers.FACTOR}),
        (perks(), {"levels": levels(name="Aurum", threshold=99_999, percent=151)}, set()),
        (perks(), {"levels": levels()[1:]}, {Lowers.LEVEL}),
        (perks(), {"levels": levels(level_id=3)}, {Lowers.LEVEL}),
        (perks(), {"levels": [*levels(), {**levels()[0], "level_id": 3, "threshold": 200_000}]}, set()),
        ({}, {"levels": []}, {Lowers.LEVELS_OFF}),
        ({"levels": []}, {"levels": levels(), "grace_days": 0}, set()),
        ({}, {"metric": "orders"}, {Lowers.MEASURE}),
        ({}, {"window": "calendar"}, {Lowers.MEASURE}),
        ({"window": "calendar"}, {"window": "rolling"}, {Lowers.MEASURE}),
        ({"window": "lifetime"}, {"window": "rolling"}, {Lowers.MEASURE}),
        ({}, {"window": "lifetime", "fall": "earned", "grace_days": 0, "warning_days": 0}, set()),
        ({}, {"fall": "earned"}, {Lowers.FALL}),
        ({"fall": "earned"}, {"fall": "step"}, set()),
        ({}, {"grace_days": 29, "warning_days": 31}, {Lowers.GRACE}),
        ({}, {"grace_days": 31, "warning_days": 29}, {Lowers.WARNING}),
    ],
)
def test_levels_that_become_harsher_for_anybody_say_how(before, after, lowers):
    assert lowered_by_levels({**LEVELS, **before}, {**LEVELS, **before, **after}) == lowers


@pytest.mark.parametrize(
    ("before", "after", "lowers"),
    [
        ({}, {}, set()),
        ({}, {"window_days": 15}, {Lowers.WINDOW}),
        ({}, {"window_days": 0}, set()),
        ({}, {"clock": "delivery"}, {Lowers.WINDOW}),
        ({}, {"clock": "order"}, set()),
        ({"clock": "delivery"}, {"clock": "payment"}, {Lowers.WINDOW}),
        ({}, {"missing_fact_days": 91}, {Lowers.WINDOW}),
        ({"clock": "order"}, {"clock": "order", "missing_fact_days": 91}, set()),
        ({}, {"expiry_months": 11}, {Lowers.EXPIRY}),
        ({}, {"expiry_months": 24}, set()),
        ({}, {"expiry_at_month_end": False}, {Lowers.EXPIRY}),
        ({"expiry_at_month_end": False}, {"expiry_at_month_end": True}, set()),
        ({}, {"expiry_kind": "never"}, set()),
        ({"expiry_kind": "never"}, {"expiry_kind": "inactivity", "expiry_months": 240}, {Lowers.EXPIRY}),
        ({"expiry_kind": "never"}, {"expiry_kind": "never", "expiry_months": 1}, set()),
        ({}, {"expiry_kind": "inactivity", "expiry_months": 24}, {Lowers.EXPIRY}),
        ({"expiry_kind": "calendar_day"}, {"expiry_kind": "calendar_day", "expiry_day": 30}, {Lowers.EXPIRY}),
        ({"expiry_kind": "inactivity"}, {"expiry_kind": "inactivity", "expiry_day": 30}, set()),
        ({}, {"window_days": 7, "expiry_months": 6}, {Lowers.EXPIRY}),
    ],
)
def test_terms_that_make_points_wait_longer_or_end_sooner_lower_value(before, after, lowers):
    assert lowered_by_terms({**TERMS, **before}, {**TERMS, **before, **after}) == lowers


@pytest.mark.parametrize(
    ("change", "lowers"),
    [
        ({}, set()),
        ({"worth_minor": 49}, {Lowers.WORTH}),
        ({"worth_points": 101}, {Lowers.WORTH}),
        ({"worth_points": 200, "worth_minor": 100}, set()),
        ({"worth_minor": 51}, set()),
        ({"reprieve_days": 13}, {Lowers.REPRIEVE}),
        ({"debt_policy": "from_refund"}, {Lowers.DEBT}),
        ({"debt_policy": "let_go"}, set()),
        ({"combination": "best"}, {Lowers.COMBINATION}),
        ({"notice_days": 29}, {Lowers.NOTICE}),
        ({"notice_days": 60, "worth_minor": 40}, {Lowers.WORTH}),
    ],
)
def test_settings_lower_value_by_worth_reprieve_debts_combination_and_a_shorter_notice(change, lowers):
    assert lowered_by_settings(SETTINGS, {**SETTINGS, **change}) == lowers


rules = st.fixed_dictionaries(
    {
        "points": st.integers(1, 50),
        "per_minor": st.integers(1, 5_000),
        "counts_tax": st.booleans(),
        "counts_shipping": st.booleans(),
        "rounding": st.sampled_from([one.value for one in Rounding]),
    }
)


@st.composite
def baskets(draw):
    amounts = draw(st.lists(st.integers(0, 30_000), min_size=1, max_size=4))
    lines = [BasketLine(str(n), amount, draw(st.integers(0, amount))) for n, amount in enumerate(amounts)]
    shipping = draw(st.integers(0, 900))
    return Basket((*lines, BasketLine("shipping", shipping, is_goods=False)), draw(st.integers(0, 5_000)))


def earns(rule, basket) -> int:
    told = {**rule, "rounding": Rounding(rule["rounding"])}
    return quote(basket, EarningRules(BaseRule(1, **told)), EarningFacts()).points


@given(rules, rules, baskets())
def test_a_rule_that_is_said_to_take_nothing_away_gives_no_order_less(before, after, basket):
    if not lowered_by_rule(before, after):
        assert earns(after, basket) >= earns(before, basket)


terms = st.fixed_dictionaries(
    {
        "window_days": st.integers(0, 60),
        "clock": st.just("order"),
        "missing_fact_days": st.just(90),
        "expiry_kind": st.sampled_from(["after_release", "calendar_day", "never"]),
        "expiry_months": st.integers(0, 36),
        "expiry_at_month_end": st.booleans(),
        "expiry_month": st.integers(1, 12),
        "expiry_day": st.integers(1, 28),
    }
)


def dates(told, placed_at):
    made = Terms(
        id=1, **{**told, "clock": Clock(told["clock"]), "expiry_kind": ExpiryKind(told["expiry_kind"])}
    )
    ready_at = release_moment(made, placed_at, OSLO)
    return ready_at, expiry_moment(made, ready_at, OSLO)


@given(terms, terms, st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)))  # noqa: DTZ001
def test_terms_that_are_said_to_take_nothing_away_let_no_points_wait_longer_or_end_sooner(
    before, after, moment
):
    if lowered_by_terms(before, after):
        return
    placed_at = moment.replace(tzinfo=UTC)
    (ready_then, ends_then), (ready_now, ends_now) = dates(after, placed_at), dates(before, placed_at)

    assert ready_then <= ready_now
    if after["window_days"] == before["window_days"]:
        assert ends_then is None or (ends_now is not None and ends_then >= ends_now)


def test_notice_runs_from_the_decision_and_only_where_somebody_is_to_be_told():
    assert earliest_start(NOON, 30, is_told=True) == datetime(2026, 4, 2, 12, tzinfo=UTC)
    assert earliest_start(NOON, 30, is_told=False) == NOON
    told = {state for state in ProgrammeState if has_an_audience(state, has_members=True)}
    assert told == {ProgrammeState.LIVE, ProgrammeState.PAUSED, ProgrammeState.CLOSING}
    assert not has_an_audience(ProgrammeState.LIVE, has_members=False)


def test_the_first_day_that_can_be_chosen_begins_after_the_notice_and_the_last_ends_after_it():
    moment = datetime(2026, 4, 2, 12, tzinfo=UTC)
    midnight = datetime(2026, 4, 1, 22, tzinfo=UTC)

    assert (first_whole_day(moment, OSLO), first_whole_day(midnight, OSLO)) == (
        date(2026, 4, 3),
        date(2026, 4, 2),
    )
    assert last_whole_day(moment, OSLO) == date(2026, 4, 2)
    assert end_of_day(date(2026, 4, 2), OSLO) >= moment > end_of_day(date(2026, 4, 1), OSLO)


def test_a_setting_is_what_it_was_before_what_it_is_and_what_it_becomes():
    second, third = NOON + timedelta(days=10), NOON + timedelta(days=20)
    history = SettingsHistory(
        {"worth_points": 100, "worth_minor": 70},
        [(NOON.isoformat(), {"worth_minor": 50}), (second.isoformat(), {"worth_minor": 60})],
        {"worth_points": 200},
        third,
    )
    just_before = timedelta(microseconds=1)

    moments = [NOON - just_before, NOON, second - just_before, second, third - just_before, third]
    assert [history.worth_at(at) for at in moments] == [
        Worth(100, 50),
        Worth(100, 60),
        Worth(100, 60),
        Worth(100, 70),
        Worth(100, 70),
        Worth(200, 70),
    ]
    assert Worth(100, 70).of(199) == 139


@pytest.mark.parametrize(
    ("now", "then", "is_steep"), [(100, 499, False), (100, 500, True), (0, 500, False), (100, 10_000, True)]
)
def test_five_times_the_cost_is_asked_about(now, then, is_steep):
    assert Cost(Fraction(now), Fraction(then)).is_steep is is_steep
