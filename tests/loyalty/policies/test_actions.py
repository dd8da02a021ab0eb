"""Caps by the programme's calendar, and days that come round."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.policies.actions import (
    ActionRule,
    CapPeriod,
    is_same_period,
    is_within_cap,
    list_occasions,
    period_of,
    running_rule,
)

pytestmark = pytest.mark.once

OSLO = ZoneInfo("Europe/Oslo")


def at(*parts):
    return datetime(*parts, tzinfo=UTC)


def rule(number=1, starts=(2026, 1, 1), ends=None, **facts):
    facts = {"cap_times": None, "cap_period": CapPeriod.EVER, **facts}
    return ActionRule(
        id=number,
        rule_id=number,
        kind="review",
        event="",
        points=20,
        counts_for_level=False,
        starts_at=at(*starts),
        ends_at=at(*ends) if ends else None,
        **facts,
    )


@pytest.mark.parametrize(
    ("period", "first", "second", "same"),
    [
        (CapPeriod.DAY, at(2026, 3, 3, 22, 59), at(2026, 3, 3, 23, 1), False),  # midnight in Oslo
        (CapPeriod.DAY, at(2026, 3, 3, 23, 1), at(2026, 3, 4, 22), True),
        (CapPeriod.WEEK, at(2026, 3, 2, 12), at(2026, 3, 8, 12), True),  # Monday and Sunday
        (CapPeriod.WEEK, at(2026, 3, 8, 12), at(2026, 3, 9, 12), False),
        (CapPeriod.MONTH, at(2026, 2, 28, 12), at(2026, 3, 1, 12), False),
        (CapPeriod.YEAR, at(2026, 1, 1, 12), at(2026, 12, 31, 12), True),
        (CapPeriod.YEAR, at(2025, 12, 31, 12), at(2026, 1, 1, 12), False),
        (CapPeriod.EVER, at(2000, 1, 1), at(2026, 1, 1), True),
    ],
)
def test_a_period_is_one_of_the_programmes_own_calendar(period, first, second, same):
    assert is_same_period(period, first, second, OSLO) is same


def test_a_cap_counts_what_was_done_in_the_same_period_alone():
    twice = rule(cap_times=2, cap_period=CapPeriod.MONTH)
    earlier = [at(2026, 2, 10), at(2026, 3, 1)]

    assert is_within_cap(twice, earlier, at(2026, 3, 9), OSLO)
    assert not is_within_cap(twice, [*earlier, at(2026, 3, 2)], at(2026, 3, 9), OSLO)
    assert is_within_cap(rule(), [at(2026, 3, 1)] * 99, at(2026, 3, 9), OSLO)


def test_an_action_falls_under_the_rule_of_its_own_moment():
    first, second = rule(1, ends=(2026, 3, 1)), rule(2, starts=(2026, 3, 1))

    found = [
        running_rule([second, first], kind="review", event="", at=moment)
        for moment in (at(2025, 12, 31), at(2026, 2, 28), at(2026, 3, 1))
    ]
    assert found == [None, first, second]
    assert running_rule([first], kind="share", event="", at=at(2026, 2, 1)) is None


@pytest.mark.parametrize(
    ("today", "kept"),
    [
        (date(2026, 2, 28), ((2, 28), (2, 29))),
        (date(2028, 2, 28), ((2, 28),)),
        (date(2028, 2, 29), ((2, 29),)),
        (date(2026, 3, 1), ((3, 1),)),
    ],
)
def test_the_29_of_february_is_kept_on_the_28_in_other_years(today, kept):
    occasions = list_occasions(datetime(today.year, today.month, today.day, 12, tzinfo=OSLO), OSLO)

    assert (occasions[0].day, occasions[0].month_days) == (today, kept)
    assert len(occasions) == 8


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)), st.sampled_from(list(CapPeriod)))
def test_every_day_lies_in_the_period_that_it_begins_or_follows(day, period):
    first = period_of(period, day)

    assert first is None or (first <= day and period_of(period, first) == first)


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)))
def test_every_day_of_a_year_is_kept_exactly_once_in_each_year(day):
    year = [date(day.year, 1, 1).toordinal() + number for number in range(366)]
    noon = [datetime.combine(date.fromordinal(one), datetime.min.time(), OSLO) for one in year]
    kept = [pair for moment in noon for pair in list_occasions(moment, OSLO)[0].month_days]
    in_year = [pair for moment, pair in zip(noon, kept, strict=False) if moment.year == day.year]

    assert in_year.count((day.month, day.day)) <= 1
