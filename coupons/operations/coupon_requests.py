"""Asking somebody else to switch a coupon on that takes off more than one may decide alone."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import approvals
from backstage.policies import By
from backstage.policies.approvals import ChangeRefusedError
from coupons.models import Coupon
from coupons.operations.coupon_steps import CouponStepRefused, lock_to_change
from coupons.operations.coupon_versions import TERMS_FIELDS, find_newest
from coupons.operations.coupons import OWN_FIELDS, switch_on_locked
from coupons.queries.second_look import APPROVAL_KIND, share_of


def request_start(*, coupon_id: int, reason: str, at: datetime | None = None, now: datetime, by: By) -> int:
    """Ask somebody else to switch a coupon on as it stands; give the id of the approval.

    Time: `now` is the machine's, from which a lone owner's delay runs. Raises: ReasonMissingError,
    Coupon.DoesNotExist.
    """
    at = clock.now() if at is None else at
    coupon = Coupon.objects.get(id=coupon_id)
    with transaction.atomic():
        approval = approvals.request(
            kind=APPROVAL_KIND,
            object_kind="coupon",
            object_id=coupon_id,
            payload={
                "coupon_id": coupon_id,
                "name": coupon.name,
                "share": share_of(find_newest(coupon)),
                "looks": _looks(coupon),
            },
            reason=reason,
            by=by,
            at=at,
            now=now,
        )
    return approval.id


def _looks(coupon: Coupon) -> str:
    """Condense what was asked for, so that it is not something else that gets approved."""
    newest = find_newest(coupon)
    told = [getattr(coupon, name) for name in OWN_FIELDS] + [getattr(newest, name) for name in TERMS_FIELDS]
    return sha256(repr([str(value) for value in told]).encode()).hexdigest()[:32]


def apply_start(*, payload: Mapping[str, Any], at: datetime, by: By) -> None:
    """Switch on what was asked for, now that `by` has approved it, whatever it takes off.

    In the transaction of the approval. Locks: stamp, coupon. Raises: ChangeRefusedError when it cannot be
    done any more.
    """
    if not Coupon.objects.filter(id=payload["coupon_id"]).exists():
        raise ChangeRefusedError(_("The draft was thrown away. Refuse this."))
    coupon = lock_to_change(payload["coupon_id"])
    if _looks(coupon) != payload["looks"]:
        raise ChangeRefusedError(_("The coupon was changed meanwhile. Refuse this, and ask again."))
    try:
        switch_on_locked(coupon=coupon, at=at, by=by)
    except CouponStepRefused as refusal:
        raise ChangeRefusedError(
            _("The coupon is switched on or has ended already. Refuse this.")
        ) from refusal
    except ValidationError as refusal:
        raise ChangeRefusedError(" ".join(refusal.messages)) from refusal
