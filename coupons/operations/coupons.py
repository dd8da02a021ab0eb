"""Coupons: drafted, switched on, changed by a new version, paused, ended. Nothing begun is ever edited."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from backstage import clock
from backstage.policies import SHOP, By
from coupons.locks import lock_batches_of
from coupons.models import Coupon, CouponVersion
from coupons.operations.coupon_steps import (
    CouponStepRefused,
    lock_to_change,
    record_deed,
    renew_stamp,
    require_state,
)
from coupons.operations.coupon_versions import (
    TERMS_FIELDS,
    copy_version,
    end_running,
    find_newest,
    open_version,
    save_version,
)
from coupons.operations.shared_codes import set_code
from coupons.policies.coupon_terms import Plan, Problem, Problems, problems_of_plan
from coupons.policies.states import CouponState
from coupons.queries.coupon_words import say_problems
from coupons.queries.second_look import get_alone_share, say_over, share_of

__all__ = [
    "OWN_FIELDS",
    "TERMS_FIELDS",
    "CouponStepRefused",
    "OverCouponLimit",
    "change_coupon",
    "create_coupon",
    "discard_coupon",
    "end_coupon",
    "pause_coupon",
    "set_code",
    "switch_on_coupon",
    "switch_on_locked",
]
OWN_FIELDS = (
    "name",
    "public_text",
    "currency",
    "time_zone",
    "starts_at",
    "ends_at",
    "is_endless",
    "is_automatic",
    "is_public",
    "limit_total",
    "limit_per_customer",
    "budget_minor",
)
BEGUN = (CouponState.ON, CouponState.PAUSED)


class OverCouponLimit(ValueError):
    """This person may not let a coupon begin that may take off such a share of its goods.

    Units: hundredths of a percent.
    """

    def __init__(self, *, share: int, by: By) -> None:
        self.share, self.limit_share = share, get_alone_share(by=by)
        super().__init__(say_over(share, by=by))


def create_coupon(
    *,
    own: Mapping[str, Any],
    terms: Mapping[str, Any],
    at: datetime | None = None,
    by: By = SHOP,
) -> Coupon:
    """Draft a coupon; nobody gets it until it is switched on.

    `own` are fields of `Coupon`: at least name, time zone, start, and an end or `is_endless`; `terms` fields
    of `CouponVersion`, at least its kind. Raises: ValidationError naming the fields.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        renew_stamp()
        coupon = Coupon(created_at=at, **own)
        _check(coupon, at=at)
        coupon.full_clean()
        coupon.save(force_insert=True)
        save_version(CouponVersion(coupon=coupon, number=1), terms=terms)
        record_deed(coupon, kind="coupon_drafted", by=by, at=at, after={"name": coupon.name})
    return coupon


def change_coupon(
    *,
    coupon_id: int,
    own: Mapping[str, Any] | None = None,
    terms: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    by: By = SHOP,
) -> Coupon:
    """Change a coupon: a draft in place, one that is switched on by a new version from now on.

    What was redeemed keeps its version; what has begun keeps its start and currency. Limits may rise and
    fall, but not below what is used. Raises: ValidationError naming the fields, CouponStepRefused;
    OverCouponLimit where staff gives what is switched on other terms that need a second person.
    """
    at = clock.now() if at is None else at
    own, terms = own or {}, terms or {}
    with transaction.atomic():
        coupon = lock_to_change(coupon_id)
        require_state(coupon, CouponState.DRAFT, *BEGUN, deed="changed")
        before = {field: getattr(coupon, field) for field in own}
        for field, value in own.items():
            setattr(coupon, field, value)
        _check(coupon, at=at, before=before)
        coupon.full_clean()
        coupon.save(update_fields=OWN_FIELDS)
        newest = find_newest(coupon)
        if coupon.state == CouponState.ON:
            end_running(coupon, at=at)
            opened = open_version(coupon, newest=newest, terms=terms, at=at)
            if any(getattr(newest, field) != getattr(opened, field) for field in TERMS_FIELDS):
                _check_alone(opened, by=by)
        else:  # what is paused keeps its changes as a draft until it goes on
            save_version(newest if newest.starts_at is None else copy_version(newest), terms=terms)
        record_deed(coupon, kind="coupon_changed", by=by, at=at, before=before, after={**own, **terms})
    return coupon


def switch_on_coupon(*, coupon_id: int, at: datetime | None = None, by: By = SHOP) -> Coupon:
    """Let a draft run from its start on, or a paused coupon go on from now; its promise is then fixed.

    Raises: ValidationError where its end has passed, CouponStepRefused; OverCouponLimit where it was not
    switched on before, and staff needs a second person for what it takes off.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        coupon = lock_to_change(coupon_id)
        newest = find_newest(coupon)
        if newest.starts_at is None:
            _check_alone(newest, by=by)
        switch_on_locked(coupon=coupon, at=at, by=by)
    return coupon


def switch_on_locked(*, coupon: Coupon, at: datetime, by: By) -> None:
    """Switch on a coupon that is locked with the stamp of coupons, whatever it takes off.

    Raises: ValidationError where its end has passed, CouponStepRefused.
    """
    require_state(coupon, CouponState.DRAFT, CouponState.PAUSED, deed="switched on")
    was = coupon.state
    _check(coupon, at=at)
    end_running(coupon, at=coupon.paused_at or at)
    open_version(coupon, newest=find_newest(coupon), terms={}, at=at)
    coupon.state, coupon.paused_at = CouponState.ON.value, None
    coupon.save(update_fields=["state", "paused_at"])
    record_deed(coupon, kind="coupon_switched_on", by=by, at=at, before={"state": was})


def pause_coupon(*, coupon_id: int, at: datetime | None = None, by: By = SHOP) -> Coupon:
    """Give it to nobody from now on until it is switched on again; what is reserved may still be captured.

    Raises: CouponStepRefused.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        coupon = lock_to_change(coupon_id)
        require_state(coupon, CouponState.ON, deed="paused")
        end_running(coupon, at=at)
        coupon.state, coupon.paused_at = CouponState.PAUSED.value, at
        coupon.save(update_fields=["state", "paused_at"])
        record_deed(coupon, kind="coupon_paused", by=by, at=at)
    return coupon


def end_coupon(*, coupon_id: int, at: datetime | None = None, by: By = SHOP) -> Coupon:
    """End a coupon for good; what is reserved may still be captured. Raises: CouponStepRefused."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        coupon = lock_to_change(coupon_id)
        require_state(coupon, *BEGUN, deed="ended")
        end_running(coupon, at=coupon.paused_at or at)
        coupon.state, coupon.ended_at = CouponState.ENDED.value, at
        coupon.save(update_fields=["state", "ended_at"])
        record_deed(coupon, kind="coupon_ended", by=by, at=at)
    return coupon


def discard_coupon(*, coupon_id: int, at: datetime | None = None, by: By = SHOP) -> None:
    """Throw a draft away, with its codes. Raises: CouponStepRefused for what has been switched on."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        coupon = lock_to_change(coupon_id)
        require_state(coupon, CouponState.DRAFT, deed="thrown away")
        record_deed(coupon, kind="coupon_discarded", by=by, at=at, before={"name": coupon.name})
        lock_batches_of(coupon.pk)
        coupon.versions.all().delete()
        coupon.codes.all().delete()
        coupon.batches.all().delete()
        coupon.delete()


def _check_alone(version: CouponVersion, *, by: By) -> None:
    share = share_of(version)
    if share > get_alone_share(by=by):
        raise OverCouponLimit(share=share, by=by)


def _check(coupon: Coupon, *, at: datetime, before: Mapping[str, Any] | None = None) -> None:
    plan = Plan(starts_at=coupon.starts_at, ends_at=coupon.ends_at, is_endless=coupon.is_endless)
    problems: Problems = problems_of_plan(plan, at=at)
    if coupon.limit_total is not None and coupon.used_count > coupon.limit_total:
        problems["limit_total"] = Problem.LIMIT_USED
    if coupon.budget_minor is not None and coupon.spent_minor > coupon.budget_minor:
        problems["budget_minor"] = Problem.BUDGET_SPENT
    if coupon.budget_minor is not None and not coupon.currency:
        problems["currency"] = Problem.CURRENCY_MISSING
    if before and coupon.state != CouponState.DRAFT:
        was = before.get("starts_at", coupon.starts_at)
        if was <= at and coupon.starts_at != was:
            problems["starts_at"] = Problem.START_STAYS
        if before.get("currency", coupon.currency) != coupon.currency:
            problems["currency"] = Problem.CURRENCY_STAYS
    if problems:
        raise ValidationError(say_problems(problems))
