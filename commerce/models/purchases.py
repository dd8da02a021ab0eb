"""What was sold, and what came back."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from commerce.models.channels import Channel
from commerce.models.constraints import currency_has_three_letters, is_one_of, not_negative
from commerce.models.customers import Customer
from commerce.policies.snapshot import Status, TenderKind

STATUS_CHOICES = [
    (Status.PLACED.value, _("Placed")),
    (Status.PAID.value, _("Paid")),
    (Status.FULFILLED.value, _("Fulfilled")),
    (Status.CANCELLED.value, _("Cancelled")),
]
TENDER_CHOICES = [
    (TenderKind.MONEY.value, _("Money")),
    (TenderKind.POINTS.value, _("Points")),
    (TenderKind.GIFT_CARD.value, _("Gift card")),
]


class Purchase(models.Model):
    """What the shop sold, as the shop last told us.

    Placed, paid, fulfilled or cancelled, and back again: the status is the shop's. Written by
    `sync_purchases` alone, and by `claim_guest_purchases`, which changes only the customer. `as_of` is the
    shop's own change number, or its change time in microseconds since 1970; what is older is ignored.
    `customer_as_of` is the `as_of` of the newest snapshot that named the customer, so that an older snapshot
    which arrives late can still say who bought.

    `revision` rises by one with every effective change. Upper apps keep the revision that they have applied
    and catch up; a stream of events would drift with every one that is lost, doubled or reordered.
    """

    # The unique constraint and the index on (customer, placed_at) lead with these keys, hence no index of
    # their own.
    channel = models.ForeignKey(
        Channel, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("channel")
    )
    reference = models.CharField(_("order number"), max_length=100)
    customer = models.ForeignKey(
        Customer,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="purchases",
        db_index=False,
        verbose_name=_("customer"),
    )
    customer_as_of = models.BigIntegerField(_("age of what says who bought"), null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    placed_at = models.DateTimeField(_("placed at"))
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    status = models.CharField(_("state"), max_length=10, choices=STATUS_CHOICES)
    as_of = models.BigIntegerField(_("age as the shop tells it"))
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    revision = models.IntegerField(_("revision"))
    refunded_minor = models.BigIntegerField(_("refunded (minor units)"), default=0)
    codes = models.JSONField(_("codes used"), default=list, blank=True)
    changed_at = models.DateTimeField(_("changed at"))
    first_synced_at = models.DateTimeField(_("first told at"))

    class Meta:
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
        constraints = [
            models.UniqueConstraint(fields=["channel", "reference"], name="encore_purchase_reference"),
            currency_has_three_letters("encore_purchase_currency"),
            not_negative("encore_purchase_not_negative", "as_of", "refunded_minor"),
            models.CheckConstraint(condition=models.Q(revision__gte=1), name="encore_purchase_revision"),
            is_one_of("encore_purchase_status", "status", [status.value for status in Status]),
        ]
        indexes = [
            models.Index(fields=["customer", "placed_at"], name="encore_purchase_customer"),
            models.Index(fields=["placed_at"], name="encore_purchase_placed"),
        ]

    def __str__(self) -> str:
        return self.reference


class PurchaseLine(models.Model):
    """One position of a purchase, known by the shop's own key.

    `sold_minor` is what was charged for it: tax included, after discounts. What came back is cumulative; a
    quantity without an amount counts pro rata. A line that the shop removed keeps its row with nothing sold,
    because awards refer to its key. `is_goods` is False for shipping, postage and fees.
    """

    purchase = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, related_name="lines", db_index=False, verbose_name=_("purchase")
    )
    key = models.CharField(_("key"), max_length=100)
    sku = models.CharField(_("article number"), max_length=100, blank=True, default="")
    name = models.CharField(_("name"), max_length=300, blank=True, default="")
    brand = models.CharField(_("brand"), max_length=200, blank=True, default="")
    category_path = models.CharField(_("category"), max_length=500, blank=True, default="")
    quantity = models.DecimalField(_("quantity"), max_digits=12, decimal_places=3)
    sold_minor = models.BigIntegerField(_("sold for (minor units)"))
    tax_minor = models.BigIntegerField(_("tax (minor units)"), default=0)
    discount_minor = models.BigIntegerField(_("discount (minor units)"), default=0)
    cost_minor = models.BigIntegerField(_("cost (minor units)"), null=True, blank=True)
    returned_quantity = models.DecimalField(
        _("quantity returned"), max_digits=12, decimal_places=3, default=0
    )
    returned_minor = models.BigIntegerField(_("returned (minor units)"), null=True, blank=True)
    returned_at = models.DateTimeField(_("returned at"), null=True, blank=True)
    is_goods = models.BooleanField(_("is goods"), default=True)

    class Meta:
        verbose_name = _("purchase line")
        verbose_name_plural = _("purchase lines")
        constraints = [
            models.UniqueConstraint(fields=["purchase", "key"], name="encore_line_key"),
            not_negative(
                "encore_line_not_negative",
                "quantity",
                "sold_minor",
                "tax_minor",
                "discount_minor",
                "cost_minor",
                "returned_quantity",
                "returned_minor",
            ),
            models.CheckConstraint(
                condition=models.Q(returned_quantity__lte=models.F("quantity")),
                name="encore_line_returned_quantity",
            ),
            models.CheckConstraint(
                condition=models.Q(returned_minor__isnull=True)
                | models.Q(returned_minor__lte=models.F("sold_minor")),
                name="encore_line_returned_minor",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.name}"


class Tender(models.Model):
    """How a part of a purchase was paid. What was paid with points or a gift card earns nothing."""

    purchase = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, related_name="tenders", db_index=False, verbose_name=_("purchase")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=TENDER_CHOICES)
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    reference = models.CharField(_("reference"), max_length=100, blank=True, default="")

    class Meta:
        verbose_name = _("tender")
        verbose_name_plural = _("tenders")
        constraints = [
            models.UniqueConstraint(fields=["purchase", "kind", "reference"], name="encore_tender_once"),
            not_negative("encore_tender_not_negative", "amount_minor"),
            is_one_of("encore_tender_kind", "kind", [kind.value for kind in TenderKind]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_minor}"


class Return(models.Model):
    """One step of what came back: how far a line's cumulative return moved with one revision.

    Only ever added. The steps of a line sum to what the line says now, so quantity and amount are negative
    where a return was undone. An empty `line_key` is money given back without naming a line. Kept beside the
    cumulative figures because those cannot say when it happened.
    """

    purchase = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, related_name="returns", db_index=False, verbose_name=_("purchase")
    )
    line_key = models.CharField(_("line"), max_length=100, blank=True, default="")
    quantity = models.DecimalField(_("quantity"), max_digits=12, decimal_places=3, default=0)
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    returned_at = models.DateTimeField(_("returned at"))
    revision = models.IntegerField(_("revision"))

    class Meta:
        verbose_name = _("return")
        verbose_name_plural = _("returns")
        constraints = [
            models.UniqueConstraint(
                fields=["purchase", "line_key", "revision"], name="encore_return_once_per_revision"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line_key} {self.amount_minor}"


class PurchaseProblem(models.Model):
    """Something about a purchase that a person should look at, because we refused or ignored it.

    Open until `resolved_at`. Written by `sync_purchases` and the importers, once per `fingerprint`, however
    often the shop repeats itself. `detail` holds codes, numbers and ids only: the refused text may be a card
    number.

    `channel` is the key and no reference, since a channel that does not exist is itself a problem.
    """

    channel = models.CharField(_("channel"), max_length=50)
    reference = models.CharField(_("order number"), max_length=100)
    purchase = models.ForeignKey(
        Purchase,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="problems",
        verbose_name=_("purchase"),
    )
    kind = models.CharField(_("kind"), max_length=30)
    detail = models.JSONField(_("particulars"), default=dict)
    fingerprint = models.CharField(_("fingerprint"), max_length=64, unique=True)
    found_at = models.DateTimeField(_("found at"))
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)

    class Meta:
        verbose_name = _("purchase problem")
        verbose_name_plural = _("purchase problems")
        indexes = [
            models.Index(
                fields=["channel", "reference"],
                condition=models.Q(resolved_at__isnull=True),
                name="encore_problem_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.reference}: {self.kind}"
