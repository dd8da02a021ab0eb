"""A plan as its pages show it: what it would bring and cost, and what to ask before it is saved."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.admin.plan_form import PlanForm
from loyalty.models import Plan, PlanVersion, Programme
from loyalty.policies.plans.offer import YEAR_MONTHS, PlanDraft, PlanOffer, problems_of_plan
from loyalty.queries import figures
from loyalty.queries.plans.likely import LikelyBuyers, guess_buyers
from loyalty.queries.plans.member_section import level_name
from loyalty.queries.plans.words import say_benefits, say_price
from loyalty.queries.programmes import offer_of, rules_of

# A price that has changed, or differs from what it is worth, so many times over may be a slip.
SLIP = 10


def read_offer(form: PlanForm, *, at: datetime) -> PlanOffer | None:
    """Give the plan that a form asks for, as if it were on sale; None while something is wrong with it."""
    terms = form.read_terms()
    level_ids = frozenset({terms["level_id"]} - {None})
    if problems_of_plan(PlanDraft(**terms, level_ids=level_ids)):
        return None
    plan = Plan(id=0, programme=form.programme, name=form.cleaned_data["name"], created_at=at)
    return offer_of(PlanVersion(id=0, plan=plan, number=1, **terms))


def preview(form: PlanForm, *, at: datetime) -> dict[str, Any] | None:
    """Say who would probably buy, what it would bring in, and what it would cost."""
    offer = read_offer(form, at=at)
    if offer is None:
        return None
    programme, guess = form.programme, guess_buyers(offer=offer, programme=form.programme, at=at)
    return {
        "promise": say_price(offer, programme.currency),
        "benefits": say_benefits(offer, programme.currency, level=level_name(rules_of(programme), offer, at)),
        "who": say_who(guess, programme),
        "sum": say_sum(guess, programme) if guess.buyers else "",
    }


def say_who(guess: LikelyBuyers, programme: Programme) -> str:
    """Say who would probably buy."""
    if not guess.members:
        return _("No member has bought anything in the last year, so nobody can say who would buy it.")
    gaps = {
        "n": figures.number(guess.buyers),
        "most": figures.money(guess.most_saved_minor, programme.currency),
    }
    if guess.is_tenth:
        sentence = ngettext(
            "It would have paid off for nobody: at most %(most)s was to be saved. The sum below is for the "
            "%(n)s member who comes closest.",
            "It would have paid off for nobody: at most %(most)s was to be saved. The sum below is for the "
            "%(n)s members who come closest, a tenth of all.",
            guess.buyers,
        )
    else:
        sentence = ngettext(
            "Last year it would have paid off for %(n)s member, with %(most)s saved at most.",
            "Last year it would have paid off for %(n)s members, with %(most)s saved at most.",
            guess.buyers,
        )
    return sentence % gaps


def say_sum(guess: LikelyBuyers, programme: Programme) -> str:
    """Say what a year would come to, if these buy it and order as they did."""
    gaps = {
        "fees": figures.money(guess.fees_minor, programme.currency),
        "points": figures.money(guess.points_minor, programme.currency),
        "shipping": figures.money(guess.shipping_minor, programme.currency),
        "left": figures.money(abs(guess.left_minor), programme.currency),
    }
    if guess.left_minor >= 0:
        return (
            _(
                "A year brings in %(fees)s, and costs %(points)s in points and %(shipping)s in shipping: "
                "%(left)s is left."
            )
            % gaps
        )
    return (
        _(
            "A year brings in %(fees)s, and costs %(points)s in points and %(shipping)s in shipping: "
            "%(left)s is missing, unless they buy more than they did."
        )
        % gaps
    )


def ask_about_price(form: PlanForm, *, before: PlanVersion | None, at: datetime) -> str:
    """Ask where a price is so far from the last one, or from what it is worth, that it may be a slip."""
    offer, programme = read_offer(form, at=at), form.programme
    if offer is None or (before is not None and before.price_minor == offer.price_minor):
        return ""
    price = figures.money(offer.price_minor, programme.currency)
    if before is not None and _is_far(offer.price_minor, before.price_minor):
        gaps = {"before": figures.money(before.price_minor, programme.currency), "price": price}
        return _("The price was %(before)s, and would be %(price)s. Tick here if it is meant to be.") % gaps
    guess = guess_buyers(offer=offer, programme=programme, at=at)
    fee_minor = offer.fee_for(YEAR_MONTHS)
    if guess.members and fee_minor > SLIP * max(1, guess.most_saved_minor):
        gaps = {
            "fee": figures.money(fee_minor, programme.currency),
            "most": figures.money(guess.most_saved_minor, programme.currency),
        }
        sentence = _("A year costs %(fee)s, and nobody would have saved more than %(most)s.")
        return f"{sentence % gaps} {_('Tick here if it is meant to be.')}"
    cost_minor = guess.points_minor + guess.shipping_minor
    if guess.buyers and cost_minor > SLIP * guess.fees_minor:
        gaps = {
            "fees": figures.money(guess.fees_minor, programme.currency),
            "cost": figures.money(cost_minor, programme.currency),
        }
        sentence = _("A year would bring in %(fees)s and cost %(cost)s.")
        return f"{sentence % gaps} {_('Tick here if it is meant to be.')}"
    return ""


def _is_far(price: int, other: int) -> bool:
    return price >= SLIP * other or other >= SLIP * price
