"""Give points or take them back: what it does is shown first, and done on the second click.

The button carries what was shown. If the balance has moved meanwhile, nothing is done and the new sum is
shown instead; two clicks on the same button are one deed, by the token that the page was made with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backstage import clock
from backstage.admin.base import by_staff
from backstage.admin.pages import show_page
from loyalty.admin.balance_facts import read_facts
from loyalty.admin.points_form import PointsForm
from loyalty.models import Entry, LotTerms, Member, Programme
from loyalty.operations.adjustments import adjust_points
from loyalty.policies.adjustments import Adjustment, Deed
from loyalty.policies.calendar import end_of_day
from loyalty.policies.card_number import in_groups
from loyalty.policies.errors import LedgerRefusal
from loyalty.policies.terms import expiry_moment
from loyalty.queries import figures
from loyalty.queries.balance import Balance, get_balance
from loyalty.queries.books import terms_of
from loyalty.queries.sentences import points as points_text


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the deed would do, in words; `stamp` names the deed and the balance that it was shown with."""

    before: str
    after: str
    worth: str
    button: str
    stamp: str


def answer(model_admin: Any, request: HttpRequest, member: Member, *, back: str) -> HttpResponse:
    """Show the form, then what it would do, then do it."""
    at = clock.now()
    today = at.astimezone(member.programme.zone).date()
    balance = get_balance(member_id=member.pk, at=at)
    page = Page(model_admin, request, member, balance, back)
    if request.method != "POST":
        return page.show(PointsForm(initial={"token": uuid4()}, today=today))
    form = PointsForm(request.POST, today=today)
    is_valid = form.is_valid()
    if _was_done(member, form.cleaned_data.get("token")):
        return redirect(back)
    if not is_valid or _lacks_points(form, balance):
        return page.show(form, status=422)
    outlook = _look_ahead(form, member.programme, balance)
    shown = form.cleaned_data["checked"]
    if shown != outlook.stamp:
        return page.show(form, outlook=outlook, has_moved=_has_moved(shown, outlook.stamp))
    try:
        adjust_points(adjustment=_read(form.cleaned_data, member, at), at=at, by=by_staff(request.user))
    except LedgerRefusal as refusal:
        form.add_error("points", str(refusal))
        return page.show(form, status=409)
    messages.success(request, _told(form.cleaned_data))
    return redirect(back)


@dataclass(frozen=True, slots=True)
class Page:
    """Where the form stands, and for whom."""

    model_admin: Any
    request: HttpRequest
    member: Member
    balance: Balance
    back: str

    def show(
        self, form: PointsForm, *, outlook: Outlook | None = None, has_moved: bool = False, status: int = 200
    ) -> HttpResponse:
        """Show the form, with what it would do where that is known."""
        if outlook is not None:
            data: Any = form.data
            form.data = {**data.dict(), "checked": outlook.stamp}
        return show_page(
            self.model_admin,
            self.request,
            obj=self.member,
            template="encore/loyalty/admin/points.html",
            status=status,
            title=_("Give or take points"),
            member=self.member,
            name=self.member.customer.name or in_groups(self.member.number),
            facts=read_facts(self.balance)[:1],
            form=form,
            outlook=outlook,
            has_moved=has_moved,
            back=self.back,
        )


def _look_ahead(form: PointsForm, programme: Programme, balance: Balance) -> Outlook:
    deed, count = form.cleaned_data["deed"], form.cleaned_data["points"]
    before = balance.available - balance.debt
    after = before + count if deed == Deed.GIVE else before - count
    if deed == Deed.GIVE:
        button = ngettext("Give %(n)s point", "Give %(n)s points", count)
    else:
        button = ngettext("Take back %(n)s point", "Take back %(n)s points", count)
    worth_minor = max(0, after) * programme.worth_minor // programme.worth_points
    return Outlook(
        before=figures.number(before),
        after=points_text(after),
        worth=figures.money(worth_minor, balance.currency),
        button=button % {"n": figures.number(count)},
        stamp=f"{deed}:{count}:{before}",
    )


def _has_moved(shown: str, stamp: str) -> bool:
    """Tell whether the same deed was shown with another balance, and not another deed."""
    return bool(shown) and shown != stamp and shown.rpartition(":")[0] == stamp.rpartition(":")[0]


def _lacks_points(form: PointsForm, balance: Balance) -> bool:
    if form.cleaned_data["deed"] != Deed.TAKE or form.cleaned_data["points"] <= balance.available:
        return False
    if balance.available:
        sentence = ngettext(
            "Only %(n)s point is ready. Take back at most %(n)s.",
            "Only %(n)s points are ready. Take back at most %(n)s.",
            balance.available,
        )
        form.add_error("points", sentence % {"n": figures.number(balance.available)})
    else:
        form.add_error("points", _("No points are ready, so none can be taken back."))
    return True


def _was_done(member: Member, token: UUID | None) -> bool:
    return token is not None and Entry.objects.filter(member=member, key=_key(token)).exists()


def _key(token: UUID) -> str:
    return f"staff:{token}"


def _read(told: Mapping[str, Any], member: Member, at: datetime) -> Adjustment:
    deed = Deed(told["deed"])
    return Adjustment(
        deed=deed,
        member_id=member.pk,
        points=told["points"],
        key=_key(told["token"]),
        reason=told["reason"],
        expires_at=_end(told, member, at) if deed is Deed.GIVE else None,
        counts_for_level=told["counts_for_level"],
        message=told["message"],
        note=told["note"],
    )


def _end(told: Mapping[str, Any], member: Member, at: datetime) -> datetime | None:
    """Say until when a gift can be used; like other points means as if it had been earned and were ready."""
    zone = member.programme.zone
    if told["ends"] == "day":
        return end_of_day(told["last_day"], zone)
    if told["ends"] == "never":
        return None
    running = LotTerms.objects.filter(
        programme_id=member.programme_id, product_group__isnull=True, ends_at__isnull=True
    ).first()
    return expiry_moment(terms_of(running), at, zone) if running else None


def _told(told: Mapping[str, Any]) -> str:
    count = told["points"]
    if told["deed"] == Deed.GIVE:
        sentence = ngettext("Gave %(n)s point.", "Gave %(n)s points.", count)
    else:
        sentence = ngettext("Took %(n)s point back.", "Took %(n)s points back.", count)
    return sentence % {"n": figures.number(count)}
