"""Outside programmes: taken in with their rates, changed by versions, ended; never edited."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from loyalty.models import OutsideProgramme, OutsideRate
from loyalty.operations.programme import lock_for_change
from loyalty.policies.outside import Direction, is_pattern


class OutsideEnded(ValueError):
    """An outside programme that has ended takes no rate and no transfer any more."""

    def __init__(self, *, outside_id: int) -> None:
        self.outside_id = outside_id
        super().__init__(f"Outside programme {outside_id} has ended. Take it in again under another key.")


def open_outside(
    *,
    programme_id: int,
    key: str,
    name: str,
    unit: str,
    account_pattern: str,
    has_check_digit: bool = False,
    at: datetime | None = None,
    by: By = SHOP,
) -> OutsideProgramme:
    """Take in an outside programme; nothing is exchanged until it has a rate. Locks: the programme.

    Raises: ValidationError naming the fields.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme = lock_for_change(programme_id)
        outside = OutsideProgramme(
            programme=programme,
            key=key,
            name=name.strip(),
            unit=unit.strip(),
            account_pattern=account_pattern.strip(),
            has_check_digit=has_check_digit,
            created_at=at,
        )
        outside.full_clean()
        if not is_pattern(account_pattern):
            problem = _(
                "Write # for a digit and ? for a letter, such as ??#######. Divide several by commas."
            )
            raise ValidationError({"account_pattern": problem})
        outside.save(force_insert=True)
        after = {"name": outside.name, "unit": outside.unit, "account_pattern": outside.account_pattern}
        _record("outside_opened", outside, by=by, at=at, after=after)
    return outside


def set_outside_rate(
    *,
    outside_id: int,
    direction: Direction,
    points: int,
    units: int,
    at: datetime | None = None,
    by: By = SHOP,
) -> OutsideRate:
    """Exchange by so many points for so many units from now on; what was asked before keeps its rate.

    Locks: the programme. Raises: ValidationError naming the fields, OutsideEnded.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        outside = _lock(outside_id)
        _end_rate(outside, direction, at)
        rates = outside.rates.filter(direction=direction.value)
        number = (rates.aggregate(newest=Max("number"))["newest"] or 0) + 1
        rate = OutsideRate(
            outside=outside,
            direction=direction.value,
            number=number,
            points=points,
            units=units,
            starts_at=at,
        )
        rate.full_clean()
        rate.save(force_insert=True)
        after = {"direction": direction.value, "points": points, "units": units}
        _record("outside_rate_set", outside, by=by, at=at, after=after)
    return rate


def stop_outside_rate(
    *, outside_id: int, direction: Direction, at: datetime | None = None, by: By = SHOP
) -> None:
    """Exchange nothing this way from now on; what is on its way stays on it.

    Locks: the programme. Raises: OutsideEnded.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        outside = _lock(outside_id)
        if _end_rate(outside, direction, at):
            _record("outside_rate_stopped", outside, by=by, at=at, after={"direction": direction.value})


def end_outside(*, outside_id: int, at: datetime | None = None, by: By = SHOP) -> OutsideProgramme:
    """End an outside programme now. What waits still goes out, and answers are still read.

    Locks: the programme. Raises: OutsideEnded.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        outside = _lock(outside_id)
        for direction in Direction:
            _end_rate(outside, direction, at)
        outside.ended_at = max(at, outside.created_at)
        outside.save(update_fields=["ended_at"])
        _record("outside_ended", outside, by=by, at=at, after={})
    return outside


def _lock(outside_id: int) -> OutsideProgramme:
    programme_id = OutsideProgramme.objects.values_list("programme_id", flat=True).get(id=outside_id)
    lock_for_change(programme_id)
    outside = OutsideProgramme.objects.get(id=outside_id)
    if outside.ended_at is not None:
        raise OutsideEnded(outside_id=outside_id)
    return outside


def _end_rate(outside: OutsideProgramme, direction: Direction, at: datetime) -> int:
    running = outside.rates.filter(direction=direction.value, ends_at__isnull=True)
    return running.update(ends_at=at)


def _record(kind: str, outside: OutsideProgramme, *, by: By, at: datetime, after: Mapping[str, Any]) -> None:
    audit.record(kind=kind, object_kind="outsideprogramme", object_id=outside.id, by=by, at=at, after=after)
