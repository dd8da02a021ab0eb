"""Partner shops of a programme: their channels by period, and what was agreed to pay for points."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commerce.models import Channel
from loyalty.models.programme import Programme
from loyalty.policies.partners import MOST_PRICE_MINOR


class Partner(models.Model):
    """A shop of somebody else whose customers earn and use the programme's points: open until `ended_at`.

    Written by `loyalty.operations.partners`. What it sells through and what was agreed is in `PartnerChannel`
    and `PartnerPrice`, by periods, because a month may be settled long after it.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name=_("programme")
    )
    key = models.SlugField(_("key"), max_length=40, db_index=False)
    name = models.CharField(_("name"), max_length=80)
    contact = models.CharField(_("whom to write to"), max_length=200, blank=True, default="")
    created_at = models.DateTimeField(_("created at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("partner")
        verbose_name_plural = _("partners")
        constraints = [
            models.UniqueConstraint(fields=["programme", "key"], name="encore_partner_key"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("created_at")),
                name="encore_partner_ended",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PartnerChannel(models.Model):
    """A channel that belongs to a partner in [starts_at, ends_at); the open one has no end.

    A channel has one owner at a time in a programme: one open row by constraint, earlier ones under the
    programme's lock and by a law of `check-ledger`, since exclusion constraints are PostgreSQL's alone.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name=_("programme")
    )
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="channels", verbose_name=_("partner"))
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+", verbose_name=_("channel"))
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)

    class Meta:
        verbose_name = _("partner's channel")
        verbose_name_plural = _("partners' channels")
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "channel"],
                condition=Q(ends_at__isnull=True),
                name="encore_partner_channel_one_open",
            ),
            models.UniqueConstraint(
                fields=["programme", "channel", "starts_at"],
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
                name="encore_partner_channel_start",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")),
                name="encore_partner_channel_period",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.starts_at:%Y-%m-%d}"


class PartnerPrice(models.Model):
    """What was agreed for 1,000 points in [starts_at, ends_at): a version, never edited.

    Units: minor units of the programme's currency. `issued_minor` is what the partner pays for points that
    its channels give, `redeemed_minor` what the partner is paid for points used there. One that ends as it
    starts was called off before it ran.
    """

    partner = models.ForeignKey(
        Partner, models.PROTECT, related_name="prices", db_index=False, verbose_name=_("partner")
    )
    number = models.PositiveIntegerField(_("version"))
    issued_minor = models.BigIntegerField(
        _("for 1,000 points issued"), validators=[MaxValueValidator(MOST_PRICE_MINOR)]
    )
    redeemed_minor = models.BigIntegerField(
        _("for 1,000 points redeemed"), validators=[MaxValueValidator(MOST_PRICE_MINOR)]
    )
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)

    class Meta:
        verbose_name = _("partner's price")
        verbose_name_plural = _("partners' prices")
        constraints = [
            models.UniqueConstraint(fields=["partner", "number"], name="encore_partner_price_version"),
            models.UniqueConstraint(
                fields=["partner"], condition=Q(ends_at__isnull=True), name="encore_partner_price_one_open"
            ),
            models.CheckConstraint(
                condition=Q(issued_minor__gte=0, redeemed_minor__gte=0), name="encore_partner_price_amounts"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")),
                name="encore_partner_price_period",
            ),
        ]

    def __str__(self) -> str:
        return _("version %(number)s") % {"number": self.number}
