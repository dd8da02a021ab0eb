"""Points for actions: drafted, switched on, changed by a new version, paused, ended; never edited."""

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
from loyalty.locks import lock_action_rule
from loyalty.models import ActionRule, ActionVersion
from loyalty.operations.programme import lock_for_change
from loyalty.policies.actions import ActionState
from loyalty.registry import earning_triggers

TERMS_FIELDS = ("points", "cap_times", "cap_period", "counts_for_level")
RUNNING = (ActionState.ON.value, ActionState.PAUSED.value)


class ActionStepRefused(ValueError):
    """A rule cannot do this from where it stands."""

    def __init__(self, *, state: str, deed: str) -> None:
        self.state, self.deed = state, deed
        super().__init__(f"What is {state} can't be {deed}.")


def create_action_rule(
    *,
    programme_id: int,
    name: str,
    kind: str,
    event: str = "",
    public_text: Mapping[str, str] | None = None,
    terms: Mapping[str, Any],
    at: datetime | None = None,
    by: By = SHOP,
) -> ActionRule:
    """Draft what an action brings; it gives nothing until it is switched on.

    `terms` are fields of `ActionVersion`, at least its points. Raises: ValidationError naming the fields.
    """
    at = clock.now() if at is None else at
    rule = ActionRule(
        programme_id=programme_id,
        name=name,
        kind=kind,
        event=event,
        public_text=dict(public_text or {}),
        created_at=at,
    )
    with transaction.atomic():
        _check_kind(rule)
        rule.full_clean()
        rule.save(force_insert=True)
        _save_version(ActionVersion(rule=rule, number=1), terms)
        _record("action_rule_drafted", rule, by=by, at=at, after={"name": name, **terms})
    return rule


def change_action_rule(
    *,
    rule_id: int,
    own: Mapping[str, Any] | None = None,
    terms: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    by: By = SHOP,
) -> ActionRule:
    """Change a draft in place, what is switched on by a new version from now on.

    `own` are its name and what customers read. What was done before keeps what it brought. Locks: the rule.
    Raises: ValidationError naming the fields, ActionStepRefused.
    """
    at = clock.now() if at is None else at
    own, terms = own or {}, terms or {}
    with transaction.atomic():
        rule = _lock(rule_id)
        _require(rule, "changed", ActionState.DRAFT, ActionState.ON, ActionState.PAUSED)
        before = {field: getattr(rule, field) for field in own}
        for field, value in own.items():
            setattr(rule, field, value)
        _check_kind(rule)
        rule.full_clean()
        rule.save()
        newest = _newest(rule)
        if rule.state == ActionState.ON:
            _end_running(rule, at)
            _save_version(_copy(newest, starts_at=at), terms)
        else:  # what is paused keeps its changes as a draft until it goes on
            _save_version(newest if newest.starts_at is None else _copy(newest), terms)
        _record("action_rule_changed", rule, by=by, at=at, before=before, after={**own, **terms})
    return rule


def switch_on_action_rule(*, rule_id: int, at: datetime | None = None, by: By = SHOP) -> ActionRule:
    """Let it give points from now on. Locks: the rule.

    Raises: ValidationError where another one gives points for the same already; ActionStepRefused.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        rule = _lock(rule_id)
        _require(rule, "switched on", ActionState.DRAFT, ActionState.PAUSED)
        _check_alone(rule)
        newest = _newest(rule)
        version = newest if newest.starts_at is None else _copy(newest)
        version.starts_at = at
        _save_version(version, {})
        rule.state, rule.paused_at = ActionState.ON.value, None
        rule.save()
        _record("action_rule_switched_on", rule, by=by, at=at)
    return rule


def pause_action_rule(*, rule_id: int, at: datetime | None = None, by: By = SHOP) -> ActionRule:
    """Give nothing from now on, until it is switched on again. Locks: the rule. Raises: ActionStepRefused."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        rule = _lock(rule_id)
        _require(rule, "paused", ActionState.ON)
        _end_running(rule, at)
        rule.state, rule.paused_at = ActionState.PAUSED.value, at
        rule.save()
        _record("action_rule_paused", rule, by=by, at=at)
    return rule


def end_action_rule(*, rule_id: int, at: datetime | None = None, by: By = SHOP) -> ActionRule:
    """End it for good; what it gave stays given. Locks: the rule. Raises: ActionStepRefused."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        rule = _lock(rule_id)
        _require(rule, "ended", ActionState.ON, ActionState.PAUSED)
        _end_running(rule, at)
        rule.state = ActionState.ENDED.value
        rule.save()
        _record("action_rule_ended", rule, by=by, at=at)
    return rule


def discard_action_rule(*, rule_id: int, at: datetime | None = None, by: By = SHOP) -> None:
    """Throw a draft away. Locks: the rule. Raises: ActionStepRefused for what has been switched on."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        rule = _lock(rule_id)
        _require(rule, "thrown away", ActionState.DRAFT)
        _record("action_rule_discarded", rule, by=by, at=at, before={"name": rule.name})
        rule.versions.all().delete()
        rule.delete()


# -- the parts -----------------------------------------------------------------------------------------------


def _lock(rule_id: int) -> ActionRule:
    programme_id = ActionRule.objects.values_list("programme_id", flat=True).get(id=rule_id)
    lock_for_change(programme_id)
    return lock_action_rule(rule_id)


def _require(rule: ActionRule, deed: str, *states: ActionState) -> None:
    if rule.state not in states:
        raise ActionStepRefused(state=rule.state, deed=deed)


def _check_kind(rule: ActionRule) -> None:
    if rule.kind not in earning_triggers:
        raise ValidationError({"kind": _("Nobody can tell of such an action here. Choose another one.")})


def _check_alone(rule: ActionRule) -> None:
    same = ActionRule.objects.filter(
        programme_id=rule.programme_id, kind=rule.kind, event=rule.event, state__in=RUNNING
    ).exclude(id=rule.id)
    if other := same.first():
        problem = _("“%(name)s” gives points for the same. End it first, or change it instead.")
        raise ValidationError({"kind": problem % {"name": other.name}})


def _newest(rule: ActionRule) -> ActionVersion:
    return rule.versions.order_by("-number")[0]


def _copy(version: ActionVersion, starts_at: datetime | None = None) -> ActionVersion:
    number = version.rule.versions.aggregate(newest=Max("number"))["newest"] + 1
    fields = {field: getattr(version, field) for field in TERMS_FIELDS}
    return ActionVersion(rule=version.rule, number=number, starts_at=starts_at, **fields)


def _save_version(version: ActionVersion, terms: Mapping[str, Any]) -> None:
    for field, value in terms.items():
        setattr(version, field, value)
    version.full_clean()
    version.save()


def _end_running(rule: ActionRule, at: datetime) -> None:
    rule.versions.filter(starts_at__isnull=False, ends_at__isnull=True).update(ends_at=at)


def _record(
    kind: str,
    rule: ActionRule,
    *,
    by: By,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        kind=kind,
        object_kind="actionrule",
        object_id=rule.id,
        by=by,
        at=at,
        before=before,
        after=after,
    )
