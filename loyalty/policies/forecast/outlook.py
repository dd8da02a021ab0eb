"""Every figure of a forecast, from its assumptions.

The names follow the reference model: a customer is promised `points x worth`, likely takes the used share of
it, and members must buy so much more that the shop keeps what it kept before.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import Final

from loyalty.policies.forecast.assumptions import NEVER, Assumptions, Never, Step
from loyalty.policies.forecast.owed import OwedMonth, find_level, list_owed, monthly_use_rate
from loyalty.policies.forecast.rounding import nearest

# Nobody knows beforehand how many points will be used. Between these lie the programmes that are alive.
FEW_USED: Final = Fraction(55, 100)
MANY_USED: Final = Fraction(85, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEffect:
    """What a step bonus costs and when it pays.

    The windfall goes to orders that reached the step anyway, each month. `gain_minor` is what one order that
    was lifted over the step brings after all rewards, less than 0 where it costs. `paying_orders` is how many
    must be lifted in a month to pay for the windfall, `paying_rate` their share of the orders below the step;
    never, where lifting loses money or there are not that many.
    """

    lift_minor: int
    windfall_minor: int
    gain_minor: int
    paying_orders: int | Never
    paying_rate: Fraction | Never


@dataclass(frozen=True, slots=True, kw_only=True)
class GivingLimit:
    """The most that can be given back without losing money over a customer's whole life with the shop.

    Of what a customer spends, the goods are paid and so is the cost of winning the customer; `rate` is the
    share that is left, and `limit_minor` the same in money. 0 where winning one costs all that one brings.
    `likely_minor` and `promised_minor` are what this programme gives over such a life, the bonus of a step
    included.
    """

    rate: Fraction
    limit_minor: int
    likely_minor: int
    promised_minor: int
    likely_exceeds: bool
    promise_exceeds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a programme would cost and must bring.

    Units: `_minor` in minor units, a month's where it says so; rates and lifts are exact shares. What was
    not asked for is None.
    """

    assumed: Assumptions
    promised_rate: Fraction
    likely_rate: Fraction
    all_sales_rate: Fraction
    kept_before_rate: Fraction
    kept_after_rate: Fraction
    monthly_cost_minor: int
    monthly_cost_low_minor: int
    monthly_cost_high_minor: int
    low_use_rate: Fraction
    high_use_rate: Fraction
    break_even_lift: Fraction | Never
    break_even_average_minor: int | Never
    needed_member_average_minor: int | Never | None
    orders_to_reward: int | Never | None
    monthly_use_rate: Fraction
    owed: tuple[OwedMonth, ...]
    owed_level: OwedMonth | Never
    step: StepEffect | None
    limit: GivingLimit | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Another earn rate with all else the same. Units: points for each unit spent; minor units a month."""

    points_per_unit: Fraction
    likely_rate: Fraction
    monthly_cost_minor: int


def make_forecast(assumed: Assumptions) -> Forecast:
    """Work out every figure. Sums are exact; each is rounded once, at its end, to whole points and minor
    units.
    """
    likely_rate = _likely_rate(assumed)
    all_sales_rate = likely_rate * assumed.member_rate
    low, high = min(FEW_USED, assumed.use_rate), max(MANY_USED, assumed.use_rate)
    lift = _break_even_lift(assumed)
    return Forecast(
        assumed=assumed,
        promised_rate=assumed.promised_rate,
        likely_rate=likely_rate,
        all_sales_rate=all_sales_rate,
        kept_before_rate=Fraction(assumed.margin_rate),
        kept_after_rate=assumed.margin_rate - all_sales_rate,
        monthly_cost_minor=nearest(_monthly_cost(assumed, assumed.use_rate)),
        monthly_cost_low_minor=nearest(_monthly_cost(assumed, low)),
        monthly_cost_high_minor=nearest(_monthly_cost(assumed, high)),
        low_use_rate=low,
        high_use_rate=high,
        break_even_lift=lift,
        break_even_average_minor=(
            NEVER if isinstance(lift, Never) else nearest(assumed.average_order_minor * (1 + lift))
        ),
        needed_member_average_minor=_needed_member_average(assumed),
        orders_to_reward=_orders_to_reward(assumed),
        monthly_use_rate=monthly_use_rate(assumed),
        owed=list_owed(assumed),
        owed_level=find_level(assumed),
        step=None if assumed.step is None else _step_effect(assumed, assumed.step),
        limit=_giving_limit(assumed),
    )


def compare_earn_rates(assumed: Assumptions, rates: Iterable[Fraction]) -> tuple[Comparison, ...]:
    """Give discount and cost for other earn rates, in the order in which they are asked for.

    Raises: ForecastError for a rate that promises more than was paid.
    """
    others = [replace(assumed, points_per_unit=rate) for rate in rates]
    return tuple(
        Comparison(
            points_per_unit=Fraction(other.points_per_unit),
            likely_rate=_likely_rate(other),
            monthly_cost_minor=nearest(_monthly_cost(other, other.use_rate)),
        )
        for other in others
    )


def _likely_rate(assumed: Assumptions) -> Fraction:
    return assumed.promised_rate * assumed.use_rate


def _monthly_cost(assumed: Assumptions, use_rate: Fraction) -> Fraction:
    return assumed.average_order_minor * assumed.member_orders * assumed.promised_rate * use_rate


def _break_even_lift(assumed: Assumptions) -> Fraction | Never:
    """Say how much more members must spend, in as many orders and at the same margin, to make up for it."""
    likely_rate = _likely_rate(assumed)
    left = assumed.margin_rate - likely_rate
    if likely_rate and left <= 0:
        return NEVER
    return likely_rate / left if likely_rate else Fraction(0)


def _needed_member_average(assumed: Assumptions) -> int | Never | None:
    """Say what members must spend so that the average over all orders, theirs and others', is the target."""
    if assumed.target_average_minor is None:
        return None
    if not assumed.member_rate:
        return NEVER
    others = (1 - Fraction(assumed.member_rate)) * assumed.average_order_minor
    return nearest((assumed.target_average_minor - others) / assumed.member_rate)


def _orders_to_reward(assumed: Assumptions) -> int | Never | None:
    if assumed.reward_points is None:
        return None
    if not assumed.order_points:
        return NEVER
    return ceil(assumed.reward_points / assumed.order_points)


def _bonus_minor(assumed: Assumptions, step: Step) -> Fraction:
    """What one bonus is worth, were it used."""
    return Fraction(step.bonus_points) * assumed.point_worth_minor


def _step_effect(assumed: Assumptions, step: Step) -> StepEffect:
    """Compare the bonus of orders that grow past the step with that of those which were there already."""
    bonus = _bonus_minor(assumed, step) * assumed.use_rate
    over_already = assumed.member_orders * step.over_already_rate
    below = assumed.member_orders - over_already
    lift = step.threshold_minor - assumed.average_order_minor
    windfall, gain = over_already * bonus, lift * (assumed.margin_rate - _likely_rate(assumed)) - bonus
    paying = _paying_orders(windfall, gain, below)
    return StepEffect(
        lift_minor=lift,
        windfall_minor=nearest(windfall),
        gain_minor=nearest(gain),
        paying_orders=paying,
        paying_rate=NEVER if isinstance(paying, Never) else Fraction(paying) / (below or 1),
    )


def _paying_orders(windfall: Fraction, gain: Fraction, below: Fraction) -> int | Never:
    """Say how many lifted orders pay for the windfall, of those `below` the step that can be lifted."""
    if gain <= 0:
        return NEVER
    paying = ceil(windfall / gain)
    return paying if paying <= below else NEVER


def _giving_limit(assumed: Assumptions) -> GivingLimit | None:
    """Give the limit where both figures are known; either of them alone limits nothing."""
    value, cost = assumed.lifetime_value_minor, assumed.acquisition_cost_minor
    if value is None or cost is None:
        return None
    limit = max(Fraction(0), value * Fraction(assumed.margin_rate) - cost)
    promised_rate = assumed.promised_rate
    if assumed.step is not None:
        bonus = _bonus_minor(assumed, assumed.step) * assumed.step.over_already_rate
        promised_rate += bonus / assumed.average_order_minor
    promised = value * promised_rate
    likely = promised * assumed.use_rate
    return GivingLimit(
        rate=limit / value,
        limit_minor=nearest(limit),
        likely_minor=nearest(likely),
        promised_minor=nearest(promised),
        likely_exceeds=likely > limit,
        promise_exceeds=promised > limit,
    )
