"""Paid membership: plans by versions, who has one, and the periods that were paid for."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.member import Member
from loyalty.models.programme import Programme
from loyalty.policies.plans.offer import (
    LARGEST_FACTOR,
    LARGEST_PRICE,
    MOST_GRACE_DAYS,
    MOST_MONTHS,
    MOST_TRIAL_DAYS,
    PlanState,
)
from loyalty.policies.plans.periods import Cancelling, PeriodKind, PlanEnd


class PlanStateChoices(models.TextChoices):
    DRAFT = PlanState.DRAFT.value, _("Draft")
    ON = PlanState.ON.value, _("On sale")
    CLOSED = PlanState.CLOSED.value, _("Closed to new members")
    ENDED = PlanState.ENDED.value, _("Ended")


class PeriodKindChoices(models.TextChoices):
    TRIAL = PeriodKind.TRIAL.value, _("trial")
    PAID = PeriodKind.PAID.value, _("paid")


class PlanEndChoices(models.TextChoices):
    LAPSED = PlanEnd.LAPSED.value, _("not renewed")
    CANCELLED = PlanEnd.CANCELLED.value, _("cancelled")
    REFUNDED = PlanEnd.REFUNDED.value, _("refunded")


class CancellingChoices(models.TextChoices):
    ASKED = Cancelling.ASKED.value, _("somebody asked for it")
    MERGED = Cancelling.MERGED.value, _("accounts merged")


class Plan(models.Model):
    """A paid membership that members can buy: what it is called, and where it stands.

    States: `PlanState`. Written by `loyalty.operations.plans.offers`. Price and benefits are in its versions,
    because a period keeps the one that it was paid for.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="plans", verbose_name=_("programme")
    )
    name = models.CharField(_("name"), max_length=80)
    public_text = models.JSONField(_("what customers read"), default=dict, blank=True)
    state = models.CharField(
        _("state"), max_length=8, choices=PlanStateChoices, default=PlanStateChoices.DRAFT
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in PlanState]), name="encore_plan_state"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PlanVersion(models.Model):
    """What a plan costs and brings, and when it was sold so. Without `starts_at` it is a draft.

    Once begun only its end is ever set; one that begins later is announced, and goes where it is called off
    before. Units: `price_minor`, `shipping_minor` and `free_for_all_minor` in minor units of the programme's
    currency, see `loyalty.policies.plans.offer.PlanOffer`; grace and trial in local days; `factor` is 1.50
    for half as many points again. `perks`: see `loyalty.policies.perks`.
    """

    plan = models.ForeignKey(
        Plan, models.PROTECT, related_name="versions", db_index=False, verbose_name=_("plan")
    )
    number = models.PositiveIntegerField(_("version"))
    price_minor = models.BigIntegerField(
        _("price (minor units)"), validators=[MinValueValidator(1), MaxValueValidator(LARGEST_PRICE)]
    )
    months = models.PositiveSmallIntegerField(
        _("for so many months"), default=12, validators=[MinValueValidator(1), MaxValueValidator(MOST_MONTHS)]
    )
    grace_days = models.PositiveSmallIntegerField(
        _("days of grace"), default=0, validators=[MaxValueValidator(MOST_GRACE_DAYS)]
    )
    trial_days = models.PositiveSmallIntegerField(
        _("days of trial"), default=0, validators=[MaxValueValidator(MOST_TRIAL_DAYS)]
    )
    factor = models.DecimalField(_("times the points"), max_digits=4, decimal_places=2, default=1)
    perks = models.JSONField(_("benefits"), default=list, blank=True)
    level_id = models.BigIntegerField(_("level"), null=True, blank=True)
    shipping_minor = models.BigIntegerField(_("shipping saved on an order (minor units)"), default=0)
    free_for_all_minor = models.BigIntegerField(
        _("order value from which shipping is free for everybody (minor units)"), null=True, blank=True
    )
    starts_at = models.DateTimeField(_("starts at"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)

    class Meta:
        verbose_name = _("version of a plan")
        verbose_name_plural = _("versions of plans")
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="encore_plan_version"),
            models.UniqueConstraint(
                fields=["plan"],
                condition=Q(starts_at__isnull=False, ends_at__isnull=True),
                name="encore_plan_version_one_on",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(starts_at__isnull=False, ends_at__gte=F("starts_at")),
                name="encore_plan_version_period",
            ),
            models.CheckConstraint(
                condition=Q(
                    price_minor__range=(1, LARGEST_PRICE),
                    months__range=(1, MOST_MONTHS),
                    grace_days__lte=MOST_GRACE_DAYS,
                    trial_days__lte=MOST_TRIAL_DAYS,
                    factor__range=(1, LARGEST_FACTOR),
                    shipping_minor__gte=0,
                ),
                name="encore_plan_version_values",
            ),
        ]

    def __str__(self) -> str:
        return _("version %(number)s") % {"number": self.number}


class PaidMembership(models.Model):
    """One member in one plan, from the first day until it is over, with the periods that were paid for.

    Whether it is in force is asked of its periods and the clock; `ended_at` is what time or a refund decided,
    written down. Who has cancelled keeps what was paid for. Written by `loyalty.operations.plans`, under the
    lock of the member's account. `member` is who has it now, `bought_by` who began it: a merge carries it to
    the member who stays, and taking the merge back finds it by the other. Months are counted from
    `anchor_on`, which a trial does not have yet.
    """

    member = models.ForeignKey(
        Member, models.PROTECT, related_name="paid_memberships", verbose_name=_("member")
    )
    bought_by = models.ForeignKey(
        Member, models.PROTECT, related_name="+", db_index=False, verbose_name=_("begun by")
    )
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="paid_memberships", verbose_name=_("plan"))
    has_trial = models.BooleanField(_("began with a trial"), default=False)
    anchor_on = models.DateField(_("months count from"), null=True, blank=True)
    started_at = models.DateTimeField(_("started at"))
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    cancelling = models.CharField(
        _("why it is not renewed"), max_length=6, choices=CancellingChoices, default="", blank=True
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    end_reason = models.CharField(
        _("why it ended"), max_length=9, choices=PlanEndChoices, default="", blank=True
    )

    class Meta:
        verbose_name = _("paid membership")
        verbose_name_plural = _("paid memberships")
        constraints = [
            models.UniqueConstraint(
                fields=["member"],
                condition=Q(ended_at__isnull=True, cancelled_at__isnull=True),
                name="encore_paid_membership_one_on",
            ),
            models.UniqueConstraint(
                fields=["bought_by"], condition=Q(has_trial=True), name="encore_paid_membership_one_trial"
            ),
            models.CheckConstraint(
                condition=Q(cancelled_at__isnull=True, cancelling="")
                | (Q(cancelled_at__isnull=False) & ~Q(cancelling="")),
                name="encore_paid_membership_cancelled",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, end_reason="")
                | (Q(ended_at__gte=F("started_at")) & ~Q(end_reason="")),
                name="encore_paid_membership_ended",
            ),
            models.CheckConstraint(
                condition=Q(has_trial=True) | Q(anchor_on__isnull=False),
                name="encore_paid_membership_anchor",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id}: {self.member_id}"


class MembershipPeriod(models.Model):
    """A stretch of a paid membership: a trial, or what one payment paid for.

    Paid for in [`starts_at`, `ends_at`); its benefits hold until `perks_end_at`, which is later by the days
    of grace and is moved by the next payment, a cancellation or a refund. Nothing else of a row is ever
    changed but what was refunded. `reference` is the shop's own name of the payment, so that one that is
    told twice counts once. Units: minor units of the programme's currency.
    """

    membership = models.ForeignKey(
        PaidMembership,
        models.PROTECT,
        related_name="periods",
        db_index=False,
        verbose_name=_("paid membership"),
    )
    # The same as the membership's: it makes a payment count once in each programme.
    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name=_("programme")
    )
    number = models.PositiveIntegerField(_("number"))
    kind = models.CharField(_("kind"), max_length=5, choices=PeriodKindChoices)
    version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="+", verbose_name=_("version"))
    months = models.PositiveSmallIntegerField(_("months"), default=0)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("paid until"))
    perks_end_at = models.DateTimeField(_("benefits until"))
    paid_minor = models.BigIntegerField(_("paid (minor units)"), default=0)
    refunded_minor = models.BigIntegerField(_("refunded (minor units)"), default=0)
    reference = models.CharField(_("number of the payment"), max_length=100, default="", blank=True)
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)

    class Meta:
        verbose_name = _("period of a paid membership")
        verbose_name_plural = _("periods of paid memberships")
        constraints = [
            models.UniqueConstraint(fields=["membership", "number"], name="encore_period_number"),
            models.UniqueConstraint(
                fields=["programme", "reference"],
                condition=Q(reference__gt=""),
                name="encore_period_payment_once",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at"), perks_end_at__gte=F("starts_at")),
                name="encore_period_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(refunded_minor__gte=0, refunded_minor__lte=F("paid_minor")),
                name="encore_period_refund",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind=PeriodKind.TRIAL.value, paid_minor=0, months=0, reference="", paid_at__isnull=True
                )
                | Q(
                    kind=PeriodKind.PAID.value,
                    paid_minor__gt=0,
                    months__gt=0,
                    reference__gt="",
                    paid_at__isnull=False,
                ),
                name="encore_period_paid_or_trial",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id}: {self.number}"
