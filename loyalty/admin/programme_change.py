"""Changing a programme: what it means is said first, and done on the second click.

The second click carries a stamp of what was shown, so that a field changed in between is shown anew. What
costs many times as much as now needs a tick as well, and what points are worth a second person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from backstage import clock
from backstage.admin.base import by_staff
from backstage.admin.pages import show_page
from backstage.operations.approvals import KeyTakenError
from backstage.registry import Text
from loyalty.admin.closing_form import CloseForm
from loyalty.admin.consequences import (
    Explain,
    explain_outlook,
    find_cost,
)
from loyalty.admin.programme_forms import ProgrammeChangeForm, TermsForm
from loyalty.admin.settings_form import SettingsForm
from loyalty.models import ProductGroup, Programme
from loyalty.operations.changes.closing import CannotClose
from loyalty.operations.changes.notice import AlreadyAnnounced, NoticeTooShort, StartPassed
from loyalty.operations.changes.requests import request_settings
from loyalty.policies.changes.cost import Cost
from loyalty.policies.changes.notice import first_whole_day, last_whole_day
from loyalty.policies.changes.subjects import Subject
from loyalty.queries import figures
from loyalty.queries.changes.announcements import has_audience
from loyalty.queries.changes.cost import say_cost, say_steep
from loyalty.queries.changes.outlook import Outlook, look_ahead
from loyalty.queries.changes.words import say_moment


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that can be changed: its form, what a change means in words, and the operation.

    With a subject it may have to be announced.
    """

    title: Text
    form: type[Any]
    explain: Explain
    operate: Callable[..., Any]
    button: Text
    subject: Subject | None = None


def answer(
    model_admin: Any, request: HttpRequest, programme: Programme, change: Change, *, back: str
) -> HttpResponse:
    """Show the form, then what it means, then do it."""
    group = _find_group(request, programme) if change.form is TermsForm else None
    form = _open_form(request, programme, change, group.pk if group else None)
    meanings: list[str] = []
    if request.method == "POST" and form.is_valid():
        outlook = _look_ahead(change, form)
        if not form.errors:
            cost = find_cost(form)
            meanings = _explain(change, form, outlook, cost)
            if said := _go_on(request, change, form, outlook, cost):
                messages.success(request, said)
                return redirect(back)
            meanings = meanings if form.errors.keys() <= {"is_meant", "why"} else []
    return show_page(
        model_admin,
        request,
        obj=programme,
        template="encore/loyalty/admin/programme_form.html",
        status=422 if form.errors else 200,
        title=f"{change.title}: {group or programme}",
        form=form,
        meanings=meanings,
        button=_("Send for approval") if meanings and _needs_approval(form) else change.button,
        back=back,
    )


def _open_form(request: HttpRequest, programme: Programme, change: Change, group_id: int | None) -> Any:
    told: dict[str, Any] = {"programme": programme, "group_id": group_id}
    if request.method == "POST":
        return change.form(request.POST, **told)
    return change.form(initial=change.form.begin(programme, group_id), **told)


def _find_group(request: HttpRequest, programme: Programme) -> ProductGroup | None:
    text = request.GET.get("group", "")
    if not text:
        return None
    group = ProductGroup.objects.filter(programme=programme, pk=int(text) if _is_id(text) else 0).first()
    if group is None:
        raise Http404
    return group


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


# -- what it would mean --------------------------------------------------------------------------------------


def _look_ahead(change: Change, form: ProgrammeChangeForm) -> Outlook | None:
    """Work out from when it would hold; a day that is too early is said beside its field."""
    if change.subject is None:
        return None
    at, programme = clock.now(), form.programme
    before = form.held()
    outlook = look_ahead(
        programme=programme,
        subject=change.subject,
        before=before,
        after={**before, **form.read()},
        wanted=form.starts_at(),
        at=at,
    )
    if outlook.starts_at is not None and outlook.starts_at < at:
        form.add_error("holds_from", _("This day has passed. Choose today or a later day."))
    elif outlook.is_too_early:
        first = first_whole_day(outlook.earliest, programme.zone)
        told = {"days": figures.number(outlook.notice_days), "date": f"{first:%Y-%m-%d}"}
        form.add_error(
            "holds_from",
            _(
                "This takes something away from members, so they are told %(days)s days before. "
                "Choose %(date)s or a later day, or leave it empty."
            )
            % told,
        )
    return outlook


def _explain(change: Change, form: ProgrammeChangeForm, outlook: Outlook | None, cost: Cost) -> list[str]:
    """Say what it means."""
    meanings = [*(explain_outlook(form, outlook) if outlook else ()), *change.explain(form)]
    meanings += [say_cost(cost, form.programme.currency), say_steep(cost)]
    if _needs_approval(form):
        meanings.append(_("Somebody else has to approve this before members are told."))
    return [said for said in meanings if said]


def _stamp(form: ProgrammeChangeForm, outlook: Outlook | None) -> str:
    """Name what was shown. A rate begins at the moment of the click, so that is left out."""
    named = sorted((name, str(value)) for name, value in form.read().items() if name != "starts_at")
    holds_from = outlook.starts_at if outlook else None
    return sha256(repr((named, holds_from)).encode()).hexdigest()[:16]


def _needs_approval(form: ProgrammeChangeForm) -> bool:
    """Tell whether a second person has to look: where members are promised something, at what points are
    worth.
    """
    if not isinstance(form, SettingsForm) or not {"worth_minor", "worth_points"} & form.read().keys():
        return False
    return has_audience(programme=form.programme, at=clock.now())


# -- the second click ----------------------------------------------------------------------------------------


def _go_on(
    request: HttpRequest, change: Change, form: ProgrammeChangeForm, outlook: Outlook | None, cost: Cost
) -> str:
    """Do what was shown and is confirmed, and say so; nothing where it still has to be shown."""
    stamp, shown = _stamp(form, outlook), form.cleaned_data["checked"]
    form.data = {**dict(form.data.items()), "checked": stamp}
    if cost.is_steep:
        form.ask_whether_meant()
    if shown != stamp:
        return ""
    if cost.is_steep and not form.is_meant():
        form.add_error("is_meant", _("Tick this if you mean it. Else look at the numbers again."))
        return ""
    return _ask(request, form) if _needs_approval(form) else _do(request, change, form, outlook)


def _ask(request: HttpRequest, form: Any) -> str:
    reason = form.cleaned_data["why"].strip()
    if not reason:
        form.add_error("why", _("Somebody else looks at this first. Tell them here why."))
        return ""
    try:
        request_settings(
            programme_id=form.programme.pk,
            changes=form.read(),
            starts_at=form.starts_at(),
            key=form.cleaned_data["token"],
            reason=reason,
            at=clock.now(),
            now=clock.real_now(),
            by=by_staff(request.user),
        )
    except KeyTakenError as error:
        form.add_error(None, str(error))
        return ""
    return _("Sent for approval. Nothing has changed yet.")


def _do(request: HttpRequest, change: Change, form: ProgrammeChangeForm, outlook: Outlook | None) -> str:
    told: dict[str, Any] = {"product_group_id": form.group_id} if isinstance(form, TermsForm) else {}
    if outlook is not None:
        told["starts_at"] = outlook.starts_at
    try:
        with transaction.atomic():
            change.operate(
                programme_id=form.programme.pk,
                at=clock.now(),
                by=by_staff(request.user),
                **told,
                **form.read(),
            )
    except ValidationError as error:
        form.take_over(error)
    except IntegrityError:
        form.add_error(None, _("Somebody changed this in the same moment. Look at it again, then repeat."))
    except (AlreadyAnnounced, CannotClose, NoticeTooShort, StartPassed) as refusal:
        form.add_error(*_place(form, refusal))
    else:
        return _done(form, outlook)
    return ""


def _place(form: ProgrammeChangeForm, refusal: Exception) -> tuple[str | None, str]:
    """Put a refusal into words, beside the field that it is about."""
    if isinstance(refusal, AlreadyAnnounced):
        told = {"date": say_moment(refusal.starts_at, form.programme, now=clock.now())}
        return None, _(
            "A change is announced for %(date)s already. "
            "Call it off on the club's page first, or wait for its day."
        ) % told
    if isinstance(refusal, NoticeTooShort):
        is_end = isinstance(form, CloseForm)
        day = (last_whole_day if is_end else first_whole_day)(refusal.earliest, form.programme.zone)
        told = {"date": f"{day:%Y-%m-%d}"}
        return "last_day" if is_end else "holds_from", _(
            "Members would be told too late. Choose %(date)s or a later day."
        ) % told
    if isinstance(refusal, StartPassed):
        return "holds_from", _("This day has passed. Choose today or a later day.")
    return None, _("This can only be done while the club is live or paused.")


def _done(form: ProgrammeChangeForm, outlook: Outlook | None) -> str:
    programme = form.programme
    if isinstance(form, CloseForm):
        return _("Announced. You can take it back until the last day is over.")
    if outlook is None or outlook.starts_at is None:
        return _("Done. It holds from now on.")
    day = say_moment(outlook.starts_at, programme, now=clock.now())
    return _("Announced. It holds from %(date)s on, and you can call it off until then.") % {"date": day}
