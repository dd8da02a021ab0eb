"""Sheets for coupon sites: written from the coupon's own terms, copied into the site's form, followed up."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from backstage import clock
from backstage.admin.base import by_staff, column, display, in_colour
from backstage.admin.pages import OwnPagesAdmin, find_object, page_url, show_page
from commerce.policies.segments.words import say_number
from coupons.admin.refusals import say_refusal
from coupons.admin.site_forms import SheetForm
from coupons.models import Coupon, PublisherSite, Submission
from coupons.operations.sites import SiteEnded
from coupons.operations.submissions import (
    TEXTS,
    SubmissionStepRefused,
    change_submission,
    move_submission,
    prepare_submission,
)
from coupons.policies.sites import SUBMISSION_STEPS, SubmissionState
from coupons.queries.sheets import draft_sheet, has_to_come_down, list_coupons_for, list_sheets, standing_of

STANDINGS = {
    SubmissionState.PREPARED: gettext_lazy("Prepared"),
    SubmissionState.SUBMITTED: gettext_lazy("Submitted"),
    SubmissionState.LIVE: gettext_lazy("Live"),
    SubmissionState.TO_WITHDRAW: gettext_lazy("To be withdrawn"),
    SubmissionState.WITHDRAWN: gettext_lazy("Withdrawn"),
}
# What each deed means, and its button.
DEEDS = {
    SubmissionState.SUBMITTED: (
        gettext_lazy("The site has the texts and the code."),
        gettext_lazy("I have sent it"),
    ),
    SubmissionState.LIVE: (gettext_lazy("The site shows it."), gettext_lazy("It is live")),
    SubmissionState.TO_WITHDRAW: (
        gettext_lazy("The site has to take it down."),
        gettext_lazy("It has to come down"),
    ),
    SubmissionState.WITHDRAWN: (
        gettext_lazy("The site shows it no more. Its code stays good as long as the coupon is."),
        gettext_lazy("It is down"),
    ),
}


class DueFilter(admin.SimpleListFilter):
    """What somebody has to do."""

    title = gettext_lazy("to do")
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("send", _("To be sent")), ("down", _("Has to come down"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Submission]) -> QuerySet[Submission]:
        if self.value() == "send":
            return queryset.filter(state=SubmissionState.PREPARED)
        return queryset.filter(has_to_come_down(clock.now())) if self.value() == "down" else queryset


@admin.register(Submission)
class SubmissionAdmin(OwnPagesAdmin):
    """The sheets for coupon sites, and a page for each."""

    empty_text = gettext_lazy(
        "No sheets yet. A sheet has the texts that a coupon site wants, and a code of its own."
    )
    list_display = (
        column("title", gettext_lazy("title")),
        column("site", gettext_lazy("site")),
        column("coupon", gettext_lazy("coupon")),
        column("code", gettext_lazy("its own code")),
        "standing",
    )
    list_filter = (DueFilter,)
    list_select_related = ("site", "coupon", "code")
    search_fields = ("title", "code__code__exact")

    @display(
        description=gettext_lazy("state"),
        label={"live": "success", "submitted": "info", "to_withdraw": "warning"},
    )
    def standing(self, sheet: Submission) -> Any:
        standing = standing_of(sheet, clock.now())
        return in_colour(standing.value, STANDINGS[standing])

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of what can be done with a sheet."""
        both = require_http_methods(["GET", "HEAD", "POST"])
        steps = [page_url(self, state.value, require_POST(self._mover(state))) for state in DEEDS]
        return [*steps, page_url(self, "edit", both(self.edit_view)), *super().get_urls()]

    # -- preparing and changing ------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Choose a site and a coupon first; then the texts, written from the coupon's own terms."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        site = _find(PublisherSite.objects.filter(ended_at__isnull=True), request.GET.get("site", ""))
        coupons = list_coupons_for(site) if site else []
        coupon = next((one for one in coupons if str(one.pk) == request.GET.get("coupon", "")), None)
        if site is None or coupon is None:
            return self._show_choice(request, site, coupons)
        draft = draft_sheet(site, coupon)
        form = SheetForm(
            request.POST or None,
            site=site,
            has_code=not coupon.is_automatic,
            initial={**{name: getattr(draft, name) for name in TEXTS}, "code": draft.code},
        )
        if request.method == "POST" and form.is_valid():
            try:
                sheet = prepare_submission(
                    site_id=site.pk,
                    coupon_id=coupon.pk,
                    texts=form.read_texts(),
                    code=form.cleaned_data.get("code", ""),
                    at=clock.now(),
                    by=by_staff(request.user),
                )
            except ValidationError as error:
                form.take_over(error)
            except SiteEnded as refusal:
                form.add_error(None, say_refusal(refusal))
            else:
                messages.success(request, _("The sheet is ready to be copied."))
                return redirect(self.address_of(sheet.pk))
        return self._show_form(request, form, site, coupon, None)

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change the texts of a sheet that nobody was sent yet."""
        sheet = self.get_for_change(request, object_id)
        if sheet.state != SubmissionState.PREPARED:
            raise Http404
        form = SheetForm(
            request.POST or None,
            site=sheet.site,
            has_code=False,
            initial={name: getattr(sheet, name) for name in TEXTS},
        )
        if request.method == "POST" and form.is_valid():
            told: dict[str, Any] = {"at": clock.now(), "by": by_staff(request.user)}
            try:
                change_submission(submission_id=sheet.pk, texts=form.read_texts(), **told)
            except ValidationError as error:
                form.take_over(error)
            except SubmissionStepRefused as refusal:
                form.add_error(None, say_refusal(refusal))
            else:
                messages.success(request, _("Saved."))
                return redirect(self.address_of(sheet.pk))
        return self._show_form(request, form, sheet.site, sheet.coupon, sheet)

    def _show_choice(
        self, request: HttpRequest, site: PublisherSite | None, coupons: list[Coupon]
    ) -> HttpResponse:
        context = {
            **self._frame(request, _("Prepare a sheet")),
            "sites": PublisherSite.objects.filter(ended_at__isnull=True).order_by("name", "id"),
            "site": site,
            "coupons": coupons,
        }
        return TemplateResponse(request, "encore/coupons/admin/sheet_choice.html", context)

    def _show_form(
        self,
        request: HttpRequest,
        form: SheetForm,
        site: PublisherSite,
        coupon: Coupon,
        sheet: Submission | None,
    ) -> HttpResponse:
        title = _("%(coupon)s for %(site)s") % {"coupon": coupon.name, "site": site.name}
        context = {
            **self._frame(request, title),
            "form": form,
            "site": site,
            "back": self.address_of(sheet.pk) if sheet else _site_address(site.pk),
        }
        status = 422 if form.is_bound and form.errors else 200
        return TemplateResponse(request, "encore/coupons/admin/sheet_form.html", context, status=status)

    def _frame(self, request: HttpRequest, title: str) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "list_address": reverse("admin:encore_coupons_submission_changelist"),
        }

    # -- one sheet -------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one sheet: what to copy where, how long it is, and what comes next."""
        found: Submission = find_object(self, request, object_id)
        sheet = Submission.objects.select_related("site", "coupon", "code").get(pk=found.pk)
        (told,) = list_sheets([sheet], clock.now())
        may_change = self.may(request, "change")
        return show_page(
            self,
            request,
            obj=sheet,
            template="encore/coupons/admin/sheet.html",
            sheet=sheet,
            standing=STANDINGS[told.standing],
            is_due=told.standing is SubmissionState.TO_WITHDRAW,
            parts=_list_parts(sheet),
            uses=say_number(told.uses),
            times=_list_times(sheet),
            deeds=[
                (state.value, *DEEDS[state]) for state in DEEDS if told.standing in SUBMISSION_STEPS[state]
            ],
            may_change=may_change,
            may_edit=may_change and sheet.state == SubmissionState.PREPARED,
            site_address=_site_address(sheet.site_id),
        )

    def _mover(self, state: SubmissionState) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            sheet = self.get_for_change(request, object_id)
            try:
                move_submission(submission_id=sheet.pk, to=state, at=clock.now(), by=by_staff(request.user))
                messages.success(request, _("Noted."))
            except SubmissionStepRefused as refusal:
                messages.warning(request, say_refusal(refusal))
            return redirect(self.address_of(sheet.pk))

        return view


def _list_parts(sheet: Submission) -> list[tuple[Any, str, str]]:
    """Give what is copied into the site's form: a label, the text, and how long it is of how much."""
    labels = {"title": _("Title"), "text": _("Text"), "terms_text": _("Conditions")}
    parts = []
    for name, label in labels.items():
        text, most = getattr(sheet, name), getattr(sheet.site, TEXTS[name])
        if text:
            gaps = {"n": say_number(len(text)), "most": most}
            length = _("%(n)s of %(most)s letters") if most else _("%(n)s letters")
            parts.append((label, text, length % gaps))
    if sheet.code is not None:
        parts.append((_("Code"), str(sheet.code), ""))
    return parts


def _list_times(sheet: Submission) -> list[tuple[Any, str]]:
    """Give what was noted, and when."""
    named = (
        (STANDINGS[SubmissionState.PREPARED], sheet.created_at),
        (STANDINGS[SubmissionState.SUBMITTED], sheet.submitted_at),
        (STANDINGS[SubmissionState.LIVE], sheet.live_at),
        (STANDINGS[SubmissionState.TO_WITHDRAW], sheet.to_withdraw_at),
        (STANDINGS[SubmissionState.WITHDRAWN], sheet.withdrawn_at),
    )
    return [
        (label, date_format(timezone.localtime(at), "DATETIME_FORMAT"))
        for label, at in named
        if at is not None
    ]


def _find(sites: QuerySet[PublisherSite], number: str) -> PublisherSite | None:
    is_number = number.isascii() and number.isdigit() and len(number) < 19
    return sites.filter(pk=int(number)).first() if is_number else None


def _site_address(site_id: int) -> str:
    return reverse("admin:encore_coupons_publishersite_change", args=[site_id])
