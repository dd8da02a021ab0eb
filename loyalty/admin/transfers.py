"""Transfers and their files: to look at, to take away, and what became of each row that came in."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, by_staff, column, display
from backstage.admin.pages import find_object, page_url, show_page
from loyalty.models import IncomingTransfer, ReceivedFile, Transfer, TransferFile
from loyalty.operations.received_files import take_in_file
from loyalty.queries import figures
from loyalty.queries.outside import Tally, count_rows, list_faulty_rows, write_file

CHANGE = "encore_loyalty.change_outsideprogramme"
SHOWN_ROWS = 200


@admin.register(Transfer)
class TransferAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """What members exchange, to look at."""

    empty_text = gettext_lazy("Nobody has exchanged points yet.")
    list_display = (
        column("member", gettext_lazy("member")),
        column("outside", gettext_lazy("with")),
        column("points", gettext_lazy("points")),
        column("units", gettext_lazy("for")),
        "standing",
        column("asked_at", gettext_lazy("asked for at")),
    )
    list_select_related = ("member", "outside")
    list_filter = ("state",)

    @display(
        description=gettext_lazy("state"),
        label={"accepted": "success", "waiting": "info", "sent": "info", "reported": "danger"},
    )
    def standing(self, transfer: Transfer) -> tuple[str, str]:
        return transfer.state, transfer.get_state_display()


@admin.register(IncomingTransfer)
class IncomingTransferAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """Units that became points, to look at."""

    empty_text = gettext_lazy("No points have come in yet.")
    list_display = (
        column("member", gettext_lazy("member")),
        column("outside", gettext_lazy("from")),
        column("reference", gettext_lazy("reference")),
        column("units", gettext_lazy("their points")),
        column("points", gettext_lazy("points")),
        column("received_at", gettext_lazy("received at")),
    )
    list_select_related = ("member", "outside")
    search_fields = ("reference__exact",)


@admin.register(TransferFile)
class TransferFileAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """The files that went out, each with its bytes."""

    empty_text = gettext_lazy("No file has gone out yet. One is made each day on which somebody exchanges.")
    list_display = (
        column("outside", gettext_lazy("to")),
        column("day_on", gettext_lazy("day")),
        column("rows", gettext_lazy("transfers")),
        column("units", gettext_lazy("their points")),
    )
    list_select_related = ("outside",)

    def get_urls(self) -> list[URLPattern]:
        """Add the file itself."""
        return [page_url(self, "csv", require_safe(self.csv_view)), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one file and what became of its transfers."""
        file: TransferFile = find_object(self, request, object_id)
        rows = file.transfers.select_related("member", "account").order_by("id")[:SHOWN_ROWS]
        return show_page(
            self,
            request,
            obj=file,
            template="encore/loyalty/admin/transfer_file.html",
            file=file,
            outside=file.outside,
            day=date_format(file.day_on, "DATE_FORMAT"),
            rows=[(row, figures.number(row.points), figures.number(row.units)) for row in rows],
        )

    def csv_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer with the bytes that go out; the same each time."""
        file: TransferFile = find_object(self, request, object_id)
        name = f"{file.outside.key}-{file.day_on.isoformat()}.csv"
        answer = HttpResponse(write_file(file), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer


@admin.register(ReceivedFile)
class ReceivedFileAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """The files that came in, and what became of their rows."""

    empty_text = gettext_lazy("No file has come in yet. Read one on the page of its outside programme.")
    list_display = (
        column("name", gettext_lazy("file")),
        column("outside", gettext_lazy("from")),
        column("kind", gettext_lazy("has")),
        column("rows", gettext_lazy("rows")),
        column("received_at", gettext_lazy("received at")),
    )
    list_select_related = ("outside",)

    def get_urls(self) -> list[URLPattern]:
        """Add the progress fragment, and taking in what was only checked."""
        return [
            page_url(self, "progress", require_safe(self.progress_view)),
            page_url(self, "take-in", require_POST(self.take_in_view)),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show how far a file is, and the rows that could not be taken."""
        file: ReceivedFile = find_object(self, request, object_id)
        tally = count_rows([file.pk])[file.pk]
        return show_page(
            self,
            request,
            obj=file,
            template="encore/loyalty/admin/received_file.html",
            file=file,
            faulty=list_faulty_rows(file.pk)[:SHOWN_ROWS],
            may_take_in=file.is_dry_run and not tally.waiting and request.user.has_perm(CHANGE),
            **_tell_progress(file, tally),
        )

    def progress_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer with the progress bar alone."""
        file: ReceivedFile = find_object(self, request, object_id)
        tally = count_rows([file.pk])[file.pk]
        context = _tell_progress(file, tally)
        return render(request, "encore/loyalty/admin/received_progress.html", context)

    def take_in_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take in a file that was only checked."""
        file: ReceivedFile = find_object(self, request, object_id)
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        take_in_file(file_id=file.pk, at=clock.now(), by=by_staff(request.user))
        messages.success(request, _("It is taken in now, row by row."))
        return redirect("admin:encore_loyalty_receivedfile_change", file.pk)


def _tell_progress(file: ReceivedFile, tally: Tally) -> dict[str, Any]:
    told = {
        "taken": figures.number(tally.taken),
        "known": figures.number(tally.known),
        "faulty": figures.number(tally.faulty),
    }
    address = reverse("admin:encore_loyalty_receivedfile_progress", args=[file.pk])
    return {
        "tally": tally,
        "sentence": _("%(taken)s taken, %(known)s known already, %(faulty)s not taken") % told,
        "refresh": address if tally.waiting else "",
    }
