"""The laws of levels: one at a time, without gaps, known, tested, and none with whoever was merged."""

from datetime import timedelta

from backstage import clock
from backstage.policies import Finding
from backstage.queries import MOST_FINDINGS, Law
from backstage.registry import Invariant
from loyalty.models import Member, Tier, TierHolding, TierScheme
from loyalty.policies.calendar import local_date
from loyalty.policies.tiers.scheme import LevelSource, Turn, Window
from loyalty.queries.programmes import list_programme_rules

_HOLDING, _TIER, _SCHEME, _MEMBER = (
    model._meta.db_table for model in (TierHolding, Tier, TierScheme, Member)
)
# Days that the daily job may be late with a test before somebody should look.
LATE_DAYS = 2
DATING_LATE = timedelta(hours=26)

LAWS = (
    Law(
        "level_one_at_a_time",
        "Does everybody have one level at a time from each source?",
        "SELECT h.id, h.member_id FROM (SELECT id, member_id, begins_at,"
        " LAG(id) OVER same AS before, LAG(ends_at) OVER same AS ended"
        f" FROM {_HOLDING} WINDOW same AS (PARTITION BY member_id, source, source_key"
        " ORDER BY begins_at, id)) h"
        " WHERE h.before IS NOT NULL AND (h.ended IS NULL OR h.ended > h.begins_at)",
        "level %(id)s of member %(member_id)s began before the one before it had ended",
    ),
    Law(
        "level_follows_another",
        "Does every level that was kept or fallen to follow the one that ended so?",
        f"SELECT h.id, h.member_id FROM {_HOLDING} h"
        f" WHERE h.begin_reason IN ('{Turn.KEPT.value}', '{Turn.FELL.value}') AND NOT EXISTS"
        f" (SELECT 1 FROM {_HOLDING} b WHERE b.member_id = h.member_id AND b.source = h.source"
        " AND b.ends_at = h.begins_at AND b.end_reason = h.begin_reason AND b.id <> h.id)",
        "level %(id)s of member %(member_id)s was kept or fallen to, and none ended then",
    ),
    Law(
        "level_is_known",
        "Is every level that somebody has or had one of their programme?",
        f"SELECT h.id, h.member_id, h.level_id FROM {_HOLDING} h JOIN {_MEMBER} m ON m.id = h.member_id"
        f" WHERE NOT EXISTS (SELECT 1 FROM {_TIER} t JOIN {_SCHEME} s ON s.id = t.scheme_id"
        " WHERE t.level_id = h.level_id AND s.programme_id = m.programme_id)",
        "member %(member_id)s has level %(level_id)s, which the programme never had",
    ),
    Law(
        "level_is_tested",
        "Does every earned level have a day on which it is tested, but for those that are never lost?",
        f"SELECT h.id, h.member_id FROM {_HOLDING} h JOIN {_MEMBER} m ON m.id = h.member_id"
        # The version that held a day ago: the daily job gives those of one that has just begun their day.
        f" JOIN {_SCHEME} s ON s.programme_id = m.programme_id"
        " AND %s BETWEEN s.starts_at AND COALESCE(s.ends_at, '9999-12-31 00:00:00')"
        f" WHERE h.source = '{LevelSource.EARNED.value}' AND h.ends_at IS NULL AND h.tests_on IS NULL"
        f" AND s.window <> '{Window.LIFETIME.value}' AND NOT EXISTS (SELECT 1 FROM {_SCHEME} n"
        " WHERE n.programme_id = s.programme_id AND n.starts_at = s.ends_at"
        f" AND n.window = '{Window.LIFETIME.value}')",
        "level %(id)s of member %(member_id)s would never be tested",
        DATING_LATE,
    ),
    Law(
        "one_version_of_levels_at_a_time",
        "Does one version of the levels at most hold at any moment?",
        f"SELECT s.id, n.id AS other, s.programme_id FROM {_SCHEME} s JOIN {_SCHEME} n"
        " ON n.programme_id = s.programme_id AND n.id <> s.id AND n.starts_at >= s.starts_at"
        " AND (s.ends_at IS NULL OR n.starts_at < s.ends_at)"
        # One that was called off before its day never held.
        " AND (n.ends_at IS NULL OR n.starts_at < n.ends_at)",
        "versions %(id)s and %(other)s of the levels of programme %(programme_id)s hold at one time",
    ),
    Law(
        "merged_have_no_level",
        "Is nobody left with a level who was merged into somebody else?",
        f"SELECT h.id, h.member_id, m.merged_into_id FROM {_HOLDING} h"
        f" JOIN {_MEMBER} m ON m.id = h.member_id"
        " WHERE h.ends_at IS NULL AND m.merged_into_id IS NOT NULL",
        "member %(member_id)s was merged into %(merged_into_id)s and still has level %(id)s",
    ),
)


def _find_late() -> list[Finding]:
    """Give the levels whose last day of grace is long over. Queries: 1, and 1 for each programme."""
    now, name = clock.now(), "ledger.levels_are_tested_on_time"
    findings = []
    for rules in list_programme_rules():
        if rules.scheme_at(now):
            # A test keeps the days of grace of the version that decides it.
            grace_days = max(one.grace_days for one in rules.schemes)
            before = local_date(now, rules.zone) - timedelta(days=grace_days + LATE_DAYS)
            late = TierHolding.objects.filter(
                member__programme_id=rules.id,
                source=LevelSource.EARNED.value,
                ends_at=None,
                tests_on__lt=before,
            )
            findings += [
                Finding(name, [row.id], f"level {row.id} should have been tested on {row.tests_on}")
                for row in late.order_by("id")[:MOST_FINDINGS]
            ]
    return findings


INVARIANTS = (
    *(law.invariant() for law in LAWS),
    Invariant(
        name="ledger.levels_are_tested_on_time",
        question="Has every level been tested when its day and its grace were over?",
        find=_find_late,
        liveness=True,
    ),
)
