"""Codes that are made one by one: what everybody shares, what one site publishes, what one customer gets."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from backstage import clock
from backstage.policies import SHOP, By
from coupons.locks import lock_codes_of, lock_coupon
from coupons.models import Code, Coupon
from coupons.operations.batch_codes import void_batch_code
from coupons.operations.coupon_steps import record_deed, renew_stamp, require_state
from coupons.policies.codes import normal_code
from coupons.policies.coupon_terms import Problem, problem_of_code
from coupons.policies.states import CodeKind, CodeState, CouponState
from coupons.queries.coupon_words import say_problem


def set_code(*, coupon_id: int, code: str, at: datetime | None = None, by: By = SHOP) -> Code:
    """Give a coupon the code that everybody shares; the one before, if there was one, is void from now on.

    A draft's code was told to nobody and goes without a trace. Replay: the same code again changes nothing.
    Raises: ValidationError for a code that cannot be or is taken, CouponStepRefused.
    """
    at = clock.now() if at is None else at
    normal = _checked(code)
    with transaction.atomic():
        coupon = _lock(coupon_id)
        standing = coupon.codes.filter(kind=CodeKind.SHARED).exclude(state=CodeState.VOID)
        before = standing.first()
        if before is not None and before.code == normal:
            standing.update(written=code.strip())
            return before
        if coupon.state == CouponState.DRAFT:
            standing.delete()
        else:
            standing.update(state=CodeState.VOID.value)
        stored = _store(coupon, normal, written=code.strip(), kind=CodeKind.SHARED, created_at=at)
        record_deed(
            coupon,
            kind="coupon_code_set",
            by=by,
            at=at,
            before={"code": before.code} if before else None,
            after={"code": normal},
        )
    return stored


def add_code(
    *,
    coupon_id: int,
    code: str,
    kind: CodeKind = CodeKind.UNIQUE,
    customer_id: int | None = None,
    limit_total: int | None = 1,
    ends_at: datetime | None = None,
    at: datetime | None = None,
    by: By = SHOP,
) -> Code:
    """Give a coupon one more code: for a customer, for a site, or good so many times.

    Raises: ValidationError for a code that cannot be or is taken, CouponStepRefused.
    """
    at = clock.now() if at is None else at
    normal = _checked(code)
    with transaction.atomic():
        coupon = _lock(coupon_id)
        stored = _store(
            coupon,
            normal,
            written=code.strip(),
            kind=kind,
            created_at=at,
            customer_id=customer_id,
            limit_total=limit_total,
            ends_at=ends_at,
        )
        record_deed(coupon, kind="coupon_code_added", by=by, at=at, after={"code": stored.id})
    return stored


def void_code(*, code_id: int, at: datetime | None = None, by: By = SHOP) -> None:
    """Let nobody use a code any more; what was reserved with it may still be captured.

    One of a batch is void as its batch counts it, and only as long as nobody has used it. Replay: a code that
    is void stays so. Raises: Code.DoesNotExist, CodeStepRefused.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        code = Code.objects.select_related("coupon").get(id=code_id)
        if code.batch_id is not None:
            void_batch_code(code_id=code_id, at=at, by=by)
            return
        if Code.objects.filter(id=code_id).exclude(state=CodeState.VOID).update(state=CodeState.VOID.value):
            record_deed(code.coupon, kind="coupon_code_voided", by=by, at=at, after={"code": code_id})


def _lock(coupon_id: int) -> Coupon:
    """Lock the codes before the coupon, as whoever redeems does; two owners wait at the stamp."""
    renew_stamp()
    lock_codes_of(coupon_id)
    coupon = lock_coupon(coupon_id)
    require_state(coupon, CouponState.DRAFT, CouponState.ON, CouponState.PAUSED, deed="given a code")
    return coupon


def _checked(code: str) -> str:
    normal = normal_code(code)
    if problem := problem_of_code(normal):
        raise ValidationError({"code": say_problem(problem)})
    return normal


def _store(coupon: Coupon, normal: str, *, kind: CodeKind, **told: object) -> Code:
    """Store a code. A void one keeps its text for ever: who typed it once must never get something else."""
    code = Code(coupon=coupon, code=normal, kind=kind.value, **told)
    try:
        with transaction.atomic():
            code.save(force_insert=True)
    except IntegrityError:
        raise ValidationError({"code": say_problem(Problem.CODE_TAKEN)}) from None
    return code
