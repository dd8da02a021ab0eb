"""What purchases make of earned levels: tests whose day is over, then rises, written by whoever finds them.

The settlement of a purchase, points that count for the level, a merge and the daily job all end here. The
caller has locked the members' accounts, so that of two who find the same rise one writes it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from loyalty.models import TierHolding
from loyalty.policies.calendar import local_date
from loyalty.policies.errors import WriteConflict
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.tiers.periods import Span, next_test, span_at, span_of_test
from loyalty.policies.tiers.scheme import LevelSource, Scheme, Turn, Window
from loyalty.policies.tiers.standing import Held, Step, is_due, rise, take_test
from loyalty.policies.tiers.versions import dated, scheme_of_test
from loyalty.queries.tiers.levels import list_earned
from loyalty.queries.tiers.sums import get_totals

# Told in one statement; a day on which everybody rises is written in parts of so many.
AT_ONCE = 1_000


def settle_levels(
    *,
    rules: ProgrammeRules,
    member_ids: Collection[int],
    at: datetime,
    placed: Mapping[int, datetime] | None = None,
) -> int:
    """Bring the earned levels of these members up to date as of `at`; give the number of levels that changed.

    `placed` is when the newest order of a member was placed that is seen for the first time: the version of
    that moment raises, too. The accounts are locked by the caller. Replay: what is up to date is left alone.
    Queries: 0 while levels are off; else 2, 1 more for each round of tests that are over and version that
    decides one, 1 where an order of before the version that holds arrives late, and 2 where anything changes.
    """
    scheme = rules.scheme_at(at)
    if scheme is None:
        return 0
    ordered, changed = sorted(set(member_ids)), 0
    for start in range(0, len(ordered), AT_ONCE):
        changed += _settle(rules, scheme, ordered[start : start + AT_ONCE], at, placed or {})
    return changed


def _settle(
    rules: ProgrammeRules,
    scheme: Scheme,
    member_ids: Sequence[int],
    at: datetime,
    placed: Mapping[int, datetime],
) -> int:
    held = {
        member_id: dated(rules.schemes, scheme, one, rules.zone)
        for member_id, one in list_earned(member_ids).items()
    }
    steps: dict[int, list[Step]] = defaultdict(list)
    _take_tests(rules, scheme, held, steps, at)
    span = span_at(scheme, at, rules.zone)
    totals = get_totals(rules, scheme, dict.fromkeys(member_ids, span))
    promised = _find_promised(rules, scheme, {one: placed[one] for one in member_ids if one in placed}, at)
    for member_id, total in totals.items():
        step = rise(scheme, held.get(member_id), total, at, rules.zone)
        reached = step.begun if step else held.get(member_id)
        if (by_then := promised.get(member_id)) and _is_higher(scheme, by_then, reached):
            step = Step(at, Turn.REACHED, held.get(member_id), by_then)
        if step:
            steps[member_id].append(step)
    write_steps(steps)
    return sum(len(found) for found in steps.values())


def _find_promised(
    rules: ProgrammeRules, scheme: Scheme, placed: Mapping[int, datetime], at: datetime
) -> dict[int, Held]:
    """Find the level that an order reached which was placed before the version that holds, and arrives late.

    It begins now, as every rise does, and is tested as if it had begun on the day of the order.
    """
    before = next((one for one in rules.schemes if one.ends_at == scheme.starts_at), None)
    if before is None:
        return {}
    spans = {
        member_id: Span(span_at(before, placed_at, rules.zone).starts_at, scheme.starts_at)
        for member_id, placed_at in placed.items()
        if before.starts_at <= placed_at < scheme.starts_at
    }
    found = {}
    for member_id, total in get_totals(rules, before, spans).items():
        tier, day = before.earned(total), local_date(placed[member_id], rules.zone)
        if tier is not None:
            tests_on = None if scheme.window is Window.LIFETIME else next_test(before.window, day)
            level = Held(tier.level_id, at, Turn.REACHED, tests_on)
            found[member_id] = dated(rules.schemes, scheme, level, rules.zone)
    return {one: level for one, level in found.items() if not is_due(level, at, rules.zone)}


def _is_higher(scheme: Scheme, held: Held, other: Held | None) -> bool:
    return scheme.rank(held.level_id) > scheme.rank(other.level_id if other else None)


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
        taken: dict[int, Step] = {}
        for decides, spans in _tests_by_scheme(rules, scheme, {one: held[one] for one in due}):
            for member_id, total in get_totals(rules, decides, spans).items():
                if step := take_test(decides, held[member_id], total, at, rules.zone):
                    taken[member_id] = step
        for member_id, step in taken.items():
            steps[member_id].append(step)
            if step.begun is None:
                del held[member_id]
            else:
                held[member_id] = step.begun
        due = {one for one in taken if one in held and is_due(held[one], at, rules.zone)}


def _tests_by_scheme(
    rules: ProgrammeRules, scheme: Scheme, due: Mapping[int, Held]
) -> list[tuple[Scheme, dict[int, Span]]]:
    """Give the time that counts for each test, by the version that decides it; nearly always there is one.

    Where nothing that was reached is lost any more, that holds for tests of before, too.
    """
    found: dict[int, tuple[Scheme, dict[int, Span]]] = {}
    for member_id, one in due.items():
        assert one.tests_on is not None  # noqa: S101 (what is never tested is not due)
        decides = (
            None
            if scheme.window is Window.LIFETIME
            else scheme_of_test(rules.schemes, one.tests_on, rules.zone)
        )
        decides = decides or scheme
        spans = found.setdefault(decides.id, (decides, {}))[1]
        spans[member_id] = span_of_test(decides, one.tests_on, rules.zone)
    return list(found.values())


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
