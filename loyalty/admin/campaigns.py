"""Campaigns: drafted in a sentence with gaps, tried on orders of the past, switched on, changed, ended."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from backstage import clock
from backstage.admin.base import display, in_colour
from backstage.admin.deeds import DeedsAdmin
from backstage.admin.pages import find_object, list_url, page_url, show_page
from backstage.admin.waiting import list_waiting
from commerce.queries.goods import name_articles
from loyalty.admin import campaign_builder, campaign_deeds
from loyalty.admin.campaign_form import LANGUAGES
from loyalty.admin.campaign_view import lay_out_strip, preview_stored, say_period, say_when
from loyalty.models import Campaign
from loyalty.operations import campaigns as operations
from loyalty.operations.campaign_requests import request_start
from loyalty.policies.campaigns import CampaignState
from loyalty.queries import campaign_words as words
from loyalty.queries import figures
from loyalty.queries.campaigns import Standing, get_figures, standing_of

STANDINGS = {
    Standing.DRAFT: gettext_lazy("Draft"),
    Standing.SCHEDULED: gettext_lazy("Scheduled"),
    Standing.RUNNING: gettext_lazy("Running"),
    Standing.PAUSED: gettext_lazy("Paused"),
    Standing.ENDED: gettext_lazy("Ended"),
}


@admin.register(Campaign)
class CampaignAdmin(DeedsAdmin):
    """The campaigns of the shop, and a page for each."""

    empty_text = gettext_lazy("No campaigns yet. A campaign gives extra points for a while.")
    list_display = ("name", "standing", "from_to", "given")
    list_select_related = ("programme",)
    search_fields = ("name",)
    named = "campaign_id"
    deeds = campaign_deeds.DEEDS
    asking = (request_start,)
    refusals = (operations.OverBudgetLimit, operations.CampaignStepRefused)

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

    def get_urls(self) -> list[URLPattern]:
        """Add the form and its preview."""
        both = require_http_methods(["GET", "HEAD", "POST"])
        return [
            list_url(self, "preview", require_POST(self.preview_view)),
            page_url(self, "edit", both(self.edit_view)),
            *super().get_urls(),
        ]

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
        campaign: Campaign = self.get_for_change(request, object_id)
        if campaign.state == CampaignState.ENDED:
            raise Http404
        return campaign_builder.answer(self, request, campaign)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with what a half-written form would do; it saves nothing."""
        if not (self.may(request, "add") or self.may(request, "change")):
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
            deeds=campaign_deeds.list_deeds(request, campaign, standing, at),
            why_asked=campaign_deeds.say_over_limit(request, campaign),
            requests=list_waiting(request, "campaign", campaign.pk),
            undo=self.find_undo(request, campaign),
            may_change=self.may(request, "change"),
            may_edit=self.may(request, "change") and standing is not Standing.ENDED,
            preview=preview_stored(campaign, versions[0], at) if standing is Standing.DRAFT else None,
        )

    def say_refusal(self, request: HttpRequest, obj: Campaign, refusal: Exception) -> str:
        """Say with which campaigns somebody needs nobody, where it is that."""
        if isinstance(refusal, operations.OverBudgetLimit):
            return campaign_deeds.say_over_limit(request, obj)
        return super().say_refusal(request, obj, refusal)


def _tell_given(campaign: Campaign) -> dict[str, str]:
    """Write what it has given, of how much, and to how many."""
    found, budget = get_figures(campaign.pk), campaign.budget_points
    return {
        "points": figures.number(found.points),
        "budget": "" if budget is None else figures.number(budget),
        "members": figures.number(found.members),
    }
