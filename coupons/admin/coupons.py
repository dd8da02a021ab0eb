"""Coupons: drafted in a sentence with what they would do, switched on, changed by versions, paused, ended."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from backstage import clock
from backstage.admin.base import column, display, in_colour
from backstage.admin.deeds import DeedsAdmin
from backstage.admin.pages import find_object, list_url, page_url, show_page
from backstage.admin.waiting import list_waiting
from commerce.policies.segments.words import say_money, say_number
from commerce.queries.goods import name_articles
from coupons.admin import coupon_builder, coupon_deeds
from coupons.admin.coupon_codes import list_alone, tell_codes
from coupons.admin.coupon_form import LANGUAGES
from coupons.admin.coupon_view import STANDINGS, lay_out_strip, say_period, say_when, tell_use
from coupons.admin.refusals import say_refusal
from coupons.models import Coupon
from coupons.operations import coupons as operations
from coupons.operations.coupon_requests import request_start
from coupons.policies.states import CouponState, Standing
from coupons.queries.coupon_preview import preview_coupon
from coupons.queries.coupon_use import get_use
from coupons.queries.offer_words import list_terms, say_discount
from coupons.queries.standings import standing_of


@admin.register(Coupon)
class CouponAdmin(DeedsAdmin):
    """The coupons of the shop, and a page for each."""

    empty_text = gettext_lazy("No coupons yet. A coupon takes something off, by a code or by itself.")
    list_display = (column("name", gettext_lazy("name")), "takes_off", "standing", "from_to", "used", "cost")
    search_fields = ("name", "codes__code__exact")
    named = "coupon_id"
    deeds = coupon_deeds.DEEDS
    asking = (request_start,)
    refusals = (operations.OverCouponLimit, operations.CouponStepRefused)
    change_list_template = "encore/coupons/admin/coupon_list.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("versions")

    @display(description=gettext_lazy("gives"))
    def takes_off(self, coupon: Coupon) -> str:
        newest = max(coupon.versions.all(), key=lambda version: version.number, default=None)
        return say_discount(newest, coupon.currency) if newest else "–"

    @display(
        description=gettext_lazy("state"),
        label={"running": "success", "scheduled": "info", "paused": "warning"},
    )
    def standing(self, coupon: Coupon) -> Any:
        standing = standing_of(coupon, clock.now())
        return in_colour(standing.value, STANDINGS[standing])

    @display(description=gettext_lazy("when"))
    def from_to(self, coupon: Coupon) -> str:
        return say_period(coupon)

    @display(description=gettext_lazy("used"))
    def used(self, coupon: Coupon) -> str:
        if coupon.limit_total is None:
            return say_number(coupon.used_count)
        gaps = {"n": say_number(coupon.used_count), "limit": say_number(coupon.limit_total)}
        return _("%(n)s of %(limit)s") % gaps

    @display(description=gettext_lazy("has cost"))
    def cost(self, coupon: Coupon) -> str:
        return say_money(coupon.spent_minor, coupon.currency) if coupon.currency else "–"

    def get_urls(self) -> list[URLPattern]:
        """Add the form and its preview."""
        both = require_http_methods(["GET", "HEAD", "POST"])
        return [
            list_url(self, "preview", require_POST(self.preview_view)),
            page_url(self, "edit", both(self.edit_view)),
            *super().get_urls(),
        ]

    def say_refusal(self, request: HttpRequest, obj: Any, refusal: Exception) -> str:
        """Say why a deed was not done, in the reader's language."""
        return say_refusal(refusal)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show what is on now above the list, on a strip of six weeks."""
        strip = lay_out_strip(clock.now())
        return super().changelist_view(request, {**(extra_context or {}), "strip": strip})

    # -- drafting and changing -------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Draft a coupon, from a card that fills in a beginning."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return coupon_builder.answer(self, request, None)

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change a draft in place, or begin a new version of what is switched on."""
        coupon: Coupon = self.get_for_change(request, object_id)
        if coupon.state == CouponState.ENDED:
            raise Http404
        return coupon_builder.answer(self, request, coupon)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with what a half-written form would do; it saves nothing."""
        if not (self.may(request, "add") or self.may(request, "change")):
            raise PermissionDenied
        return coupon_builder.preview(request)

    # -- one coupon ------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one coupon: what it promises, what it has done, and what can be done with it."""
        coupon: Coupon = find_object(self, request, object_id)
        at = clock.now()
        standing = standing_of(coupon, at)
        versions = list(coupon.versions.order_by("-number"))
        names = name_articles(
            {sku for row in versions for sku in (*row.skus, *row.get_skus, *row.except_skus)}
        )
        return show_page(
            self,
            request,
            obj=coupon,
            template="encore/coupons/admin/coupon.html",
            coupon=coupon,
            standing=STANDINGS[standing],
            promise=say_discount(versions[0], coupon.currency),
            conditions=list_terms(coupon, versions[0], names),
            period=say_period(coupon),
            codes=tell_codes(request, coupon, at),
            use=tell_use(get_use(coupon, at), coupon),
            versions=[(row, say_discount(row, coupon.currency), say_when(row, coupon)) for row in versions],
            missing=[str(label) for code, label in LANGUAGES if not coupon.public_text.get(code)],
            deeds=coupon_deeds.list_deeds(request, versions[0], standing),
            why_asked=coupon_deeds.say_why_asked(request, versions[0]),
            requests=list_waiting(request, "coupon", coupon.pk),
            undo=self.find_undo(request, coupon),
            may_change=self.may(request, "change"),
            may_edit=self.may(request, "change") and standing is not Standing.ENDED,
            **_preview(coupon, versions[0]) if standing is Standing.DRAFT else {},
        )


def _preview(coupon: Coupon, version: Any) -> dict[str, Any]:
    """Say what a draft would do; what is redeemed already speaks for itself."""
    codes = list_alone(coupon)
    told = preview_coupon(coupon=coupon, version=version, code=str(codes[0]) if codes else "", at=clock.now())
    return coupon_builder.tell(coupon, version, told)
