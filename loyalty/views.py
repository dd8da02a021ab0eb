"""The pages that members see. They read the clock, ask one or two questions, and render.

Everything on them is personal, so no cache on the way may keep them. Reading changes nothing; what changes
something is a form.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, TypeAlias

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.template.loader import select_template
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from backstage import clock
from backstage.policies import By
from commerce.operations.logins import open_customer
from loyalty import conf
from loyalty.forms import JoinForm, read_moment
from loyalty.models import Entry, Member, PointsAccount, Programme, TermsVersion
from loyalty.operations import members
from loyalty.policies.programme import PROGRAMME_ALLOWS, UNDO_LEAVING_DAYS, MemberState
from loyalty.queries import member_page, sentences
from loyalty.queries.balance import book_at, read_balance
from loyalty.queries.cards import get_card
from loyalty.queries.changes.words import say_moment
from loyalty.queries.history import history_of
from loyalty.queries.memberships import (
    Membership,
    ProgrammeNotChosen,
    choose_programme,
    find_membership,
    list_visible_programmes,
)
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.why import why as explain
from loyalty.registry import Visit, list_member_page_sections

ROWS_PER_PAGE = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Which programme a request is about, at what moment, and whose membership it shows."""

    request: HttpRequest
    programmes: list[Programme]
    programme: Programme
    at: datetime
    membership: Membership | None

    @property
    def account(self) -> PointsAccount:
        """The account whose page this is. Only pages for members ask."""
        if self.membership is None:
            raise Http404("Whoever is no member has no account.")
        return self.membership.account

    @property
    def member(self) -> Member:
        """The member whose page this is. Only pages for members ask."""
        return self.account.member

    @property
    def query(self) -> str:
        """What the addresses of this programme's pages end with; nothing where there is only one."""
        return f"?{urlencode({'programme': self.programme.key})}" if len(self.programmes) > 1 else ""

    def address(self, name: str) -> str:
        return reverse(f"encore_loyalty:{name}") + self.query

    def render(self, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
        return _render(
            self.request, template, status=status, programme=self.programme, query=self.query, **context
        )


Page: TypeAlias = "Callable[..., HttpResponse]"


def page(view: Page) -> Page:
    """Find the place of a request before the view; no cache may keep what comes out."""

    @cache_control(private=True, no_store=True)
    @wraps(view)
    def in_place(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        user, at = request.user, clock.now()
        programmes = list_visible_programmes(is_staff=bool(getattr(user, "is_staff", False)))
        asked = request.GET.get("programme", "")
        try:
            programme = choose_programme(programmes=programmes, key=asked)
        except ProgrammeNotChosen as refusal:
            return _render(request, "choose.html", status=404 if asked else 400, refusal=refusal)
        membership = _membership(user, programme, at)
        return view(Place(request, programmes, programme, at, membership), **kwargs)

    return in_place


def members_only(view: Page) -> Page:
    """Send whoever has no membership to the page that says how to get one."""

    @wraps(view)
    def in_place(place: Place, **kwargs: Any) -> HttpResponse:
        if place.membership is None:
            return redirect(place.address("points"))
        return view(place, **kwargs)

    return in_place


# -- reading -------------------------------------------------------------------------------------------------


@require_safe
@page
def points(place: Place) -> HttpResponse:
    if place.membership is None:
        return _welcome(place, JoinForm(terms=_running_terms(place)))
    member = place.member
    book = book_at(place.account, place.at)
    balance = read_balance(book, member, place.at)
    visit = Visit(member=member, programme=place.programme, book=book, at=place.at)
    found = [(section.template, section.find(visit)) for section in list_member_page_sections()]
    return place.render(
        "points.html",
        member=member,
        headline=member_page.read_headline(balance),
        end=member_page.find_end(place.programme, place.at),
        notice=member_page.find_notice(
            member=member,
            programme=place.programme,
            balance=balance,
            running_terms_id=place.membership.running_terms_id,
        ),
        sections=[(template, section) for template, section in found if section is not None],
    )


@require_safe
@page
@members_only
def history(place: Place) -> HttpResponse:
    try:
        before = read_moment(place.request.GET.get("before", ""))
    except ValueError as error:
        raise Http404(f"The history has no page here: {error}.") from error
    book = book_at(place.account, place.at)
    told = history_of(book=book, at=place.at, before=before, limit=ROWS_PER_PAGE)
    rows = member_page.read_history(told, place.programme.zone, now=place.at)
    next_query = urlencode({"before": told.next_before.isoformat()}) if told.next_before else ""
    return place.render("history.html", rows=rows, next_query=next_query, is_first=before is None)


@require_safe
@page
@members_only
def why(place: Place, entry_id: int) -> HttpResponse:
    try:
        told = explain(entry_id=entry_id, member_id=place.member.id)
    except Entry.DoesNotExist as error:
        raise Http404("There is no such fact in your history.") from error
    about = member_page.read_about(told.at, told.order, told.sentence, place.programme.zone, now=place.at)
    return place.render("why.html", why=told, about=about)


@require_safe
@page
@members_only
def card(place: Place) -> HttpResponse:
    if place.member.state != MemberState.ACTIVE:
        return redirect(place.address("points"))
    return place.render("card.html", card=get_card(place.member.number))


@require_safe
@page
def how(place: Place) -> HttpResponse:
    rules = get_programme_rules(place.programme.id)
    return place.render(
        "how.html",
        rules=member_page.read_rules(rules, place.programme, place.at),
        example=member_page.read_example(rules, place.programme, place.at),
        terms=_running_terms(place),
        must_agree=_must_agree(place.membership),
        coming=(coming := _coming_terms(place)),
        coming_from=say_moment(coming.starts_at, place.programme, now=place.at) if coming else "",
    )


# -- changing ------------------------------------------------------------------------------------------------


@require_POST
@page
def join(place: Place) -> HttpResponse:
    user = place.request.user
    if isinstance(user, AnonymousUser):
        return redirect(_sign_in(place))
    terms = _running_terms(place)
    form = JoinForm(place.request.POST, terms=terms)
    if place.membership is None and not form.is_valid():
        return _welcome(place, form)
    if place.membership is None and _takes_members(place):
        customer_id = open_customer(user_id=user.pk, at=place.at)
        members.enrol(
            customer_id=customer_id,
            programme_id=place.programme.id,
            terms_id=terms.id if terms else None,
            at=place.at,
            by=_by(place),
        )
    return redirect(place.address("points"))


@require_POST
@page
@members_only
def agree(place: Place) -> HttpResponse:
    terms = _running_terms(place)
    if terms is not None and place.request.POST.get("version") == str(terms.number):
        members.accept_terms(member_id=place.member.id, terms_id=terms.id, at=place.at)
        return redirect(place.address("points"))
    return redirect(place.address("how"))


@require_http_methods(["GET", "HEAD", "POST"])
@page
@members_only
def leave(place: Place) -> HttpResponse:
    if place.member.state == MemberState.LEFT:
        return redirect(place.address("points"))
    if place.request.method == "POST":
        members.leave(member_id=place.member.id, at=place.at, by=_by(place))
        return redirect(place.address("points"))
    balance = read_balance(book_at(place.account, place.at), place.member, place.at)
    return place.render(
        "leave.html", lost=member_page.read_loss(balance), undo=sentences.undo_leaving(UNDO_LEAVING_DAYS)
    )


@require_POST
@page
@members_only
def come_back(place: Place) -> HttpResponse:
    with suppress(members.NotPossible):  # the page that follows says where the member stands
        members.undo_leaving(member_id=place.member.id, at=place.at, by=_by(place))
    return redirect(place.address("points"))


# -- what the views share ------------------------------------------------------------------------------------


def _membership(user: Any, programme: Programme, at: datetime) -> Membership | None:
    return find_membership(user_id=user.pk, programme=programme, at=at) if user.is_authenticated else None


def _welcome(place: Place, form: JoinForm) -> HttpResponse:
    rules = get_programme_rules(place.programme.id)
    return place.render(
        "welcome.html",
        status=422 if form.errors else 200,
        rules=member_page.read_rules(rules, place.programme, place.at)[:3],
        example=member_page.read_example(rules, place.programme, place.at),
        is_open=_takes_members(place),
        end=member_page.find_end(place.programme, place.at),
        sign_in=_sign_in(place),
        form=form,
    )


def _takes_members(place: Place) -> bool:
    return PROGRAMME_ALLOWS[place.programme.state_at(place.at)].join


def _sign_in(place: Place) -> str:
    return f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': place.address('points')})}"


def _running_terms(place: Place) -> TermsVersion | None:
    versions = TermsVersion.objects.filter(programme=place.programme, starts_at__lte=place.at)
    return versions.order_by("-number").first()


def _coming_terms(place: Place) -> TermsVersion | None:
    versions = TermsVersion.objects.filter(programme=place.programme, starts_at__gt=place.at)
    return versions.order_by("number").first()


def _must_agree(membership: Membership | None) -> bool:
    if membership is None or membership.account.member.terms_id is None:
        return False
    return membership.running_terms_id != membership.account.member.terms_id


def _by(place: Place) -> By:
    # No name: the log of deeds can't be erased, and the login says enough while it exists.
    return By("user", str(place.request.user.pk))


def _render(request: HttpRequest, template: str, *, status: int, **context: Any) -> HttpResponse:
    level = conf.heading_level()
    frame = {
        "base": select_template([conf.BASE_TEMPLATE.get(), "encore/loyalty/bare.html"]),
        "theme": conf.theme(),
        "title_level": level,
        "section_level": level + 1,
        "programme": None,
        "query": "",
    }
    return render(request, f"encore/loyalty/{template}", {**frame, **context}, status=status)
