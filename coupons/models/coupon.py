"""Coupons and their terms, by versions that are never edited once they have begun."""

from uuid import uuid4

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import In
from django.utils.translation import gettext_lazy as _

from coupons.policies.kinds import CouponKind, SaleGoods
from coupons.policies.states import CouponState

MAIN_LANE = "main"


class CouponStateChoices(models.TextChoices):
    DRAFT = CouponState.DRAFT.value, _("Draft")
    ON = CouponState.ON.value, _("Switched on")
    PAUSED = CouponState.PAUSED.value, _("Paused")
    ENDED = CouponState.ENDED.value, _("Ended")


class CouponKindChoices(models.TextChoices):
    PRODUCT = CouponKind.PRODUCT.value, _("Free or cheaper goods")
    BUY_GET = CouponKind.BUY_GET.value, _("Buy some, get some")
    PERCENT = CouponKind.PERCENT.value, _("Percent off")
    AMOUNT = CouponKind.AMOUNT.value, _("Amount off")
    SHIPPING = CouponKind.SHIPPING.value, _("Free shipping")


class SaleGoodsChoices(models.TextChoices):
    ANY = SaleGoods.ANY.value, _("also reduced goods")
    ONLY = SaleGoods.ONLY.value, _("reduced goods only")
    NONE = SaleGoods.NONE.value, _("no reduced goods")


class Coupon(models.Model):
    """A discount: what it is called, when it runs, how often it may be used and what it may cost.

    States: `CouponState`. Written by `coupons.operations.coupons`; the counters by
    `coupons.operations.counters` alone, by guarded updates. What it takes off is in its versions, because
    what was redeemed keeps the version that ran. It runs in [`starts_at`, `ends_at`), days of `time_zone`; an
    end is given, or waived by `is_endless`, so that nobody forgets one. `is_automatic` needs no code;
    `is_public` may be told to everybody, by the feed for one.

    Units: `budget_minor` and `spent_minor` are minor units of `currency`, which only a coupon without any
    amount of money may leave empty; it is then good in every currency. `used_count` and `spent_minor` hold
    what is reserved and captured, so that a limit is one row. They could be counted from the redemptions, but
    no lock would then be held by whoever takes the last one.
    """

    name = models.CharField(_("name"), max_length=80)
    public_text = models.JSONField(_("what customers read"), default=dict, blank=True)
    state = models.CharField(
        _("state"), max_length=8, choices=CouponStateChoices, default=CouponStateChoices.DRAFT
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="")
    time_zone = models.CharField(_("time zone"), max_length=60)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)
    is_endless = models.BooleanField(_("has no end"), default=False)
    is_automatic = models.BooleanField(_("needs no code"), default=False)
    is_public = models.BooleanField(_("may be told to everybody"), default=False)
    limit_total = models.PositiveIntegerField(
        _("at most so often in all"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    limit_per_customer = models.PositiveIntegerField(
        _("at most so often for each customer"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    budget_minor = models.PositiveBigIntegerField(_("may cost (minor units)"), null=True, blank=True)
    used_count = models.PositiveIntegerField(_("used so often"), default=0)
    spent_minor = models.PositiveBigIntegerField(_("has cost (minor units)"), default=0)
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in CouponState]), name="encore_coupon_state"
            ),
            # Both sides name both columns: a bare `ends_at > starts_at` is NULL without an end, and passes.
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True, is_endless=True)
                | Q(ends_at__isnull=False, is_endless=False, ends_at__gt=F("starts_at")),
                name="encore_coupon_end_given_or_waived",
            ),
            models.CheckConstraint(
                condition=Q(limit_total__isnull=True) | Q(used_count__lte=F("limit_total")),
                name="encore_coupon_within_limit",
            ),
            models.CheckConstraint(
                condition=Q(budget_minor__isnull=True) | Q(spent_minor__lte=F("budget_minor")),
                name="encore_coupon_within_budget",
            ),
            models.CheckConstraint(
                condition=Q(budget_minor__isnull=True) | ~Q(currency=""), name="encore_coupon_budget_currency"
            ),
            models.CheckConstraint(
                condition=In(Length(F("currency")), [0, 3]), name="encore_coupon_currency"
            ),
            models.CheckConstraint(
                condition=Q(paused_at__isnull=False) | ~Q(state=CouponState.PAUSED.value),
                name="encore_coupon_paused_at",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=False) | ~Q(state=CouponState.ENDED.value),
                name="encore_coupon_ended_at",
            ),
        ]
        indexes = [models.Index(fields=["state", "is_automatic"], name="encore_coupon_on")]

    def __str__(self) -> str:
        return self.name


class CouponVersion(models.Model):
    """What a coupon takes off, from which baskets, and when it did: baskets in [starts_at, ends_at) get it.

    Without `starts_at` it is a draft, and may be changed; afterwards only its end is ever set, by a pause, a
    change or the end of the coupon. An end at the start means that it never ran.

    Units: money in minor units of the coupon's currency. `amount_minor` is what is taken off in all, or for
    `product` the price of a piece, 0 for free; `percent` is taken off by `percent`, and by `buy_get` from the
    pieces that one gets; `most_minor` is the highest amount off; `pieces` is how many pieces get the price of
    `product`; `most_times` how often `buy_get` counts in one order. Empty lists mean "any"; where all of
    `get_…` are empty, one gets of the goods that are bought. The best coupon of a `lane` counts, lanes add
    up, and one that is exclusive counts alone.
    """

    coupon = models.ForeignKey(
        Coupon, models.PROTECT, related_name="versions", db_index=False, verbose_name=_("coupon")
    )
    number = models.PositiveIntegerField(_("version"))
    kind = models.CharField(_("kind"), max_length=8, choices=CouponKindChoices)
    amount_minor = models.PositiveBigIntegerField(_("amount (minor units)"), null=True, blank=True)
    percent = models.DecimalField(
        _("percent"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    most_minor = models.PositiveBigIntegerField(_("highest amount off (minor units)"), null=True, blank=True)
    pieces = models.PositiveIntegerField(
        _("for so many pieces"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    buy_pieces = models.PositiveIntegerField(_("buy so many"), null=True, blank=True)
    get_pieces = models.PositiveIntegerField(_("get so many"), null=True, blank=True)
    most_times = models.PositiveIntegerField(
        _("at most so often in one order"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    skus = models.JSONField(_("article numbers"), default=list, blank=True)
    brands = models.JSONField(_("brands"), default=list, blank=True)
    category_paths = models.JSONField(_("categories"), default=list, blank=True)
    get_skus = models.JSONField(_("one gets these article numbers"), default=list, blank=True)
    get_brands = models.JSONField(_("one gets these brands"), default=list, blank=True)
    get_category_paths = models.JSONField(_("one gets these categories"), default=list, blank=True)
    except_skus = models.JSONField(_("except article numbers"), default=list, blank=True)
    except_brands = models.JSONField(_("except brands"), default=list, blank=True)
    except_category_paths = models.JSONField(_("except categories"), default=list, blank=True)
    sale_goods = models.CharField(
        _("reduced goods"), max_length=4, choices=SaleGoodsChoices, default=SaleGoodsChoices.ANY
    )
    minimum_minor = models.PositiveBigIntegerField(_("minimum spend (minor units)"), null=True, blank=True)
    first_order_only = models.BooleanField(_("first order only"), default=False)
    channels = models.JSONField(_("channels"), default=list, blank=True)
    segment_ids = models.JSONField(_("segments"), default=list, blank=True)
    customer_ids = models.JSONField(_("customers"), default=list, blank=True)
    lane = models.SlugField(_("lane"), max_length=30, default=MAIN_LANE, db_index=False)
    is_exclusive = models.BooleanField(_("counts alone"), default=False)
    starts_at = models.DateTimeField(_("starts at"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)

    class Meta:
        verbose_name = _("version of a coupon")
        verbose_name_plural = _("versions of coupons")
        constraints = [
            models.UniqueConstraint(fields=["coupon", "number"], name="encore_coupon_version"),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(starts_at__isnull=False, ends_at__gte=F("starts_at")),
                name="encore_coupon_version_period",
            ),
            models.CheckConstraint(
                condition=Q(kind=CouponKind.AMOUNT.value, amount_minor__isnull=False, amount_minor__gt=0)
                | Q(kind=CouponKind.PRODUCT.value, amount_minor__isnull=False)
                | Q(kind=CouponKind.PERCENT.value, percent__isnull=False, percent__gt=0, percent__lte=100)
                | Q(
                    kind=CouponKind.BUY_GET.value,
                    buy_pieces__isnull=False,
                    buy_pieces__gt=0,
                    get_pieces__isnull=False,
                    get_pieces__gt=0,
                    percent__isnull=False,
                    percent__gt=0,
                    percent__lte=100,
                )
                | Q(kind=CouponKind.SHIPPING.value),
                name="encore_coupon_version_kind",
            ),
            models.CheckConstraint(
                condition=Q(sale_goods__in=[goods.value for goods in SaleGoods]),
                name="encore_coupon_version_sale_goods",
            ),
        ]

    def __str__(self) -> str:
        return _("version %(number)s") % {"number": self.number}


class CouponStamp(models.Model):
    """A value that is another one after every change of any coupon; one row, no states.

    Written by the operations on coupons, first of all. Whoever keeps offers in memory asks for it and reads
    them anew when it differs; reading a thousand offers for every basket would cost more than the basket.
    """

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    stamp = models.UUIDField(_("stamp"), default=uuid4)

    class Meta:
        verbose_name = _("stamp of coupons")
        verbose_name_plural = _("stamps of coupons")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="encore_coupon_stamp_only_one")]

    def __str__(self) -> str:
        return str(self.stamp)
