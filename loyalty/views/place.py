"""Whose page it is, and of which programme: what every view of the members' pages begins with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, TypeAlias

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.template.loader import select_template
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import cache_control

from backstage import clock
from backstage.policies import By
from loyalty import conf
from loyalty.models import Member, PointsAccount, Programme, TermsVersion
from loyalty.policies.programme import PROGRAMME_ALLOWS
from loyalty.queries.memberships import (
    Membership,
    ProgrammeNotChosen,
    choose_programme,
    find_membership,
    list_visible_programmes,
)


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
        return render_bare(
            self.request, template, status=status, programme=self.programme, query=self.query, **context
        )


Page: TypeAlias = "Callable[..., HttpResponse]"


def page(view: Page) -> Page:
    """Find the place of a request before the view; no cache may keep what comes out."""

    @cache_control(private=True, no_store=True)
    @wraps(view)
    def in_place(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        programmes = visible_programmes(request)
        asked = request.GET.get("programme", "")
        try:
            programme = choose_programme(programmes=programmes, key=asked)
        except ProgrammeNotChosen as refusal:
            return render_bare(request, "choose.html", status=404 if asked else 400, refusal=refusal)
        return view(open_place(request, programmes, programme), **kwargs)

    return in_place


def members_only(view: Page) -> Page:
    """Send whoever has no membership to the page that says how to get one."""

    @wraps(view)
    def in_place(place: Place, **kwargs: Any) -> HttpResponse:
        if place.membership is None:
            return redirect(place.address("points"))
        return view(place, **kwargs)

    return in_place


def visible_programmes(request: HttpRequest) -> list[Programme]:
    """Give the programmes that whoever asks may know of. Queries: 1."""
    return list_visible_programmes(is_staff=bool(getattr(request.user, "is_staff", False)))


def open_place(request: HttpRequest, programmes: list[Programme], programme: Programme) -> Place:
    """Say whose membership of a programme a request is about, now."""
    at = clock.now()
    return Place(request, programmes, programme, at, _membership(request.user, programme, at))


def _membership(user: Any, programme: Programme, at: datetime) -> Membership | None:
    return find_membership(user_id=user.pk, programme=programme, at=at) if user.is_authenticated else None


def takes_members(place: Place) -> bool:
    """Tell whether the programme takes anybody at all now."""
    return PROGRAMME_ALLOWS[place.programme.state_at(place.at)].join


def sign_in(place: Place, address: str = "") -> str:
    """Give the address of the shop's sign-in, from where the way leads back to a page of ours."""
    return f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': address or place.address('points')})}"


def running_terms(place: Place) -> TermsVersion | None:
    """Find the terms that hold now. Queries: 1."""
    versions = TermsVersion.objects.filter(programme=place.programme, starts_at__lte=place.at)
    return versions.order_by("-number").first()


def by(place: Place) -> By:
    """Say who does something on these pages."""
    # No name: the log of deeds can't be erased, and the login says enough while it exists.
    return By("user", str(place.request.user.pk))


def render_bare(request: HttpRequest, template: str, *, status: int, **context: Any) -> HttpResponse:
    """Answer with a page of ours, in the shop's own frame."""
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
