"""Sites that publish our coupons: who they are, what they were sent, and codes that spread too far."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from coupons.models.codes import Code
from coupons.models.coupon import Coupon
from coupons.policies.sites import AlertOutcome, SubmissionState

LONGEST_TITLE, LONGEST_TEXT = 200, 2_000


class SubmissionStateChoices(models.TextChoices):
    PREPARED = SubmissionState.PREPARED.value, _("Prepared")
    SUBMITTED = SubmissionState.SUBMITTED.value, _("Submitted")
    LIVE = SubmissionState.LIVE.value, _("Live")
    TO_WITHDRAW = SubmissionState.TO_WITHDRAW.value, _("To be withdrawn")
    WITHDRAWN = SubmissionState.WITHDRAWN.value, _("Withdrawn")


class AlertOutcomeChoices(models.TextChoices):
    PAUSED = AlertOutcome.PAUSED.value, _("The code was paused")
    MEANT = AlertOutcome.MEANT.value, _("It is meant to be")


class PublisherSite(models.Model):
    """A site that publishes coupons of ours, and the lengths of texts that it wants.

    It stands until `ended_at`. Written by `coupons.operations.sites`. `feed_key` is the secret part of the
    address of its own feed, in which its own codes stand; whoever has the public feed does not see them.

    Units: lengths in characters, NULL for any.
    """

    name = models.CharField(_("name"), max_length=80)
    address = models.URLField(_("address"), max_length=200, blank=True, default="")
    contact = models.CharField(_("whom to write to"), max_length=200, blank=True, default="")
    language = models.CharField(_("language"), max_length=10, default="en")
    feed_key = models.CharField(_("secret of its feed"), max_length=40)
    title_length = models.PositiveSmallIntegerField(
        _("longest title"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    text_length = models.PositiveSmallIntegerField(
        _("longest text"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    terms_length = models.PositiveSmallIntegerField(
        _("longest conditions"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("coupon site")
        verbose_name_plural = _("coupon sites")
        constraints = [
            models.UniqueConstraint(fields=["name"], name="encore_site_name"),
            models.UniqueConstraint(fields=["feed_key"], name="encore_site_feed_key"),
            models.CheckConstraint(condition=Q(feed_key__gt=""), name="encore_site_has_key"),
        ]

    def __str__(self) -> str:
        return self.name


class Submission(models.Model):
    """The sheet of one coupon for one site: the texts it was sent, its own code, and where it stands.

    States: `SubmissionState`; that a coupon is over and has to come down, the clock says. Written by
    `coupons.operations.submissions`. One sheet stands for each site and coupon; after it is withdrawn another
    may be made, with a code of its own, so that use can be told apart. A code belongs to one sheet. Coupons
    that need no code have none.
    """

    site = models.ForeignKey(
        PublisherSite, models.PROTECT, related_name="submissions", db_index=False, verbose_name=_("site")
    )
    coupon = models.ForeignKey(Coupon, models.PROTECT, related_name="submissions", verbose_name=_("coupon"))
    code = models.ForeignKey(
        Code,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("its own code"),
    )
    state = models.CharField(
        _("state"),
        max_length=11,
        choices=SubmissionStateChoices,
        default=SubmissionStateChoices.PREPARED,
    )
    title = models.CharField(_("title"), max_length=LONGEST_TITLE)
    text = models.CharField(_("text"), max_length=LONGEST_TEXT, blank=True, default="")
    terms_text = models.CharField(_("conditions"), max_length=LONGEST_TEXT, blank=True, default="")
    created_at = models.DateTimeField(_("prepared at"))
    submitted_at = models.DateTimeField(_("submitted at"), null=True, blank=True)
    live_at = models.DateTimeField(_("live since"), null=True, blank=True)
    to_withdraw_at = models.DateTimeField(_("to be withdrawn since"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)

    class Meta:
        verbose_name = _("sheet for a coupon site")
        verbose_name_plural = _("sheets for coupon sites")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in SubmissionState]),
                name="encore_submission_state",
            ),
            models.UniqueConstraint(
                fields=["site", "coupon"],
                condition=~Q(state=SubmissionState.WITHDRAWN.value),
                name="encore_submission_once",
            ),
            models.UniqueConstraint(
                fields=["code"], condition=Q(code__isnull=False), name="encore_submission_code"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=False, state=SubmissionState.WITHDRAWN.value)
                | (Q(withdrawn_at__isnull=True) & ~Q(state=SubmissionState.WITHDRAWN.value)),
                name="encore_submission_withdrawn_at",
            ),
            models.CheckConstraint(condition=Q(title__gt=""), name="encore_submission_title"),
        ]
        indexes = [models.Index(fields=["site", "id"], name="encore_submission_site")]

    def __str__(self) -> str:
        return self.title


class CodeAlert(models.Model):
    """A private or site-bound code that many unrelated customers used in a short time.

    Open until `settled_at`, and then with what became of it. Written by `coupons.operations.alerts`. One is
    open for each code. `since_at` and `customer_count` say what was seen; `usual_count` how many a window of
    the same length usually has.
    """

    code = models.ForeignKey(Code, models.PROTECT, related_name="alerts", verbose_name=_("code"))
    since_at = models.DateTimeField(_("counted since"))
    customer_count = models.PositiveIntegerField(_("customers"))
    usual_count = models.PositiveIntegerField(_("usual"), default=0)
    found_at = models.DateTimeField(_("found at"))
    outcome = models.CharField(
        _("what became of it"), max_length=6, choices=AlertOutcomeChoices, blank=True, default=""
    )
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("alert about a code")
        verbose_name_plural = _("alerts about codes")
        constraints = [
            models.UniqueConstraint(
                fields=["code"], condition=Q(settled_at__isnull=True), name="encore_code_alert_open"
            ),
            models.CheckConstraint(
                condition=Q(settled_at__isnull=True, outcome="")
                | Q(settled_at__isnull=False, outcome__in=[outcome.value for outcome in AlertOutcome]),
                name="encore_code_alert_outcome",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code_id}: {self.customer_count}"
