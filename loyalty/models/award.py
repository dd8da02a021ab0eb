"""What one purchase earned in one programme."""

from django.db import models
from django.db.models import Q, Value
from django.utils.translation import gettext_lazy as _

from commerce.models import Purchase
from loyalty.models.member import Member
from loyalty.models.programme import Programme


class Award(models.Model):
    """What a purchase earned in a programme, what of it still stands, and under which frozen facts.

    Written by `loyalty.operations.awards`, which brings it up to date whenever `Purchase.revision` has moved
    past `applied_revision`. `facts` holds, per member id that was ever attached, the rule versions and the
    eligibility decided then; they are used again on re-attachment and never replaced. `lines` holds, per line
    key, points earned, points standing and the id of the terms; `extras`, per campaign id, the points that it
    added and those that still stand, which its budget and caps have paid for; `plan_points` how many of what
    still stands are there because the member had paid for a plan. `posts` numbers the ledger keys
    `purchase:<id>:<n>`; `waits_for` names the facts (payment, delivery) that some lots still wait for.
    `reason` says why nothing was earned, in a code.
    """

    # The unique constraint leads with the purchase, and every question names one: no index of their own.
    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name=_("programme")
    )
    purchase = models.ForeignKey(
        Purchase, models.PROTECT, related_name="+", db_index=False, verbose_name=_("purchase")
    )
    member = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="awards", verbose_name=_("member")
    )
    facts = models.JSONField(_("frozen facts"), default=dict)
    lines = models.JSONField(_("lines"), default=dict)
    extras = models.JSONField(_("from campaigns"), default=dict, db_default=Value({}, models.JSONField()))
    earned_points = models.BigIntegerField(_("earned"), default=0)
    standing_points = models.BigIntegerField(_("standing"), default=0)
    applied_revision = models.PositiveIntegerField(_("applied revision"), default=0)
    posts = models.PositiveIntegerField(_("postings"), default=0)
    waits_for = models.JSONField(_("waits for"), default=list)
    plan_points = models.BigIntegerField(_("from a plan"), default=0, db_default=0)
    reason = models.CharField(_("why nothing"), max_length=24, default="", blank=True)

    class Meta:
        verbose_name = _("award")
        verbose_name_plural = _("awards")
        constraints = [
            models.UniqueConstraint(fields=["purchase", "programme"], name="encore_award_once"),
            models.CheckConstraint(
                condition=Q(standing_points__gte=0, earned_points__gte=models.F("standing_points")),
                name="encore_award_standing",
            ),
            models.CheckConstraint(
                condition=Q(plan_points__gte=0, plan_points__lte=models.F("standing_points")),
                name="encore_award_plan_points",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purchase_id}: {self.standing_points}"
