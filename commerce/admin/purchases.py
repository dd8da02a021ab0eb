"""Purchases as the shop last described them, with what upper apps say about each."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, column, display
from backstage.admin.pages import find_object, show_page
from commerce.models import Channel, Purchase, PurchaseLine, PurchaseProblem, Return, Tender
from commerce.policies.problems import describe_problem
from commerce.policies.segments.words import say_money
from commerce.queries.customers import find_customers_by_text
from commerce.registry import find_page_sections, purchase_page_sections

MOST_SHOWN = 200


class ChannelFilter(admin.SimpleListFilter):
    """Filter by channel; Django's own would join for every list."""

    title = gettext_lazy("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(pk), name) for pk, name in Channel.objects.order_by("key").values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value() or ""
        return queryset.filter(channel_id=int(value)) if value.isdigit() and len(value) < 19 else queryset


@admin.register(Purchase)
class PurchaseAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """The list of purchases, newest first, and a page for each."""

    keyset = "-placed_at"
    empty_text = gettext_lazy("No orders yet. They appear as the shop sends them, or with an import.")
    list_display = (
        column("reference", gettext_lazy("order")),
        "who",
        column("channel", gettext_lazy("channel")),
        column("status", gettext_lazy("state")),
        column("placed_at", gettext_lazy("placed")),
    )
    list_filter = (ChannelFilter, "status")
    list_select_related = ("channel", "customer")
    search_fields = ("reference",)
    search_help_text = gettext_lazy("Order number, or the customer's name, e-mail or phone.")

    @display(description=gettext_lazy("customer"))
    def who(self, purchase: Purchase) -> str:
        return str(purchase.customer) if purchase.customer else _("Guest")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Purchase], search_term: str
    ) -> tuple[QuerySet[Purchase], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        # The unique index leads with the channel; naming every channel lets it be used.
        channels = list(Channel.objects.values_list("pk", flat=True))
        named = Purchase.objects.filter(channel_id__in=channels, reference=text).values_list("pk", flat=True)
        ids = list(named)
        if ids:
            return queryset.filter(pk__in=ids), False
        return queryset.filter(customer_id__in=find_customers_by_text(text)), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one purchase: lines, how it was paid, what came back, and what is wrong with it."""
        purchase = find_object(self, request, object_id)
        lines = list(PurchaseLine.objects.filter(purchase=purchase).order_by("pk")[:MOST_SHOWN])
        currency = purchase.currency
        return show_page(
            self,
            request,
            obj=purchase,
            template="encore/commerce/admin/purchase.html",
            title=_("Order %(reference)s") % {"reference": purchase.reference},
            purchase=purchase,
            total=say_money(sum(line.sold_minor for line in lines), currency),
            lines=[_read_line(line, currency) for line in lines],
            tenders=[
                (row.get_kind_display(), say_money(row.amount_minor, currency))
                for row in Tender.objects.filter(purchase=purchase).order_by("pk")
            ],
            refunded=say_money(purchase.refunded_minor, currency) if purchase.refunded_minor else "",
            returns=[
                (
                    row.returned_at,
                    row.line_key,
                    row.quantity.normalize(),
                    say_money(row.amount_minor, currency),
                )
                for row in Return.objects.filter(purchase=purchase).order_by("pk")[:MOST_SHOWN]
            ],
            problems=[
                (problem, *describe_problem(problem.kind, problem.detail))
                for problem in PurchaseProblem.objects.filter(purchase=purchase).order_by("-pk")[:MOST_SHOWN]
            ],
            sections=find_page_sections(purchase_page_sections, purchase.pk),
        )


def _read_line(line: PurchaseLine, currency: str) -> dict[str, Any]:
    returned = line.returned_quantity
    return {
        "name": line.name or line.sku or line.key,
        "sku": line.sku,
        "quantity": f"{line.quantity.normalize():f}",
        "sold": say_money(line.sold_minor, currency),
        "returned": f"{returned.normalize():f}" if returned else "",
        "returned_money": "" if line.returned_minor is None else say_money(line.returned_minor, currency),
        "is_goods": line.is_goods,
    }
