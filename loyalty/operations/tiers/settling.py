"""What purchases make of earned levels: tests whose day is over, then rises, written by whoever finds them.

The settlement of a purchase, points that count for the level, a merge and the daily job all end here. The
caller has locked the members' accounts, so that of two who find the same rise one writes it.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from loyalty.models import TierHolding
from loyalty.policies.errors import WriteConflict
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.tiers.periods import span_at, span_of_test
from loyalty.policies.tiers.scheme import LevelSource, Scheme, Turn
from loyalty.policies.tiers.standing import Held, Step, is_due, rise, take_test
from loyalty.queries.tiers.levels import list_earned
from loyalty.queries.tiers.sums import get_totals

# Told in one statement; a day on which everybody rises is written in parts of so many.
AT_ONCE = 1_000


def settle_levels(*, rules: ProgrammeRules, member_ids: Collection[int], at: datetime) -> int:
    """Bring the earned levels of these members up to date as of `at`; give the number of levels that changed.

    The accounts are locked by the caller. Replay: what is up to date is left alone. Queries: 0 while levels
    are off; else 2, 1 more for each round of tests that are over, and 2 where anything changes.
    """
    scheme = rules.scheme_at(at)
    if scheme is None:
        return 0
    ordered, changed = sorted(set(member_ids)), 0
    for start in range(0, len(ordered), AT_ONCE):
        changed += _settle(rules, scheme, ordered[start : start + AT_ONCE], at)
    return changed


def _settle(rules: ProgrammeRules, scheme: Scheme, member_ids: Sequence[int], at: datetime) -> int:
    held = list_earned(member_ids)
    steps: dict[int, list[Step]] = defaultdict(list)
    _take_tests(rules, scheme, held, steps, at)
    span = span_at(scheme, at, rules.zone)
    totals = get_totals(rules, scheme, dict.fromkeys(member_ids, span))
    for member_id, total in totals.items():
        if step := rise(scheme, held.get(member_id), total, at, rules.zone):
            steps[member_id].append(step)
    write_steps(steps)
    return sum(len(found) for found in steps.values())


def _take_tests(
    rules: ProgrammeRules,
    scheme: Scheme,
    held: dict[int, Held],
    steps: dict[int, list[Step]],
    at: datetime,
) -> None:
    """Decide every test that is over, one after the other for whoever has several behind them."""
    due = {member_id for member_id, one in held.items() if is_due(one, at, rules.zone)}
    while due:
        days = {member_id: held[member_id].tests_on for member_id in due}
        spans = {member_id: span_of_test(scheme, day, rules.zone) for member_id, day in days.items() if day}
        totals = get_totals(rules, scheme, spans)
        taken = {
            member_id: step
            for member_id, total in totals.items()
            if (step := take_test(scheme, held[member_id], total, at, rules.zone))
        }
        for member_id, step in taken.items():
            steps[member_id].append(step)
            if step.begun is None:
                del held[member_id]
            else:
                held[member_id] = step.begun
        due = {one for one in taken if one in held and is_due(held[one], at, rules.zone)}


def write_steps(steps: dict[int, list[Step]]) -> None:
    """Store what became of levels, member by member in the order of time.

    Raises: WriteConflict where a level that ends here has been ended by somebody else meanwhile.
    """
    ends: dict[tuple[datetime, Turn], list[int]] = defaultdict(list)
    rows: list[TierHolding] = []
    for member_id, found in steps.items():
        begun: TierHolding | None = None
        for step in found:
            if begun is not None:  # it began and ended while nobody looked
                begun.ends_at, begun.end_reason = step.at, step.turn.value
            elif step.ended is not None and step.ended.id is not None:
                ends[step.at, step.turn].append(step.ended.id)
            begun = None if step.begun is None else _row(member_id, step.begun)
            rows += [] if begun is None else [begun]
    for (ends_at, turn), ids in sorted(ends.items()):
        changed = TierHolding.objects.filter(id__in=ids, ends_at=None).update(
            ends_at=ends_at, end_reason=turn.value
        )
        if changed != len(ids):
            raise WriteConflict(f"{changed} levels ended where {len(ids)} had to")
    if rows:
        TierHolding.objects.bulk_create(rows)


def _row(member_id: int, held: Held) -> TierHolding:
    return TierHolding(
        member_id=member_id,
        level_id=held.level_id,
        source=LevelSource.EARNED.value,
        tests_on=held.tests_on,
        begins_at=held.begins_at,
        begin_reason=held.turn.value,
    )
