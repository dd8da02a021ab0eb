"""Customers who come with a login before the shop has sold them anything."""

from datetime import datetime

from django.db import transaction

from backstage import clock
from commerce.models import Customer
from commerce.queries.customers import resolve_customer


def open_customer(*, user_id: int, at: datetime | None = None) -> int:
    """Return the customer whom a login stands for, with merges resolved; create one where there is none.

    Replay: two requests at once end with one customer, because a login belongs to one only. Queries: 2, or 3
    for a new one.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        customer, is_new = Customer.objects.get_or_create(user_id=user_id, defaults={"created_at": at})
    return customer.id if is_new else resolve_customer(customer.id)
