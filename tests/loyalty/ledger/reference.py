"""A member's points in the plainest words that say the laws: the oracle that the product is compared with.

It shares no code with the product and knows none of its ways. It is never late, because before each deed it
lives through every moment up to it, one at a time; it is never short of history, because it keeps a copy of
itself after each deed. It is slow and it has no database, and so it is easy to believe.
"""

from calendar import monthrange
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

PENDING, READY, RESERVED, SPENT, GONE, TAKEN = "pending", "ready", "reserved", "spent", "gone", "taken"
REPRIEVE_DAYS = 14


class Refused(Exception):
    """The deed is refused; `numbers` are the ones that the product has to name as well."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = numbers
        super().__init__(*numbers)


def midnight_after(day: datetime, days: int) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=days)


def a_month_later(day: datetime) -> datetime:
    """The end of the day one calendar month on."""
    year, month = (day.year, day.month + 1) if day.month < 12 else (day.year + 1, 1)
    return midnight_after(
        day.replace(year=year, month=month, day=min(day.day, monthrange(year, month)[1])), 1
    )


@dataclass
class Lot:
    number: int
    earned_at: datetime
    points: Counter = field(default_factory=Counter)
    ready_at: datetime | None = None
    ends_at: datetime | None = None
    extended_until: datetime | None = None
    lapses: bool = False
    waits_until: datetime | None = None
    window_days: int = 0
    purchase: int | None = None
    window: str = ""

    def move(self, points: int, here: str, there: str) -> None:
        assert 0 < points <= self.points[here], f"the oracle itself is wrong about lot {self.number}"
        self.points[here] -= points
        self.points[there] += points


@dataclass
class Reservation:
    parts: list[tuple[int, int]]
    until: datetime
    state: str = "open"

    @property
    def points(self) -> int:
        return sum(points for _, points in self.parts)


class Purse:
    """One member's points. Reservations and spendings go by the name that the caller gives them."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.lots: dict[int, Lot] = {}
        self.reservations: dict[str, Reservation] = {}
        self.spendings: dict[str, Counter] = {}
        self.debt = 0
        self.active_at: datetime | None = None

    # -- what stands

    def total(self, state: str) -> int:
        return sum(lot.points[state] for lot in self.lots.values())

    @property
    def balance(self) -> tuple[int, int, int, int]:
        """Ready, pending, reserved, owed."""
        return self.total(READY), self.total(PENDING), self.total(RESERVED), self.debt

    @property
    def endings(self) -> dict[datetime, int]:
        """How many ready points end at which moment."""
        endings: Counter = Counter()
        for lot in self.lots.values():
            if lot.points[READY] and self.end_of(lot) is not None:
                endings[self.end_of(lot)] += lot.points[READY]
        return dict(endings)

    def end_of(self, lot: Lot) -> datetime | None:
        end = lot.ends_at
        if lot.lapses and self.active_at is not None:
            end = a_month_later(self.active_at)
        return max(end, lot.extended_until) if end and lot.extended_until else end

    def soonest_end_first(self) -> list[Lot]:
        never = datetime.max.replace(tzinfo=UTC)
        return sorted(
            self.lots.values(), key=lambda lot: (self.end_of(lot) or never, lot.earned_at, lot.number)
        )

    # -- time

    def live_until(self, moment: datetime) -> "Purse":
        while happenings := [what for what in self.happenings() if what[0] <= moment]:
            self.now, _, _, happen = min(happenings, key=lambda what: what[:3])
            happen()
        self.now = max(self.now, moment)
        return self

    def happenings(self):
        """Everything that time will do next, were nobody to do anything: (moment, rank, number, deed)."""
        for lot in self.lots.values():
            if lot.points[PENDING] and lot.waits_until:
                yield (
                    max(lot.waits_until, self.now),
                    0,
                    lot.number,
                    lambda lot=lot: self.know(lot, lot.waits_until),
                )
            if lot.points[PENDING] and lot.ready_at:
                yield max(lot.ready_at, self.now), 2, lot.number, lambda lot=lot: self.release(lot)
            end = self.end_of(lot)
            if lot.points[READY] and end:
                yield (
                    max(end, self.now),
                    3,
                    lot.number,
                    lambda lot=lot: lot.move(lot.points[READY], READY, GONE),
                )
        for number, reservation in enumerate(self.reservations.values()):
            if reservation.state == "open":
                yield (
                    max(reservation.until, self.now),
                    1,
                    number,
                    lambda reservation=reservation: self.let_loose(reservation, "timed out"),
                )

    def know(self, lot: Lot, fact: datetime) -> None:
        lot.waits_until, lot.ready_at = None, midnight_after(fact, lot.window_days)
        lot.ends_at = a_month_later(lot.ready_at)

    def release(self, lot: Lot) -> None:
        lot.move(lot.points[PENDING], PENDING, READY)
        self.pay_debt([lot])

    def let_loose(self, reservation: Reservation, state: str) -> None:
        for number, points in reservation.parts:
            self.lots[number].move(points, RESERVED, READY)
        reservation.state = state
        self.pay_debt([self.lots[number] for number, _ in reservation.parts])

    def pay_debt(self, lots: list[Lot]) -> None:
        for lot in sorted(lots, key=lambda lot: lot.number):
            points = min(self.debt, lot.points[READY])
            if points:
                lot.move(points, READY, TAKEN)
                self.debt -= points

    # -- deeds; the caller has lived until their moment

    def earn(self, points: int, **facts) -> None:
        number = len(self.lots)
        self.lots[number] = Lot(number, points=Counter({PENDING: points}), **facts)
        self.deed_at(facts["earned_at"])

    def deed_at(self, moment: datetime) -> None:
        self.active_at = max(moment, self.active_at or moment)

    def reserve(self, name: str, points: int, until: datetime) -> None:
        self.need(points)
        parts = []
        for lot in self.soonest_end_first():
            share = min(points - sum(taken for _, taken in parts), lot.points[READY])
            if share:
                lot.move(share, READY, RESERVED)
                parts.append((lot.number, share))
        self.reservations[name] = Reservation(parts, until)
        self.deed_at(self.now)

    def need(self, points: int) -> None:
        if points > self.total(READY):
            raise Refused(points, self.total(READY))

    def spend(self, name: str, reservation_name: str) -> None:
        reservation = self.reservations[reservation_name]
        if reservation.state == "timed out":
            self.reserve(f"{reservation_name} again", reservation.points, self.now)
            reservation.state = "spent after all"
            reservation = self.reservations[f"{reservation_name} again"]
        if reservation.state != "open":
            raise Refused()
        for number, points in reservation.parts:
            self.lots[number].move(points, RESERVED, SPENT)
        reservation.state = "spent"
        self.spendings[name] = Counter(dict(reservation.parts))
        self.deed_at(self.now)

    def give_up(self, reservation_name: str) -> None:
        if self.reservations[reservation_name].state != "open":
            raise Refused()
        self.let_loose(self.reservations[reservation_name], "given up")

    def bring_back(self, spending_name: str, points: int) -> None:
        spent = self.spendings[spending_name]
        if points > spent.total():
            raise Refused(points, spent.total())
        came_back = []
        for lot in reversed(self.soonest_end_first()):
            share = min(points, spent[lot.number])
            if share:
                lot.move(share, SPENT, READY)
                spent[lot.number] -= share
                points -= share
                came_back.append(lot)
                end = self.end_of(lot)
                if end and end <= self.now:
                    lot.extended_until = midnight_after(self.now, REPRIEVE_DAYS + 1)
        self.pay_debt(came_back)

    def take_back(self, points: int) -> None:
        self.need(points)
        self.take(points, self.soonest_end_first(), READY)

    def take(self, points: int, lots: list[Lot], here: str) -> int:
        for lot in lots:
            share = min(points, lot.points[here])
            if share:
                lot.move(share, here, TAKEN)
                points -= share
        return points

    def claw_back(self, purchase: int, windows: list[tuple[str, int]], *, lets_go: bool) -> tuple[int, int]:
        """Give what became debt and what was let go."""
        missing = 0
        for window, points in windows:
            own, rest = [lot for lot in self.soonest_end_first() if lot.purchase == purchase], points
            same = [lot for lot in own if lot.window == window]
            other = [lot for lot in own if lot.window != window]
            for lots in (same, other):
                for here in (PENDING, READY):
                    rest = self.take(rest, lots, here)
            missing += rest
        missing = self.take(missing, self.soonest_end_first(), READY)
        if lets_go:
            return 0, missing
        self.debt += missing
        return missing, 0

    def learn(self, purchase: int, fact: datetime) -> None:
        for lot in self.lots.values():
            if lot.purchase == purchase and lot.waits_until and lot.points[PENDING]:
                self.know(lot, fact)


class Reference:
    """All members' purses, now and as they were after each deed."""

    def __init__(self, now: datetime, members: int) -> None:
        self.histories = [[(now, Purse(now))] for _ in range(members)]

    def draft(self, member: int, now: datetime) -> Purse:
        """A copy of the member's purse that has lived until now, to try a deed on."""
        return deepcopy(self.histories[member][-1][1]).live_until(now)

    def keep(self, member: int, purse: Purse) -> None:
        self.histories[member].append((purse.now, purse))

    def at(self, member: int, moment: datetime) -> Purse:
        """The purse as it stood, or will stand if nothing is done, at that moment."""
        before = [purse for at, purse in self.histories[member] if at <= moment]
        return deepcopy(before[-1]).live_until(moment)
