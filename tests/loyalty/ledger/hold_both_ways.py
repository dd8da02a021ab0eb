"""One hold of a member whose points have lived, placed once in each way; what each way leaves behind.

The lives are short and made of real postings: points of any date, reserved, spent, back after their end,
taken back into debt, waiting for a delivery, merged away. Then a hold is asked for at any moment, under a new
key or an old one, and taken back in order to be asked for once more, by the book alone.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from hypothesis import strategies as st

from backstage.policies import SHOP
from loyalty.ledger import hold_at_once, moves
from loyalty.models import Entry, Hold, Lot, Member, Movement, PointsAccount
from loyalty.policies.errors import LedgerRefusal
from loyalty.policies.requests import Accrue, Part, PlaceHold
from loyalty.policies.terms import LotDates
from tests.factories.loyalty import LotTermsFactory, MemberFactory, ProgrammeFactory
from tests.loyalty.ledger import deeds
from tests.loyalty.ledger.deeds import day

# Few, so that dates meet; the last lets points lapse that end a month after the last deed.
DAYS = st.sampled_from([0, 1, 2, 3, 4, 40])
LATER = st.sampled_from([0, 0, 1, 2, 40])
ENDS = st.sampled_from([None, 1, 2, 3, 40, 41])
POINTS = st.integers(1, 5)

EARN = st.tuples(st.just("earn"), POINTS, DAYS, LATER, st.one_of(st.none(), LATER), st.booleans())
GIVE = st.tuples(st.just("give"), POINTS, st.one_of(st.none(), LATER))
WAIT = st.tuples(st.just("wait"), POINTS, LATER)
RESERVE = st.tuples(st.just("reserve"), POINTS, LATER)
SPEND = st.tuples(st.just("spend"))
BRING_BACK = st.tuples(st.just("bring_back"), POINTS)
RETURN = st.tuples(st.just("take_what_was_earned"), POINTS)
JOBS = st.tuples(st.just("jobs"))
DEEDS = st.one_of(EARN, GIVE, GIVE, WAIT, RESERVE, SPEND, BRING_BACK, RETURN, JOBS)
LIVES = st.fixed_dictionaries(
    {
        "lapsing": st.sampled_from([False, False, True]),
        "merged": st.sampled_from([False, False, False, False, False, True]),
        # Without points to begin with, hardly any life has enough of them when it comes to the hold.
        "ready": st.lists(st.tuples(POINTS, DAYS, ENDS), min_size=2, max_size=4),
        "deeds": st.lists(st.tuples(st.sampled_from([0, 0, 1, 2]), DEEDS), max_size=4),
        "settled": st.booleans(),
    }
)
ASKED = st.fixed_dictionaries(
    {
        "points": st.integers(1, 9),
        "days": st.sampled_from([0, 0, 0, 0, 1, 2, 40, -2]),
        "key": st.sampled_from(["new", "new", "same again", "another under it"]),
    }
)


def edge(
    decides: str,
    *,
    ready: list[tuple[int, int, int | None]],
    lived: tuple[tuple[int, tuple[Any, ...]], ...] = (),
    points: int = 3,
    days: int = 0,
    key: str = "new",
    **more: bool,
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Say who decides, how the life went, and what is asked for so many days after its last deed."""
    life = {"lapsing": False, "merged": False, "settled": False, "ready": ready, "deeds": lived} | more
    return decides, life, {"points": points, "days": days, "key": key}


# Points that are ready are told as (points, day earned, day of their end); each life stands where one
# condition of the function makes the difference.
EDGES = {
    "a part of one lot": edge("at once", ready=[(5, 0, None)], days=1),
    "all there is": edge("at once", ready=[(5, 0, None), (2, 0, 40)], points=7),
    "more than there is": edge("by the book", ready=[(5, 0, None)], points=9),
    "the soonest end first": edge("at once", ready=[(5, 0, 41), (5, 1, 40)]),
    "no end last": edge("at once", ready=[(5, 0, None), (5, 0, 40)]),
    "the oldest first": edge("at once", ready=[(5, 2, 40), (5, 1, 40)]),
    "a deed noted for later": edge("at once", ready=[(5, 4, None)]),
    "the same key again": edge("replayed", ready=[(5, 0, None)], key="same again"),
    "another under the key": edge("refused", ready=[(5, 0, None)], key="another under it"),
    "merged": edge("by the book", ready=[(5, 0, None)], merged=True),
    "lapsed": edge("by the book", ready=[(5, 0, None)], lapsing=True, days=40),
    "ready at this moment": edge(
        "by the book", ready=[(5, 0, None)], lived=((0, ("earn", 3, 0, 2, None, False)),), days=2
    ),
    "ready a day later": edge(
        "at once", ready=[(5, 0, None)], lived=((0, ("earn", 3, 0, 2, None, False)),), days=1
    ),
    "waited for in vain": edge("by the book", ready=[(5, 0, None)], lived=((0, ("wait", 3, 2)),), days=2),
    "waited for one day more": edge("at once", ready=[(5, 0, None)], lived=((0, ("wait", 3, 2)),), days=1),
    "timed out": edge("by the book", ready=[(5, 0, None)], lived=((0, ("reserve", 1, 1)),), days=2),
    "reserved besides": edge("at once", ready=[(5, 0, None)], lived=((0, ("reserve", 1, 2)),), days=2),
    "ends at this moment": edge("by the book", ready=[(5, 0, 2), (5, 0, None)], days=2),
    "ends a day later": edge("at once", ready=[(5, 0, 2), (5, 0, None)], days=1),
    "reprieved by what came later": edge(
        "by the book",
        ready=[(5, 0, 2), (4, 0, 4)],
        lived=((0, ("reserve", 5, 40)), (3, ("spend",)), (0, ("bring_back", 3))),
        points=2,
        days=-2,
    ),
}

Left = tuple[object, dict[str, list[dict[str, Any]]]]


class Life:
    """A member's short life, each deed some days after the one before."""

    def __init__(self, *, lapsing: bool) -> None:
        self.programme = ProgrammeFactory()
        self.terms = LotTermsFactory(programme=self.programme, from_delivery=True, expiry_months=1)
        self.lapse_months = None
        if lapsing:
            LotTermsFactory(programme=self.programme, by_inactivity=True, ends_at=day(0))
            self.lapse_months = 1
        self.member = MemberFactory(programme=self.programme)
        self.at = day(0)
        self.holds: list[tuple[int, str]] = []
        self.captures: list[int] = []
        self.purchases = 0

    def begin(self, told: list[tuple[int, int, int | None]]) -> None:
        """Get points that are ready, some of them earned later than they were written down."""
        for points, earned, ends in told:
            dates = LotDates(self.at, None if ends is None else day(ends), "", None)
            lapse_months = self.lapse_months if ends is None else None
            self.accrue(points, dates, earned_at=day(earned), lapse_months=lapse_months)
        self.jobs()

    def live(self, told: list[tuple[int, tuple[Any, ...]]]) -> None:
        for days, (deed, *facts) in told:
            self.at += timedelta(days=days)
            try:
                with transaction.atomic():
                    getattr(self, deed)(*facts)
            except LedgerRefusal:
                pass  # a life in which this could not be done

    def accrue(self, points: int, dates: LotDates, **more: Any) -> None:
        self.purchases += 1
        facts = {"earned_at": self.at} | {name: more.pop(name) for name in ("earned_at",) if name in more}
        request = Accrue(
            member_id=self.member.id,
            key=f"purchase:{self.purchases}",
            reason="purchase",
            parts=(Part(points, dates, **more),),
            source_kind="purchase",
            source_id=self.purchases,
            **facts,
        )
        deeds.send(request, at=self.at)

    def earn(self, points: int, earned: int, days: int, lasts: int | None, lapses: bool) -> None:
        ready_at = self.at + timedelta(days=days)
        ends_at = None if lasts is None else ready_at + timedelta(days=lasts)
        lapse_months = self.lapse_months if lapses else None
        self.accrue(
            points,
            LotDates(ready_at, None if lapse_months else ends_at, "", None),
            earned_at=day(earned),
            lapse_months=lapse_months,
        )

    def give(self, points: int, lasts: int | None) -> None:
        deeds.give(
            self.member,
            points,
            at=self.at,
            ends_at=None if lasts is None else self.at + timedelta(days=lasts),
        )

    def wait(self, points: int, days: int) -> None:
        stands_in_at = self.at + timedelta(days=days)
        self.accrue(points, LotDates(None, None, "delivery", stands_in_at), terms_id=self.terms.id)

    def reserve(self, points: int, days: int) -> None:
        key = f"reserve:{len(self.holds)}"
        until = self.at + timedelta(days=days, hours=1)
        self.holds.append((deeds.hold(self.member, points, at=self.at, until=until, key=key), key))

    def spend(self) -> None:
        if self.holds:
            posted = deeds.capture(self.member, self.holds[-1][0], at=self.at)
            self.captures.append(posted.entry_id)

    def bring_back(self, points: int) -> None:
        if self.captures:
            deeds.reinstate(self.member, self.captures[-1], points, at=self.at)

    def jobs(self) -> None:
        deeds.settle(self.member, at=self.at)

    def take_what_was_earned(self, points: int) -> None:
        deeds.return_points(self.member, points, purchase=max(1, self.purchases), at=self.at)

    def merge(self) -> None:
        """Mark the member as merged with all points still there: a merge would leave none to be refused."""
        other = MemberFactory(programme=self.programme)
        Member.objects.filter(id=self.member.id).update(merged_into=other)


@contextmanager
def by_the_book():
    """Keep the ledger from its function."""
    fits = hold_at_once.fits
    hold_at_once.fits = lambda request: False
    try:
        yield
    finally:
        hold_at_once.fits = fits


def compare(life: dict[str, Any], asked: dict[str, Any], ways: Counter[str]) -> None:
    """Live it, ask in both ways, and let none of it stay."""
    key, points, reference = "asked", asked["points"], "basket"
    with transaction.atomic():
        lived = Life(lapsing=life["lapsing"])
        with by_the_book():
            lived.begin(life["ready"])
            if asked["key"] != "new":
                lived.reserve(1, 41)
                key, points, reference = lived.holds[0][1], 1 if asked["key"] == "same again" else 2, ""
            lived.live(life["deeds"])
            if life["merged"]:
                lived.merge()
            if life["settled"]:
                lived.jobs()
        at = lived.at + timedelta(days=asked["days"])

        def ask() -> object:
            return moves.hold(
                member_id=lived.member.id,
                points=points,
                key=key,
                expires_at=at + timedelta(hours=1),
                reference=reference,
                at=at,
                by=SHOP,
            )

        at_once = left_by(lived.member, ask)
        with by_the_book():
            assert at_once == left_by(lived.member, ask)
        ways[way_of(lived.member, key, points, reference, at)] += 1
        transaction.set_rollback(True)


def way_of(member: Member, key: str, points: int, reference: str, at: datetime) -> str:
    """Tell who decides: the function, or the book that it asks."""
    request = PlaceHold(
        member_id=member.id, key=key, reason="hold", points=points, expires_at=at, reference=reference
    )
    try:
        placed = hold_at_once.place(request, at=at, by=SHOP)
    except LedgerRefusal:
        return "refused"
    return "replayed" if placed and placed.is_replay else "at once" if placed else "by the book"


def left_by(member: Member, ask: Callable[[], object]) -> Left:
    """Do it, read every row that there is then, and take it back."""
    before = Entry.objects.order_by("-id").values_list("id", flat=True).first() or 0
    outcome: object
    with transaction.atomic():
        try:
            with transaction.atomic():
                outcome = ask()
        except LedgerRefusal as refusal:
            outcome = (type(refusal), vars(refusal))
        rows = {
            model.__name__: rows_of(model, member) for model in (PointsAccount, Lot, Entry, Movement, Hold)
        }
        transaction.set_rollback(True)
    return renumbered((outcome, rows), before)


def rows_of(model: type[models.Model], member: Member) -> list[dict[str, Any]]:
    rows = list(model._base_manager.filter(member=member).order_by("id").values())
    for row in rows:
        if isinstance(row.get("recorded_at"), datetime):
            row["recorded_at"] = "now"
        if model in (Movement, Hold):
            del row["id"]  # their order is compared; what the sequence gave is not
    return rows


def renumbered(left: Left, before: int) -> Left:
    """Count new entries from 1: what was taken back has used up numbers of the sequence."""
    outcome, rows = left
    new = sorted(row["id"] for row in rows["Entry"] if row["id"] > before)
    numbers = {entry_id: f"new {place}" for place, entry_id in enumerate(new, 1)}
    for row in (row for name in rows for row in rows[name]):
        for column in ("id", "entry_id", "closed_by", "corrects"):
            if column in row and (column != "id" or "kind" in row):
                row[column] = numbers.get(row[column], row[column])
    if hasattr(outcome, "entry_id"):
        outcome = (numbers.get(outcome.entry_id, outcome.entry_id), outcome.is_replay, outcome.debt_points)
    return outcome, rows
