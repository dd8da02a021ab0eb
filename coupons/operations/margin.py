"""Floors of the margin: set, changed by a new row from now on, taken away. What was set is never edited."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from coupons.models import MarginFloor
from coupons.operations.coupon_steps import renew_stamp
from coupons.policies.margin import FloorScope, Remedy


@dataclass(frozen=True, slots=True)
class FloorOf:
    """What a floor is for: a brand, a coupon, or the orders of a channel (without one: of every channel)."""

    scope: FloorScope
    brand: str = ""
    channel: str = ""
    coupon_id: int | None = None


def set_floor(
    *,
    of: FloorOf,
    percent: Decimal,
    remedy: Remedy = Remedy.TRIM,
    at: datetime | None = None,
    by: By = SHOP,
) -> MarginFloor:
    """Keep at least so much of what is paid, from now on; the floor that stood for the same ends.

    Asked for what stands already, it changes nothing. Locks: the stamp of coupons. Raises: ValidationError.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        renew_stamp()
        before = _find_open(of)
        if before is not None and (before.percent, before.remedy) == (percent, remedy):
            return before
        if before is not None:
            _end(before, at)
        floor = MarginFloor(
            scope=of.scope,
            brand=of.brand,
            channel=of.channel,
            coupon_id=of.coupon_id,
            percent=percent,
            remedy=remedy,
            starts_at=at,
        )
        floor.full_clean()
        floor.save(force_insert=True)
        was = {"percent": str(before.percent), "remedy": before.remedy} if before else None
        told = {"percent": str(percent), "remedy": remedy.value}
        _record("margin_floor_set", floor, at=at, by=by, before=was, after=told)
    return floor


def end_floor(*, floor_id: int, at: datetime | None = None, by: By = SHOP) -> MarginFloor:
    """Take a floor away from now on; taken away already, it stays as it is. Locks: the stamp of coupons.

    Raises: MarginFloor.DoesNotExist.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        renew_stamp()
        floor = MarginFloor.objects.get(id=floor_id)
        if floor.ends_at is None:
            _end(floor, at)
            _record("margin_floor_ended", floor, at=at, by=by)
    return floor


def _find_open(of: FloorOf) -> MarginFloor | None:
    rows = MarginFloor.objects.filter(scope=of.scope, brand=of.brand, channel=of.channel, ends_at=None)
    one = rows.filter(coupon=None) if of.coupon_id is None else rows.filter(coupon_id=of.coupon_id)
    return one.first()


def _end(floor: MarginFloor, at: datetime) -> None:
    floor.ends_at = at
    floor.save(update_fields=["ends_at"])


def _record(kind: str, floor: MarginFloor, **told: Any) -> None:
    audit.record(kind=kind, object_kind="margin_floor", object_id=floor.pk, **told)
