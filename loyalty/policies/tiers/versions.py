"""One version of the levels after another: what changes, and which of them decides the test of a day.

A test is decided by the version that holds when its day ends, also where a run is late and another one has
begun since: nobody falls by a rule that did not hold yet.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from loyalty.policies.calendar import end_of_day, local_date
from loyalty.policies.perks import perk_rows
from loyalty.policies.tiers.periods import next_test
from loyalty.policies.tiers.scheme import Scheme, Window
from loyalty.policies.tiers.standing import Held

MOMENT = timedelta(microseconds=1)


def fields_of(scheme: Scheme) -> dict[str, Any]:
    """Give a version as announcements keep it: plain values that can be compared."""
    return {
        "metric": scheme.metric.value,
        "window": scheme.window.value,
        "fall": scheme.fall.value,
        "grace_days": scheme.grace_days,
        # Not to be taken for the notice of changes, which is a setting of the programme.
        "warning_days": scheme.notice_days,
        "levels": [
            {
                "level_id": tier.level_id,
                "name": tier.name,
                "threshold": tier.threshold,
                "percent": tier.percent,
                "perks": perk_rows(tier.perks),
            }
            for tier in scheme.tiers
        ],
    }


def switched_off(fields: dict[str, Any]) -> dict[str, Any]:
    """Give the same without any levels, which is how they stand while they are switched off."""
    return {**fields, "levels": []}


def scheme_of_test(schemes: Sequence[Scheme], tests_on: date, zone: ZoneInfo) -> Scheme | None:
    """Give the version that decides a test: the one that holds when its day ends; None while they are off."""
    last_moment = end_of_day(tests_on, zone) - MOMENT
    for scheme in schemes:
        if scheme.starts_at <= last_moment and (scheme.ends_at is None or last_moment < scheme.ends_at):
            return scheme
    return None


def begins_anew(schemes: Sequence[Scheme], scheme: Scheme) -> bool:
    """Tell whether levels were off before this version: no other one held until it began."""
    return all(other.ends_at != scheme.starts_at for other in schemes)


def dated(schemes: Sequence[Scheme], scheme: Scheme, held: Held, zone: ZoneInfo) -> Held:
    """Give a level with the day of its test under a version, whether or not that is written down yet.

    One that could never be lost before lasts from the day on which the version began. One whose test fell
    into a break is tested on that day: nobody loses on a day that has passed what nobody could warn them of.
    """
    if scheme.window is Window.LIFETIME:
        return held
    first_day = local_date(scheme.starts_at, zone)
    if held.tests_on is None:
        return replace(held, tests_on=next_test(scheme.window, first_day))
    if held.tests_on < first_day and begins_anew(schemes, scheme):
        return replace(held, tests_on=first_day)
    return held


def known_until(schemes: Sequence[Scheme], scheme: Scheme, level_id: int) -> datetime | None:
    """Say from which moment on a level is known no more, by a version that begins then or by none; else None.

    `scheme` holds and knows it.
    """
    ends_at = scheme.ends_at
    while ends_at is not None:
        after = next((one for one in schemes if one.starts_at == ends_at), None)
        if after is None or after.find(level_id) is None:
            return ends_at
        ends_at = after.ends_at
    return None
