"""Which purchases the apps above have to look at."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commerce.models.purchases import Purchase


class ChangedPurchase(models.Model):
    """A purchase that has changed, until every app above is seen to have caught up with it.

    Written in the transaction of the change by `mark_changed`, deleted by `forget_settled`; it has no states.
    It is a hint where to look and never the truth: that stays the revision which an app has applied. Without
    it, whoever asks what is behind would have to compare every purchase with every award.
    """

    purchase = models.OneToOneField(
        Purchase, on_delete=models.PROTECT, related_name="+", verbose_name=_("purchase")
    )
    changed_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("changed purchase")
        verbose_name_plural = _("changed purchases")

    def __str__(self) -> str:
        return str(self.purchase_id)


class Sweep(models.Model):
    """How far the look at all purchases in turn has come; one row, no states.

    Written by `sweep`. It finds what nobody marks: an app that is new here, a programme that a channel feeds
    from now on, a row that was changed by hand.
    """

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    after_id = models.BigIntegerField(_("after purchase"), default=0)

    class Meta:
        verbose_name = _("sweep")
        verbose_name_plural = _("sweeps")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="encore_sweep_only_one")]

    def __str__(self) -> str:
        return str(self.after_id)
