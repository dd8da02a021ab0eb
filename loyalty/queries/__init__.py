"""Questions about loyalty, each answered with plain values in a constant number of queries."""

from loyalty.queries.balance import Balance, Expiring, Upcoming, get_balance

__all__ = ["Balance", "Expiring", "Upcoming", "get_balance"]
