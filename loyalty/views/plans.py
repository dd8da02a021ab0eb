"""The pages about plans: what the own one is worth, what one would have been, and the way out and back."""

from contextlib import suppress

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from loyalty import conf
from loyalty.operations.plans.cancelling import cancel_membership, keep_membership
from loyalty.operations.plans.memberships import MembershipRuns, PlanNotSold, TrialUsed, start_trial
from loyalty.operations.plans.rows import MembershipOver
from loyalty.queries.plans.member_section import read_page
from loyalty.queries.plans.memberships import Held, in_force, list_held
from loyalty.queries.programmes import rules_of
from loyalty.views.place import Place, by, members_only, page


@require_safe
@page
@members_only
def show(place: Place) -> HttpResponse:
    told = read_page(member=place.member, programme=place.programme, at=place.at)
    offers = [
        (offer, proof, parts, may_try, _checkout(offer.plan_id))
        for offer, proof, parts, may_try in told.get("offers", [])
    ]
    held = told.get("held")
    checkout = _checkout(held.plan_id) if held is not None and held.may_renew else ""
    return place.render("plan.html", **{**told, "offers": offers, "checkout": checkout})


@require_POST
@page
@members_only
def try_out(place: Place, plan_id: int) -> HttpResponse:
    if any(offer.plan_id == plan_id for offer in rules_of(place.programme).plans_on_sale(place.at)):
        with suppress(PlanNotSold, MembershipRuns, TrialUsed):  # the page that follows says where one stands
            start_trial(member_id=place.member.id, plan_id=plan_id, at=place.at, by=by(place))
    return redirect(place.address("plan"))


@require_http_methods(["GET", "HEAD", "POST"])
@page
@members_only
def cancel(place: Place) -> HttpResponse:
    held = _held(place)
    if held is None or not held.is_renewed:
        return redirect(place.address("plan"))
    if place.request.method == "POST":
        with suppress(MembershipOver):
            cancel_membership(membership_id=held.membership.id, at=place.at, by=by(place))
        return redirect(place.address("plan"))
    told = read_page(member=place.member, programme=place.programme, at=place.at)
    return place.render("plan_cancel.html", **told)


@require_POST
@page
@members_only
def keep(place: Place) -> HttpResponse:
    held = _held(place)
    if held is not None:
        with suppress(MembershipOver):
            keep_membership(membership_id=held.membership.id, at=place.at, by=by(place))
    return redirect(place.address("plan"))


def _held(place: Place) -> Held | None:
    return in_force(list_held(rules_of(place.programme), member_ids=[place.member.id]), place.at)


def _checkout(plan_id: int) -> str:
    name = conf.PLAN_CHECKOUT.get()
    return reverse(name, args=[plan_id]) if name else ""
