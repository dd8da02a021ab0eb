"""Where the shop sells."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from commerce.models.constraints import currency_has_three_letters, is_one_of


class ChannelKind(models.TextChoices):
    WEB = "web", _("Web shop")
    STORE = "store", _("Store")
    PHONE = "phone", _("Phone")
    PARTNER = "partner", _("Partner shop")


class AsOfKind(models.TextChoices):
    SEQUENCE = "sequence", _("Number that rises with every change")
    TIME = "time", _("Time of the last change")


class Channel(models.Model):
    """One way in which the shop sells: its site, a store, the phone, a partner.

    It fixes what a snapshot leaves unsaid: the currency, the time zone, the country that a phone number
    without a prefix belongs to, and how to read `as_of`. `programmes` lists the keys of the programmes that
    its purchases feed; an empty list means every one. Written by
    `commerce.operations.channels`.

    The keys are plain text and not rows of `loyalty`, because a shop may use `commerce` without a programme.
    """

    key = models.SlugField(_("key"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=10, choices=ChannelKind)
    time_zone = models.CharField(_("time zone"), max_length=60)
    currency = models.CharField(_("currency"), max_length=3)
    country = models.CharField(_("country"), max_length=2, blank=True, default="")
    as_of_kind = models.CharField(_("how its orders say their age"), max_length=10, choices=AsOfKind)
    programmes = models.JSONField(_("programmes"), default=list, blank=True)
    created_at = models.DateTimeField(_("opened at"))

    class Meta:
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        constraints = [
            currency_has_three_letters("encore_channel_currency"),
            is_one_of("encore_channel_kind", "kind", ChannelKind.values),
            is_one_of("encore_channel_as_of_kind", "as_of_kind", AsOfKind.values),
        ]

    def __str__(self) -> str:
        return self.name
