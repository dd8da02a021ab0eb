"""Give points or take them back: what it does is shown first, and done on the second click.

The button carries what was shown. If the balance has moved meanwhile, nothing is done and the new sum is
shown instead; two clicks on the same button are one deed, by the token that the page was made with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backstage import clock
from backstage.admin.base import by_staff
from backstage.admin.pages import show_page
from backstage.policies import By
from loyalty.models import Entry, LotTerms, Member, Programme
from loyalty.operations.members import give_points, take_points
from loyalty.policies.calendar import end_of_day
from loyalty.policies.card_number import in_groups
from loyalty.policies.errors import LedgerRefusal
from loyalty.policies.terms import expiry_moment
from loyalty.queries import figures
from loyalty.queries.balance import Balance, Expiring, Upcoming, get_balance
from loyalty.queries.books import terms_of
from loyalty.queries.sentences import points as points_text

GIVE, TAKE = "give", "take"
REASONS = (
    ("goodwill", gettext_lazy("Goodwill")),
    ("correction", gettext_lazy("Correction")),
    ("lost_receipt", gettext_lazy("Lost receipt")),
    ("old_card", gettext_lazy("Moved from an old card")),
    ("event", gettext_lazy("Event")),
    ("other", gettext_lazy("Other")),
)
# A typing error of one figure too many should stand out; a shop that gives more does so in two steps.
MOST_POINTS = 10_000_000
# Later ends are no news yet.
MOST_ENDS = 3


class PointsForm(forms.Form):
    """How many, why, and who is told what. No reason is filled in beforehand: it would be left at that."""

    template_name = "encore/backstage/fields.html"

    deed = forms.ChoiceField(
        label=gettext_lazy("What to do"),
        choices=[(GIVE, gettext_lazy("Give points")), (TAKE, gettext_lazy("Take points back"))],
        widget=forms.RadioSelect,
        initial=GIVE,
    )
    points = forms.IntegerField(
        label=gettext_lazy("How many points"),
        min_value=1,
        max_value=MOST_POINTS,
        error_messages={
            "required": gettext_lazy("Write how many points, a whole number above zero."),
            "invalid": gettext_lazy("Write a whole number of points, without a fraction."),
        },
    )
    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        choices=[("", gettext_lazy("Choose a reason")), *REASONS],
        error_messages={"required": gettext_lazy("Choose a reason. It stands in the log for good.")},
    )
    message = forms.CharField(
        label=gettext_lazy("Message to the customer"),
        help_text=gettext_lazy("The customer reads it in the history. May stay empty."),
        max_length=200,
        required=False,
    )
    note = forms.CharField(
        label=gettext_lazy("Internal note"),
        help_text=gettext_lazy("Only staff reads it. May stay empty."),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    ends = forms.ChoiceField(
        label=gettext_lazy("Points that you give end"),
        choices=[
            ("usual", gettext_lazy("like other points")),
            ("never", gettext_lazy("never")),
            ("day", gettext_lazy("on the day below")),
        ],
        initial="usual",
    )
    last_day = forms.DateField(
        label=gettext_lazy("Last day to use them"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": gettext_lazy("Write a day as 2027-12-31.")},
    )
    counts_for_level = forms.BooleanField(label=gettext_lazy("Counts for the level"), required=False)
    token = forms.UUIDField(widget=forms.HiddenInput)
    checked = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, today: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("deed") == GIVE and cleaned.get("ends") == "day" and "last_day" in cleaned:
            if cleaned["last_day"] is None:
                self.add_error("last_day", _("Choose the last day on which the points can be used."))
            elif cleaned["last_day"] <= self.today:
                self.add_error("last_day", _("This day is over. Choose a day after today."))
        return cleaned


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
        _do(form.cleaned_data, member, at, by_staff(request.user))
    except LedgerRefusal as refusal:
        form.add_error("points", str(refusal))
        return page.show(form, status=409)
    messages.success(request, _told(form.cleaned_data))
    return redirect(back)


def read_facts(balance: Balance) -> list[tuple[str, list[str]]]:
    """Write a balance out for staff: what is ready, what is on its way, what ends, what is owed."""
    zone = ZoneInfo(balance.time_zone)
    worth = figures.money(balance.worth_minor, balance.currency)
    facts = [
        (_("Points"), [f"{points_text(balance.available - balance.debt)} = {worth}"]),
        (_("On the way"), [_say_coming(part, zone, balance.at) for part in balance.on_the_way]),
        (_("Ends"), [_say_end(part, zone, balance.at) for part in balance.expiring[:MOST_ENDS]]),
        (_("Reserved"), [points_text(balance.held)] if balance.held else []),
        (_("Owed"), [_say_owed(balance.debt)] if balance.debt else []),
    ]
    return [(name, said) for name, said in facts if said]


def _say_coming(part: Upcoming, zone: ZoneInfo, now: datetime) -> str:
    if part.at:
        when = _("ready on %(date)s") % {"date": figures.day(part.at, zone, now=now)}
    else:
        waits = {"payment": _("waits for the payment"), "delivery": _("waits for the delivery")}
        when = waits[part.waits_for]
    return f"{points_text(part.points)}, {when}"


def _say_end(part: Expiring, zone: ZoneInfo, now: datetime) -> str:
    last_day = figures.last_day(part.until, zone, now=now)
    return _("%(points)s after %(date)s") % {"points": points_text(part.points), "date": last_day}


def _say_owed(points: int) -> str:
    return _("%(points)s, filled by the next ones") % {"points": points_text(points)}


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
    after = before + count if deed == GIVE else before - count
    if deed == GIVE:
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
    if form.cleaned_data["deed"] != TAKE or form.cleaned_data["points"] <= balance.available:
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


def _do(told: Mapping[str, Any], member: Member, at: datetime, by: By) -> None:
    wanted: dict[str, Any] = {
        "member_id": member.pk,
        "points": told["points"],
        "key": _key(told["token"]),
        "reason": told["reason"],
        "message": told["message"],
        "note": told["note"],
        "counts_for_level": told["counts_for_level"],
        "at": at,
        "by": by,
    }
    if told["deed"] == GIVE:
        give_points(**wanted, expires_at=_end(told, member, at))
    else:
        take_points(**wanted)


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
    if told["deed"] == GIVE:
        sentence = ngettext("Gave %(n)s point.", "Gave %(n)s points.", count)
    else:
        sentence = ngettext("Took %(n)s point back.", "Took %(n)s points back.", count)
    return sentence % {"n": figures.number(count)}
