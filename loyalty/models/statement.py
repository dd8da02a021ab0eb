"""What a partner owes for a month, and which entries of the ledger it was worked out from."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commerce.models import Channel
from loyalty.models.partner import Partner, PartnerPrice
from loyalty.policies.partners import StatementDeed

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class StatementDeedChoices(models.TextChoices):
    ISSUED = StatementDeed.ISSUED.value, _("Issued")
    TAKEN_BACK = StatementDeed.TAKEN_BACK.value, _("Taken back")
    REDEEMED = StatementDeed.REDEEMED.value, _("Redeemed")
    GIVEN_BACK = StatementDeed.GIVEN_BACK.value, _("Given back")


def _sum(label: "str | _StrPromise") -> models.BigIntegerField:
    return models.BigIntegerField(label, default=0)


class PartnerStatement(models.Model):
    """One partner's month, closed: it is never edited, and what comes later stands in the next one.

    Written by `loyalty.operations.statements`. An open month has no row; it is worked out when it is looked
    at. Names are kept as they were, so that an export has the same bytes whenever it is made.
    Units: points; minor units of `currency`. A positive `balance_minor` is owed by the partner.
    """

    partner = models.ForeignKey(
        Partner, models.PROTECT, related_name="statements", db_index=False, verbose_name=_("partner")
    )
    partner_name = models.CharField(_("partner's name"), max_length=80)
    month_on = models.DateField(_("month"))
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    currency = models.CharField(_("currency"), max_length=3)
    time_zone = models.CharField(_("time zone"), max_length=63)
    issued_points = _sum(_("issued"))
    taken_back_points = _sum(_("taken back"))
    redeemed_points = _sum(_("redeemed"))
    given_back_points = _sum(_("given back"))
    issued_minor = _sum(_("for points issued"))
    taken_back_minor = _sum(_("for points taken back"))
    redeemed_minor = _sum(_("for points redeemed"))
    given_back_minor = _sum(_("for points given back"))
    balance_minor = _sum(_("balance"))
    entries = models.PositiveIntegerField(_("entries"), default=0)
    closed_at = models.DateTimeField(_("closed at"))
    closed_by_kind = models.CharField(max_length=20)
    closed_by_id = models.CharField(max_length=100, blank=True, default="")
    closed_by_label = models.CharField(_("closed by"), max_length=200, blank=True, default="")
    recorded_at = models.DateTimeField(_("recorded at"))

    class Meta:
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        constraints = [
            models.UniqueConstraint(fields=["partner", "month_on"], name="encore_statement_month"),
            models.CheckConstraint(condition=Q(month_on__day=1), name="encore_statement_first_day"),
            models.CheckConstraint(
                condition=Q(
                    issued_points__gte=0,
                    taken_back_points__gte=0,
                    redeemed_points__gte=0,
                    given_back_points__gte=0,
                    issued_minor__gte=0,
                    taken_back_minor__gte=0,
                    redeemed_minor__gte=0,
                    given_back_minor__gte=0,
                ),
                name="encore_statement_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(
                    balance_minor=F("issued_minor")
                    - F("taken_back_minor")
                    - F("redeemed_minor")
                    + F("given_back_minor")
                ),
                name="encore_statement_balance",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.partner_name} {str(self.month_on)[:7]}"


class StatementLine(models.Model):
    """Points of one kind, at one channel, under one price, and what they come to: rounded here, once.

    Lines of what happened in an earlier month and was told late are apart: `is_late`.
    """

    statement = models.ForeignKey(
        PartnerStatement, models.PROTECT, related_name="lines", db_index=False, verbose_name=_("statement")
    )
    channel = models.ForeignKey(
        Channel, models.PROTECT, related_name="+", db_index=False, verbose_name=_("channel")
    )
    channel_name = models.CharField(_("channel's name"), max_length=200)
    price = models.ForeignKey(
        PartnerPrice, models.PROTECT, related_name="+", db_index=False, verbose_name=_("price")
    )
    price_minor = models.BigIntegerField(_("for 1,000 points"))
    deed = models.CharField(_("what happened"), max_length=10, choices=StatementDeedChoices)
    is_late = models.BooleanField(_("of an earlier month"))
    points = models.BigIntegerField(_("points"))
    amount_minor = models.BigIntegerField(_("amount"))
    entries = models.PositiveIntegerField(_("entries"))

    class Meta:
        verbose_name = _("line of a statement")
        verbose_name_plural = _("lines of statements")
        constraints = [
            models.UniqueConstraint(
                fields=["statement", "channel", "price", "deed", "is_late"], name="encore_statement_line"
            ),
            models.CheckConstraint(
                condition=Q(points__gt=0, amount_minor__gte=0), name="encore_statement_line_positive"
            ),
            models.CheckConstraint(
                condition=Q(deed__in=[deed.value for deed in StatementDeed]),
                name="encore_statement_line_deed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel_name}: {self.points}"


class StatementEntry(models.Model):
    """A ledger entry that a statement has settled, once and for all: `entry_id` is unique.

    So what happened in a closed month and is written later lands in the next one, and nothing is settled
    twice. No keys in the database: those to the ledger would be in its way, and checking the one to the
    statement would take longer than storing the row. `check-ledger` verifies both.
    """

    statement = models.ForeignKey(
        PartnerStatement,
        models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("statement"),
    )
    entry_id = models.BigIntegerField(_("entry"), unique=True)
    member_id = models.BigIntegerField(_("member"))
    channel_id = models.BigIntegerField(_("channel"))
    price_id = models.BigIntegerField(_("price"))
    deed = models.CharField(_("what happened"), max_length=10, choices=StatementDeedChoices)
    is_late = models.BooleanField(_("of an earlier month"))
    points = models.BigIntegerField(_("points"))

    class Meta:
        verbose_name = _("entry of a statement")
        verbose_name_plural = _("entries of statements")
        indexes = [models.Index(fields=["statement", "entry_id"], name="encore_statement_entry_of")]
        constraints = [
            models.CheckConstraint(condition=Q(points__gt=0), name="encore_statement_entry_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.points}"
