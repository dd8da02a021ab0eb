"""Give points or take them back: what it does is shown first, and done on the second click.

Over the limit of whoever is at the keyboard, the second click asks somebody else to approve it.

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
from backstage.operations.approvals import ApprovalError
from loyalty.admin.balance_facts import read_facts
from loyalty.admin.points_form import PointsForm
from loyalty.models import LotTerms, Member, Programme
from loyalty.operations.adjustments import OverLimit, adjust_points, request_adjustment
from loyalty.policies.adjustments import Adjustment, Deed
from loyalty.policies.calendar import end_of_day
from loyalty.policies.card_number import in_groups
from loyalty.policies.errors import LedgerRefusal
from loyalty.policies.terms import LotEnd, lot_end
from loyalty.queries import figures
from loyalty.queries.adjustments import say_only_ready, was_done_or_asked
from loyalty.queries.balance import Balance, get_balance
from loyalty.queries.books import terms_of
from loyalty.queries.limits import Allowance, get_allowance, say_over_limit
from loyalty.queries.sentences import points as points_text

REFUSALS = (LedgerRefusal, OverLimit, ApprovalError)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the deed would do, in words; `stamp` names the deed and the balance that it was shown with.

    `limits` says why it needs approval, where it does.
    """

    before: str
    after: str
    worth: str
    button: str
    stamp: str
    limits: tuple[str, ...]


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
    by = by_staff(request.user)
    allowance = get_allowance(programme=member.programme, by=by, at=at)
    if not is_valid or _lacks_points(form, balance) or _lacks_note(form, allowance):
        return page.show(form, status=422)
    outlook = _look_ahead(form, member.programme, balance, allowance)
    shown = form.cleaned_data["checked"]
    if shown != outlook.stamp:
        return page.show(form, outlook=outlook, has_moved=_has_moved(shown, outlook.stamp))
    adjustment = _read(form.cleaned_data, member, at)
    try:
        if outlook.limits:
            request_adjustment(adjustment=adjustment, at=at, now=clock.real_now(), by=by)
        else:
            adjust_points(adjustment=adjustment, at=at, by=by)
    except REFUSALS as refusal:
        form.add_error("points", str(refusal))
        return page.show(form, status=409)
    messages.success(request, _told(form.cleaned_data, is_asked=bool(outlook.limits)))
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


def _look_ahead(form: PointsForm, programme: Programme, balance: Balance, allowance: Allowance) -> Outlook:
    deed, count = form.cleaned_data["deed"], form.cleaned_data["points"]
    before = balance.available - balance.debt
    after = before + count if deed == Deed.GIVE else before - count
    limits = () if allowance.allows(count) else tuple(say_over_limit(allowance))
    worth_minor = programme.worth_at(balance.at).of(max(0, after))
    return Outlook(
        before=figures.number(before),
        after=points_text(after),
        worth=figures.money(worth_minor, balance.currency),
        button=_("Send for approval") if limits else _button(deed, count),
        stamp=f"{deed}:{count}:{'ask' if limits else 'do'}:{before}",
        limits=limits,
    )


def _button(deed: str, count: int) -> str:
    if deed == Deed.GIVE:
        button = ngettext("Give %(n)s point", "Give %(n)s points", count)
    else:
        button = ngettext("Take back %(n)s point", "Take back %(n)s points", count)
    return button % {"n": figures.number(count)}


def _has_moved(shown: str, stamp: str) -> bool:
    """Tell whether the same deed was shown with another balance, and not another deed."""
    return bool(shown) and shown != stamp and shown.rpartition(":")[0] == stamp.rpartition(":")[0]


def _lacks_points(form: PointsForm, balance: Balance) -> bool:
    if form.cleaned_data["deed"] != Deed.TAKE or form.cleaned_data["points"] <= balance.available:
        return False
    form.add_error("points", say_only_ready(balance.available))
    return True


def _lacks_note(form: PointsForm, allowance: Allowance) -> bool:
    """Ask for a note where somebody else has to approve: they were not there."""
    if allowance.allows(form.cleaned_data["points"]) or form.cleaned_data["note"].strip():
        return False
    form.add_error(
        "note", _("This is over your limit, so somebody else looks at it first. Tell them here why.")
    )
    return True


def _was_done(member: Member, token: UUID | None) -> bool:
    return token is not None and was_done_or_asked(member_id=member.pk, key=_key(token))


def _key(token: UUID) -> str:
    return f"staff:{token}"


def _read(told: Mapping[str, Any], member: Member, at: datetime) -> Adjustment:
    deed = Deed(told["deed"])
    end = _end(told, member, at) if deed is Deed.GIVE else LotEnd()
    return Adjustment(
        deed=deed,
        member_id=member.pk,
        points=told["points"],
        key=_key(told["token"]),
        reason=told["reason"],
        expires_at=end.expires_at,
        lapse_months=end.lapse_months,
        counts_for_level=told["counts_for_level"],
        message=told["message"],
        note=told["note"],
    )


def _end(told: Mapping[str, Any], member: Member, at: datetime) -> LotEnd:
    """Say until when a gift can be used; like other points means as if it had been earned and were ready."""
    zone = member.programme.zone
    if told["ends"] == "day":
        return LotEnd(end_of_day(told["last_day"], zone))
    if told["ends"] == "never":
        return LotEnd()
    versions = LotTerms.objects.filter(programme_id=member.programme_id, product_group__isnull=True)
    running = versions.filter(starts_at__lte=at).exclude(ends_at__lte=at).first()
    return lot_end(terms_of(running), at, zone) if running else LotEnd()


def _told(told: Mapping[str, Any], *, is_asked: bool) -> str:
    if is_asked:
        return _("Sent for approval. Nothing has changed yet.")
    count = told["points"]
    if told["deed"] == Deed.GIVE:
        sentence = ngettext("Gave %(n)s point.", "Gave %(n)s points.", count)
    else:
        sentence = ngettext("Took %(n)s point back.", "Took %(n)s points back.", count)
    return sentence % {"n": figures.number(count)}
