"""What discounts may never do: take off more than a brand allows, or leave less than the shop wants to keep.

    1. Brand agreements: goods of a brand that allows no coupons are asked for by none, see `is_excluded`;
       where a highest share is agreed, all coupons together take no more off any of its lines.
    2. Floors, of a brand, of a coupon, of a channel. Of the goods that a floor speaks of, and whose cost is
       known, what is paid without tax has to leave the share that it asks for. Where it does not, the coupons
       are refused, or cut, the thinnest goods first.

Every cut only lowers discounts, and a lower discount never hurts another floor, so one pass is enough. The
more is taken off already, the less is left to take: what a coupon gets alone is the most that it gets
together with others, which the search for the best plan relies on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from commerce.policies.basket import Basket, BasketLine
from coupons.policies.plans import STAGES, Plan
from coupons.policies.terms import WHOLE


class FloorScope(StrEnum):
    """What a floor speaks of, from the narrow to the wide: they are kept in this order."""

    BRAND = "brand"
    COUPON = "coupon"
    CHANNEL = "channel"


class Remedy(StrEnum):
    """What happens at checkout where a floor would not be kept: less is taken off, or nothing."""

    TRIM = "trim"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Floor:
    """The share of what is paid that has to be left after the cost of the goods.

    `name` is a brand, a coupon's id or a channel's key, as `scope` says. Units: `share` in hundredths of a
    percent, below `WHOLE`.
    """

    id: int
    scope: FloorScope
    name: str
    share: int
    remedy: Remedy


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was agreed with whoever distributes a brand. `most_share` None is any discount.

    Units: `most_share` in hundredths of a percent of what a line costs before coupons.
    """

    id: int
    brand: str
    allows_coupons: bool
    most_share: int | None = None

    def speaks_of(self, line: BasketLine) -> bool:
        """Tell whether a line is of this brand, however it is spelled in capitals."""
        return line.brand.casefold() == self.brand.casefold()


class CutReason(StrEnum):
    """Why less is taken off than a coupon says."""

    AGREEMENT = "agreement"
    FLOOR = "floor"


@dataclass(frozen=True, slots=True)
class Cut:
    """What one coupon takes less off one line, and which agreement or floor asks for it. Minor units."""

    coupon_id: int
    key: str
    amount_minor: int
    reason: CutReason
    by_id: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A plan after the guard: what is still taken off, and what was cut."""

    plan: Plan
    cuts: tuple[Cut, ...] = ()


@dataclass(frozen=True, slots=True)
class Guard:
    """The floors and agreements of a moment, with what is needed of a basket to keep them.

    `left` is what is left to pay for each line before coupons; `stages` ranks coupons by when they are worked
    out, and the last one gives way first.
    """

    basket: Basket
    left: Mapping[str, int]
    floors: Sequence[Floor] = ()
    agreements: Sequence[Agreement] = ()
    stages: Mapping[int, int] = field(default_factory=dict)

    def keep(self, plan: Plan) -> Kept:
        """Cut a plan down to what agreements and floors allow."""
        if not (self.floors or self.agreements) or not plan.off:
            return Kept(plan)
        work = _Work(self, {coupon_id: dict(by_line) for coupon_id, by_line in plan.off.items()})
        for agreement in self.agreements:
            work.keep_agreement(agreement)
        for floor in sorted(self.floors, key=_turn):
            work.keep_floor(floor)
        return Kept(Plan({one: by_line for one, by_line in work.off.items() if by_line}), tuple(work.cuts))

    def room_minor(self, plan: Plan) -> int | None:
        """Say how much more may come off the whole basket by other means; None where no floor is set.

        Units: minor units, rounded down. Nothing is left where the floor is not kept as it is.
        """
        work = _Work(self, {coupon_id: dict(by_line) for coupon_id, by_line in plan.off.items()})
        rooms = [work.room(floor) for floor in self.floors if floor.scope is FloorScope.CHANNEL]
        return min(rooms, default=None)

    def list_unknown(self) -> list[str]:
        """Give the keys of goods whose cost nobody has told: no floor is kept for those, and that is said."""
        return [line.key for line in _goods(self.basket) if line.cost_minor is None] if self.floors else []


def is_excluded(line: BasketLine, agreements: Iterable[Agreement]) -> bool:
    """Tell whether an agreement keeps every coupon from a line."""
    return any(not one.allows_coupons and one.speaks_of(line) for one in agreements)


def _turn(floor: Floor) -> tuple[bool, int, int]:
    """Say when a floor has its turn: first those that refuse, so that no cut before them lets a coupon in
    which alone they would refuse; then from the narrow to the wide.
    """
    return (floor.remedy is Remedy.TRIM, list(FloorScope).index(floor.scope), floor.id)


def _goods(basket: Basket) -> list[BasketLine]:
    return [line for line in basket.lines if line.is_goods and line.amount_minor > 0]


class _Work:
    """A plan while it is cut; `off` holds only what is not zero."""

    def __init__(self, guard: Guard, off: dict[int, dict[str, int]]) -> None:
        self.guard, self.off = guard, off
        # What a coupon's floor speaks of stays the same when other floors take all of it away.
        self.asked = {coupon_id: frozenset(by_line) for coupon_id, by_line in off.items()}
        self.cuts: list[Cut] = []

    # -- agreements ------------------------------------------------------------------------------------------

    def keep_agreement(self, agreement: Agreement) -> None:
        for line in _goods(self.guard.basket):
            if not agreement.speaks_of(line):
                continue
            share = agreement.most_share if agreement.allows_coupons else 0
            if share is None:
                continue
            most = self.guard.left[line.key] * share // WHOLE
            self._cut(line.key, self._off_line(line.key) - most, CutReason.AGREEMENT, agreement.id)

    # -- floors ----------------------------------------------------------------------------------------------

    def keep_floor(self, floor: Floor) -> None:
        lines = self._lines_of(floor)
        if not any(self._off_line(line.key) for line in lines) or self._missing(floor, lines) <= 0:
            return
        if floor.remedy is Remedy.REFUSE:
            self._refuse(floor, lines)
            return
        for line in sorted(lines, key=self._thinness):
            missing = self._missing(floor, lines)
            if missing <= 0:
                return
            gain = self._net_share(line) * (WHOLE - floor.share) / WHOLE
            if gain > 0:
                self._cut(line.key, _up(missing / gain), CutReason.FLOOR, floor.id)

    def room(self, floor: Floor) -> int:
        lines = self._lines_of(floor)
        spare = -self._missing(floor, lines)
        gain = max((self._net_share(line) for line in lines), default=Fraction(0)) * (WHOLE - floor.share)
        paid = sum(self._paid(line) for line in lines)
        return paid if not gain else max(0, min(paid, int(spare * WHOLE / gain)))

    def _lines_of(self, floor: Floor) -> list[BasketLine]:
        lines = [line for line in _goods(self.guard.basket) if line.cost_minor is not None]
        if floor.scope is FloorScope.BRAND:
            return [line for line in lines if line.brand.casefold() == floor.name.casefold()]
        if floor.scope is FloorScope.COUPON:
            asked = self.asked.get(int(floor.name), frozenset())
            return [line for line in lines if line.key in asked]
        return lines if floor.name in ("", self.guard.basket.channel) else []

    def _missing(self, floor: Floor, lines: Sequence[BasketLine]) -> Fraction:
        """Give how much these goods bring too little, without tax; below zero is what is to spare.

        What comes off the whole basket by other means costs the channel, so its floor counts that too.
        """
        net = sum((self._paid(line) * self._net_share(line) for line in lines), Fraction(0))
        cost = sum(line.cost_minor or 0 for line in lines)
        if floor.scope is FloorScope.CHANNEL:
            cost += sum(reduction.cost_minor or 0 for reduction in self.guard.basket.reductions)
        return cost - net * (WHOLE - floor.share) / WHOLE

    def _thinness(self, line: BasketLine) -> tuple[Fraction, str]:
        """Rank a line by its margin before coupons: an order that hangs on the plan would let a coupon get a
        cent more together with others than alone.
        """
        net = self.guard.left[line.key] * self._net_share(line)
        return (((net - (line.cost_minor or 0)) / net) if net else Fraction(-1), line.key)

    def _paid(self, line: BasketLine) -> int:
        return self.guard.left[line.key] - self._off_line(line.key)

    @staticmethod
    def _net_share(line: BasketLine) -> Fraction:
        return Fraction(line.amount_minor - line.tax_minor, line.amount_minor)

    # -- cutting ---------------------------------------------------------------------------------------------

    def _off_line(self, key: str) -> int:
        return sum(by_line.get(key, 0) for by_line in self.off.values())

    def _cut(self, key: str, amount: int, reason: CutReason, by_id: int) -> None:
        """Take so much less off a line, at most all of it; the coupon that came last gives way first."""
        stages = self.guard.stages
        for coupon_id in sorted(self.off, key=lambda one: (stages.get(one, len(STAGES)), one), reverse=True):
            cut = min(amount, self.off[coupon_id].get(key, 0))
            if cut <= 0:
                continue
            amount -= cut
            self.off[coupon_id][key] -= cut
            if not self.off[coupon_id][key]:
                del self.off[coupon_id][key]
            self.cuts.append(Cut(coupon_id, key, cut, reason, by_id))

    def _refuse(self, floor: Floor, lines: Sequence[BasketLine]) -> None:
        """Let every coupon go that takes something off these goods."""
        keys = {line.key for line in lines}
        for coupon_id, by_line in self.off.items():
            if keys & by_line.keys():
                gone = [Cut(coupon_id, key, off, CutReason.FLOOR, floor.id) for key, off in by_line.items()]
                self.cuts.extend(gone)
                by_line.clear()


def _up(number: Fraction) -> int:
    return -(-number.numerator // number.denominator)
