"""What members read of their level: which it is, what is missing and until when, and what it brings."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext

from loyalty.policies.programme import MEMBER_ALLOWS, MemberState
from loyalty.policies.tiers.scheme import LevelSource
from loyalty.queries import figures
from loyalty.queries.perk_words import say_perks
from loyalty.queries.programmes import rules_of
from loyalty.queries.tiers.course import Course, find_course
from loyalty.queries.tiers.words import say_amount, say_factor
from loyalty.registry import Visit


def find_level_section(visit: Visit) -> Mapping[str, Any] | None:
    """Show where the member stands with the levels; nothing while they are off, or to who cannot earn.

    Queries: 1; 0 while levels are off.
    """
    if not MEMBER_ALLOWS[MemberState(visit.member.state)].earn:
        return None
    course = find_course(rules_of(visit.programme), member_id=visit.member.pk, at=visit.at)
    if course is None or (course.tier is None and course.next is None):
        return None
    return read_course(course, visit)


def read_course(course: Course, visit: Visit) -> dict[str, Any]:
    """Write a member's course out: name, sentences, and how far the bar is."""
    currency = visit.programme.currency
    tier, after = course.tier, course.next
    return {
        "name": tier.name if tier else "",
        "sentences": [*_until(course, visit), *_towards(course, currency)],
        "done": min(course.total, after.threshold) if after else 0,
        "whole": after.threshold if after else 0,
        "perks": _perks(course, currency),
        "is_urgent": course.is_in_grace and bool(course.keeps_missing),
    }


def _until(course: Course, visit: Visit) -> list[str]:
    """Say until when it lasts, what keeps it, and what happens otherwise."""
    if course.tier is None:
        return []
    zone, now = visit.programme.zone, visit.at
    gaps = {"level": course.tier.name}
    if course.lasts_until is None:
        return [] if course.source is not LevelSource.EARNED else [gettext("It is yours for good.")]
    gaps["date"] = figures.last_day(course.lasts_until, zone, now=now)
    if course.keeps_missing is None:
        return [gettext("It is yours until %(date)s.") % gaps]
    if not course.keeps_missing:
        return [gettext("Until %(date)s, and already kept for the time after that.") % gaps]
    gaps["amount"] = say_amount(
        course.tested_by or course.scheme, course.keeps_missing, visit.programme.currency
    )
    if course.is_in_grace and course.loses_at is not None:
        gaps["date"] = figures.last_day(course.loses_at, zone, now=now)
        return [gettext("%(amount)s more until %(date)s, or you lose this level.") % gaps]
    return [gettext("Until %(date)s. To keep it for the time after that: %(amount)s more by then.") % gaps]


def _towards(course: Course, currency: str) -> list[str]:
    if course.next is None:
        return [gettext("There is no higher level.")]
    gaps = {
        "amount": say_amount(course.scheme, course.missing, currency),
        "level": course.next.name,
    }
    return [gettext("Next level: %(level)s. Missing: %(amount)s.") % gaps]


def _perks(course: Course, currency: str) -> list[str]:
    if course.tier is None:
        return []
    factor = say_factor(course.tier.percent)
    return [*([factor[:1].upper() + factor[1:]] if factor else []), *say_perks(course.tier.perks, currency)]
