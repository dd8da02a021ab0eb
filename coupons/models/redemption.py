"""What was redeemed: orders with coupons, each use, and how often each customer had one."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commerce.models import Customer
from coupons.models.codes import Code
from coupons.models.coupon import Coupon, CouponVersion
from coupons.policies.states import UseState

STATES = [state.value for state in UseState]


class UseStateChoices(models.TextChoices):
    RESERVED = UseState.RESERVED.value, _("Reserved")
    CAPTURED = UseState.CAPTURED.value, _("Used")
    VOIDED = UseState.VOIDED.value, _("Given back")


class CouponOrder(models.Model):
    """An order of the shop that uses coupons, known by channel and number, so that a repetition is known.

    States: `UseState`. Written by `coupons.operations.redemption` and by the purchase's reaction.
    `fingerprint` is of what was asked: the same number with other content is refused. A reservation ends at
    `expires_at`, where it has one; from then on its places are free, and whoever takes them writes it off.
    `applied_revision` is the revision of the purchase that its returns are known up to. The channel is its
    key and no row, because a basket names it so.
    """

    channel = models.CharField(_("channel"), max_length=50)
    reference = models.CharField(_("order number"), max_length=100)
    customer = models.ForeignKey(
        Customer, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("customer")
    )
    currency = models.CharField(_("currency"), max_length=3)
    state = models.CharField(_("state"), max_length=8, choices=UseStateChoices)
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    discount_minor = models.PositiveBigIntegerField(_("taken off (minor units)"))
    applied_revision = models.IntegerField(_("applied revision"), default=0, db_default=0)
    reserved_at = models.DateTimeField(_("reserved at"))
    expires_at = models.DateTimeField(_("reserved until"), null=True, blank=True)
    captured_at = models.DateTimeField(_("used at"), null=True, blank=True)
    voided_at = models.DateTimeField(_("given back at"), null=True, blank=True)

    class Meta:
        verbose_name = _("order with coupons")
        verbose_name_plural = _("orders with coupons")
        constraints = [
            models.UniqueConstraint(fields=["channel", "reference"], name="encore_coupon_order_reference"),
            models.CheckConstraint(condition=Q(state__in=STATES), name="encore_coupon_order_state"),
            models.CheckConstraint(
                condition=Q(captured_at__isnull=False) | ~Q(state=UseState.CAPTURED.value),
                name="encore_coupon_order_captured_at",
            ),
            models.CheckConstraint(
                condition=Q(voided_at__isnull=False) | ~Q(state=UseState.VOIDED.value),
                name="encore_coupon_order_voided_at",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(state=UseState.RESERVED.value, expires_at__isnull=False),
                name="encore_coupon_order_stale",
            )
        ]

    def __str__(self) -> str:
        return self.reference


class Redemption(models.Model):
    """One coupon used in one order: by which version and code, and how much it took off.

    States: `UseState`. Written by `coupons.operations`. A void one stays, as the record of what was given
    back; an order that comes again gets new rows. `by_line` is what each line got, by its key, and postage
    under "shipping"; `returned_minor` is the part that came back with goods. Units: minor units of the
    order's currency.
    """

    order = models.ForeignKey(
        CouponOrder, models.PROTECT, related_name="redemptions", verbose_name=_("order")
    )
    coupon = models.ForeignKey(
        Coupon, models.PROTECT, related_name="redemptions", db_index=False, verbose_name=_("coupon")
    )
    version = models.ForeignKey(
        CouponVersion, models.PROTECT, related_name="+", db_index=False, verbose_name=_("version")
    )
    code = models.ForeignKey(
        Code,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="redemptions",
        db_index=False,
        verbose_name=_("code"),
    )
    customer = models.ForeignKey(
        Customer,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("customer"),
    )
    state = models.CharField(_("state"), max_length=8, choices=UseStateChoices)
    amount_minor = models.PositiveBigIntegerField(_("taken off (minor units)"))
    by_line = models.JSONField(_("taken off each line"), default=dict)
    returned_minor = models.PositiveBigIntegerField(_("came back (minor units)"), default=0, db_default=0)
    used_at = models.DateTimeField(_("used at"))

    class Meta:
        verbose_name = _("redemption")
        verbose_name_plural = _("redemptions")
        constraints = [
            models.UniqueConstraint(
                fields=["order", "coupon"],
                condition=~Q(state=UseState.VOIDED.value),
                name="encore_redemption_once",
            ),
            models.CheckConstraint(condition=Q(state__in=STATES), name="encore_redemption_state"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="encore_redemption_amount"),
            models.CheckConstraint(
                condition=Q(returned_minor__lte=F("amount_minor")), name="encore_redemption_returned"
            ),
        ]
        indexes = [
            models.Index(fields=["coupon", "used_at"], name="encore_redemption_coupon"),
            models.Index(
                fields=["coupon"],
                condition=Q(state=UseState.RESERVED.value),
                name="encore_redemption_reserved",
            ),
            models.Index(fields=["code"], condition=Q(code__isnull=False), name="encore_redemption_code"),
            models.Index(
                fields=["customer"], condition=Q(customer__isnull=False), name="encore_redemption_customer"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.coupon_id}: {self.amount_minor}"


class CouponUse(models.Model):
    """How often one customer has one coupon, reserved and captured. Written by `operations.counters` alone.

    A limit per customer is a guarded update of this row. After a merge the survivor's row counts for both.
    """

    coupon = models.ForeignKey(
        Coupon, models.PROTECT, related_name="uses", db_index=False, verbose_name=_("coupon")
    )
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", verbose_name=_("customer"))
    used_count = models.PositiveIntegerField(_("used so often"), default=0)

    class Meta:
        verbose_name = _("use of a coupon")
        verbose_name_plural = _("uses of coupons")
        constraints = [models.UniqueConstraint(fields=["coupon", "customer"], name="encore_coupon_use_once")]

    def __str__(self) -> str:
        return f"{self.coupon_id}: {self.used_count}"
