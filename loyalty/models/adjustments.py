"""How many points staff may give and take by hand."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.programme import Programme


class AdjustmentLimit(models.Model):
    """How many points a role gives and takes by hand without a second look; an empty bound is none.

    The row without a role holds for everybody who has no role with a row of its own. Written by
    `loyalty.operations.limits`. Why a plain id and no key to the role: a role belongs to the site, and its
    deletion must not be stopped by a club. Nobody has a role that is gone, so its row holds for nobody.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name=_("programme")
    )
    group_id = models.BigIntegerField(_("role"), null=True, blank=True)
    points_per_act = models.PositiveIntegerField(_("points in one go"), null=True, blank=True)
    points_per_day = models.PositiveIntegerField(_("points a day"), null=True, blank=True)

    class Meta:
        verbose_name = _("limit of points by hand")
        verbose_name_plural = _("limits of points by hand")
        constraints = [
            models.UniqueConstraint(fields=["programme", "group_id"], name="encore_limit_of_role"),
            models.UniqueConstraint(
                fields=["programme"], condition=Q(group_id__isnull=True), name="encore_limit_of_others"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group_id}: {self.points_per_act}, {self.points_per_day}"


class AdjustmentTally(models.Model):
    """Points that one person gave and took by hand on one day of the programme's zone, added up.

    A counter under a limit: raised by a guarded update, in the transaction that moves the points and after
    them. Written by `loyalty.operations.adjustments`. Why not a sum over entries: two tills of one person
    would both read it before either has written.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name=_("programme")
    )
    by_id = models.CharField(_("by id"), max_length=40)
    counted_on = models.DateField(_("day"))
    points = models.PositiveBigIntegerField(_("points"), default=0)

    class Meta:
        verbose_name = _("points by hand of a day")
        verbose_name_plural = _("points by hand of days")
        constraints = [
            models.UniqueConstraint(fields=["programme", "by_id", "counted_on"], name="encore_tally_of_day"),
        ]

    def __str__(self) -> str:
        return f"{self.by_id} {self.counted_on}: {self.points}"
