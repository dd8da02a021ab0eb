"""Who would buy a plan, what it would bring in, and what it would cost: by the orders of the last year."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F
from django.db.models.functions import Mod

from loyalty.models import Programme
from loyalty.policies.plan_worth import Saving
from loyalty.policies.plans.offer import YEAR_MONTHS, PlanOffer
from loyalty.queries.holders import resolve_holders
from loyalty.queries.plans.proof import list_year_awards, read_orders, spare, sum_by_member
from loyalty.queries.programmes import rules_of

# So many orders are tried; of a larger shop, those of each n-th member, so that their year is whole.
MOST_ORDERS = 4_000
# Where it would have paid off for nobody, those who would come closest.
TENTH = 10


@dataclass(frozen=True, slots=True)
class LikelyBuyers:
    """Who would probably buy, and what a year would come to. Units: members; minor units.

    `members` bought something in the last year. `buyers` are those for whom the plan would have paid off, or
    with `is_tenth`, where there is nobody, the tenth who would have saved most. `most_saved_minor` is what
    the first of them would have saved.
    """

    members: int
    buyers: int
    is_tenth: bool
    fees_minor: int
    points_minor: int
    shipping_minor: int
    most_saved_minor: int
    orders: int

    @property
    def left_minor(self) -> int:
        """What is left of the fees, before anybody buys more than they did."""
        return self.fees_minor - self.points_minor - self.shipping_minor


def guess_buyers(*, offer: PlanOffer, programme: Programme, at: datetime) -> LikelyBuyers:
    """Guess who would buy a plan, from what it would have been worth to each member in the last year.

    Queries: at most 8, whatever the number of members.
    """
    rules, worth = rules_of(programme), programme.worth_at(at)
    awards = list_year_awards(programme.id, at=at)
    step = max(1, -(-awards.count() // MOST_ORDERS))
    if step > 1:
        awards = awards.annotate(part=Mod(F("member_id"), step)).filter(part=0)
    orders = read_orders(awards)
    holders = resolve_holders(member_ids={order.member_id for order in orders}, known=[])
    savings = sum_by_member((holders[order.member_id].id, spare(rules, offer, order)) for order in orders)
    fee_minor = offer.fee_for(YEAR_MONTHS)
    ordered = sorted(
        ((worth.of(saving.points) + saving.shipping_minor, saving) for saving in savings.values()),
        key=lambda pair: -pair[0],
    )
    buyers = [pair for pair in ordered if pair[0] >= fee_minor]
    is_tenth = not buyers
    if is_tenth:
        buyers = [pair for pair in ordered[: -(-len(ordered) // TENTH)] if pair[0]]
    total = sum((saving for _, saving in buyers), Saving())
    return LikelyBuyers(
        members=len(ordered) * step,
        buyers=len(buyers) * step,
        is_tenth=is_tenth,
        fees_minor=len(buyers) * step * fee_minor,
        points_minor=worth.of(total.points) * step,
        shipping_minor=total.shipping_minor * step,
        most_saved_minor=ordered[0][0] if ordered else 0,
        orders=len(orders),
    )
