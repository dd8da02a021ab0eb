"""Plans in sentences: what is wrong with one, what it brings, and for how long."""

from collections.abc import Iterable
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from loyalty.policies.earning import ONE
from loyalty.policies.perks import Perk, PerkKind
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
    price = figures.money(offer.price_minor, currency)
    if offer.months == 1:
        return _("%(price)s a month") % {"price": price}
    if offer.months == 12:
        return _("%(price)s a year") % {"price": price}
    sentence = ngettext("%(price)s for %(n)s month", "%(price)s for %(n)s months", offer.months)
    return sentence % {"price": price, "n": offer.months}


def say_benefits(offer: PlanOffer, currency: str, *, level: str = "") -> list[str]:
    """Say what a plan brings, one sentence for each."""
    said = []
    if offer.percent != ONE:
        said.append(_("%(times)s times the points") % {"times": _times(offer.percent)})
    if level:
        said.append(_("The level “%(level)s”") % {"level": level})
    said += [say_perk(perk, currency) for perk in offer.perks]
    return said


def say_perk(perk: Perk, currency: str) -> str:
    """Say one benefit, by its own words where it has some."""
    if own := _own_words(perk):
        return own
    if perk.kind is PerkKind.FREE_SHIPPING and perk.number:
        return _("Free shipping from %(amount)s") % {"amount": figures.money(perk.number, currency)}
    if perk.kind is PerkKind.EARLY_ACCESS:
        sentence = ngettext(
            "New things %(n)s hour before others",
            "New things %(n)s hours before others",
            perk.number or 0,
        )
        return sentence % {"n": figures.number(perk.number or 0)}
    says = {
        PerkKind.FREE_SHIPPING: _("Free shipping"),
        PerkKind.BIRTHDAY_GIFT: _("A birthday gift"),
        PerkKind.FREE_RETURNS: _("Free returns"),
        PerkKind.PRIORITY_HELP: _("Help comes first"),
        PerkKind.OTHER: perk.key,
    }
    return says[perk.kind]


def say_public_text(offer: PlanOffer) -> str:
    """Give the owner's own words about a plan, in the reader's language or in English; else nothing."""
    language = (get_language() or "en").partition("-")[0]
    return str(offer.public_text.get(language) or offer.public_text.get("en", ""))


def join_words(parts: Iterable[str]) -> str:
    """Write benefits one after the other, in a line."""
    return " · ".join(parts)


def _own_words(perk: Perk) -> str:
    language = (get_language() or "en").partition("-")[0]
    return str(perk.text.get(language) or perk.text.get("en", ""))


def _times(percent: int) -> str:
    return number_format((Decimal(percent) / ONE).normalize(), use_l10n=True)
