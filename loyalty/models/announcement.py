"""What members are told before it holds."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.plans import Plan
from loyalty.models.programme import ProductGroup, Programme
from loyalty.policies.changes.subjects import Subject


class SubjectChoices(models.TextChoices):
    RULE = Subject.RULE.value, _("What an order gives")
    TERMS = Subject.TERMS.value, _("When points are ready and when they end")
    SETTINGS = Subject.SETTINGS.value, _("What points are worth, and settings")
    TEXT = Subject.TEXT.value, _("The terms of the club")
    CLOSING = Subject.CLOSING.value, _("The end of the club")
    LEVELS = Subject.LEVELS.value, _("Levels")
    PLAN = Subject.PLAN.value, _("Plan")


class Announcement(models.Model):
    """A change of a programme that members are told of before it holds.

    Announced at `announced_at`, it holds from `starts_at` on, unless it was called off before, at
    `cancelled_at`. `changes` has, for each field that changes, the value of before and of then; sentences are
    made of them for whoever reads, in their language. `lowers` names what it takes away. Written by
    `loyalty.operations.changes`. The change itself is a version, or the coming settings, of the programme:
    this row is what was said about it, for pages and letters.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="announcements", verbose_name=_("programme")
    )
    subject = models.CharField(_("about"), max_length=8, choices=SubjectChoices)
    product_group = models.ForeignKey(
        ProductGroup,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("product group"),
    )
    plan = models.ForeignKey(
        Plan, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("plan")
    )
    changes = models.JSONField(_("what changes"))
    lowers = models.JSONField(_("what it takes away"), default=list, blank=True)
    announced_at = models.DateTimeField(_("announced at"))
    starts_at = models.DateTimeField(_("holds from"))
    cancelled_at = models.DateTimeField(_("called off at"), null=True, blank=True)

    class Meta:
        verbose_name = _("announcement")
        verbose_name_plural = _("announcements")
        constraints = [
            models.CheckConstraint(
                condition=Q(subject__in=[subject.value for subject in Subject]),
                name="encore_announcement_subject",
            ),
            models.CheckConstraint(
                condition=Q(subject=Subject.PLAN.value, plan__isnull=False)
                | (~Q(subject=Subject.PLAN.value) & Q(plan__isnull=True)),
                name="encore_announcement_plan",
            ),
            models.CheckConstraint(
                condition=Q(starts_at__gte=F("announced_at")), name="encore_announcement_before_it_holds"
            ),
            models.CheckConstraint(
                condition=Q(cancelled_at__isnull=True) | Q(cancelled_at__lt=F("starts_at")),
                name="encore_announcement_cancelled_before",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.starts_at:%Y-%m-%d}"

    @property
    def goods(self) -> str:
        """What of the programme it is about, where that is only a part: a product group, or a plan."""
        return str(self.product_group or self.plan or "")
