"""What a month would cost under another rule or worth, by the engine that awards, on orders of the past."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext, ngettext

from loyalty.models import Programme
from loyalty.policies.awarding import basket_of
from loyalty.policies.changes.cost import Cost
from loyalty.policies.changes.settings import Worth
from loyalty.policies.earning import BaseRule, EarningFacts, EarningRules, Rounding, quote
from loyalty.queries import figures
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.sales import count_days, get_sales, list_recent

MONTH_DAYS = 30


def cost_of_rule(*, programme: Programme, fields: Mapping[str, Any], at: datetime) -> Cost:
    """Say what a month of orders like those of the last 90 days promises now and under another rule.

    Without orders the two rates are compared. Queries: at most 4.
    """
    rules = get_programme_rules(programme.pk)
    now = rules.rule_at(at) or rules.rules[0].rule
    then = replace(now, **{**fields, "rounding": Rounding(fields["rounding"])})
    heads = list_recent(rules=rules, at=at)
    sales = get_sales(heads)
    points = [0, 0]
    for head in heads:
        rate, basket = rules.rate_at(head.currency, head.placed_at), basket_of(sales[head.id])
        if rate is not None:
            for side, rule in enumerate((now, then)):
                points[side] += quote(basket, EarningRules(rule), EarningFacts(rate)).points
    worth = programme.worth_at(at)
    if not points[0]:
        return Cost(_rate(now), _rate(then), is_recorded=False)
    a_month = Fraction(MONTH_DAYS, count_days(heads, at=at))
    promised = [Fraction(count * worth.minor, worth.points) * a_month for count in points]
    return Cost(promised[0], promised[1])


def _rate(rule: BaseRule) -> Fraction:
    return Fraction(rule.points, rule.per_minor)


def cost_of_worth(*, before: Worth, after: Worth) -> Cost:
    """Compare what a point is worth now and then. Queries: 0."""
    return Cost(Fraction(before.minor, before.points), Fraction(after.minor, after.points), is_recorded=False)


def say_cost(cost: Cost, currency: str) -> str:
    """Say what a month costs now and then; nothing where there are no orders to try it on. Queries: 0."""
    if not cost.is_recorded or not cost.now_minor:
        return ""
    told = {
        "now": figures.money(round(cost.now_minor), currency),
        "then": figures.money(round(cost.then_minor), currency),
    }
    return gettext("A month of orders like your last 90 days promises %(now)s now, and %(then)s then.") % told


def say_steep(cost: Cost) -> str:
    """Say how many times the cost of now it is, where that may be a slip; else nothing. Queries: 0."""
    if not cost.is_steep or cost.times is None:
        return ""
    times = round(cost.times)
    sentence = ngettext(
        "It would cost %(n)s time as much as now. Is that what you mean?",
        "It would cost %(n)s times as much as now. Is that what you mean?",
        times,
    )
    return sentence % {"n": figures.number(times)}
