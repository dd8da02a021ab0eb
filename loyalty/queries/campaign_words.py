"""Campaigns in words: what is wrong with one, said with the way out."""

from django.utils.translation import gettext_lazy as _

from loyalty.policies.campaign_terms import LARGEST_FACTOR, MOST_STEPS, Problem, Problems

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
