"""Gift cards: who has how much left, and until when."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, column
from coupons.models import GiftCard


@admin.register(GiftCard)
class GiftCardAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """Gift cards, newest first."""

    empty_text = gettext_lazy("No gift card has been sold yet.")
    list_display = (column("last_four", gettext_lazy("code ends with")),)
    raw_id_fields = ("buyer", "owner")
