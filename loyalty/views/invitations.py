"""The page of an invitation. Looking at it changes nothing; the forms on it do.

The secret stands in the address of this one page, because a link has to carry it. It never stands in an
address that is posted to, and the page answers 200 however an invitation stands: what a server logs about
refusals then names no secret. No other site is told the address either.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from commerce.operations.logins import open_customer
from commerce.queries.customers import list_merged
from loyalty.forms import JoinForm
from loyalty.models import Invitation
from loyalty.operations import members
from loyalty.operations.admission import CannotJoin
from loyalty.operations.invitations import note_opened
from loyalty.policies.invitations import Standing, address, standing_at
from loyalty.queries import figures, member_page
from loyalty.queries.invitation_links import find_by_token
from loyalty.queries.invitation_words import CLOSED, public_text
from loyalty.queries.invitations import facts_of
from loyalty.queries.memberships import find_customer_id
from loyalty.queries.programmes import rules_of
from loyalty.views.place import (
    Place,
    by,
    open_place,
    render_bare,
    running_terms,
    sign_in,
    takes_members,
    visible_programmes,
)


@dataclass(frozen=True, slots=True)
class Call:
    """An invitation that somebody holds, and who that is: its customer, somebody else, or nobody known."""

    place: Place
    invitation: Invitation
    token: str
    is_own: bool

    @property
    def is_guest(self) -> bool:
        """Whether somebody who is signed in holds the link of another customer."""
        return self.place.request.user.is_authenticated and not self.is_own

    @property
    def standing(self) -> Standing:
        """How the invitation stands for whoever holds it."""
        facts = facts_of(self.invitation)
        own = standing_at(facts, self.place.at)
        # Nobody knows yet who that is: as long as either may come in, they are asked to sign in.
        is_unknown = not self.place.request.user.is_authenticated
        if self.is_guest or (is_unknown and own is Standing.USED and facts.guests_left):
            return standing_at(facts, self.place.at, is_guest=True)
        return own

    @property
    def address(self) -> str:
        """The address of the page."""
        return reverse("encore_loyalty:invitation", args=[self.token])


View = Callable[..., HttpResponse]


def holding(view: View) -> View:
    """Find the invitation that a link was made for before the view; whatever comes out is for nobody else."""

    @cache_control(private=True, no_store=True)
    @wraps(view)
    def in_hand(request: HttpRequest, token: str = "") -> HttpResponse:
        token = token or request.POST.get("token", "")
        invitation = find_by_token(token)
        if invitation is None:
            return render_bare(request, "no_invitation.html", status=404)
        programmes, programme = visible_programmes(request), invitation.invitation_list.programme
        if programme not in programmes:
            return render_bare(request, "choose.html", status=200, refusal=None)
        place = open_place(request, programmes, programme)
        answer = view(Call(place, invitation, token, _is_own(request, invitation)))
        answer["Referrer-Policy"], answer["X-Robots-Tag"] = "same-origin", "noindex"
        return answer

    return in_hand


@require_safe
@holding
def show(call: Call) -> HttpResponse:
    if call.place.membership is not None:
        return redirect(call.place.address("points"))
    return _show(call, JoinForm(terms=running_terms(call.place)))


@require_POST
@holding
def note_opening(call: Call) -> HttpResponse:
    """Note that a person did something on the page; the button of somebody unknown leads to the sign-in."""
    if not getattr(call.place.request.user, "is_staff", False) or call.is_own:
        note_opened(invitation_id=call.invitation.pk, at=call.place.at)
    if "sign_in" in call.place.request.POST:
        return redirect(sign_in(call.place, call.address))
    return HttpResponse(status=204)


@require_POST
@holding
def join(call: Call) -> HttpResponse:
    place, user = call.place, call.place.request.user
    if isinstance(user, AnonymousUser):
        return redirect(sign_in(place, call.address))
    terms = running_terms(place)
    form = JoinForm(place.request.POST, terms=terms)
    if place.membership is None and not form.is_valid():
        return _show(call, form)
    if place.membership is None:
        note_opened(invitation_id=call.invitation.pk, at=place.at)
        try:
            members.enrol(
                customer_id=open_customer(user_id=user.pk, at=place.at),
                programme_id=place.programme.pk,
                terms_id=terms.pk if terms else None,
                token=call.token,
                at=place.at,
                by=by(place),
            )
        except CannotJoin:  # the page that follows says how it stands
            return redirect(call.address)
    return redirect(place.address("points"))


def _is_own(request: HttpRequest, invitation: Invitation) -> bool:
    """Tell whether an invitation was made for whoever is signed in. Queries: 3 at most."""
    user = request.user
    customer_id = find_customer_id(user_id=user.pk) if user.is_authenticated else None
    return customer_id is not None and invitation.customer_id in list_merged(customer_id=customer_id)


def _show(call: Call, form: JoinForm) -> HttpResponse:
    place, running = call.place, call.invitation.invitation_list
    rules, standing = rules_of(place.programme), call.standing
    name = call.invitation.customer.name if call.is_own else ""
    until = call.invitation.expires_at
    said: dict[str, Any] = {}
    if call.is_guest and not call.invitation.guests:
        said = {"closed": None, "is_someone_elses": True}
    elif standing is not Standing.OPEN:
        said = {"closed": CLOSED[standing]}
    elif not takes_members(place):
        said = {"closed": CLOSED[Standing.PAUSED]}
    return place.render(
        "invitation.html",
        status=422 if form.errors else 200,
        greeting=address(public_text(running.greeting), name),
        text=public_text(running.text),
        rules=member_page.read_rules(rules, place.programme, place.at)[:3],
        example=member_page.read_example(rules, place.programme, place.at),
        until=figures.last_day(until, place.programme.zone, now=place.at) if until else "",
        token=call.token,
        is_guest=call.is_guest,
        form=form,
        sign_in=sign_in(place, call.address),
        **{"closed": None, "is_someone_elses": False, **said},
    )
