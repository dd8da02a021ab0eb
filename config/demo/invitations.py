"""The demo shop asks those of its best customers who are no members yet to join."""

from datetime import datetime, timedelta
from typing import Any

from backstage.operations.jobs import run_job
from backstage.policies import By
from commerce.operations.segments import save_segment
from loyalty.models import Invitation, Programme
from loyalty.operations.invitation_lists import create_invitation_list, switch_on_invitation_list
from loyalty.operations.invitations import note_opened
from loyalty.operations.members import enrol

BEST: dict[str, Any] = {
    "conditions": [
        {
            "condition": "top_revenue",
            "with": {"percent": "25", "currency": "EUR", "period": {"last": 12, "unit": "months"}},
        }
    ]
}
GREETING = {
    "en": "{name}, come and join us",
    "pl": "{name}, zapraszamy do klubu",
    "nb": "{name}, bli med oss",
}
TEXT = {
    "en": "You are one of our best guests. Join the Kaffe Club, and every coffee brings you points.",
    "pl": "Należysz do naszych najlepszych gości. Dołącz do Kaffe Club, a każda kawa przyniesie punkty.",
    "nb": "Du er en av våre beste gjester. Bli med i Kaffe Club, så gir hver kaffe deg poeng.",
}
# Of those who are invited, every third looks at it, and every second of these joins.
LOOKS, JOINS = 3, 2


def invite_the_best(programme: Programme, *, at: datetime, by: By) -> None:
    """Invite them on the last evening of the story, and let some of them come at once."""
    best = save_segment(key="best-quarter", name="The best quarter", conditions=BEST, at=at, by=by)
    drafted = create_invitation_list(
        programme_id=programme.pk,
        fields={
            "name": "Our best guests",
            "segment_id": best.pk,
            "is_living": True,
            "valid_days": 60,
            "greeting": GREETING,
            "text": TEXT,
        },
        at=at,
        by=by,
    )
    switch_on_invitation_list(list_id=drafted.pk, at=at, by=by)
    run_job(name="send_invitations", at=at, by=by)
    invited = Invitation.objects.filter(invitation_list=drafted, sent_at__isnull=False).order_by("id")
    for number, invitation in enumerate(invited[::LOOKS]):
        note_opened(invitation_id=invitation.pk, at=at + timedelta(minutes=10))
        if number % JOINS == 0:
            enrol(
                customer_id=invitation.customer_id,
                programme_id=programme.pk,
                at=at + timedelta(minutes=20),
                by=by,
            )
