"""Campaigns: drafted in a sentence with gaps, tried on orders of the past, switched on, changed, ended."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, display, in_colour
from backstage.admin.pages import find_object, page_url, show_page
from backstage.admin.undo import find_undo
from backstage.admin.waiting import list_waiting
from commerce.queries.goods import name_articles
from loyalty.admin import campaign_builder, campaign_deeds
from loyalty.admin.campaign_builder import address_of
from loyalty.admin.campaign_form import LANGUAGES
from loyalty.admin.campaign_view import (
    label_deed,
    lay_out_strip,
    preview_stored,
    say_period,
    say_when,
)
from loyalty.models import Campaign
from loyalty.policies.campaigns import CampaignState
from loyalty.queries import campaign_words as words
from loyalty.queries import figures
from loyalty.queries.campaigns import Standing, get_figures, standing_of

CHANGE, ADD = "encore_loyalty.change_campaign", "encore_loyalty.add_campaign"
STANDINGS = {
    Standing.DRAFT: gettext_lazy("Draft"),
    Standing.SCHEDULED: gettext_lazy("Scheduled"),
    Standing.RUNNING: gettext_lazy("Running"),
    Standing.PAUSED: gettext_lazy("Paused"),
    Standing.ENDED: gettext_lazy("Ended"),
}


@admin.register(Campaign)
class CampaignAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """The campaigns of the shop, and a page for each."""

    empty_text = gettext_lazy("No campaigns yet. A campaign gives extra points for a while.")
    list_display = ("name", "standing", "from_to", "given")
    list_select_related = ("programme",)
    search_fields = ("name",)

    @display(
        description=gettext_lazy("state"),
        label={"running": "success", "scheduled": "info", "paused": "warning"},
    )
    def standing(self, campaign: Campaign) -> Any:
        standing = standing_of(campaign, clock.now())
        return in_colour(standing.value, STANDINGS[standing])

    @display(description=gettext_lazy("when"))
    def from_to(self, campaign: Campaign) -> str:
        return say_period(campaign.starts_at, campaign.ends_at, campaign.programme)

    @display(description=gettext_lazy("points given"))
    def given(self, campaign: Campaign) -> str:
        return figures.number(campaign.spent_points)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let a campaign be drafted: not by Django's form, but by the one below."""
        return bool(request.user.has_perm(ADD))

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of what can be done with a campaign, and of the preview."""
        both = require_http_methods(["GET", "HEAD", "POST"])
        deeds = [
            *(page_url(self, name, require_POST(self._doer(name))) for name in campaign_deeds.OPERATIONS),
            page_url(self, "ask", require_POST(self.ask_view)),
            page_url(self, "undo", require_POST(self.undo_view)),
        ]
        preview = path(
            "preview/",
            self.admin_site.admin_view(require_POST(self.preview_view)),
            name="encore_loyalty_campaign_preview",
        )
        return [preview, *deeds, page_url(self, "edit", both(self.edit_view)), *super().get_urls()]

    # -- the list --------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show what is on now above the list, on a strip of six weeks."""
        at = clock.now()
        return super().changelist_view(request, {**(extra_context or {}), "strip": lay_out_strip(at)})

    change_list_template = "encore/loyalty/admin/campaign_list.html"

    # -- drafting and changing -------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Draft a campaign, from a card that fills in a beginning."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return campaign_builder.answer(self, request, None)

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change a draft in place, or begin a new version of what is switched on."""
        campaign = self._get_for_change(request, object_id)
        if campaign.state == CampaignState.ENDED:
            raise Http404
        return campaign_builder.answer(self, request, campaign)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with what a half-written form would do; it saves nothing."""
        if not (request.user.has_perm(ADD) or request.user.has_perm(CHANGE)):
            raise PermissionDenied
        return campaign_builder.preview(request)

    # -- one campaign ----------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one campaign: what it promises, what it has given, and what can be done with it."""
        campaign: Campaign = find_object(self, request, object_id)
        at = clock.now()
        standing = standing_of(campaign, at)
        versions = list(campaign.versions.order_by("-number"))
        currency = campaign.programme.currency
        names = name_articles({sku for row in versions for sku in row.skus})
        return show_page(
            self,
            request,
            obj=campaign,
            template="encore/loyalty/admin/campaign.html",
            campaign=campaign,
            standing=STANDINGS[standing],
            is_out_of_points=campaign.pause_reason == "budget",
            promise=words.say_promise(versions[0], currency, names),
            conditions=words.list_conditions(versions[0]),
            period=say_period(campaign.starts_at, campaign.ends_at, campaign.programme),
            given=_tell_given(campaign),
            versions=[
                (row, words.say_promise(row, currency, names), say_when(row, campaign.programme))
                for row in versions
            ],
            missing=[str(label) for code, label in LANGUAGES if not campaign.public_text.get(code)],
            deeds=[
                (name, *label_deed(name, campaign, at))
                for name in campaign_deeds.list_deeds(request, campaign, standing)
            ],
            over_limit=campaign_deeds.say_over_limit(request, campaign),
            requests=list_waiting(request, "campaign", campaign.pk),
            undo=find_undo(request, campaign, campaign_deeds.UNDO),
            may_change=request.user.has_perm(CHANGE),
            may_edit=request.user.has_perm(CHANGE) and standing is not Standing.ENDED,
            preview=preview_stored(campaign, versions[0], at) if standing is Standing.DRAFT else None,
        )

    def _doer(self, name: str) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            campaign = self._get_for_change(request, object_id)
            query = campaign_deeds.do(request, campaign, name)
            if not Campaign.objects.filter(pk=campaign.pk).exists():
                return redirect("admin:encore_loyalty_campaign_changelist")
            return redirect(address_of(campaign.pk) + query)

        return view

    def undo_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take back what was done a moment ago."""
        campaign = self._get_for_change(request, object_id)
        campaign_deeds.undo(request, campaign)
        return redirect(address_of(campaign.pk))

    def ask_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask somebody else to switch it on."""
        campaign = self._get_for_change(request, object_id)
        campaign_deeds.ask(request, campaign)
        return redirect(address_of(campaign.pk))

    def _get_for_change(self, request: HttpRequest, object_id: str) -> Campaign:
        campaign: Campaign = find_object(self, request, object_id)
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        return campaign


def _tell_given(campaign: Campaign) -> dict[str, str]:
    """Write what it has given, of how much, and to how many."""
    found, budget = get_figures(campaign.pk), campaign.budget_points
    return {
        "points": figures.number(found.points),
        "budget": "" if budget is None else figures.number(budget),
        "members": figures.number(found.members),
    }
