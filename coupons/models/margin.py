"""What discounts may never do: the floors of the shop's margin, and what was agreed with distributors."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from coupons.models.coupon import Coupon
from coupons.policies.margin import FloorScope, Remedy


class FloorScopeChoices(models.TextChoices):
    BRAND = FloorScope.BRAND.value, _("goods of one brand")
    COUPON = FloorScope.COUPON.value, _("what one coupon takes something off")
    CHANNEL = FloorScope.CHANNEL.value, _("whole orders")


class RemedyChoices(models.TextChoices):
    TRIM = Remedy.TRIM.value, _("take less off")
    REFUSE = Remedy.REFUSE.value, _("refuse the coupon")


class MarginFloor(models.Model):
    """The share of what customers pay, without tax, that has to be left after the cost of the goods.

    Of one brand, of one coupon's goods, or of whole orders in one channel (an empty key means all channels).
    It holds in [`starts_at`, `ends_at`); a change ends the row and begins another, so that what was cut can
    be explained. Written by `coupons.operations.margin`. Unit: `percent` of what is paid.
    """

    scope = models.CharField(_("of"), max_length=7, choices=FloorScopeChoices)
    brand = models.CharField(_("brand"), max_length=200, blank=True, default="")
    channel = models.SlugField(_("channel"), max_length=50, blank=True, default="", db_index=False)
    coupon = models.ForeignKey(
        Coupon, models.PROTECT, null=True, blank=True, related_name="floors", verbose_name=_("coupon")
    )
    percent = models.DecimalField(_("keep at least (percent)"), max_digits=5, decimal_places=2)
    remedy = models.CharField(
        _("where it would be less"), max_length=6, choices=RemedyChoices, default=RemedyChoices.TRIM
    )
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name = _("floor of the margin")
        verbose_name_plural = _("floors of the margin")
        constraints = [
            models.CheckConstraint(
                condition=Q(scope=FloorScope.BRAND.value, channel="", coupon__isnull=True) & ~Q(brand="")
                | Q(scope=FloorScope.COUPON.value, brand="", channel="", coupon__isnull=False)
                | Q(scope=FloorScope.CHANNEL.value, brand="", coupon__isnull=True),
                name="encore_floor_scope",
            ),
            models.CheckConstraint(condition=Q(percent__gte=0, percent__lt=100), name="encore_floor_percent"),
            models.CheckConstraint(
                condition=Q(remedy__in=[one.value for one in Remedy]), name="encore_floor_remedy"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")), name="encore_floor_period"
            ),
            models.UniqueConstraint(
                fields=["scope", "brand", "channel", "coupon"],
                condition=Q(ends_at__isnull=True, coupon__isnull=False),
                name="encore_floor_one_coupon",
            ),
            models.UniqueConstraint(
                fields=["scope", "brand", "channel"],
                condition=Q(ends_at__isnull=True, coupon__isnull=True),
                name="encore_floor_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.percent} %"


class BrandAgreement(models.Model):
    """What was agreed with whoever distributes a brand: whether coupons may touch it, and how far.

    It holds in [`starts_at`, `ends_at`), local days of `time_zone`; no two of one brand at a time. What has
    begun is never edited: only its end is set. Written by `coupons.operations.agreements`. Unit:
    `most_percent` of what a line costs before coupons; empty is any discount.
    """

    brand = models.CharField(_("brand"), max_length=200)
    partner = models.CharField(_("agreed with"), max_length=120, blank=True, default="")
    allows_coupons = models.BooleanField(_("coupons are allowed"), default=True)
    most_percent = models.DecimalField(
        _("highest discount (percent)"), max_digits=5, decimal_places=2, null=True, blank=True
    )
    time_zone = models.CharField(_("time zone"), max_length=60)
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("agreement about a brand")
        verbose_name_plural = _("agreements about brands")
        constraints = [
            models.CheckConstraint(condition=~Q(brand=""), name="encore_agreement_brand"),
            models.CheckConstraint(
                condition=Q(most_percent__isnull=True)
                | Q(allows_coupons=True, most_percent__gt=0, most_percent__lt=100),
                name="encore_agreement_percent",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")),
                name="encore_agreement_period",
            ),
        ]
        indexes = [models.Index(fields=["brand", "starts_at"], name="encore_agreement_brand_at")]

    def __str__(self) -> str:
        return self.brand
