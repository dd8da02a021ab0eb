"""Cancelling a paid membership at the end of what was paid for, taking that back, and refunds."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from backstage import clock
from backstage.policies import SHOP, By
from loyalty.models import MembershipPeriod, PaidMembership
from loyalty.operations.plans.rows import (
    MembershipOver,
    keep_level,
    lock_membership,
    move_perks_end,
    record,
    write_down_ends,
)
from loyalty.policies.errors import WriteConflict
from loyalty.policies.plans.periods import Cancelling, PeriodKind, PlanEnd, spread_refund, with_grace
from loyalty.queries.plans.memberships import Held, get_held
from loyalty.queries.programmes import get_programme_rules


class OverRefund(ValueError):
    """More is said to be refunded than was paid. Units: minor units of the programme's currency."""

    def __init__(self, *, refunded_minor: int, paid_minor: int) -> None:
        self.refunded_minor, self.paid_minor = refunded_minor, paid_minor
        super().__init__(
            f"{refunded_minor} can't have been refunded in all: only {paid_minor} was paid (minor units)."
        )


class RefundShrank(ValueError):
    """Refunds are told as a total, and a total never falls. Units: minor units."""

    def __init__(self, *, refunded_minor: int, known_minor: int) -> None:
        self.refunded_minor, self.known_minor = refunded_minor, known_minor
        super().__init__(
            f"{refunded_minor} can't be all that was refunded: {known_minor} is known already (minor units). "
            "Tell the total of all refunds."
        )


def cancel_membership(*, membership_id: int, at: datetime | None = None, by: By = SHOP) -> PaidMembership:
    """Let a paid membership end with what was paid for; there is no grace after that.

    Locks: the account. Replay: cancelled twice, it stays as it is. Raises: MembershipOver.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        held = lock_membership(membership_id)
        if held.membership.cancelled_at is None:
            cancel_held(held, why=Cancelling.ASKED, at=at, by=by)
    return held.membership


def cancel_held(held: Held, *, why: Cancelling, at: datetime, by: By) -> None:
    """Cancel a paid membership that the caller has locked. Raises: MembershipOver."""
    _require_lasting(held, at)
    membership = held.membership
    membership.cancelled_at, membership.cancelling = at, why.value
    membership.save(update_fields=["cancelled_at", "cancelling"])
    # In grace nothing is paid for any more, so it ends now.
    move_perks_end(held, perks_end_at=max(held.last.ends_at, at))
    after = get_held(membership.id)
    keep_level([after], at=at, by=by)
    record(after, kind="plan_cancelled", at=at, by=by, ends_at=after.end.isoformat())


def keep_membership(*, membership_id: int, at: datetime | None = None, by: By = SHOP) -> PaidMembership:
    """Take a cancellation back, as long as the benefits last.

    Locks: the account. Replay: where nothing is cancelled, nothing happens. Raises: MembershipOver.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        held = lock_membership(membership_id)
        if held.membership.cancelled_at is not None:
            keep_held(held, at=at, by=by)
    return held.membership


def keep_held(held: Held, *, at: datetime, by: By) -> None:
    """Take back the cancellation of a paid membership that the caller has locked. Raises: MembershipOver."""
    _require_lasting(held, at)
    membership = held.membership
    if other := find_going_on(membership):
        raise MembershipOver(membership_id=membership.id, why=f"beside paid membership {other.id}")
    membership.cancelled_at, membership.cancelling = None, ""
    membership.save(update_fields=["cancelled_at", "cancelling"])
    rules = get_programme_rules(membership.plan.programme_id)
    grace_days = held.offer.grace_days if held.last.kind is PeriodKind.PAID else 0
    move_perks_end(held, perks_end_at=with_grace(held.last.ends_at, grace_days, rules.zone))
    after = get_held(membership.id)
    keep_level([after], at=at, by=by)
    record(after, kind="plan_kept", at=at, by=by, ends_at=after.end.isoformat())


def refund_membership(
    *,
    membership_id: int,
    refunded_minor: int,
    ends_at: datetime | None = None,
    at: datetime | None = None,
    by: By = SHOP,
) -> PaidMembership:
    """Note that money was given back: it ends the benefits at once, or at `ends_at`, and nothing is renewed.

    `refunded_minor` is the total of all refunds of this paid membership; the newest payment is given back
    first. Units: minor units. Locks: the account. Replay: the same total again changes nothing. Raises:
    OverRefund, RefundShrank, each with both amounts; ValidationError for an end that has passed or comes
    after what was paid for.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        held = lock_membership(membership_id)
        known = sum(period.refunded_minor for period in held.periods)
        paid = sum(period.paid_minor for period in held.periods)
        if refunded_minor == known:
            return held.membership
        if refunded_minor < known:
            raise RefundShrank(refunded_minor=refunded_minor, known_minor=known)
        if refunded_minor > paid:
            raise OverRefund(refunded_minor=refunded_minor, paid_minor=paid)
        _check_end(held, ends_at, at)
        _store_refund(held, refunded_minor, ends_at or at)
        after = get_held(membership_id)
        keep_level([after], at=at, by=by)
        if after.end <= at:
            write_down_ends([after])
        record(after, kind="plan_refunded", at=at, by=by, refunded_minor=refunded_minor)
    return after.membership


def _check_end(held: Held, ends_at: datetime | None, at: datetime) -> None:
    if ends_at is not None and not at <= ends_at <= held.last.ends_at:
        problem = _("Choose a moment from now on, at most the end of what was paid for.")
        raise ValidationError({"ends_at": problem})


def _store_refund(held: Held, refunded_minor: int, ends_at: datetime) -> None:
    """Spread the total over the payments, and let no benefit last longer than `ends_at`."""
    parts = spread_refund([period.paid_minor for period in held.periods], refunded_minor)
    for number, (period, part) in enumerate(zip(held.periods, parts, strict=True), start=1):
        perks_end_at = max(period.starts_at, min(period.perks_end_at, ends_at))
        changed = MembershipPeriod.objects.filter(
            membership_id=held.membership.id, number=number, refunded_minor=period.refunded_minor
        ).update(refunded_minor=part, perks_end_at=perks_end_at)
        if changed != 1:
            raise WriteConflict(f"paid membership {held.membership.id} was changed by somebody else")


def _require_lasting(held: Held, at: datetime) -> None:
    if held.end <= at:
        why = held.membership.end_reason or PlanEnd.LAPSED.value
        raise MembershipOver(membership_id=held.membership.id, why=why)


def find_going_on(membership: PaidMembership) -> PaidMembership | None:
    """Find another paid membership of the same member that will be renewed. Queries: 1."""
    others = PaidMembership.objects.filter(
        member_id=membership.member_id, ended_at__isnull=True, cancelled_at__isnull=True
    )
    return others.exclude(id=membership.id).first()
