"""Setting up a programme and changing what it promises: always by a new version, never by an edit."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import Max

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from loyalty.locks import lock_programme
from loyalty.models import EarningRule, ExchangeRate, LotTerms, ProductGroup, Programme, ProgrammePhase
from loyalty.policies.programme import PROGRAMME_STEPS, ProgrammeState


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

    Raises: StepNotAllowed naming what is possible from here.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme = lock_programme(programme_id)
        before = programme.state
        if state not in PROGRAMME_STEPS[ProgrammeState(before)]:
            raise StepNotAllowed(state=before, wanted=state.value)
        ProgrammePhase.objects.filter(programme=programme, ends_at__isnull=True).update(ends_at=at)
        ProgrammePhase.objects.create(programme=programme, state=state.value, starts_at=at)
        programme.state, programme.rules_stamp = state.value, uuid4()
        programme.save(update_fields=["state", "rules_stamp"])
        _record(
            "programme_state", programme, by=by, at=at, before={"state": before}, after={"state": state.value}
        )
    return programme


def change_rule(
    *, programme_id: int, at: datetime | None = None, by: By = SHOP, **changes: Any
) -> EarningRule:
    """Start a new version of the earning rule now; what was earned keeps the version that it was earned
    under.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        lock_for_change(programme_id)
        running = EarningRule.objects.get(programme_id=programme_id, ends_at__isnull=True)
        return _next_version(
            running, EarningRule.objects.filter(programme_id=programme_id), changes, at=at, by=by
        )


def change_terms(
    *,
    programme_id: int,
    product_group_id: int | None = None,
    at: datetime | None = None,
    by: By = SHOP,
    **changes: Any,
) -> LotTerms:
    """Start a new version of the window and expiry now; issued lots keep theirs.

    For a product group without terms of its own the programme's running terms are the starting point.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        lock_for_change(programme_id)
        versions = LotTerms.objects.filter(programme_id=programme_id, product_group_id=product_group_id)
        running = versions.filter(ends_at__isnull=True).first()
        if running is not None:
            return _next_version(running, versions, changes, at=at, by=by)
        base = LotTerms.objects.get(
            programme_id=programme_id, product_group__isnull=True, ends_at__isnull=True
        )
        return _insert_version(base, 1, {"product_group_id": product_group_id, **changes}, at=at, by=by)


def change_settings(
    *, programme_id: int, at: datetime | None = None, by: By = SHOP, **changes: Any
) -> Programme:
    """Change what a programme's own row decides: name, worth of a point, enrolment, debts, reprieve.

    Raises: ValidationError naming the field; nothing is changed then.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme = lock_programme(programme_id)
        before = {field: getattr(programme, field) for field in changes}
        for field, value in changes.items():
            setattr(programme, field, value)
        programme.full_clean()
        programme.rules_stamp = uuid4()
        programme.save()
        _record("programme_settings", programme, by=by, at=at, before=before, after=changes)
    return programme


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


def lock_for_change(programme_id: int) -> Programme:
    """Lock the programme and give it a new stamp, so that no process goes on with the rules that it knows."""
    programme = lock_programme(programme_id)
    programme.rules_stamp = uuid4()
    programme.save(update_fields=["rules_stamp"])
    return programme


def _next_version(running: Any, versions: Any, changes: Mapping[str, Any], *, at: datetime, by: By) -> Any:
    number = (versions.aggregate(newest=Max("version"))["newest"] or 0) + 1
    versions.filter(id=running.id).update(ends_at=at)
    return _insert_version(running, number, changes, at=at, by=by)


def _insert_version(base: Any, number: int, changes: Mapping[str, Any], *, at: datetime, by: By) -> Any:
    """Copy a version with changes; the copy starts now and has no end."""
    kept = {
        field.attname: getattr(base, field.attname)
        for field in base._meta.concrete_fields
        if field.name != "id"
    }
    version = type(base)(**{**kept, **changes, "version": number, "starts_at": at, "ends_at": None})
    version.full_clean()
    version.save(force_insert=True)
    audit.record(
        kind=f"{base._meta.model_name}_version",
        object_kind="programme",
        object_id=str(base.programme_id),
        by=by,
        at=at,
        before={field: kept[field] for field in changes if field in kept},
        after=dict(changes),
    )
    return version


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
