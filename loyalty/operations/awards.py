"""What purchases earn, brought up to date with the purchases as they stand.

`settle_awards` never asks what happened; it asks what each purchase should stand for now, compares it with
what was posted, and posts the difference:

    1. Lock the purchases, then their awards; read lines and tenders.
    2. Find the member whom each purchase belongs to, through every merge; enrol where the programme does so.
    3. Decide facts and eligibility for a member at first sight, and use the same ones ever after.
    4. Quote the goods under those facts, and let returns lower what stands, line by line.
    5. Post per purchase: what is too much is taken back first, what is missing is granted anew.
    6. Store each award with the revision that it now stands for.

A lost signal, a crash between two commits or a doubled call therefore change nothing in the end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection, transaction

from backstage import clock
from backstage.plain_sql import Columns, among, listed, tell_rows, told_rows
from backstage.policies import SYSTEM, By
from commerce.locks import lock_purchases
from commerce.models import Channel, Purchase
from commerce.queries.customers import resolve_customers
from loyalty.ledger.posting import post
from loyalty.locks import lock_awards
from loyalty.models import Award, Member
from loyalty.operations.members import insert_members
from loyalty.policies.awarding import Sale, Target, decide_target, standing_by_terms
from loyalty.policies.eligibility import Candidate, NoPoints, freeze_facts
from loyalty.policies.errors import WriteConflict
from loyalty.policies.programme import Enrolment, MemberState
from loyalty.policies.requests import Accrue, ClawBack, DatePurchase, Part, Request
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.terms import Clock, ExpiryKind, PurchaseClock, Terms, lot_dates
from loyalty.queries.programmes import fed_by, list_programme_rules
from loyalty.queries.sales import get_sales

# Among the frozen facts, the mark that the owner has granted a purchase from before joining.
GRANTED = "granted"

_FEED = Columns(Channel, "id", "programmes")
_MEMBER = Columns(Member)
# What identifies an award comes first; the rest is what a settlement changes.
_AWARD_COLUMNS = (
    "programme_id",
    "purchase_id",
    "member_id",
    "facts",
    "lines",
    "earned_points",
    "standing_points",
    "applied_revision",
    "posts",
    "waits_for",
    "reason",
)


@dataclass(slots=True)
class Case:
    """One purchase in one programme: what it is, what was posted for it, and what is to be posted now.

    `old_member` holds what was posted, `member` is whose it should be now; both with merges resolved, so that
    a purchase from before a merge stays where its points went.
    """

    at: datetime
    purchase: Purchase
    sale: Sale
    award: Award
    old_member: Member | None = None
    member: Member | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    @property
    def clock(self) -> PurchaseClock:
        """The moments that a return window can start at."""
        return PurchaseClock(self.purchase.placed_at, self.purchase.paid_at, self.purchase.delivered_at)

    def next_key(self) -> str:
        """Number the next posting of this purchase."""
        self.award.posts += 1
        return f"purchase:{self.purchase.id}:{self.award.posts}"


def settle_awards(*, purchase_ids: Sequence[int], at: datetime | None = None, by: By = SYSTEM) -> int:
    """Bring the awards of these purchases up to date in every programme that their channels feed.

    Opens its own transaction. Locks: purchases, awards, accounts, each by ascending id. Replay: a purchase
    whose revision has been applied is left alone. Queries: constant, whatever the number of purchases.
    Gives the number of awards that changed.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        purchases = lock_purchases(purchase_ids)
        if not purchases:
            return 0
        channel_ids = {row.channel_id for row in purchases.values()}
        feeds = dict(_FEED.read(f"WHERE {among('id')}", [listed(channel_ids)]))
        every_programme = list_programme_rules()
        changed = 0
        for rules in every_programme:
            fed = [
                row for row in purchases.values() if rules in fed_by(every_programme, feeds[row.channel_id])
            ]
            changed += _settle_programme(rules, fed, at, by)
    return changed


def _settle_programme(rules: ProgrammeRules, purchases: Sequence[Purchase], at: datetime, by: By) -> int:
    cases = _due_cases(rules, purchases, at)
    if not cases:
        return 0
    _find_members(rules, cases)
    terms = rules.terms_by_id()
    for case in cases:
        _decide(rules, terms, case)
    post([request for case in cases for request in case.requests], at=at, by=by)
    _store([case.award for case in cases])
    return len(cases)


# -- 1. what is due ------------------------------------------------------------------------------------------


def _due_cases(rules: ProgrammeRules, purchases: Sequence[Purchase], at: datetime) -> list[Case]:
    awards = lock_awards(programme_id=rules.id, purchase_ids=[purchase.id for purchase in purchases])
    due = [
        purchase
        for purchase in purchases
        if purchase.id not in awards or awards[purchase.id].applied_revision < purchase.revision
    ]
    sales = get_sales(due)
    return [
        Case(
            at,
            purchase,
            sales[purchase.id],
            awards.get(purchase.id) or Award(programme_id=rules.id, purchase=purchase),
        )
        for purchase in due
    ]


# -- 2. whose it is ------------------------------------------------------------------------------------------


def _find_members(rules: ProgrammeRules, cases: Sequence[Case]) -> None:
    """Attach the member that each purchase belongs to. A purchase without a customer keeps the one it had."""
    customers = resolve_customers(
        customer_ids={case.purchase.customer_id for case in cases if case.purchase.customer_id is not None}
    )
    rows = _MEMBER.load(
        f"WHERE programme_id = %s AND {among('customer_id')}", [rules.id, listed(set(customers.values()))]
    )
    members = {member.customer_id: member for member in rows}
    if rules.enrolment is Enrolment.AUTOMATIC:
        members |= _enrol(rules, cases, customers, members)
    holders = _resolve_members({case.award.member_id for case in cases if case.award.member_id is not None})
    for case in cases:
        if case.award.member_id is not None:
            case.old_member = holders[case.award.member_id]
        if case.purchase.customer_id is not None:
            case.member = members.get(customers[case.purchase.customer_id])


def _resolve_members(member_ids: set[int]) -> dict[int, Member]:
    """Give, for each member that an award names, the one that merges lead to. Queries: 0, 1, or 1 per
    merge.
    """
    found: dict[int, Member] = {}
    wanted = set(member_ids)
    while wanted:
        found |= {member.id: member for member in Member.objects.filter(id__in=wanted)}
        wanted = {member.merged_into_id for member in found.values() if member.merged_into_id} - found.keys()
    return {member_id: _end_of_merges(found, member_id) for member_id in member_ids}


def _end_of_merges(members: Mapping[int, Member], member_id: int) -> Member:
    member = members[member_id]
    while member.merged_into_id is not None:
        member = members[member.merged_into_id]
    return member


def _enrol(
    rules: ProgrammeRules, cases: Sequence[Case], customers: Mapping[int, int], members: Mapping[int, Member]
) -> dict[int, Member]:
    """Enrol whoever bought while the programme was live; their first purchase known so far is when they
    joined.
    """
    first: dict[int, datetime] = {}
    for case in cases:
        placed_at, customer_id = case.purchase.placed_at, case.purchase.customer_id
        if customer_id is not None and customers[customer_id] not in members and rules.earns_at(placed_at):
            root = customers[customer_id]
            first[root] = min(placed_at, first.get(root, placed_at))
    return insert_members(programme_id=rules.id, joined_at=first, by_request=False) if first else {}


# -- 3. under which facts ------------------------------------------------------------------------------------


def _facts(rules: ProgrammeRules, case: Case) -> dict[str, Any]:
    """Give the facts frozen for this member, or freeze them now: rule and terms as of the purchase,
    eligibility.
    """
    member = case.member
    if member is None:
        return {"reason": (NoPoints.NOT_MEMBER if case.purchase.customer_id else NoPoints.GUEST).value}
    same = case.old_member is not None and case.old_member == member
    # After a merge the award still names the member it was made for, and so do its facts.
    holder_id = case.award.member_id if same else member.id
    frozen: dict[str, Any] | None = case.award.facts.get(str(holder_id))
    if frozen is None:
        frozen = case.award.facts[str(member.id)] = _freeze(rules, case, member)
    return frozen


def _freeze(rules: ProgrammeRules, case: Case, member: Member) -> dict[str, Any]:
    candidate = Candidate(
        MemberState(member.state),
        member.joined_at,
        member.joined_by_request,
        member.joined_with,
        is_granted=GRANTED in case.award.facts,
    )
    purchase = case.purchase
    return freeze_facts(
        rules, candidate, purchase_id=purchase.id, placed_at=purchase.placed_at, currency=purchase.currency
    )


# -- 4. what it should stand for -----------------------------------------------------------------------------


def _decide(rules: ProgrammeRules, terms: Mapping[int, Terms], case: Case) -> None:
    award = case.award
    if case.member is None and case.purchase.customer_id is None:
        case.member = case.old_member
    case.facts = _facts(rules, case)
    target = decide_target(rules, case.facts, case.sale)
    posted = standing_by_terms(award.lines)
    if case.old_member is not None and case.old_member != case.member:
        _take_back(rules, case, case.old_member, posted, "reassigned")
        posted = {}
    if case.member is not None:
        _post_difference(rules, terms, case, case.member, posted, target)
    if case.old_member != case.member:
        award.member = case.member
    award.lines = target.lines
    award.earned_points, award.standing_points = target.earned_points, target.standing_points
    award.applied_revision = case.purchase.revision
    award.reason = case.facts.get("reason", "") or ("" if award.earned_points else _why_nothing(target))


def _why_nothing(target: Target) -> str:
    return (NoPoints.TOO_SMALL if target.explanation["counted_minor"] else NoPoints.NOTHING_COUNTS).value


# -- 5. what to post -----------------------------------------------------------------------------------------


def _post_difference(
    rules: ProgrammeRules,
    terms: Mapping[int, Terms],
    case: Case,
    member: Member,
    posted: Mapping[int, int],
    target: Target,
) -> None:
    """Ask for what differs between what was posted and what should stand. Taking back comes first."""
    standing = standing_by_terms(target.lines)
    change = {
        terms_id: standing.get(terms_id, 0) - posted.get(terms_id, 0) for terms_id in {*posted, *standing}
    }
    too_much = {terms_id: -points for terms_id, points in sorted(change.items()) if points < 0}
    missing = {terms_id: points for terms_id, points in sorted(change.items()) if points > 0}
    _take_back(rules, case, member, too_much, _why_taken(case))
    _date(case, member)
    if missing:
        case.requests.append(_accrual(rules, terms, case, member, missing, target.explanation))


def _take_back(
    rules: ProgrammeRules, case: Case, member: Member, parts: Mapping[int, int], reason: str
) -> None:
    parts = {terms_id: points for terms_id, points in parts.items() if points}
    if not parts:
        return
    case.requests.append(
        ClawBack(
            member_id=member.id,
            key=case.next_key(),
            reason=reason,
            channel_id=case.purchase.channel_id,
            explanation={
                "taken": sum(parts.values()),
                "lines": {str(key): value for key, value in parts.items()},
            },
            parts=tuple(parts.items()),
            purchase_id=case.purchase.id,
            policy=rules.debt_policy,
            qualifying_at=case.purchase.placed_at,
        )
    )


def _why_taken(case: Case) -> str:
    if case.sale.is_cancelled:
        return "cancelled"
    return "returned" if case.sale.has_returns else "repriced"


def _accrual(
    rules: ProgrammeRules,
    terms: Mapping[int, Terms],
    case: Case,
    member: Member,
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
        key=case.next_key(),
        reason="purchase",
        channel_id=case.purchase.channel_id,
        explanation={**explanation, "lines": {str(key): value for key, value in missing.items()}},
        parts=tuple(parts),
        earned_at=case.purchase.placed_at,
        source_kind="purchase",
        source_id=case.purchase.id,
        qualifying_points=sum(missing.values()),
    )


def _date(case: Case, member: Member) -> None:
    """Set the dates of lots whose payment or delivery has become known."""
    for waits_for in list(case.award.waits_for):
        fact = case.clock.fact(Clock(waits_for))
        if fact is not None:
            case.award.waits_for.remove(waits_for)
            case.requests.append(
                DatePurchase(
                    member_id=member.id,
                    key=case.next_key(),
                    reason=waits_for,
                    purchase_id=case.purchase.id,
                    waits_for=waits_for,
                    fact_at=fact,
                )
            )


# -- 6. what is kept -----------------------------------------------------------------------------------------


def _store(awards: Sequence[Award]) -> None:
    """Insert or update the awards, which this transaction has locked, in one statement."""
    rows = [{column: getattr(award, column) for column in _AWARD_COLUMNS} for award in awards]
    with connection.cursor() as cursor:
        cursor.execute(_upsert(), [tell_rows(rows)])
        if cursor.rowcount != len(awards):
            raise WriteConflict(f"{cursor.rowcount} awards changed where {len(awards)} had to")


@cache
def _upsert() -> str:
    columns = ", ".join(_AWARD_COLUMNS)
    changes = ", ".join(f"{column} = excluded.{column}" for column in _AWARD_COLUMNS[2:])
    return (
        f"INSERT INTO {Award._meta.db_table} ({columns})"
        f" SELECT {columns} FROM {told_rows(Award, _AWARD_COLUMNS)} WHERE true"
        f" ON CONFLICT (programme_id, purchase_id) DO UPDATE SET {changes}"
    )
