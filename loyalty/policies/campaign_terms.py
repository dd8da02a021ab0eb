"""What an owner asks of a campaign: complete and sensible, or refused with the fix beside the field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from loyalty.policies.campaigns import DAY_MINUTES, CampaignKind

LARGEST_FACTOR = 10
MOST_STEPS = 10

Problems = dict[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """When a campaign is to run, in the owner's words: from, and until (exclusive) or without an end."""

    starts_at: datetime
    ends_at: datetime | None = None


def problems_of_plan(plan: Plan, *, at: datetime, is_new: bool) -> Problems:
    """Say what is wrong with the times of a campaign that is to be switched on or changed at `at`."""
    if plan.ends_at is not None and plan.ends_at <= plan.starts_at:
        return {"ends_at": _("The end is not after the start. Choose a later end, or none.")}
    if plan.ends_at is not None and plan.ends_at <= at:
        return {"ends_at": _("The end has passed already. Choose a time in the future, or none.")}
    if is_new and plan.starts_at < at:
        problem = _(
            "The start has passed already. Choose now or later; earlier orders keep what they earned."
        )
        return {"starts_at": problem}
    return {}


def problems_of_terms(terms: Mapping[str, Any]) -> Problems:
    """Say what is wrong with a promise, field by field; nothing when it can be kept."""
    problems: Problems = {}
    kind = terms["kind"]
    if kind == CampaignKind.MULTIPLY and not 1 < Decimal(terms["factor"]) <= LARGEST_FACTOR:
        problems["factor"] = _("Give a factor over 1 and up to %(most)s: 2 is double.") % {
            "most": LARGEST_FACTOR
        }
    if kind == CampaignKind.PIECES and terms["piece_points"] < 1:
        problems["piece_points"] = _("Give at least 1 point for each piece.")
    if kind == CampaignKind.STEPS and (problem := _problem_of_steps(terms["steps"])):
        problems["steps"] = problem
    if not set(terms["weekdays"]) <= set(range(7)):
        problems["weekdays"] = _("Days of the week count from Monday, 0, to Sunday, 6.")
    if not (0 <= terms["from_minute"] < DAY_MINUTES and 0 < terms["to_minute"] <= DAY_MINUTES):
        problems["from_minute"] = _("Give hours between 00:00 and 24:00.")
    elif terms["from_minute"] == terms["to_minute"]:
        problems["to_minute"] = _("These hours are empty. Give an end that differs from the start.")
    if any(not isinstance(number, int) or number < 1 for number in terms["order_numbers"]):
        problems["order_numbers"] = _("Give order numbers from 1 on: 1 is a customer's first order.")
    if terms["cap_points"] is not None and terms["cap_points"] < 1:
        problems["cap_points"] = _("Give at least 1 point, or nothing for no limit.")
    return problems


def _problem_of_steps(steps: Sequence[Sequence[int]]) -> str:
    if not steps:
        return _("Give at least one step: an amount and the points from it on.")
    if len(steps) > MOST_STEPS:
        return _("Give at most %(most)s steps.") % {"most": MOST_STEPS}
    ordered = sorted((from_minor, points) for from_minor, points in steps)
    if any(from_minor < 0 or points < 1 for from_minor, points in ordered):
        return _("Each step needs an amount of 0 or more and at least 1 point.")
    amounts = [from_minor for from_minor, _ in ordered]
    if len(set(amounts)) < len(amounts):
        return _("Two steps begin at the same amount. Keep one of them.")
    points = [step_points for _, step_points in ordered]
    if points != sorted(set(points)):
        return _("A higher step must give more points than the one below it.")
    return ""
