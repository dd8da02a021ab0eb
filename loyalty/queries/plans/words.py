"""Plans in sentences: what is wrong with one, what it brings, and for how long."""

from collections.abc import Iterable

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from loyalty.policies.earning import ONE
from loyalty.policies.plans.offer import (
    LARGEST_FACTOR,
    MOST_GRACE_DAYS,
    MOST_MONTHS,
    MOST_TRIAL_DAYS,
    PlanOffer,
    PlanProblem,
    PlanProblems,
)
from loyalty.queries import figures
from loyalty.queries.perk_words import say_perks
from loyalty.queries.tiers.words import say_factor


def say_problems(problems: PlanProblems) -> dict[str, str]:
    """Say what is wrong with a plan and how to put it right, field by field, in the reader's language."""
    return {field: _say_problem(field, problem) for field, problem in problems.items()}


def _say_problem(field: str, problem: PlanProblem) -> str:
    says = {
        PlanProblem.NO_NAME: _("Give the plan a name that customers will read."),
        PlanProblem.PRICE: _("Give a price above nothing. What costs nothing is a level, not a plan."),
        PlanProblem.MONTHS: _("Choose from 1 to %(most)s months.") % {"most": MOST_MONTHS},
        PlanProblem.DAYS: _("Choose from 0 to %(most)s days.")
        % {"most": MOST_TRIAL_DAYS if field == "trial_days" else MOST_GRACE_DAYS},
        PlanProblem.FACTOR: _("Choose from 1 to %(most)s times the points, such as 1.5.")
        % {"most": LARGEST_FACTOR},
        PlanProblem.PERKS: _("One of the benefits can't stay as it is. Look at its number and its text."),
        PlanProblem.SHIPPING: _(
            "Say what free shipping saves on an order; leave it empty where shipping is not free."
        ),
        PlanProblem.FREE_FOR_ALL: _(
            "Give the amount from which shipping is free for everybody: more than the one for this plan."
        ),
        PlanProblem.LEVEL: _("There is no such level. Choose another one."),
        PlanProblem.NOTHING: _("So far the plan brings nothing. Add more points, a benefit or a level."),
    }
    return says[problem]


def say_price(offer: PlanOffer, currency: str) -> str:
    """Say what a plan costs, and for how long."""
    return say_price_of(offer.price_minor, offer.months, currency)


def say_price_of(price_minor: int, months: int, currency: str) -> str:
    """Say the same of a plan that is not at hand as one."""
    price = figures.money(price_minor, currency)
    if months == 1:
        return _("%(price)s a month") % {"price": price}
    if months == 12:
        return _("%(price)s a year") % {"price": price}
    sentence = ngettext("%(price)s for %(n)s month", "%(price)s for %(n)s months", months)
    return sentence % {"price": price, "n": months}


def say_benefits(offer: PlanOffer, currency: str, *, level: str = "") -> list[str]:
    """Say what a plan brings, one sentence for each."""
    said = []
    if offer.percent != ONE:
        said.append(say_factor(offer.percent))
    if level:
        said.append(_("The level “%(level)s”") % {"level": level})
    return said + say_perks(offer.perks, currency)


def say_public_text(offer: PlanOffer) -> str:
    """Give the owner's own words about a plan, in the reader's language or in English; else nothing."""
    language = (get_language() or "en").partition("-")[0]
    return str(offer.public_text.get(language) or offer.public_text.get("en", ""))


def join_words(parts: Iterable[str]) -> str:
    """Write benefits one after the other, in a line."""
    return " · ".join(parts)
