"""What coupons are doing at a moment: their state and the clock in one word."""

from datetime import datetime

from coupons.models import Coupon
from coupons.policies.states import CouponState, Standing


def standing_of(coupon: Coupon, at: datetime) -> Standing:
    """Say what a coupon is doing at `at`. Queries: 0."""
    if coupon.state != CouponState.DRAFT and coupon.ends_at is not None and coupon.ends_at <= at:
        return Standing.ENDED
    if coupon.state != CouponState.ON:
        return Standing(coupon.state)
    return Standing.SCHEDULED if coupon.starts_at > at else Standing.RUNNING
