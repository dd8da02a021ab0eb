"""Statements of partners: to look at, to print, to take away as a file; nobody edits one."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, display
from backstage.admin.pages import find_object, page_url, show_page
from loyalty.admin.partner_words import chart_of, say_balance, tell_line, write_month
from loyalty.models import Entry, PartnerStatement, StatementEntry
from loyalty.queries import figures
from loyalty.queries.statements import list_lines, list_recent_statements, write_csv

ENTRIES_PER_PAGE = 100


@admin.register(PartnerStatement)
class PartnerStatementAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """The list of closed months, and a page for each."""

    empty_text = gettext_lazy("No month has been closed yet. A month is closed three days after its end.")
    list_display = ("title", "month", "issued", "redeemed", "balance")
    search_fields = ("partner_name",)

    @display(description=gettext_lazy("partner"))
    def title(self, statement: PartnerStatement) -> str:
        return statement.partner_name

    @display(description=gettext_lazy("month"))
    def month(self, statement: PartnerStatement) -> str:
        return write_month(statement.month_on)

    @display(description=gettext_lazy("issued"))
    def issued(self, statement: PartnerStatement) -> str:
        return figures.number(statement.issued_points - statement.taken_back_points)

    @display(description=gettext_lazy("redeemed"))
    def redeemed(self, statement: PartnerStatement) -> str:
        return figures.number(statement.redeemed_points - statement.given_back_points)

    @display(description=gettext_lazy("balance"))
    def balance(self, statement: PartnerStatement) -> str:
        return say_balance(statement.balance_minor, statement.currency)

    def get_urls(self) -> list[URLPattern]:
        """Add the file, and the entries that it was worked out from."""
        return [
            page_url(self, "csv", require_safe(self.csv_view)),
            page_url(self, "entries", require_safe(self.entries_view)),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one statement, as it is printed too."""
        statement: PartnerStatement = find_object(self, request, object_id)
        return show_page(
            self,
            request,
            obj=statement,
            template="encore/loyalty/admin/statement.html",
            statement=statement,
            month=write_month(statement.month_on),
            lines=[tell_line(line, statement.currency) for line in list_lines(statement)],
            balance=say_balance(statement.balance_minor, statement.currency),
            total=figures.money(statement.balance_minor, statement.currency),
            chart=chart_of(list_recent_statements(statement.partner_id)),
            closed=figures.day(statement.closed_at, statement.partner.programme.zone, now=clock.now()),
        )

    def csv_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer with the file; the same bytes each time."""
        statement: PartnerStatement = find_object(self, request, object_id)
        name = f"{statement.partner.key}-{statement.month_on:%Y-%m}.csv"
        answer = HttpResponse(write_csv(statement), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    def entries_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the ledger entries that a statement has settled, page by page."""
        statement: PartnerStatement = find_object(self, request, object_id)
        after = request.GET.get("after", "")
        begin = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
        settled = StatementEntry.objects.filter(statement=statement, entry_id__gt=begin).order_by("entry_id")
        rows = list(settled[: ENTRIES_PER_PAGE + 1])
        shown = rows[:ENTRIES_PER_PAGE]
        entries = Entry.objects.in_bulk([row.entry_id for row in shown])
        zone = statement.partner.programme.zone
        return show_page(
            self,
            request,
            obj=statement,
            template="encore/loyalty/admin/statement_entries.html",
            statement=statement,
            month=write_month(statement.month_on),
            rows=[
                (
                    row,
                    figures.day(entries[row.entry_id].occurred_at, zone, now=clock.now()),
                    figures.number(row.points),
                )
                for row in shown
                if row.entry_id in entries
            ],
            next_after=shown[-1].entry_id if len(rows) > ENTRIES_PER_PAGE else None,
            back=reverse("admin:encore_loyalty_partnerstatement_change", args=[statement.pk]),
        )
