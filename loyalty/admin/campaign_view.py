"""Campaigns as their pages show them: buttons with what they mean, times, the strip of weeks, the preview."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage import clock
from commerce.queries.goods import name_articles
from loyalty.admin.campaign_form import CampaignForm
from loyalty.models import ActionVersion, Campaign, CampaignVersion, PlanVersion, Programme
from loyalty.policies.campaign_terms import problems_of_terms
from loyalty.policies.campaigns import CampaignState
from loyalty.queries import campaign_words as words
from loyalty.queries import figures, sentences
from loyalty.queries.campaign_preview import Asked, Preview, preview_campaign
from loyalty.queries.campaigns import campaign_of
from loyalty.queries.changes.cost import say_steep

SAMPLES = {
    "typical": gettext_lazy("A typical order"),
    "with_goods": gettext_lazy("A typical order that gets something"),
    "largest": gettext_lazy("One of the largest tenth"),
    "own": gettext_lazy("Your own basket"),
}
WEEKS = 6


def say_changed(campaign: Campaign) -> str:
    if campaign.state == CampaignState.ON:
        return _("Changed from now on. Orders placed before keep the version that they were placed under.")
    return _("Saved.")


def say_moment(at: datetime, programme: Programme) -> str:
    local = at.astimezone(programme.zone)
    return f"{date_format(local, 'DATE_FORMAT')} {local:%H:%M}".replace(" ", figures.NO_BREAK_SPACE)


def say_period(starts_at: datetime, ends_at: datetime | None, programme: Programme) -> str:
    start = say_moment(starts_at, programme)
    if ends_at is None:
        return _("from %(start)s on") % {"start": start}
    return _("from %(start)s to %(end)s") % {"start": start, "end": say_moment(ends_at, programme)}


def say_when(version: CampaignVersion | ActionVersion | PlanVersion, programme: Programme) -> str:
    if version.starts_at is None:
        return _("not yet")
    if version.starts_at == version.ends_at:
        return _("never ran")
    return say_period(version.starts_at, version.ends_at, programme)


def lay_out_strip(at: datetime) -> dict[str, Any] | None:
    """Lay out what runs in the next six weeks: places in per cent of the strip's width."""
    end = at + timedelta(weeks=WEEKS)
    shown = Campaign.objects.filter(state=CampaignState.ON, starts_at__lt=end).exclude(ends_at__lte=at)
    bars = []
    for campaign in shown.select_related("programme").order_by("starts_at", "id")[:20]:
        left, right = max(at, campaign.starts_at), min(end, campaign.ends_at or end)
        bars.append(
            {
                "campaign": campaign,
                "period": say_period(campaign.starts_at, campaign.ends_at, campaign.programme),
                "left": round(100 * ((left - at) / (end - at)), 1),
                "width": round(100 * ((right - left) / (end - at)), 1),
            }
        )
    if not bars:
        return None
    weeks = [
        date_format(timezone.localtime(at + timedelta(weeks=n)), "MONTH_DAY_FORMAT") for n in range(WEEKS)
    ]
    return {"bars": bars, "weeks": weeks}


def preview_form(form: CampaignForm, programme: Programme, campaign: Campaign | None) -> dict[str, Any]:
    """Work out what a valid form would do; what is wrong with its promise is said in the form."""
    own, terms = form.read_own(), form.read_terms()
    if problems := problems_of_terms(terms):
        form.take_over(ValidationError(words.say_problems(problems)))
        return {}
    row = campaign or Campaign(programme=programme)
    budget = own["budget_points"]
    version = CampaignVersion(campaign=Campaign(id=row.pk or 0, budget_points=budget), number=1, **terms)
    asked = Asked(campaign_of(version), own["starts_at"], own["ends_at"], budget, basket=form.read_basket())
    preview = preview_campaign(programme=programme, asked=asked, at=clock.now())
    return {"preview": _tell(preview, asked, version, programme), "is_steep": preview.cost.is_steep}


def preview_stored(campaign: Campaign, version: CampaignVersion, at: datetime) -> Mapping[str, Any]:
    asked = Asked(campaign_of(version), campaign.starts_at, campaign.ends_at, campaign.budget_points)
    programme = campaign.programme
    return _tell(preview_campaign(programme=programme, asked=asked, at=at), asked, version, programme)


def _tell(
    preview: Preview, asked: Asked, version: CampaignVersion, programme: Programme
) -> Mapping[str, Any]:
    """Put a preview into the words and figures of its fragment."""

    def money(minor: int) -> str:
        return figures.money(minor, programme.currency)

    names = name_articles({*version.skus, *(name for one in preview.samples for name in one.names)})
    return {
        "promise": words.say_promise(version, programme.currency, names),
        "conditions": words.list_conditions(version),
        "runs": say_period(asked.starts_at, asked.ends_at, programme),
        "zone": programme.time_zone,
        "samples": [
            (
                SAMPLES[one.kind],
                money(one.amount_minor),
                ", ".join(names.get(name, name) for name in one.names),
                words.say_sum(one.quoted),
            )
            for one in preview.samples
        ],
        "orders": preview.orders,
        "reach": words.say_reach(preview.members, preview.orders, is_sample=preview.is_sample),
        "cost": words.say_cost(
            sentences.points(preview.points),
            money(preview.promised_minor),
            money(preview.likely_minor),
            preview.days,
        ),
        "runs_out": preview.runs_out,
        "steep": say_steep(preview.cost),
        "unpriced": ", ".join(preview.unpriced),
        "overlaps": [
            words.say_overlap(
                one.name,
                say_moment(one.starts_at, programme),
                say_moment(one.ends_at, programme) if one.ends_at else "",
                programme.combination,
            )
            for one in preview.overlaps
        ],
        "combination": programme.get_combination_display(),
    }
