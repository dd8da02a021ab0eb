"""Taking back what was just done with a coupon."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from backstage import clock
from backstage.policies import SHOP, By
from backstage.policies.undo import UNDO_TIME
from coupons.models import Coupon
from coupons.operations.coupon_steps import CouponStepRefused, lock_to_change, record_deed, require_state
from coupons.operations.coupon_versions import copy_version, end_running, find_newest, save_version
from coupons.operations.coupons import switch_on_locked
from coupons.policies.states import CouponState


def undo_switching_on(*, coupon_id: int, at: datetime | None = None, by: By = SHOP) -> Coupon:
    """Take back that a coupon was just switched on: to a draft if it has yet to begin, else to a pause.

    What an order of the moments between has reserved stays reserved. Raises: CouponStepRefused.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        coupon = lock_to_change(coupon_id)
        require_state(coupon, CouponState.ON, deed="taken back")
        newest = find_newest(coupon)
        end_running(coupon, at=at)
        if _has_begun(coupon, at):
            coupon.state, coupon.paused_at = CouponState.PAUSED.value, at
        else:
            coupon.state = CouponState.DRAFT.value
            save_version(copy_version(newest), terms={})
        coupon.save(update_fields=["state", "paused_at"])
        record_deed(coupon, kind="coupon_taken_back", by=by, at=at, after={"state": coupon.state})
    return coupon


def _has_begun(coupon: Coupon, at: datetime) -> bool:
    """Tell whether any version has run, or any order has had it: the coupon is a draft no more.

    Asking for orders as well is for one that was placed in the very moment of the start.
    """
    has_run = coupon.versions.filter(starts_at__lt=F("ends_at"), starts_at__lte=at).exists()
    return has_run or coupon.redemptions.exists()


def undo_ending(*, coupon_id: int, at: datetime | None = None, by: By = SHOP) -> Coupon:
    """Take back that a coupon was just ended: it is paused, as it was, or goes on from now.

    For a minute; what has ended stays ended then, because its end was told. Raises: CouponStepRefused,
    ValidationError where its own end has come meanwhile.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        coupon = lock_to_change(coupon_id)
        require_state(coupon, CouponState.ENDED, deed="taken back")
        if coupon.ended_at is None or at - coupon.ended_at > UNDO_TIME:
            raise CouponStepRefused(state="ended for more than a minute", deed="taken back")
        was_paused, ended_at = coupon.paused_at is not None, coupon.ended_at
        coupon.state, coupon.ended_at = CouponState.PAUSED.value, None
        coupon.paused_at = coupon.paused_at or ended_at
        coupon.save(update_fields=["state", "paused_at", "ended_at"])
        record_deed(coupon, kind="coupon_taken_back", by=by, at=at, after={"state": coupon.state})
        if not was_paused:
            switch_on_locked(coupon=coupon, at=at, by=by)
    return coupon
