"""Levels in words: what one takes, what it brings, and what is wrong with a scheme, with the way out."""

from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from loyalty.policies.earning import ONE
from loyalty.policies.tiers.scheme import Fall, Metric, Scheme, Tier, Window
from loyalty.policies.tiers.terms import (
    LARGEST_FACTOR,
    MOST_GRACE_DAYS,
    MOST_TIERS,
    TierProblem,
    TierProblems,
)
from loyalty.queries import figures
from loyalty.queries.sentences import counted, points

_PROBLEMS = {
    TierProblem.NO_TIERS: _("Give at least one level."),
    TierProblem.MANY_TIERS: _("Give at most %(most_tiers)s levels."),
    TierProblem.NO_NAME: _("Give this level a name before it is switched on."),
    TierProblem.SAME_NAME: _("Another level has this name. Choose a name of its own."),
    TierProblem.THRESHOLD: _("Give more than 0: everybody would have this level from the start."),
    TierProblem.SAME_THRESHOLD: _("The level below begins at the same amount. Raise this one."),
    TierProblem.FALLING_THRESHOLD: _("The level below begins higher. Raise this one, or swap the two."),
    TierProblem.FACTOR: _("Give a factor from 1 to %(largest_factor)s: 1.5 is half as many points again."),
    TierProblem.FALLING_FACTOR: _("The level below gives more points. Raise this factor, or lower that one."),
    TierProblem.PERKS: _("A benefit cannot be read. Choose it from the list."),
    TierProblem.DAYS: _("Give 0 to %(most_days)s days."),
}
_GAPS = {"largest_factor": LARGEST_FACTOR, "most_tiers": MOST_TIERS, "most_days": MOST_GRACE_DAYS}


def say_problems(problems: TierProblems) -> dict[str, list[str]]:
    """Say what has to change, by `place.field`, or the field alone where it is the scheme's."""
    return {
        (field if place is None else f"{place}.{field}"): [str(_PROBLEMS[problem]) % _GAPS]
        for (place, field), problem in problems.items()
    }


def say_amount(scheme: Scheme, amount: int, currency: str) -> str:
    """Say an amount of what a scheme measures: "€120.00", "1,200 points", "3 orders"."""
    return _say_amount(scheme.metric, amount, currency)


def _say_amount(metric: Metric, amount: int, currency: str) -> str:
    if metric is Metric.SPEND:
        return figures.money(amount, currency)
    if metric is Metric.POINTS:
        return points(amount)
    return counted(ngettext("%(n)s order", "%(n)s orders", amount), amount)


def say_threshold(scheme: Scheme, tier: Tier, currency: str) -> str:
    """Say what a level takes: "from €1,000.00 in the last 12 months on"."""
    return say_takes(scheme.metric, scheme.window, tier.threshold, currency)


def say_takes(metric: Metric, window: Window, threshold: int, currency: str) -> str:
    """Say the same of a level that is not at hand as one."""
    gaps = {"amount": _say_amount(metric, threshold, currency)}
    if window is Window.ROLLING:
        return gettext("from %(amount)s in the last 12 months on") % gaps
    if window is Window.CALENDAR:
        return gettext("from %(amount)s in a calendar year on") % gaps
    return gettext("from %(amount)s on, for good") % gaps


def say_factor(percent: int) -> str:
    """Say a factor: "1.5 times the points", or nothing where there are no more points."""
    if percent == ONE:
        return ""
    factor = number_format(percent / ONE, use_l10n=True, decimal_pos=_decimals(percent))
    return gettext("%(factor)s times the points") % {"factor": factor}


def _decimals(percent: int) -> int:
    if not percent % 100:
        return 0
    return 2 if percent % 10 else 1


def say_course(scheme: Scheme) -> list[str]:
    """Say how long levels last and what becomes of one that is not earned again, a sentence each."""
    lasting = say_lasting(scheme.window)
    if scheme.window is Window.LIFETIME:
        return [lasting]
    return [lasting, say_fall(scheme.fall), *([say_grace(scheme.grace_days)] if scheme.grace_days else [])]


def say_lasting(window: Window) -> str:
    """Say how long a level lasts."""
    return {
        Window.ROLLING: gettext("A level lasts 12 months from the day on which it was reached."),
        Window.CALENDAR: gettext("A level lasts to the end of the next year."),
        Window.LIFETIME: gettext("A level that was reached is never lost."),
    }[window]


def say_fall(fall: Fall) -> str:
    """Say where a level that is lost leads to."""
    return {
        Fall.STEP: gettext("Who has not earned it again then goes one level down."),
        Fall.EARNED: gettext("Who has not earned it again then goes to the level that they have earned."),
    }[fall]


def say_grace(days: int) -> str:
    """Say how long a purchase still saves a level whose test has come."""
    if not days:
        return gettext("There are no days of grace.")
    grace = ngettext(
        "There is %(n)s day of grace: what is bought in it still counts.",
        "There are %(n)s days of grace: what is bought in them still counts.",
        days,
    )
    return counted(grace, days)
