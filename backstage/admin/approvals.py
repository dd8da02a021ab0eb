"""Requests for approval: what was asked, by whom, and the decision."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, by_staff, column, display
from backstage.admin.pages import find_object, page_url, show_page
from backstage.models import Approval
from backstage.operations import approvals
from backstage.policies import ApprovalState
from backstage.policies.approvals import ChangeRefusedError
from backstage.queries import describe_approval
from backstage.registry import UnknownKey, approval_kinds

DECIDE = "encore_backstage.decide_approval"
REFUSALS = (approvals.ApprovalError, approvals.ReasonMissingError, ChangeRefusedError, UnknownKey)


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """The list of requests, and a page for each with its buttons."""

    keyset = "-requested_at"
    empty_text = gettext_lazy(
        "Nothing waits for a second look. Large changes that somebody asks for will be here."
    )
    list_display = (
        "sentence",
        column("state", gettext_lazy("state")),
        column("requested_by_label", gettext_lazy("asked for by")),
        column("requested_at", gettext_lazy("asked for")),
        column("decided_by_label", gettext_lazy("decided by")),
    )
    list_filter = ("state",)
    search_fields = ("object_id", "reason", "requested_by_label")

    def has_view_permission(self, request: HttpRequest, obj: Approval | None = None) -> bool:
        """Let whoever decides see all, and whoever asked what they asked for."""
        may_see_all = super().has_view_permission(request, obj) or request.user.has_perm(DECIDE)
        return may_see_all or (obj is not None and is_own(request, obj))

    @display(description=gettext_lazy("change"))
    def sentence(self, approval: Approval) -> str:
        return describe_approval(approval)

    def get_urls(self) -> list[URLPattern]:
        """Add the address that the buttons post to."""
        return [page_url(self, "decide", require_POST(self.decide_view)), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one request."""
        return self._show(request, find_object(self, request, object_id))

    def decide_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Approve, refuse or take back; what cannot be decided is said next to the reason, which is kept."""
        approval = find_object(self, request, object_id)
        decision = request.POST.get("decision", "")
        reason = request.POST.get("reason", "")
        if not self._may(request, approval, decision):
            raise PermissionDenied
        try:
            with transaction.atomic():
                _decide(request, approval, decision, reason)
        except REFUSALS as error:
            approval.refresh_from_db()
            return self._show(request, approval, reason=reason, error=str(error), status=409)
        messages.success(request, DONE[decision])
        return redirect("admin:encore_backstage_approval_change", approval.pk)

    def _may(self, request: HttpRequest, approval: Approval, decision: str) -> bool:
        if decision == "cancel":
            return is_own(request, approval)
        return decision in DONE and request.user.has_perm(DECIDE)

    def _show(
        self,
        request: HttpRequest,
        approval: Approval,
        *,
        reason: str = "",
        error: str = "",
        status: int = 200,
    ) -> HttpResponse:
        return show_page(
            self,
            request,
            obj=approval,
            template="encore/backstage/approval.html",
            status=status,
            title=describe_approval(approval),
            approval=approval,
            is_waiting=approval.state == ApprovalState.WAITING,
            details=_find_details(approval),
            sees_list=self.has_view_permission(request),
            may_decide=request.user.has_perm(DECIDE),
            may_cancel=is_own(request, approval),
            reason=reason,
            error=error,
        )


def _find_details(approval: Approval) -> dict[str, Any]:
    """Give the template of this kind of change and what it shows; nothing where the app is gone."""
    if approval.kind not in approval_kinds:
        return {"template": ""}
    kind = approval_kinds.get(approval.kind)
    return {"template": kind.template, **kind.find(approval.payload, clock.now())}


DONE = {
    "approve": gettext_lazy("Approved, and done."),
    "refuse": gettext_lazy("Refused. Nothing was changed."),
    "cancel": gettext_lazy("Taken back. Nothing was changed."),
}


def _decide(request: HttpRequest, approval: Approval, decision: str, reason: str) -> None:
    deeds: dict[str, Callable[..., Approval]] = {
        "approve": approvals.approve,
        "refuse": approvals.refuse,
        "cancel": approvals.cancel,
    }
    deeds[decision](
        approval_id=approval.pk,
        by=by_staff(request.user),
        at=clock.now(),
        now=clock.real_now(),
        reason=reason,
    )


def is_own(request: HttpRequest, approval: Approval) -> bool:
    """Tell whether this person asked for it."""
    return (approval.requested_by_kind, approval.requested_by_id) == ("staff", str(request.user.pk))
