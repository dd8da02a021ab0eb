"""Every row lock of the app, in the global order: tries → gift cards.

Each kind is locked in one statement by ascending id, and nothing earlier in the order is locked afterwards. A
gift card's row is the lock of its reservations and movements. `no_key=True`, because a plain FOR UPDATE would
block the key check of every insert that points at the row. On SQLite, where a transaction that writes is
alone (IMMEDIATE), these are plain reads.
"""

from collections.abc import Collection
from uuid import UUID

from backstage.transactions import require_read_committed, require_transaction
from coupons.models import CodeTries, GiftCard


def lock_tries(*, source_hash: str) -> CodeTries:
    """Lock what one source has tried; the row must be there. Queries: 1."""
    require_transaction()
    return CodeTries.objects.select_for_update(no_key=True).get(source_hash=source_hash)


def lock_gift_cards(*, card_ids: Collection[int] = (), handles: Collection[UUID] = ()) -> list[GiftCard]:
    """Lock these gift cards, by ascending id. Nothing is locked after them. Queries: 1."""
    require_transaction()
    require_read_committed()
    chosen = {"handle__in": list(handles)} if handles else {"id__in": sorted(card_ids)}
    return list(GiftCard.objects.filter(**chosen).order_by("id").select_for_update(no_key=True))
