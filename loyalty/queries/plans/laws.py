"""The laws of paid membership: what is in force was paid for, at the price that was asked."""

from datetime import timedelta

from backstage.queries import Law
from loyalty.models import Award, Member, MembershipPeriod, PaidMembership, PlanVersion
from loyalty.policies.plans.periods import PeriodKind

_PERIOD, _PAID, _VERSION, _MEMBER, _AWARD = (
    model._meta.db_table for model in (MembershipPeriod, PaidMembership, PlanVersion, Member, Award)
)
_OF_PAYMENTS = f"kind = '{PeriodKind.PAID.value}'"
# The job runs once a day.
LATE = timedelta(days=2)

LAWS = (
    Law(
        "plan_price_was_paid",
        "Was for every period of a paid membership paid what its plan cost?",
        f"SELECT p.id, p.paid_minor, v.price_minor FROM {_PERIOD} p JOIN {_VERSION} v ON v.id = p.version_id"
        f" WHERE p.{_OF_PAYMENTS} AND (p.paid_minor <> v.price_minor OR p.months <> v.months)",
        "period %(id)s was paid with %(paid_minor)s; its plan cost %(price_minor)s",
    ),
    Law(
        "plan_was_paid_while_sold",
        "Was every period of a paid membership sold under the version that held when it was paid for?",
        f"SELECT p.id, p.version_id, p.paid_at FROM {_PERIOD} p JOIN {_VERSION} v ON v.id = p.version_id"
        f" WHERE p.{_OF_PAYMENTS} AND (p.paid_at < v.starts_at OR p.paid_at > v.ends_at)",
        "period %(id)s was paid for at %(paid_at)s, when version %(version_id)s did not hold",
    ),
    Law(
        "plan_period_is_of_its_plan",
        "Does every period belong to the plan and to the programme of its paid membership?",
        f"SELECT p.id, p.version_id, m.plan_id FROM {_PERIOD} p JOIN {_PAID} m ON m.id = p.membership_id"
        f" JOIN {_VERSION} v ON v.id = p.version_id JOIN {_MEMBER} b ON b.id = m.member_id"
        " WHERE v.plan_id <> m.plan_id OR v.starts_at IS NULL OR b.programme_id <> p.programme_id",
        "period %(id)s was sold under version %(version_id)s, which plan %(plan_id)s does not have",
    ),
    Law(
        "plan_periods_follow",
        "Does every period begin where the one before it ends?",
        f"SELECT p.id, p.membership_id, p.number FROM {_PERIOD} p JOIN {_PAID} m ON m.id = p.membership_id"
        f" LEFT JOIN {_PERIOD} b ON b.membership_id = p.membership_id AND b.number = p.number - 1"
        " WHERE p.starts_at <> COALESCE(b.ends_at, m.started_at) OR (b.id IS NULL AND p.number <> 1)",
        "period %(number)s of paid membership %(membership_id)s does not begin where the last one ends",
    ),
    Law(
        "plan_benefits_end_in_order",
        "Do benefits end before what was paid for only after a refund, and later only in the newest period?",
        f"SELECT p.id, p.membership_id FROM {_PERIOD} p WHERE (p.perks_end_at < p.ends_at AND NOT EXISTS"
        f" (SELECT 1 FROM {_PERIOD} r WHERE r.membership_id = p.membership_id AND r.refunded_minor > 0))"
        f" OR (p.perks_end_at > p.ends_at AND (p.kind = '{PeriodKind.TRIAL.value}' OR EXISTS"
        f" (SELECT 1 FROM {_PERIOD} n WHERE n.membership_id = p.membership_id AND n.number > p.number)))",
        "the benefits of period %(id)s of paid membership %(membership_id)s end when they may not",
    ),
    Law(
        "plan_refunds_newest_first",
        "Was every older payment given back only after all newer ones?",
        f"SELECT p.id, p.membership_id FROM {_PERIOD} p WHERE p.refunded_minor > 0 AND EXISTS"
        f" (SELECT 1 FROM {_PERIOD} n WHERE n.membership_id = p.membership_id AND n.number > p.number"
        " AND n.refunded_minor < n.paid_minor)",
        "period %(id)s of paid membership %(membership_id)s was given back before a newer one",
    ),
    Law(
        "plan_end_is_an_end",
        "Has no paid membership that is over anything left in force after its end?",
        f"SELECT m.id, m.ended_at FROM {_PAID} m WHERE m.ended_at IS NOT NULL AND EXISTS"
        f" (SELECT 1 FROM {_PERIOD} p WHERE p.membership_id = m.id AND p.perks_end_at > m.ended_at"
        " AND p.perks_end_at > p.starts_at)",
        "paid membership %(id)s ended at %(ended_at)s, and benefits of it last longer",
    ),
    Law(
        "plan_points_have_a_plan",
        "Do all points from a plan stand for an order that was placed in one?",
        f"SELECT a.id, a.plan_points FROM {_AWARD} a WHERE a.plan_points > 0"
        " AND CAST(a.facts AS text) NOT LIKE '%%\"plan\"%%'",
        "award %(id)s has %(plan_points)s points from a plan, and its facts name none",
    ),
    Law(
        "plan_ends_are_written",
        "Has every paid membership that ended more than two days ago been written down?",
        f"SELECT m.id, m.member_id FROM {_PAID} m WHERE m.ended_at IS NULL AND (SELECT MAX(p.perks_end_at)"
        f" FROM {_PERIOD} p WHERE p.membership_id = m.id) < %s",
        "paid membership %(id)s of member %(member_id)s is over, and nobody has written it down",
        LATE,
    ),
)
INVARIANTS = tuple(law.invariant() for law in LAWS)
