"""What the pages of levels say: where a version stands, who would have which level, what that costs."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backstage import clock
from loyalty.admin.level_change import explain_draft
from loyalty.admin.level_form import LevelForm
from loyalty.models import Programme, Tier, TierScheme
from loyalty.policies.tiers.scheme import Scheme
from loyalty.policies.tiers.terms import TierPlan, problems_of_tiers
from loyalty.queries import figures, sentences
from loyalty.queries.perk_words import say_perks
from loyalty.queries.programmes import scheme_of, tier_of
from loyalty.queries.tiers.preview import LevelsPreview, preview_levels
from loyalty.queries.tiers.words import say_course, say_factor, say_threshold

DRAFT, ANNOUNCED, ON, OFF, CALLED_OFF = "draft", "announced", "on", "off", "called_off"
STATES = {
    DRAFT: gettext_lazy("Draft"),
    ON: gettext_lazy("Switched on"),
    ANNOUNCED: gettext_lazy("Announced"),
    OFF: gettext_lazy("Over"),
    CALLED_OFF: gettext_lazy("Called off"),
}


def state_of(scheme: TierScheme) -> str:
    """Say where a version stands."""
    if scheme.starts_at is None:
        return DRAFT
    if scheme.starts_at == scheme.ends_at:
        return CALLED_OFF
    now = clock.now()
    if scheme.starts_at > now:
        return ANNOUNCED
    return ON if scheme.ends_at is None or scheme.ends_at > now else OFF


def say_when(scheme: TierScheme) -> str:
    """Say from when to when a version holds, or held."""
    if scheme.starts_at is None or scheme.starts_at == scheme.ends_at:
        return ""
    zone, now = scheme.programme.zone, clock.now()
    since = figures.day(scheme.starts_at, zone, now=now)
    if scheme.starts_at > now:
        return _("from %(date)s on") % {"date": since}
    if scheme.ends_at is None:
        return _("since %(date)s") % {"date": since}
    return _("%(from)s to %(until)s") % {"from": since, "until": figures.day(scheme.ends_at, zone, now=now)}


def find_problems(form: LevelForm, tiers: list[TierPlan]) -> bool:
    """Say beside the fields of levels what keeps them from standing; tell whether anything does."""
    rules = form.read_rules()
    problems = problems_of_tiers(tiers, grace_days=rules["grace_days"], notice_days=rules["notice_days"])
    form.take_problems(problems)
    return bool(problems)


def read_scheme(form: LevelForm) -> Scheme | None:
    """Make the scheme that a form describes; nothing while it cannot stand."""
    try:
        tiers = form.read_tiers()
    except ValidationError as error:
        form.take_over(error)
        return None
    if not tiers or find_problems(form, tiers):
        return None
    row = TierScheme(programme=form.programme, created_at=clock.now(), **form.read_rules())
    levels = [
        tier_of(
            Tier(
                id=place + 1,
                # A new one only has to be told apart: nobody has it.
                level_id=plan.level_id or -place - 1,
                name=plan.name or _("Level %(n)s") % {"n": place + 1},
                threshold=plan.threshold,
                factor=plan.factor,
                perks=list(plan.perks),
            )
        )
        for place, plan in enumerate(tiers)
    ]
    return scheme_of(row, tuple(levels))


def preview_form(form: LevelForm) -> dict[str, Any] | None:
    """Say what the levels of a form would mean; nothing while they cannot stand."""
    scheme = read_scheme(form)
    if scheme is None:
        return None
    told = preview_levels(programme=form.programme, scheme=scheme, at=clock.now())
    return {
        **say_preview(told, scheme, form.programme),
        **explain_draft(form.programme, scheme),
        "course": say_course(scheme),
    }


def say_preview(told: LevelsPreview, scheme: Scheme, programme: Programme) -> dict[str, Any]:
    """Say what levels mean, with a bar for each that is as long as its part of all members."""
    rows = [
        {
            "name": level.tier.name or _("without a name"),
            "takes": say_threshold(scheme, level.tier, programme.currency),
            "gives": [
                *filter(None, [say_factor(level.tier.percent)]),
                *say_perks(level.tier.perks, programme.currency),
            ],
            "members": level.members,
        }
        for level in told.levels
    ]
    return {
        "rows": rows,
        "members": told.members,
        "without": _say_members(told.without),
        "is_sample": told.is_sample,
        "is_for_most": told.is_for_most,
        "cost": _say_cost(told, programme) if told.extra_points else "",
    }


def _say_members(count: int) -> str:
    return ngettext("%(n)s member", "%(n)s members", count) % {"n": figures.number(count)}


def _say_cost(told: LevelsPreview, programme: Programme) -> str:
    return _("About %(points)s more a year, worth %(worth)s, if everybody buys as in the last one.") % {
        "points": sentences.points(told.extra_points),
        "worth": figures.money(told.cost_minor, programme.currency),
    }


def ask_whether_meant(form: LevelForm) -> str:
    """Ask where a digit too many or too few is likely; nothing where it is not."""
    scheme = read_scheme(form)
    if scheme is None:
        return ""
    told = preview_levels(programme=form.programme, scheme=scheme, at=clock.now())
    if not told.needs_a_tick:
        return ""
    if told.is_for_most:
        return _(
            "More than half of all members would have the highest level. Tick here if it is meant to be."
        )
    return _("%(cost)s Tick here if it is meant to be.") % {"cost": _say_cost(told, form.programme)}
