"""Lists of invitations as their pages show them: who would be invited and what it would cost, and how far."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from commerce.policies.segments import Definition
from commerce.queries.segments import describe_segment
from loyalty.models import Programme
from loyalty.operations.invitation_lists import read_conditions
from loyalty.queries import figures, sentences
from loyalty.queries.invitations import Funnel, Reach, get_reach, list_invitable
from loyalty.queries.programmes import rules_of

EXAMPLES: Final = 5
STEPS: Final = (
    ("invited", gettext_lazy("Invited")),
    ("opened", gettext_lazy("Opened")),
    ("joined", gettext_lazy("Joined")),
)


def preview_segment(programme: Programme, segment_id: int, at: datetime) -> dict[str, Any]:
    """Say who of a segment would be invited, and what they would earn in a year. Queries: 4 at most."""
    try:
        definition = read_conditions(segment_id)
    except ValidationError as error:
        return {"problem": " ".join(error.messages)}
    return preview_definition(programme, definition, at)


def preview_definition(programme: Programme, definition: Definition, at: datetime) -> dict[str, Any]:
    """Say the same of what a stored list has frozen. Queries: 3 at most."""
    reach = get_reach(
        definition=definition,
        programme_id=programme.pk,
        currency=programme.currency,
        zone=programme.zone,
        at=at,
    )
    examples = (
        list_invitable(definition=definition, programme_id=programme.pk, at=at, limit=EXAMPLES)
        if reach.invitable
        else []
    )
    return {
        "problem": "",
        "sentence": describe_segment(definition=definition),
        "invitable": reach.invitable,
        "count": say_reach(reach),
        "examples": examples,
        "cost": say_cost(programme, reach, at),
    }


def say_reach(reach: Reach) -> str:
    """Say how many would be invited, and how many are left out because they have joined."""
    if not reach.found:
        return _("Nobody is in this segment now.")
    if not reach.invitable:
        return _("Everybody in this segment has joined already.")
    invited = sentences.counted(
        ngettext("%(n)s customer would be invited.", "%(n)s customers would be invited.", reach.invitable),
        reach.invitable,
    )
    joined = reach.found - reach.invitable
    if not joined:
        return invited
    left_out = ngettext(
        "%(n)s more is in the segment and has joined already.",
        "%(n)s more are in the segment and have joined already.",
        joined,
    )
    return f"{invited} {sentences.counted(left_out, joined)}"


def say_cost(programme: Programme, reach: Reach, at: datetime) -> str:
    """Say what they would earn in a year if they all joined and bought as they did; empty where nothing."""
    rule = rules_of(programme).rule_at(at)
    if rule is None or reach.spent_minor <= 0:
        return ""
    points = reach.spent_minor * rule.points // rule.per_minor
    return _(
        "They bought for %(spent)s in the last 12 months. If all of them joined and went on like that, they "
        "would earn about %(points)s a year, worth %(worth)s."
    ) % {
        "spent": figures.money(reach.spent_minor, programme.currency),
        "points": sentences.points(points),
        "worth": figures.money(programme.worth_at(at).of(points), programme.currency),
    }


def lay_out_funnel(funnel: Funnel) -> list[dict[str, Any]]:
    """Give the steps of a list as bars of one length each: a share of who was invited."""
    told: Mapping[str, int] = asdict(funnel)
    return [
        {
            "label": label,
            "number": figures.number(told[name]),
            "share": percent(told[name], funnel.invited),
            "width": told[name] * 100 // funnel.invited if funnel.invited else 0,
        }
        for name, label in STEPS
    ]


def percent(part: int, whole: int) -> str:
    """Write a share; empty where there is no whole."""
    return _("%(percent)s %%") % {"percent": (part * 200 + whole) // (2 * whole)} if whole else ""
