"""What an announcement can be about, and which fields make up one sentence of it."""

from collections.abc import Collection
from enum import StrEnum


class Subject(StrEnum):
    """The part of a programme that changes; each can have one change that is announced and not yet holds."""

    RULE = "rule"
    TERMS = "terms"
    SETTINGS = "settings"
    TEXT = "text"
    CLOSING = "closing"
    LEVELS = "levels"
    PLAN = "plan"


# "10 points for every 1.00" needs both of its numbers, also where only one of them changes.
TOGETHER = (
    ("points", "per_minor"),
    ("window_days", "clock"),
    ("expiry_kind", "expiry_months", "expiry_at_month_end", "expiry_month", "expiry_day"),
    ("worth_points", "worth_minor"),
    # "from 1,000.00 in the last 12 months on" needs what counts and over which time.
    ("levels", "metric", "window"),
    # A plan is said in one line: what it costs, and what it brings.
    ("plan_price_minor", "plan_months", "plan_percent", "plan_perks", "plan_level"),
)


def with_companions(names: Collection[str]) -> list[str]:
    """Give these fields and those that are said in one sentence with them, in the order given."""
    companions = [name for group in TOGETHER if set(group) & set(names) for name in group]
    return list(dict.fromkeys([*companions, *names]))
