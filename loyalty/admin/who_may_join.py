"""Who may join: the curve of the revenue, the best customers beside all others, and whom to invite."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage import clock
from backstage.admin.base import by_staff
from commerce.models import Segment
from commerce.operations.segments import save_segment
from commerce.policies.revenue_curve import RevenueCurve, propose
from commerce.policies.segments import Period, SegmentError
from commerce.queries.portrait import get_portrait
from commerce.queries.revenue_curve import get_revenue_curve
from loyalty.admin.who_view import describe_portrait, draw_curve, say_best, say_proposal
from loyalty.models import Programme
from loyalty.models.programme import AdmissionChoices
from loyalty.operations.programme import change_settings
from loyalty.policies.programme import Admission

MONTHS = ((12, gettext_lazy("12 months")), (24, gettext_lazy("24 months")), (36, gettext_lazy("36 months")))
# Above that many customers a portrait takes seconds, so it is drawn when asked for and not while typing.
MOST_DRAWN_UNASKED = 50_000
CHANGE_PROGRAMME = "encore_loyalty.change_programme"


class BestForm(forms.Form):
    """How many of the best, in which time."""

    template_name = "encore/backstage/fields.html"

    months = forms.TypedChoiceField(
        label=gettext_lazy("By what they bought in the last"), choices=MONTHS, coerce=int
    )
    percent = forms.IntegerField(
        label=gettext_lazy("Look at the best so many per cent"), min_value=1, max_value=100
    )


def answer(model_admin: Any, request: HttpRequest, programme: Programme) -> HttpResponse:
    """Show the page; on a POST, say whom the programme takes, or make a segment of the best."""
    if request.method == "POST" and "admission" in request.POST:
        return _change_admission(request, programme)
    if request.method == "POST" and "make" in request.POST:
        return _make_segment(request, programme)
    asked = request.POST if request.method == "POST" else request.GET
    months = _read_months(asked.get("months", ""))
    curve = _curve(programme, months)
    proposal = propose(curve)
    form = BestForm({"months": months, "percent": asked.get("percent") or proposal.percent or 1})
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Who may join"),
        "opts": model_admin.opts,
        "list_address": reverse("admin:encore_loyalty_invitationlist_changelist"),
        "programme": programme,
        "programmes": list(Programme.objects.order_by("id")),
        "form": form,
        "proposal": say_proposal(proposal, curve),
        "chart": draw_curve(curve, proposal, months) if curve.points else None,
        "admissions": AdmissionChoices.choices,
        "may_change": request.user.has_perm(CHANGE_PROGRAMME),
        "may_invite": request.user.has_perm("encore_loyalty.add_invitationlist"),
        "preview_address": reverse("admin:encore_loyalty_invitationlist_who_preview"),
        "preview": _preview(programme, form, curve, is_asked="show" in asked) if form.is_valid() else None,
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "encore/loyalty/admin/who_may_join.html", context, status=status)


def preview(request: HttpRequest, programme: Programme) -> HttpResponse:
    """Answer with so many of the best beside all others; it saves nothing."""
    form = BestForm(request.POST)
    shown = None
    if form.is_valid():
        shown = _preview(programme, form, _curve(programme, form.cleaned_data["months"]))
    return TemplateResponse(request, "encore/loyalty/admin/who_preview.html", {"preview": shown})


def _preview(
    programme: Programme, form: BestForm, curve: RevenueCurve, *, is_asked: bool = False
) -> dict[str, Any] | None:
    if not curve.points:
        return None
    percent, months = form.cleaned_data["percent"], form.cleaned_data["months"]
    if curve.customers > MOST_DRAWN_UNASKED and not is_asked:
        return {"says": say_best(curve, percent), "is_long": True}
    portrait = get_portrait(
        currency=programme.currency,
        period=_period(months),
        percent=percent,
        zone=programme.zone,
        at=clock.now(),
    )
    return {"says": say_best(curve, percent), "is_long": False, **describe_portrait(portrait)}


def _change_admission(request: HttpRequest, programme: Programme) -> HttpResponse:
    if not request.user.has_perm(CHANGE_PROGRAMME):
        raise PermissionDenied
    wanted = request.POST["admission"]
    if wanted in set(Admission) and wanted != programme.admission:
        change_settings(
            programme_id=programme.pk, admission=wanted, at=clock.now(), by=by_staff(request.user)
        )
    messages.success(request, _("Saved: %(who)s may join.") % {"who": _say_who(wanted)})
    return redirect(_address(programme))


def _say_who(admission: str) -> str:
    if admission == Admission.BY_INVITATION:
        return _("only those who are invited")
    return _("everybody")


def _make_segment(request: HttpRequest, programme: Programme) -> HttpResponse:
    """Make a segment of the best, or take the one that was made before, and lead to a list for it."""
    if not request.user.has_perms(["encore_commerce.add_segment", "encore_loyalty.add_invitationlist"]):
        raise PermissionDenied
    form = BestForm(request.POST)
    if not form.is_valid():
        return redirect(_address(programme))
    percent, months = form.cleaned_data["percent"], form.cleaned_data["months"]
    key = f"top-{percent}-percent-{months}-months-{programme.currency.lower()}"
    segment = Segment.objects.filter(key=key).first()
    if segment is None:
        values = {
            "percent": str(percent),
            "currency": programme.currency,
            "period": {"last": months, "unit": "months"},
        }
        try:
            segment = save_segment(
                key=key,
                name=_("The best %(percent)s %% by revenue in %(months)s months")
                % {"percent": percent, "months": months},
                conditions={
                    "match": "all",
                    "time_zone": programme.time_zone,
                    "conditions": [{"condition": "top_revenue", "with": values}],
                },
                at=clock.now(),
                by=by_staff(request.user),
            )
        except SegmentError as error:
            messages.error(request, str(error))
            return redirect(_address(programme))
    add = reverse("admin:encore_loyalty_invitationlist_add")
    return redirect(f"{add}?programme={programme.pk}&segment={segment.pk}")


def _curve(programme: Programme, months: int) -> RevenueCurve:
    return get_revenue_curve(
        currency=programme.currency, period=_period(months), zone=programme.zone, at=clock.now()
    )


def _period(months: int) -> Period:
    return Period(count=months, unit="months")


def _read_months(text: str) -> int:
    return next((months for months, _label in MONTHS if text == str(months)), MONTHS[0][0])


def _address(programme: Programme) -> str:
    return f"{reverse('admin:encore_loyalty_invitationlist_who')}?programme={programme.pk}"
