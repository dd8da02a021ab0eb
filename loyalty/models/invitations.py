"""Who is asked to join: lists of invitations, each invitation, and guests who came with somebody's link."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commerce.models import Customer
from loyalty.models.member import Member
from loyalty.models.programme import Programme
from loyalty.policies.invitations import ListState

MOST_DAYS = 366
MOST_GUESTS = 20


class ListStateChoices(models.TextChoices):
    DRAFT = ListState.DRAFT.value, _("Draft")
    ON = ListState.ON.value, _("Switched on")
    PAUSED = ListState.PAUSED.value, _("Paused")
    ENDED = ListState.ENDED.value, _("Ended")


class InvitationList(models.Model):
    """Customers of one segment who are asked to join, with what they read.

    States: `ListState`. Written by `loyalty.operations.invitation_lists`; only a draft is edited. A snapshot
    invites whoever is in the segment when it is switched on, a living list also those who come to fit later.
    `conditions` are the segment's, frozen at that moment: whoever edits the segment afterwards changes no
    promise, and a segment that is deleted takes nothing along. `asked_at` is when the segment was last asked.
    Units: `valid_days` whole local days; `guests` others who may join with the same link.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="invitation_lists", verbose_name=_("programme")
    )
    name = models.CharField(_("name"), max_length=80)
    segment_id = models.BigIntegerField(_("segment"))
    conditions = models.JSONField(_("conditions"), default=dict, blank=True, editable=False)
    is_living = models.BooleanField(_("also invites those who come to fit later"), default=False)
    valid_days = models.PositiveSmallIntegerField(
        _("days that an invitation is good for"),
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_DAYS)],
    )
    guests = models.PositiveSmallIntegerField(
        _("so many others may join with the same link"),
        default=0,
        validators=[MaxValueValidator(MOST_GUESTS)],
    )
    greeting = models.JSONField(_("greeting"), default=dict, blank=True)
    text = models.JSONField(_("text"), default=dict, blank=True)
    state = models.CharField(
        _("state"), max_length=8, choices=ListStateChoices, default=ListStateChoices.DRAFT
    )
    begun_at = models.DateTimeField(_("switched on at"), null=True, blank=True)
    asked_at = models.DateTimeField(_("segment asked at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("invitation list")
        verbose_name_plural = _("invitation lists")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in ListState]),
                name="encore_invitation_list_state",
            ),
            models.CheckConstraint(
                condition=Q(state=ListState.DRAFT.value, begun_at__isnull=True)
                | (~Q(state=ListState.DRAFT.value) & Q(begun_at__isnull=False)),
                name="encore_invitation_list_begun",
            ),
            models.CheckConstraint(
                condition=Q(valid_days__range=(1, MOST_DAYS), guests__lte=MOST_GUESTS),
                name="encore_invitation_list_limits",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Invitation(models.Model):
    """One customer asked to join by one list.

    Waiting until `sent_at`, then open until `expires_at`; used once `member` has joined with it, or
    withdrawn. Written by `loyalty.operations.invitations` and `loyalty.operations.admission`. Its link is a
    signature over its id and is stored nowhere, so that nobody who reads the table can join with it. `guests`
    is the list's number, kept here for the constraint that holds `guests_joined` below it.
    """

    invitation_list = models.ForeignKey(
        InvitationList,
        models.PROTECT,
        related_name="invitations",
        db_index=False,
        verbose_name=_("invitation list"),
    )
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", verbose_name=_("customer"))
    created_at = models.DateTimeField(_("chosen at"))
    sent_at = models.DateTimeField(_("invited at"), null=True, blank=True)
    expires_at = models.DateTimeField(_("good until"), null=True, blank=True)
    opened_at = models.DateTimeField(_("opened at"), null=True, blank=True)
    member = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="invitations", verbose_name=_("member")
    )
    joined_at = models.DateTimeField(_("joined at"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    guests = models.PositiveSmallIntegerField(_("others who may join"), default=0)
    guests_joined = models.PositiveSmallIntegerField(_("others who joined"), default=0, db_default=0)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.UniqueConstraint(fields=["invitation_list", "customer"], name="encore_invitation_once"),
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True, expires_at__isnull=True)
                | Q(sent_at__isnull=False, expires_at__isnull=False, expires_at__gt=F("sent_at")),
                name="encore_invitation_expires",
            ),
            models.CheckConstraint(
                condition=Q(member__isnull=True, joined_at__isnull=True)
                | Q(member__isnull=False, joined_at__isnull=False, sent_at__isnull=False),
                name="encore_invitation_joined",
            ),
            models.CheckConstraint(
                condition=Q(opened_at__isnull=True) | Q(sent_at__isnull=False),
                name="encore_invitation_opened",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(member__isnull=True),
                name="encore_invitation_withdrawn",
            ),
            models.CheckConstraint(
                condition=Q(guests_joined__lte=F("guests")), name="encore_invitation_guests"
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(sent_at__isnull=True, withdrawn_at__isnull=True),
                name="encore_invitation_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class InvitationGuest(models.Model):
    """A member who joined with a link that somebody passed on. Written by `loyalty.operations.admission`."""

    invitation = models.ForeignKey(
        Invitation, models.PROTECT, related_name="guests_in", verbose_name=_("invitation")
    )
    member = models.OneToOneField(Member, models.PROTECT, related_name="+", verbose_name=_("member"))
    joined_at = models.DateTimeField(_("joined at"))

    class Meta:
        verbose_name = _("guest of an invitation")
        verbose_name_plural = _("guests of invitations")

    def __str__(self) -> str:
        return f"#{self.pk}"
