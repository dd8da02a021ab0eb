"""The programme and the versions of its rules."""

from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from loyalty.policies.campaigns import Combination
from loyalty.policies.changes.settings import VALUE_SETTINGS, SettingsHistory, Worth
from loyalty.policies.earning import Rounding
from loyalty.policies.programme import Admission, DebtPolicy, Enrolment, ProgrammeState, state_at
from loyalty.policies.terms import Clock, ExpiryKind


class ProgrammeStateChoices(models.TextChoices):
    DRAFT = ProgrammeState.DRAFT.value, _("Draft")
    STAFF_ONLY = ProgrammeState.STAFF_ONLY.value, _("Staff only")
    LIVE = ProgrammeState.LIVE.value, _("Live")
    PAUSED = ProgrammeState.PAUSED.value, _("Paused")
    CLOSING = ProgrammeState.CLOSING.value, _("Closing")
    CLOSED = ProgrammeState.CLOSED.value, _("Closed")


class EnrolmentChoices(models.TextChoices):
    AUTOMATIC = Enrolment.AUTOMATIC.value, _("Every identified customer, with the first purchase")
    ON_REQUEST = Enrolment.ON_REQUEST.value, _("Those who ask to join")


class AdmissionChoices(models.TextChoices):
    OPEN = Admission.OPEN.value, _("Everybody")
    BY_INVITATION = Admission.BY_INVITATION.value, _("Only those who are invited")


class DebtPolicyChoices(models.TextChoices):
    DEBT = DebtPolicy.DEBT.value, _("The next points fill the gap")
    LET_GO = DebtPolicy.LET_GO.value, _("Let it go")
    FROM_REFUND = DebtPolicy.FROM_REFUND.value, _("Take it from the cash refund")


class CombinationChoices(models.TextChoices):
    BEST = Combination.BEST.value, _("Best one wins")
    ADD_UP = Combination.ADD_UP.value, _("They add up")


class Programme(models.Model):
    """One loyalty scheme: its currency, zone, worth of a point, and how members join and leave debts behind.

    States: `loyalty.policies.programme.PROGRAMME_STEPS`. Written by `loyalty.operations.programme`. What
    earns and how long points live is not here but in versions (`EarningRule`, `LotTerms`), because a
    programme row can be edited and what has been promised cannot. `rules_stamp` is new after every change of
    those, so that a process may keep them in memory and see with one read whether they still hold.

    Settings about value hold from a moment on as well: the columns have what was last written down,
    `coming_settings` what holds from `coming_at` on, and `former_settings` what held before, oldest first.
    Ask `worth_at` and `settings_history`, not the columns. Why not a table of versions: the worth of a point
    is read with every balance, and this row is at hand then. `closes_at` is the end that was announced.
    """

    key = models.SlugField(_("key"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    state = models.CharField(
        _("state"), max_length=12, choices=ProgrammeStateChoices, default=ProgrammeStateChoices.DRAFT
    )
    currency = models.CharField(_("currency"), max_length=3)
    time_zone = models.CharField(_("time zone"), max_length=63, default="UTC")
    worth_points = models.PositiveIntegerField(_("points"), default=1, validators=[MinValueValidator(1)])
    worth_minor = models.PositiveIntegerField(
        _("are worth (minor units)"),
        default=100,
        help_text=_("Cents, pence or øre. 1 point = 1.00 is 1 and 100."),
    )
    enrolment = models.CharField(
        _("who becomes a member"),
        max_length=12,
        choices=EnrolmentChoices,
        default=EnrolmentChoices.ON_REQUEST,
    )
    admission = models.CharField(
        _("who may join"),
        max_length=13,
        choices=AdmissionChoices,
        default=AdmissionChoices.OPEN,
        db_default=Admission.OPEN.value,
    )
    backdate_days = models.PositiveSmallIntegerField(
        _("count purchases made this many days before joining"),
        default=0,
        validators=[MaxValueValidator(3650)],
    )
    debt_policy = models.CharField(
        _("when returned points are already spent"),
        max_length=12,
        choices=DebtPolicyChoices,
        default=DebtPolicyChoices.DEBT,
    )
    reprieve_days = models.PositiveSmallIntegerField(
        _("days that points which come back too late stay usable"), default=14
    )
    hold_minutes = models.PositiveIntegerField(_("minutes a reservation lasts"), default=60)
    combination = models.CharField(
        _("when an order is in several campaigns"),
        max_length=8,
        choices=CombinationChoices,
        default=CombinationChoices.BEST,
        db_default=Combination.BEST.value,
    )
    notice_days = models.PositiveSmallIntegerField(
        _("days before it holds that members are told of a change for the worse"),
        default=30,
        db_default=30,
        validators=[MaxValueValidator(365)],
    )
    former_settings = models.JSONField(_("settings of before"), default=list, blank=True, editable=False)
    coming_settings = models.JSONField(_("announced settings"), null=True, blank=True, editable=False)
    coming_at = models.DateTimeField(_("announced settings hold from"), null=True, blank=True, editable=False)
    closes_at = models.DateTimeField(_("closes at"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"))
    rules_stamp = models.UUIDField(_("stamp of its rules"), default=uuid4, editable=False)

    class Meta:
        verbose_name = _("programme")
        verbose_name_plural = _("programmes")
        constraints = [
            models.CheckConstraint(condition=Q(worth_points__gte=1), name="encore_programme_worth_points"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in ProgrammeState]),
                name="encore_programme_state",
            ),
            models.CheckConstraint(
                condition=Q(admission__in=[admission.value for admission in Admission]),
                name="encore_programme_admission",
            ),
            models.CheckConstraint(
                condition=Q(debt_policy__in=[policy.value for policy in DebtPolicy]),
                name="encore_programme_debt_policy",
            ),
            models.CheckConstraint(
                condition=Q(combination__in=[combination.value for combination in Combination]),
                name="encore_programme_combination",
            ),
            models.CheckConstraint(
                condition=Q(coming_at__isnull=True, coming_settings__isnull=True)
                | Q(coming_at__isnull=False, coming_settings__isnull=False),
                name="encore_programme_coming_settings",
            ),
            models.CheckConstraint(
                condition=Q(closes_at__isnull=True)
                | Q(state__in=[ProgrammeState.CLOSING.value, ProgrammeState.CLOSED.value]),
                name="encore_programme_closes_at",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone that decides what "on 30 November" means."""
        return ZoneInfo(self.time_zone)

    def state_at(self, at: datetime) -> ProgrammeState:
        """Give the state of now as of `at`: time closes a programme, whether or not a job has written it
        down.
        """
        return state_at(ProgrammeState(self.state), self.closes_at, at)

    def settings_history(self) -> SettingsHistory:
        """Give the settings about value as they were, are, and become."""
        written = {name: getattr(self, name) for name in VALUE_SETTINGS}
        return SettingsHistory(written, self.former_settings, self.coming_settings, self.coming_at)

    def worth_at(self, at: datetime) -> Worth:
        """Give what points are worth at a moment."""
        return self.settings_history().worth_at(at)


class ProgrammePhase(models.Model):
    """A stretch of time in which a programme was in one state; the open one has no end.

    Written by `loyalty.operations.programme` only. Purchases arrive late, so "was it live when this was
    bought?" cannot be answered from the state of today.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="phases", verbose_name=_("programme")
    )
    state = models.CharField(_("state"), max_length=12, choices=ProgrammeStateChoices)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)

    class Meta:
        verbose_name = _("programme phase")
        verbose_name_plural = _("programme phases")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
                name="encore_phase_ends_after_start",
            ),
            models.UniqueConstraint(
                fields=["programme"], condition=Q(ends_at__isnull=True), name="encore_phase_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} {self.starts_at:%Y-%m-%d}"


class EarningRule(models.Model):
    """One version of "so many points for so much spent".

    Never edited: a change is a new version that starts now, or on an announced day, and ends the one before.
    One that ends as it starts was called off before it ran. Awards store its id. Units: `points` for every
    `per_minor` minor units of the programme's currency.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="earning_rules", db_index=False, verbose_name=_("programme")
    )
    version = models.PositiveIntegerField(_("version"))
    points = models.PositiveIntegerField(_("points"), default=1, validators=[MinValueValidator(1)])
    per_minor = models.PositiveIntegerField(_("for every (minor units)"), default=1000)
    counts_tax = models.BooleanField(_("tax counts"), default=True)
    counts_shipping = models.BooleanField(_("shipping counts"), default=False)
    rounding = models.CharField(
        _("rounding"),
        max_length=8,
        choices=[(r.value, r.value) for r in Rounding],
        default=Rounding.DOWN.value,
    )
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)

    class Meta:
        verbose_name = _("earning rule")
        verbose_name_plural = _("earning rules")
        constraints = [
            models.UniqueConstraint(fields=["programme", "version"], name="encore_rule_version"),
            models.UniqueConstraint(
                fields=["programme"], condition=Q(ends_at__isnull=True), name="encore_rule_one_running"
            ),
            models.CheckConstraint(condition=Q(points__gte=1, per_minor__gte=1), name="encore_rule_positive"),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")), name="encore_rule_period"
            ),
        ]

    def __str__(self) -> str:
        return _("version %(number)s") % {"number": self.version}


class ProductGroup(models.Model):
    """Goods with a return window or expiry of their own. A line belongs to the first group, by id, that fits
    it.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="product_groups", verbose_name=_("programme")
    )
    name = models.CharField(_("name"), max_length=80)
    skus = models.JSONField(_("article numbers"), default=list, blank=True)
    brands = models.JSONField(_("brands"), default=list, blank=True)
    category_paths = models.JSONField(_("categories"), default=list, blank=True)

    class Meta:
        verbose_name = _("product group")
        verbose_name_plural = _("product groups")

    def __str__(self) -> str:
        return self.name


class LotTerms(models.Model):
    """One version of the return window and expiry, of the programme or of one product group.

    Never edited, so a change of the setting never touches issued lots. Units: days and months as
    `loyalty.policies.terms.Terms` says.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="lot_terms", verbose_name=_("programme")
    )
    product_group = models.ForeignKey(
        ProductGroup,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="lot_terms",
        verbose_name=_("product group"),
    )
    version = models.PositiveIntegerField(_("version"))
    window_days = models.PositiveSmallIntegerField(
        _("return window in days"), default=30, validators=[MaxValueValidator(365)]
    )
    clock = models.CharField(
        _("window starts at"),
        max_length=8,
        choices=[(c.value, c.value) for c in Clock],
        default=Clock.ORDER.value,
    )
    missing_fact_days = models.PositiveSmallIntegerField(
        _("days after which the order date stands in"), default=90, validators=[MaxValueValidator(730)]
    )
    expiry_kind = models.CharField(
        _("points end"),
        max_length=13,
        choices=[(k.value, k.value) for k in ExpiryKind],
        default=ExpiryKind.AFTER_RELEASE.value,
    )
    expiry_months = models.PositiveSmallIntegerField(
        _("after months"), default=12, validators=[MaxValueValidator(240)]
    )
    expiry_at_month_end = models.BooleanField(_("at the end of the month"), default=True)
    expiry_month = models.PositiveSmallIntegerField(
        _("month"), default=12, validators=[MinValueValidator(1), MaxValueValidator(12)]
    )
    expiry_day = models.PositiveSmallIntegerField(
        _("day"), default=31, validators=[MinValueValidator(1), MaxValueValidator(31)]
    )
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)

    class Meta:
        verbose_name = _("window and expiry")
        verbose_name_plural = _("windows and expiries")
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "version"],
                condition=Q(product_group__isnull=True),
                name="encore_terms_version",
            ),
            models.UniqueConstraint(
                fields=["product_group", "version"],
                condition=Q(product_group__isnull=False),
                name="encore_terms_group_version",
            ),
            models.UniqueConstraint(
                fields=["programme"],
                condition=Q(ends_at__isnull=True, product_group__isnull=True),
                name="encore_terms_one_running",
            ),
            models.UniqueConstraint(
                fields=["product_group"],
                condition=Q(ends_at__isnull=True, product_group__isnull=False),
                name="encore_terms_group_one_running",
            ),
            models.CheckConstraint(
                condition=Q(expiry_month__range=(1, 12), expiry_day__range=(1, 31)),
                name="encore_terms_calendar_day",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")), name="encore_terms_period"
            ),
        ]

    def __str__(self) -> str:
        return _("version %(number)s") % {"number": self.version}


class ExchangeRate(models.Model):
    """What one unit of a foreign currency is worth in the programme's currency, from a moment on.

    Units: `rate` is programme-currency units for one foreign unit (not minor units). Without a row, purchases
    in that currency earn nothing and say so.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="exchange_rates", db_index=False, verbose_name=_("programme")
    )
    currency = models.CharField(_("currency"), max_length=3)
    rate = models.DecimalField(_("rate"), max_digits=18, decimal_places=8)
    starts_at = models.DateTimeField(_("starts at"))

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        constraints = [
            models.UniqueConstraint(fields=["programme", "currency", "starts_at"], name="encore_rate_start"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="encore_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.rate}"
