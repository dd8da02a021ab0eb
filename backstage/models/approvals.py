"""Changes that wait for a second look."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from backstage.policies import ApprovalState

# Values, not enum members: a migration would write down the class and break when it moves.
STATE_LABELS = {
    ApprovalState.WAITING.value: _("waiting"),
    ApprovalState.APPROVED.value: _("approved"),
    ApprovalState.REFUSED.value: _("refused"),
    ApprovalState.CANCELLED.value: _("cancelled"),
}
DECIDED = [ApprovalState.APPROVED.value, ApprovalState.REFUSED.value, ApprovalState.CANCELLED.value]


class Approval(models.Model):
    """A change that somebody asked for and somebody else decides: waiting, then approved, refused or
    cancelled.

    Written by `operations.approvals`. `payload` is what the approved change will be made from, word for
    word, so nobody approves one thing and gets another. `key` makes a double click one request. `not_before`
    is set where no second person exists: then the same person may approve, but only later.
    """

    kind = models.CharField(_("kind of change"), max_length=100)
    key = models.CharField(_("key"), max_length=100, blank=True, default="", db_default="")
    object_kind = models.CharField(_("kind of object"), max_length=100)
    object_id = models.CharField(_("object"), max_length=100)
    payload = models.JSONField(_("the change"), encoder=DjangoJSONEncoder)
    reason = models.TextField(_("reason"))
    state = models.CharField(
        _("state"), max_length=10, choices=STATE_LABELS, default=ApprovalState.WAITING.value
    )
    requested_at = models.DateTimeField(_("requested"))
    requested_by_kind = models.CharField(max_length=20)
    requested_by_id = models.CharField(max_length=100, blank=True, default="")
    requested_by_label = models.CharField(_("requested by"), max_length=200, blank=True, default="")
    not_before = models.DateTimeField(_("not before"), null=True, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by_kind = models.CharField(max_length=20, blank=True, default="")
    decided_by_id = models.CharField(max_length=100, blank=True, default="")
    decided_by_label = models.CharField(_("decided by"), max_length=200, blank=True, default="")
    decision_reason = models.TextField(_("reason of the decision"), blank=True, default="")

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        permissions = [("decide_approval", "Can approve or refuse what others ask for")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state=ApprovalState.WAITING.value, decided_at__isnull=True, decided_by_kind="")
                | (Q(state__in=DECIDED) & Q(decided_at__isnull=False) & ~Q(decided_by_kind="")),
                name="encore_approval_decided",
            ),
            models.UniqueConstraint(fields=["kind", "key"], condition=~Q(key=""), name="encore_approval_key"),
        ]
        indexes = [
            models.Index(fields=["requested_at", "id"], name="encore_approval_requested"),
            models.Index(fields=["object_kind", "object_id"], name="encore_approval_object"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_kind} {self.object_id}"
