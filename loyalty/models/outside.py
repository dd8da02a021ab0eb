"""Outside programmes whose points members exchange: miles of an airline, points of a bank."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.member import Member
from loyalty.models.programme import Programme
from loyalty.policies.outside import LONGEST_ACCOUNT, MOST_UNITS, Direction


class DirectionChoices(models.TextChoices):
    OUT = Direction.OUT.value, _("our points for theirs")
    IN = Direction.IN.value, _("their points for ours")


class OutsideProgramme(models.Model):
    """Another scheme that members have accounts with: open until `ended_at`.

    Written by `loyalty.operations.outside`. `account_pattern` says what its account numbers look like, with
    "#" for a digit and "?" for a letter; it is no regular expression, because what an owner writes runs
    nothing.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name=_("programme")
    )
    key = models.SlugField(_("key"), max_length=40, db_index=False)
    name = models.CharField(_("name"), max_length=80)
    unit = models.CharField(_("what its points are called"), max_length=30)
    account_pattern = models.CharField(_("what its account numbers look like"), max_length=200)
    has_check_digit = models.BooleanField(_("the last digit is a check digit"), default=False)
    created_at = models.DateTimeField(_("created at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("outside programme")
        verbose_name_plural = _("outside programmes")
        constraints = [
            models.UniqueConstraint(fields=["programme", "key"], name="encore_outside_key"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("created_at")),
                name="encore_outside_ended",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OutsideRate(models.Model):
    """So many points for so many units, one way, in [starts_at, ends_at): a version, never edited.

    Exchanged by whole steps of both numbers and never rounded.
    """

    outside = models.ForeignKey(
        OutsideProgramme,
        models.PROTECT,
        related_name="rates",
        db_index=False,
        verbose_name=_("outside programme"),
    )
    direction = models.CharField(_("direction"), max_length=3, choices=DirectionChoices)
    number = models.PositiveIntegerField(_("version"))
    points = models.PositiveIntegerField(
        _("our points"), validators=[MinValueValidator(1), MaxValueValidator(MOST_UNITS)]
    )
    units = models.PositiveIntegerField(
        _("their points"), validators=[MinValueValidator(1), MaxValueValidator(MOST_UNITS)]
    )
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)

    class Meta:
        verbose_name = _("exchange rate of an outside programme")
        verbose_name_plural = _("exchange rates of outside programmes")
        constraints = [
            models.UniqueConstraint(
                fields=["outside", "direction", "number"], name="encore_outside_rate_version"
            ),
            models.UniqueConstraint(
                fields=["outside", "direction"],
                condition=Q(ends_at__isnull=True),
                name="encore_outside_rate_one_open",
            ),
            models.CheckConstraint(
                condition=Q(points__gte=1, units__gte=1), name="encore_outside_rate_steps"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")),
                name="encore_outside_rate_period",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.points}:{self.units}"


class OutsideAccount(models.Model):
    """A member's account number with an outside programme; never edited, another number is another row.

    An account belongs to one member, and a member has one with each programme: the open rows are unique.
    """

    outside = models.ForeignKey(
        OutsideProgramme,
        models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("outside programme"),
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="outside_accounts", verbose_name=_("member")
    )
    number = models.CharField(_("account number"), max_length=LONGEST_ACCOUNT)
    created_at = models.DateTimeField(_("told at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("account with an outside programme")
        verbose_name_plural = _("accounts with outside programmes")
        constraints = [
            models.UniqueConstraint(
                fields=["outside", "member"],
                condition=Q(ended_at__isnull=True),
                name="encore_outside_account_of_member",
            ),
            models.UniqueConstraint(
                fields=["outside", "number"],
                condition=Q(ended_at__isnull=True),
                name="encore_outside_account_number",
            ),
        ]

    def __str__(self) -> str:
        return f"•••{self.number[-4:]}"
