"""Whether a purchase earns for a member, decided once and kept with its reason."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from loyalty.policies.campaigns import Occasion, matching
from loyalty.policies.earning import Level, PlanFactor
from loyalty.policies.programme import MEMBER_ALLOWS, MemberState
from loyalty.policies.rules import ProgrammeRules


class NoPoints(StrEnum):
    """Why a purchase earned nothing."""

    GUEST = "guest"
    NOT_MEMBER = "not_member"
    NOT_LIVE = "not_live"
    BEFORE_JOINING = "before_joining"
    MEMBER_NOT_ACTIVE = "member_not_active"
    NO_EXCHANGE_RATE = "no_exchange_rate"
    NOTHING_COUNTS = "nothing_counts"
    TOO_SMALL = "too_small"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What eligibility asks about a member. `is_granted`: the owner counts this purchase whenever it was
    placed.
    """

    state: MemberState
    joined_at: datetime
    joined_by_request: bool
    joined_with: int | None
    is_granted: bool = False


def why_not(
    rules: ProgrammeRules, member: Candidate, *, purchase_id: int, placed_at: datetime, currency: str
) -> NoPoints | None:
    """Say why a purchase does not earn, or None where it does.

    A purchase earns if it was placed while the programme was live, at or after joining less the backdate
    window; the order that led to joining counts. While it was for staff alone, only orders of those earn who
    joined then. Whoever was enrolled by a purchase has asked for nothing, so
    for them no date of joining cuts off purchases that merely arrive late.
    """
    is_counted_anyway = member.is_granted or purchase_id == member.joined_with
    if not rules.earns_at(placed_at):
        return NoPoints.NOT_LIVE
    if rules.is_for_staff_at(placed_at) and not (
        is_counted_anyway or rules.is_for_staff_at(member.joined_at)
    ):
        return NoPoints.NOT_LIVE
    if not MEMBER_ALLOWS[member.state].earn:
        return NoPoints.MEMBER_NOT_ACTIVE
    counts_from = member.joined_at - timedelta(days=rules.backdate_days)
    if member.joined_by_request and placed_at < counts_from and not is_counted_anyway:
        return NoPoints.BEFORE_JOINING
    if rules.rate_at(currency, placed_at) is None:
        return NoPoints.NO_EXCHANGE_RATE
    return None


def freeze_facts(
    rules: ProgrammeRules,
    member: Candidate,
    *,
    purchase_id: int,
    placed_at: datetime,
    currency: str,
    occasion: Occasion | None = None,
    level: Level | None = None,
    plan: PlanFactor | None = None,
) -> dict[str, Any]:
    """Decide, once for this member, under which rules a purchase earns, or why it does not.

    `rule`, `terms` and `campaigns` are ids of the versions that ran when it was placed and that it is in;
    `terms` by product group ("0" is all other goods); `rate` turns its minor units into the programme's;
    `level` is the member's level with its factor, `plan` the version of the plan that was paid for with its
    own. What the owner counts from before joining is in no
    campaign. Or `reason`, a `NoPoints` code, alone.
    """
    reason = why_not(rules, member, purchase_id=purchase_id, placed_at=placed_at, currency=currency)
    if reason is not None:
        return {"reason": reason.value}
    rule, terms = rules.rule_at(placed_at), rules.terms_at(placed_at)
    if rule is None or None not in terms:
        return {"reason": NoPoints.NOT_LIVE.value}
    facts: dict[str, Any] = {
        "rule": rule.id,
        "terms": {str(group_id or 0): terms_id for group_id, terms_id in terms.items()},
        "rate": str(rules.rate_at(currency, placed_at)),
    }
    if level is not None:
        facts["level"] = [level.id, level.percent]
    if plan is not None:
        facts["plan"] = [plan.id, plan.percent]
    if occasion is None or member.is_granted:
        return facts
    if campaigns := matching(rules.campaigns_at(placed_at), occasion):
        facts["campaigns"] = [campaign.id for campaign in campaigns]
        facts["combination"] = rules.combination_at(placed_at).value
    return facts
