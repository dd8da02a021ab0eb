"""The inbox of purchases that a person should look at."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, column, display
from backstage.admin.pages import find_object, page_url, show_page
from commerce.models import PurchaseProblem
from commerce.operations.problems import resolve_problem
from commerce.policies.problems import SENTENCES, describe_problem

CHANGE = "encore_commerce.change_purchaseproblem"


class OpenFilter(admin.SimpleListFilter):
    """Show what is open; what is resolved on request."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("resolved", _("Resolved")), ("all", _("All"))]

    def choices(self, changelist: Any) -> Any:
        """Call the first choice by what it shows: without a word, open ones alone are listed."""
        for number, choice in enumerate(super().choices(changelist)):
            yield {**choice, "display": _("Open")} if number == 0 else choice

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "all":
            return queryset
        return queryset.filter(resolved_at__isnull=self.value() != "resolved")


class KindFilter(admin.SimpleListFilter):
    """Filter by kind, from the code: a list of what is in the table would have to read all of it."""

    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(kind), str(sentence)) for kind, (sentence, _fix) in SENTENCES.items()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(PurchaseProblem)
class PurchaseProblemAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """What was refused or left out, with what to do about it."""

    keyset = "-found_at"
    empty_text = gettext_lazy(
        "No problems to look at. Orders that cannot be stored will be here, with the fix."
    )
    list_display = (
        "sentence",
        column("channel", gettext_lazy("channel")),
        column("reference", gettext_lazy("order")),
        column("found_at", gettext_lazy("found")),
    )
    list_filter = (OpenFilter, KindFilter)
    search_fields = ("=reference",)
    search_help_text = gettext_lazy("Order number.")

    @display(description=gettext_lazy("problem"))
    def sentence(self, problem: PurchaseProblem) -> str:
        return describe_problem(problem.kind, problem.detail)[0]

    def get_urls(self) -> list[URLPattern]:
        return [page_url(self, "resolve", require_POST(self.resolve_view)), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one problem with its fix."""
        problem = find_object(self, request, object_id)
        sentence, fix, particulars = describe_problem(problem.kind, problem.detail)
        return show_page(
            self,
            request,
            obj=problem,
            template="encore/commerce/admin/problem.html",
            title=_("Order %(reference)s") % {"reference": problem.reference},
            problem=problem,
            sentence=sentence,
            fix=fix,
            particulars=particulars,
            may_change=request.user.has_perm(CHANGE),
        )

    def resolve_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a problem off the list."""
        problem = find_object(self, request, object_id)
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        if resolve_problem(problem_id=problem.pk, at=clock.now()):
            messages.success(request, _("Resolved. It comes back only if the shop sends something new."))
        else:
            messages.warning(request, _("Somebody has resolved it already."))
        return redirect("admin:encore_commerce_purchaseproblem_changelist")
