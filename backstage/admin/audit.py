"""The audit log, in sentences."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, column, display
from backstage.admin.pages import find_object, show_page
from backstage.models import AuditRecord
from backstage.registry import audit_kinds


class KindFilter(admin.SimpleListFilter):
    """Filter by deed, from the registry."""

    title = gettext_lazy("deed")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name.replace("_", " ")) for name in audit_kinds]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(AuditRecord)
class AuditRecordAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """Who did what, newest first."""

    keyset = "-at"
    empty_text = gettext_lazy(
        "Nobody has changed anything yet. Every change of a setting or a balance will be here."
    )
    list_display = (
        "sentence",
        column("at", gettext_lazy("when")),
        column("reason", gettext_lazy("reason")),
    )
    list_filter = (KindFilter,)
    search_fields = ("by_label", "object_id", "reason")
    search_help_text = gettext_lazy("Search by person, id of the object, or reason.")

    @display(description=gettext_lazy("what happened"))
    def sentence(self, record: AuditRecord) -> str:
        return tell(record)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one deed with the values before and after, and what else was done in the same action."""
        record = find_object(self, request, object_id)
        group = AuditRecord.objects.filter(group=record.group).exclude(pk=record.pk).order_by("id")[:20]
        return show_page(
            self,
            request,
            obj=record,
            template="encore/backstage/audit_record.html",
            title=tell(record),
            record=record,
            changes=compare(record.before, record.after),
            others=[(other.pk, tell(other)) for other in group],
        )


def tell(record: AuditRecord) -> str:
    """Say in one sentence who did what."""
    known = audit_kinds.get(record.kind) if record.kind in audit_kinds else None
    sentence = str(known.sentence) if known else _("%(by)s: %(kind)s, %(object)s")
    return sentence % {
        "by": record.by_label or record.by_id or record.by_kind,
        "kind": record.kind,
        "object": f"{record.object_kind.replace('_', ' ')} {record.object_id}",
        "reason": record.reason,
    }


def compare(before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    """Return (name, before, after) of every value that is in either."""
    before, after = before or {}, after or {}
    return [(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
