"""The campaign builder: a sentence with gaps, goods picked by name, and beside it what it would do."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage import clock
from backstage.admin.base import by_staff
from commerce.admin.goods_picker import is_picking, pick, search
from loyalty.admin.campaign_deeds import say_over_limit
from loyalty.admin.campaign_form import CARDS, CampaignForm
from loyalty.admin.campaign_view import preview_form, preview_stored, say_changed
from loyalty.admin.chosen_programme import find_chosen
from loyalty.models import Campaign, Programme
from loyalty.operations import campaigns as operations
from loyalty.policies.campaigns import CampaignState

CARD_TITLES = {
    "double": gettext_lazy("Double points on some products"),
    "amount": gettext_lazy("Bonus over an amount"),
    "second": gettext_lazy("Second order bonus"),
    "slow": gettext_lazy("Slow hours"),
    "pieces": gettext_lazy("Points for each piece"),
    "blank": gettext_lazy("Blank"),
}


def answer(model_admin: Any, request: HttpRequest, campaign: Campaign | None) -> HttpResponse:
    """Show the form with what it would do, and save it once nothing is wrong."""
    programme = campaign.programme if campaign else find_chosen(request)
    if request.method != "POST":
        return _begin(model_admin, request, campaign, programme)
    form = CampaignForm(pick(request.POST), programme=programme)
    shown = preview_form(form, programme, campaign) if form.is_valid() else {}
    if "save" in request.POST and not form.errors and not _asks(request, shown):
        saved = _save(request, form, campaign)
        if saved is not None:
            messages.success(request, say_changed(campaign) if campaign else _SAVED)
            return redirect(model_admin.address_of(saved.pk))
    return _show(model_admin, request, form, campaign, shown)


_SAVED = gettext_lazy("Saved as a draft. It gives nothing until you switch it on.")


def _asks(request: HttpRequest, shown: dict[str, Any]) -> bool:
    """Tell whether it costs so much that somebody has to say that it is meant, and nobody has."""
    return bool(shown.get("is_steep")) and "save" in request.POST and not request.POST.get("is_meant")


def _begin(
    model_admin: Any, request: HttpRequest, campaign: Campaign | None, programme: Programme
) -> HttpResponse:
    """Begin with what a card fills in, or with what the campaign promises by now and what that does."""
    if campaign is None:
        initial, shown = _beginning(request.GET.get("card", ""), programme), {}
    else:
        version = campaign.versions.order_by("-number")[0]
        initial = CampaignForm.begin(campaign, version)
        shown = {"preview": preview_stored(campaign, version, clock.now())}
    return _show(model_admin, request, CampaignForm(initial=initial, programme=programme), campaign, shown)


def _save(request: HttpRequest, form: CampaignForm, campaign: Campaign | None) -> Campaign | None:
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
    except operations.OverBudgetLimit:
        told = campaign or Campaign(programme=form.programme)
        form.add_error("budget_points", say_over_limit(request, told))
    except operations.CampaignStepRefused as refusal:
        form.add_error(None, str(refusal))
    return None


def _show(
    model_admin: Any,
    request: HttpRequest,
    form: CampaignForm,
    campaign: Campaign | None,
    shown: dict[str, Any],
) -> HttpResponse:
    picking, find = is_picking(request.POST), request.POST.get("find", "").strip()
    form = form.unfinished() if picking else form
    form.name_picked()
    is_on = campaign is not None and campaign.state == CampaignState.ON
    asks = _asks(request, shown)
    changelist = reverse("admin:encore_loyalty_campaign_changelist")
    context = {
        **model_admin.admin_site.each_context(request),
        "title": campaign.name if campaign else _("Draft a campaign"),
        "opts": model_admin.opts,
        "list_address": changelist,
        "form": form,
        "cards": [] if campaign else list(CARD_TITLES.items()),
        "button": _("Begin this as a new version now") if is_on else _("Save draft"),
        "back": model_admin.address_of(campaign.pk) if campaign else changelist,
        "preview_address": reverse("admin:encore_loyalty_campaign_preview"),
        "programme": form.programme,
        "campaign": campaign,
        "is_on": is_on,
        "find": find,
        "found": search(find) if find else [],
        "has_searched": "search" in request.POST,
        "asks": asks,
        **shown,
    }
    status = 422 if form.errors or asks else 200
    return TemplateResponse(request, "encore/loyalty/admin/campaign_form.html", context, status=status)


def preview(request: HttpRequest) -> HttpResponse:
    """Answer with what a half-written form would do; it saves nothing."""
    programme = find_chosen(request)
    form = CampaignForm(request.POST, programme=programme)
    campaign = Campaign.objects.filter(pk=_number(request.POST.get("campaign", ""))).first()
    context = preview_form(form, programme, campaign) if form.is_valid() else {}
    return TemplateResponse(request, "encore/loyalty/admin/campaign_preview.html", {"form": form, **context})


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
