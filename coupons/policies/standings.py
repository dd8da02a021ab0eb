"""What a coupon is at a moment: its state and the clock in one word."""

from datetime import datetime

from coupons.policies.states import CouponState, Standing


def standing_of(
    state: CouponState, *, starts_at: datetime, ends_at: datetime | None, at: datetime
) -> Standing:
    """Say where a coupon stands: one that is switched on is scheduled, running or over by the clock."""
    if state is CouponState.DRAFT:
        return Standing.DRAFT
    if state is CouponState.ENDED or (ends_at is not None and ends_at <= at):
        return Standing.ENDED
    if state is CouponState.PAUSED:
        return Standing.PAUSED
    return Standing.SCHEDULED if at < starts_at else Standing.RUNNING
