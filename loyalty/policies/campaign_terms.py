"""What an owner asks of a campaign: complete and sensible, or refused beside the field that has to change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from loyalty.policies.campaigns import DAY_MINUTES, CampaignKind

LARGEST_FACTOR = 10
MOST_STEPS = 10


class Problem(StrEnum):
    """Why a field cannot stay as it is."""

    END_NOT_AFTER_START = "end_not_after_start"
    END_PASSED = "end_passed"
    START_PASSED = "start_passed"
    START_STAYS = "start_stays"
    FACTOR = "factor"
    PIECE_POINTS = "piece_points"
    WEEKDAYS = "weekdays"
    HOURS = "hours"
    HOURS_EMPTY = "hours_empty"
    ORDER_NUMBERS = "order_numbers"
    CAP = "cap"
    NO_STEPS = "no_steps"
    MANY_STEPS = "many_steps"
    STEP_NUMBERS = "step_numbers"
    SAME_STEPS = "same_steps"
    FALLING_STEPS = "falling_steps"


Problems = dict[str, Problem]


@dataclass(frozen=True, slots=True)
class Plan:
    """When a campaign is to run: from, and until (exclusive), or without an end."""

    starts_at: datetime
    ends_at: datetime | None = None


def problems_of_plan(plan: Plan, *, at: datetime, begins: bool) -> Problems:
    """Say what is wrong with the times of a campaign at `at`; one that only now begins must not be late."""
    if plan.ends_at is not None and plan.ends_at <= plan.starts_at:
        return {"ends_at": Problem.END_NOT_AFTER_START}
    if plan.ends_at is not None and plan.ends_at <= at:
        return {"ends_at": Problem.END_PASSED}
    if begins and plan.starts_at < at:
        return {"starts_at": Problem.START_PASSED}
    return {}


def problems_of_terms(terms: Mapping[str, Any]) -> Problems:
    """Say what is wrong with a promise, field by field; nothing when it can be kept."""
    problems: Problems = {}
    kind = terms["kind"]
    if kind == CampaignKind.MULTIPLY and not 1 < Decimal(terms["factor"]) <= LARGEST_FACTOR:
        problems["factor"] = Problem.FACTOR
    if kind == CampaignKind.PIECES and terms["piece_points"] < 1:
        problems["piece_points"] = Problem.PIECE_POINTS
    if kind == CampaignKind.STEPS and (problem := _problem_of_steps(terms["steps"])):
        problems["steps"] = problem
    if not set(terms["weekdays"]) <= set(range(7)):
        problems["weekdays"] = Problem.WEEKDAYS
    if not (0 <= terms["from_minute"] < DAY_MINUTES and 0 < terms["to_minute"] <= DAY_MINUTES):
        problems["from_minute"] = Problem.HOURS
    elif terms["from_minute"] == terms["to_minute"]:
        problems["to_minute"] = Problem.HOURS_EMPTY
    if any(not isinstance(number, int) or number < 1 for number in terms["order_numbers"]):
        problems["order_numbers"] = Problem.ORDER_NUMBERS
    if terms["cap_points"] is not None and terms["cap_points"] < 1:
        problems["cap_points"] = Problem.CAP
    return problems


def _problem_of_steps(steps: Sequence[Sequence[int]]) -> Problem | None:
    if not steps:
        return Problem.NO_STEPS
    if len(steps) > MOST_STEPS:
        return Problem.MANY_STEPS
    if any(from_minor < 0 or points < 1 for from_minor, points in steps):
        return Problem.STEP_NUMBERS
    ordered = sorted((from_minor, points) for from_minor, points in steps)
    if len({from_minor for from_minor, _ in ordered}) < len(ordered):
        return Problem.SAME_STEPS
    points = [step_points for _, step_points in ordered]
    return None if points == sorted(set(points)) else Problem.FALLING_STEPS
