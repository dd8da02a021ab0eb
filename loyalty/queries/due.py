"""Purchases whose award is behind."""

from collections.abc import Sequence

from backstage.plain_sql import Columns, among, listed
from commerce.models import Channel, Purchase
from loyalty.models import Award
from loyalty.queries.programmes import fed_by, list_programme_rules

_PURCHASE = Columns(Purchase, "id", "channel_id", "revision")
_FEED = Columns(Channel, "id", "programmes")
_APPLIED = Columns(Award, "purchase_id", "applied_revision")


def list_purchases_to_settle(purchase_ids: Sequence[int]) -> list[int]:
    """Give those of these purchases that some programme they feed has not caught up with, ascending.

    Purchases and awards are read by their ids and compared here. For the same question as one join,
    PostgreSQL would walk through all awards up to the last of these. Queries: 3, and 1 for each programme.
    """
    purchases = _PURCHASE.read(f"WHERE {among('id')}", [listed(purchase_ids)])
    every_programme = list_programme_rules()
    feeds: dict[int, list[str]] = dict(_FEED.read(""))
    behind: set[int] = set()
    for rules in every_programme:
        applied: dict[int, int] = dict(
            _APPLIED.read(
                f"WHERE programme_id = %s AND {among('purchase_id')}", [rules.id, listed(purchase_ids)]
            )
        )
        fed = {channel_id for channel_id, keys in feeds.items() if rules in fed_by(every_programme, keys)}
        behind |= {
            purchase_id
            for purchase_id, channel_id, revision in purchases
            if channel_id in fed and applied.get(purchase_id, 0) < revision
        }
    return sorted(behind)
