"""Levels: drafted, switched on, changed by a new version, switched off; now, or announced with their day.

Nothing that ran is ever edited.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from loyalty.models import Programme, Tier, TierScheme
from loyalty.operations.changes.notice import announce, require_nothing_announced, require_start
from loyalty.operations.changes.stamp import lock_for_change
from loyalty.operations.tiers.upkeep import date_tests, place_everybody
from loyalty.policies.changes.lowering import lowered_by_levels
from loyalty.policies.changes.subjects import Subject
from loyalty.policies.tiers.terms import TierPlan, TierProblems, list_unnamed, problems_of_tiers
from loyalty.policies.tiers.versions import fields_of, switched_off
from loyalty.queries.tiers.schemes import find_draft, find_running, get_scheme, list_plans
from loyalty.queries.tiers.words import say_problems

SETTINGS = ("metric", "window", "fall", "grace_days", "notice_days")


class LevelsUnknown(LookupError):
    """There is no draft to switch on or throw away, or no levels are on that could be switched off."""


class TiersRefused(ValidationError):
    """Levels that cannot stand: `problems` by place and field, the sentences by `place.field`."""

    def __init__(self, problems: TierProblems) -> None:
        self.problems = problems
        super().__init__(say_problems(problems))


def save_scheme(
    *,
    programme_id: int,
    rules: Mapping[str, Any],
    tiers: Sequence[TierPlan],
    at: datetime | None = None,
    by: By = SHOP,
) -> TierScheme:
    """Draft the levels of a programme, or change the draft; members have nothing of it until it is on.

    `rules` are fields of `TierScheme`, `tiers` stand from the lowest up and may still lack names. A level
    that is to stay the same one carries its `level_id`. Locks: the programme. Raises: TiersRefused;
    ValidationError naming the field.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        lock_for_change(programme_id)
        scheme = find_draft(programme_id) or _new_scheme(programme_id, at)
        for field in SETTINGS:
            setattr(scheme, field, rules.get(field, getattr(scheme, field)))
        scheme.full_clean()
        _require(problems_of_tiers(tiers, grace_days=scheme.grace_days, notice_days=scheme.notice_days))
        scheme.save()
        _save_tiers(scheme, tiers)
        _record("levels_drafted", programme_id, at=at, by=by, after=_said(scheme, tiers))
    return scheme


def switch_on_levels(
    *, programme_id: int, starts_at: datetime | None = None, at: datetime | None = None, by: By = SHOP
) -> TierScheme:
    """Let the draft hold from `starts_at` on, by default now, in the place of what holds until then.

    Who has a level keeps it until its test; who has earned a higher one has it at once in a programme of at
    most 5,000 members, else, and where it begins later, with the next daily run or order. Levels that were
    off for a while are tested from their first day on. With a later start members read of it until it holds.
    Locks: the programme, then accounts. Raises: TiersRefused while a level has no name; LevelsUnknown without
    a draft; NoticeTooShort where it takes something away, AlreadyAnnounced, StartPassed. Nothing is changed
    then.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme = lock_for_change(programme_id)
        require_nothing_announced(programme=programme, subject=Subject.LEVELS, at=at)
        scheme = _draft(programme_id)
        plans = list_plans(scheme)
        _require(
            problems_of_tiers(plans, grace_days=scheme.grace_days, notice_days=scheme.notice_days)
            | list_unnamed(plans)
        )
        before, then = find_running(programme_id, at=at), fields_of(get_scheme(scheme))
        was = fields_of(get_scheme(before)) if before else switched_off(then)
        holds_at = _agree(programme, was, then, starts_at=starts_at, at=at)
        if before is not None:
            before.ends_at = holds_at
            before.save()
        scheme.starts_at = holds_at
        scheme.save()
        if holds_at == at:
            date_tests(programme_id=programme_id, at=at)
            place_everybody(programme_id=programme_id, at=at)
        _record("levels_switched_on", programme_id, holds_at, at=at, by=by, after=_said(scheme, plans))
    return scheme


def switch_off_levels(
    *, programme_id: int, starts_at: datetime | None = None, at: datetime | None = None, by: By = SHOP
) -> TierScheme:
    """Switch the levels off: nobody has one from `starts_at` on, by default now, and all have theirs back
    when they are on again.

    Locks: the programme. Raises: LevelsUnknown where they are off; NoticeTooShort, AlreadyAnnounced,
    StartPassed. Nothing is changed then.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme = lock_for_change(programme_id)
        require_nothing_announced(programme=programme, subject=Subject.LEVELS, at=at)
        scheme = find_running(programme_id, at=at)
        if scheme is None:
            raise LevelsUnknown(f"No levels are switched on in programme {programme_id}.")
        was = fields_of(get_scheme(scheme))
        scheme.ends_at = _agree(programme, was, switched_off(was), starts_at=starts_at, at=at)
        scheme.save()
        _record("levels_switched_off", programme_id, scheme.ends_at, at=at, by=by)
    return scheme


def discard_scheme(*, programme_id: int, at: datetime | None = None, by: By = SHOP) -> None:
    """Throw the draft away. Locks: the programme. Raises: LevelsUnknown without one."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        lock_for_change(programme_id)
        scheme = _draft(programme_id)
        scheme.tiers.all().delete()
        scheme.delete()
        _record("levels_discarded", programme_id, at=at, by=by)


# -- the parts -----------------------------------------------------------------------------------------------


def _draft(programme_id: int) -> TierScheme:
    scheme = find_draft(programme_id)
    if scheme is None:
        raise LevelsUnknown(f"Programme {programme_id} has no draft of its levels.")
    return scheme


def _new_scheme(programme_id: int, at: datetime) -> TierScheme:
    newest = TierScheme.objects.filter(programme_id=programme_id).aggregate(newest=Max("number"))["newest"]
    return TierScheme(programme_id=programme_id, number=(newest or 0) + 1, created_at=at)


def _require(problems: TierProblems) -> None:
    if problems:
        raise TiersRefused(problems)


def _save_tiers(scheme: TierScheme, tiers: Sequence[TierPlan]) -> None:
    """Write the levels of a draft anew. A new level is known by the id of its first row from then on."""
    ours = set(
        Tier.objects.filter(scheme__programme_id=scheme.programme_id).values_list("level_id", flat=True)
    )
    scheme.tiers.all().delete()
    for plan in tiers:
        level_id = plan.level_id if plan.level_id in ours else None
        tier = Tier(
            scheme=scheme,
            level_id=level_id or 0,
            name=plan.name.strip(),
            threshold=plan.threshold,
            factor=plan.factor,
            perks=list(plan.perks),
        )
        tier.full_clean(exclude=["scheme"])
        tier.save(force_insert=True)
        if level_id is None:
            tier.level_id = tier.pk
            tier.save(update_fields=["level_id"])


def _agree(
    programme: Programme,
    was: Mapping[str, Any],
    then: Mapping[str, Any],
    *,
    starts_at: datetime | None,
    at: datetime,
) -> datetime:
    """Give the moment from which a change of the levels holds, and announce it where that is a later one.

    What nobody would notice holds now. Raises: NoticeTooShort, StartPassed.
    """
    lowers = lowered_by_levels(was, then)
    holds_at = require_start(programme=programme, lowers=lowers, starts_at=starts_at, at=at)
    if was == then or holds_at == at:
        return at
    announce(
        programme=programme,
        subject=Subject.LEVELS,
        before=was,
        after=then,
        lowers=lowers,
        starts_at=holds_at,
        at=at,
    )
    return holds_at


def _said(scheme: TierScheme, tiers: Sequence[TierPlan]) -> dict[str, Any]:
    levels = [[plan.name, plan.threshold, str(plan.factor)] for plan in tiers]
    return {**{field: getattr(scheme, field) for field in SETTINGS}, "levels": levels}


def _record(
    kind: str,
    programme_id: int,
    holds_at: datetime | None = None,
    *,
    at: datetime,
    by: By,
    after: Mapping[str, Any] | None = None,
) -> None:
    if holds_at is not None and holds_at > at:
        after = {**(after or {}), "starts_at": holds_at}
    audit.record(kind=kind, object_kind="programme", object_id=programme_id, by=by, at=at, after=after)
