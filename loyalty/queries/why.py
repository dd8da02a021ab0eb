"""Why a fact changed the points as it did: the stored sum, told again in words and numbers.

Nothing is worked out under today's rules. What an entry stored with itself (rule version, amounts, rate), the
lots that it made and the movements that it caused are what is told, however the settings look now.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision
from django.db.models import Sum
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext

from backstage import clock
from commerce.models import Purchase
from loyalty.models import EarningRule, Entry, EntryNote, Lot, LotTerms, Member, Movement
from loyalty.policies.states import EntryKind, State
from loyalty.queries.figures import NO_BREAK_SPACE, day, last_day, money, number
from loyalty.queries.sentences import Told, counted, history, let_go, on_the_way, waiting
from loyalty.queries.sentences import points as points_text
from loyalty.queries.why_extras import base_points, exchange_steps, extra_steps


@dataclass(frozen=True, slots=True)
class Why:
    """One fact explained: what happened, and the steps that led to its points."""

    entry_id: int
    at: datetime
    sentence: str
    order: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Source:
    """Everything that the steps are told from."""

    entry: Entry
    member: Member
    now: datetime
    purchase: Purchase | None
    lots: list[Lot]
    moved: Mapping[tuple[State, State], int]
    note: str

    @property
    def zone(self) -> ZoneInfo:
        return self.member.programme.zone

    def day(self, at: datetime) -> str:
        return day(at, self.zone, now=self.now)


def why(*, entry_id: int, member_id: int | None = None) -> Why:
    """Explain an entry; with `member_id`, only if it is that member's.

    Queries: at most 9. Raises: Entry.DoesNotExist.
    """
    entries = Entry.objects.select_related("member__programme")
    entry = entries.get(id=entry_id, **({} if member_id is None else {"member_id": member_id}))
    source = _source(entry)
    order = source.purchase.reference if source.purchase else ""
    return Why(entry.id, entry.occurred_at, _sentence(source, order), order, tuple(_steps(source)))


def _source(entry: Entry) -> _Source:
    moves = Movement.objects.filter(member_id=entry.member_id, entry_id=entry.id).order_by("id")
    moved: Counter[tuple[State, State]] = Counter()
    lot_ids = set()
    for lot_id, from_state, to_state, points in moves.values_list(
        "lot_id", "from_state", "to_state", "points"
    ):
        moved[State(from_state), State(to_state)] += points
        lot_ids.add(lot_id)
    lots = list(Lot.objects.filter(id__in=lot_ids).order_by("id"))
    notes = EntryNote.objects.filter(entry_id=entry.id).values_list("for_member", flat=True)
    return _Source(entry, entry.member, clock.now(), _purchase(entry, lots), lots, moved, notes.first() or "")


def _purchase(entry: Entry, lots: list[Lot]) -> Purchase | None:
    """Find the purchase that the points are about; a mixture of several is about none."""
    ids: set[int] = set()
    if entry.source_kind == "purchase":
        ids = {entry.source_id or 0}
    elif entry.kind in (EntryKind.RELEASE, EntryKind.EXPIRE):
        ids = {lot.source_id or 0 for lot in lots if lot.source_kind == "purchase"}
    return Purchase.objects.filter(id__in=ids).first() if len(ids) == 1 else None


def _sentence(source: _Source, order: str) -> str:
    entry = source.entry
    amount = _counted_amount(entry.explanation)
    released = source.moved[State.PENDING, State.AVAILABLE]
    return history(Told(EntryKind(entry.kind), entry.reason, released, order, amount))


def _counted_amount(explanation: Mapping[str, Any]) -> str:
    if "counted_minor" not in explanation:
        return ""
    return money(explanation["counted_minor"], explanation["currency"])


def _steps(source: _Source) -> Iterator[str]:
    if source.note:
        yield source.note
    if source.entry.kind == EntryKind.ACCRUE:
        if "rule" in source.entry.explanation:
            yield from _earning_steps(source)
        yield from exchange_steps(source.entry.explanation, is_out=False)
        yield from _date_steps(source)
    elif source.entry.kind == EntryKind.REVOKE:
        yield from _taking_back_steps(source)
    elif source.entry.kind == EntryKind.RELEASE:
        yield from _release_steps(source)
    elif source.entry.kind == EntryKind.EXPIRE:
        yield from _expiry_steps(source)
    elif source.entry.kind in (EntryKind.HOLD, EntryKind.CAPTURE):
        yield from exchange_steps(source.entry.explanation, is_out=True)
        yield gettext("Points that end first are used first.")
    elif source.entry.kind == EntryKind.REINSTATE:
        yield gettext("They came back with the dates that they had.")


# -- earned --------------------------------------------------------------------------------------------------


def _earning_steps(source: _Source) -> Iterator[str]:
    """Tell the sum: what counted, the rule of that day, the rounding, and what was there before."""
    told = source.entry.explanation
    currency = told["currency"]
    yield gettext("%(amount)s of the order counts.") % {"amount": money(told["counted_minor"], currency)}
    if told["paid_otherwise_minor"]:
        amount = money(told["paid_otherwise_minor"], currency)
        yield gettext("%(amount)s was paid with points or a gift card, and that share earns nothing.") % {
            "amount": amount
        }
    rule = EarningRule.objects.select_related("programme").get(id=told["rule"])
    yield _rule_step({**told, "points": base_points(told)}, rule)
    yield from extra_steps(told)
    granted = source.moved[State.ISSUANCE, State.PENDING]
    if granted != told["points"]:
        yield counted(
            ngettext(
                "The order had brought points before; %(n)s point was missing.",
                "The order had brought points before; %(n)s points were missing.",
                granted,
            ),
            granted,
        )


def _rule_step(told: Mapping[str, Any], rule: EarningRule) -> str:
    """Write the sum where one line can hold it; a share or a rate is told in words beside its result."""
    here = rule.programme.currency
    if told["currency"] != here:
        return gettext("At %(rate)s, with %(points)s for every %(per)s, that makes %(total)s.") % {
            "rate": _rate(told, here),
            "points": points_text(rule.points),
            "per": money(rule.per_minor, here),
            "total": number(told["points"]),
        }
    if told["paid_otherwise_minor"]:
        return gettext("With %(points)s for every %(per)s, the rest makes %(total)s.") % {
            "points": points_text(rule.points),
            "per": money(rule.per_minor, here),
            "total": number(told["points"]),
        }
    exact = Fraction(told["counted_minor"] * rule.points, rule.per_minor)
    gaps = {
        "amount": money(told["counted_minor"], here),
        "points": number(rule.points),
        "per": money(rule.per_minor, here),
        "exact": _decimal(exact),
        "total": number(told["points"]),
    }
    if exact == told["points"]:
        return gettext("%(amount)s × %(points)s per %(per)s = %(total)s.") % gaps
    if exact > told["points"]:
        return gettext("%(amount)s × %(points)s per %(per)s = %(exact)s, rounded down to %(total)s.") % gaps
    return gettext("%(amount)s × %(points)s per %(per)s = %(exact)s, rounded up to %(total)s.") % gaps


def _rate(told: Mapping[str, Any], here: str) -> str:
    """Write what a whole foreign unit was worth; the stored rate is between minor units."""
    there = told["currency"]
    rate = Fraction(told["rate"]) * 10 ** get_currency_precision(there) / 10 ** get_currency_precision(here)
    return f"1{NO_BREAK_SPACE}{there} = {_decimal(rate, places=8)}{NO_BREAK_SPACE}{here}"


def _decimal(value: Fraction, *, places: int = 4) -> str:
    """Write a fraction with as many decimals as it has, up to `places`; what is left out is cut off."""
    cut = Decimal(value.numerator * 10**places // value.denominator).scaleb(-places).normalize()
    return number_format(f"{cut:f}", use_l10n=True, force_grouping=True)


def _date_steps(source: _Source) -> Iterator[str]:
    """Tell per lot when its points are, or were, ready, and until when they can be used."""
    windows = dict(
        LotTerms.objects.filter(id__in={lot.terms_id for lot in source.lots}).values_list("id", "window_days")
    )
    for lot in source.lots:
        days = windows.get(lot.terms_id or 0)
        if lot.releases_at is None:
            yield waiting(lot.issued, lot.waits_for)
            if days:
                yield _window_to_come(days)
            continue
        is_over = lot.releases_at <= source.now
        yield (_became_ready if is_over else on_the_way)(lot.issued, source.day(lot.releases_at))
        if days:
            yield (_window_over if is_over else _window_open)(days)
        yield from _until_step(source, lot)


def _became_ready(count: int, day: str) -> str:
    sentence = ngettext(
        "%(n)s point became ready on %(date)s.", "%(n)s points became ready on %(date)s.", count
    )
    return counted(sentence, count, date=day)


def _window_to_come(days: int) -> str:
    """Name the window that begins with the payment or delivery that the points wait for."""
    sentence = ngettext(
        "Then there is %(n)s day to return the goods.", "Then there are %(n)s days to return the goods.", days
    )
    return counted(sentence, days)


def _window_open(days: int) -> str:
    sentence = ngettext(
        "There is %(n)s day to return the goods.", "There are %(n)s days to return the goods.", days
    )
    return counted(sentence, days)


def _window_over(days: int) -> str:
    sentence = ngettext(
        "There was %(n)s day to return the goods.", "There were %(n)s days to return the goods.", days
    )
    return counted(sentence, days)


def _until_step(source: _Source, lot: Lot) -> Iterator[str]:
    if lot.lapse_months is not None:
        yield counted(
            ngettext(
                "They stay as long as you shop at least once in %(n)s month.",
                "They stay as long as you shop at least once in %(n)s months.",
                lot.lapse_months,
            ),
            lot.lapse_months,
        )
    elif lot.expires_at is None:
        yield gettext("They never expire.")
    else:
        date = last_day(lot.expires_at, source.zone, now=source.now)
        yield gettext("They can be used until the end of %(date)s.") % {"date": date}


# -- became ready, ended -------------------------------------------------------------------------------------


def _release_steps(source: _Source) -> Iterator[str]:
    if source.purchase:
        yield gettext("They came from what you bought on %(date)s.") % {
            "date": source.day(source.purchase.placed_at)
        }
    for lot in source.lots:
        yield from _until_step(source, lot)
    if filled := -source.entry.debt_change:
        yield counted(
            ngettext(
                "%(n)s of them filled what was missing from before.",
                "%(n)s of them filled what was missing from before.",
                filled,
            ),
            filled,
        )


def _expiry_steps(source: _Source) -> Iterator[str]:
    for lot in source.lots:
        yield gettext("You got them on %(date)s.") % {"date": source.day(lot.earned_at)}
        if source.entry.reason == "time":
            ended = max(filter(None, (lot.expires_at, lot.reprieved_until)), default=source.entry.occurred_at)
            date = last_day(ended, source.zone, now=source.now)
            yield gettext("They could be used until the end of %(date)s.") % {"date": date}


# -- taken back ----------------------------------------------------------------------------------------------


def _taking_back_steps(source: _Source) -> Iterator[str]:
    """Tell what the purchase had earned and still stands for, and where the points were taken."""
    entry, moved = source.entry, source.moved
    if source.purchase is not None and entry.reason != "reassigned":
        before = _standing_before(entry)
        after = before + entry.qualifying_change
        yield counted(
            ngettext("The order stood for %(n)s point.", "The order stood for %(n)s points.", before), before
        )
        yield counted(
            ngettext(
                "For what you keep of it, you keep %(n)s point.",
                "For what you keep of it, you keep %(n)s points.",
                after,
            ),
            after,
        )
    if pending := moved[State.PENDING, State.REVOKED]:
        yield counted(
            ngettext("%(n)s point was still on its way.", "%(n)s points were still on their way.", pending),
            pending,
        )
    if ready := moved[State.AVAILABLE, State.REVOKED]:
        yield counted(
            ngettext(
                "%(n)s point came off your ready points.", "%(n)s points came off your ready points.", ready
            ),
            ready,
        )
    if entry.debt_change > 0:
        yield counted(
            ngettext(
                "%(n)s point was used already; your next points fill this.",
                "%(n)s points were used already; your next points fill this.",
                entry.debt_change,
            ),
            entry.debt_change,
        )
    if entry.let_go_points:
        yield let_go(entry.let_go_points)


def _standing_before(entry: Entry) -> int:
    """Sum what the purchase had been granted, less what it had given back, when this entry was written."""
    earlier = Entry.objects.filter(
        member_id=entry.member_id, source_kind="purchase", source_id=entry.source_id, id__lt=entry.id
    )
    return earlier.aggregate(standing=Sum("qualifying_change"))["standing"] or 0
