"""What is wrong with a coupon, in words that name the fix."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from coupons.policies.coupon_terms import LONGEST_CODE, SHORTEST_CODE, Problem


def say_problems(problems: Mapping[str, Problem]) -> dict[str, str]:
    """Say problems by field. Queries: 0."""
    return {field: say_problem(problem) for field, problem in problems.items()}


def say_problem(problem: Problem) -> str:
    """Say one problem and how to mend it. Queries: 0."""
    sentences = {
        Problem.END_MISSING: _("Give a last day, or tick that the coupon has no end."),
        Problem.END_AND_ENDLESS: _("Take out the last day, or the tick that the coupon has no end."),
        Problem.END_NOT_AFTER_START: _("The end is before the start. Choose a later last day."),
        Problem.END_PASSED: _("The end has passed. Choose a later last day."),
        Problem.START_STAYS: _("It has begun, so its start stays as it was."),
        Problem.CURRENCY_MISSING: _("Choose the currency of the amounts."),
        Problem.CURRENCY_STAYS: _("It has been switched on, so its currency stays as it was."),
        Problem.LIMIT_USED: _("It has been used more often already. Choose a larger number."),
        Problem.BUDGET_SPENT: _("It has cost more already. Choose a larger budget."),
        Problem.AMOUNT: _("Give an amount above zero."),
        Problem.PRICE: _("Give the price of a piece; 0 is free."),
        Problem.PERCENT: _("Choose a percentage above 0, at most 100."),
        Problem.BUY_PIECES: _("Say how many pieces have to be bought, at least 1."),
        Problem.GET_PIECES: _("Say how many pieces one gets, at least 1."),
        Problem.AT_LEAST_ONE: _("Choose at least 1, or leave it empty for no limit."),
        Problem.NOT_NEGATIVE: _("Choose an amount of at least 0."),
        Problem.CODE_LETTERS: _("Use the letters A to Z and digits only; spaces and dashes do not count."),
        Problem.CODE_SHORT: _("Use at least %(count)d letters or digits.") % {"count": SHORTEST_CODE},
        Problem.CODE_LONG: _("Use at most %(count)d letters or digits.") % {"count": LONGEST_CODE},
        Problem.CODE_TAKEN: _("Another coupon has this code, or had it once. Choose another one."),
    }
    return sentences[problem]
