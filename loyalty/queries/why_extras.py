"""What level, plan and campaigns added to an order, told from the reasons that were stored with it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext, ngettext

from loyalty.models import CampaignVersion, OutsideRate
from loyalty.policies.earning import Outcome, Source
from loyalty.queries.figures import number
from loyalty.queries.sentences import counted
from loyalty.queries.tiers.schemes import name_levels

Reason = Mapping[str, Any]


def base_points(told: Mapping[str, Any]) -> int:
    """Give what the base rule made; without a list of reasons that is everything."""
    reasons: Sequence[Reason] = told.get("reasons", ())
    return int(reasons[0]["points"] if reasons else told["points"])


def extra_steps(told: Mapping[str, Any]) -> Iterator[str]:
    """Tell what each source added to the base, or why it did not, and the sum. Queries: 0 to 2."""
    reasons: Sequence[Reason] = told.get("reasons", ())
    names = _names(reasons)
    levels = name_levels([reason["id"] for reason in reasons if reason["source"] == Source.LEVEL])
    for reason in reasons[1:]:
        if reason["source"] == Source.LEVEL:
            yield _level_step(reason, levels.get(reason["id"], ""))
        elif reason["source"] == Source.PLAN:
            yield _plan_step(reason)
        else:
            yield _campaign_step(reason, names.get(reason["id"], ""))
    if reasons:
        yield counted(
            ngettext("Together %(n)s point.", "Together %(n)s points.", told["points"]), told["points"]
        )


def _level_step(reason: Reason, name: str) -> str:
    if reason["outcome"] == Outcome.OUTDONE:
        full = {"full": number(reason["full"])}
        return gettext("Your level would have added %(full)s; your paid membership adds more.") % full
    gaps = {"name": name, "points": number(reason["points"])}
    return gettext("Your level “%(name)s” adds %(points)s.") % gaps


def _plan_step(reason: Reason) -> str:
    if reason["outcome"] == Outcome.OUTDONE:
        full = {"full": number(reason["full"])}
        return gettext("Your paid membership would have added %(full)s; your level adds as much.") % full
    return gettext("Your paid membership adds %(points)s.") % {"points": number(reason["points"])}


def exchange_steps(told: Mapping[str, Any], *, is_out: bool) -> Iterator[str]:
    """Tell at which rate points went to an outside programme or came from one. Queries: 1, or 0."""
    if "outside" not in told:
        return
    rate = OutsideRate.objects.select_related("outside").get(id=told["rate"])
    gaps = {"unit": rate.outside.unit, "name": rate.outside.name, "units": number(told["units"])}
    if is_out:
        sentence = ngettext(
            "%(n)s point makes %(step)s %(unit)s with %(name)s; %(points)s make %(units)s.",
            "%(n)s points make %(step)s %(unit)s with %(name)s; %(points)s make %(units)s.",
            rate.points,
        )
        yield counted(sentence, rate.points, step=number(rate.units), points=number(told["points"]), **gaps)
    else:
        sentence = ngettext(
            "%(units)s %(unit)s with %(name)s make %(n)s point.",
            "%(units)s %(unit)s with %(name)s make %(n)s points.",
            told["points"],
        )
        yield counted(sentence, told["points"], **gaps)


def _names(reasons: Sequence[Reason]) -> dict[int, str]:
    ids = [reason["id"] for reason in reasons if reason["source"] == Source.CAMPAIGN]
    if not ids:
        return {}
    return dict(CampaignVersion.objects.filter(id__in=ids).values_list("id", "campaign__name"))


def _campaign_step(reason: Reason, name: str) -> str:
    gaps = {"name": name, "points": number(reason["points"]), "full": number(reason["full"])}
    outcome = reason["outcome"]
    if outcome == Outcome.TRIMMED:
        return (
            gettext("“%(name)s” adds %(points)s of %(full)s: then its limit for each member is reached.")
            % gaps
        )
    if outcome == Outcome.BUDGET_SPENT:
        return gettext("“%(name)s” adds nothing: all its points had been given.") % gaps
    if outcome == Outcome.OUTDONE:
        return gettext("“%(name)s” would have added %(full)s; the best offer counts.") % gaps
    if not reason["points"]:
        return gettext("“%(name)s” adds nothing to this order.") % gaps
    return gettext("“%(name)s” adds %(points)s.") % gaps
