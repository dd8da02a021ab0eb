"""Setting up a programme and changing what it promises: always by a new version, never by an edit."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from loyalty.models import EarningRule, ExchangeRate, LotTerms, ProductGroup, Programme, ProgrammePhase
from loyalty.operations.changes.cancelling import cancel_announcement
from loyalty.operations.changes.notice import announce, require_nothing_announced, require_start
from loyalty.operations.changes.phases import begin_phase
from loyalty.operations.changes.settings import change_settings
from loyalty.operations.changes.stamp import lock_for_change
from loyalty.operations.changes.versions import begin_version
from loyalty.policies.changes.lowering import lowered_by_rule, lowered_by_terms
from loyalty.policies.changes.subjects import Subject
from loyalty.policies.programme import PROGRAMME_STEPS, ProgrammeState
from loyalty.queries.changes.announcements import find_standing

# What else changes a programme stands in `loyalty.operations.changes`, and is asked for here as well.
__all__ = [
    "StepNotAllowed",
    "add_exchange_rate",
    "add_product_group",
    "change_rule",
    "change_settings",
    "change_state",
    "change_terms",
    "create_programme",
    "lock_for_change",
]


class StepNotAllowed(ValueError):
    """A programme cannot go from where it is to the state asked for."""

    def __init__(self, *, state: str, wanted: str) -> None:
        self.state = state
        self.wanted = wanted
        allowed = ", ".join(step.value for step in PROGRAMME_STEPS[ProgrammeState(state)]) or "nothing"
        super().__init__(
            f"A programme that is {state} can't become {wanted}. From here it can become: {allowed}."
        )


def create_programme(
    *,
    key: str,
    name: str,
    currency: str,
    time_zone: str,
    live_from: datetime | None = None,
    settings: Mapping[str, Any] | None = None,
    rule: Mapping[str, Any] | None = None,
    terms: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    by: By = SHOP,
) -> Programme:
    """Create a programme with its first rule and terms: the default one of `PRODUCT.md` 3 unless told
    otherwise.

    `settings`, `rule` and `terms` override fields of `Programme`, `EarningRule` and `LotTerms`. With
    `live_from` the programme is live from that moment on, which may be in the past: purchases of then earn.
    """
    at = clock.now() if at is None else at
    state = ProgrammeState.DRAFT if live_from is None else ProgrammeState.LIVE
    starts_at = at if live_from is None else live_from
    with transaction.atomic():
        programme = Programme(
            key=key, name=name, currency=currency, time_zone=time_zone, state=state.value, created_at=at
        )
        for field, value in (settings or {}).items():
            setattr(programme, field, value)
        programme.full_clean()
        programme.save(force_insert=True)
        ProgrammePhase.objects.create(programme=programme, state=state.value, starts_at=starts_at)
        EarningRule.objects.create(programme=programme, version=1, starts_at=starts_at, **(rule or {}))
        LotTerms.objects.create(programme=programme, version=1, starts_at=starts_at, **(terms or {}))
        _record("programme_created", programme, by=by, at=at, after={"key": key, "state": state.value})
    return programme


def change_state(
    *, programme_id: int, state: ProgrammeState, at: datetime | None = None, by: By = SHOP
) -> Programme:
    """Take a programme a step on: close the open phase and open the next.

    The end of a programme needs a day, and time brings it: `close_programme`. Locks: the programme.
    Raises: StepNotAllowed naming what is possible from here.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme = lock_for_change(programme_id)
        before = programme.state_at(at)
        if state not in PROGRAMME_STEPS[before] or state is ProgrammeState.CLOSING:
            raise StepNotAllowed(state=before.value, wanted=state.value)
        if before is ProgrammeState.CLOSING:
            _take_closing_back(programme, at=at, by=by)
        begin_phase(programme=programme, state=state, at=at)
        programme.state, programme.closes_at = state.value, None
        programme.save(update_fields=["state", "closes_at"])
        _record(
            "programme_state",
            programme,
            by=by,
            at=at,
            before={"state": before.value},
            after={"state": state.value},
        )
    return programme


def _take_closing_back(programme: Programme, *, at: datetime, by: By) -> None:
    standing = find_standing(programme_id=programme.pk, subject=Subject.CLOSING, at=at)
    if standing is not None:
        cancel_announcement(announcement_id=standing.pk, at=at, by=by)


def change_rule(
    *,
    programme_id: int,
    starts_at: datetime | None = None,
    at: datetime | None = None,
    by: By = SHOP,
    **changes: Any,
) -> EarningRule:
    """Start a new version of the earning rule, by default now; what was earned keeps the version that it was
    earned under.

    With a later `starts_at` members read of it until it holds. What takes something away from them has to be
    announced so. Locks: the programme.
    Raises: ValidationError naming the field; NoticeTooShort, AlreadyAnnounced, StartPassed.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme = lock_for_change(programme_id)
        versions = EarningRule.objects.filter(programme_id=programme_id)
        return _begin(
            programme, Subject.RULE, versions, versions.get(ends_at__isnull=True), changes, starts_at, at, by
        )


def change_terms(
    *,
    programme_id: int,
    product_group_id: int | None = None,
    starts_at: datetime | None = None,
    at: datetime | None = None,
    by: By = SHOP,
    **changes: Any,
) -> LotTerms:
    """Start a new version of the window and expiry, by default now; issued lots keep theirs.

    For a product group without terms of its own the programme's running terms are the starting point. With a
    later `starts_at` members read of it until it holds. What takes something away from them has to be
    announced so. Locks: the programme.
    Raises: ValidationError naming the field; NoticeTooShort, AlreadyAnnounced, StartPassed.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme = lock_for_change(programme_id)
        versions = LotTerms.objects.filter(programme_id=programme_id, product_group_id=product_group_id)
        base = versions.filter(ends_at__isnull=True).first() or _terms_of_other_goods(programme_id, at)
        if product_group_id is not None:
            changes = {"product_group_id": product_group_id, **changes}
        return _begin(programme, Subject.TERMS, versions, base, changes, starts_at, at, by)


def _terms_of_other_goods(programme_id: int, at: datetime) -> LotTerms:
    """Give the terms that run; of a programme that has yet to begin, those that it begins with."""
    rows = LotTerms.objects.filter(programme_id=programme_id, product_group__isnull=True)
    running = rows.filter(starts_at__lte=at).exclude(ends_at__lte=at)
    return running.first() or rows.get(ends_at__isnull=True)


_LOWERED = {Subject.RULE: lowered_by_rule, Subject.TERMS: lowered_by_terms}


def _begin(
    programme: Programme,
    subject: Subject,
    versions: Any,
    base: Any,
    changes: Mapping[str, Any],
    starts_at: datetime | None,
    at: datetime,
    by: By,
) -> Any:
    """Begin a version, and tell members of it where it begins later."""
    group_id = changes.get("product_group_id")
    require_nothing_announced(programme=programme, subject=subject, product_group_id=group_id, at=at)
    holds_at = require_start(programme=programme, lowers=(), starts_at=starts_at, at=at)
    version = begin_version(base=base, versions=versions, changes=changes, starts_at=holds_at, at=at, by=by)
    before, after = vars(base), vars(version)
    lowers = _LOWERED[subject](before, after)
    require_start(programme=programme, lowers=lowers, starts_at=starts_at, at=at)
    if holds_at > at:
        announce(
            programme=programme,
            subject=subject,
            product_group_id=group_id,
            before=before,
            after={name: after[name] for name in changes if name != "product_group_id"},
            lowers=lowers,
            starts_at=holds_at,
            at=at,
        )
    return version


def add_product_group(
    *, programme_id: int, name: str, at: datetime | None = None, by: By = SHOP, **selectors: Any
) -> ProductGroup:
    """Name goods that get a window or expiry of their own; `change_terms` then says which.

    `selectors`: skus, brands, category_paths, each a list.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme = lock_for_change(programme_id)
        group = ProductGroup(programme=programme, name=name, **selectors)
        group.full_clean()
        group.save(force_insert=True)
        _record("product_group_added", programme, by=by, at=at, after={"name": name, **selectors})
    return group


def add_exchange_rate(
    *,
    programme_id: int,
    currency: str,
    rate: Decimal,
    starts_at: datetime,
    at: datetime | None = None,
    by: By = SHOP,
) -> ExchangeRate:
    """Say what one unit of a foreign currency is worth here from a moment on; purchases before it keep
    theirs.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme = lock_for_change(programme_id)
        row = ExchangeRate(programme=programme, currency=currency, rate=rate, starts_at=starts_at)
        row.full_clean()
        row.save(force_insert=True)
        _record(
            "exchange_rate_added", programme, by=by, at=at, after={"currency": currency, "rate": str(rate)}
        )
    return row


def _record(
    kind: str,
    programme: Programme,
    *,
    by: By,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        kind=kind,
        object_kind="programme",
        object_id=str(programme.id),
        by=by,
        at=at,
        before=before,
        after=after,
    )
