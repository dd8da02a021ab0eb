"""Questions about coupons."""

from coupons.queries.evaluation import evaluate, evaluate_asks, read_asks

__all__ = ["evaluate", "evaluate_asks", "read_asks"]
