"""The ledger as it is, for support: to look at and never to change."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, display
from loyalty.models import Award, Entry, Hold, Lot, Movement, PointsAccount
from loyalty.queries.staff import find_members


class LedgerAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """Rows of the ledger, newest first.

    A search names a member in any way that the list of members knows; the number of a row is searched with a
    hash before it, since it would be taken for a card or an order otherwise.
    """

    search_fields = ("pk",)
    search_help_text = gettext_lazy("Whose: name, e-mail, phone, card or order number. Or #id of the row.")
    list_select_related: tuple[str, ...] = ("member",)
    # What a row points at is shown by its number: a list to choose from would read every row there is.
    raw_id_fields: tuple[str, ...] = ("member",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if text.startswith("#") and text[1:].isdigit() and len(text) < 19:
            return queryset.filter(pk=int(text[1:])), False
        return (queryset.filter(member_id__in=find_members(text)) if text else queryset), False


@admin.register(PointsAccount)
class PointsAccountAdmin(LedgerAdmin):
    """The sums as they were last written; what time has decided since is in the member's page."""

    empty_text = gettext_lazy("No accounts yet. Every member gets one on joining.")
    list_display = ("member", "pending", "available", "held", "redeemed", "expired", "revoked", "debt")


@admin.register(Lot)
class LotAdmin(LedgerAdmin):
    """Points granted together, and what has become of them."""

    empty_text = gettext_lazy("No points were granted yet. The first order or gift makes the first lot.")
    list_display = (
        "id",
        "member",
        "issued",
        "pending",
        "available",
        "held",
        "redeemed",
        "expired",
        "revoked",
        "releases_at",
        "expires_at",
    )


@admin.register(Entry)
class EntryAdmin(LedgerAdmin):
    """What happened, as it was written once."""

    empty_text = gettext_lazy("The ledger is empty. The first order or gift writes the first entry.")
    list_display = (
        "id",
        "member",
        "kind_label",
        "reason",
        "occurred_at",
        "recorded_at",
        "by_kind",
        "debt_change",
    )
    list_filter = ("kind",)

    @display(description=gettext_lazy("kind"))
    def kind_label(self, entry: Entry) -> str:
        return entry.get_kind_display()


@admin.register(Movement)
class MovementAdmin(LedgerAdmin):
    """Points of one lot going from one state to another."""

    empty_text = gettext_lazy("Nothing has moved yet.")
    list_display = ("id", "member", "entry_id", "lot_id", "points", "from_state", "to_state", "effective_at")
    list_filter = ("from_state", "to_state")


@admin.register(Hold)
class HoldAdmin(LedgerAdmin):
    """Points reserved for a basket."""

    empty_text = gettext_lazy("Nothing was reserved yet. A basket that pays with points reserves them first.")
    list_display = ("id", "member", "points", "reference", "state", "expires_at")
    list_filter = ("state",)


@admin.register(Award)
class AwardAdmin(LedgerAdmin):
    """What each purchase earned and under which facts."""

    empty_text = gettext_lazy("No order was awarded yet. Orders are looked at within a minute.")
    list_display = ("purchase", "member", "earned_points", "standing_points", "reason", "applied_revision")
    list_select_related = ("member", "purchase")
    raw_id_fields = ("member", "purchase")
