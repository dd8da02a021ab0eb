"""Changes in words: what holds until a day and what then, made of codes, in the language of whoever reads."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from loyalty.models import Announcement, Programme
from loyalty.policies.calendar import next_calendar_day
from loyalty.policies.changes.lowering import Lowers
from loyalty.policies.changes.subjects import with_companions
from loyalty.queries import figures, sentences
from loyalty.queries.plans.change_words import PLAN_FIELDS, list_plan_pairs
from loyalty.queries.tiers.change_words import LEVEL_FIELDS, list_level_pairs

Fields = Mapping[str, Any]
# What holds until then, and what holds from then on; empty where there is nothing to be said of it.
Pair = tuple[str, str]

_LOWERS = {
    Lowers.POINTS: _("fewer points for the same money"),
    Lowers.TAX: _("tax does not count any more"),
    Lowers.SHIPPING: _("shipping does not count any more"),
    Lowers.ROUNDING: _("less is rounded up"),
    Lowers.WINDOW: _("points are ready later"),
    Lowers.EXPIRY: _("points may end sooner"),
    Lowers.WORTH: _("points are worth less"),
    Lowers.REPRIEVE: _("points that come back too late can be used for fewer days"),
    Lowers.DEBT: _("points that come back after they were used are treated more strictly"),
    Lowers.COMBINATION: _("an order in several campaigns gets only the best one"),
    Lowers.NOTICE: _("members are told of changes later than now"),
    Lowers.THRESHOLD: _("a level takes more"),
    Lowers.FACTOR: _("fewer times the points"),
    Lowers.PERKS: _("a benefit is gone, or there is less of it"),
    Lowers.LEVEL: _("a level is gone"),
    Lowers.MEASURE: _("something else counts for levels"),
    Lowers.FALL: _("who loses a level falls further"),
    Lowers.GRACE: _("there are fewer days of grace"),
    Lowers.WARNING: _("members are told later that they are about to lose a level"),
    Lowers.LEVELS_OFF: _("nobody has a level any more"),
    Lowers.PRICE: _("the plan costs more"),
}
_ROUNDING = {
    "down": _("A part of a point is lost."),
    "nearest": _("Points are rounded to the nearest whole one."),
    "up": _("A part of a point becomes a whole one."),
}
_DEBT = {
    "debt": _("When something comes back whose points you have used, your next points fill the gap."),
    "let_go": _("When something comes back whose points you have used, we let it go."),
    "from_refund": _(
        "When something comes back whose points you have used, we keep their worth from the refund."
    ),
}
_COMBINATION = {
    "best": _("An order in several offers gets the best of them."),
    "add_up": _("An order in several offers gets all of them."),
}


def list_pairs(before: Fields, after: Fields, currency: str) -> list[Pair]:
    """Say what changes between two versions of a rule, terms or settings, a pair of sentences for each part.

    Queries: 0.
    """
    changed = {name for name, value in after.items() if before[name] != value}
    needed = with_companions(changed)
    told = [({name: side.get(name, before[name]) for name in needed}) for side in (before, after)]
    pairs = [(say(told[0], currency), say(told[1], currency)) for names, say in _PARTS if names & changed]
    if changed & PLAN_FIELDS:
        pairs += list_plan_pairs(told[0], told[1], currency)
    if changed & LEVEL_FIELDS:
        pairs += list_level_pairs(told[0], told[1], currency)
    return [pair for pair in pairs if any(pair)]


def list_announced_pairs(announcement: Announcement) -> list[Pair]:
    """Say what an announcement changes; its programme must be at hand. Queries: 0."""
    before, after = ({name: pair[side] for name, pair in announcement.changes.items()} for side in (0, 1))
    return list_pairs(before, after, announcement.programme.currency)


def say_lowers(codes: Any) -> str:
    """Name what a change takes away, in half a sentence. Queries: 0."""
    return ", ".join(str(_LOWERS[Lowers(code)]) for code in sorted(codes))


def say_moment(moment: datetime, programme: Programme, *, now: datetime) -> str:
    """Write when something begins: its day, with the time where that is not midnight. Queries: 0."""
    zone = programme.zone
    local, day = moment.astimezone(zone), figures.day(moment, zone, now=now)
    if (local.hour, local.minute) == (0, 0):
        return day
    return gettext("%(date)s, %(time)s") % {"date": day, "time": f"{local:%H:%M}"}


def say_end(programme: Programme, *, now: datetime) -> str:
    """Tell members until when they can use their points; empty unless the club is to close. Queries: 0."""
    if programme.closes_at is None or programme.closes_at <= now:
        return ""
    day = figures.last_day(programme.closes_at, programme.zone, now=now)
    return gettext("The club ends on %(date)s. Points can be used until then.") % {"date": day}


# -- the parts -----------------------------------------------------------------------------------------------


def _say_points(told: Fields, currency: str) -> str:
    return sentences.earn(told["points"], figures.money(told["per_minor"], currency))


def _say_tax(told: Fields, currency: str) -> str:
    return gettext("Tax counts.") if told["counts_tax"] else gettext("Tax does not count.")


def _say_shipping(told: Fields, currency: str) -> str:
    return gettext("Shipping counts.") if told["counts_shipping"] else gettext("Shipping does not count.")


def _say_missing_fact(told: Fields, currency: str) -> str:
    days = told["missing_fact_days"]
    sentence = ngettext(
        "If nobody tells us of the payment or delivery, %(n)s day after the order stands in for it.",
        "If nobody tells us of the payment or delivery, %(n)s days after the order stand in for it.",
        days,
    )
    return sentences.counted(sentence, days)


def _say_ends(told: Fields, currency: str) -> str:
    # Any year will do, since the sentence names a day that comes round.
    day = next_calendar_day(date(2024, 1, 1), told["expiry_month"], told["expiry_day"])
    return sentences.ends(
        told["expiry_kind"],
        told["expiry_months"],
        at_month_end=told["expiry_at_month_end"],
        day=date_format(day, "MONTH_DAY_FORMAT").replace(" ", figures.NO_BREAK_SPACE),
    )


def _say_reprieve(told: Fields, currency: str) -> str:
    days = told["reprieve_days"]
    sentence = ngettext(
        "Points that come back after their end can be used for %(n)s day.",
        "Points that come back after their end can be used for %(n)s days.",
        days,
    )
    return sentences.counted(sentence, days)


def _say_notice(told: Fields, currency: str) -> str:
    days = told["notice_days"]
    sentence = ngettext(
        "You read of changes for the worse %(n)s day before.",
        "You read of changes for the worse %(n)s days before.",
        days,
    )
    return sentences.counted(sentence, days)


_PARTS: tuple[tuple[set[str], Callable[[Fields, str], str]], ...] = (
    ({"points", "per_minor"}, _say_points),
    ({"counts_tax"}, _say_tax),
    ({"counts_shipping"}, _say_shipping),
    ({"rounding"}, lambda told, currency: str(_ROUNDING[told["rounding"]])),
    ({"window_days", "clock"}, lambda told, currency: sentences.window(told["window_days"], told["clock"])),
    ({"missing_fact_days"}, _say_missing_fact),
    (
        {"expiry_kind", "expiry_months", "expiry_at_month_end", "expiry_month", "expiry_day"},
        _say_ends,
    ),
    (
        {"worth_points", "worth_minor"},
        lambda told, currency: sentences.value(
            told["worth_points"], figures.money(told["worth_minor"], currency)
        ),
    ),
    ({"reprieve_days"}, _say_reprieve),
    ({"debt_policy"}, lambda told, currency: str(_DEBT[told["debt_policy"]])),
    ({"combination"}, lambda told, currency: str(_COMBINATION[told["combination"]])),
    ({"notice_days"}, _say_notice),
)
