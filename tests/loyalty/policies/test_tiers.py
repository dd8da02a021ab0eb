"""Levels as a rule: what counts, how long one lasts, how it is tested, and what is refused."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from loyalty.policies.calendar import end_of_day, start_of_day
from loyalty.policies.tiers.counting import Bought, LevelPoints, total_of
from loyalty.policies.tiers.periods import next_test, span_of, span_of_test
from loyalty.policies.tiers.scheme import Fall, Metric, Scheme, Tier, Turn, Window
from loyalty.policies.tiers.standing import Held, is_due, merge, rise, take_test
from loyalty.policies.tiers.terms import TierPlan, TierProblem, list_unnamed, problems_of_tiers

OSLO = ZoneInfo("Europe/Oslo")
BRONZE, SILVER, GOLD = 1, 2, 3
TIERS = (
    Tier(11, BRONZE, "Bronze", 10_000, 100),
    Tier(12, SILVER, "Silver", 30_000, 125),
    Tier(13, GOLD, "Gold", 100_000, 150),
)


def scheme(window=Window.ROLLING, fall=Fall.STEP, grace_days=30, metric=Metric.SPEND) -> Scheme:
    return Scheme(
        id=1,
        metric=metric,
        window=window,
        fall=fall,
        grace_days=grace_days,
        notice_days=30,
        tiers=TIERS,
        starts_at=datetime(2020, 1, 1, tzinfo=UTC),
        ends_at=None,
    )


def midnight(*day: int) -> datetime:
    return start_of_day(date(*day), OSLO)


def gold(tests_on: date | None = date(2026, 3, 3)) -> Held:
    return Held(GOLD, midnight(2025, 3, 3), Turn.REACHED, tests_on, 7)


def test_the_highest_level_that_a_total_reaches_is_earned():
    earned = [scheme().earned(total) for total in (0, 9_999, 10_000, 99_999, 100_000)]

    assert [tier and tier.name for tier in earned] == [None, None, "Bronze", "Silver", "Gold"]


def test_twelve_months_are_whole_local_days_up_to_today():
    span = span_of(Window.ROLLING, date(2026, 3, 3), OSLO)

    assert (span.starts_at, span.ends_at) == (midnight(2025, 3, 4), midnight(2026, 3, 4))


def test_a_calendar_year_begins_on_new_years_day_and_a_lifetime_never_began():
    assert span_of(Window.CALENDAR, date(2026, 3, 3), OSLO).starts_at == midnight(2026, 1, 1)
    assert span_of(Window.LIFETIME, date(2026, 3, 3), OSLO).starts_at == datetime(1970, 1, 1, tzinfo=UTC)


def test_the_purchase_that_reached_a_level_does_not_carry_it_for_a_second_year():
    reached = date(2025, 3, 3)
    tested = next_test(Window.ROLLING, reached)
    assert tested == date(2026, 3, 3)

    assert span_of(Window.ROLLING, tested, OSLO).starts_at == end_of_day(reached, OSLO)


def test_levels_by_the_calendar_year_last_to_the_end_of_the_next_year():
    assert next_test(Window.CALENDAR, date(2025, 3, 3)) == date(2026, 12, 31)
    assert next_test(Window.LIFETIME, date(2025, 3, 3)) is None


def test_what_is_bought_in_grace_counts_for_the_test():
    span = span_of_test(scheme(), date(2026, 3, 3), OSLO)

    assert (span.starts_at, span.ends_at) == (midnight(2025, 3, 4), midnight(2026, 4, 3))


def test_a_level_is_due_when_the_day_of_its_test_is_over():
    assert not is_due(gold(), midnight(2026, 3, 4) - timedelta(seconds=1), OSLO)
    assert is_due(gold(), midnight(2026, 3, 4), OSLO)
    assert not is_due(gold(None), midnight(2030, 1, 1), OSLO)


def test_a_level_that_was_earned_again_is_kept_for_another_year_from_its_test():
    step = take_test(scheme(), gold(), 100_000, midnight(2026, 3, 9), OSLO)

    assert (step.at, step.turn) == (midnight(2026, 3, 4), Turn.KEPT)
    assert step.begun == Held(GOLD, midnight(2026, 3, 4), Turn.KEPT, date(2027, 3, 3))


def test_in_grace_nothing_is_decided_yet():
    assert take_test(scheme(), gold(), 99_999, midnight(2026, 4, 3) - timedelta(seconds=1), OSLO) is None


@pytest.mark.parametrize(
    ("fall", "total", "level_id"),
    [
        (Fall.STEP, 0, SILVER),
        (Fall.STEP, 30_000, SILVER),
        (Fall.EARNED, 10_000, BRONZE),
        (Fall.EARNED, 0, None),
    ],
)
def test_a_level_falls_when_grace_is_over_one_step_or_to_what_was_earned(fall, total, level_id):
    step = take_test(scheme(fall=fall), gold(), total, midnight(2026, 4, 3), OSLO)

    assert (step.at, step.turn) == (midnight(2026, 4, 3), Turn.FELL)
    if level_id is None:
        assert step.begun is None
    else:
        assert step.begun == Held(level_id, midnight(2026, 4, 3), Turn.FELL, date(2027, 3, 3))


def test_a_late_test_gives_the_dates_that_it_would_have_had():
    on_time = take_test(scheme(), gold(), 0, midnight(2026, 4, 3), OSLO)

    assert take_test(scheme(), gold(), 0, midnight(2027, 1, 1), OSLO) == on_time


def test_who_falls_from_the_lowest_level_has_none():
    bronze = Held(BRONZE, midnight(2025, 3, 3), Turn.REACHED, date(2026, 3, 3), 7)

    assert take_test(scheme(), bronze, 0, midnight(2026, 4, 3), OSLO).begun is None


def test_under_a_lifetime_window_a_level_is_never_lost():
    lifetime = scheme(Window.LIFETIME)

    assert take_test(lifetime, gold(None), 0, midnight(2030, 1, 1), OSLO) is None
    assert take_test(lifetime, gold(), 0, midnight(2030, 1, 1), OSLO).begun.tests_on is None


def test_a_level_rises_at_once_and_never_falls_by_a_purchase():
    at = midnight(2026, 2, 1)
    step = rise(
        scheme(), Held(SILVER, midnight(2025, 3, 3), Turn.REACHED, date(2026, 3, 3), 7), 100_000, at, OSLO
    )

    assert step.begun == Held(GOLD, at, Turn.REACHED, date(2027, 2, 1))
    assert rise(scheme(), gold(), 0, at, OSLO) is None
    assert rise(scheme(), None, 9_999, at, OSLO) is None


def test_a_merge_keeps_the_better_level_and_of_equals_the_one_that_lasts_longer():
    at = midnight(2026, 2, 1)
    silver = Held(SILVER, midnight(2025, 3, 3), Turn.REACHED, date(2027, 1, 1), 8)
    longer = Held(GOLD, midnight(2025, 9, 9), Turn.KEPT, date(2026, 9, 9), 9)

    assert merge(scheme(), gold(), silver, at) is None
    assert merge(scheme(), gold(), longer, at).begun == Held(GOLD, at, Turn.MERGED, date(2026, 9, 9))
    assert merge(scheme(), None, silver, at).begun == Held(SILVER, at, Turn.MERGED, date(2027, 1, 1))


def test_money_counts_as_far_as_it_was_paid_in_money_and_is_kept():
    march = midnight(2026, 3, 3)

    assert Bought(march, 10_000, returned_minor=2_500).money_minor == 7_500
    assert Bought(march, 10_000, returned_minor=5_000, otherwise_minor=4_000).money_minor == 3_000
    assert Bought(march, 10_000, otherwise_minor=12_000).money_minor == 0
    assert Bought(march, 1_000, rate=Fraction(1, 3)).money_minor == 333
    assert Bought(march, 10_000, is_cancelled=True).money_minor == 0


def test_an_order_counts_as_long_as_anything_of_it_is_kept():
    march = midnight(2026, 3, 3)
    bought = [Bought(march, 1_000, 999), Bought(march, 1_000, 1_000), Bought(march, 500, otherwise_minor=500)]
    span = span_of(Window.ROLLING, date(2026, 3, 3), OSLO)

    assert total_of(Metric.ORDERS, span, bought, []) == 2
    assert total_of(Metric.SPEND, span, bought, []) == 1
    points = [LevelPoints(march, 80), LevelPoints(march, -30), LevelPoints(midnight(2025, 3, 3), 999)]
    assert total_of(Metric.POINTS, span, [], points) == 50


def plans(*told: tuple[str, int, str]) -> list[TierPlan]:
    return [TierPlan(name, threshold, Decimal(factor)) for name, threshold, factor in told]


@pytest.mark.parametrize(
    ("tiers", "problems"),
    [
        (plans(("Silver", 100, "1"), ("Gold", 300, "1.5")), {}),
        ([], {(None, "tiers"): TierProblem.NO_TIERS}),
        (plans(("S", 100, "1"), ("G", 100, "1")), {(1, "threshold"): TierProblem.SAME_THRESHOLD}),
        (plans(("S", 300, "1"), ("G", 100, "1")), {(1, "threshold"): TierProblem.FALLING_THRESHOLD}),
        (plans(("S", 0, "1")), {(0, "threshold"): TierProblem.THRESHOLD}),
        (plans(("S", 100, "150")), {(0, "factor"): TierProblem.FACTOR}),
        (plans(("S", 100, "0.5")), {(0, "factor"): TierProblem.FACTOR}),
        (plans(("S", 100, "2"), ("G", 300, "1")), {(1, "factor"): TierProblem.FALLING_FACTOR}),
        (plans(("Gold", 100, "1"), ("gold ", 300, "1")), {(1, "name"): TierProblem.SAME_NAME}),
        ([TierPlan("S", 100, perks=({"kind": "lunch"},))], {(0, "perks"): TierProblem.PERKS}),
        (plans(*[(f"L{n}", 100 * n, "1") for n in range(1, 10)]), {(None, "tiers"): TierProblem.MANY_TIERS}),
    ],
)
def test_what_cannot_stand_is_named_by_level_and_field(tiers, problems):
    assert problems_of_tiers(tiers, grace_days=30, notice_days=30) == problems


def test_days_of_grace_and_notice_have_a_limit():
    problems = problems_of_tiers(plans(("S", 100, "1")), grace_days=181, notice_days=-1)

    assert problems == {(None, "grace_days"): TierProblem.DAYS, (None, "notice_days"): TierProblem.DAYS}


def test_a_draft_may_wait_for_names():
    tiers = plans(("", 100, "1"), ("Gold", 300, "1"))

    assert problems_of_tiers(tiers, grace_days=0, notice_days=0) == {}
    assert list_unnamed(tiers) == {(0, "name"): TierProblem.NO_NAME}
