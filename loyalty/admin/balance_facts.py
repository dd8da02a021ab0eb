"""A member's balance in the words of staff's pages."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from loyalty.queries import figures
from loyalty.queries.balance import Balance, Expiring, Upcoming
from loyalty.queries.sentences import points as points_text

# Later ends are no news yet.
MOST_ENDS = 3


def read_facts(balance: Balance) -> list[tuple[str, list[str]]]:
    """Write a balance out for staff: what is ready, what is on its way, what ends, what is owed."""
    zone = ZoneInfo(balance.time_zone)
    worth = figures.money(balance.worth_minor, balance.currency)
    facts = [
        (_("Points"), [f"{points_text(balance.available - balance.debt)} = {worth}"]),
        (_("On the way"), [_say_coming(part, zone, balance.at) for part in balance.on_the_way]),
        (_("Ends"), [_say_end(part, zone, balance.at) for part in balance.expiring[:MOST_ENDS]]),
        (_("Reserved"), [points_text(balance.held)] if balance.held else []),
        (_("Owed"), [_say_owed(balance.debt)] if balance.debt else []),
    ]
    return [(name, said) for name, said in facts if said]


def _say_coming(part: Upcoming, zone: ZoneInfo, now: datetime) -> str:
    if part.at:
        when = _("ready on %(date)s") % {"date": figures.day(part.at, zone, now=now)}
    else:
        waits = {"payment": _("waits for the payment"), "delivery": _("waits for the delivery")}
        when = waits[part.waits_for]
    return f"{points_text(part.points)}, {when}"


def _say_end(part: Expiring, zone: ZoneInfo, now: datetime) -> str:
    last_day = figures.last_day(part.until, zone, now=now)
    return _("%(points)s after %(date)s") % {"points": points_text(part.points), "date": last_day}


def _say_owed(points: int) -> str:
    return _("%(points)s, filled by the next ones") % {"points": points_text(points)}
