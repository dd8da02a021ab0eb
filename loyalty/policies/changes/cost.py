"""Whether a change costs so much more that it may be a slip of the keyboard."""

from dataclasses import dataclass
from fractions import Fraction

from loyalty.policies.campaigns import Campaign, CampaignKind
from loyalty.policies.earning import ONE, BaseRule

# So many times the cost of now is asked about. Double and triple points are everyday offers; a slip of the
# decimal point is ten times or a hundred times.
STEEP = 5
# Points worth half the price of what brought them are no reward any more.
MOST_SHARE = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a month costs now and would cost then. Units: minor units of the programme's currency, promised.

    Without orders to try it on, both are for one made-up order, and only their ratio means something.
    """

    now_minor: Fraction = Fraction(0)
    then_minor: Fraction = Fraction(0)
    is_recorded: bool = True

    @property
    def times(self) -> Fraction | None:
        """How many times the cost of now; None where there is nothing to compare with."""
        return self.then_minor / self.now_minor if self.now_minor else None

    @property
    def is_steep(self) -> bool:
        """Whether somebody has to say that this is meant."""
        return self.times is not None and self.times >= STEEP


def promised_share(*, points: int, per_minor: int, worth_points: int, worth_minor: int) -> Fraction:
    """Say what share of a price comes back as points: so many points for so much, and what they are worth."""
    return Fraction(points * worth_minor, per_minor * worth_points)


def nominal_cost(rule: BaseRule, campaign: Campaign) -> Cost:
    """Compare an order without a campaign and with it, where there are no orders of the past to try it on.

    For a bonus over an amount, an order of just that amount; the worst step counts.
    """
    if campaign.kind is CampaignKind.MULTIPLY:
        return Cost(Fraction(ONE), Fraction(campaign.percent), is_recorded=False)
    costs = [
        Cost(base, base + step.points, is_recorded=False)
        for step in campaign.steps
        if (base := Fraction(step.from_minor * rule.points, rule.per_minor))
    ]
    return max(costs, key=lambda cost: cost.times or 0, default=Cost(is_recorded=False))
