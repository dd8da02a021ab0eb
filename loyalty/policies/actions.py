"""What members do besides buying, and how many points it brings: rules as plain values, caps, and days."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from loyalty.policies.calendar import local_date, start_of_day

# What happened at night, or while no job ran for a week, is still given points for.
CATCH_UP_DAYS = 7


class ActionKind(StrEnum):
    """What a member did; `EVENT` is whatever the shop calls by a key of its own."""

    SIGN_UP = "sign_up"
    BIRTHDAY = "birthday"
    ANNIVERSARY = "anniversary"
    REVIEW = "review"
    SHARE = "share"
    SURVEY = "survey"
    NEWSLETTER = "newsletter"
    EVENT = "event"


class ActionState(StrEnum):
    """Where a rule stands; whether an ON one is scheduled, running or over is a question of the clock."""

    DRAFT = "draft"
    ON = "on"
    PAUSED = "paused"
    ENDED = "ended"


class CapPeriod(StrEnum):
    """For how long a cap counts, by the programme's own calendar; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    EVER = "ever"


class Refusal(StrEnum):
    """Why an action brought nothing."""

    NO_RULE = "no_rule"
    NOT_LIVE = "not_live"
    NOT_ACTIVE = "not_active"
    CAP_REACHED = "cap_reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRule:
    """One version of what an action brings, and when it ran: [`starts_at`, `ends_at`).

    `id` is the version's, which attempts and entries keep; caps are counted by `rule_id`. Without
    `cap_times` every action counts. `name` and `public_text` say it to people.
    """

    id: int
    rule_id: int
    kind: str
    event: str
    points: int
    cap_times: int | None
    cap_period: CapPeriod
    counts_for_level: bool
    starts_at: datetime
    ends_at: datetime | None
    name: str = ""
    public_text: Mapping[str, str] = field(default_factory=dict)

    def runs_at(self, at: datetime) -> bool:
        """Tell whether it ran at a moment."""
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


def running_rule(rules: Iterable[ActionRule], *, kind: str, event: str, at: datetime) -> ActionRule | None:
    """Find the rule that an action of that moment falls under; of several the oldest."""
    fitting = [rule for rule in rules if (rule.kind, rule.event) == (kind, event) and rule.runs_at(at)]
    return min(fitting, key=lambda rule: (rule.rule_id, rule.id), default=None)


def is_within_cap(rule: ActionRule, earlier: Iterable[datetime], at: datetime, zone: ZoneInfo) -> bool:
    """Tell whether one more action counts, after those `earlier` that did; a period is the action's own."""
    if rule.cap_times is None:
        return True
    same = sum(is_same_period(rule.cap_period, one, at, zone) for one in earlier)
    return same < rule.cap_times


def is_same_period(period: CapPeriod, one: datetime, other: datetime, zone: ZoneInfo) -> bool:
    """Tell whether two moments lie in one period of the programme's calendar."""
    return period_of(period, local_date(one, zone)) == period_of(period, local_date(other, zone))


def period_of(period: CapPeriod, day: date) -> date | None:
    """Give the first day of the period that a day lies in; None is the one period that never ends."""
    if period is CapPeriod.EVER:
        return None
    if period is CapPeriod.WEEK:
        return day - timedelta(days=day.weekday())
    if period is CapPeriod.MONTH:
        return day.replace(day=1)
    return day.replace(month=1, day=1) if period is CapPeriod.YEAR else day


# -- days that come round ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Occasion:
    """A day on which something comes round, and the days of the year that are kept on it."""

    day: date
    month_days: tuple[tuple[int, int], ...]

    def begins_at(self, zone: ZoneInfo) -> datetime:
        """Give the moment at which the day begins in the programme's zone."""
        return start_of_day(self.day, zone)


def list_occasions(at: datetime, zone: ZoneInfo) -> list[Occasion]:
    """Give the days that are due at a moment, today first: what came round in the last week is made up for.

    What belongs to 29 February is kept on 28 February in other years.
    """
    today = local_date(at, zone)
    return [_occasion(today - timedelta(days=number)) for number in range(CATCH_UP_DAYS + 1)]


def _occasion(day: date) -> Occasion:
    is_last_of_february = (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).month == 3
    kept = [(day.month, day.day)] + ([(2, 29)] if is_last_of_february else [])
    return Occasion(day, tuple(kept))
