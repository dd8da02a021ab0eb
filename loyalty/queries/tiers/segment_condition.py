"""Segments by level: who has one of some levels, earned or given."""

from collections.abc import Mapping
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.policies.segments import Moment
from commerce.policies.segments import parameters as ask
from commerce.policies.segments.words import say_list
from commerce.registry import Found, Measure, SegmentCondition
from loyalty.models import Tier
from loyalty.queries.programmes import list_programme_rules
from loyalty.queries.tiers.levels import holdings_at

Values = Mapping[str, Any]


def say_level(values: Values) -> str:
    return _("has the level %(levels)s") % {"levels": say_list(values["any_of"])}


def measure_level(values: Values, moment: Moment) -> Measure:
    """Find the customers whose best level has one of these names, or had it in an earlier version.

    While levels are off nobody has one. Names are looked up here, so only numbers are in the statement.
    """
    totals, tests = {}, ["1 = 0"]
    for rules in list_programme_rules():
        scheme = rules.scheme_at(moment.at)
        named = {
            tier.level_id
            for one in rules.schemes
            for tier in one.tiers
            if one.starts_at <= moment.at and tier.name in values["any_of"]
        }
        if scheme is None or not named & {tier.level_id for tier in scheme.tiers}:
            continue
        ranks = " ".join(f"WHEN {tier.level_id} THEN {scheme.rank(tier.level_id)}" for tier in scheme.tiers)
        totals[f"rank_{rules.id}"] = f"MAX(CASE fact.level_id {ranks} ELSE 0 END)"
        wanted = ", ".join(str(scheme.rank(level_id)) for level_id in sorted(named) if scheme.find(level_id))
        tests.append(f"total.rank_{rules.id} IN ({wanted})")
    rows = holdings_at(moment.at).values("level_id", customer_id=F("member__customer_id"))
    return Measure(rows=rows, totals=totals, only_where=" OR ".join(tests))


def tell_level(values: Values, found: Found, moment: Moment) -> str:
    names = dict(Tier.objects.order_by("id").values_list("level_id", "name"))
    held = holdings_at(moment.at).filter(member__customer=found.customer, member__merged_into=None)
    levels = [names[level_id] for level_id in held.order_by("id").values_list("level_id", flat=True)]
    if not levels:
        return _("has no level, %(levels)s is asked for") % {"levels": say_list(values["any_of"])}
    return _("has the level %(has)s, %(levels)s is asked for") % {
        "has": say_list(list(dict.fromkeys(levels))),
        "levels": say_list(values["any_of"]),
    }


LEVEL = SegmentCondition(
    key="level",
    label=gettext_lazy("level"),
    parameters=[ask.texts("any_of", gettext_lazy("one of these levels"), longest=40)],
    say=say_level,
    measure=measure_level,
    tell=tell_level,
)
