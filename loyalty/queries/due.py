"""Purchases whose award is behind."""

from django.db.models import Exists, OuterRef

from commerce.models import Channel, Purchase
from loyalty.models import Award
from loyalty.queries.programmes import fed_by, list_programme_rules


def list_purchases_to_settle(limit: int) -> list[int]:
    """Give ids of purchases that some programme they feed has not caught up with, lowest first.

    Queries: 2, and 1 for each programme.
    """
    every_programme = list_programme_rules()
    feeds = dict(Channel.objects.values_list("id", "programmes"))
    behind: set[int] = set()
    for rules in every_programme:
        channels = [
            channel_id for channel_id, keys in feeds.items() if rules in fed_by(every_programme, keys)
        ]
        applied = Award.objects.filter(
            programme_id=rules.id, purchase_id=OuterRef("id"), applied_revision__gte=OuterRef("revision")
        )
        unsettled = Purchase.objects.filter(~Exists(applied), channel_id__in=channels).order_by("id")
        behind.update(unsettled.values_list("id", flat=True)[:limit])
    return sorted(behind)[:limit]
