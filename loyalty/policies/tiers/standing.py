"""What becomes of a member's earned level: it rises at once, and falls by a test, after its days of grace."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from loyalty.policies.calendar import end_of_day, local_date
from loyalty.policies.tiers.periods import last_day, next_test
from loyalty.policies.tiers.scheme import Fall, Scheme, Tier, Turn, Window


@dataclass(frozen=True, slots=True)
class Held:
    """An earned level as it is held. `tests_on` is None for one that is never tested; `id` None for a new
    one.
    """

    level_id: int
    begins_at: datetime
    turn: Turn
    tests_on: date | None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that becomes of a level: `ended` ends at `at` for the reason `turn`, `begun` begins then."""

    at: datetime
    turn: Turn
    ended: Held | None
    begun: Held | None


def is_due(held: Held, at: datetime, zone: ZoneInfo) -> bool:
    """Tell whether the day of its test is over."""
    return held.tests_on is not None and end_of_day(held.tests_on, zone) <= at


def take_test(scheme: Scheme, held: Held, total: int, at: datetime, zone: ZoneInfo) -> Step | None:
    """Decide the test of a level by what was counted for it; None while its days of grace run.

    Dates are those of the test, however late it is written down. A level that is kept, and one that is fallen
    to, last from the day of the test on; the fall itself comes when grace is over.
    """
    if held.tests_on is None:
        return None
    tested_at, earned = end_of_day(held.tests_on, zone), scheme.earned(total)
    if scheme.window is Window.LIFETIME:  # it was tested under another version, and never will be again
        return Step(tested_at, Turn.KEPT, held, Held(held.level_id, tested_at, Turn.KEPT, None))
    if earned is not None and scheme.rank(earned.level_id) >= scheme.rank(held.level_id):
        again = held.level_id if scheme.find(held.level_id) else earned.level_id
        tests_on = next_test(scheme.window, held.tests_on)
        return Step(tested_at, Turn.KEPT, held, Held(again, tested_at, Turn.KEPT, tests_on))
    falls_at = end_of_day(last_day(scheme, held.tests_on), zone)
    if at < falls_at:
        return None
    lower = fall_to(scheme, held.level_id, earned)
    begun = None
    if lower is not None:
        begun = Held(lower.level_id, falls_at, Turn.FELL, next_test(scheme.window, held.tests_on))
    return Step(falls_at, Turn.FELL, held, begun)


def fall_to(scheme: Scheme, level_id: int, earned: Tier | None) -> Tier | None:
    """Say which level a lost one leads to: one step down, never below what was earned; or what was earned."""
    if scheme.fall is Fall.EARNED:
        return earned
    earned_rank = scheme.rank(earned.level_id) if earned else 0
    return scheme.at_rank(max(scheme.rank(level_id) - 1, earned_rank))


def rise(scheme: Scheme, held: Held | None, total: int, at: datetime, zone: ZoneInfo) -> Step | None:
    """Let a level rise at once to what the total of this moment earns; it never falls this way."""
    earned = scheme.earned(total)
    if earned is None or scheme.rank(earned.level_id) <= scheme.rank(held.level_id if held else None):
        return None
    tests_on = next_test(scheme.window, local_date(at, zone))
    return Step(at, Turn.REACHED, held, Held(earned.level_id, at, Turn.REACHED, tests_on))


def merge(scheme: Scheme, kept: Held | None, other: Held | None, at: datetime) -> Step | None:
    """Let the better of two members' levels, or the one that lasts longer, stand for the member who stays."""
    if other is None:
        return None
    ours, theirs = (_order(scheme, held) for held in (kept, other))
    if theirs <= ours:
        return None
    return Step(at, Turn.MERGED, kept, replace(other, begins_at=at, turn=Turn.MERGED, id=None))


def _order(scheme: Scheme, held: Held | None) -> tuple[int, date]:
    if held is None:
        return (-1, date.min)
    return (scheme.rank(held.level_id), held.tests_on or date.max)
