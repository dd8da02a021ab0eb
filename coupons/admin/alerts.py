"""Alerts about codes that spread: what was seen, and one deed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, by_staff, column, display, in_colour
from backstage.admin.pages import find_object, page_url, show_page
from backstage.policies.charts import Chart, Number, Series
from commerce.policies.segments.words import say_number
from coupons.admin.refusals import say_refusal
from coupons.models import CodeAlert, Submission
from coupons.operations.alerts import (
    AlertSettled,
    CodeNotReady,
    dismiss_alert,
    pause_leaked_code,
    resume_leaked_code,
)
from coupons.policies.states import CodeState
from coupons.queries.leaks import count_by_day

CHANGE = "encore_coupons.change_codealert"
DAYS = 14


class OpenFilter(admin.SimpleListFilter):
    """Show what nobody has settled, unless somebody asks for all."""

    title = gettext_lazy("state")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Open")), ("no", _("Settled"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[CodeAlert]) -> QuerySet[CodeAlert]:
        if self.value() in ("yes", "no"):
            return queryset.filter(settled_at__isnull=self.value() == "yes")
        return queryset


@admin.register(CodeAlert)
class CodeAlertAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """Codes that spread, and a page for each."""

    empty_text = gettext_lazy(
        "No code has spread. Private codes and those of sites are watched all the time."
    )
    list_display = (
        column("code", gettext_lazy("code")),
        "seen",
        column("found_at", gettext_lazy("found at")),
        "standing",
    )
    list_filter = (OpenFilter,)
    list_select_related = ("code",)
    search_fields = ("code__code__exact",)

    @display(description=gettext_lazy("used by"))
    def seen(self, alert: CodeAlert) -> str:
        return _say_customers(alert)

    @display(description=gettext_lazy("state"), label={"open": "danger"})
    def standing(self, alert: CodeAlert) -> Any:
        if alert.settled_at is None:
            return in_colour("open", _("Open"))
        return in_colour(alert.outcome, alert.get_outcome_display())

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of what can be done about an alert."""
        return [
            *(page_url(self, name, require_POST(self._doer(*deed))) for name, deed in _DEEDS.items()),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one alert: who has the code, how it was used day by day, and what can be done."""
        alert: CodeAlert = find_object(self, request, object_id)
        code = alert.code
        is_paused = code.state == CodeState.PAUSED
        names = ["pause", "dismiss"] if alert.settled_at is None else (["resume"] if is_paused else [])
        return show_page(
            self,
            request,
            obj=alert,
            title=str(code),
            template="encore/coupons/admin/alert.html",
            alert=alert,
            code=code,
            seen=_say_customers(alert),
            since=date_format(timezone.localtime(alert.since_at), "DATETIME_FORMAT"),
            sheet=Submission.objects.filter(code=code).select_related("site").first(),
            chart=_draw(alert),
            deeds=[(name, *_MEANINGS[name]) for name in names],
            may_change=request.user.has_perm(CHANGE),
        )

    def _doer(
        self, operate: Callable[[CodeAlert, dict[str, Any]], Any], said: Any
    ) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            alert: CodeAlert = find_object(self, request, object_id)
            if not request.user.has_perm(CHANGE):
                raise PermissionDenied
            try:
                operate(alert, {"at": clock.now(), "by": by_staff(request.user)})
                messages.success(request, said)
            except (AlertSettled, CodeNotReady) as refusal:
                messages.warning(request, say_refusal(refusal))
            return redirect(reverse("admin:encore_coupons_codealert_change", args=[alert.pk]))

        return view


_DEEDS: dict[str, tuple[Callable[[CodeAlert, dict[str, Any]], Any], Any]] = {
    "pause": (
        lambda alert, done: pause_leaked_code(alert_id=alert.pk, **done),
        gettext_lazy("The code is paused. Nobody gets the coupon by it."),
    ),
    "dismiss": (
        lambda alert, done: dismiss_alert(alert_id=alert.pk, **done),
        gettext_lazy("Noted. What was used until now is not counted again."),
    ),
    "resume": (
        lambda alert, done: resume_leaked_code(code_id=alert.code_id, **done),
        gettext_lazy("The code is good again."),
    ),
}
_MEANINGS = {
    "pause": (
        gettext_lazy("Nobody gets the coupon by this code any more, until you make it good again."),
        gettext_lazy("Pause the code"),
    ),
    "dismiss": (
        gettext_lazy("It goes on. What was used until now is not counted again."),
        gettext_lazy("It is meant to be"),
    ),
    "resume": (gettext_lazy("Whoever has the code can use it again."), gettext_lazy("Make it good again")),
}


def _say_customers(alert: CodeAlert) -> str:
    seen = ngettext(
        "%(n)s unrelated customer; usual: %(usual)s",
        "%(n)s unrelated customers; usual: %(usual)s",
        alert.customer_count,
    )
    return seen % {"n": say_number(alert.customer_count), "usual": say_number(alert.usual_count)}


def _draw(alert: CodeAlert) -> Chart:
    """Draw the orders with a code, day by day."""
    today = timezone.localdate(clock.now())
    days = [today - timedelta(days=number) for number in range(DAYS)][::-1]
    counts = count_by_day(alert.code_id, days[0])
    values: list[Number | None] = [counts.get(day, 0) for day in days]
    return Chart(
        title=_("Orders with this code"),
        subtitle=_("day by day, the last two weeks"),
        summary=_say_customers(alert),
        labels=[date_format(day, "MONTH_DAY_FORMAT") for day in days],
        series=[Series(_("Orders"), values)],
    )
