"""The pages that members see. They read the clock, ask one or two questions, and render.

Everything on them is personal, so no cache on the way may keep them. Reading changes nothing; what changes
something is a form.
"""

from contextlib import suppress

from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commerce.operations.logins import open_customer
from loyalty.forms import JoinForm, read_moment
from loyalty.models import Entry, TermsVersion
from loyalty.operations import members
from loyalty.operations.admission import CannotJoin
from loyalty.policies.programme import UNDO_LEAVING_DAYS, Admission, MemberState
from loyalty.queries import member_page, sentences
from loyalty.queries.balance import book_at, read_balance
from loyalty.queries.cards import get_card
from loyalty.queries.changes.words import say_moment
from loyalty.queries.history import history_of
from loyalty.queries.invitations import find_invitation
from loyalty.queries.memberships import Membership, find_customer_id
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.why import why as explain
from loyalty.registry import Visit, list_member_page_sections
from loyalty.views.place import Place, by, members_only, page, running_terms, sign_in, takes_members

ROWS_PER_PAGE = 20


# -- reading -------------------------------------------------------------------------------------------------


@require_safe
@page
def points(place: Place) -> HttpResponse:
    if place.membership is None:
        return _welcome(place, JoinForm(terms=running_terms(place)))
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
        terms=running_terms(place),
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
        return redirect(sign_in(place))
    terms = running_terms(place)
    form = JoinForm(place.request.POST, terms=terms)
    if place.membership is None and not form.is_valid():
        return _welcome(place, form)
    if place.membership is None and takes_members(place):
        customer_id = open_customer(user_id=user.pk, at=place.at)
        with suppress(CannotJoin):  # the page that follows says who may join
            members.enrol(
                customer_id=customer_id,
                programme_id=place.programme.id,
                terms_id=terms.id if terms else None,
                at=place.at,
                by=by(place),
            )
    return redirect(place.address("points"))


@require_POST
@page
@members_only
def agree(place: Place) -> HttpResponse:
    terms = running_terms(place)
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
        members.leave(member_id=place.member.id, at=place.at, by=by(place))
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
        members.undo_leaving(member_id=place.member.id, at=place.at, by=by(place))
    return redirect(place.address("points"))


# -- what the views share ------------------------------------------------------------------------------------


def _welcome(place: Place, form: JoinForm) -> HttpResponse:
    rules = get_programme_rules(place.programme.id)
    return place.render(
        "welcome.html",
        status=422 if form.errors else 200,
        rules=member_page.read_rules(rules, place.programme, place.at)[:3],
        example=member_page.read_example(rules, place.programme, place.at),
        is_open=takes_members(place),
        is_let_in=_is_let_in(place),
        end=member_page.find_end(place.programme, place.at),
        sign_in=sign_in(place),
        form=form,
    )


def _is_let_in(place: Place) -> bool:
    """Tell whether this visitor may join, as far as that takes an invitation. Queries: 0 where it takes none.

    A guest is let to sign in first: who they are decides.
    """
    if place.programme.admission == Admission.OPEN:
        return True
    user = place.request.user
    customer_id = find_customer_id(user_id=user.pk) if user.is_authenticated else None
    if customer_id is None:
        return False
    own = find_invitation(customer_id=customer_id, programme_id=place.programme.id, at=place.at)
    return own is not None


def _coming_terms(place: Place) -> TermsVersion | None:
    versions = TermsVersion.objects.filter(programme=place.programme, starts_at__gt=place.at)
    return versions.order_by("number").first()


def _must_agree(membership: Membership | None) -> bool:
    if membership is None or membership.account.member.terms_id is None:
        return False
    return membership.running_terms_id != membership.account.member.terms_id
