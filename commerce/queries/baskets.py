"""Baskets with what upper apps take off them."""

from datetime import datetime

from commerce.policies.basket import Basket
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
