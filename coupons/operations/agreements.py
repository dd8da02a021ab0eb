"""Agreements about brands: noted, and ended. What was agreed is not edited; a change is another one."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from coupons.models import BrandAgreement
from coupons.operations.coupon_steps import renew_stamp


def note_agreement(
    *,
    brand: str,
    starts_at: datetime,
    time_zone: str,
    ends_at: datetime | None = None,
    allows_coupons: bool = True,
    most_percent: Decimal | None = None,
    partner: str = "",
    note: str = "",
    at: datetime | None = None,
    by: By = SHOP,
) -> BrandAgreement:
    """Note what was agreed about a brand's goods; coupons keep to it from its first moment on.

    Locks: the stamp of coupons. Raises: ValidationError by field, also where another agreement about the
    brand holds at the same time; nothing is noted then.
    """
    at = clock.now() if at is None else at
    agreement = BrandAgreement(
        brand=brand.strip(),
        partner=partner,
        allows_coupons=allows_coupons,
        most_percent=most_percent,
        time_zone=time_zone,
        starts_at=starts_at,
        ends_at=ends_at,
        note=note,
    )
    if ends_at is not None and ends_at <= starts_at:
        raise ValidationError({"ends_at": _("The end is before the start. Choose a later last day.")})
    with transaction.atomic():
        renew_stamp()
        agreement.full_clean()
        _check_alone(agreement)
        agreement.save(force_insert=True)
        after = {"allows_coupons": allows_coupons, "most_percent": str(most_percent or "")}
        _record("brand_agreement_noted", agreement, at=at, by=by, after=after)
    return agreement


def end_agreement(
    *, agreement_id: int, ends_at: datetime | None = None, at: datetime | None = None, by: By = SHOP
) -> BrandAgreement:
    """Let an agreement end at a moment from now on, at once without one.

    Locks: the stamp of coupons. Raises: ValidationError where it is over, or the end has passed;
    BrandAgreement.DoesNotExist.
    """
    at = clock.now() if at is None else at
    ends_at = at if ends_at is None else ends_at
    with transaction.atomic():
        renew_stamp()
        agreement = BrandAgreement.objects.get(id=agreement_id)
        if agreement.ends_at is not None and agreement.ends_at <= at:
            raise ValidationError(_("This agreement is over already."))
        if ends_at < at:
            raise ValidationError({"ends_at": _("The end has passed. Choose a later last day.")})
        agreement.ends_at = max(ends_at, agreement.starts_at)
        agreement.save(update_fields=["ends_at"])
        after = {"ends_at": agreement.ends_at.isoformat()}
        _record("brand_agreement_ended", agreement, at=at, by=by, after=after)
    return agreement


def _check_alone(agreement: BrandAgreement) -> None:
    """Refuse a second agreement about a brand for the same time; the stamp's lock keeps others waiting."""
    others = BrandAgreement.objects.filter(brand__iexact=agreement.brand).filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=agreement.starts_at)
    )
    if agreement.ends_at is not None:
        others = others.filter(starts_at__lt=agreement.ends_at)
    if others.exists():
        said = _("Another agreement about %(brand)s holds then. End it first, or begin this one after it.")
        raise ValidationError({"brand": said % {"brand": agreement.brand}})


def _record(kind: str, agreement: BrandAgreement, **told: Any) -> None:
    audit.record(kind=kind, object_kind="brand_agreement", object_id=agreement.pk, **told)
