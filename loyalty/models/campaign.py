"""Campaigns: more points for a while, by versions that are never edited once they have begun."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.member import Member
from loyalty.models.programme import Programme
from loyalty.policies.campaigns import DAY_MINUTES, CampaignKind, CampaignState


class CampaignStateChoices(models.TextChoices):
    DRAFT = CampaignState.DRAFT.value, _("Draft")
    ON = CampaignState.ON.value, _("Switched on")
    PAUSED = CampaignState.PAUSED.value, _("Paused")
    ENDED = CampaignState.ENDED.value, _("Ended")


class CampaignKindChoices(models.TextChoices):
    MULTIPLY = CampaignKind.MULTIPLY.value, _("Times the points")
    STEPS = CampaignKind.STEPS.value, _("Bonus over an amount")
    PIECES = CampaignKind.PIECES.value, _("Points for each piece")


class Campaign(models.Model):
    """An offer of extra points: what it is called, when it runs, and how much it may give in all.

    States: `CampaignState`. Written by `loyalty.operations.campaigns`; `spent_points` by the settlement of
    awards alone, by a guarded update, which also pauses a campaign whose budget cannot bear an order. What it
    promises is in its versions, because orders keep the version that ran when they were placed. Units:
    `budget_points` and `spent_points` are points that still stand; [`starts_at`, `ends_at`) is the time that
    the owner planned, without an end it runs until it is ended.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="campaigns", verbose_name=_("programme")
    )
    name = models.CharField(_("name"), max_length=80)
    public_text = models.JSONField(_("what customers read"), default=dict, blank=True)
    state = models.CharField(
        _("state"), max_length=8, choices=CampaignStateChoices, default=CampaignStateChoices.DRAFT
    )
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)
    budget_points = models.PositiveBigIntegerField(_("pause at so many points"), null=True, blank=True)
    spent_points = models.PositiveBigIntegerField(_("points given"), default=0)
    pause_reason = models.CharField(_("why it is paused"), max_length=12, default="", blank=True)
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in CampaignState]), name="encore_campaign_state"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
                name="encore_campaign_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(budget_points__isnull=True) | Q(spent_points__lte=F("budget_points")),
                name="encore_campaign_within_budget",
            ),
            models.CheckConstraint(
                condition=Q(paused_at__isnull=False) | ~Q(state=CampaignState.PAUSED.value),
                name="encore_campaign_paused_at",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CampaignVersion(models.Model):
    """What a campaign promises, and when it did: orders placed in [starts_at, ends_at) are under it.

    Without `starts_at` it is a draft, and may be changed; afterwards only its end is ever set, by a pause, a
    change or the end of the campaign. An end at the start means that it never ran. Units: `factor` is 2 for
    double; `steps` are pairs of minor units of the programme's currency and points; `cap_points` is the most
    that one member gets from the campaign. Empty lists mean "any"; weekdays count from Monday, 0.
    """

    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="versions", db_index=False, verbose_name=_("campaign")
    )
    number = models.PositiveIntegerField(_("version"))
    kind = models.CharField(_("kind"), max_length=8, choices=CampaignKindChoices)
    factor = models.DecimalField(_("times"), max_digits=4, decimal_places=2, default=1)
    steps = models.JSONField(_("steps"), default=list, blank=True)
    piece_points = models.PositiveIntegerField(_("points for each piece"), default=0)
    skus = models.JSONField(_("article numbers"), default=list, blank=True)
    brands = models.JSONField(_("brands"), default=list, blank=True)
    category_paths = models.JSONField(_("categories"), default=list, blank=True)
    channels = models.JSONField(_("channels"), default=list, blank=True)
    tier_ids = models.JSONField(_("levels"), default=list, blank=True)
    segment_ids = models.JSONField(_("segments"), default=list, blank=True)
    order_numbers = models.JSONField(_("the how-manieth order"), default=list, blank=True)
    weekdays = models.JSONField(_("days of the week"), default=list, blank=True)
    from_minute = models.PositiveSmallIntegerField(
        _("from minute of the day"), default=0, validators=[MaxValueValidator(DAY_MINUTES)]
    )
    to_minute = models.PositiveSmallIntegerField(
        _("to minute of the day"), default=DAY_MINUTES, validators=[MaxValueValidator(DAY_MINUTES)]
    )
    cap_points = models.PositiveIntegerField(
        _("at most so many extra points each"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    starts_at = models.DateTimeField(_("starts at"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)

    class Meta:
        verbose_name = _("version of a campaign")
        verbose_name_plural = _("versions of campaigns")
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="encore_campaign_version"),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(starts_at__isnull=False, ends_at__gte=F("starts_at")),
                name="encore_campaign_version_period",
            ),
        ]

    def __str__(self) -> str:
        return _("version %(number)s") % {"number": self.number}


class CampaignLimit(models.Model):
    """The largest budget with which a role switches a campaign on by itself; empty is any, also none at all.

    The row without a role holds for everybody who has no role with a row of its own. Written by
    `loyalty.operations.campaign_limits`. Why a plain id and no key to the role: see `AdjustmentLimit`.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name=_("programme")
    )
    group_id = models.BigIntegerField(_("role"), null=True, blank=True)
    budget_points = models.PositiveBigIntegerField(_("largest budget"), null=True, blank=True)

    class Meta:
        verbose_name = _("limit of campaigns")
        verbose_name_plural = _("limits of campaigns")
        constraints = [
            models.UniqueConstraint(fields=["programme", "group_id"], name="encore_campaign_limit_of_role"),
            models.UniqueConstraint(
                fields=["programme"],
                condition=Q(group_id__isnull=True),
                name="encore_campaign_limit_of_others",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group_id}: {self.budget_points}"


class CampaignUse(models.Model):
    """What one member got from one campaign and still has. Written with the awards that say so.

    `campaign.spent_points` is the sum of these rows; a cap compares with one of them, under the lock of the
    member's account.
    """

    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="uses", db_index=False, verbose_name=_("campaign")
    )
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name=_("member"))
    points = models.PositiveBigIntegerField(_("points"))

    class Meta:
        verbose_name = _("use of a campaign")
        verbose_name_plural = _("uses of campaigns")
        constraints = [
            models.UniqueConstraint(fields=["campaign", "member"], name="encore_campaign_use_once")
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.points}"
