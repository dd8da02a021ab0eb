"""What brings points besides buying: rules by versions, and every attempt with what became of it."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.member import Member
from loyalty.models.programme import Programme
from loyalty.policies.actions import ActionKind, ActionState, CapPeriod, Refusal

MOST_POINTS = 1_000_000


class ActionStateChoices(models.TextChoices):
    DRAFT = ActionState.DRAFT.value, _("Draft")
    ON = ActionState.ON.value, _("Switched on")
    PAUSED = ActionState.PAUSED.value, _("Paused")
    ENDED = ActionState.ENDED.value, _("Ended")


class CapPeriodChoices(models.TextChoices):
    DAY = CapPeriod.DAY.value, _("a day")
    WEEK = CapPeriod.WEEK.value, _("a week")
    MONTH = CapPeriod.MONTH.value, _("a month")
    YEAR = CapPeriod.YEAR.value, _("a year")
    EVER = CapPeriod.EVER.value, _("in all")


class RefusalChoices(models.TextChoices):
    NO_RULE = Refusal.NO_RULE.value, _("Nothing gives points for it")
    NOT_LIVE = Refusal.NOT_LIVE.value, _("The programme gives no points now")
    NOT_ACTIVE = Refusal.NOT_ACTIVE.value, _("The member is paused or has left")
    CAP_REACHED = Refusal.CAP_REACHED.value, _("It had been done as often as it counts")


class ActionRule(models.Model):
    """Points for something that members do: what, what customers read, and where it stands.

    States: `ActionState`. Written by `loyalty.operations.action_rules`. What it gives is in its versions,
    which are never edited once they began. `kind` is a key of the door `earning_triggers`; an `event` of the
    shop's own has a key too.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="action_rules", verbose_name=_("programme")
    )
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("for"), max_length=24)
    event = models.SlugField(_("key of the event"), max_length=40, default="", blank=True, db_index=False)
    public_text = models.JSONField(_("what customers read"), default=dict, blank=True)
    state = models.CharField(
        _("state"), max_length=8, choices=ActionStateChoices, default=ActionStateChoices.DRAFT
    )
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("points for an action")
        verbose_name_plural = _("points for actions")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in ActionState]), name="encore_action_rule_state"
            ),
            models.CheckConstraint(
                condition=Q(kind=ActionKind.EVENT.value, event__gt="")
                | (~Q(kind=ActionKind.EVENT.value) & Q(event="")),
                name="encore_action_rule_event",
            ),
            models.UniqueConstraint(
                fields=["programme", "kind", "event"],
                condition=Q(state__in=[ActionState.ON.value, ActionState.PAUSED.value]),
                name="encore_action_rule_one_on",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ActionVersion(models.Model):
    """What an action brings, and when it did. Without `starts_at` it is a draft, and may be changed.

    Units: points; `cap_times` in each `cap_period`, NULL for no cap.
    """

    rule = models.ForeignKey(
        ActionRule, models.PROTECT, related_name="versions", db_index=False, verbose_name=_("rule")
    )
    number = models.PositiveIntegerField(_("version"))
    points = models.PositiveIntegerField(
        _("points"), validators=[MinValueValidator(1), MaxValueValidator(MOST_POINTS)]
    )
    cap_times = models.PositiveSmallIntegerField(
        _("at most so many times"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    cap_period = models.CharField(
        _("in"), max_length=5, choices=CapPeriodChoices, default=CapPeriodChoices.EVER
    )
    counts_for_level = models.BooleanField(_("counts for the level"), default=False)
    starts_at = models.DateTimeField(_("starts at"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)

    class Meta:
        verbose_name = _("version of points for an action")
        verbose_name_plural = _("versions of points for actions")
        constraints = [
            models.UniqueConstraint(fields=["rule", "number"], name="encore_action_version"),
            models.CheckConstraint(condition=Q(points__gte=1), name="encore_action_version_points"),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(starts_at__isnull=False, ends_at__gte=F("starts_at")),
                name="encore_action_version_period",
            ),
        ]

    def __str__(self) -> str:
        return _("version %(number)s") % {"number": self.number}


class ActionAttempt(models.Model):
    """Something that a member did, told once by its `source`, with its points or the reason for none.

    Written by `loyalty.operations.actions` and never changed, but for `withdrawn_at`. `source` is the shop's
    own name of what was done (a review's number), so that what is told twice counts once. `entry_key` leads
    to the ledger. After a merge it stays with the member that it was made for.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name=_("programme")
    )
    member = models.ForeignKey(Member, models.PROTECT, related_name="attempts", verbose_name=_("member"))
    kind = models.CharField(_("for"), max_length=24)
    event = models.CharField(_("key of the event"), max_length=40, default="", blank=True)
    source = models.CharField(_("source"), max_length=100)
    version = models.ForeignKey(
        ActionVersion,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("version"),
    )
    points = models.PositiveIntegerField(_("points"), default=0)
    reason = models.CharField(_("why nothing"), max_length=12, choices=RefusalChoices, default="", blank=True)
    entry_key = models.CharField(_("key of the entry"), max_length=80, default="", blank=True)
    occurred_at = models.DateTimeField(_("done at"))
    recorded_at = models.DateTimeField(_("recorded at"))
    withdrawn_at = models.DateTimeField(_("taken back at"), null=True, blank=True)

    class Meta:
        verbose_name = _("action")
        verbose_name_plural = _("actions")
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "kind", "event", "source"], name="encore_action_once"
            ),
            models.CheckConstraint(
                condition=Q(points__gt=0, reason="", version__isnull=False, entry_key__gt="")
                | (Q(points=0) & ~Q(reason="") & Q(entry_key="")),
                name="encore_action_points_or_reason",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(points__gt=0), name="encore_action_withdrawn"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.source}"
