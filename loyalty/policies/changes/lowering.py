"""Whether a change takes something away from members; one that gives with one hand and takes with the other
does.

What cannot be compared (an end by inactivity against one by date) counts as lower: whoever loses by it has to
be told in time, and whoever gains loses nothing by waiting.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from loyalty.policies.campaigns import Combination
from loyalty.policies.earning import Rounding
from loyalty.policies.perks import holds_up, read_perks
from loyalty.policies.programme import DebtPolicy
from loyalty.policies.terms import Clock, ExpiryKind
from loyalty.policies.tiers.scheme import Fall, Window


class Lowers(StrEnum):
    """What a change takes away."""

    POINTS = "points"
    TAX = "tax"
    SHIPPING = "shipping"
    ROUNDING = "rounding"
    WINDOW = "window"
    EXPIRY = "expiry"
    WORTH = "worth"
    REPRIEVE = "reprieve"
    DEBT = "debt"
    COMBINATION = "combination"
    NOTICE = "notice"
    THRESHOLD = "threshold"
    FACTOR = "factor"
    PERKS = "perks"
    LEVEL = "level"
    MEASURE = "measure"
    FALL = "fall"
    GRACE = "grace"
    WARNING = "warning"
    LEVELS_OFF = "levels_off"
    PRICE = "price"


Fields = Mapping[str, Any]

# From the least to the most generous.
_ROUNDINGS = (Rounding.DOWN, Rounding.NEAREST, Rounding.UP)
_DEBTS = (DebtPolicy.FROM_REFUND, DebtPolicy.DEBT, DebtPolicy.LET_GO)
_COMBINATIONS = (Combination.BEST, Combination.ADD_UP)
_FALLS = (Fall.EARNED, Fall.STEP)


def lowered_by_rule(before: Fields, after: Fields) -> frozenset[Lowers]:
    """Say what a new earning rule takes away; fields of `EarningRule`."""
    return _held(
        {
            Lowers.POINTS: after["points"] * before["per_minor"] < before["points"] * after["per_minor"],
            Lowers.TAX: before["counts_tax"] and not after["counts_tax"],
            Lowers.SHIPPING: before["counts_shipping"] and not after["counts_shipping"],
            Lowers.ROUNDING: _falls(_ROUNDINGS, before["rounding"], after["rounding"]),
        }
    )


def lowered_by_terms(before: Fields, after: Fields) -> frozenset[Lowers]:
    """Say what a new window and expiry takes away; fields of `LotTerms`."""
    return _held({Lowers.WINDOW: _waits_longer(before, after), Lowers.EXPIRY: _ends_sooner(before, after)})


def lowered_by_settings(before: Fields, after: Fields) -> frozenset[Lowers]:
    """Say what new settings take away; fields of `Programme` that are about value.

    A shorter notice counts: else it would be the way around every other one.
    """
    worth_before = before["worth_minor"] * after["worth_points"]
    return _held(
        {
            Lowers.WORTH: after["worth_minor"] * before["worth_points"] < worth_before,
            Lowers.REPRIEVE: after["reprieve_days"] < before["reprieve_days"],
            Lowers.DEBT: _falls(_DEBTS, before["debt_policy"], after["debt_policy"]),
            Lowers.COMBINATION: _falls(_COMBINATIONS, before["combination"], after["combination"]),
            Lowers.NOTICE: after["notice_days"] < before["notice_days"],
        }
    )


def lowered_by_levels(before: Fields, after: Fields) -> frozenset[Lowers]:
    """Say what a new version of the levels takes away; fields of `loyalty.policies.tiers.versions`.

    Without any levels they are off. A level is compared with the one of the same id, whatever it is called.
    """
    if not before["levels"]:
        return frozenset()
    if not after["levels"]:
        return frozenset({Lowers.LEVELS_OFF})
    now = {level["level_id"]: level for level in after["levels"]}
    both = [(was, now[was["level_id"]]) for was in before["levels"] if was["level_id"] in now]
    # Who never loses a level has no use for days of grace.
    is_lost = after["window"] != Window.LIFETIME
    return _held(
        {
            Lowers.LEVEL: len(both) < len(before["levels"]),
            Lowers.MEASURE: _is_measured_otherwise(before, after),
            Lowers.THRESHOLD: any(then["threshold"] > was["threshold"] for was, then in both),
            Lowers.FACTOR: any(then["percent"] < was["percent"] for was, then in both),
            Lowers.PERKS: any(_perks_fall(was["perks"], then["perks"]) for was, then in both),
            Lowers.FALL: is_lost and _falls(_FALLS, before["fall"], after["fall"]),
            Lowers.GRACE: is_lost and after["grace_days"] < before["grace_days"],
            Lowers.WARNING: is_lost and after["warning_days"] < before["warning_days"],
        }
    )


def lowered_by_plan(before: Fields, after: Fields) -> frozenset[Lowers]:
    """Say what a new version of a plan takes away from whoever is in it; fields of `fields_of_plan`.

    A trial is over for them. Another level than before cannot be compared: which is higher may change.
    """
    had, has = before["plan_level"], after["plan_level"]
    return _held(
        {
            Lowers.PRICE: _costs_more(before, after),
            Lowers.FACTOR: after["plan_percent"] < before["plan_percent"],
            Lowers.PERKS: _perks_fall(before["plan_perks"], after["plan_perks"]),
            Lowers.LEVEL: had is not None and (has is None or has["level_id"] != had["level_id"]),
            Lowers.GRACE: after["plan_grace_days"] < before["plan_grace_days"],
        }
    )


def _costs_more(before: Fields, after: Fields) -> bool:
    """More at once, or more for a month of it."""
    a_month = after["plan_price_minor"] * before["plan_months"]
    return (
        after["plan_price_minor"] > before["plan_price_minor"]
        or a_month > before["plan_price_minor"] * after["plan_months"]
    )


def _is_measured_otherwise(before: Fields, after: Fields) -> bool:
    """Something else counts, or over another time. All that was ever bought is at least what a year was."""
    if after["metric"] != before["metric"]:
        return True
    return after["window"] not in (before["window"], Window.LIFETIME)


def _perks_fall(before: Sequence[Any], after: Sequence[Any]) -> bool:
    return not holds_up(read_perks(after), against=read_perks(before))


def _held(told: Mapping[Lowers, bool]) -> frozenset[Lowers]:
    return frozenset(lowers for lowers, holds in told.items() if holds)


def _falls(order: tuple[Any, ...], before: str, after: str) -> bool:
    return order.index(after) < order.index(before)


def _waits_longer(before: Fields, after: Fields) -> bool:
    """Points are ready later. The order comes first of all facts; of the others, which is later is not
    known.
    """
    counts_from_order = after["clock"] == Clock.ORDER
    is_later_fact = after["clock"] != before["clock"] and not counts_from_order
    waits_in_vain_longer = after["missing_fact_days"] > before["missing_fact_days"]
    return (
        after["window_days"] > before["window_days"]
        or is_later_fact
        or (waits_in_vain_longer and not counts_from_order)
    )


def _ends_sooner(before: Fields, after: Fields) -> bool:
    """Points end sooner after they became ready, or may."""
    if after["expiry_kind"] == ExpiryKind.NEVER:
        return False
    if after["expiry_kind"] != before["expiry_kind"] or after["expiry_months"] < before["expiry_months"]:
        return True
    if after["expiry_kind"] == ExpiryKind.AFTER_RELEASE:
        return before["expiry_at_month_end"] and not after["expiry_at_month_end"]
    if after["expiry_kind"] == ExpiryKind.CALENDAR_DAY:
        return (after["expiry_month"], after["expiry_day"]) != (before["expiry_month"], before["expiry_day"])
    return False
