"""What a member reads: one whole sentence for every kind of fact, state and refusal.

Whole sentences, because languages differ in more than the noun: Polish changes the verb and the case as well.
So a count never stands beside a bare noun, a sentence holds one count at most, and names stand where no
grammar rules them. Nothing here decides anything; numbers and dates arrive worked out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy, ngettext
from django.utils.translation import gettext_noop as _

from loyalty.policies.states import EntryKind
from loyalty.queries.figures import NO_BREAK_SPACE, number

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Told:
    """What a sentence about one fact may need: `order` as the shop numbers it, `amount` as written money."""

    kind: EntryKind
    reason: str
    points: int
    order: str = ""
    amount: str = ""
    is_used: bool = False


def counted(sentence: str, count: int, **gaps: object) -> str:
    """Fill a sentence that speaks of `count`; the number keeps to the word it counts."""
    return sentence.replace("%(n)s ", f"%(n)s{NO_BREAK_SPACE}") % {"n": number(count), **gaps}


# -- points as such ------------------------------------------------------------------------------------------


def points(count: int) -> str:
    """Say how many points: "1,240 points"."""
    return counted(ngettext("%(n)s point", "%(n)s points", abs(count)), count)


def points_unit(count: int) -> str:
    """Give the word that stands beside a figure set in large type: what `points` says, without the figure."""
    return points(count).replace(number(count), "").strip()


def worth(amount: str) -> str:
    """Say what the points are worth."""
    return gettext("Worth %(amount)s off a later order") % {"amount": amount}


def expiring(count: int, day: str) -> str:
    """Warn of points that end."""
    sentence = ngettext("%(n)s point expires on %(date)s.", "%(n)s points expire on %(date)s.", count)
    return counted(sentence, count, date=day)


def on_the_way(count: int, day: str) -> str:
    """Announce points and the day on which they become ready."""
    sentence = ngettext(
        "%(n)s point is on its way. It is ready on %(date)s.",
        "%(n)s points are on their way. They are ready on %(date)s.",
        count,
    )
    return counted(sentence, count, date=day)


def waiting(count: int, waits_for: str) -> str:
    """Announce points whose day is not known yet, and what they wait for."""
    if waits_for == "payment":
        sentence = ngettext(
            "%(n)s point is on its way. It waits for your payment.",
            "%(n)s points are on their way. They wait for your payment.",
            count,
        )
    else:
        sentence = ngettext(
            "%(n)s point is on its way. It waits for the delivery.",
            "%(n)s points are on their way. They wait for the delivery.",
            count,
        )
    return counted(sentence, count)


def reserved(count: int) -> str:
    """Say that points are put aside for something that is not finished."""
    sentence = ngettext(
        "%(n)s point is reserved for an order.", "%(n)s points are reserved for an order.", count
    )
    return counted(sentence, count)


def exchanging(count: int) -> str:
    """Say that points are put aside for an exchange with an outside programme."""
    sentence = ngettext(
        "%(n)s point is on its way to another programme.",
        "%(n)s points are on their way to another programme.",
        count,
    )
    return counted(sentence, count)


def more_dates(count: int) -> str:
    """Lead to the dates that are not shown at once."""
    return counted(ngettext("%(n)s more date", "%(n)s more dates", count), count)


def points_for_action(count: int, action: str) -> str:
    """Say what an action brings: "20 points: your birthday". The action stands where no grammar rules it."""
    return counted(
        ngettext("%(n)s point: %(action)s", "%(n)s points: %(action)s", count), count, action=action
    )


# -- facts of the history ------------------------------------------------------------------------------------

_BY_REASON: Mapping[tuple[EntryKind, str], str] = {
    (EntryKind.ACCRUE, "purchase"): _("You bought something"),
    (EntryKind.ACCRUE, "goodwill"): _("A gift from us"),
    (EntryKind.ACCRUE, "correction"): _("We corrected your points"),
    (EntryKind.ACCRUE, "lost_receipt"): _("Points for a purchase whose receipt was lost"),
    (EntryKind.ACCRUE, "old_card"): _("The points of your old card moved here"),
    (EntryKind.ACCRUE, "event"): _("Points for an event"),
    (EntryKind.ACCRUE, "import"): _("Your points from before moved here"),
    (EntryKind.ACCRUE, "welcome"): _("Welcome to the club"),
    (EntryKind.ACCRUE, "sign_up"): _("Welcome to the club"),
    (EntryKind.ACCRUE, "birthday"): _("For your birthday"),
    (EntryKind.ACCRUE, "anniversary"): _("For another year in the club"),
    (EntryKind.ACCRUE, "review"): _("For your review"),
    (EntryKind.ACCRUE, "share"): _("For telling others"),
    (EntryKind.ACCRUE, "survey"): _("For answering our questions"),
    (EntryKind.ACCRUE, "newsletter"): _("For reading our news"),
    (EntryKind.ACCRUE, "exchange_in"): _("Points from another programme came here"),
    (EntryKind.HOLD, "exchange"): _("Points on their way to another programme"),
    (EntryKind.CAPTURE, "exchange"): _("Points exchanged with another programme"),
    (EntryKind.VOID, "exchange_back"): _("An exchange did not come about, so its points came back"),
    (EntryKind.REVOKE, "withdrawn"): _("What these points were for was taken back"),
    (EntryKind.VOID, "timed_out"): _("Reserved points came back, the time was up"),
    (EntryKind.EXPIRE, "left"): _("You left the club, so its points ended"),
    (EntryKind.EXPIRE, "closed"): _("The club closed, so its points ended"),
    (EntryKind.MERGE, "merge_in"): _("The points of your other account came here"),
    (EntryKind.MERGE, "merge_out"): _("These points moved to your other account"),
    (EntryKind.REVOKE, "left"): _("You left the club, so points on their way ended"),
    (EntryKind.REVOKE, "closed"): _("The club closed, so points on their way ended"),
    (EntryKind.REVOKE, "correction"): _("We corrected your points"),
}
_BY_KIND: Mapping[EntryKind, str] = {
    EntryKind.ACCRUE: _("Points for you"),
    EntryKind.HOLD: _("Points reserved"),
    EntryKind.CAPTURE: _("Points used"),
    EntryKind.VOID: _("Reserved points came back"),
    EntryKind.EXPIRE: _("Points expired"),
    EntryKind.REVOKE: _("Points taken back"),
    EntryKind.REINSTATE: _("Points that you had used came back"),
    EntryKind.SET_DATE: _("The date of your points is known"),
    EntryKind.MERGE: _("Two accounts became one"),
}
_OF_ORDER: Mapping[tuple[EntryKind, str], str] = {
    (EntryKind.REVOKE, "returned"): _("Order %(order)s was returned, so its points went back"),
    (EntryKind.REVOKE, "cancelled"): _("Order %(order)s was cancelled, so its points went back"),
    (EntryKind.REVOKE, "repriced"): _("Order %(order)s was changed, so some of its points went back"),
    (EntryKind.REVOKE, "reassigned"): _(
        "Order %(order)s turned out not to be yours, so its points went back"
    ),
}


def history(told: Told) -> str:
    """Say what happened, in one sentence without a full stop.

    A reason that has no sentence of its own (an app above brought it, or a person typed it) gets the one of
    its kind, so a row is never empty and never shows a code.
    """
    if told.kind is EntryKind.RELEASE:
        return counted(ngettext("%(n)s point is ready", "%(n)s points are ready", told.points), told.points)
    if told.kind is EntryKind.HOLD and told.is_used:
        return gettext(_BY_REASON.get((EntryKind.CAPTURE, told.reason), _BY_KIND[EntryKind.CAPTURE]))
    if told.kind is EntryKind.ACCRUE and told.reason == "purchase" and told.amount:
        return gettext("You bought for %(amount)s") % {"amount": told.amount}
    if told.order and (told.kind, told.reason) in _OF_ORDER:
        return gettext(_OF_ORDER[told.kind, told.reason]) % {"order": told.order}
    return gettext(_BY_REASON.get((told.kind, told.reason), _BY_KIND[told.kind]))


def order(reference: str) -> str:
    """Name an order in passing: "order 10482"."""
    return gettext("order %(order)s") % {"order": reference}


def ready(day: str) -> str:
    """Name in passing the day on which points become, or became, ready."""
    return gettext("ready %(date)s") % {"date": day}


WAITS: Mapping[str, Text] = {
    "payment": gettext_lazy("waits for your payment"),
    "delivery": gettext_lazy("waits for the delivery"),
}


def let_go(count: int) -> str:
    """Say that points which could not be taken back are forgiven."""
    sentence = ngettext(
        "We let %(n)s point go that was already used.",
        "We let %(n)s points go that were already used.",
        count,
    )
    return counted(sentence, count)


# -- rare states ---------------------------------------------------------------------------------------------


def in_debt(count: int, order: str) -> str:
    """Say how many points are missing, why, and what happens next. The figure carries a minus sign."""
    if order:
        sentence = ngettext(
            "You have %(n)s point, because order %(order)s came back after its points were used. "
            "Your next points fill this first.",
            "You have %(n)s points, because order %(order)s came back after its points were used. "
            "Your next points fill this first.",
            count,
        )
        return counted(sentence, -count, order=order)
    sentence = ngettext(
        "You have %(n)s point. Your next points fill this first.",
        "You have %(n)s points. Your next points fill this first.",
        count,
    )
    return counted(sentence, -count)


def would_lose(count: int, amount: str) -> str:
    """Say which ready points leaving would end."""
    sentence = ngettext(
        "You would lose %(n)s point, worth %(amount)s.",
        "You would lose %(n)s points, worth %(amount)s.",
        count,
    )
    return counted(sentence, count, amount=amount)


def would_lose_coming(count: int) -> str:
    """Say which points on their way leaving would end."""
    sentence = ngettext(
        "You would lose %(n)s point that is on its way.",
        "You would lose %(n)s points that are on their way.",
        count,
    )
    return counted(sentence, count)


def undo_leaving(days: int) -> str:
    """Say how long leaving can be undone."""
    return counted(
        ngettext("You can undo this for %(n)s day.", "You can undo this for %(n)s days.", days), days
    )


# -- how the club works --------------------------------------------------------------------------------------


def earn(count: int, amount: str) -> str:
    """Say what spending brings."""
    sentence = ngettext(
        "You get %(n)s point for every %(amount)s that you spend.",
        "You get %(n)s points for every %(amount)s that you spend.",
        count,
    )
    return counted(sentence, count, amount=amount)


def value(count: int, amount: str) -> str:
    """Say what points buy."""
    sentence = ngettext(
        "%(n)s point is worth %(amount)s off a later order.",
        "%(n)s points are worth %(amount)s off a later order.",
        count,
    )
    return counted(sentence, count, amount=amount)


def example(count: int, amount: str, worth: str) -> str:
    """Show one order worked out."""
    sentence = ngettext(
        "An order of %(amount)s brings %(n)s point, worth %(worth)s.",
        "An order of %(amount)s brings %(n)s points, worth %(worth)s.",
        count,
    )
    return counted(sentence, count, amount=amount, worth=worth)


def window(days: int, clock: str) -> str:
    """Say when points become ready."""
    if days == 0:
        return {
            "order": gettext("Points are ready at once."),
            "payment": gettext("Points are ready when you have paid."),
            "delivery": gettext("Points are ready when your order is delivered."),
        }[clock]
    by_clock: Mapping[str, Callable[[], str]] = {
        "order": lambda: ngettext(
            "Points are ready %(n)s day after you order, when it can no longer be returned.",
            "Points are ready %(n)s days after you order, when it can no longer be returned.",
            days,
        ),
        "payment": lambda: ngettext(
            "Points are ready %(n)s day after you pay, when the order can no longer be returned.",
            "Points are ready %(n)s days after you pay, when the order can no longer be returned.",
            days,
        ),
        "delivery": lambda: ngettext(
            "Points are ready %(n)s day after the delivery, when the order can no longer be returned.",
            "Points are ready %(n)s days after the delivery, when the order can no longer be returned.",
            days,
        ),
    }
    return counted(by_clock[clock](), days)


def ends(kind: str, months: int, *, at_month_end: bool, day: str) -> str:
    """Say how long points can be used."""
    if kind == "never":
        return gettext("Points never expire.")
    if kind == "calendar_day":
        if not months:
            return gettext("Points end on %(date)s each year.") % {"date": day}
        sentence = ngettext(
            "Points end on the first %(date)s that comes %(n)s month after they became ready, or later.",
            "Points end on the first %(date)s that comes %(n)s months after they became ready, or later.",
            months,
        )
    elif kind == "inactivity":
        sentence = ngettext(
            "Points stay as long as you shop at least once in %(n)s month.",
            "Points stay as long as you shop at least once in %(n)s months.",
            months,
        )
    elif at_month_end:
        sentence = ngettext(
            "You can use them for %(n)s month, to the end of that month.",
            "You can use them for %(n)s months, to the end of the last one.",
            months,
        )
    else:
        sentence = ngettext("You can use them for %(n)s month.", "You can use them for %(n)s months.", months)
    return counted(sentence, months, date=day)


# -- on a product's page -------------------------------------------------------------------------------------


def hint(count: int, *, is_member: bool) -> str:
    """Say what buying this would bring."""
    if is_member:
        return counted(ngettext("You get %(n)s point", "You get %(n)s points", count), count)
    return counted(ngettext("%(n)s point with the club", "%(n)s points with the club", count), count)
