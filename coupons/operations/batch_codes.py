"""One code of a batch: bound to a customer, given an end of its own, void. Its batch counts what is void."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from commerce.models import Customer
from coupons.locks import lock_batch_code
from coupons.models import Code, CodeBatch
from coupons.policies.states import CodeState


class CodeStepRefused(ValueError):
    """A code that was used, or is void, is not changed any more."""

    def __init__(self, *, used_count: int, state: str) -> None:
        self.used_count, self.state = used_count, state
        said = "is void" if state == CodeState.VOID else "was used"
        super().__init__(f"A code that {said} is not changed any more.")


def bind_code(*, code_id: int, customer_id: int | None, at: datetime | None = None, by: By = SHOP) -> Code:
    """Make a code good for one customer only, or for everybody again.

    Replay: the same customer again changes nothing. Locks: the code. Raises: CodeStepRefused,
    Code.DoesNotExist, Customer.DoesNotExist.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        code = _lock_unused(code_id)
        customer = None if customer_id is None else Customer.objects.get(id=customer_id)
        if code.customer_id != customer_id:
            before = {"customer_id": code.customer_id}
            code.customer = customer
            code.save(update_fields=["customer"])
            _record("batch_code_bound", code, by=by, at=at, before=before, after={"customer_id": customer_id})
    return code


def set_code_end(
    *, code_id: int, ends_at: datetime | None, at: datetime | None = None, by: By = SHOP
) -> Code:
    """Give a code an end of its own; it ends with its batch and its coupon at the latest all the same.

    Replay: the same end again changes nothing. Locks: the code. Raises: ValidationError naming the field,
    CodeStepRefused, Code.DoesNotExist.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        code = _lock_unused(code_id)
        if ends_at is not None and ends_at <= at:
            raise ValidationError({"ends_at": _("This moment has passed. Choose a later one.")})
        if code.ends_at != ends_at:
            before, code.ends_at = {"ends_at": code.ends_at}, ends_at
            code.save(update_fields=["ends_at"])
            _record("batch_code_ended", code, by=by, at=at, before=before, after={"ends_at": ends_at})
    return code


def void_batch_code(*, code_id: int, at: datetime | None = None, by: By = SHOP) -> Code:
    """Let nobody use one code of a batch any more. One that was used stays used and is refused.

    Replay: one that is void stays so. Locks: the code, then its batch. Raises: CodeStepRefused,
    Code.DoesNotExist.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        code = lock_batch_code(code_id)
        if code.state == CodeState.VOID:
            return code
        if code.used_count:
            raise CodeStepRefused(used_count=code.used_count, state=code.state)
        code.state = CodeState.VOID.value
        code.save(update_fields=["state"])
        CodeBatch.objects.filter(codes=code).update(void_count=F("void_count") + 1)
        _record("batch_code_voided", code, by=by, at=at)
    return code


def _lock_unused(code_id: int) -> Code:
    code = lock_batch_code(code_id)
    if code.state == CodeState.VOID or code.used_count:
        raise CodeStepRefused(used_count=code.used_count, state=code.state)
    return code


def _record(
    kind: str,
    code: Code,
    *,
    by: By,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    audit.record(kind=kind, object_kind="code", object_id=code.pk, by=by, at=at, before=before, after=after)
