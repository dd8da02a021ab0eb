"""Where coupons, codes and redemptions stand."""

from enum import StrEnum


class CouponState(StrEnum):
    """Where a coupon stands; whether one that is ON is scheduled, running or over, the clock decides."""

    DRAFT = "draft"
    ON = "on"
    PAUSED = "paused"
    ENDED = "ended"


class Standing(StrEnum):
    """What a coupon is at a moment: its state and the clock in one word."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"


class CodeKind(StrEnum):
    """Who a code was made for."""

    SHARED = "shared"
    SITE = "site"
    UNIQUE = "unique"


class CodeState(StrEnum):
    """Whether a code, or a batch of them, may be used."""

    READY = "ready"
    PAUSED = "paused"
    VOID = "void"


class UseState(StrEnum):
    """Where a redemption stands; what is void counts no more."""

    RESERVED = "reserved"
    CAPTURED = "captured"
    VOIDED = "voided"


# What takes a place within the limits of a coupon.
STANDING_USES = (UseState.RESERVED, UseState.CAPTURED)
