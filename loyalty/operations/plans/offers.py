"""Plans: drafted, put on sale, changed by a new version, closed to new members, ended. Never edited.

A version that takes something away from those who are in the plan is announced before it holds.
"""

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
from loyalty.locks import lock_plan
from loyalty.models import Plan, PlanVersion
from loyalty.operations.changes.notice import announce, require_nothing_announced, require_start
from loyalty.operations.changes.stamp import lock_for_change
from loyalty.policies.changes.lowering import lowered_by_plan
from loyalty.policies.changes.subjects import Subject
from loyalty.policies.plans.offer import PlanDraft, PlanProblem, PlanState, fields_of_plan, problems_of_plan
from loyalty.queries.plans.words import say_problems
from loyalty.queries.programmes import offer_of
from loyalty.queries.tiers.schemes import levels_begun, name_levels

TERMS_FIELDS = (
    "price_minor",
    "months",
    "grace_days",
    "trial_days",
    "factor",
    "perks",
    "level_id",
    "shipping_minor",
    "free_for_all_minor",
)


class PlanStepRefused(ValueError):
    """A plan cannot do this from where it stands."""

    def __init__(self, *, state: str, deed: str) -> None:
        self.state, self.deed = state, deed
        super().__init__(f"A plan that is {state} can't be {deed}.")


def create_plan(
    *,
    programme_id: int,
    name: str,
    public_text: Mapping[str, str] | None = None,
    terms: Mapping[str, Any],
    at: datetime | None = None,
    by: By = SHOP,
) -> Plan:
    """Draft a plan; nobody can buy it until it is put on sale.

    `terms` are fields of `PlanVersion`, at least its price. Raises: ValidationError naming the fields.
    """
    at = clock.now() if at is None else at
    plan = Plan(programme_id=programme_id, name=name, public_text=dict(public_text or {}), created_at=at)
    with transaction.atomic():
        _check_name(plan)
        plan.full_clean()
        plan.save(force_insert=True)
        _save_version(PlanVersion(plan=plan, number=1), terms, at)
        _record("plan_drafted", plan, by=by, at=at, after={"name": name})
    return plan


def change_plan(
    *,
    plan_id: int,
    own: Mapping[str, Any] | None = None,
    terms: Mapping[str, Any] | None = None,
    starts_at: datetime | None = None,
    at: datetime | None = None,
    by: By = SHOP,
) -> Plan:
    """Change a plan: a draft in place, one that is sold by a new version for payments from `starts_at` on,
    by default now.

    What is paid for keeps the version that it was paid for. `own` are its name and what customers read, and
    change at once. With a later start members read of it until it holds. Locks: the programme, the plan.
    Raises: ValidationError naming the fields, PlanStepRefused; NoticeTooShort where it takes something away
    from those who are in it, AlreadyAnnounced, StartPassed. Nothing is changed then.
    """
    at = clock.now() if at is None else at
    own, terms = own or {}, terms or {}
    with transaction.atomic():
        plan = _lock(plan_id)
        _require(plan, "changed", PlanState.DRAFT, PlanState.ON, PlanState.CLOSED)
        if starts_at is not None:
            _require(plan, "changed from a day on", PlanState.ON, PlanState.CLOSED)
        before = {field: getattr(plan, field) for field in own}
        for field, value in own.items():
            setattr(plan, field, value)
        _check_name(plan)
        plan.full_clean()
        plan.save()
        version = _standing(plan, at)
        was = {field: _plain(getattr(version, field)) for field in terms}
        if plan.state == PlanState.DRAFT:
            _save_version(version, terms, at)
        elif any(getattr(version, field) != value for field, value in terms.items()):
            holds_at = _begin(plan, version, terms, starts_at=starts_at, at=at)
            was |= {"starts_at": holds_at} if holds_at > at else {}
        after = {**own, **{field: _plain(value) for field, value in terms.items()}}
        _record("plan_changed", plan, by=by, at=at, before={**before, **was}, after=after)
    return plan


def switch_on_plan(*, plan_id: int, at: datetime | None = None, by: By = SHOP) -> Plan:
    """Put a draft on sale, or take new members into a closed one again.

    Locks: the programme, the plan. Raises: PlanStepRefused; ValidationError where it lacks something.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        plan = _lock(plan_id)
        _require(plan, "put on sale", PlanState.DRAFT, PlanState.CLOSED)
        version = _standing(plan, at)
        if plan.state == PlanState.DRAFT:
            version.starts_at = at
        _save_version(version, {}, at)
        _move(plan, PlanState.ON)
        _record("plan_switched_on", plan, by=by, at=at)
    return plan


def close_plan(*, plan_id: int, at: datetime | None = None, by: By = SHOP) -> Plan:
    """Take nobody new; who is in it may renew. Locks: programme, plan. Raises: PlanStepRefused."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        plan = _lock(plan_id)
        _require(plan, "closed", PlanState.ON)
        _move(plan, PlanState.CLOSED)
        _record("plan_closed", plan, by=by, at=at)
    return plan


def end_plan(*, plan_id: int, at: datetime | None = None, by: By = SHOP) -> Plan:
    """End a plan for good: nobody starts or renews. Memberships are left alone and run out.

    Locks: the programme, the plan. Raises: PlanStepRefused; AlreadyAnnounced while a change is.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        plan = _lock(plan_id)
        _require(plan, "ended", PlanState.ON, PlanState.CLOSED)
        require_nothing_announced(programme=plan.programme, subject=Subject.PLAN, plan_id=plan.id, at=at)
        _end_running(plan, at)
        _move(plan, PlanState.ENDED)
        _record("plan_ended", plan, by=by, at=at)
    return plan


def discard_plan(*, plan_id: int, at: datetime | None = None, by: By = SHOP) -> None:
    """Throw a draft away. Raises: PlanStepRefused for what has been on sale."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        plan = _lock(plan_id)
        _require(plan, "thrown away", PlanState.DRAFT)
        _record("plan_discarded", plan, by=by, at=at, before={"name": plan.name})
        plan.versions.all().delete()
        plan.delete()


# -- the parts -----------------------------------------------------------------------------------------------


def _lock(plan_id: int) -> Plan:
    programme_id = Plan.objects.values_list("programme_id", flat=True).get(id=plan_id)
    lock_for_change(programme_id)
    return lock_plan(plan_id)


def _require(plan: Plan, deed: str, *states: PlanState) -> None:
    if plan.state not in states:
        raise PlanStepRefused(state=plan.state, deed=deed)


def _move(plan: Plan, state: PlanState) -> None:
    plan.state = state.value
    plan.save(update_fields=["state"])


def _check_name(plan: Plan) -> None:
    if not plan.name.strip():
        raise ValidationError(say_problems({"name": PlanProblem.NO_NAME}))
    same = Plan.objects.filter(programme_id=plan.programme_id, name__iexact=plan.name.strip())
    if same.exclude(id=plan.id).exclude(state=PlanState.ENDED.value).exists():
        raise ValidationError({"name": _("Another plan has this name. Choose a different one.")})


def _standing(plan: Plan, at: datetime) -> PlanVersion:
    """Give the draft, or the version that is sold, and not one that is only announced."""
    return plan.versions.exclude(starts_at__gt=at).order_by("-number")[0]


def _begin(
    plan: Plan,
    before: PlanVersion,
    terms: Mapping[str, Any],
    *,
    starts_at: datetime | None,
    at: datetime,
) -> datetime:
    """Let a new version follow the one that is sold; give the moment from which it holds.

    What members would not notice, such as what shipping costs the shop, holds now.
    """
    programme = plan.programme
    require_nothing_announced(programme=programme, subject=Subject.PLAN, plan_id=plan.id, at=at)
    version = _copy(before)
    _put(version, terms, at)
    was, then = (_fields(one, at) for one in (before, version))
    lowers = lowered_by_plan(was, then)
    holds_at = require_start(programme=programme, lowers=lowers, starts_at=starts_at, plan=plan, at=at)
    holds_at = at if was == then else holds_at
    _end_running(plan, holds_at)
    version.starts_at = holds_at
    version.save()
    if holds_at > at:
        announce(
            programme=programme,
            subject=Subject.PLAN,
            plan_id=plan.id,
            before=was,
            after=then,
            lowers=lowers,
            starts_at=holds_at,
            at=at,
        )
    return holds_at


def _fields(version: PlanVersion, at: datetime) -> dict[str, Any]:
    level_ids = [version.level_id] if version.level_id is not None else []
    level = name_levels(level_ids, at=at).get(version.level_id or 0, "")
    return fields_of_plan(offer_of(version), level=level)


def _copy(version: PlanVersion) -> PlanVersion:
    number = version.plan.versions.aggregate(newest=Max("number"))["newest"] + 1
    fields = {field: getattr(version, field) for field in TERMS_FIELDS}
    return PlanVersion(plan=version.plan, number=number, **fields)


def _save_version(version: PlanVersion, terms: Mapping[str, Any], at: datetime) -> None:
    _put(version, terms, at)
    version.save()


def _put(version: PlanVersion, terms: Mapping[str, Any], at: datetime) -> None:
    """Write terms into a version that is not stored yet. Raises: ValidationError naming the fields."""
    for field, value in terms.items():
        setattr(version, field, value)
    levels = levels_begun(version.plan.programme_id, at)
    level_ids = frozenset(levels.values_list("level_id", flat=True)) if version.level_id else frozenset()
    draft = PlanDraft(**{field: getattr(version, field) for field in TERMS_FIELDS}, level_ids=level_ids)
    if problems := problems_of_plan(draft):
        raise ValidationError(say_problems(problems))
    version.full_clean()


def _end_running(plan: Plan, at: datetime) -> None:
    plan.versions.filter(starts_at__isnull=False, ends_at__isnull=True).update(ends_at=at)


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | str | list | None) else str(value)


def _record(
    kind: str,
    plan: Plan,
    *,
    by: By,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    audit.record(kind=kind, object_kind="plan", object_id=plan.id, by=by, at=at, before=before, after=after)
