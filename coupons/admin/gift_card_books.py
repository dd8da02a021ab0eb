"""Movements and reservations of gift cards, for support: to look at and never to change."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, column
from coupons.models import GiftCardHold, GiftCardMovement


@admin.register(GiftCardMovement)
class GiftCardMovementAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """What was ever written about money on gift cards, newest first."""

    empty_text = gettext_lazy("Nothing has moved yet. The first gift card that is sold makes the first row.")
    list_display = (
        column("card", gettext_lazy("gift card")),
        column("move", gettext_lazy("what")),
        column("amount_minor", gettext_lazy("amount (minor units)")),
        column("reference", gettext_lazy("order number")),
        column("effective_at", gettext_lazy("effective at")),
    )
    list_select_related = ("card",)
    raw_id_fields = ("card", "hold")
    search_fields = ("reference__exact",)


@admin.register(GiftCardHold)
class GiftCardHoldAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """What orders have reserved on gift cards, newest first."""

    empty_text = gettext_lazy("Nothing has been reserved yet.")
    list_display = (
        column("card", gettext_lazy("gift card")),
        column("state", gettext_lazy("state")),
        column("amount_minor", gettext_lazy("reserved (minor units)")),
        column("reference", gettext_lazy("order number")),
        column("expires_at", gettext_lazy("reserved until")),
    )
    list_select_related = ("card",)
    raw_id_fields = ("card",)
    search_fields = ("reference__exact",)
