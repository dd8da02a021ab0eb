"""What waits for a second look about one thing, as the page of that thing lists it."""

from django.http import HttpRequest
from django.urls import reverse

from backstage.admin.base import by_staff
from backstage.queries import WaitingRequest, list_requests

SEE_APPROVALS = ("encore_backstage.decide_approval", "encore_backstage.view_approval")


def list_waiting(
    request: HttpRequest, object_kind: str, object_id: str | int
) -> list[tuple[WaitingRequest, str]]:
    """Give what waits for approval about one thing, with its address for whoever may look. Queries: 1."""
    sees_all = any(map(request.user.has_perm, SEE_APPROVALS))
    user = by_staff(request.user)
    return [
        (
            waiting,
            reverse("admin:encore_backstage_approval_change", args=[waiting.id])
            if sees_all or (waiting.asked_by.kind, waiting.asked_by.id) == (user.kind, user.id)
            else "",
        )
        for waiting in list_requests(object_kind=object_kind, object_id=object_id)
    ]
