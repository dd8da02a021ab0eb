"""What a forecast stands on, with the bounds within which its sums mean something."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from math import ceil
from typing import Final, TypeGuard

MOST_MINOR: Final = 10**12
MOST_ORDERS: Final = 10**9
MOST_POINTS: Final = 10**9
MOST_MONTHS: Final = 600
MINOR_PER_UNIT: Final = (1, 10, 100, 1000, 10_000)


class Never(Enum):
    NEVER = "never"


# The answer where no number is one: points that do not end, a break-even that no sale reaches. None is kept
# for "nobody asked".
NEVER: Final = Never.NEVER


class ForecastError(ValueError):
    """An assumption lies outside what a shop can mean."""

    def __init__(self, *, what: str, value: str, fix: str) -> None:
        self.what, self.value, self.fix = what, value, fix
        super().__init__(f"The {what} is {value}. {fix}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Extra points for an order that reaches an amount.

    Units: minor units; points; `over_already_rate` is the share of members' orders that reach it without any
    bonus, 0 to 1.
    """

    threshold_minor: int
    bonus_points: int
    over_already_rate: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """A shop and the programme that it thinks of.

    Units: `_minor` in minor units, of which `minor_per_unit` make one unit of `currency`; rates are shares
    from 0 to 1. `points_per_unit` for each unit spent; `point_worth_minor` is what one point takes off;
    `use_rate` the share of points that is ever used. `margin_rate` is what is left of a sale when the goods
    are paid. `lifetime_value_minor` is what one customer spends with the shop over the years, not what is
    earned by it.
    Raises: ForecastError, for the first assumption that cannot be.
    """

    currency: str
    minor_per_unit: int
    average_order_minor: int
    monthly_orders: int
    member_rate: Fraction
    margin_rate: Fraction
    points_per_unit: Fraction
    point_worth_minor: Fraction
    use_rate: Fraction
    expiry_months: int | Never
    step: Step | None = None
    target_average_minor: int | None = None
    reward_points: int | None = None
    lifetime_value_minor: int | None = None
    acquisition_cost_minor: int | None = None

    def __post_init__(self) -> None:
        if self.minor_per_unit not in MINOR_PER_UNIT:
            _refuse("minor units of one unit", self.minor_per_unit, f"Give one of {MINOR_PER_UNIT}.")
        _check_whole("average order", self.average_order_minor, 1, MOST_MINOR)
        _check_whole("orders a month", self.monthly_orders, 0, MOST_ORDERS)
        for what, share in self._list_shares():
            _check_share(what, share)
        _check_exact("points for each unit", self.points_per_unit, MOST_POINTS)
        _check_exact("worth of a point", self.point_worth_minor, MOST_MINOR)
        if not isinstance(self.expiry_months, Never):
            _check_whole("number of months until points end", self.expiry_months, 1, MOST_MONTHS)
        self._check_promise()
        self._check_step()
        self._check_wishes()

    @property
    def promised_rate(self) -> Fraction:
        """What a customer gets back of what they spend, were every point used."""
        return Fraction(self.points_per_unit) * self.point_worth_minor / self.minor_per_unit

    @property
    def member_orders(self) -> Fraction:
        """How many orders a month are members'."""
        return self.monthly_orders * Fraction(self.member_rate)

    @property
    def order_points(self) -> Fraction:
        """What an average order earns. Not rounded: it stands for many orders."""
        return Fraction(self.average_order_minor, self.minor_per_unit) * self.points_per_unit

    def write_money(self, minor: int) -> str:
        """Write an amount for a message."""
        places = len(str(self.minor_per_unit)) - 1
        return f"{Decimal(minor).scaleb(-places)} {self.currency}"

    def _list_shares(self) -> list[tuple[str, Fraction]]:
        return [
            ("members' share of orders", self.member_rate),
            ("gross margin", self.margin_rate),
            ("share of points that is used", self.use_rate),
        ]

    def _check_promise(self) -> None:
        if self.promised_rate > 1:
            _refuse(
                "promised discount",
                f"{ceil(100 * self.promised_rate)} %",
                "Points can't be worth more than what was paid. Give fewer, or make each worth less.",
            )

    def _check_step(self) -> None:
        if self.step is None:
            return
        _check_whole("step", self.step.threshold_minor, 1, MOST_MINOR)
        _check_whole("step bonus in points", self.step.bonus_points, 0, MOST_POINTS)
        _check_share("share of orders over the step", self.step.over_already_rate)
        self._check_above("step", self.step.threshold_minor)

    def _check_wishes(self) -> None:
        for what, value, least in (
            ("target average", self.target_average_minor, 1),
            ("lifetime value of a customer", self.lifetime_value_minor, 1),
            ("acquisition cost", self.acquisition_cost_minor, 0),
        ):
            if value is not None:
                _check_whole(what, value, least, MOST_MINOR)
        if self.reward_points is not None:
            _check_whole("first reward in points", self.reward_points, 1, MOST_POINTS)
        if self.target_average_minor is not None:
            self._check_above("target average", self.target_average_minor)

    def _check_above(self, what: str, minor: int) -> None:
        if minor <= self.average_order_minor:
            average = self.write_money(self.average_order_minor)
            _refuse(what, self.write_money(minor), f"The average order is {average}. Choose more than that.")


def _refuse(what: str, value: object, fix: str) -> None:
    raise ForecastError(what=what, value=str(value), fix=fix)


def _check_whole(what: str, value: object, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        _refuse(what, repr(value), f"Give a whole number from {least:,} to {most:,}.")


def _check_share(what: str, value: object) -> None:
    # A float is refused and not converted: 0.55 as a float is a little more than 55 %.
    if not _is_exact(value) or not 0 <= value <= 1:
        _refuse(what, _shown(value), "Give an exact share from 0 to 1, that is 0 to 100 %.")


def _check_exact(what: str, value: object, most: int) -> None:
    if not _is_exact(value) or not 0 <= value <= most:
        _refuse(what, _shown(value), f"Give an exact number from 0 to {most:,}.")


def _is_exact(value: object) -> TypeGuard[int | Fraction]:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def _shown(value: object) -> str:
    return str(value) if isinstance(value, Fraction) else repr(value)
