"""Sheets for coupon sites: prepared with a code of the site's own, submitted, live, taken down."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from coupons.locks import lock_site, lock_submission
from coupons.models import Coupon, PublisherSite, Submission
from coupons.operations.shared_codes import add_code
from coupons.operations.sites import SiteEnded
from coupons.policies.sites import SUBMISSION_STEPS, SubmissionState
from coupons.policies.states import CodeKind, CouponState

TEXTS = {"title": "title_length", "text": "text_length", "terms_text": "terms_length"}


class SubmissionStepRefused(ValueError):
    """A sheet cannot take this step from where it stands."""

    def __init__(self, *, state: str, wanted: str) -> None:
        self.state, self.wanted = state, wanted
        super().__init__(f"A sheet that is {state} cannot become {wanted}.")


def prepare_submission(
    *,
    site_id: int,
    coupon_id: int,
    texts: Mapping[str, str],
    code: str = "",
    at: datetime | None = None,
    by: By = SHOP,
) -> Submission:
    """Prepare the sheet of a coupon for a site. `code` is what the site's visitors will type.

    `texts` are `title`, `text` and `terms_text`, none longer than the site wants. A coupon that needs no code
    takes none, and any other one takes one that nobody has yet. Locks: the site, then what `add_code` locks.
    Raises: ValidationError naming the fields, SiteEnded.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        site = lock_site(site_id)
        if site.ended_at is not None:
            raise SiteEnded(name=site.name, ended_at=site.ended_at)
        coupon = Coupon.objects.get(id=coupon_id)
        _check_coupon(site, coupon)
        _check_lengths(site, texts)
        sheet = Submission(site=site, coupon=coupon, created_at=at, **texts)
        if not coupon.is_automatic:
            sheet.code = add_code(
                coupon_id=coupon_id, code=code, kind=CodeKind.SITE, limit_total=None, at=at, by=by
            )
        sheet.full_clean()
        sheet.save(force_insert=True)
        written = str(sheet.code) if sheet.code else ""
        _record("submission_prepared", sheet, by=by, at=at, after={**texts, "code": written})
    return sheet


def change_submission(
    *, submission_id: int, texts: Mapping[str, str], at: datetime | None = None, by: By = SHOP
) -> Submission:
    """Change the texts of a sheet that nobody was sent yet. Locks: the sheet.

    Raises: ValidationError naming the fields, SubmissionStepRefused.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        sheet = lock_submission(submission_id)
        if sheet.state != SubmissionState.PREPARED:
            raise SubmissionStepRefused(state=sheet.state, wanted="changed")
        _check_lengths(sheet.site, texts)
        before = {field: getattr(sheet, field) for field in texts}
        for field, text in texts.items():
            setattr(sheet, field, text)
        sheet.full_clean()
        sheet.save()
        _record("submission_changed", sheet, by=by, at=at, before=before, after=texts)
    return sheet


def move_submission(
    *, submission_id: int, to: SubmissionState, at: datetime | None = None, by: By = SHOP
) -> Submission:
    """Note that a sheet was sent, that the site shows it, that it has to come down, or that it is down.

    The site's code stays good for whoever noted it, until the coupon ends or somebody pauses it. Locks: the
    sheet. Raises: SubmissionStepRefused.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        sheet = lock_submission(submission_id)
        if SubmissionState(sheet.state) not in SUBMISSION_STEPS.get(to, ()):
            raise SubmissionStepRefused(state=sheet.state, wanted=to.value)
        sheet.state = to.value
        setattr(sheet, f"{to.value}_at", at)
        sheet.save()
        _record(f"submission_{to.value}", sheet, by=by, at=at)
    return sheet


def _check_coupon(site: PublisherSite, coupon: Coupon) -> None:
    if not coupon.is_public:
        problem = _("This coupon may not be told to everybody. Mark it as public first.")
        raise ValidationError({"coupon": problem})
    if coupon.state == CouponState.ENDED:
        raise ValidationError({"coupon": _("This coupon has ended. Choose another one.")})
    open_sheets = Submission.objects.filter(site=site, coupon=coupon)
    if open_sheets.exclude(state=SubmissionState.WITHDRAWN).exists():
        problem = _("%(site)s has a sheet for this coupon already. Open that one instead.")
        raise ValidationError({"coupon": problem % {"site": site.name}})


def _check_lengths(site: PublisherSite, texts: Mapping[str, str]) -> None:
    problems = {}
    for field, limit in TEXTS.items():
        most = getattr(site, limit)
        if most is not None and len(texts.get(field, "")) > most:
            told = {"n": len(texts[field]), "most": most, "site": site.name}
            problems[field] = _("%(n)s letters; %(site)s takes at most %(most)s. Shorten it.") % told
    if problems:
        raise ValidationError(problems)


def _record(
    kind: str,
    sheet: Submission,
    *,
    by: By,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        kind=kind, object_kind="submission", object_id=sheet.pk, by=by, at=at, before=before, after=after
    )
