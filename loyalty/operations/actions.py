"""Points for what members do besides buying: once for each source, within caps, or refused and noted.

1. Find the members, through every merge; lock their accounts, so that caps are counted one at a time.
2. Answer what was told before with the attempt that stands.
3. Decide each action in the order of its time: does the programme give points then, is the member active,
   does a rule run, has it been done as often as it counts?
4. Post the points, which are ready at once; store every attempt, refused ones too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from django.db import IntegrityError, transaction

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, SYSTEM, By, Chunk, Progress
from backstage.policies.names import did_you_mean
from loyalty.ledger.posting import post
from loyalty.locks import lock_accounts
from loyalty.models import ActionAttempt, Member
from loyalty.operations.tiers.settling import settle_levels
from loyalty.policies.actions import ActionKind, ActionRule, Refusal, is_within_cap, running_rule
from loyalty.policies.gift_dates import dates_of_gift
from loyalty.policies.programme import MEMBER_ALLOWS, MemberState
from loyalty.policies.requests import Accrue, Part, TakeBack
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.settlement import Holder
from loyalty.queries.actions import (
    find_due_members,
    list_due_occasions,
    list_granted,
    occasion_source,
)
from loyalty.queries.holders import find_holders, resolve_holders
from loyalty.queries.programmes import get_programme_rules, list_programme_rules
from loyalty.registry import earning_triggers

CHUNK = 500
LONGEST_SOURCE, LONGEST_EVENT = 100, 40


class ActionUnreadable(ValueError):
    """What was told cannot be an action; the message says what to give."""


class AttemptUnknown(LookupError):
    """No such action was recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that a member did. `source` is the shop's own name of it: a review's number, a survey's.

    One of `member_id` and `customer_id` says who. `event` is the key of an event of the shop's own.
    """

    kind: str
    source: str
    event: str = ""
    member_id: int | None = None
    customer_id: int | None = None
    occurred_at: datetime | None = None

    @property
    def name(self) -> tuple[str, str, str]:
        """What makes it the same action when it is told again."""
        return (self.kind, self.event, self.source)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an action: its points, or why there are none. `is_replay`: it had been told before.

    Without a member there is nothing to record, and `attempt_id` is None.
    """

    attempt_id: int | None
    points: int = 0
    reason: str = ""
    is_replay: bool = False


def record_action(
    *,
    programme_id: int,
    kind: str,
    source: str,
    event: str = "",
    member_id: int | None = None,
    customer_id: int | None = None,
    occurred_at: datetime | None = None,
    at: datetime | None = None,
    by: By = SHOP,
) -> Recorded:
    """Tell of one thing that a member did; the shop's one call. See `record_actions`."""
    action = Action(
        kind=kind,
        source=source,
        event=event,
        member_id=member_id,
        customer_id=customer_id,
        occurred_at=occurred_at,
    )
    return record_actions(programme_id=programme_id, actions=[action], at=at, by=by)[0]


def record_actions(
    *, programme_id: int, actions: Sequence[Action], at: datetime | None = None, by: By = SHOP
) -> list[Recorded]:
    """Tell of things that members did; give points within the caps, and note every refusal with its reason.

    Opens its own transaction. Locks: the accounts, by ascending member id. Replay: what was told before under
    the same source answers with what became of it then. Queries: constant, whatever the number of actions.
    Raises: ActionUnreadable; nothing is recorded then.
    """
    at = clock.now() if at is None else at
    for action in actions:
        _check(action)
    if not actions:
        return []
    try:
        with transaction.atomic():
            return _record(programme_id, actions, at, by)
    except IntegrityError:  # somebody told of one of them for another member meanwhile; now it is known
        with transaction.atomic():
            return _record(programme_id, actions, at, by)


def withdraw_action(
    *,
    programme_id: int,
    kind: str,
    source: str,
    event: str = "",
    at: datetime | None = None,
    by: By = SHOP,
) -> Recorded:
    """Take back what an action had brought: the review was no review. It may not be told again.

    Locks: the account. Replay: withdrawn once, nothing is left to take. Raises: AttemptUnknown,
    NotEnoughPoints with both numbers; a correction never makes a debt.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        found = ActionAttempt.objects.filter(
            programme_id=programme_id, kind=kind, event=event, source=source
        ).first()
        if found is None:
            raise AttemptUnknown(f"No action {kind} with the source {source!r} was recorded.")
        holder = resolve_holders(member_ids=[found.member_id], known=[])[found.member_id]
        lock_accounts([holder.id])
        attempt = ActionAttempt.objects.select_related("version").get(id=found.id)
        if attempt.version is None or attempt.withdrawn_at is not None:
            return Recorded(attempt.id, 0, attempt.reason, True)
        request = TakeBack(
            member_id=holder.id,
            key=f"{attempt.entry_key}:back",
            reason="withdrawn",
            points=attempt.points,
            counts_for_level=attempt.version.counts_for_level,
        )
        post([request], at=at, by=by)
        attempt.withdrawn_at = at
        attempt.save(update_fields=["withdrawn_at"])
        audit.record(
            kind="action_withdrawn",
            object_kind="member",
            object_id=holder.id,
            by=by,
            at=at,
            after={"source": source},
        )
    return Recorded(attempt.id, 0, attempt.reason)


def welcome(programme: ProgrammeRules, *, member_ids: Sequence[int], at: datetime, by: By = SYSTEM) -> None:
    """Give new members what joining brings, in the transaction in which they join. Queries: 0 without a
    rule.
    """
    if member_ids and running_rule(programme.actions, kind=ActionKind.SIGN_UP, event="", at=at):
        actions = [
            Action(kind=ActionKind.SIGN_UP.value, source=f"member:{member_id}", member_id=member_id)
            for member_id in member_ids
        ]
        record_actions(programme_id=programme.id, actions=actions, at=at, by=by)


# -- what is told --------------------------------------------------------------------------------------------


def _check(action: Action) -> None:
    if action.kind not in earning_triggers:
        known = [name for name, _ in earning_triggers.items()]
        raise ActionUnreadable(f"There is no action {action.kind!r}. {did_you_mean(action.kind, known)}")
    if not 0 < len(action.source.strip()) <= len(action.source) <= LONGEST_SOURCE:
        raise ActionUnreadable(
            f"Give a source of 1 to {LONGEST_SOURCE} characters, such as the number of the review: "
            "it makes sure that the same action counts once."
        )
    is_event = action.kind == ActionKind.EVENT
    if is_event != bool(action.event) or len(action.event) > LONGEST_EVENT:
        raise ActionUnreadable(
            f"Give the key of the event with the kind 'event', at most {LONGEST_EVENT} characters, and with "
            "no other kind."
        )
    if (action.member_id is None) == (action.customer_id is None):
        raise ActionUnreadable("Say who: give member_id or customer_id, one of the two.")
    if action.occurred_at is not None and action.occurred_at.tzinfo is None:
        raise ActionUnreadable("Give occurred_at with its time zone.")


# -- what becomes of it --------------------------------------------------------------------------------------


def _record(programme_id: int, actions: Sequence[Action], at: datetime, by: By) -> list[Recorded]:
    programme = get_programme_rules(programme_id)
    members = _members(programme_id, actions)
    lock_accounts(holder.id for holder in members.values())
    standing = _standing(programme_id, actions)
    fresh = {
        action.name: action for action in actions if action.name in members and action.name not in standing
    }
    attempts = _decide(programme, list(fresh.values()), members, at)
    _post(programme, attempts, at, by)
    stored = {(row.kind, row.event, row.source): row for row in ActionAttempt.objects.bulk_create(attempts)}
    return [_answer(action, stored, standing) for action in actions]


def _answer(
    action: Action,
    stored: Mapping[tuple[str, str, str], ActionAttempt],
    standing: Mapping[tuple[str, str, str], ActionAttempt],
) -> Recorded:
    row = stored.get(action.name) or standing.get(action.name)
    if row is None:
        return Recorded(None, 0, "not_member")
    return Recorded(row.id, row.points, row.reason, action.name in standing)


def _members(programme_id: int, actions: Sequence[Action]) -> dict[tuple[str, str, str], Holder]:
    """Find who did what; whoever is no member is left out. Queries: 2, and more where somebody was merged."""
    customers = {action.customer_id for action in actions if action.customer_id is not None}
    roots, by_customer = find_holders(programme_id=programme_id, customer_ids=customers)
    ids = {action.member_id for action in actions if action.member_id is not None}
    ours = set(
        Member.objects.filter(id__in=ids, programme_id=programme_id).values_list("id", flat=True)
        if ids
        else ()
    )
    if unknown := sorted(ids - ours):
        raise ActionUnreadable(f"There is no member {unknown[0]} in this programme.")
    by_member = resolve_holders(
        member_ids={*ours, *(holder.id for holder in by_customer.values())}, known=by_customer.values()
    )
    found: dict[tuple[str, str, str], Holder] = {}
    for action in actions:
        if action.member_id is not None:
            found[action.name] = by_member[action.member_id]
        elif (holder := by_customer.get(roots.get(action.customer_id or 0, 0))) is not None:
            found[action.name] = by_member[holder.id]
    return found


def _standing(programme_id: int, actions: Sequence[Action]) -> dict[tuple[str, str, str], ActionAttempt]:
    rows = ActionAttempt.objects.filter(
        programme_id=programme_id,
        kind__in={action.kind for action in actions},
        source__in={action.source for action in actions},
    )
    return {(row.kind, row.event, row.source): row for row in rows.order_by("id")}


def _decide(
    programme: ProgrammeRules,
    actions: Sequence[Action],
    members: Mapping[tuple[str, str, str], Holder],
    at: datetime,
) -> list[ActionAttempt]:
    holder_ids = {members[action.name].id for action in actions}
    families = _families(holder_ids)
    granted = list_granted(member_ids=families, rule_ids={rule.rule_id for rule in programme.actions})
    done: dict[tuple[int, int], list[datetime]] = {}
    for member_id, by_rule in granted.items():
        for rule_id, moments in by_rule.items():
            done.setdefault((families[member_id], rule_id), []).extend(moments)
    attempts = []
    for action in sorted(actions, key=lambda one: (one.occurred_at or at, one.name)):
        moment, holder = action.occurred_at or at, members[action.name]
        rule = running_rule(programme.actions, kind=action.kind, event=action.event, at=moment)
        earlier = done.setdefault((holder.id, rule.rule_id), []) if rule else []
        refusal = _why_not(programme, holder, rule, earlier, moment)
        if refusal is None:
            earlier.append(moment)
        attempts.append(_attempt(programme, action, holder, rule, refusal, moment, at))
    return attempts


def _families(holder_ids: set[int]) -> dict[int, int]:
    """Lead from each member, and whoever was merged into them, to the member. Queries: 1; 0 for nobody."""
    merged = Member.objects.filter(merged_into_id__in=holder_ids) if holder_ids else Member.objects.none()
    return {holder: holder for holder in holder_ids} | dict(merged.values_list("id", "merged_into_id"))


def _why_not(
    programme: ProgrammeRules,
    holder: Holder,
    rule: ActionRule | None,
    earlier: Sequence[datetime],
    moment: datetime,
) -> Refusal | None:
    if not programme.earns_at(moment):
        return Refusal.NOT_LIVE
    if not MEMBER_ALLOWS[MemberState(holder.state)].earn:
        return Refusal.NOT_ACTIVE
    if rule is None:
        return Refusal.NO_RULE
    return None if is_within_cap(rule, earlier, moment, programme.zone) else Refusal.CAP_REACHED


def _attempt(
    programme: ProgrammeRules,
    action: Action,
    holder: Holder,
    rule: ActionRule | None,
    refusal: Refusal | None,
    moment: datetime,
    at: datetime,
) -> ActionAttempt:
    given = rule if refusal is None else None
    name = "\x00".join((str(programme.id), *action.name)).encode()
    return ActionAttempt(
        programme_id=programme.id,
        member_id=holder.id,
        kind=action.kind,
        event=action.event,
        source=action.source,
        version_id=rule.id if rule else None,
        points=given.points if given else 0,
        reason=refusal.value if refusal else "",
        entry_key=f"action:{blake2b(name, digest_size=16).hexdigest()}" if given else "",
        occurred_at=moment,
        recorded_at=at,
    )


def _post(
    programme: ProgrammeRules,
    attempts: Sequence[ActionAttempt],
    at: datetime,
    by: By,
) -> None:
    """Grant what the attempts have earned. The points wait for nothing, and end as other points do."""
    earned = [attempt for attempt in attempts if attempt.points]
    if not earned:
        return
    dates = dates_of_gift(programme, at)
    levels = {rule.id: rule.counts_for_level for rule in programme.actions}
    requests = [
        Accrue(
            member_id=attempt.member_id,
            key=attempt.entry_key,
            reason=attempt.kind,
            explanation={"action": attempt.version_id, "points": attempt.points},
            parts=(Part(attempt.points, *dates),),
            earned_at=attempt.occurred_at,
            source_kind="action",
            source_id=attempt.version_id,
            qualifying_points=attempt.points if levels[attempt.version_id or 0] else 0,
        )
        for attempt in earned
    ]
    post(requests, at=at, by=by)
    counting = {request.member_id for request in requests if request.qualifying_points}
    if counting:
        settle_levels(rules=programme, member_ids=counting, at=at)


# -- birthdays and anniversaries -----------------------------------------------------------------------------


def plan_occasions(at: datetime) -> list[Chunk]:
    """Cut the members whose day has come round into ranges of ids, whatever their programme."""
    ids: set[int] = set()
    for programme in list_programme_rules():
        for kind, occasion in list_due_occasions(programme.actions, at=at, zone=programme.zone):
            due = find_due_members(
                programme_id=programme.id, kind=kind, occasion=occasion, zone=programme.zone
            )
            ids |= set(due.values_list("id", flat=True))
    ordered = sorted(ids)
    parts = [ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK)]
    return [Chunk(part[0], part[-1], len(part)) for part in parts]


def work_occasions(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Give the members of one range what their day brings, in the runner's transaction."""
    done = 0
    for programme in list_programme_rules():
        actions = [
            Action(
                kind=kind.value,
                source=occasion_source(kind, member_id, occasion.day.year),
                member_id=member_id,
                occurred_at=min(at, occasion.begins_at(programme.zone)),
            )
            for kind, occasion in list_due_occasions(programme.actions, at=at, zone=programme.zone)
            for member_id in find_due_members(
                programme_id=programme.id, kind=kind, occasion=occasion, zone=programme.zone
            )
            .filter(id__range=(chunk.lo, chunk.hi))
            .order_by("id")
            .values_list("id", flat=True)
        ]
        recorded = record_actions(programme_id=programme.id, actions=actions, at=at, by=SYSTEM)
        done += sum(1 for one in recorded if one.points)
    return Progress(done=done)
