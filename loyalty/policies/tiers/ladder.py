"""Everybody's way up and down the levels in a trial: by the rules that hold, with sums instead of tables."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from loyalty.policies.earning import Level
from loyalty.policies.tiers.counting import Bought
from loyalty.policies.tiers.periods import Span, span_at, span_of_test
from loyalty.policies.tiers.scheme import Metric, Scheme
from loyalty.policies.tiers.standing import Held, is_due, rise, take_test


@dataclass(slots=True)
class Ladder:
    """The levels of customers, brought up to date whenever one is asked about or buys.

    Purchases are told in the order in which they were placed.
    """

    scheme: Scheme
    zone: ZoneInfo
    counted: dict[int, list[tuple[datetime, int]]] = field(default_factory=lambda: defaultdict(list))
    held: dict[int, Held] = field(default_factory=dict)

    def level_at(self, customer_id: int, at: datetime) -> Level | None:
        """Give the level that a customer has at a moment, tests of before included."""
        while (held := self.held.get(customer_id)) is not None and is_due(held, at, self.zone):
            assert held.tests_on is not None  # noqa: S101 (what is never tested is not due)
            total = self._total(customer_id, span_of_test(self.scheme, held.tests_on, self.zone))
            step = take_test(self.scheme, held, total, at, self.zone)
            if step is None:
                break
            if step.begun is None:
                del self.held[customer_id]
            else:
                self.held[customer_id] = step.begun
        held = self.held.get(customer_id)
        tier = self.scheme.find(held.level_id) if held else None
        return tier.level if tier else None

    def count(self, customer_id: int, bought: Bought, standing_points: int) -> None:
        """Count a purchase, and let the customer's level rise where it is enough."""
        amount = {
            Metric.SPEND: bought.money_minor,
            Metric.ORDERS: int(bought.kept_minor > 0),
            Metric.POINTS: standing_points,
        }[self.scheme.metric]
        self.counted[customer_id].append((bought.placed_at, amount))
        total = self._total(customer_id, span_at(self.scheme, bought.placed_at, self.zone))
        step = rise(self.scheme, self.held.get(customer_id), total, bought.placed_at, self.zone)
        if step is not None and step.begun is not None:
            self.held[customer_id] = step.begun

    def headcount(self, at: datetime) -> list[tuple[str, int]]:
        """Count the customers who have each level at a moment, from the lowest up."""
        levels = [self.level_at(customer_id, at) for customer_id in list(self.held)]
        return [
            (tier.name, sum(1 for level in levels if level and level.id == tier.level_id))
            for tier in self.scheme.tiers
        ]

    def _total(self, customer_id: int, span: Span) -> int:
        return sum(amount for at, amount in self.counted[customer_id] if span.starts_at <= at < span.ends_at)
