"""Who bought what, and who is in a segment, in as few words as a test needs."""

from datetime import UTC, datetime, timedelta
from typing import Any

from commerce.operations import sync_purchases
from commerce.policies.segments import Definition
from commerce.policies.snapshot import Who
from commerce.queries.segments import count_segment, list_segment, read_segment, why_not
from tests.factories.commerce import line, snapshot

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
YEAR = {"last": 12, "unit": "months"}


def days_ago(count: float) -> datetime:
    return AT - timedelta(days=count)


def bought(name: str, minor: int = 1000, *, on: datetime = AT - timedelta(days=1), **told: Any) -> None:
    """Tell of one order by the customer of that name: one line for `minor`, unless `told` otherwise."""
    bought.orders += 1
    usual = {"lines": (line(sold_minor=minor),), "placed_at": on}
    who = Who(external_id=name, name=name)
    (result,) = sync_purchases([snapshot(f"order-{bought.orders}", who=who, **usual | told)], at=AT)
    assert result.outcome == "created"


bought.orders = 0


def where(condition: str, **values: Any) -> dict[str, Any]:
    return {"condition": condition, "with": values}


def segment(*conditions: dict[str, Any], **more: Any) -> Definition:
    return read_segment(conditions={"conditions": list(conditions)} | more)


def names_in(*conditions: dict[str, Any], at: datetime = AT, **more: Any) -> list[str]:
    """Return the sorted names of who is in the segment, having asked in two ways."""
    definition = segment(*conditions, **more)
    customers = list_segment(definition=definition, at=at, limit=1000)
    assert count_segment(definition=definition, at=at) == len(customers)
    return sorted(customer.name for customer in customers)


def told_of(customer: Any, condition: dict[str, Any], *, at: datetime = AT) -> tuple[bool, str]:
    """Return whether the condition holds for the customer, and what is said about it."""
    (answer,) = why_not(definition=segment(condition), customer_id=customer.pk, at=at).answers
    assert answer.passes is not None
    return answer.passes, answer.told
