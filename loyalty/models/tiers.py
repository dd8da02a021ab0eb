"""Levels: their versions, who has which, and what members were told before they lose one."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.member import Member
from loyalty.models.programme import Programme
from loyalty.policies.tiers.scheme import Fall, LevelSource, Metric, Turn, Window
from loyalty.policies.tiers.terms import LARGEST_FACTOR, LARGEST_THRESHOLD, MOST_GRACE_DAYS


class MetricChoices(models.TextChoices):
    SPEND = Metric.SPEND.value, _("money spent")
    POINTS = Metric.POINTS.value, _("points earned")
    ORDERS = Metric.ORDERS.value, _("orders")


class WindowChoices(models.TextChoices):
    ROLLING = Window.ROLLING.value, _("in the last 12 months")
    CALENDAR = Window.CALENDAR.value, _("in a calendar year")
    LIFETIME = Window.LIFETIME.value, _("since they joined")


class FallChoices(models.TextChoices):
    STEP = Fall.STEP.value, _("one level down")
    EARNED = Fall.EARNED.value, _("to the level that they have earned")


class TurnChoices(models.TextChoices):
    REACHED = Turn.REACHED.value, _("reached")
    KEPT = Turn.KEPT.value, _("kept")
    FELL = Turn.FELL.value, _("too little was bought")
    GRANTED = Turn.GRANTED.value, _("given by hand or by a plan")
    WITHDRAWN = Turn.WITHDRAWN.value, _("taken back")
    MERGED = Turn.MERGED.value, _("accounts merged")


class LevelSourceChoices(models.TextChoices):
    EARNED = LevelSource.EARNED.value, _("earned")
    HAND = LevelSource.HAND.value, _("given by hand")
    PLAN = LevelSource.PLAN.value, _("part of a plan")


class TierScheme(models.Model):
    """One version of a programme's levels: what counts, over which time, and what a fall is like.

    Without `starts_at` it is the draft, of which there is one at a time and which may be changed; afterwards
    only its end is ever set, by a new version or by switching the levels off. One that begins later is
    announced: called off before its day it is a draft again, and the one before it goes on. Written by
    `loyalty.operations.tiers.schemes`, called off by `loyalty.operations.changes.levels`.
    Units: `grace_days` and `notice_days` in local days.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="tier_schemes", db_index=False, verbose_name=_("programme")
    )
    number = models.PositiveIntegerField(_("version"))
    metric = models.CharField(
        _("what counts"), max_length=6, choices=MetricChoices, default=MetricChoices.SPEND
    )
    window = models.CharField(
        _("over which time"), max_length=8, choices=WindowChoices, default=WindowChoices.ROLLING
    )
    fall = models.CharField(
        _("who buys too little falls"), max_length=6, choices=FallChoices, default=FallChoices.STEP
    )
    grace_days = models.PositiveSmallIntegerField(
        _("days of grace"), default=30, validators=[MaxValueValidator(MOST_GRACE_DAYS)]
    )
    notice_days = models.PositiveSmallIntegerField(
        _("days before it that members are told"), default=30, validators=[MaxValueValidator(MOST_GRACE_DAYS)]
    )
    starts_at = models.DateTimeField(_("starts at"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("version of the levels")
        verbose_name_plural = _("versions of the levels")
        constraints = [
            models.UniqueConstraint(fields=["programme", "number"], name="encore_tier_scheme_version"),
            models.UniqueConstraint(
                fields=["programme"], condition=Q(starts_at__isnull=True), name="encore_tier_scheme_one_draft"
            ),
            models.UniqueConstraint(
                fields=["programme"],
                condition=Q(starts_at__isnull=False, ends_at__isnull=True),
                name="encore_tier_scheme_one_on",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(starts_at__isnull=False, ends_at__gte=F("starts_at")),
                name="encore_tier_scheme_period",
            ),
            models.CheckConstraint(
                condition=Q(
                    metric__in=[one.value for one in Metric],
                    window__in=[one.value for one in Window],
                    fall__in=[one.value for one in Fall],
                ),
                name="encore_tier_scheme_values",
            ),
        ]

    def __str__(self) -> str:
        return _("version %(number)s") % {"number": self.number}


class Tier(models.Model):
    """One level of one version. `level_id` stays the same from version to version, and is what members have,
    campaigns name and awards keep; it is the id of the level's first row.

    Units: `threshold` is minor units of the programme's currency, level points or orders, as the version
    says; `factor` is 1.50 for half as many points again. `perks`: see `loyalty.policies.perks`.
    """

    scheme = models.ForeignKey(
        TierScheme, models.PROTECT, related_name="tiers", db_index=False, verbose_name=_("version")
    )
    level_id = models.BigIntegerField(_("level"))
    name = models.CharField(_("name"), max_length=40, blank=True, default="")
    threshold = models.BigIntegerField(
        _("from"), validators=[MinValueValidator(1), MaxValueValidator(LARGEST_THRESHOLD)]
    )
    factor = models.DecimalField(_("times the points"), max_digits=4, decimal_places=2, default=1)
    perks = models.JSONField(_("benefits"), default=list, blank=True)

    class Meta:
        verbose_name = _("level")
        verbose_name_plural = _("levels")
        constraints = [
            models.UniqueConstraint(fields=["scheme", "level_id"], name="encore_tier_level"),
            models.UniqueConstraint(fields=["scheme", "threshold"], name="encore_tier_threshold"),
            models.CheckConstraint(
                condition=Q(threshold__gte=1, threshold__lte=LARGEST_THRESHOLD),
                name="encore_tier_threshold_positive",
            ),
            models.CheckConstraint(
                condition=Q(factor__gte=1, factor__lte=LARGEST_FACTOR), name="encore_tier_factor"
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(self.level_id)


class TierHolding(models.Model):
    """A level that a member has or had, in [`begins_at`, `ends_at`), with why it began and ended.

    An earned one follows another without a gap, is tested on its last day, and ends by being kept (the next
    row), by a higher one, or by a fall. What was given by hand or by a plan stands beside it, as long as it
    says, and the best of all counts while levels are switched on. Written by `loyalty.operations.tiers`; only
    an end is ever set, and taken back before it has come. `note` is what staff wrote, for staff.
    """

    member = models.ForeignKey(Member, models.PROTECT, related_name="levels", verbose_name=_("member"))
    level_id = models.BigIntegerField(_("level"))
    source = models.CharField(
        _("from"), max_length=6, choices=LevelSourceChoices, default=LevelSourceChoices.EARNED
    )
    source_key = models.CharField(_("key of what it is from"), max_length=80, default="", blank=True)
    tests_on = models.DateField(_("tested on"), null=True, blank=True)
    begins_at = models.DateTimeField(_("begins at"))
    begin_reason = models.CharField(_("why it began"), max_length=9, choices=TurnChoices)
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)
    end_reason = models.CharField(
        _("why it ended"), max_length=9, choices=TurnChoices, default="", blank=True
    )
    note = models.CharField(_("internal note"), max_length=200, default="", blank=True)

    class Meta:
        verbose_name = _("level of a member")
        verbose_name_plural = _("levels of members")
        indexes = [
            models.Index(fields=["tests_on"], condition=Q(ends_at__isnull=True), name="encore_holding_test"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "source", "source_key"],
                condition=Q(ends_at__isnull=True),
                name="encore_holding_one_open",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True, end_reason="")
                | (Q(ends_at__gte=F("begins_at")) & ~Q(end_reason="")),
                name="encore_holding_end",
            ),
            models.CheckConstraint(
                condition=Q(source=LevelSource.EARNED.value, source_key="", note="")
                | (
                    Q(source__in=[LevelSource.HAND.value, LevelSource.PLAN.value], tests_on__isnull=True)
                    & (~Q(source=LevelSource.HAND.value) | ~Q(note=""))
                ),
                name="encore_holding_source",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member_id}: {self.level_id}"


class TierNotice(models.Model):
    """What a member was told before a level is lost: how much is missing, and until when it can be made up.

    Written by `loyalty.operations.tiers.warning`, once for each level that is tested; pages show it and
    letters are written from it. Units: `missing` as the scheme measures.
    """

    holding = models.OneToOneField(
        TierHolding, models.PROTECT, related_name="notice", verbose_name=_("level of a member")
    )
    missing = models.BigIntegerField(_("missing"))
    loses_at = models.DateTimeField(_("lost at"))
    told_at = models.DateTimeField(_("told at"))

    class Meta:
        verbose_name = _("notice about a level")
        verbose_name_plural = _("notices about levels")
        constraints = [
            models.CheckConstraint(condition=Q(missing__gte=1), name="encore_tier_notice_missing"),
            models.CheckConstraint(
                condition=Q(loses_at__gt=F("told_at")), name="encore_tier_notice_before_loss"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.holding_id}: {self.missing}"
