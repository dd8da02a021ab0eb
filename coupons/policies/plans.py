"""Which coupons count together: the combination that takes most off.

Of each lane one coupon counts at most, lanes add up, and an exclusive coupon counts alone. The search is
exact: a combination is left out only where what its coupons take off alone, added up, cannot reach the best
one found. So a further code never makes anybody pay more. Decision: ADR 23.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from commerce.policies.basket import BasketLine
from coupons.policies.discounts import ByLine, take_off
from coupons.policies.kinds import CouponKind
from coupons.policies.terms import Terms

# From here on the best combination found so far stands, so that no basket takes seconds.
MOST_COMBINATIONS = 1_000
STAGES = {kind: number for number, kind in enumerate(CouponKind)}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A coupon that a basket meets the conditions of, the lines it speaks of, and what it would take off
    alone.
    """

    coupon_id: int
    terms: Terms
    lines: Sequence[BasketLine]
    alone: ByLine = field(default_factory=dict)

    @property
    def alone_minor(self) -> int:
        """What it takes off alone, and at most together with others."""
        return sum(self.alone.values())


@dataclass(frozen=True, slots=True)
class Plan:
    """Coupons that count together, and what each takes off, by coupon id."""

    off: Mapping[int, ByLine] = field(default_factory=dict)

    @property
    def total_minor(self) -> int:
        """What all of them take off."""
        return sum(sum(by_line.values()) for by_line in self.off.values())

    @property
    def rank(self) -> tuple[int, int, list[int]]:
        """What the better plan is smaller by: most off, then fewest uses spent, then the oldest coupons."""
        return (-self.total_minor, len(self.off), sorted(self.off))


def apply_in_stages(candidates: Iterable[Candidate], left: Mapping[str, int]) -> Plan:
    """Take these coupons off one after another, each of what the ones before have left.

    Pieces first, then shares, then amounts, then postage; of one kind the older first. The order in which
    somebody typed the codes is nowhere in it.
    """
    remaining, off = dict(left), {}
    for candidate in sorted(candidates, key=lambda one: (STAGES[one.terms.kind], one.coupon_id)):
        by_line = take_off(candidate.terms, candidate.lines, remaining)
        for key, amount in by_line.items():
            remaining[key] -= amount
        off[candidate.coupon_id] = by_line
    return Plan(off)


def best_plan(
    candidates: Sequence[Candidate],
    left: Mapping[str, int],
    keep: Callable[[Plan], Plan] = lambda plan: plan,
) -> Plan:
    """Find the combination that takes most off; among equals the one with the fewest uses and oldest coupons.

    A coupon that would take nothing off is never in it: it would spend a use for nothing. `keep` cuts a
    combination down to what is allowed, before it is compared; the candidates are cut down alone already.
    """
    useful = [one for one in candidates if one.alone]
    first = min(useful, key=lambda one: (-one.alone_minor, one.coupon_id), default=None)
    best = Plan() if first is None else Plan({first.coupon_id: first.alone})
    lanes: dict[str, list[Candidate]] = defaultdict(list)
    for one in useful:
        if not one.terms.is_exclusive:
            lanes[one.terms.lane].append(one)
    if len(lanes) < 2:
        return best
    return _Search(lanes, left, best, keep).run()


class _Search:
    """Walk through one choice for each lane, the most promising first."""

    def __init__(
        self,
        lanes: Mapping[str, Sequence[Candidate]],
        left: Mapping[str, int],
        best: Plan,
        keep: Callable[[Plan], Plan],
    ) -> None:
        by_worth = [
            sorted(lane, key=lambda one: (-one.alone_minor, one.coupon_id)) for lane in lanes.values()
        ]
        self.lanes = sorted(by_worth, key=lambda lane: (-lane[0].alone_minor, lane[0].coupon_id))
        self.left, self.best, self.keep, self.tried = left, best, keep, 0
        # The most that the lanes from here on can still bring.
        self.still = [0]
        for lane in reversed(self.lanes):
            self.still.insert(0, self.still[0] + lane[0].alone_minor)

    def run(self) -> Plan:
        self._choose(0, [], 0)
        return self.best

    def _choose(self, depth: int, chosen: list[Candidate], bound: int) -> None:
        if self.tried >= MOST_COMBINATIONS or bound + self.still[depth] < self.best.total_minor:
            return
        if depth == len(self.lanes):
            self._try(chosen)
            return
        for one in self.lanes[depth]:
            if bound + one.alone_minor + self.still[depth + 1] < self.best.total_minor:
                break  # those after it are worth less
            self._choose(depth + 1, [*chosen, one], bound + one.alone_minor)
        self._choose(depth + 1, chosen, bound)

    def _try(self, chosen: Sequence[Candidate]) -> None:
        self.tried += 1
        plan = self.keep(apply_in_stages(chosen, self.left))
        if len(plan.off) == len(chosen) and all(plan.off.values()):
            self.best = min(self.best, plan, key=attrgetter("rank"))
