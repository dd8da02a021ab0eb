"""Baskets with what upper apps take off them, and with what the shop knows of their goods."""

from dataclasses import replace
from datetime import datetime
from decimal import ROUND_CEILING

from commerce.models import Product
from commerce.policies.basket import Basket, BasketLine
from commerce.registry import basket_reductions


def reduce_basket(basket: Basket, *, customer_id: int | None, at: datetime) -> Basket:
    """Add what every contributor of the door takes off; none of them sees what another one does.

    Queries: those of the contributors, a constant number each.
    """
    more = [
        reduction
        for _, contributor in basket_reductions.items()
        for reduction in contributor.find(basket, customer_id, at)
    ]
    return basket.with_reductions(more) if more else basket


def know_costs(basket: Basket) -> Basket:
    """Add what goods cost where the basket does not say it, from the shop's products of the same currency.

    What nobody has told stays unknown. Parts of a cent count as a whole one. Queries: 1, or 0 where all is
    known.
    """
    wanted = {line.sku for line in basket.lines if line.cost_minor is None and line.is_goods and line.sku}
    if not wanted:
        return basket
    rows = Product.objects.filter(sku__in=wanted, currency=basket.currency, cost_minor__isnull=False)
    costs = dict(rows.values_list("sku", "cost_minor"))
    return replace(basket, lines=tuple(_with_cost(line, costs.get(line.sku)) for line in basket.lines))


def _with_cost(line: BasketLine, each_minor: int | None) -> BasketLine:
    if each_minor is None or line.cost_minor is not None:
        return line
    cost = (each_minor * line.quantity).to_integral_value(rounding=ROUND_CEILING)
    return replace(line, cost_minor=int(cost))
