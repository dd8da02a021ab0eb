"""What the member pages say: the figures on top, the notices, our own sections, and how the club works."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, Subquery
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext

from commerce.models import Purchase
from loyalty.models import Entry, Member, Programme
from loyalty.policies.calendar import next_calendar_day
from loyalty.policies.programme import (
    MEMBER_ALLOWS,
    PROGRAMME_ALLOWS,
    UNDO_LEAVING_DAYS,
    MemberState,
    ProgrammeState,
)
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.terms import Terms
from loyalty.queries import figures, sentences
from loyalty.queries.actions import list_ways
from loyalty.queries.balance import Balance
from loyalty.queries.campaigns import list_offers
from loyalty.queries.cards import get_card
from loyalty.queries.changes.words import say_end
from loyalty.queries.history import HistoryPage, HistoryRow, history_of
from loyalty.queries.programmes import rules_of
from loyalty.queries.quote import quote_under, single
from loyalty.registry import Visit

# The dot stays with what it follows, so that no line begins with one.
SEPARATOR = f"{figures.NO_BREAK_SPACE}· "
# Points that end later than this are no news yet; they stand in the history of the lot and in the mails.
EXPIRY_NOTICE_DAYS = 60
RECENT_ROWS = 20
# About what a small order costs, in minor units; the example is the nearest amount that the rule names.
EXAMPLE_MINOR = 2000


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence that stands out, with the deed that it offers; `more` unfolds below it."""

    text: str
    level: str = "info"
    offers: str = ""
    more_label: str = ""
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Headline:
    """The balance as it is read: the figure, its unit, what it is worth, and what is about to change."""

    figure: str
    unit: str
    worth: str
    facts: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class RowText:
    """A history row as it is read. `is_quiet`: what it speaks of did not change the balance."""

    row: HistoryRow
    sentence: str
    amount: str
    after: str
    about: str
    is_quiet: bool


# -- the balance ---------------------------------------------------------------------------------------------


def read_headline(balance: Balance) -> Headline:
    """Write the balance out. What is owed counts against it, so the figure agrees with the history."""
    points = balance.available - balance.debt
    worth = (
        sentences.worth(figures.money(balance.worth_minor, balance.currency)) if balance.worth_minor else ""
    )
    return Headline(figures.number(points), sentences.points_unit(points), worth, tuple(_facts(balance)))


def _facts(balance: Balance) -> Iterator[Notice]:
    zone, now = ZoneInfo(balance.time_zone), balance.at
    soon = now + timedelta(days=EXPIRY_NOTICE_DAYS)
    ends = [
        sentences.expiring(part.points, figures.last_day(part.until, zone, now=now))
        for part in balance.expiring
        if part.until <= soon
    ]
    if ends:
        yield _first_and_more(ends, "warn")
    coming = [
        sentences.on_the_way(part.points, figures.day(part.at, zone, now=now))
        if part.at
        else sentences.waiting(part.points, part.waits_for)
        for part in balance.on_the_way
    ]
    if coming:
        yield _first_and_more(coming, "info")
    if held := balance.held - balance.exchanging:
        yield Notice(sentences.reserved(held))
    if balance.exchanging:
        yield Notice(sentences.exchanging(balance.exchanging))


def _first_and_more(texts: Sequence[str], level: str) -> Notice:
    more = tuple(texts[1:])
    return Notice(texts[0], level, more_label=sentences.more_dates(len(more)) if more else "", more=more)


# -- rare states ---------------------------------------------------------------------------------------------


def find_notice(
    *, member: Member, programme: Programme, balance: Balance, running_terms_id: int | None
) -> Notice | None:
    """Find the one rare thing to say at the very top; the gravest first, never two at a time.

    Queries: 0; 1 where points are owed.
    """
    return (
        _of_member(member, balance)
        or (_of_debt(balance) if balance.debt else None)
        or _of_programme(programme, balance.at)
        or _of_terms(member, running_terms_id)
    )


def _of_member(member: Member, balance: Balance) -> Notice | None:
    if member.state == MemberState.PAUSED:
        return Notice(gettext("Your account is paused. Ask the shop; your points are safe."), "bad")
    if member.state != MemberState.LEFT or member.left_at is None:
        return None
    until = member.left_at + timedelta(days=UNDO_LEAVING_DAYS)
    if balance.at >= until:
        return Notice(
            gettext("You have left the club, and your points have ended. To come back, ask the shop."), "bad"
        )
    last_day = figures.last_day(until, ZoneInfo(balance.time_zone), now=balance.at)
    text = gettext("You have left the club. Until %(date)s you can come back and keep your points.")
    return Notice(text % {"date": last_day}, "warn", offers="come_back")


def _of_debt(balance: Balance) -> Notice:
    owing = Entry.objects.filter(member_id=balance.member_id, debt_change__gt=0, source_kind="purchase")
    newest = owing.filter(occurred_at__lte=balance.at).order_by("-occurred_at", "-id")
    order = newest.values_list(_reference_of_purchase(), flat=True).first() or ""
    return Notice(sentences.in_debt(balance.debt, order), "bad")


def _reference_of_purchase() -> Subquery:
    return Subquery(Purchase.objects.filter(id=OuterRef("source_id")).values("reference"))


def find_end(programme: Programme, at: datetime) -> Notice | None:
    """Find the end of the club, which stands above every other notice. Queries: 0."""
    text = say_end(programme, now=at)
    return Notice(text, "warn") if text else None


def _of_programme(programme: Programme, at: datetime) -> Notice | None:
    if find_end(programme, at):
        return None  # said already, with its day
    says = {
        ProgrammeState.STAFF_ONLY: gettext("Only staff can see this club so far."),
        ProgrammeState.PAUSED: gettext(
            "The club is having a break: orders bring no points now. Yours are safe."
        ),
        ProgrammeState.CLOSING: gettext(
            "The club is closing: orders bring no points any more. Use the ones you have."
        ),
        ProgrammeState.CLOSED: gettext("The club has closed."),
    }
    text = says.get(programme.state_at(at))
    return Notice(text, "warn") if text else None


def _of_terms(member: Member, running_terms_id: int | None) -> Notice | None:
    """Speak to those who accepted an older version; who was enrolled without asking has accepted none."""
    if member.terms_id is None or running_terms_id in (None, member.terms_id):
        return None
    return Notice(gettext("The terms of the club have changed."), "info", offers="read_terms")


def read_loss(balance: Balance) -> list[str]:
    """Say what leaving would cost; empty for a member without points."""
    lost = []
    if balance.available:
        lost.append(
            sentences.would_lose(balance.available, figures.money(balance.worth_minor, balance.currency))
        )
    if balance.pending:
        lost.append(sentences.would_lose_coming(balance.pending))
    return lost


# -- our own sections ----------------------------------------------------------------------------------------


def find_card(visit: Visit) -> Mapping[str, Any] | None:
    """Show the card of whoever can use one."""
    if visit.member.state != MemberState.ACTIVE:
        return None
    return {"card": get_card(visit.member.number)}


def find_offers(visit: Visit) -> Mapping[str, Any] | None:
    """Show which campaigns run, to whoever can earn. Queries: 1; 0 while none does."""
    programme_allows = PROGRAMME_ALLOWS[visit.programme.state_at(visit.at)]
    if not (MEMBER_ALLOWS[MemberState(visit.member.state)].earn and programme_allows.earn):
        return None
    # Rules know what was switched on, and not what has spent its budget since: that is asked.
    if not rules_of(visit.programme).campaigns_at(visit.at):
        return None
    language = (get_language() or "en").split("-")[0]
    offers = list_offers(programme_id=visit.programme.id, language=language, at=visit.at)
    if not offers:
        return None
    return {"offers": [(one.text, _until(one.ends_at, visit)) for one in offers]}


def _until(ends_at: datetime | None, visit: Visit) -> str:
    """Say until when something runs: to the end of a day where it ends at midnight, else to the minute."""
    if ends_at is None:
        return ""
    zone, now = visit.programme.zone, visit.at
    local = ends_at.astimezone(zone)
    if (local.hour, local.minute) == (0, 0):
        return gettext("until the end of %(date)s") % {"date": figures.last_day(ends_at, zone, now=now)}
    gaps = {"date": figures.day(ends_at, zone, now=now), "time": f"{local:%H:%M}"}
    return gettext("until %(date)s, %(time)s") % gaps


def find_ways(visit: Visit) -> Mapping[str, Any] | None:
    """Show what else brings points; nothing to whoever cannot earn, or where there is nothing."""
    earns = PROGRAMME_ALLOWS[ProgrammeState(visit.programme.state)].earn
    if not earns or not MEMBER_ALLOWS[MemberState(visit.member.state)].earn:
        return None
    ways = list_ways(rules_of(visit.programme).actions, at=visit.at)
    return {"ways": ways} if ways else None


def find_help(visit: Visit) -> Mapping[str, Any] | None:
    """Lead to how points work, and to the way out for whoever is in."""
    return {"can_leave": visit.member.state in (MemberState.ACTIVE, MemberState.PAUSED)}


def find_history(visit: Visit) -> Mapping[str, Any] | None:
    """Show the latest facts and lead to the rest."""
    page = history_of(book=visit.book, at=visit.at, limit=RECENT_ROWS)
    rows = read_history(page, visit.programme.zone, now=visit.at)
    return {"rows": rows[:RECENT_ROWS], "has_more": page.next_before is not None or len(rows) > RECENT_ROWS}


def read_history(page: HistoryPage, zone: ZoneInfo, *, now: datetime) -> list[RowText]:
    """Write the rows of a page out."""
    return [_read_row(row, zone, now) for row in page.rows]


def read_about(at: datetime, order: str, sentence: str, zone: ZoneInfo, *, now: datetime) -> str:
    """Write the day of a fact, and its order where the sentence has not named it."""
    about = [figures.day(at, zone, now=now)]
    if order and order not in sentence:
        about.append(sentences.order(order))
    return SEPARATOR.join(about)


def _read_row(row: HistoryRow, zone: ZoneInfo, now: datetime) -> RowText:
    about = [read_about(row.at, row.order, row.sentence, zone, now=now)]
    if row.waits_for:
        about.append(str(sentences.WAITS[row.waits_for]))
    elif row.ready_at is not None:
        about.append(sentences.ready(figures.day(row.ready_at, zone, now=now)))
    if row.let_go_points:
        about.append(sentences.let_go(row.let_go_points))
    sentence = f"{row.sentence}: {row.note}" if row.note else row.sentence
    if row.change:
        after = figures.number(row.balance)
    else:
        after = gettext("on the way") if row.on_the_way else ""
    # Points that are ready stand in the row of their release; a plus sign here would count them twice.
    is_told_twice = row.points > 0 and not row.change and not row.on_the_way
    amount = figures.number(row.points) if is_told_twice else figures.signed(row.points)
    return RowText(row, sentence, amount, after, SEPARATOR.join(about), not row.change)


# -- how the club works --------------------------------------------------------------------------------------


def read_rules(rules: ProgrammeRules, programme: Programme, at: datetime) -> list[str]:
    """Explain the programme as it is now, in a handful of sentences; empty where it gives nothing now.

    Of one that closes, only what its points are still good for.
    """
    rule, terms = rules.rule_at(at), _running_terms(rules, at)
    state = programme.state_at(at)
    if rule is None or terms is None or state is ProgrammeState.CLOSED:
        return []
    worth = programme.worth_at(at)
    if state is ProgrammeState.CLOSING:
        return [sentences.value(worth.points, figures.money(worth.minor, programme.currency))]
    said = [
        sentences.earn(rule.points, figures.money(rule.per_minor, programme.currency)),
        sentences.value(worth.points, figures.money(worth.minor, programme.currency)),
        sentences.window(terms.window_days, terms.clock.value),
        _ends(terms),
        gettext("What you send back takes its points with it."),
        gettext("What you pay with points or a gift card brings no points."),
    ]
    if not rule.counts_shipping:
        said.append(gettext("Shipping does not count."))
    if not rule.counts_tax:
        said.append(gettext("Tax does not count."))
    return said


def read_example(rules: ProgrammeRules, programme: Programme, at: datetime) -> str:
    """Work out one order by the engine that awards points; empty where it would bring nothing."""
    rule = rules.rule_at(at)
    if rule is None or programme.state_at(at) in (ProgrammeState.CLOSING, ProgrammeState.CLOSED):
        return ""
    amount_minor = rule.per_minor * max(1, EXAMPLE_MINOR // rule.per_minor)
    quoted = quote_under(rules, basket=single(amount_minor), currency=programme.currency, at=at)
    worth_minor = programme.worth_at(at).of(quoted.points)
    if not worth_minor:
        return ""
    currency = programme.currency
    return sentences.example(
        quoted.points, figures.money(amount_minor, currency), figures.money(worth_minor, currency)
    )


def _running_terms(rules: ProgrammeRules, at: datetime) -> Terms | None:
    terms_id = rules.terms_at(at).get(None)
    return rules.terms_by_id()[terms_id] if terms_id is not None else None


def _ends(terms: Terms) -> str:
    # Any year will do, since the sentence names a day that comes round.
    day = next_calendar_day(date(2024, 1, 1), terms.expiry_month, terms.expiry_day)
    return sentences.ends(
        terms.expiry_kind.value,
        terms.expiry_months,
        at_month_end=terms.expiry_at_month_end,
        day=date_format(day, "MONTH_DAY_FORMAT").replace(" ", figures.NO_BREAK_SPACE),
    )
