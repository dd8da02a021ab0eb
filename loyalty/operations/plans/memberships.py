"""Starting, trying and renewing a paid membership: the shop charges, and tells encore what was paid.

1. Lock the member's account, so that two payments follow each other.
2. Answer a payment that is known by its number with what became of it.
3. Compare what was paid with the price of the version that is sold at that moment; refuse anything else.
4. Add the period that was paid for, where the last one ends, or as a new paid membership.
"""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from backstage import clock
from backstage.policies import SHOP, By
from loyalty.models import Member, MembershipPeriod, PaidMembership, Plan
from loyalty.operations.plans.rows import (
    Lasting,
    MembershipCancelled,
    MembershipOver,
    keep_level,
    lasting,
    lock_member,
    lock_membership,
    move_perks_end,
    record,
    write_down_ends,
)
from loyalty.policies.plans.offer import PlanOffer
from loyalty.policies.plans.periods import PeriodKind, PlanEnd, anchor_after, paid_end, trial_end, with_grace
from loyalty.policies.programme import MEMBER_ALLOWS, MemberState
from loyalty.policies.rules import ProgrammeRules
from loyalty.queries.plans.memberships import Held, get_held, has_had_trial, in_force, list_held
from loyalty.queries.programmes import get_programme_rules

LONGEST_REFERENCE = 100


class PlanNotSold(ValueError):
    """A plan cannot be bought, tried or renewed by this member now; the message says why."""


class WrongPrice(ValueError):
    """What was paid is not what the plan costs. Units: minor units of the programme's currency."""

    def __init__(self, *, paid_minor: int, price_minor: int, currency: str) -> None:
        self.paid_minor, self.price_minor, self.currency = paid_minor, price_minor, currency
        super().__init__(
            f"{paid_minor} was paid, and the plan costs {price_minor} (minor units of {currency}). Nothing "
            "was started. Give the money back, or charge the price."
        )


class MembershipRuns(ValueError):
    """The member has a paid membership already, or has paid for the next period already."""

    def __init__(self, *, membership_id: int, ends_at: datetime, deed: str) -> None:
        self.membership_id, self.ends_at = membership_id, ends_at
        super().__init__(f"Paid membership {membership_id} is paid for until {ends_at:%Y-%m-%d}. {deed}")


class PaymentReused(ValueError):
    """The number of the payment belongs to another payment."""

    def __init__(self, *, reference: str, membership_id: int) -> None:
        self.reference, self.membership_id = reference, membership_id
        super().__init__(
            f"Payment {reference!r} was told before, with something else, and paid for paid membership "
            f"{membership_id}. Each payment needs a number of its own."
        )


class TrialUsed(ValueError):
    """The member has tried a plan of this programme before."""


def start_membership(
    *,
    member_id: int,
    plan_id: int,
    paid_minor: int,
    reference: str,
    at: datetime | None = None,
    by: By = SHOP,
) -> Lasting:
    """Let a paid membership begin with a payment; paid during a trial, it goes on when the trial is over.

    `reference` is the shop's own number of the payment. Units: minor units of the programme's currency.
    Opens its own transaction. Locks: the account. Replay: a payment that is told again answers with what it
    paid for. Raises: WrongPrice with both amounts, MembershipRuns, PlanNotSold, PaymentReused; nothing is
    written then.
    """
    at = clock.now() if at is None else at

    def start() -> Lasting:
        holder_id = lock_member(member_id)
        rules = _rules_of_plan(plan_id, holder_id)
        payment = _Payment(rules, plan_id, paid_minor, reference, at)
        if (known := payment.find_known(holder_id)) is not None:
            return known
        offer = payment.require_price(_require_sold(rules, plan_id, at))
        _require_active(rules, holder_id, at)
        held = list_held(rules, member_ids=[holder_id])
        running = in_force(held, at)
        if running is not None and _may_follow_trial(running, plan_id, at):
            return _add_period(rules, running, offer, payment, by)
        _require_none(running)
        _write_down_what_is_over(held, at)
        return _begin(rules, holder_id, offer, payment, by)

    return _with_retry(start)


def start_trial(*, member_id: int, plan_id: int, at: datetime | None = None, by: By = SHOP) -> Lasting:
    """Let a member try a plan for nothing, for its days of trial; once in each programme.

    Locks: the account. Replay: begun again while it runs, it answers with the trial that does. Raises:
    TrialUsed, MembershipRuns, PlanNotSold.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        holder_id = lock_member(member_id)
        rules = _rules_of_plan(plan_id, holder_id)
        offer = _require_sold(rules, plan_id, at)
        held = list_held(rules, member_ids=[holder_id])
        running = in_force(held, at)
        if running is not None and _may_follow_trial(running, plan_id, at):
            return lasting(running.membership.periods.get(number=1), is_replay=True)
        if not offer.trial_days:
            raise PlanNotSold(f"The plan {offer.name} has no trial.")
        _require_active(rules, holder_id, at)
        _require_none(running)
        if has_had_trial(member_id=holder_id):
            raise TrialUsed(
                f"Member {holder_id} has tried a plan before. There is one trial for each member."
            )
        _write_down_what_is_over(held, at)
        membership = PaidMembership.objects.create(
            member_id=holder_id, bought_by_id=holder_id, plan_id=plan_id, has_trial=True, started_at=at
        )
        ends_at = trial_end(at, offer.trial_days, rules.zone)
        row = _store_period(
            membership, rules, offer, 1, PeriodKind.TRIAL, starts_at=at, ends_at=ends_at, perks_end_at=ends_at
        )
        begun = get_held(membership.id)
        keep_level([begun], at=at, by=by)
        record(begun, kind="plan_trial_started", at=at, by=by, ends_at=ends_at.isoformat())
    return lasting(row)


def renew_membership(
    *, membership_id: int, paid_minor: int, reference: str, at: datetime | None = None, by: By = SHOP
) -> Lasting:
    """Add the next period to a paid membership: it begins where the last one ends, also paid late, in grace.

    `at` is the moment of the payment. Opens its own transaction. Locks: the account. Replay: as
    `start_membership`. Raises: WrongPrice with both amounts, MembershipOver, MembershipCancelled,
    MembershipRuns where the next period is paid for already, PlanNotSold, PaymentReused; nothing is written
    then.
    """
    at = clock.now() if at is None else at

    def renew() -> Lasting:
        held = lock_membership(membership_id)
        plan_id, member_id = held.membership.plan_id, held.membership.member_id
        rules = _rules_of_plan(plan_id, member_id)
        payment = _Payment(rules, plan_id, paid_minor, reference, at)
        if (known := payment.find_known(member_id)) is not None:
            return known
        offer = rules.plan_at(plan_id, at)
        if offer is None or not offer.is_renewed or not rules.earns_at(at):
            raise PlanNotSold(f"The plan {held.membership.plan.name} is not renewed any more; it runs out.")
        payment.require_price(offer)
        return _add_period(rules, held, offer, payment, by)

    return _with_retry(renew)


# -- what may not be -----------------------------------------------------------------------------------------


def _rules_of_plan(plan_id: int, member_id: int) -> ProgrammeRules:
    programme_id = Plan.objects.values_list("programme_id", flat=True).get(id=plan_id)
    if not Member.objects.filter(id=member_id, programme_id=programme_id).exists():
        raise PlanNotSold(f"Member {member_id} and plan {plan_id} belong to different programmes.")
    return get_programme_rules(programme_id)


def _require_sold(rules: ProgrammeRules, plan_id: int, at: datetime) -> PlanOffer:
    offer = rules.plan_at(plan_id, at)
    if offer is None or not offer.is_sold:
        raise PlanNotSold(f"Plan {plan_id} is not on sale.")
    if not rules.earns_at(at):
        raise PlanNotSold(f"Plan {plan_id} can't be started while the programme gives no points.")
    return offer


def _require_active(rules: ProgrammeRules, member_id: int, at: datetime) -> None:
    state = MemberState(Member.objects.values_list("state", flat=True).get(id=member_id))
    if not MEMBER_ALLOWS[state].earn:
        raise PlanNotSold(f"Member {member_id} is {state.value} and can't start a plan.")


def _require_none(running: Held | None) -> None:
    if running is None:
        return
    deed = "Renew it with renew_membership, before or when it ends."
    if running.membership.cancelled_at is not None:
        deed = "It was cancelled: take that back with keep_membership, or start anew when it is over."
    raise MembershipRuns(membership_id=running.membership.id, ends_at=running.last.ends_at, deed=deed)


def _may_follow_trial(running: Held, plan_id: int, at: datetime) -> bool:
    """Tell whether a member is trying this very plan, has not cancelled, and has not paid for it yet."""
    return (
        running.membership.plan_id == plan_id
        and running.last.kind is PeriodKind.TRIAL
        and running.membership.cancelled_at is None
        and running.last.lasts_at(at)
    )


def _require_renewable(held: Held, at: datetime) -> None:
    membership = held.membership
    if held.is_refunded:
        raise MembershipOver(membership_id=membership.id, why=PlanEnd.REFUNDED.value)
    if at >= held.last.perks_end_at:
        over = PlanEnd.CANCELLED if membership.cancelled_at is not None else PlanEnd.LAPSED
        raise MembershipOver(membership_id=membership.id, why=over.value)
    if membership.cancelled_at is not None:
        raise MembershipCancelled(membership_id=membership.id)
    if held.last.starts_at > at:
        raise MembershipRuns(
            membership_id=membership.id,
            ends_at=held.last.ends_at,
            deed="The next period is paid for already. Give this payment back.",
        )
    others = PaidMembership.objects.filter(
        member_id=membership.member_id, ended_at__isnull=True, cancelled_at__isnull=True
    ).exclude(id=membership.id)
    if (other := others.first()) is not None:
        raise MembershipOver(membership_id=membership.id, why=f"followed by paid membership {other.id}")


# -- one payment ---------------------------------------------------------------------------------------------


class _Payment:
    """What the shop says was paid, under which number, at which moment."""

    def __init__(
        self, rules: ProgrammeRules, plan_id: int, paid_minor: int, reference: str, at: datetime
    ) -> None:
        if not 0 < len(reference.strip()) <= len(reference) <= LONGEST_REFERENCE:
            raise ValueError(
                f"Give a reference of 1 to {LONGEST_REFERENCE} characters, such as the number of the "
                "payment: it makes sure that a payment counts once."
            )
        self.rules, self.plan_id, self.at = rules, plan_id, at
        self.paid_minor, self.reference = paid_minor, reference

    def find_known(self, member_id: int) -> Lasting | None:
        """Find what this payment has paid for. Raises: PaymentReused where it was another payment."""
        rows = MembershipPeriod.objects.filter(programme_id=self.rules.id, reference=self.reference)
        row = rows.select_related("membership").first()
        if row is None:
            return None
        membership = row.membership
        told = (member_id, self.plan_id, self.paid_minor)
        if told != (membership.member_id, membership.plan_id, row.paid_minor):
            raise PaymentReused(reference=self.reference, membership_id=membership.id)
        return lasting(row, is_replay=True)

    def require_price(self, offer: PlanOffer) -> PlanOffer:
        """Refuse any sum but the price. Raises: WrongPrice."""
        if self.paid_minor != offer.price_minor:
            raise WrongPrice(
                paid_minor=self.paid_minor, price_minor=offer.price_minor, currency=self.rules.currency
            )
        return offer

    @property
    def fields(self) -> dict[str, Any]:
        """What is kept of it with the period."""
        return {"paid_minor": self.paid_minor, "reference": self.reference, "paid_at": self.at}


def _with_retry(deed: Any) -> Lasting:
    """Do it in a transaction; once more where the same payment was told of another member at that moment."""
    try:
        with transaction.atomic():
            return deed()
    except IntegrityError:
        with transaction.atomic():
            return deed()


# -- what is written -----------------------------------------------------------------------------------------


def _begin(rules: ProgrammeRules, member_id: int, offer: PlanOffer, payment: _Payment, by: By) -> Lasting:
    at = payment.at
    anchor = at.astimezone(rules.zone).date()
    membership = PaidMembership.objects.create(
        member_id=member_id,
        bought_by_id=member_id,
        plan_id=offer.plan_id,
        anchor_on=anchor,
        started_at=at,
    )
    ends_at = paid_end(anchor, offer.months, rules.zone)
    row = _store_period(
        membership,
        rules,
        offer,
        1,
        PeriodKind.PAID,
        starts_at=at,
        ends_at=ends_at,
        perks_end_at=with_grace(ends_at, offer.grace_days, rules.zone),
        months=offer.months,
        **payment.fields,
    )
    begun = get_held(membership.id)
    keep_level([begun], at=at, by=by)
    record(
        begun, kind="plan_started", at=at, by=by, paid_minor=payment.paid_minor, ends_at=ends_at.isoformat()
    )
    return lasting(row)


def _add_period(rules: ProgrammeRules, held: Held, offer: PlanOffer, payment: _Payment, by: By) -> Lasting:
    """Add what was paid for where the last period ends, and let that one's grace end with it."""
    _require_renewable(held, payment.at)
    membership, last = held.membership, held.last
    if membership.anchor_on is None:
        membership.anchor_on = anchor_after(last.ends_at, rules.zone)
    # Time may have written down an end that a payment of before, told late, takes back.
    membership.ended_at, membership.end_reason = None, ""
    membership.save(update_fields=["anchor_on", "ended_at", "end_reason"])
    move_perks_end(held, perks_end_at=last.ends_at)
    months = sum(period.months for period in held.periods) + offer.months
    ends_at = paid_end(membership.anchor_on, months, rules.zone)
    row = _store_period(
        membership,
        rules,
        offer,
        len(held.periods) + 1,
        PeriodKind.PAID,
        starts_at=last.ends_at,
        ends_at=ends_at,
        perks_end_at=with_grace(ends_at, offer.grace_days, rules.zone),
        months=offer.months,
        **payment.fields,
    )
    renewed = get_held(membership.id)
    keep_level([renewed], at=payment.at, by=by)
    record(
        renewed,
        kind="plan_renewed",
        at=payment.at,
        by=by,
        paid_minor=payment.paid_minor,
        ends_at=ends_at.isoformat(),
    )
    return lasting(row)


def _store_period(
    membership: PaidMembership,
    rules: ProgrammeRules,
    offer: PlanOffer,
    number: int,
    kind: PeriodKind,
    **fields: Any,
) -> MembershipPeriod:
    return MembershipPeriod.objects.create(
        membership=membership,
        programme_id=rules.id,
        number=number,
        kind=kind.value,
        version_id=offer.id,
        **fields,
    )


def _write_down_what_is_over(held: list[Held], at: datetime) -> None:
    write_down_ends([one for one in held if one.membership.ended_at is None and one.end <= at])
