"""The page on which a list of invitations is drafted and changed, with who it would reach beside it."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backstage import clock
from backstage.admin.base import by_staff
from loyalty.admin.invitation_form import InvitationForm
from loyalty.admin.invitation_view import preview_segment
from loyalty.models import InvitationList, Programme
from loyalty.operations import invitation_lists as operations


def answer(
    model_admin: Any, request: HttpRequest, drafted: InvitationList | None, programme: Programme
) -> HttpResponse:
    """Show the form, filled in with a draft or with a segment that the address names, and save on a POST."""
    if request.method == "POST":
        form = InvitationForm(request.POST, programme=programme)
        if form.is_valid() and "save" in request.POST and (saved := _save(request, form, drafted)):
            messages.success(request, _("Saved as a draft. It invites nobody until you switch it on."))
            return redirect(model_admin.address_of(saved.pk))
    elif drafted is None:
        form = InvitationForm(initial={"segment": request.GET.get("segment", "")}, programme=programme)
    else:
        form = InvitationForm(initial=InvitationForm.begin(drafted), programme=programme)
    return _show(model_admin, request, form, drafted)


def preview(request: HttpRequest, programme: Programme) -> HttpResponse:
    """Answer with who would be invited by a half-written form; it saves nothing."""
    shown = {"preview": preview_chosen(programme, request.POST.get("segment", ""))}
    return TemplateResponse(request, "encore/loyalty/admin/invitation_preview.html", shown)


def preview_chosen(programme: Programme, segment: str) -> dict[str, Any] | None:
    """Say who would be invited of the segment that was chosen; None as long as none was."""
    number = read_id(segment)
    return preview_segment(programme, number, clock.now()) if number else None


def read_id(text: str) -> int:
    """Read an id that came with an address or a form; 0 for whatever is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _save(
    request: HttpRequest, form: InvitationForm, drafted: InvitationList | None
) -> InvitationList | None:
    done: dict[str, Any] = {"fields": form.read(), "at": clock.now(), "by": by_staff(request.user)}
    try:
        if drafted is None:
            return operations.create_invitation_list(programme_id=form.programme.pk, **done)
        return operations.change_invitation_list(list_id=drafted.pk, **done)
    except ValidationError as error:
        form.take_over(error)
    except operations.ListStepRefused as refusal:
        form.add_error(None, str(refusal))
    return None


def _show(
    model_admin: Any, request: HttpRequest, form: InvitationForm, drafted: InvitationList | None
) -> HttpResponse:
    list_address = reverse("admin:encore_loyalty_invitationlist_changelist")
    context = {
        **model_admin.admin_site.each_context(request),
        "title": drafted.name if drafted else _("Draft a list of invitations"),
        "opts": model_admin.opts,
        "list_address": list_address,
        "form": form,
        "back": model_admin.address_of(drafted.pk) if drafted else list_address,
        "preview_address": reverse("admin:encore_loyalty_invitationlist_preview"),
        "programme": form.programme,
        "preview": preview_chosen(form.programme, str(form["segment"].value() or "")),
    }
    status = 422 if form.is_bound and form.errors else 200
    return TemplateResponse(request, "encore/loyalty/admin/invitation_form.html", context, status=status)
