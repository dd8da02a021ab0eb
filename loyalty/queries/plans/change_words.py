"""What changes between two versions of a plan, in sentences: as before, and as then."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext, ngettext

from loyalty.policies.perks import read_perks
from loyalty.queries.perk_words import say_perks
from loyalty.queries.plans.words import join_words, say_price_of
from loyalty.queries.sentences import counted
from loyalty.queries.tiers.words import say_factor

Fields = Mapping[str, Any]
_OFFER = {"plan_price_minor", "plan_months", "plan_percent", "plan_perks", "plan_level"}
# See `loyalty.policies.plans.offer.fields_of_plan`.
PLAN_FIELDS = _OFFER | {"plan_grace_days", "plan_trial_days"}


def list_plan_pairs(before: Fields, after: Fields, currency: str) -> list[tuple[str, str]]:
    """Say what changes between two versions, or the parts of them that differ. Queries: 0."""
    pairs = _pair_of_offer(before, after, currency) if before.keys() >= _OFFER else []
    for name, say in _RULES:
        if name in before and before[name] != after[name]:
            pairs.append((say(before[name]), say(after[name])))
    return pairs


def _pair_of_offer(before: Fields, after: Fields, currency: str) -> list[tuple[str, str]]:
    """Say only what differs of what a plan costs and brings: "€29.00 a year", and "€39.00 a year" then."""
    was, now = _parts(before, currency), _parts(after, currency)
    lost, new = ([part for part in one if part not in other] for one, other in ((was, now), (now, was)))
    if new:
        return [(join_words(lost), join_words(new))]
    return [("", gettext("%(benefit)s: not any more.") % {"benefit": join_words(lost)})] if lost else []


def _parts(told: Fields, currency: str) -> list[str]:
    level = told["plan_level"]
    parts = [
        say_price_of(told["plan_price_minor"], told["plan_months"], currency),
        say_factor(told["plan_percent"]),
        gettext("The level “%(level)s”") % {"level": level["name"]} if level else "",
        *say_perks(read_perks(told["plan_perks"]), currency),
    ]
    return [part for part in parts if part]


def _say_grace(days: int) -> str:
    if not days:
        return gettext("It has to be renewed by its last day.")
    sentence = ngettext(
        "It can be renewed for %(n)s day after its end.",
        "It can be renewed for %(n)s days after its end.",
        days,
    )
    return counted(sentence, days)


def _say_trial(days: int) -> str:
    if not days:
        return gettext("There is no trial.")
    return counted(ngettext("It can be tried for %(n)s day.", "It can be tried for %(n)s days.", days), days)


_RULES: tuple[tuple[str, Callable[[int], str]], ...] = (
    ("plan_grace_days", _say_grace),
    ("plan_trial_days", _say_trial),
)
