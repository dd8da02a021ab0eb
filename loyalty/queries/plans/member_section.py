"""What members read about plans: on their page in a few words, on a page of its own with what it is worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext, ngettext

from loyalty.models import Member, Programme
from loyalty.policies.plans.offer import PlanOffer
from loyalty.policies.plans.periods import PeriodKind
from loyalty.policies.programme import MEMBER_ALLOWS, MemberState
from loyalty.policies.rules import ProgrammeRules
from loyalty.queries import figures, sentences
from loyalty.queries.plans.memberships import Held, has_had_trial, in_force, list_held
from loyalty.queries.plans.proof import Proof, prove, prove_before
from loyalty.queries.plans.words import say_benefits, say_price, say_public_text
from loyalty.queries.programmes import rules_of
from loyalty.registry import Visit

# Grace is spoken of when it begins; before, the next payment is named so many days ahead.
SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class OfferText:
    """A plan as a member reads it before joining, with what it would have been worth."""

    plan_id: int
    name: str
    price: str
    text: str
    benefits: tuple[str, ...]
    trial: str = ""
    proof: str = ""


@dataclass(frozen=True, slots=True)
class HeldText:
    """The plan of a member as it is read: until when, what it brings, what it has been worth."""

    name: str
    status: str
    benefits: tuple[str, ...]
    is_warning: bool
    may_cancel: bool
    may_keep: bool
    may_renew: bool
    plan_id: int


def find_plan_section(visit: Visit) -> Mapping[str, Any] | None:
    """Show the plan that a member is in, or those that they could join. Queries: 1; 0 without plans."""
    rules = rules_of(visit.programme)
    if not rules.has_plans or not MEMBER_ALLOWS[MemberState(visit.member.state)].earn:
        return None
    held = in_force(list_held(rules, member_ids=[visit.member.id]), visit.at)
    if held is not None:
        return {"held": read_held(rules, held, visit.programme, visit.at)}
    offers = [
        read_offer(rules, offer, visit.programme, visit.at)
        for offer in rules.plans_on_sale(visit.at)
        if rules.earns_at(visit.at)
    ]
    return {"offers": offers} if offers else None


def read_held(rules: ProgrammeRules, held: Held, programme: Programme, at: datetime) -> HeldText:
    """Write out where a paid membership stands. Queries: 0."""
    current = next((one for one in held.periods if one.lasts_at(at)), held.last)
    offer = rules.plan_version(current.version_id)
    is_cancelled = held.membership.cancelled_at is not None
    in_grace = held.last.ends_at <= at and held.is_renewed
    return HeldText(
        name=held.membership.plan.name,
        status=_status(held, programme, at),
        benefits=tuple(say_benefits(offer, programme.currency, level=level_name(rules, offer, at))),
        is_warning=in_grace or is_cancelled,
        may_cancel=held.is_renewed,
        may_keep=is_cancelled and not held.is_refunded and held.offer.is_renewed,
        may_renew=held.is_renewed and held.last.starts_at <= at and held.last.ends_at <= at + SOON,
        plan_id=held.membership.plan_id,
    )


def read_offer(rules: ProgrammeRules, offer: PlanOffer, programme: Programme, at: datetime) -> OfferText:
    """Write out a plan that is on sale. Queries: 0."""
    trial = ngettext(
        "Try it for %(n)s day, for nothing", "Try it for %(n)s days, for nothing", offer.trial_days
    )
    return OfferText(
        plan_id=offer.plan_id,
        name=offer.name,
        price=say_price(offer, programme.currency),
        text=say_public_text(offer),
        benefits=tuple(say_benefits(offer, programme.currency, level=level_name(rules, offer, at))),
        trial=trial % {"n": offer.trial_days} if offer.trial_days else "",
    )


def read_page(*, member: Member, programme: Programme, at: datetime) -> Mapping[str, Any]:
    """Give what the page about plans shows: the own one with its proof, or those on sale with theirs.

    Queries: at most 9, and 5 for each plan on sale.
    """
    rules = rules_of(programme)
    held = in_force(list_held(rules, member_ids=[member.id]), at)
    if held is not None:
        proof = prove(held, programme=programme, at=at)
        return {
            "held": read_held(rules, held, programme, at),
            "proof": say_proof(proof, programme.currency),
            "parts": say_parts(proof, programme.currency),
        }
    sold = rules.plans_on_sale(at) if rules.earns_at(at) else []
    may_try = bool(sold) and not has_had_trial(member_id=member.id)
    offers = []
    for offer in sold:
        proof = prove_before(offer=offer, member=member, programme=programme, at=at)
        told = read_offer(rules, offer, programme, at)
        parts = say_parts(proof, programme.currency)
        offers.append((told, say_before(proof, programme.currency), parts, may_try and bool(told.trial)))
    return {"offers": offers}


def say_proof(proof: Proof, currency: str) -> str:
    """Say what a plan was worth against its fee: "You have saved €41.20. The fee was €29.00."."""
    gaps = {
        "saved": figures.money(proof.saved_minor, currency),
        "fee": figures.money(proof.fee_minor, currency),
    }
    if not proof.fee_minor:
        return gettext("You have saved %(saved)s, and paid nothing so far.") % gaps
    return gettext("You have saved %(saved)s. The fee was %(fee)s.") % gaps


def say_before(proof: Proof, currency: str) -> str:
    """Say what a plan would have been worth, also where that is less than its price."""
    gaps = {
        "saved": figures.money(proof.saved_minor, currency),
        "fee": figures.money(proof.fee_minor, currency),
    }
    if not proof.saved_minor:
        return gettext("Last year it would have saved you nothing.")
    if proof.pays:
        return gettext("Last year you would have saved %(saved)s. A year costs %(fee)s.") % gaps
    return (
        gettext("Last year you would have saved %(saved)s, less than the %(fee)s that a year costs.") % gaps
    )


def say_parts(proof: Proof, currency: str) -> list[str]:
    """Say what the saving is made of, largest group first; nothing where there is none."""
    said = []
    if proof.points:
        gaps = {
            "points": sentences.points(proof.points),
            "worth": figures.money(proof.points_minor, currency),
        }
        said.append(gettext("%(points)s more, worth %(worth)s") % gaps)
    if proof.shipped:
        sentence = ngettext(
            "Free shipping on %(n)s order, %(amount)s",
            "Free shipping on %(n)s orders, %(amount)s",
            proof.shipped,
        )
        said.append(
            sentence
            % {"n": figures.number(proof.shipped), "amount": figures.money(proof.shipping_minor, currency)}
        )
    return said


def level_name(rules: ProgrammeRules, offer: PlanOffer, at: datetime) -> str:
    """Name the level that a plan brings; nothing while levels are off. Queries: 0."""
    scheme = rules.scheme_at(at) if offer.level_id is not None else None
    tier = scheme.find(offer.level_id) if scheme else None
    return tier.name if tier else ""


def _status(held: Held, programme: Programme, at: datetime) -> str:
    zone, last = programme.zone, held.last
    gaps = {
        "date": figures.last_day(last.ends_at, zone, now=at),
        "until": figures.last_day(last.perks_end_at, zone, now=at),
    }
    if held.is_refunded or held.membership.cancelled_at is not None:
        return gettext("It ends on %(until)s and is not renewed.") % gaps
    if last.kind is PeriodKind.TRIAL:
        return gettext("You are trying it until %(date)s. It ends by itself unless it is paid for.") % gaps
    if last.ends_at <= at:
        return gettext("It was paid for until %(date)s. Renew it by %(until)s to go on without a gap.") % gaps
    return gettext("Paid for until %(date)s.") % gaps
