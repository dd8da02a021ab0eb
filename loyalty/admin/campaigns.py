"""Campaigns: drafted in a sentence with gaps, tried on orders of the past, switched on, changed, ended."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, by_staff, display
from backstage.admin.pages import find_object, page_url, show_page
from loyalty.admin.campaign_form import CARDS, LANGUAGES, CampaignForm
from loyalty.admin.campaign_view import (
    label_deed,
    lay_out_strip,
    preview_form,
    preview_stored,
    say_changed,
    say_period,
    say_when,
)
from loyalty.models import Campaign, Programme
from loyalty.operations import campaigns as operations
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
CARD_TITLES = {
    "double": gettext_lazy("Double points on some products"),
    "amount": gettext_lazy("Bonus over an amount"),
    "second": gettext_lazy("Second order bonus"),
    "slow": gettext_lazy("Slow hours"),
    "pieces": gettext_lazy("Points for each piece"),
    "blank": gettext_lazy("Blank"),
}
# What may be done from where, in the order of the buttons.
DEEDS: dict[Standing, tuple[str, ...]] = {
    Standing.DRAFT: ("start", "discard"),
    Standing.SCHEDULED: ("pause", "end"),
    Standing.RUNNING: ("pause", "end"),
    Standing.PAUSED: ("start", "end"),
    Standing.ENDED: (),
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
    def standing(self, campaign: Campaign) -> str:
        return str(STANDINGS[standing_of(campaign, clock.now())])

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
            page_url(self, name, require_POST(self._doer(operate, said)))
            for name, (operate, said) in _DEEDS.items()
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
        programme = _programme(request)
        if request.method == "POST":
            form = CampaignForm(request.POST, programme=programme)
            if form.is_valid() and "save" in request.POST:
                campaign = self._save(request, form, None)
                if campaign is not None:
                    messages.success(request, _("Saved as a draft. It gives nothing until you switch it on."))
                    return redirect(_address(campaign.pk))
        else:
            form = CampaignForm(
                initial=_beginning(request.GET.get("card", ""), programme), programme=programme
            )
        return self._show_form(request, form, programme, None)

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change a draft in place, or begin a new version of what is switched on."""
        campaign = self._get_for_change(request, object_id)
        if campaign.state == CampaignState.ENDED:
            raise Http404
        programme = campaign.programme
        if request.method == "POST":
            form = CampaignForm(request.POST, programme=programme)
            if form.is_valid() and "save" in request.POST and self._save(request, form, campaign):
                messages.success(request, say_changed(campaign))
                return redirect(_address(campaign.pk))
        else:
            newest = campaign.versions.order_by("-number")[0]
            form = CampaignForm(initial=CampaignForm.begin(campaign, newest), programme=programme)
        return self._show_form(request, form, programme, campaign)

    def _save(self, request: HttpRequest, form: CampaignForm, campaign: Campaign | None) -> Campaign | None:
        done: dict[str, Any] = {"at": clock.now(), "by": by_staff(request.user)}
        try:
            with transaction.atomic():
                if campaign is None:
                    programme_id, own, terms = form.programme.pk, form.read_own(), form.read_terms()
                    return operations.create_campaign(programme_id=programme_id, terms=terms, **own, **done)
                return operations.change_campaign(
                    campaign_id=campaign.pk, own=_own_changes(form, campaign), terms=form.read_terms(), **done
                )
        except ValidationError as error:
            form.take_over(error)
        except operations.CampaignStepRefused as refusal:
            form.add_error(None, str(refusal))
        return None

    def _show_form(
        self, request: HttpRequest, form: CampaignForm, programme: Programme, campaign: Campaign | None
    ) -> HttpResponse:
        shown = preview_form(form, programme, campaign) if form.is_bound and form.is_valid() else {}
        is_on = campaign is not None and campaign.state == CampaignState.ON
        context = {
            **self.admin_site.each_context(request),
            "title": campaign.name if campaign else _("Draft a campaign"),
            "opts": self.opts,
            "list_address": reverse("admin:encore_loyalty_campaign_changelist"),
            "form": form,
            "cards": [] if campaign else list(CARD_TITLES.items()),
            "button": _("Begin this as a new version now") if is_on else _("Save draft"),
            "back": _address(campaign.pk)
            if campaign
            else reverse("admin:encore_loyalty_campaign_changelist"),
            "preview_address": reverse("admin:encore_loyalty_campaign_preview"),
            "programme": programme,
            "campaign": campaign,
            "is_on": is_on,
            **shown,
        }
        status = 422 if form.errors else 200
        return TemplateResponse(request, "encore/loyalty/admin/campaign_form.html", context, status=status)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with what a half-written form would do; it saves nothing."""
        if not (request.user.has_perm(ADD) or request.user.has_perm(CHANGE)):
            raise PermissionDenied
        programme = _programme(request)
        form = CampaignForm(request.POST, programme=programme)
        campaign = Campaign.objects.filter(pk=_number(request.POST.get("campaign", ""))).first()
        context = preview_form(form, programme, campaign) if form.is_valid() else {}
        return TemplateResponse(
            request, "encore/loyalty/admin/campaign_preview.html", {"form": form, **context}
        )

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
        return show_page(
            self,
            request,
            obj=campaign,
            template="encore/loyalty/admin/campaign.html",
            campaign=campaign,
            standing=STANDINGS[standing],
            is_out_of_points=campaign.pause_reason == "budget",
            promise=words.say_promise(versions[0], currency),
            conditions=words.list_conditions(versions[0]),
            period=say_period(campaign.starts_at, campaign.ends_at, campaign.programme),
            given=_tell_given(campaign),
            versions=[
                (row, words.say_promise(row, currency), say_when(row, campaign.programme)) for row in versions
            ],
            missing=[str(label) for code, label in LANGUAGES if not campaign.public_text.get(code)],
            deeds=[(name, *label_deed(name, campaign, at)) for name in DEEDS[standing]],
            may_change=request.user.has_perm(CHANGE),
            may_edit=request.user.has_perm(CHANGE) and standing is not Standing.ENDED,
            preview=preview_stored(campaign, versions[0], at) if standing is Standing.DRAFT else None,
        )

    def _doer(self, operate: Callable[..., Any], said: Any) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            campaign = self._get_for_change(request, object_id)
            try:
                operate(campaign_id=campaign.pk, at=clock.now(), by=by_staff(request.user))
                messages.success(request, said)
            except ValidationError as error:
                messages.error(request, " ".join(error.messages))
            except operations.CampaignStepRefused as refusal:
                messages.warning(request, str(refusal))
            if not Campaign.objects.filter(pk=campaign.pk).exists():
                return redirect("admin:encore_loyalty_campaign_changelist")
            return redirect(_address(campaign.pk))

        return view

    def _get_for_change(self, request: HttpRequest, object_id: str) -> Campaign:
        campaign: Campaign = find_object(self, request, object_id)
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        return campaign


_DEEDS: dict[str, tuple[Callable[..., Any], Any]] = {
    "start": (operations.switch_on_campaign, gettext_lazy("It is switched on.")),
    "pause": (
        operations.pause_campaign,
        gettext_lazy("Paused. It gives nothing until you switch it on again."),
    ),
    "end": (operations.end_campaign, gettext_lazy("Ended. Orders placed before keep what they earned.")),
    "discard": (operations.discard_campaign, gettext_lazy("The draft is thrown away.")),
}


# -- what is asked -------------------------------------------------------------------------------------------


def _programme(request: HttpRequest) -> Programme:
    """Find the programme that a campaign is for: the one that is named, else the only or first one."""
    programmes = Programme.objects.order_by("id")
    number = _number(request.POST.get("programme", "") or request.GET.get("programme", ""))
    programme = programmes.filter(pk=number).first() if number else programmes.first()
    if programme is None:
        raise Http404(_("There is no programme yet. Add one first."))
    return programme


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _beginning(card: str, programme: Programme) -> dict[str, Any]:
    start = clock.now().astimezone(programme.zone).replace(tzinfo=None, second=0, microsecond=0)
    start = start.replace(hour=0, minute=0) + timedelta(days=1)
    title = str(CARD_TITLES[card]) if card in CARDS and card != "blank" else ""
    times = {"starts_at": start, "ends_at": start + timedelta(days=7)}
    return {"name": title, **times, **CARDS.get(card, CARDS["blank"])}


def _own_changes(form: CampaignForm, campaign: Campaign) -> dict[str, Any]:
    """Give the fields of the campaign itself that differ; minutes are all that a form can tell of a time."""
    told = form.read_own()
    for name in ("starts_at", "ends_at"):
        was = getattr(campaign, name)
        if was is not None and told[name] == was.replace(second=0, microsecond=0):
            told[name] = was
    return {name: value for name, value in told.items() if value != getattr(campaign, name)}


def _tell_given(campaign: Campaign) -> dict[str, str]:
    """Write what it has given, of how much, and to how many."""
    found, budget = get_figures(campaign.pk), campaign.budget_points
    return {
        "points": figures.number(found.points),
        "budget": "" if budget is None else figures.number(budget),
        "members": figures.number(found.members),
    }


def _address(campaign_id: int) -> str:
    return reverse("admin:encore_loyalty_campaign_change", args=[campaign_id])
