"""The largest budget with which somebody switches a campaign on without a second look, as a plain value."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BudgetLimit:
    """So many points at most; None is any budget, and also none at all."""

    points: int | None = None

    def allows(self, budget_points: int | None) -> bool:
        """Tell whether a campaign with this budget needs no second look; one without a budget has no end."""
        return self.points is None or (budget_points is not None and budget_points <= self.points)


ANY_BUDGET = BudgetLimit()


def most_generous_budget(limits: Sequence[BudgetLimit]) -> BudgetLimit:
    """Combine the limits of somebody with several roles: what one of them allows is allowed."""
    bounds = [limit.points for limit in limits if limit.points is not None]
    return BudgetLimit(max(bounds)) if len(bounds) == len(limits) and bounds else ANY_BUDGET
