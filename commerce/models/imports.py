"""What importers have to remember."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from commerce.models.channels import Channel
from commerce.models.constraints import not_negative


class Import(models.Model):
    """How far the reading of one file has come.

    Under way, or over once `finished_at` is set. Written by `operations.imports`, in the transaction of each
    batch: `line` is the last line of the file whose consequences are stored, so a killed import goes on
    behind it and repeats nothing. A file is known by the digest of its bytes and not by its name, because
    shops export under the same name every month.

    `tally` counts what became of the rows so far; `rejected_bytes` is how much of the file of rejected rows
    belongs to what is stored.
    """

    channel = models.ForeignKey(
        Channel, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("channel")
    )
    format = models.CharField(_("format"), max_length=30)
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    name = models.CharField(_("file"), max_length=255)
    line = models.BigIntegerField(_("line"), default=0)
    tally = models.JSONField(_("counted"), default=dict)
    rejected_bytes = models.BigIntegerField(_("bytes of rejected rows"), default=0)
    started_at = models.DateTimeField(_("started at"))
    seen_at = models.DateTimeField(_("last seen at work"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        constraints = [
            models.UniqueConstraint(fields=["channel", "format", "fingerprint"], name="encore_import_once"),
            not_negative("encore_import_not_negative", "line", "rejected_bytes"),
        ]

    def __str__(self) -> str:
        return self.name


class Cancellation(models.Model):
    """One position of a shop's document that cancels earlier goods without naming the purchase.

    Written once by `operations.cancellations` and never changed. `matched_quantity` is how much of it was
    found among the customer's purchases and returned there; the rest is on the list of problems. It is
    remembered because the return itself cannot say where it came from: the same document, read twice, would
    take twice.
    """

    channel = models.ForeignKey(
        Channel, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("channel")
    )
    reference = models.CharField(_("document"), max_length=100)
    key = models.CharField(_("key"), max_length=100)
    sku = models.CharField(_("article number"), max_length=100)
    quantity = models.DecimalField(_("quantity"), max_digits=12, decimal_places=3)
    matched_quantity = models.DecimalField(_("quantity found"), max_digits=12, decimal_places=3)
    cancelled_at = models.DateTimeField(_("cancelled at"))

    class Meta:
        verbose_name = _("cancellation")
        verbose_name_plural = _("cancellations")
        constraints = [
            models.UniqueConstraint(fields=["channel", "reference", "key"], name="encore_cancellation_once"),
            not_negative("encore_cancellation_not_negative", "matched_quantity"),
            models.CheckConstraint(
                condition=models.Q(matched_quantity__lte=models.F("quantity")),
                name="encore_cancellation_matched_quantity",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.key}"
