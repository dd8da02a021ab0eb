"""What to post so that an award stands for its purchase as the purchase now stands.

A `Case` is one purchase in one programme. `freeze` settles its facts at first sight; `decide` quotes the
goods under them, and asks the ledger for the difference to what was posted:

    1. Facts and eligibility are decided for a member at first sight, and used ever after.
    2. The goods are quoted under those facts, and returns lower what stands, line by line.
    3. What is too much is taken back first, what is missing is granted anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from commerce.policies.purchase_head import PurchaseHead
from loyalty.policies.allowance import Allowance
from loyalty.policies.awarding import (
    AwardExtras,
    AwardLines,
    Sale,
    Target,
    decide_target,
    is_same_offer,
    room_as_before,
    standing_by_terms,
)
from loyalty.policies.campaigns import Campaign, Occasion
from loyalty.policies.earning import Level, PlanFactor
from loyalty.policies.eligibility import Candidate, NoPoints, freeze_facts
from loyalty.policies.programme import MemberState
from loyalty.policies.requests import Accrue, ClawBack, DatePurchase, Part, Request
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.terms import Clock, ExpiryKind, PurchaseClock, Terms, lot_dates

# Among the frozen facts, the mark that the owner has granted a purchase from before joining.
GRANTED = "granted"


class Holder(NamedTuple):
    """A member to whom purchases may belong; what eligibility asks is asked of this."""

    id: int
    customer_id: int
    state: str
    joined_at: datetime
    joined_by_request: bool
    joined_with: int | None
    merged_into_id: int | None


@dataclass(slots=True)
class AwardState:
    """What was posted for a purchase in a programme, as the stored award says; see the model."""

    programme_id: int
    purchase_id: int
    member_id: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    lines: AwardLines = field(default_factory=dict)
    earned_points: int = 0
    standing_points: int = 0
    applied_revision: int = 0
    posts: int = 0
    waits_for: list[str] = field(default_factory=list)
    reason: str = ""
    extras: AwardExtras = field(default_factory=dict)
    plan_points: int = 0

    def next_key(self) -> str:
        """Number the next posting of this purchase."""
        self.posts += 1
        return f"purchase:{self.purchase_id}:{self.posts}"


@dataclass(slots=True)
class Case:
    """One purchase in one programme: what it is, what was posted for it, and what is to be posted now.

    `old_member` holds what was posted, `member` is whose it should be now; both with merges resolved, so that
    a purchase from before a merge stays where its points went.
    """

    at: datetime
    purchase: PurchaseHead
    sale: Sale
    award: AwardState
    old_member: Holder | None = None
    member: Holder | None = None
    occasion: Occasion | None = None
    level: Level | None = None
    plan: PlanFactor | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    @property
    def clock(self) -> PurchaseClock:
        """The moments that a return window can start at."""
        return PurchaseClock(self.purchase.placed_at, self.purchase.paid_at, self.purchase.delivered_at)

    @property
    def is_reassigned(self) -> bool:
        """Whether what was posted is no longer the same member's."""
        return _id(self.old_member) != _id(self.member)


def freeze(rules: ProgrammeRules, case: Case) -> None:
    """Give the case the facts that were frozen for its member, or freeze them now."""
    if case.member is None and case.purchase.customer_id is None:
        case.member = case.old_member
    case.facts = _facts(rules, case)


def campaigns_of(rules: ProgrammeRules, case: Case) -> list[Campaign]:
    """Give the campaigns that a frozen case is in."""
    version_ids = case.facts.get("campaigns")
    if not version_ids:
        return []
    by_id = rules.campaigns_by_id()
    return [by_id[version_id] for version_id in version_ids]


def decide(
    rules: ProgrammeRules, terms: Mapping[int, Terms], case: Case, allowance: Allowance | None = None
) -> None:
    """Bring the award of a frozen case up to date, and ask for the postings that this takes.

    `allowance` is what campaigns may still give; it counts what this case takes and gives back.
    """
    award = case.award
    target = _target(rules, case, allowance)
    posted = standing_by_terms(award.lines)
    if case.old_member is not None and case.is_reassigned:
        _take_back(rules, case, case.old_member, posted, "reassigned")
        posted = {}
    if case.member is not None:
        _post_difference(rules, terms, case, case.member, posted, target)
    if case.is_reassigned:
        award.member_id = _id(case.member)
    award.lines, award.extras = target.lines, target.extras
    award.earned_points, award.standing_points = target.earned_points, target.standing_points
    award.plan_points = target.plan_points
    award.applied_revision = case.purchase.revision
    award.reason = case.facts.get("reason", "") or ("" if award.earned_points else _why_nothing(target))


def _target(rules: ProgrammeRules, case: Case, allowance: Allowance | None) -> Target:
    """Decide what the purchase should stand for, within what its campaigns may still give.

    Goods that are sold as they were keep what campaigns gave them, whatever has become of caps and budgets
    since: a return takes back, and never re-quotes.
    """
    before = case.award.extras
    if allowance is None:
        return decide_target(rules, case.facts, case.sale)
    allowance.give_back(_id(case.old_member), before)
    if case.member is None:
        return decide_target(rules, case.facts, case.sale)
    target = decide_target(rules, case.facts, case.sale, room_as_before(before))
    if case.is_reassigned or not is_same_offer(before, target.extras):
        own = {} if case.is_reassigned else before
        room = allowance.room_for(case.member.id, campaigns_of(rules, case), own)
        target = decide_target(rules, case.facts, case.sale, room)
        allowance.ran_out |= target.ran_out
    allowance.take(case.member.id, target.extras)
    return target


def _id(holder: Holder | None) -> int | None:
    return None if holder is None else holder.id


def _why_nothing(target: Target) -> str:
    return (NoPoints.TOO_SMALL if target.explanation["counted_minor"] else NoPoints.NOTHING_COUNTS).value


# -- under which facts ---------------------------------------------------------------------------------------


def _facts(rules: ProgrammeRules, case: Case) -> dict[str, Any]:
    """Give the facts frozen for this member, or freeze them now: rule and terms as of the purchase,
    eligibility.
    """
    member = case.member
    if member is None:
        return {"reason": (NoPoints.NOT_MEMBER if case.purchase.customer_id else NoPoints.GUEST).value}
    # After a merge the award still names the member it was made for, and so do its facts.
    holder_id = member.id if case.is_reassigned else case.award.member_id
    frozen: dict[str, Any] | None = case.award.facts.get(str(holder_id))
    if frozen is None:
        frozen = case.award.facts[str(member.id)] = _freeze(rules, case, member)
    return frozen


def _freeze(rules: ProgrammeRules, case: Case, member: Holder) -> dict[str, Any]:
    candidate = Candidate(
        MemberState(member.state),
        member.joined_at,
        member.joined_by_request,
        member.joined_with,
        is_granted=GRANTED in case.award.facts,
    )
    purchase = case.purchase
    return freeze_facts(
        rules,
        candidate,
        purchase_id=purchase.id,
        placed_at=purchase.placed_at,
        currency=purchase.currency,
        occasion=case.occasion,
        level=case.level,
        plan=case.plan,
    )


# -- what to post --------------------------------------------------------------------------------------------


def _post_difference(
    rules: ProgrammeRules,
    terms: Mapping[int, Terms],
    case: Case,
    member: Holder,
    posted: Mapping[int, int],
    target: Target,
) -> None:
    """Ask for what differs between what was posted and what should stand. Taking back comes first."""
    standing = standing_by_terms(target.lines)
    change = {
        terms_id: standing.get(terms_id, 0) - posted.get(terms_id, 0)
        for terms_id in sorted({*posted, *standing})
    }
    too_much = {terms_id: -points for terms_id, points in change.items() if points < 0}
    missing = {terms_id: points for terms_id, points in change.items() if points > 0}
    _take_back(rules, case, member, too_much, _why_taken(case.sale))
    _date(case, member)
    if missing:
        case.requests.append(_accrual(rules, terms, case, member, missing, target.explanation))


def _take_back(
    rules: ProgrammeRules, case: Case, member: Holder, parts: Mapping[int, int], reason: str
) -> None:
    parts = {terms_id: points for terms_id, points in parts.items() if points}
    if not parts:
        return
    case.requests.append(
        ClawBack(
            member_id=member.id,
            key=case.award.next_key(),
            reason=reason,
            channel_id=case.purchase.channel_id,
            explanation={
                "taken": sum(parts.values()),
                "lines": {str(key): value for key, value in parts.items()},
            },
            parts=tuple(parts.items()),
            purchase_id=case.purchase.id,
            policy=rules.debt_policy_at(case.at),
            qualifying_at=case.purchase.placed_at,
        )
    )


def _why_taken(sale: Sale) -> str:
    if sale.is_cancelled:
        return "cancelled"
    return "returned" if sale.has_returns else "repriced"


def _accrual(
    rules: ProgrammeRules,
    terms: Mapping[int, Terms],
    case: Case,
    member: Holder,
    missing: Mapping[int, int],
    explanation: dict[str, Any],
) -> Accrue:
    parts = []
    for terms_id, points in missing.items():
        dates = lot_dates(terms[terms_id], case.clock, rules.zone, at=case.at)
        lapses = terms[terms_id].expiry_kind is ExpiryKind.INACTIVITY
        parts.append(Part(points, dates, terms_id, terms[terms_id].expiry_months if lapses else None))
        if dates.waits_for and dates.waits_for not in case.award.waits_for:
            case.award.waits_for.append(dates.waits_for)
    return Accrue(
        member_id=member.id,
        key=case.award.next_key(),
        reason="purchase",
        channel_id=case.purchase.channel_id,
        explanation={**explanation, "lines": {str(key): value for key, value in missing.items()}},
        parts=tuple(parts),
        earned_at=case.purchase.placed_at,
        source_kind="purchase",
        source_id=case.purchase.id,
        qualifying_points=sum(missing.values()),
    )


def _date(case: Case, member: Holder) -> None:
    """Set the dates of lots whose payment or delivery has become known."""
    for waits_for in list(case.award.waits_for):
        fact = case.clock.fact(Clock(waits_for))
        if fact is not None:
            case.award.waits_for.remove(waits_for)
            case.requests.append(
                DatePurchase(
                    member_id=member.id,
                    key=case.award.next_key(),
                    reason=waits_for,
                    purchase_id=case.purchase.id,
                    waits_for=waits_for,
                    fact_at=fact,
                )
            )
