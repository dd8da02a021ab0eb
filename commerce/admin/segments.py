"""Segments: who is in, in words, and why somebody is not."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, by_staff, column, display
from backstage.admin.pages import find_object, page_url, show_page
from commerce.admin.segment_form import RowsForm, TextForm, rows_of, with_another_row, without_row
from commerce.models import Customer, Segment
from commerce.operations.segments import delete_segment, save_segment
from commerce.policies.segments import Definition, SegmentError
from commerce.queries.customers import find_customers_by_text
from commerce.queries.segments import (
    WhyNot,
    count_segment,
    describe_segment,
    list_segment,
    read_segment,
    why_not,
)
from commerce.registry import segment_conditions

EXAMPLES = 10
MOST_FOUND = 5


@admin.register(Segment)
class SegmentAdmin(KeysetModelAdmin):
    """The list of segments, a form, and a page that shows who is in."""

    keyset = "key"
    empty_text = gettext_lazy(
        "No segments yet. A segment is a group of customers, such as those who bought coffee."
    )
    list_display = (
        column("name", gettext_lazy("name")),
        "sentence",
        column("key", gettext_lazy("key")),
    )
    actions = None

    @display(description=gettext_lazy("who is in"))
    def sentence(self, segment: Segment) -> str:
        return _say(segment.conditions)

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of who is in, of the preview, and of the definition as text."""
        both = require_http_methods(["GET", "HEAD", "POST"])
        preview = path(
            "preview/",
            self.admin_site.admin_view(require_POST(self.preview_view)),
            name="encore_commerce_segment_preview",
        )
        text = path("add/text/", self.admin_site.admin_view(both(self.text_view)))
        return [
            preview,
            text,
            page_url(self, "text", both(self.text_view)),
            page_url(self, "people", require_safe(self.people_view)),
            *super().get_urls(),
        ]

    # -- putting it together ---------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Put a new segment together in sentences."""
        return self._build(request, None)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Change a segment in sentences, or as text where sentences cannot say it."""
        segment: Segment = find_object(self, request, object_id)
        if RowsForm.begin(segment.conditions) is None:
            return self.text_view(request, object_id)
        return self._build(request, segment)

    def _build(self, request: HttpRequest, segment: Segment | None) -> HttpResponse:
        self._require_right(request, segment)
        if request.method != "POST":
            rows, initial = _begin(segment)
            return self._show(request, RowsForm(rows=rows, initial=initial), segment)
        if "add" in request.POST or "drop" in request.POST:
            put_together = with_another_row if "add" in request.POST else without_row
            rows, initial = put_together(request.POST)
            return self._show(request, RowsForm(rows=rows, initial=initial), segment)
        form = RowsForm(request.POST, rows=rows_of(request.POST))
        if form.is_valid() and "save" in request.POST and self._save(request, form, segment):
            return redirect("admin:encore_commerce_segment_changelist")
        return self._show(request, form, segment)

    def text_view(self, request: HttpRequest, object_id: str = "") -> HttpResponse:
        """Show and take the definition as it is stored."""
        segment: Segment | None = find_object(self, request, object_id) if object_id else None
        self._require_right(request, segment)
        if request.method == "POST":
            form = TextForm(request.POST)
            if form.is_valid() and "save" in request.POST and self._save(request, form, segment):
                return redirect("admin:encore_commerce_segment_changelist")
        else:
            form = TextForm(initial=_begin_text(segment))
        return self._show(request, form, segment)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with who would be in by a half-written form; it saves nothing."""
        self._require_right(request, None, either=True)
        is_text = "conditions" in request.POST
        form = TextForm(request.POST) if is_text else RowsForm(request.POST, rows=rows_of(request.POST))
        shown = _preview(form) if form.is_valid() else {}
        return TemplateResponse(request, "encore/commerce/admin/segment_preview.html", shown)

    def _require_right(self, request: HttpRequest, segment: Segment | None, *, either: bool = False) -> None:
        may_add, may_change = self.has_add_permission(request), self.has_change_permission(request, segment)
        if not (may_add or may_change if either else may_change if segment else may_add):
            raise PermissionDenied

    def _save(self, request: HttpRequest, form: RowsForm | TextForm, segment: Segment | None) -> bool:
        told = {**form.read_names(), "conditions": form.cleaned_data["conditions"]}
        done: dict[str, Any] = {"at": clock.now(), "by": by_staff(request.user)}
        try:
            saved = save_segment(segment_id=segment.pk if segment else None, **told, **done)
        except SegmentError as error:
            form.take_over(error)
            return False
        messages.success(request, _("Saved: %(name)s.") % {"name": saved.name})
        return True

    def _show(self, request: HttpRequest, form: RowsForm | TextForm, segment: Segment | None) -> HttpResponse:
        is_text = isinstance(form, TextForm)
        context = {
            **self.admin_site.each_context(request),
            "title": segment.name if segment else _("A new segment"),
            "opts": self.opts,
            "list_address": reverse("admin:encore_commerce_segment_changelist"),
            "form": form,
            "segment": segment,
            "is_text": is_text,
            "can_be_rows": segment is None or RowsForm.begin(segment.conditions) is not None,
            "known": [(key, condition.label) for key, condition in segment_conditions.items()],
            "gaps": _list_gaps() if is_text else [],
            "preview_address": reverse("admin:encore_commerce_segment_preview"),
            **_preview_of(form),
        }
        status = 422 if form.is_bound and form.errors else 200
        return TemplateResponse(request, "encore/commerce/admin/segment_form.html", context, status=status)

    # -- who is in -------------------------------------------------------------------------------------------

    def people_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show how many are in, a few of them, and why somebody is not."""
        segment = find_object(self, request, object_id)
        at = clock.now()
        text = request.GET.get("q", "").strip()
        definition = read_segment(conditions=segment.conditions, allow_missing=True)
        asked = sorted(find_customers_by_text(text))[:MOST_FOUND] if text else []
        return show_page(
            self,
            request,
            obj=segment,
            template="encore/commerce/admin/segment.html",
            segment=segment,
            sentence=describe_segment(definition=definition),
            count=count_segment(definition=definition, at=at),
            counted_at=at,
            examples=list_segment(definition=definition, at=at, limit=EXAMPLES),
            text=text,
            answers=_ask(definition, asked, at),
        )

    def delete_model(self, request: HttpRequest, obj: Segment) -> None:
        delete_segment(segment_id=obj.pk, at=clock.now(), by=by_staff(request.user))


def _ask(definition: Definition, customer_ids: list[int], at: datetime) -> list[tuple[str, WhyNot]]:
    """Give each customer's name with what the conditions say of them; of two merged ones, the survivor's."""
    answers = {answer.customer_id: answer for answer in _answers(definition, customer_ids, at)}
    names = {customer.pk: str(customer) for customer in Customer.objects.filter(pk__in=answers)}
    return [(names[pk], answer) for pk, answer in answers.items()]


def _answers(definition: Definition, customer_ids: list[int], at: datetime) -> Iterator[WhyNot]:
    for customer_id in customer_ids:
        yield why_not(definition=definition, customer_id=customer_id, at=at)


def _say(conditions: Any) -> str:
    try:
        return describe_segment(definition=read_segment(conditions=conditions, allow_missing=True))
    except SegmentError as error:
        return _("Cannot be read: %(problem)s") % {"problem": error}


# -- what the pages begin with and say -----------------------------------------------------------------------


def _begin(segment: Segment | None) -> tuple[list[str], dict[str, Any]]:
    found = RowsForm.begin(segment.conditions) if segment else None
    if segment is None or found is None:
        return [], {}
    rows, initial = found
    return rows, {"name": segment.name, "key": segment.key, **initial}


def _begin_text(segment: Segment | None) -> dict[str, Any]:
    if segment is None:
        return {"conditions": {"match": "all", "conditions": []}}
    return {"name": segment.name, "key": segment.key, "conditions": segment.conditions}


def _list_gaps() -> list[tuple[str, Any, list[str]]]:
    """Name the conditions that there are, with their gaps."""
    return [
        (key, condition.label, [parameter.name for parameter in condition.parameters])
        for key, condition in segment_conditions.items()
    ]


def _preview_of(form: RowsForm | TextForm) -> dict[str, Any]:
    return _preview(form) if form.is_bound and form.is_valid() else {}


def _preview(form: RowsForm | TextForm) -> dict[str, Any]:
    """Say who would be in by what was typed."""
    definition, at = read_segment(conditions=form.cleaned_data["conditions"]), clock.now()
    return {
        "preview": {
            "sentence": describe_segment(definition=definition),
            "count": count_segment(definition=definition, at=at),
            "examples": list_segment(definition=definition, at=at, limit=EXAMPLES),
        }
    }
