"""What changes between two versions of the levels, in sentences: as before, and as then."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext, ngettext

from loyalty.policies.perks import read_perks
from loyalty.policies.tiers.scheme import Fall, Metric, Window
from loyalty.queries.perk_words import say_perks
from loyalty.queries.sentences import counted
from loyalty.queries.tiers.words import say_factor, say_fall, say_grace, say_lasting, say_takes

Fields = Mapping[str, Any]
# See `loyalty.policies.tiers.versions.fields_of`; grace and warnings are in no other kind of change.
LEVEL_FIELDS = {"levels", "metric", "window", "fall", "grace_days", "warning_days"}


def list_level_pairs(before: Fields, after: Fields, currency: str) -> list[tuple[str, str]]:
    """Say what changes between two versions, or the parts of them that differ; a pair for each level and
    rule. Queries: 0.
    """
    if "levels" in before and not before["levels"]:
        return [("", _say_level(one, after, currency)) for one in after["levels"]]
    if "levels" in before and not after["levels"]:
        return [(_say_names(before), gettext("There are no levels any more."))]
    pairs = _pairs_of_levels(before, after, currency) if "levels" in before else []
    if before.get("window") != after.get("window"):
        pairs.append((say_lasting(Window(before["window"])), say_lasting(Window(after["window"]))))
    for name, say in _RULES:
        if name in before and before[name] != after[name]:
            pairs.append((say(before[name]), say(after[name])))
    return pairs


def _pairs_of_levels(before: Fields, after: Fields, currency: str) -> list[tuple[str, str]]:
    """Compare each level with itself; one that is gone and one that is new stand alone."""
    then = {level["level_id"]: level for level in after["levels"]}
    pairs = []
    for was in before["levels"]:
        now = then.pop(was["level_id"], None)
        if now is None:
            gone = gettext("There is no level %(level)s any more.") % {"level": was["name"]}
            pairs.append((_say_level(was, before, currency), gone))
        elif now["name"] != was["name"]:
            pairs.append((_say_level(was, before, currency), _say_level(now, after, currency)))
        else:
            pairs += _pair_of_level(was["name"], _parts(was, before, currency), _parts(now, after, currency))
    return pairs + [("", _say_level(level, after, currency)) for level in then.values()]


def _pair_of_level(name: str, was: list[str], now: list[str]) -> list[tuple[str, str]]:
    """Say only what differs; a level may have ten benefits, and lose one."""
    lost, new = ([part for part in one if part not in other] for one, other in ((was, now), (now, was)))
    if not lost and not new:
        return []
    after = _join(name, new) if new else gettext("%(level)s: not any more.") % {"level": name}
    return [(_join(name, lost) if lost else "", after)]


def _say_level(level: Fields, told: Fields, currency: str) -> str:
    """Say what a level takes and brings: "Gold: from €1,000.00 in the last 12 months on · 2 times …"."""
    return _join(level["name"], _parts(level, told, currency))


def _parts(level: Fields, told: Fields, currency: str) -> list[str]:
    takes = say_takes(Metric(told["metric"]), Window(told["window"]), level["threshold"], currency)
    brings = [say_factor(level["percent"]), *say_perks(read_perks(level["perks"]), currency)]
    return [takes, *filter(None, brings)]


def _join(name: str, parts: list[str]) -> str:
    return f"{name}: {' · '.join(parts)}"


def _say_names(told: Fields) -> str:
    names = ", ".join(level["name"] for level in told["levels"])
    return gettext("There are the levels %(levels)s.") % {"levels": names}


def _say_warning(days: int) -> str:
    sentence = ngettext(
        "You read %(n)s day before that you are about to lose a level.",
        "You read %(n)s days before that you are about to lose a level.",
        days,
    )
    return counted(sentence, days)


_RULES: tuple[tuple[str, Callable[[Any], str]], ...] = (
    ("fall", lambda fall: say_fall(Fall(fall))),
    ("grace_days", say_grace),
    ("warning_days", _say_warning),
)
