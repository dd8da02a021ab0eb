"""Whether a purchase earns for a member, decided once and kept with its reason."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

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
class Standing:
    """What eligibility asks about a member."""

    state: MemberState
    joined_at: datetime
    joined_by_request: bool
    joined_with: int | None


def why_not(
    rules: ProgrammeRules, member: Standing, *, purchase_id: int, placed_at: datetime, currency: str
) -> NoPoints | None:
    """Say why a purchase does not earn, or None where it does.

    A purchase earns if it was placed while the programme was live, at or after joining less the backdate
    window; the order that led to joining counts. Whoever was enrolled by a purchase has asked for nothing, so
    for them no date of joining cuts off purchases that merely arrive late.
    """
    if not rules.earns_at(placed_at):
        return NoPoints.NOT_LIVE
    if not MEMBER_ALLOWS[member.state].earn:
        return NoPoints.MEMBER_NOT_ACTIVE
    counts_from = member.joined_at - timedelta(days=rules.backdate_days)
    if member.joined_by_request and placed_at < counts_from and purchase_id != member.joined_with:
        return NoPoints.BEFORE_JOINING
    if rules.rate_at(currency, placed_at) is None:
        return NoPoints.NO_EXCHANGE_RATE
    return None
