"""Named groups of customers."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Segment(models.Model):
    """A group of customers described by conditions, "bought coffee in the last 90 days".

    Written by `commerce.operations.segments`. Who is in it is asked anew each time: a stored list would be
    wrong by the next purchase.
    """

    key = models.SlugField(_("key"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=200)
    conditions = models.JSONField(_("conditions"), default=dict)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("saved at"))

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")

    def __str__(self) -> str:
        return self.name
