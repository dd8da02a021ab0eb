"""Customers and those who may be one person."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, by_staff, column, display
from backstage.admin.pages import find_object, page_url, show_page
from commerce.admin.problems import OpenFilter
from commerce.models import Customer, Identity, PossibleDuplicate, Purchase
from commerce.operations.customers import CustomerError, dismiss_duplicate, merge_customers
from commerce.queries.customers import find_customers_by_text, list_merged
from commerce.registry import MergeRefusedError, customer_page_sections, find_page_sections

CHANGE = "encore_commerce.change_customer"
ORDERS_SHOWN = 20


@admin.register(Customer)
class CustomerAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """Everybody the shop sold to, and a page for each."""

    empty_text = gettext_lazy("No customers yet. They come with the first order that names one.")
    list_display = (
        "label",
        column("place", gettext_lazy("place")),
        column("country", gettext_lazy("country")),
        "state",
        column("created_at", gettext_lazy("known since")),
    )
    search_fields = ("name",)
    search_help_text = gettext_lazy("Name, e-mail, phone in any spelling or order number.")

    @display(description=gettext_lazy("name"))
    def label(self, customer: Customer) -> str:
        return str(customer)

    @display(description=gettext_lazy("state"))
    def state(self, customer: Customer) -> str:
        if customer.erased_at:
            return _("erased")
        return _("merged") if customer.merged_into_id else ""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Customer], search_term: str
    ) -> tuple[QuerySet[Customer], bool]:
        text = search_term.strip()
        return (queryset.filter(pk__in=find_customers_by_text(text)) if text else queryset), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one customer: how they are known, what they bought, and what upper apps say."""
        customer = find_object(self, request, object_id)
        family = list_merged(customer_id=customer.pk)
        identities = Identity.objects.filter(customer_id__in=family).order_by("kind", "pk")
        bought = Purchase.objects.filter(customer_id__in=family).select_related("channel")
        doubts = PossibleDuplicate.objects.filter(
            Q(customer=customer) | Q(other=customer), resolved_at__isnull=True
        )
        return show_page(
            self,
            request,
            obj=customer,
            template="encore/commerce/admin/customer.html",
            customer=customer,
            identities=list(identities),
            purchases=list(bought.order_by("-placed_at", "-pk")[:ORDERS_SHOWN]),
            merged=list(Customer.objects.filter(merged_into=customer).order_by("pk")),
            doubts=list(doubts.order_by("pk")),
            sections=find_page_sections(customer_page_sections, customer.pk),
        )


@admin.register(PossibleDuplicate)
class PossibleDuplicateAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """Pairs to decide: one person, or two."""

    keyset = "-found_at"
    empty_text = gettext_lazy("Nobody to compare. Two customers whom one order names together will be here.")
    list_display = (
        "pair",
        column("reason", gettext_lazy("reason")),
        column("found_at", gettext_lazy("found")),
        column("outcome", gettext_lazy("outcome")),
    )
    list_filter = (OpenFilter,)
    list_select_related = ("customer", "other")

    @display(description=gettext_lazy("one person?"))
    def pair(self, duplicate: PossibleDuplicate) -> str:
        return f"{duplicate.customer} / {duplicate.other}"

    def get_urls(self) -> list[URLPattern]:
        return [page_url(self, "decide", require_POST(self.decide_view)), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show both side by side."""
        return self._show(request, find_object(self, request, object_id))

    def decide_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Merge the pair one way or the other, or note that they are two people."""
        duplicate = find_object(self, request, object_id)
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        ids = (duplicate.customer_id, duplicate.other_id)
        ways = {"keep_first": (ids[1], ids[0]), "keep_second": ids}
        decision = request.POST.get("decision", "")
        if decision not in (*ways, "different"):
            raise Http404
        try:
            if decision == "different":
                dismiss_duplicate(duplicate_id=duplicate.pk, at=clock.now())
                messages.success(request, _("Noted: they are two people."))
            else:
                source, target = ways[decision]
                merge_customers(source=source, target=target, by=by_staff(request.user), at=clock.now())
                messages.success(request, _("Merged. It can be taken apart again on the member's page."))
        except (CustomerError, MergeRefusedError) as refusal:
            return self._show(request, duplicate, error=str(refusal), status=409)
        return redirect("admin:encore_commerce_possibleduplicate_changelist")

    def _show(
        self, request: HttpRequest, duplicate: PossibleDuplicate, *, error: str = "", status: int = 200
    ) -> HttpResponse:
        pair = (duplicate.customer, duplicate.other)
        return show_page(
            self,
            request,
            obj=duplicate,
            template="encore/commerce/admin/duplicate.html",
            status=status,
            title=_("One person, or two?"),
            duplicate=duplicate,
            sides=[_read_side(customer) for customer in pair],
            may_change=request.user.has_perm(CHANGE),
            error=error,
        )


def _read_side(customer: Customer) -> dict[str, Any]:
    family = list_merged(customer_id=customer.pk)
    newest = Purchase.objects.filter(customer_id__in=family).order_by("-placed_at").first()
    return {
        "customer": customer,
        "address": reverse("admin:encore_commerce_customer_change", args=[customer.pk]),
        "identities": list(Identity.objects.filter(customer_id__in=family).order_by("kind", "pk")),
        "newest": newest,
    }
