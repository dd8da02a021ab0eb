"""What every step of a coupon does: lock it, look where it stands, write it down."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from backstage.operations import audit
from backstage.policies import By
from coupons.locks import lock_coupon, lock_stamp
from coupons.models import Coupon, CouponStamp
from coupons.policies.states import CouponState


class CouponStepRefused(ValueError):
    """A coupon cannot do this from where it stands."""

    def __init__(self, *, state: str, deed: str) -> None:
        self.state, self.deed = state, deed
        super().__init__(f"A coupon that is {state} can't be {deed}.")


def renew_stamp() -> None:
    """Say that coupons have changed, to whoever keeps offers in memory. Locks: the stamp, first of all."""
    CouponStamp.objects.get_or_create(id=CouponStamp.ONLY)
    stamp = lock_stamp()
    stamp.stamp = uuid4()
    stamp.save(force_update=True)


def lock_to_change(coupon_id: int) -> Coupon:
    """Lock the stamp of coupons, which changes with this, then the coupon. Raises: Coupon.DoesNotExist."""
    renew_stamp()
    return lock_coupon(coupon_id)


def require_state(coupon: Coupon, *states: CouponState, deed: str) -> None:
    """Refuse a deed from where the coupon stands. Raises: CouponStepRefused."""
    if coupon.state not in states:
        raise CouponStepRefused(state=coupon.state, deed=deed)


def record_deed(
    coupon: Coupon,
    *,
    kind: str,
    by: By,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write a deed into the log."""
    audit.record(
        kind=kind,
        object_kind="coupon",
        object_id=str(coupon.id),
        by=by,
        at=at,
        before=before,
        after=after,
    )
