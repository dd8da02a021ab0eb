"""Coupon sites: what each wants, what it has, and what it brings."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from backstage import clock
from backstage.admin.base import by_staff, column, display, in_colour
from backstage.admin.pages import OwnPagesAdmin, find_object, page_url, show_page
from commerce.policies.segments.words import say_money, say_number
from coupons.admin.refusals import say_refusal
from coupons.admin.site_forms import SiteForm
from coupons.admin.submissions import STANDINGS
from coupons.models import PublisherSite, Submission
from coupons.operations import sites as operations
from coupons.queries.sheets import RECENT_DAYS, has_to_come_down, list_sheets
from coupons.views.feed_formats import FORMATS


@admin.register(PublisherSite)
class PublisherSiteAdmin(OwnPagesAdmin):
    """The sites that publish our coupons, and a page for each."""

    empty_text = gettext_lazy(
        "No coupon sites yet. A site gets a code of its own for each coupon, so you see what it brings."
    )
    list_display = (column("name", gettext_lazy("name")), "shows", "to_come_down", "standing")
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PublisherSite]:
        sheets = Submission.objects.filter(site=OuterRef("pk")).order_by()
        rows: QuerySet[PublisherSite] = super().get_queryset(request)
        return rows.annotate(
            live_count=_count(sheets.filter(state="live")),
            down_count=_count(sheets.filter(has_to_come_down(clock.now()))),
        )

    @display(description=gettext_lazy("shows"))
    def shows(self, site: PublisherSite) -> str:
        count = getattr(site, "live_count", 0) or 0
        return ngettext("%(n)s coupon", "%(n)s coupons", count) % {"n": say_number(count)}

    @display(description=gettext_lazy("has to come down"), label={"due": "warning"})
    def to_come_down(self, site: PublisherSite) -> Any:
        count = getattr(site, "down_count", 0) or 0
        if not count:
            return "–"
        return in_colour("due", ngettext("%(n)s coupon", "%(n)s coupons", count) % {"n": say_number(count)})

    @display(description=gettext_lazy("state"), label={"on": "success"})
    def standing(self, site: PublisherSite) -> Any:
        return in_colour("ended", _("Ended")) if site.ended_at else in_colour("on", _("We work together"))

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of what can be done with a site."""
        both = require_http_methods(["GET", "HEAD", "POST"])
        deeds = [
            page_url(self, "end", require_POST(self._doer(operations.end_site, _SAID["end"]))),
            page_url(self, "renew", require_POST(self._doer(operations.renew_feed_key, _SAID["renew"]))),
        ]
        return [*deeds, page_url(self, "edit", both(self.edit_view)), *super().get_urls()]

    # -- adding and changing ---------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Add a site."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._answer(request, None)

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change what is known of a site."""
        site = self.get_for_change(request, object_id)
        if site.ended_at is not None:
            raise Http404
        return self._answer(request, site)

    def _answer(self, request: HttpRequest, site: PublisherSite | None) -> HttpResponse:
        form = SiteForm(request.POST or None, initial=SiteForm.begin(site) if site else None)
        if request.method == "POST" and form.is_valid() and (saved := self._save(request, form, site)):
            messages.success(request, _("Saved."))
            return redirect(self.address_of(saved.pk))
        list_address = reverse("admin:encore_coupons_publishersite_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": site.name if site else _("Add a coupon site"),
            "opts": self.opts,
            "list_address": list_address,
            "form": form,
            "back": self.address_of(site.pk) if site else list_address,
        }
        status = 422 if form.is_bound and form.errors else 200
        return TemplateResponse(request, "encore/coupons/admin/site_form.html", context, status=status)

    def _save(self, request: HttpRequest, form: SiteForm, site: PublisherSite | None) -> PublisherSite | None:
        done: dict[str, Any] = {"at": clock.now(), "by": by_staff(request.user)}
        try:
            if site is None:
                return operations.add_site(**form.cleaned_data, **done)
            return operations.change_site(site_id=site.pk, told=form.cleaned_data, **done)
        except ValidationError as error:
            form.take_over(error)
        except operations.SiteEnded as refusal:
            form.add_error(None, say_refusal(refusal))
        return None

    # -- one site --------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one site: its sheets with the use of their codes, its feed, and what it wants."""
        site: PublisherSite = find_object(self, request, object_id)
        may_change = self.may(request, "change") and site.ended_at is None
        return show_page(
            self,
            request,
            obj=site,
            template="encore/coupons/admin/site.html",
            site=site,
            language=dict(settings.LANGUAGES).get(site.language, site.language),
            feeds=_list_feeds(request, site),
            sheets=_tell_sheets(site),
            recent_days=RECENT_DAYS,
            lengths=[
                (label, getattr(site, name))
                for name, label in LENGTHS.items()
                if getattr(site, name) is not None
            ],
            may_change=may_change,
            may_add=may_change and request.user.has_perm("encore_coupons.add_submission"),
        )

    def _doer(self, operate: Callable[..., Any], said: Any) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            site = self.get_for_change(request, object_id)
            try:
                operate(site_id=site.pk, at=clock.now(), by=by_staff(request.user))
                messages.success(request, said)
            except operations.SiteEnded as refusal:
                messages.warning(request, say_refusal(refusal))
            return redirect(self.address_of(site.pk))

        return view


LENGTHS = {
    "title_length": gettext_lazy("Title"),
    "text_length": gettext_lazy("Text"),
    "terms_length": gettext_lazy("Conditions"),
}
_SAID = {
    "end": gettext_lazy("Ended. Its feed is gone; what it still shows has to come down."),
    "renew": gettext_lazy("Its feed has another address now. Send it to the site."),
}


def _count(sheets: QuerySet[Submission]) -> Subquery:
    """Count the sheets of one site within the query of all."""
    return Subquery(sheets.values("site").annotate(count=Count("id")).values("count"))


def _tell_sheets(site: PublisherSite) -> list[dict[str, Any]]:
    """Write the sheets of a site with their use; bars are in per cent of the busiest one."""
    rows = site.submissions.select_related("coupon", "code").order_by("-id")
    sheets = list_sheets(rows, clock.now())
    most = max((sheet.recent for sheet in sheets), default=0)
    return [
        {
            "submission": sheet.submission,
            "standing": STANDINGS[sheet.standing],
            "uses": say_number(sheet.uses),
            "recent": say_number(sheet.recent),
            "width": 100 * sheet.recent / most if most else 0,
            "off": say_money(sheet.off_minor, sheet.submission.coupon.currency) if sheet.off_minor else "",
        }
        for sheet in sheets
    ]


def _list_feeds(request: HttpRequest, site: PublisherSite) -> list[tuple[str, str]]:
    """Give the addresses of a site's own feed; none where the shop has not mounted the feed."""
    if site.ended_at is not None:
        return []
    with suppress(NoReverseMatch):
        paths = [(form, reverse("encore_coupons:site_feed", args=[site.feed_key, form])) for form in FORMATS]
        return [(form.upper(), request.build_absolute_uri(path)) for form, path in paths]
    return []
