"""Campaigns in words: what one promises and would do, and what is wrong with it, with the way out."""

from collections.abc import Mapping

from django.utils.dates import WEEKDAYS
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from commerce.models import Segment
from loyalty.models import CampaignVersion
from loyalty.policies.campaign_terms import LARGEST_FACTOR, MOST_STEPS, Problem, Problems
from loyalty.policies.campaigns import DAY_MINUTES, CampaignKind, Combination
from loyalty.policies.earning import Outcome, Quote
from loyalty.queries import figures, sentences
from loyalty.queries.tiers.schemes import name_levels

_PROBLEMS = {
    Problem.END_NOT_AFTER_START: _("The end is not after the start. Choose a later end, or none."),
    Problem.END_PASSED: _("The end has passed already. Choose a time in the future, or none."),
    Problem.START_PASSED: _("The start has passed already. Choose now or a later time."),
    Problem.START_STAYS: _("It has begun already. Its start stays; change the end instead."),
    Problem.FACTOR: _("Give a factor over 1 and up to %(largest_factor)s: 2 is double."),
    Problem.PIECE_POINTS: _("Give at least 1 point for each piece."),
    Problem.WEEKDAYS: _("Choose days from Monday to Sunday."),
    Problem.HOURS: _("Give hours between 00:00 and 24:00."),
    Problem.HOURS_EMPTY: _("These hours are empty. Give an end that differs from the start."),
    Problem.ORDER_NUMBERS: _("Give order numbers from 1 on: 1 is a customer's first order."),
    Problem.CAP: _("Give at least 1 point, or nothing for no limit."),
    Problem.NO_STEPS: _("Give at least one step: an amount, and the points from it on."),
    Problem.MANY_STEPS: _("Give at most %(most_steps)s steps."),
    Problem.STEP_NUMBERS: _("Each step needs an amount of 0 or more and at least 1 point."),
    Problem.SAME_STEPS: _("Two steps begin at the same amount. Keep one of them."),
    Problem.FALLING_STEPS: _("A higher step must give more points than the one below it."),
}
_GAPS = {"largest_factor": LARGEST_FACTOR, "most_steps": MOST_STEPS}


def say_problems(problems: Problems) -> dict[str, str]:
    """Say, by field, what has to change."""
    return {field: str(_PROBLEMS[problem]) % _GAPS for field, problem in problems.items()}


# -- what it promises ----------------------------------------------------------------------------------------


def say_promise(version: CampaignVersion, currency: str, names: Mapping[str, str] | None = None) -> str:
    """Say what a campaign gives, in one sentence that a customer understands; articles by `names` where they
    are known.
    """
    articles = [(names or {}).get(sku, sku) for sku in version.skus]
    goods = ", ".join((*version.category_paths, *version.brands, *articles))
    if version.kind == CampaignKind.MULTIPLY:
        factor = number_format(version.factor.normalize(), use_l10n=True)
        if goods:
            return gettext("%(factor)s times the points on: %(goods)s.") % {"factor": factor, "goods": goods}
        return gettext("%(factor)s times the points.") % {"factor": factor}
    if version.kind == CampaignKind.PIECES:
        points = sentences.points(version.piece_points)
        if goods:
            return gettext("%(points)s for each piece of: %(goods)s.") % {"points": points, "goods": goods}
        return gettext("%(points)s for each piece.") % {"points": points}
    return " ".join(_say_step(amount, points, currency, goods) for amount, points in sorted(version.steps))


def _say_step(from_minor: int, points: int, currency: str, goods: str) -> str:
    gaps = {"points": sentences.points(points), "amount": figures.money(from_minor, currency), "goods": goods}
    if not from_minor:
        return gettext("%(points)s with an order.") % gaps
    if goods:
        return gettext("%(points)s from %(amount)s spent on: %(goods)s.") % gaps
    return gettext("%(points)s from %(amount)s on.") % gaps


def list_conditions(version: CampaignVersion) -> list[str]:
    """Say for whom and when it is, one condition each; nothing where it is for everybody at all times."""
    said = []
    if version.channels:
        said.append(gettext("Bought here: %(names)s") % {"names": ", ".join(version.channels)})
    if version.tier_ids:
        levels = name_levels(version.tier_ids).values()
        said.append(gettext("Members with the level: %(names)s") % {"names": ", ".join(levels)})
    if version.segment_ids:
        names = (
            Segment.objects.filter(id__in=version.segment_ids).order_by("name").values_list("name", flat=True)
        )
        said.append(gettext("Customers in: %(names)s") % {"names": ", ".join(names)})
    if version.order_numbers:
        numbers = ", ".join(map(str, version.order_numbers))
        said.append(gettext("Only this order of a customer: %(numbers)s") % {"numbers": numbers})
    if version.weekdays:
        days = ", ".join(str(WEEKDAYS[day]) for day in sorted(version.weekdays))
        said.append(gettext("On: %(days)s") % {"days": days})
    if (version.from_minute, version.to_minute) != (0, DAY_MINUTES):
        hours = {"start": _clock(version.from_minute), "end": _clock(version.to_minute)}
        said.append(gettext("From %(start)s to %(end)s") % hours)
    if version.cap_points:
        said.append(
            gettext("At most %(points)s extra for each member")
            % {"points": sentences.points(version.cap_points)}
        )
    return said


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


# -- what it would do ----------------------------------------------------------------------------------------


def say_sum(quoted: Quote) -> list[str]:
    """Tell a sample's sum line by line: the base, what is added, and what comes out."""
    said = [
        gettext("Without the campaign: %(points)s") % {"points": figures.number(quoted.reasons[0].points)}
    ]
    for reason in quoted.reasons[1:]:
        if reason.outcome is Outcome.TRIMMED:
            gaps = {"points": figures.number(reason.points), "full": figures.number(reason.full_points)}
            said.append(gettext("+ %(points)s of %(full)s: the limit for each member is reached") % gaps)
        elif reason.points:
            said.append(f"+ {figures.number(reason.points)}")
    return [*said, f"= {sentences.points(quoted.points)}"]


def say_overlap(name: str, start: str, end: str, combination: str) -> str:
    """Say that two campaigns meet, and what then happens to an order in both."""
    gaps = {"name": name, "start": start, "end": end}
    when = (
        gettext("Overlaps “%(name)s” from %(start)s to %(end)s.") % gaps
        if end
        else (gettext("Overlaps “%(name)s” from %(start)s on.") % gaps)
    )
    if combination == Combination.BEST:
        return f"{when} " + gettext("Best one wins: an order in both gets the larger of the two.")
    return f"{when} " + gettext("They add up: an order in both gets both.")


def say_reach(members: int, orders: int, *, is_sample: bool) -> str:
    """Say how many customers of the last 90 days would have got something."""
    if not orders:
        return gettext("No orders of known customers in the last 90 days, so nothing can be tried on them.")
    gaps = {"n": figures.number(members), "orders": figures.number(orders)}
    if is_sample:
        sentence = ngettext(
            "%(n)s customer of the newest %(orders)s orders would have got something.",
            "%(n)s customers of the newest %(orders)s orders would have got something.",
            members,
        )
    else:
        sentence = ngettext(
            "%(n)s customer of the last 90 days would have got something.",
            "%(n)s customers of the last 90 days would have got something.",
            members,
        )
    return sentence % gaps


def say_cost(points: str, promised: str, likely: str, days: int) -> str:
    """Say what it costs over its own length, if people buy as they did."""
    sentence = ngettext(
        "In %(n)s day it costs about %(points)s: %(promised)s promised, %(likely)s if 70 %% get used.",
        "In %(n)s days it costs about %(points)s: %(promised)s promised, %(likely)s if 70 %% get used.",
        days,
    )
    return sentence % {"n": figures.number(days), "points": points, "promised": promised, "likely": likely}
