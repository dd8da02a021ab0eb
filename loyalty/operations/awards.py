"""What purchases earn, brought up to date with the purchases as they stand.

`settle_awards` never asks what happened; it asks what each purchase should stand for now, compares it with
what was posted, and posts the difference:

    1. Lock the purchases, then their awards; read lines and tenders.
    2. Find the member whom each purchase belongs to, through every merge; enrol where the programme does so.
    3. Freeze the facts, the member's level among them, and lock the counters of the campaigns that the
       purchases are in.
    4. Decide what each should stand for and what that takes: `loyalty.policies.settlement`.
    5. Post per purchase: what is too much is taken back first, what is missing is granted anew.
    6. Store each award with the revision that it now stands for, and what campaigns have given.
    7. Let levels rise that the purchases have earned, from now on: no purchase counts for its own level.

A lost signal, a crash between two commits or a doubled call therefore change nothing in the end.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from django.db import transaction

from backstage import clock
from backstage.plain_sql import Told, execute
from backstage.policies import SYSTEM, By
from commerce.locks import lock_purchase_heads
from commerce.models import Channel
from commerce.policies.purchase_head import PurchaseHead
from loyalty.ledger.posting import post
from loyalty.locks import AWARD_COLUMNS, lock_accounts, lock_awards
from loyalty.models import Award
from loyalty.operations.actions import welcome
from loyalty.operations.admission import use_many
from loyalty.operations.campaign_uses import open_allowance, store_uses
from loyalty.operations.members import insert_members
from loyalty.operations.tiers.settling import settle_levels
from loyalty.policies.allowance import Allowance
from loyalty.policies.errors import WriteConflict
from loyalty.policies.programme import Admission, Enrolment
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.settlement import AwardState, Case, Holder, campaigns_of, decide, freeze
from loyalty.queries.holders import find_holders, resolve_holders
from loyalty.queries.invitations import list_invited
from loyalty.queries.occasions import Order, get_occasions
from loyalty.queries.plans.memberships import get_factors
from loyalty.queries.programmes import list_fed_programmes
from loyalty.queries.sales import get_sales
from loyalty.queries.tiers.levels import get_levels

_AWARD = Told(Award, AWARD_COLUMNS)


def settle_awards(*, purchase_ids: Sequence[int], at: datetime | None = None, by: By = SYSTEM) -> int:
    """Bring the awards of these purchases up to date in every programme that their channels feed.

    Opens its own transaction. Locks: purchases, awards, accounts, each by ascending id. Replay: a purchase
    whose revision has been applied is left alone. Queries: constant, whatever the number of purchases.
    Gives the number of awards that changed.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        purchases = lock_purchase_heads(purchase_ids)
        if not purchases:
            return 0
        changed = 0
        for rules, channel_ids in list_fed_programmes({purchase.channel_id for purchase in purchases}):
            fed = [purchase for purchase in purchases if purchase.channel_id in channel_ids]
            changed += _settle_programme(rules, fed, at, by) if fed else 0
    return changed


def _settle_programme(rules: ProgrammeRules, purchases: Sequence[PurchaseHead], at: datetime, by: By) -> int:
    cases = _due_cases(rules, purchases, at)
    if not cases:
        return 0
    _find_members(rules, cases, at)
    member_ids = _lock_levels(rules, cases, at)
    _find_occasions(rules, cases, at)
    find_plans(rules, cases=cases)
    for case in cases:
        freeze(rules, case)
    allowance, terms = _open_allowance(rules, cases), rules.terms_by_id()
    for case in cases:
        decide(rules, terms, case, allowance)
    post([request for case in cases for request in case.requests], at=at, by=by)
    _store([case.award for case in cases])
    if allowance is not None:
        store_uses(allowance, at=at)
    settle_levels(rules=rules, member_ids=member_ids, at=at, placed=_first_seen(cases))
    return len(cases)


# -- what is due ---------------------------------------------------------------------------------------------


def _due_cases(rules: ProgrammeRules, purchases: Sequence[PurchaseHead], at: datetime) -> list[Case]:
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
            awards.get(purchase.id) or AwardState(rules.id, purchase.id),
        )
        for purchase in due
    ]


# -- whose it is ---------------------------------------------------------------------------------------------


def _find_members(rules: ProgrammeRules, cases: Sequence[Case], at: datetime) -> None:
    """Attach the member that each purchase belongs to. A purchase without a customer keeps the one it had."""
    roots, members = find_holders(
        programme_id=rules.id,
        customer_ids={case.purchase.customer_id for case in cases if case.purchase.customer_id is not None},
    )
    if rules.enrolment is Enrolment.AUTOMATIC:
        members |= _enrol(rules, cases, roots, members, at)
    holders = resolve_holders(
        member_ids={case.award.member_id for case in cases if case.award.member_id is not None},
        known=members.values(),
    )
    for case in cases:
        if case.award.member_id is not None:
            case.old_member = holders[case.award.member_id]
        if case.purchase.customer_id is not None:
            case.member = members.get(roots[case.purchase.customer_id])


def _enrol(
    rules: ProgrammeRules,
    cases: Sequence[Case],
    roots: Mapping[int, int],
    members: Mapping[int, Holder],
    at: datetime,
) -> dict[int, Holder]:
    """Enrol whoever bought while the programme was live; their first purchase known so far is when they
    joined. Where it takes only those who are invited, an invitation must have stood open then.
    """
    bought: list[tuple[int, datetime]] = []
    for case in cases:
        placed_at, customer_id = case.purchase.placed_at, case.purchase.customer_id
        if customer_id is not None and roots[customer_id] not in members and rules.enrols_at(placed_at):
            bought.append((roots[customer_id], placed_at))
    invited: dict[int, tuple[int, datetime]] = {}
    if rules.admission is Admission.BY_INVITATION:
        invited = list_invited(asked=bought, programme_id=rules.id)
        bought = [(customer_id, moment) for customer_id, (_invitation, moment) in invited.items()]
    first: dict[int, datetime] = {}
    for root, placed_at in bought:
        first[root] = min(placed_at, first.get(root, placed_at))
    if not first:
        return {}
    enrolled = insert_members(programme_id=rules.id, joined_at=first, by_request=False)
    use_many(joined={invited[root][0]: (enrolled[root].id, invited[root][1]) for root in invited})
    welcome(rules, member_ids=[member.id for member in enrolled.values()], at=at)
    return {
        customer_id: Holder(*(getattr(member, name) for name in Holder._fields))
        for customer_id, member in enrolled.items()
    }


# -- which level ---------------------------------------------------------------------------------------------


def _lock_levels(rules: ProgrammeRules, cases: Sequence[Case], at: datetime) -> set[int]:
    """Tell the cases which level their member had when they were placed; give whose levels may change now.

    Levels hang on the accounts' locks, and purchases of one member may be settled side by side. Queries: 0
    where levels have never been switched on, else 2.
    """
    if not rules.schemes:
        return set()
    holders = [holder for case in cases for holder in (case.member, case.old_member) if holder is not None]
    member_ids = {holder.id for holder in holders}
    if rules.scheme_at(at) is not None:
        lock_accounts(member_ids)
    levels = get_levels(
        rules, [(case.member.id, case.purchase.placed_at) for case in cases if case.member is not None]
    )
    for case in cases:
        if case.member is not None:
            tier = levels.get((case.member.id, case.purchase.placed_at))
            case.level = tier.level if tier else None
    return member_ids


def _first_seen(cases: Sequence[Case]) -> dict[int, datetime]:
    """Say when the newest order of each member was placed that nothing was posted for before."""
    new = [case for case in cases if case.member is not None and case.old_member is None]
    ordered = sorted(new, key=lambda case: case.purchase.placed_at)
    return {case.member.id: case.purchase.placed_at for case in ordered if case.member is not None}


# -- which campaigns -----------------------------------------------------------------------------------------


def _find_occasions(rules: ProgrammeRules, cases: Sequence[Case], at: datetime) -> None:
    """Tell the cases what campaigns ask about them; nothing where the programme has never had one."""
    if not rules.campaigns:
        return
    keys = dict(Channel.objects.values_list("id", "key"))
    orders = [
        Order(
            case.purchase.id,
            case.member.customer_id,
            keys[case.purchase.channel_id],
            case.purchase.placed_at,
            case.level.id if case.level else None,
        )
        for case in cases
        if case.member is not None
    ]
    occasions = get_occasions(rules, orders, at=at)
    for case in cases:
        case.occasion = occasions.get(case.purchase.id)


def find_plans(rules: ProgrammeRules, *, cases: Sequence[Case]) -> None:
    """Tell the cases which plan their members had paid for when they bought.

    A level that a plan brings counts as the plan's from here on; campaigns have asked for it before. Queries:
    1, and 1 more where a plan brings a level; 0 where no plan was ever sold.
    """
    if not rules.has_plans:
        return
    factors = get_factors(
        rules,
        {(case.member.id, case.purchase.placed_at): case.level for case in cases if case.member is not None},
    )
    for case in cases:
        if case.member is not None:
            case.level, case.plan = factors[case.member.id, case.purchase.placed_at]


def _open_allowance(rules: ProgrammeRules, cases: Sequence[Case]) -> Allowance | None:
    """Lock the counters of the campaigns that these cases are in or were in; the accounts come first."""
    campaign_ids = {campaign.campaign_id for case in cases for campaign in campaigns_of(rules, case)}
    campaign_ids |= {int(campaign_id) for case in cases for campaign_id in case.award.extras}
    if not campaign_ids:
        return None
    holders = [holder for case in cases for holder in (case.member, case.old_member) if holder is not None]
    member_ids = {holder.id for holder in holders}
    lock_accounts(member_ids)
    return open_allowance(campaign_ids=campaign_ids, member_ids=member_ids)


# -- what is kept --------------------------------------------------------------------------------------------


def _store(awards: Sequence[AwardState]) -> None:
    """Insert or update the awards, which this transaction has locked, in one statement."""
    rows = [
        (
            award.programme_id,
            award.purchase_id,
            award.member_id,
            award.facts,
            award.lines,
            award.earned_points,
            award.standing_points,
            award.applied_revision,
            award.posts,
            award.waits_for,
            award.reason,
            award.extras,
            award.plan_points,
        )
        for award in awards
    ]
    told, values = _AWARD.tell(rows)
    stored = execute(_upsert(told), values).rowcount
    if stored != len(awards):
        raise WriteConflict(f"{stored} awards changed where {len(awards)} had to")


@cache
def _upsert(told: str) -> str:
    # What identifies an award comes first; the rest is what a settlement changes.
    columns = ", ".join(AWARD_COLUMNS)
    changes = ", ".join(f"{column} = excluded.{column}" for column in AWARD_COLUMNS[2:])
    return (
        f"INSERT INTO {Award._meta.db_table} ({columns}) SELECT {columns} FROM {told} WHERE true"
        f" ON CONFLICT (programme_id, purchase_id) DO UPDATE SET {changes}"
    )
