"""Keys for machines: tills, partners, whoever asks through the API."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class ApiKey(models.Model):
    """A key that a machine shows: in use until `withdrawn_at`.

    Written by `operations.api_keys`. The key itself is nowhere: of it there is `prefix`, which is no secret,
    and `digest`. `request_digest` makes a double click one key. Owner and scopes are plain values through the
    doors `key_owners` and `api_scopes`, because their tables belong to apps above. `last_used_on` is kept by
    the day, so that a busy till does not write a row with every question.
    """

    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(_("begins with"), max_length=8, unique=True)
    digest = models.CharField(_("digest"), max_length=64)
    request_digest = models.CharField(_("digest of the request"), max_length=64, unique=True)
    owner_kind = models.CharField(_("kind of owner"), max_length=40)
    owner_id = models.CharField(_("owner"), max_length=100)
    scopes = models.JSONField(_("good for"))
    made_at = models.DateTimeField(_("made at"))
    made_by_kind = models.CharField(max_length=20)
    made_by_id = models.CharField(max_length=100, blank=True, default="")
    made_by_label = models.CharField(_("made by"), max_length=200, blank=True, default="")
    last_used_on = models.DateField(_("last used on"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        indexes = [models.Index(fields=["owner_kind", "owner_id"], name="encore_apikey_owner")]
        constraints = [
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=F("made_at")),
                name="encore_apikey_withdrawn",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"
