"""Codes: found in any spelling, looked at, and those of a batch bound, ended or made void one by one."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, by_staff, column, display, in_colour
from backstage.admin.pages import find_object, page_url, show_page
from commerce.models import Customer
from coupons.admin.batch_form import CodeForm, end_of_day
from coupons.admin.refusals import say_refusal
from coupons.models import Code
from coupons.models.codes import CodeStateChoices
from coupons.operations import batch_codes as operations
from coupons.policies.code_text import spell
from coupons.policies.states import CodeState
from coupons.queries.batches import filter_codes

CHANGE = "encore_coupons.change_code"


class BatchFilter(admin.SimpleListFilter):
    """Keep the codes of one batch, which its own page asks for; to list all batches would be too long."""

    title = gettext_lazy("batch")
    parameter_name = "batch"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = self.value()
        return [(chosen, _("this batch"))] if chosen else []

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Code]") -> "QuerySet[Code]":
        text = self.value()
        if not text:
            return queryset
        is_number = text.isascii() and text.isdigit() and len(text) < 19
        return queryset.filter(batch=int(text)) if is_number else queryset.none()


@admin.register(Code)
class CodeAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """The list of codes, which never counts them, and a page for each."""

    keyset = "pk"
    empty_text = gettext_lazy(
        "No codes yet. Make some in a batch, or give a coupon one that everybody shares."
    )
    list_display = ("as_written", column("coupon", gettext_lazy("coupon")), "of_batch", "standing", "whose")
    list_select_related = ("coupon", "batch", "customer")
    list_filter = (BatchFilter,)
    search_fields = ("code",)
    search_help_text = gettext_lazy("A code, or how it begins; case, spaces and dashes do not matter.")

    @display(description=gettext_lazy("code"))
    def as_written(self, code: Code) -> str:
        return _written(code)

    @display(description=gettext_lazy("batch"))
    def of_batch(self, code: Code) -> str:
        return code.batch.name if code.batch else "–"

    @display(
        description=gettext_lazy("state"),
        label={"ready": "success", "used": "info", "paused": "warning", "void": "danger"},
    )
    def standing(self, code: Code) -> Any:
        return in_colour(*_say_state(code))

    @display(description=gettext_lazy("only for"))
    def whose(self, code: Code) -> str:
        return str(code.customer) if code.customer else "–"

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Find a code however it is spelled, by the index."""
        return (filter_codes(queryset, search_term) if search_term else queryset), False

    def get_urls(self) -> list[URLPattern]:
        """Add what can be done with one code of a batch."""
        return [
            page_url(self, "bind", require_POST(self.bind_view)),
            page_url(self, "void", require_POST(self.void_view)),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one code."""
        return self._show(request, find_object(self, request, object_id), None)

    def _show(self, request: HttpRequest, code: Code, form: CodeForm | None) -> HttpResponse:
        is_open = code.batch_id is not None and code.state != CodeState.VOID and not code.used_count
        begun = {"customer": code.customer_id, "last_day": _last_day(code)}
        return show_page(
            self,
            request,
            obj=code,
            template="encore/coupons/admin/code.html",
            status=422 if form else 200,
            code=code,
            written=_written(code),
            state=_say_state(code)[1],
            last_day=begun["last_day"],
            form=form or CodeForm(initial=begun),
            may_change=is_open and request.user.has_perm(CHANGE),
        )

    def bind_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Bind a code to a customer and give it an end of its own, or take both back."""
        code, form = self._get_for_change(request, object_id), CodeForm(request.POST)
        if not form.is_valid():
            return self._show(request, code, form)
        done: dict[str, Any] = {"code_id": code.pk, "at": clock.now(), "by": by_staff(request.user)}
        try:
            operations.set_code_end(ends_at=end_of_day(form.cleaned_data["last_day"], code.coupon), **done)
            operations.bind_code(customer_id=form.cleaned_data["customer"], **done)
            messages.success(request, _("Saved."))
        except Customer.DoesNotExist:
            form.say_no_customer()
            return self._show(request, code, form)
        except ValidationError as error:
            form.add_error("last_day", error.messages)
            return self._show(request, code, form)
        except operations.CodeStepRefused as refusal:
            messages.warning(request, say_refusal(refusal))
        return redirect(_address(code.pk))

    def void_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make one code void."""
        code = self._get_for_change(request, object_id)
        try:
            operations.void_batch_code(code_id=code.pk, at=clock.now(), by=by_staff(request.user))
            messages.success(request, _("Void. Nobody can use this code any more."))
        except operations.CodeStepRefused as refusal:
            messages.warning(request, say_refusal(refusal))
        return redirect(_address(code.pk))

    def _get_for_change(self, request: HttpRequest, object_id: str) -> Code:
        code: Code = find_object(self, request, object_id)
        if not request.user.has_perm(CHANGE) or code.batch_id is None:
            raise PermissionDenied
        return code


def _written(code: Code) -> str:
    return spell(code.code, prefix=code.batch.prefix) if code.batch else str(code)


def _say_state(code: Code) -> tuple[str, str]:
    """Say where a code stands, by itself and by its batch; a key for its colour, and the words."""
    if code.limit_total is not None and code.used_count >= code.limit_total:
        return "used", _("Used")
    state = code.state
    if state == CodeState.READY and code.batch is not None:
        state = code.batch.state
    return state, str(CodeStateChoices(state).label)


def _last_day(code: Code) -> Any:
    if code.ends_at is None:
        return None
    return (code.ends_at.astimezone(ZoneInfo(code.coupon.time_zone)) - timedelta(microseconds=1)).date()


def _address(code_id: int) -> str:
    return reverse("admin:encore_coupons_code_change", args=[code_id])
