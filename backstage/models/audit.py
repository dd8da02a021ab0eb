"""Who changed what."""

import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditRecord(models.Model):
    """One deed: who did what to which object, with the values before and after. It has no states and is
    never edited.

    Written by `operations.audit.record`, in the transaction of the deed itself. It holds plain values and no
    keys, so that no deletion elsewhere reaches it; Django's own LogEntry would go with the user who made it.
    Deeds of one action share a `group`.
    """

    at = models.DateTimeField(_("at"))
    by_kind = models.CharField(_("kind of person"), max_length=20)
    by_id = models.CharField(_("id of person"), max_length=100, blank=True, default="")
    by_label = models.CharField(_("by"), max_length=200, blank=True, default="")
    kind = models.CharField(_("deed"), max_length=100)
    object_kind = models.CharField(_("kind of object"), max_length=100)
    object_id = models.CharField(_("object"), max_length=100)
    before = models.JSONField(_("before"), null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(_("after"), null=True, encoder=DjangoJSONEncoder)
    reason = models.TextField(_("reason"), blank=True, default="")
    group = models.UUIDField(_("group"), default=uuid.uuid4)

    class Meta:
        verbose_name = _("audit record")
        verbose_name_plural = _("audit log")
        indexes = [
            models.Index(fields=["at", "id"], name="encore_audit_at"),
            models.Index(fields=["object_kind", "object_id", "at"], name="encore_audit_object"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_kind} {self.object_id}"
