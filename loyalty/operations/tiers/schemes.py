"""Levels: drafted, switched on, changed by a new version, switched off. Nothing that ran is ever edited."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from loyalty.models import Tier, TierHolding, TierScheme
from loyalty.operations.changes.stamp import lock_for_change
from loyalty.operations.tiers.upkeep import place_everybody
from loyalty.policies.calendar import local_date
from loyalty.policies.tiers.periods import next_test
from loyalty.policies.tiers.scheme import LevelSource, Window
from loyalty.policies.tiers.terms import TierPlan, TierProblems, list_unnamed, problems_of_tiers
from loyalty.queries.tiers.schemes import find_draft, find_running, list_plans
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


def switch_on_levels(*, programme_id: int, at: datetime | None = None, by: By = SHOP) -> TierScheme:
    """Let the draft hold from now on, in the place of what held before.

    Who has a level keeps it until its test; who has earned a higher one has it at once in a programme of at
    most 5,000 members, else with the next daily run. Levels that were off for a while are tested from today
    on. Locks: the programme, then accounts. Raises: TiersRefused while a level has no name; LevelsUnknown
    without a draft.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme = lock_for_change(programme_id)
        scheme = _draft(programme_id)
        plans = list_plans(scheme)
        _require(
            problems_of_tiers(plans, grace_days=scheme.grace_days, notice_days=scheme.notice_days)
            | list_unnamed(plans)
        )
        before = find_running(programme_id)
        TierScheme.objects.filter(programme_id=programme_id, starts_at__isnull=False, ends_at=None).update(
            ends_at=at
        )
        scheme.starts_at = at
        scheme.save()
        _date_tests(scheme, before, today=local_date(at, programme.zone))
        place_everybody(programme_id=programme_id, at=at)
        _record("levels_switched_on", programme_id, at=at, by=by, after=_said(scheme, plans))
    return scheme


def switch_off_levels(*, programme_id: int, at: datetime | None = None, by: By = SHOP) -> TierScheme:
    """Switch the levels off: nobody has one from now on, and all have theirs back when they are on again.

    Locks: the programme. Raises: LevelsUnknown where they are off.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        lock_for_change(programme_id)
        scheme = find_running(programme_id)
        if scheme is None:
            raise LevelsUnknown(f"No levels are switched on in programme {programme_id}.")
        scheme.ends_at = at
        scheme.save()
        _record("levels_switched_off", programme_id, at=at, by=by)
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


def _date_tests(scheme: TierScheme, before: TierScheme | None, *, today: Any) -> None:
    """Give a test to levels that had none, and today as the day to those whose test fell into a break.

    Nobody loses on a day that has passed what nobody could warn them of.
    """
    lasting = TierHolding.objects.filter(
        member__programme_id=scheme.programme_id, source=LevelSource.EARNED.value, ends_at=None
    )
    if scheme.window != Window.LIFETIME:
        lasting.filter(tests_on=None).update(tests_on=next_test(Window(scheme.window), today))
    if before is None:
        lasting.filter(tests_on__lt=today).update(tests_on=today)


def _said(scheme: TierScheme, tiers: Sequence[TierPlan]) -> dict[str, Any]:
    levels = [[plan.name, plan.threshold, str(plan.factor)] for plan in tiers]
    return {**{field: getattr(scheme, field) for field in SETTINGS}, "levels": levels}


def _record(
    kind: str, programme_id: int, *, at: datetime, by: By, after: Mapping[str, Any] | None = None
) -> None:
    audit.record(kind=kind, object_kind="programme", object_id=programme_id, by=by, at=at, after=after)
