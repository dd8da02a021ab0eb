"""Points for actions: what was done before, whose day has come round, and what members read."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import ExtractDay, ExtractMonth
from django.utils.translation import get_language

from commerce.queries.customers import list_merged
from loyalty.models import ActionAttempt, Member
from loyalty.models import ActionRule as ActionRuleRow
from loyalty.policies.actions import (
    ActionKind,
    ActionRule,
    Occasion,
    list_occasions,
    running_rule,
)
from loyalty.policies.programme import MemberState
from loyalty.queries import sentences
from loyalty.registry import earning_triggers

# What the clock decides, and nobody has to tell.
OCCASIONS = (ActionKind.BIRTHDAY, ActionKind.ANNIVERSARY)
DAYS = 90
_DAY = timedelta(days=1)


def list_granted(
    *, member_ids: Collection[int], rule_ids: Collection[int]
) -> dict[int, dict[int, list[datetime]]]:
    """Give, by member and rule, when they did what counted. Taken back does not count. Queries: 1."""
    found: dict[int, dict[int, list[datetime]]] = defaultdict(lambda: defaultdict(list))
    rows = ActionAttempt.objects.filter(
        member_id__in=set(member_ids), version__rule_id__in=set(rule_ids), points__gt=0, withdrawn_at=None
    )
    for member_id, rule_id, at in rows.order_by("id").values_list(
        "member_id", "version__rule_id", "occurred_at"
    ):
        found[member_id][rule_id].append(at)
    return found


# -- days that come round ------------------------------------------------------------------------------------


def occasion_source(kind: ActionKind, member_id: int, year: int) -> str:
    """Name the one time that a day comes round in a year; editing the day makes no second one."""
    return f"{kind.value}:{member_id}:{year}"


def find_due_members(
    *, programme_id: int, kind: ActionKind, occasion: Occasion, zone: ZoneInfo
) -> QuerySet[Member, Member]:
    """Give the active members whose birthday or anniversary is kept on this day, and who had nothing for it.

    Nobody has an anniversary on the day on which they join.
    """
    members = Member.objects.filter(
        programme_id=programme_id,
        state=MemberState.ACTIVE.value,
        merged_into=None,
        joined_at__lt=occasion.begins_at(zone),
    )
    if kind is ActionKind.BIRTHDAY:
        kept = [
            Q(customer__birth_date__month=month, customer__birth_date__day=day)
            for month, day in occasion.month_days
        ]
    else:
        members = members.annotate(
            month=ExtractMonth("joined_at", tzinfo=zone), day=ExtractDay("joined_at", tzinfo=zone)
        )
        kept = [Q(month=month, day=day) for month, day in occasion.month_days]
    year = occasion.day.year
    done = ActionAttempt.objects.filter(
        programme_id=programme_id, kind=kind.value, source__endswith=f":{year}"
    )
    return members.filter(reduce(or_, kept)).exclude(id__in=done.values("member_id"))


def list_due_occasions(
    rules: Iterable[ActionRule], *, at: datetime, zone: ZoneInfo
) -> list[tuple[ActionKind, Occasion]]:
    """Give the days of the last week on which a rule for birthdays or anniversaries ran."""
    return [
        (kind, occasion)
        for kind in OCCASIONS
        for occasion in list_occasions(at, zone)
        if running_rule(rules, kind=kind.value, event="", at=occasion.begins_at(zone))
    ]


# -- what members read ---------------------------------------------------------------------------------------


def list_ways(rules: Iterable[ActionRule], *, at: datetime) -> list[str]:
    """Say what brings points now besides buying, oldest first, in the reader's language; members have joined.

    Queries: 0.
    """
    running = [rule for rule in rules if rule.runs_at(at) and rule.kind != ActionKind.SIGN_UP]
    return [_public_text(rule) for rule in sorted(running, key=lambda rule: rule.rule_id)]


def _public_text(rule: ActionRule) -> str:
    language = (get_language() or "en").partition("-")[0]
    own = rule.public_text.get(language) or rule.public_text.get("en", "")
    return own or sentences.points_for_action(rule.points, label_kind(rule))


def label_kind(rule: ActionRule | ActionRuleRow) -> str:
    """Name what a rule is for; one whose app is gone by its key."""
    known = dict(earning_triggers.items())
    if rule.kind == ActionKind.EVENT:
        return rule.name
    return str(known[rule.kind].label) if rule.kind in known else rule.kind


# -- what it would cost --------------------------------------------------------------------------------------


def count_a_month(*, programme_id: int, kind: str, event: str, at: datetime) -> int | None:
    """Guess how often a month an action is done, from what is recorded; None where nothing is. Queries: 1."""
    members = Member.objects.filter(
        programme_id=programme_id, state=MemberState.ACTIVE.value, merged_into=None
    )
    since = at - DAYS * _DAY
    if kind == ActionKind.SIGN_UP:
        return _per_month(members.filter(joined_at__gte=since).count())
    if kind == ActionKind.BIRTHDAY:
        return -(-members.filter(customer__birth_date__isnull=False).count() // 12)
    if kind == ActionKind.ANNIVERSARY:
        return -(-members.count() // 12)
    done = ActionAttempt.objects.filter(
        programme_id=programme_id, kind=kind, event=event, occurred_at__gte=since
    ).aggregate(count=Count("id"))["count"]
    return _per_month(done) if done else None


def _per_month(count: int) -> int:
    return -(-count * 30 // DAYS)


# -- what staff looks at -------------------------------------------------------------------------------------


def list_attempts(*, member: Member, limit: int) -> list[ActionAttempt]:
    """Give the newest actions of a member and of those merged into them. Queries: 2, more with merges."""
    family = list_merged(customer_id=member.customer_id)
    rows = ActionAttempt.objects.filter(programme_id=member.programme_id, member__customer_id__in=family)
    return list(rows.select_related("version__rule").order_by("-id")[:limit])


def label_attempt(attempt: ActionAttempt) -> str:
    """Name what was done: by its rule where one ran, else by the door that knows the kind."""
    if attempt.version is not None:
        return attempt.version.rule.name
    known = dict(earning_triggers.items())
    return str(known[attempt.kind].label) if attempt.kind in known else attempt.event or attempt.kind
