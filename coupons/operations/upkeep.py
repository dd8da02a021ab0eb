"""What a job writes down: reservations whose time is up. They are free before it comes by."""

from datetime import datetime

from django.db.models import QuerySet

from backstage.policies import Chunk, Progress
from coupons.locks import MOST_STALE, lock_stale_orders
from coupons.models import CouponOrder
from coupons.operations.counters import Changes, change_counters
from coupons.operations.redemption_rows import void_orders
from coupons.policies.states import UseState


def plan_voiding(at: datetime) -> list[Chunk]:
    """Find reservations whose time is up, as chunks of ranges of ids."""
    ids = list(_stale(at).order_by("id").values_list("id", flat=True))
    parts = [ids[start : start + MOST_STALE] for start in range(0, len(ids), MOST_STALE)]
    return [Chunk(part[0], part[-1], len(part)) for part in parts]


def work_voiding(chunk: Chunk, at: datetime, _chunk_id: int) -> Progress:
    """Write off the reservations of one chunk, but for those that somebody is capturing at this moment.

    Locks: orders, then codes, uses, coupons. Queries: constant, whatever the number of reservations.
    """
    changes = Changes()
    done = void_orders(lock_stale_orders(at=at, within=(chunk.lo, chunk.hi)), at=at, changes=changes)
    change_counters(changes)
    return Progress(done=done)


def _stale(at: datetime) -> QuerySet[CouponOrder]:
    return CouponOrder.objects.filter(state=UseState.RESERVED, expires_at__lte=at)
