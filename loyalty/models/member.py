"""Members and the terms that they accept."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commerce.models import Customer
from loyalty.models.programme import Programme
from loyalty.policies.programme import MemberState


class TermsVersion(models.Model):
    """The club's terms as they stood from a date on. Never edited; members accept a version."""

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="terms_versions", db_index=False, verbose_name=_("programme")
    )
    number = models.PositiveIntegerField(_("number"))
    text = models.TextField(_("text"))
    starts_at = models.DateTimeField(_("starts at"))

    class Meta:
        verbose_name = _("terms")
        verbose_name_plural = _("terms")
        constraints = [models.UniqueConstraint(fields=["programme", "number"], name="encore_terms_number")]

    def __str__(self) -> str:
        return _("terms %(number)s") % {"number": self.number}


class MemberStateChoices(models.TextChoices):
    ACTIVE = MemberState.ACTIVE.value, _("Active")
    PAUSED = MemberState.PAUSED.value, _("Paused")
    LEFT = MemberState.LEFT.value, _("Left")
    ERASED = MemberState.ERASED.value, _("Erased")


class Member(models.Model):
    """One customer in one programme.

    States: `MemberState`; leaving can be undone for 14 days. Written by `loyalty.operations.members`.
    Why not a column on the customer: one customer may be in two programmes, and a shop may use commerce
    without loyalty.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="members", db_index=False, verbose_name=_("programme")
    )
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", verbose_name=_("customer"))
    number = models.CharField(_("card number"), max_length=12, unique=True)
    state = models.CharField(
        _("state"), max_length=8, choices=MemberStateChoices, default=MemberStateChoices.ACTIVE
    )
    joined_at = models.DateTimeField(_("joined at"))
    joined_by_request = models.BooleanField(_("asked to join"), default=True)
    joined_with = models.BigIntegerField(_("purchase that led to joining"), null=True, blank=True)
    left_at = models.DateTimeField(_("left at"), null=True, blank=True)
    terms = models.ForeignKey(
        TermsVersion,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("accepted terms"),
    )
    terms_accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    merged_into = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="merged_members",
        verbose_name=_("merged into"),
    )

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        permissions = [("adjust_points", "Can give and take points by hand")]
        constraints = [
            models.UniqueConstraint(fields=["programme", "customer"], name="encore_member_once"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in MemberState]), name="encore_member_state"
            ),
            models.CheckConstraint(
                condition=Q(left_at__isnull=False) | ~Q(state=MemberState.LEFT.value),
                name="encore_member_left_at",
            ),
            models.CheckConstraint(
                condition=Q(terms__isnull=True, terms_accepted_at__isnull=True)
                | Q(terms__isnull=False, terms_accepted_at__isnull=False),
                name="encore_member_terms_pair",
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=models.F("id")),
                name="encore_member_not_into_itself",
            ),
        ]

    def __str__(self) -> str:
        return self.number
