"""What is said to whoever typed a code: that it counts, or what does not hold and what would mend it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commerce.policies.segments.words import say_money
from coupons.policies.conditions import Check, Condition
from coupons.policies.evaluation import Answer, Verdict

Facts = Mapping[str, Any]


def say_answer(answer: Answer, *, currency: str, zone: ZoneInfo) -> list[str]:
    """Say what became of a code, in sentences; days are those of `zone`. Queries: 0.

    One that is nobody's business gets the same sentence as one that nobody has.
    """
    if answer.verdict is Verdict.NO_SUCH_CODE:
        return [_("There is no such code, or it can't be used here. Check how it is spelled.")]
    if answer.verdict is Verdict.BETTER_ONE:
        return [_("Another offer takes more off, and the two can't be used together.")]
    if answer.verdict is Verdict.REFUSED:
        return [say_check(check, currency=currency, zone=zone) for check in answer.failed]
    off = say_money(answer.amount_minor, currency)
    cut = [check for check in answer.checks if check.condition is Condition.MARGIN]
    told = [say_check(check, currency=currency, zone=zone) for check in cut]
    return told or [_("It takes up to %(amount)s off.") % {"amount": off}]


def say_check(check: Check, *, currency: str, zone: ZoneInfo) -> str:
    """Say why a condition does not hold, and what would mend it. Queries: 0."""
    words = SENTENCES[check.condition]
    return words({**check.facts, "_currency": currency, "_zone": zone})


def _plain(said: Callable[[], str]) -> Callable[[Facts], str]:
    return lambda facts: said()


def _day(facts: Facts, name: str) -> str:
    moment = cast(datetime | None, facts.get(name))
    return date_format(moment.astimezone(facts["_zone"]), "DATE_FORMAT") if moment else ""


def _started(facts: Facts) -> str:
    return _("It begins on %(day)s.") % {"day": _day(facts, "starts_at")}


def _ended(facts: Facts) -> str:
    day = _day(facts, "ends_at")
    return _("It ended on %(day)s.") % {"day": day} if day else _("It has ended.")


def _places(facts: Facts) -> str:
    said = ngettext(
        "It could be used %(n)s time in all, and has been.",
        "It could be used %(n)s times in all, and all of them have been taken.",
        facts["limit"],
    )
    return said % {"n": facts["limit"]}


def _customer_left(facts: Facts) -> str:
    said = ngettext(
        "Each customer can use it %(n)s time, and you have.",
        "Each customer can use it %(n)s times, and you have.",
        facts["limit"],
    )
    return said % {"n": facts["limit"]}


def _minimum(facts: Facts) -> str:
    gaps = {name: say_money(facts[f"{name}_minor"], facts["_currency"]) for name in ("missing", "minimum")}
    return _("Add goods for %(missing)s. It counts from %(minimum)s on.") % gaps


def _margin(facts: Facts) -> str:
    if not facts["amount_minor"]:
        return _("The goods in the basket can't be reduced any further.")
    gaps = {
        "amount": say_money(facts["amount_minor"], facts["_currency"]),
        "wanted": say_money(facts["wanted_minor"], facts["_currency"]),
    }
    return _("It takes %(amount)s off and not %(wanted)s: these goods can't be reduced further.") % gaps


SENTENCES: Mapping[Condition, Callable[[Facts], str]] = {
    Condition.SWITCHED_ON: _plain(lambda: _("It can't be used at the moment.")),
    Condition.STARTED: _started,
    Condition.NOT_ENDED: _ended,
    Condition.CODE_READY: _plain(lambda: _("This code can't be used at the moment.")),
    Condition.CODE_LEFT: _plain(lambda: _("This code has been used already.")),
    Condition.PLACES_LEFT: _places,
    Condition.BUDGET_LEFT: _plain(lambda: _("What was set aside for it has been used up.")),
    Condition.CURRENCY: lambda facts: _("It is good for orders in %(currency)s only.") % facts,
    Condition.CHANNEL: lambda facts: _("It is good here only: %(channels)s.") % facts,
    Condition.KNOWN_CUSTOMER: _plain(lambda: _("Sign in to use it.")),
    Condition.OWN_CUSTOMER: _plain(lambda: _("It was made for another customer.")),
    Condition.SEGMENT: _plain(lambda: _("It is for some customers only, and you are not among them.")),
    Condition.FIRST_ORDER: _plain(lambda: _("It is for a first order, and you have ordered before.")),
    Condition.CUSTOMER_LEFT: _customer_left,
    Condition.GOODS: _plain(lambda: _("It is not for the goods in the basket. Add some that it is for.")),
    Condition.AGREEMENT: lambda facts: _("Coupons can't be used on goods of %(brands)s.") % facts,
    Condition.MINIMUM: _minimum,
    Condition.SOMETHING_OFF: _plain(lambda: _("There is nothing in the basket that it could take off.")),
    Condition.MARGIN: _margin,
}
