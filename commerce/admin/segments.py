"""Segments: who is in, in words, and why somebody is not."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, by_staff, column, display
from backstage.admin.pages import find_object, page_url, show_page
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


class ConditionsField(forms.JSONField):
    """Conditions as they are written down, told field by field what is wrong with them."""

    widget = forms.Textarea(attrs={"rows": 12, "spellcheck": "false", "class": "enc-code"})

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)

    def clean(self, value: Any) -> Any:
        conditions = super().clean(value)
        try:
            read_segment(conditions=conditions)
        except SegmentError as error:
            raise forms.ValidationError(
                [f"{problem.path}: {problem.message}" for problem in error.problems]
            ) from error
        return conditions


class SegmentForm(forms.ModelForm):
    """A name, and the conditions."""

    conditions = ConditionsField(
        label=gettext_lazy("Conditions"),
        initial={"match": "all", "conditions": []},
        help_text=gettext_lazy(
            'Such as {"match": "all", "conditions": [{"condition": "orders", "with": {"at_least": 3}}]}'
        ),
    )

    class Meta:
        model = Segment
        fields = ("name", "key", "conditions")
        labels = {"name": gettext_lazy("Name"), "key": gettext_lazy("Key")}


@admin.register(Segment)
class SegmentAdmin(KeysetModelAdmin):
    """The list of segments, a form, and a page that shows who is in."""

    keyset = "key"
    form = SegmentForm
    change_form_template = "encore/commerce/admin/segment_form.html"
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
        return [page_url(self, "people", require_safe(self.people_view)), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return super().change_view(request, object_id, form_url, self._with_words(extra_context))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return super().add_view(request, form_url, self._with_words(extra_context))

    def _with_words(self, context: Any) -> dict[str, Any]:
        """Name the conditions that there are, with their gaps."""
        known = [
            (key, condition.label, [parameter.name for parameter in condition.parameters])
            for key, condition in segment_conditions.items()
        ]
        return {**(context or {}), "known_conditions": known}

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

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form again where somebody took the key between the look at it and the saving."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except SegmentError as error:
            messages.error(request, str(error))
            return redirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        told = {"at": clock.now(), "by": by_staff(request.user), **form.cleaned_data}
        obj.pk = save_segment(segment_id=obj.pk if change else None, **told).pk

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
