"""The page where members exchange points for those of an outside programme."""

from secrets import token_urlsafe
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from loyalty.models import Transfer
from loyalty.operations import exchanges
from loyalty.operations.spending import CannotSpend
from loyalty.policies.errors import KeyReused, NotEnoughPoints
from loyalty.policies.outside import AccountRefused, NotWholeSteps
from loyalty.queries import exchange_page, member_page, sentences
from loyalty.queries.balance import book_at, read_balance
from loyalty.views.place import Place, by, members_only, page

MOST_DIGITS = 12


@require_safe
@page
@members_only
def show(place: Place) -> HttpResponse:
    return _show(place)


@require_POST
@page
@members_only
def link(place: Place, outside_id: int) -> HttpResponse:
    _check_open(place, outside_id)
    try:
        exchanges.link_account(
            member_id=place.member.id,
            outside_id=outside_id,
            text=place.request.POST.get("number", "")[:100],
            at=place.at,
            by=by(place),
        )
    except AccountRefused as refusal:
        return _show(place, outside_id, exchange_page.ACCOUNT_FAULTS[refusal.fault])
    except exchanges.AccountTaken:
        return _show(place, outside_id, _("Another member has this account. Ask us if it is yours."))
    return redirect(place.address("exchange"))


@require_POST
@page
@members_only
def ask(place: Place, outside_id: int) -> HttpResponse:
    _check_open(place, outside_id)
    text, key = place.request.POST.get("points", ""), place.request.POST.get("key", "")[:60]
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    try:
        exchanges.exchange_points(
            member_id=place.member.id,
            outside_id=outside_id,
            points=int(text) if is_number else 0,
            key=key or token_urlsafe(16),
            at=place.at,
            by=by(place),
        )
    except NotWholeSteps as refusal:
        return _show(place, outside_id, exchange_page.say_whole_steps(refusal.below, refusal.above))
    except NotEnoughPoints as refusal:
        said = _("You have %(points)s.") % {"points": sentences.points(refusal.available_points)}
        return _show(place, outside_id, said)
    except (CannotSpend, exchanges.CannotExchange):
        return _show(place, outside_id, _("Points cannot be exchanged at the moment."))
    except KeyReused:
        return _show(place, outside_id, _("This was asked for already, with another number. Ask again."))
    return redirect(place.address("exchange"))


@require_POST
@page
@members_only
def call_off(place: Place, transfer_id: int) -> HttpResponse:
    try:
        exchanges.call_off(transfer_id=transfer_id, member_id=place.member.id, at=place.at, by=by(place))
    except Transfer.DoesNotExist as error:
        raise Http404("You have no such exchange.") from error
    except exchanges.TooLateToCallOff:
        return _show(place, 0, _("It has been sent already, so it cannot be called off."))
    return redirect(place.address("exchange"))


def _check_open(place: Place, outside_id: int) -> None:
    if outside_id not in exchange_page.list_open_ids(place.programme, place.at):
        raise Http404("There is nobody to exchange with under this address.")


def _show(place: Place, wrong_id: int = 0, wrong: Any = "") -> HttpResponse:
    balance = read_balance(book_at(place.account, place.at), place.member, place.at)
    return place.render(
        "exchange.html",
        status=422 if wrong else 200,
        headline=member_page.read_headline(balance),
        offers=exchange_page.list_offers(place.member, place.programme, balance, place.at),
        rows=list(exchange_page.list_rows(place.member, place.programme, place.at)),
        key=token_urlsafe(16),
        wrong_id=wrong_id,
        wrong=wrong,
    )
