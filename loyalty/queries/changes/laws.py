"""The laws of announced changes: what was announced comes, and what has closed leaves no points behind."""

from datetime import timedelta

from backstage.queries import Law
from loyalty.models import (
    Announcement,
    EarningRule,
    LotTerms,
    Member,
    PlanVersion,
    PointsAccount,
    Programme,
    TierScheme,
)
from loyalty.policies.changes.subjects import Subject
from loyalty.policies.programme import ProgrammeState

_ANNOUNCEMENT, _RULE, _TERMS, _SCHEME, _PLAN_VERSION, _MEMBER, _ACCOUNT, _PROGRAMME = (
    model._meta.db_table
    for model in (
        Announcement,
        EarningRule,
        LotTerms,
        TierScheme,
        PlanVersion,
        Member,
        PointsAccount,
        Programme,
    )
)
WINDING_UP_LATE = timedelta(hours=26)


_OF_PROGRAMME, _OF_PLAN = "v.programme_id = a.programme_id", "v.plan_id = a.plan_id"


def _broken(
    subject: Subject,
    versions: str,
    same_goods: str = "",
    holds: str = "a.starts_at = v.starts_at",
    same: str = _OF_PROGRAMME,
) -> str:
    return (
        f"SELECT a.id, a.programme_id, a.starts_at FROM {_ANNOUNCEMENT} a"
        f" WHERE a.subject = '{subject.value}' AND a.cancelled_at IS NULL AND NOT EXISTS"
        f" (SELECT 1 FROM {versions} v WHERE {same} AND {holds}"
        f"{same_goods})"
    )


LAWS = (
    Law(
        "announced_rule_begins",
        "Does a version of the earning rule begin whenever one was announced?",
        _broken(Subject.RULE, _RULE),
        "announcement %(id)s of programme %(programme_id)s: no rule begins at %(starts_at)s",
    ),
    Law(
        "announced_terms_begin",
        "Does a version of window and expiry begin whenever one was announced?",
        _broken(
            Subject.TERMS,
            _TERMS,
            " AND (v.product_group_id = a.product_group_id"
            " OR (v.product_group_id IS NULL AND a.product_group_id IS NULL))",
        ),
        "announcement %(id)s of programme %(programme_id)s: no terms begin at %(starts_at)s",
    ),
    Law(
        "announced_levels_hold",
        "Does a version of the levels begin or end whenever one was announced to?",
        _broken(Subject.LEVELS, _SCHEME, holds="a.starts_at IN (v.starts_at, v.ends_at)"),
        "announcement %(id)s of programme %(programme_id)s: no levels begin or end at %(starts_at)s",
    ),
    Law(
        "announced_plan_begins",
        "Does a version of a plan begin whenever one was announced?",
        _broken(Subject.PLAN, _PLAN_VERSION, same=_OF_PLAN),
        "announcement %(id)s of programme %(programme_id)s: no version of a plan begins at %(starts_at)s",
    ),
    Law(
        "closed_programme_is_wound_up",
        "Have all points ended in every programme that closed more than a day ago?",
        f"SELECT m.id, a.pending, a.available, p.closes_at FROM {_MEMBER} m"
        f" JOIN {_PROGRAMME} p ON p.id = m.programme_id JOIN {_ACCOUNT} a ON a.member_id = m.id"
        f" WHERE p.state IN ('{ProgrammeState.CLOSING.value}', '{ProgrammeState.CLOSED.value}')"
        " AND a.held = 0 AND (a.pending > 0 OR a.available > 0) AND p.closes_at < %s",
        "member %(id)s has %(pending)s and %(available)s points; the programme closed at %(closes_at)s",
        WINDING_UP_LATE,
    ),
)
INVARIANTS = tuple(law.invariant() for law in LAWS)
