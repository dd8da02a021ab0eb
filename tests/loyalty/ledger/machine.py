"""Random lives of two members, lived by the product and by the oracle at once.

Each rule is one deed in a transaction of its own. Both sides must give the same outcome, refusals and their
numbers included; a refusal and a replay leave no trace. After each step every balance is compared, now, at a
moment of the past and at one of the future, and the books are asked whether they are right. Nobody writes down
what time has decided unless `jobs` is drawn, so the product is late most of the time and must not show it.

The rules `fund`, `hold_all`, `refund_rest` and `spend_then_return` steer: without them random lives hardly
ever reach a debt, an empty account or a full reservation, and bugs planted there survive.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from backstage.ddl import triggers_dropped
from backstage.policies import SYSTEM
from backstage.registry import invariants
from loyalty.ledger import moves, posting
from loyalty.models import Entry, EntryNote, Hold, Lot, Movement, PointsAccount
from loyalty.policies import requests
from loyalty.policies.errors import KeyReused, LedgerRefusal, NotEnoughPoints, TooMuchReturned
from loyalty.policies.programme import DebtPolicy
from loyalty.policies.standing import SoldLine, standing_points
from loyalty.policies.terms import LotDates
from loyalty.queries import get_balance
from tests.factories.loyalty import LotTermsFactory, MemberFactory, ProgrammeFactory
from tests.loyalty.ledger.reference import Purse, Reference, Refused, midnight_after

START = datetime(2026, 1, 30, 9, tzinfo=UTC)  # a month on is a day that February lacks
LEDGER = (Movement, EntryNote, Entry, Hold, Lot)

members = st.integers(0, 1)
any_one = st.integers(0, 99)
few_points = st.integers(1, 6)


@dataclass
class Line:
    sold: int
    earned: int
    window: str
    returned: int = 0

    @property
    def standing(self) -> int:
        return self.earned * (self.sold - self.returned) // self.sold


@dataclass
class Purchase:
    """What the shop sold; how the product's points for it are posted."""

    id: int
    member: int
    earned_at: datetime
    lines: dict[str, Line]
    lets_go: bool
    posted: dict[str, int] = field(default_factory=dict)
    posts: int = 0

    def target(self) -> dict[str, int]:
        sold = [SoldLine(key, line.sold, returned_minor=line.returned) for key, line in self.lines.items()]
        return standing_points(sold, {key: line.earned for key, line in self.lines.items()})

    def next_key(self) -> str:
        self.posts += 1
        return f"purchase:{self.id}:{self.posts}"


@dataclass
class Sent:
    """A request that was carried out and can be sent again."""

    member: int
    key: str
    send: Callable[[], Any]
    entry_id: int


def empty_ledger() -> None:
    with transaction.atomic(), triggers_dropped(connection):
        for model in LEDGER:
            model._base_manager.all()._raw_delete(using="default")
        PointsAccount._base_manager.all()._raw_delete(using="default")


class LedgerMachine(RuleBasedStateMachine):
    """Lots end on a date of their own, or never."""

    lapsing = False

    def __init__(self) -> None:
        super().__init__()
        empty_ledger()
        programme = ProgrammeFactory()
        self.ids = [MemberFactory(programme=programme).id for _ in range(2)]
        self.terms = {
            "order": LotTermsFactory(programme=programme, version=1, ends_at=START, by_inactivity=self.lapsing).id,
            "delivery": LotTermsFactory(
                programme=programme,
                version=2,
                from_delivery=True,
                window_days=3,
                missing_fact_days=5,
                expiry_months=1,
                expiry_at_month_end=False,
            ).id,
        }
        self.now = START
        self.reference = Reference(START, members=2)
        self.purchases: list[Purchase] = []
        self.holds: list[tuple[int, str, int]] = []
        self.captures: list[tuple[int, str, int]] = []
        self.sent: list[Sent] = []
        self.chance = random.Random(5)
        self.keys = 0

    # -- both sides at once

    def both(
        self, member: int, key: str, send: Callable[[], Any], deed: Callable[[Purse], Any]
    ) -> tuple[Any, Any] | None:
        """Let the product and the oracle do it; None when both refuse, with the same numbers."""
        purse, size = self.reference.draft(member, self.now), self.size()
        wanted = refused = None
        try:
            wanted = deed(purse)
        except Refused as refusal:
            refused = refusal
        try:
            with transaction.atomic():
                posted = send()
        except LedgerRefusal as refusal:
            assert refused is not None, f"only the product refuses: {refusal}"
            assert numbers_of(refusal) == refused.numbers
            assert self.size() == size, "a refusal has left traces"
            return None
        assert refused is None, f"only the oracle refuses: {refused.numbers}"
        assert not posted.is_replay
        self.reference.keep(member, purse)
        self.sent.append(Sent(member, key, send, posted.entry_id))
        return posted, wanted

    @staticmethod
    def size() -> tuple[int, int, int, int]:
        """Everything that a deed could have left behind."""
        return Entry.objects.count(), Movement.objects.count(), Lot.objects.count(), Hold.objects.count()

    def new_key(self, what: str) -> str:
        self.keys += 1
        return f"{what}:{self.keys}"

    def told(self) -> dict[str, Any]:
        return {"at": self.now, "by": SYSTEM}

    # -- time

    @rule(hours=st.sampled_from([1, 6, 24, 72, 24 * 16, 24 * 33]))
    def tick(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(member=members)
    def jobs(self, member: int) -> None:
        """Write down what time has decided. Nobody may see a difference."""
        with transaction.atomic():
            posting.settle([self.ids[member]], **self.told())
        with transaction.atomic():
            assert posting.settle([self.ids[member]], **self.told()) == 0, "the second run found something to do"

    # -- earning

    @rule(member=members, points=few_points, days=st.sampled_from([None, 1, 20]))
    def fund(self, member: int, points: int, days: int | None) -> None:
        """Points to spend at once."""
        key, ends_at = self.new_key("gift"), None if days is None else midnight_after(self.now, days)
        self.both(
            member,
            key,
            lambda at=self.now: moves.give(
                member_id=self.ids[member], points=points, key=key, reason="gift", expires_at=ends_at, at=at, by=SYSTEM
            ),
            lambda purse: purse.earn(points, earned_at=self.now, ready_at=self.now, ends_at=ends_at),
        )

    @rule(
        member=members,
        lines=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 7), st.booleans()), min_size=1, max_size=3),
        days=st.sampled_from([0, 2, 14]),
        lets_go=st.booleans(),
    )
    def earn(self, member: int, lines: list[tuple[int, int, bool]], days: int, lets_go: bool) -> None:
        """A purchase: one lot for what is ready some days after the order, one for what waits for delivery."""
        windows = {
            str(number): Line(sold, earned, "delivery" if waits else "order")
            for number, (sold, earned, waits) in enumerate(lines)
        }
        purchase = Purchase(len(self.purchases) + 1, member, self.now, windows, lets_go)
        self.purchases.append(purchase)
        self.award(purchase, days)

    def award(self, purchase: Purchase, days: int = 0) -> None:
        """Bring the points up to what the purchase now stands for: revoke first, then grant."""
        target = purchase.target()
        changes = {key: target[key] - purchase.posted.get(key, 0) for key in target}
        wanted = {key: line.standing - purchase.posted.get(key, 0) for key, line in purchase.lines.items()}
        purchase.posted = target
        if less := by_window(purchase, changes, sign=-1):
            self.claw_back(purchase, less, by_window(purchase, wanted, sign=-1))
        if more := by_window(purchase, changes, sign=1):
            self.grant(purchase, more, by_window(purchase, wanted, sign=1), days)

    def grant(self, purchase: Purchase, more: dict[str, int], wanted: dict[str, int], days: int) -> None:
        facts = {window: self.facts(purchase, window, days) for window in sorted(more | wanted)}
        parts = tuple(
            requests.Part(
                more[window],
                LotDates(
                    facts[window].get("ready_at"),
                    facts[window].get("ends_at"),
                    "delivery" if "waits_until" in facts[window] else "",
                    facts[window].get("waits_until"),
                ),
                terms_id=self.terms[window],
                lapse_months=1 if facts[window].get("lapses") else None,
            )
            for window in sorted(more)
        )
        request = requests.Accrue(
            member_id=self.ids[purchase.member],
            key=purchase.next_key(),
            reason="purchase",
            parts=parts,
            earned_at=purchase.earned_at,
            source_kind="purchase",
            source_id=purchase.id,
        )

        def deed(purse: Purse) -> None:
            for window in sorted(wanted):
                purse.earn(wanted[window], **facts[window])

        self.post(purchase.member, request, deed)

    def facts(self, purchase: Purchase, window: str, days: int) -> dict[str, Any]:
        """When points of this window become ready and end, in the oracle's words."""
        facts: dict[str, Any] = {"earned_at": purchase.earned_at, "purchase": purchase.id, "window": window}
        if window == "delivery":
            return facts | {"waits_until": midnight_after(purchase.earned_at, 5), "window_days": 3}
        ready_at = midnight_after(purchase.earned_at, days) if days else self.now
        if self.lapsing:
            return facts | {"ready_at": ready_at, "lapses": True}
        return facts | {"ready_at": ready_at, "ends_at": midnight_after(ready_at, 20)}

    def post(self, member: int, request: requests.Request, deed: Callable[[Purse], Any]) -> tuple[Any, Any] | None:
        return self.both(
            member, request.key, lambda at=self.now: posting.post([request], at=at, by=SYSTEM)[0], deed
        )

    @rule(which=any_one, days_ago=st.sampled_from([0, 1, 8]))
    @precondition(lambda self: self.purchases)
    def deliver(self, which: int, days_ago: int) -> None:
        """The shop says when it delivered; it may say so late."""
        purchase = self.purchases[which % len(self.purchases)]
        fact = max(purchase.earned_at, self.now - timedelta(days=days_ago))
        request = requests.DatePurchase(
            member_id=self.ids[purchase.member],
            key=self.new_key("fact"),
            reason="fact",
            purchase_id=purchase.id,
            waits_for="delivery",
            fact_at=fact,
        )
        self.post(purchase.member, request, lambda purse: purse.learn(purchase.id, fact))

    # -- returns

    @rule(which=any_one, line=any_one, amount=st.integers(1, 3))
    @precondition(lambda self: self.purchases)
    def refund(self, which: int, line: int, amount: int) -> None:
        purchase = self.purchases[which % len(self.purchases)]
        sold = list(purchase.lines.values())[line % len(purchase.lines)]
        sold.returned = min(sold.sold, sold.returned + amount)
        self.award(purchase)

    @rule(which=any_one)
    @precondition(lambda self: self.purchases)
    def refund_rest(self, which: int) -> None:
        purchase = self.purchases[which % len(self.purchases)]
        for line in purchase.lines.values():
            line.returned = line.sold
        self.award(purchase)

    @rule(which=any_one)
    @precondition(lambda self: self.purchases)
    def undo_return(self, which: int) -> None:
        purchase = self.purchases[which % len(self.purchases)]
        for line in purchase.lines.values():
            line.returned = 0
        self.award(purchase)

    def claw_back(self, purchase: Purchase, less: dict[str, int], wanted: dict[str, int]) -> None:
        request = requests.ClawBack(
            member_id=self.ids[purchase.member],
            key=purchase.next_key(),
            reason="return",
            parts=tuple((self.terms[window], points) for window, points in sorted(less.items())),
            purchase_id=purchase.id,
            policy=DebtPolicy.LET_GO if purchase.lets_go else DebtPolicy.DEBT,
            qualifying_at=purchase.earned_at,
        )
        outcome = self.post(
            purchase.member,
            request,
            lambda purse: purse.claw_back(purchase.id, sorted(wanted.items()), lets_go=purchase.lets_go),
        )
        assert outcome is not None
        posted, rest = outcome
        assert (posted.debt_points, posted.let_go_points) == rest

    @rule(member=members, points=few_points)
    def take_back(self, member: int, points: int) -> None:
        key = self.new_key("correction")
        self.both(
            member,
            key,
            lambda at=self.now: moves.take_back(
                member_id=self.ids[member], points=points, key=key, reason="correction", at=at, by=SYSTEM
            ),
            lambda purse: purse.take_back(points),
        )

    # -- spending

    @rule(member=members, points=few_points, hours=st.sampled_from([1, 30, 24 * 25]))
    def hold(self, member: int, points: int, hours: int) -> None:
        key, until = self.new_key("hold"), self.now + timedelta(hours=hours)
        outcome = self.both(
            member,
            key,
            lambda at=self.now: moves.hold(
                member_id=self.ids[member], points=points, key=key, expires_at=until, at=at, by=SYSTEM
            ),
            lambda purse: purse.reserve(key, points, until),
        )
        if outcome:
            self.holds.append((member, key, outcome[0].entry_id))

    @rule(member=members, hours=st.sampled_from([1, 24 * 25]))
    def hold_all(self, member: int, hours: int) -> None:
        ready, *_ = self.reference.draft(member, self.now).balance
        if ready:
            self.hold(member, ready, hours)

    @rule(which=any_one)
    @precondition(lambda self: self.holds)
    def capture(self, which: int) -> None:
        member, name, hold_id = self.holds[which % len(self.holds)]
        key = self.new_key("capture")
        outcome = self.both(
            member,
            key,
            lambda at=self.now: moves.capture(member_id=self.ids[member], hold_id=hold_id, key=key, at=at, by=SYSTEM),
            lambda purse: purse.spend(key, name),
        )
        if outcome:
            self.captures.append((member, key, outcome[0].entry_id))

    @rule(which=any_one)
    @precondition(lambda self: self.holds)
    def void(self, which: int) -> None:
        member, name, hold_id = self.holds[which % len(self.holds)]
        key = self.new_key("void")
        self.both(
            member,
            key,
            lambda at=self.now: moves.void(member_id=self.ids[member], hold_id=hold_id, key=key, at=at, by=SYSTEM),
            lambda purse: purse.give_up(name),
        )

    @rule(which=any_one, points=few_points)
    @precondition(lambda self: self.captures)
    def reinstate(self, which: int, points: int) -> None:
        member, name, capture_id = self.captures[which % len(self.captures)]
        key = self.new_key("reinstate")
        self.both(
            member,
            key,
            lambda at=self.now: moves.reinstate(
                member_id=self.ids[member],
                capture_id=capture_id,
                points=points,
                key=key,
                reason="order_cancelled",
                at=at,
                by=SYSTEM,
            ),
            lambda purse: purse.bring_back(name, points),
        )

    @rule(member=members, sold=st.integers(1, 5))
    def spend_then_return(self, member: int, sold: int) -> None:
        """The shortest way into debt, and two lots on their way that will have to pay it."""
        self.earn(member, [(sold, 4, False)], days=0, lets_go=False)
        self.hold_all(member, hours=1)
        if self.holds:
            self.capture(len(self.holds) - 1)
        self.refund_rest(len(self.purchases) - 1)
        self.earn(member, [(1, 3, False)], days=2, lets_go=False)
        self.earn(member, [(1, 3, False)], days=14, lets_go=False)

    # -- again

    @rule(which=any_one)
    @precondition(lambda self: self.sent)
    def replay(self, which: int) -> None:
        sent, size = self.sent[which % len(self.sent)], self.size()
        with transaction.atomic():
            posted = sent.send()

        assert (posted.entry_id, posted.is_replay) == (sent.entry_id, True)
        assert self.size() == size

    @rule(which=any_one)
    @precondition(lambda self: self.sent)
    def replay_other_body(self, which: int) -> None:
        sent, size = self.sent[which % len(self.sent)], self.size()
        try:
            with transaction.atomic():
                moves.give(
                    member_id=self.ids[sent.member],
                    points=77,
                    key=sent.key,
                    reason="gift",
                    expires_at=None,
                    **self.told(),
                )
        except KeyReused:
            assert self.size() == size
        else:
            raise AssertionError("another request under a used key was carried out")

    # -- after each step

    @invariant()
    def balances_agree(self) -> None:
        span = int((self.now - START).total_seconds()) + 1
        past = START + timedelta(seconds=self.chance.randrange(span))
        future = self.now + timedelta(days=self.chance.choice([1, 4, 17, 40]))
        for member in range(2):
            for moment in (self.now, past, future):
                purse = self.reference.at(member, moment)
                balance = get_balance(member_id=self.ids[member], at=moment)
                seen = (balance.available, balance.pending, balance.held, balance.debt)
                assert seen == purse.balance, f"member {member} at {moment}, now {self.now}"
            assert {end.until: end.points for end in balance.expiring} == purse.endings

    @invariant()
    def books_are_right(self) -> None:
        for name, law in invariants.items():
            if name.startswith("ledger.") and not law.liveness:
                assert law.find() == []

    def teardown(self) -> None:
        empty_ledger()


class LapsingMachine(LedgerMachine):
    """Points of purchases end a month after the member's last deed."""

    lapsing = True


def by_window(purchase: Purchase, changes: dict[str, int], *, sign: int) -> dict[str, int]:
    """Sum the changes of one sign per window."""
    sums: dict[str, int] = {}
    for key, change in changes.items():
        if change * sign > 0:
            window = purchase.lines[key].window
            sums[window] = sums.get(window, 0) + abs(change)
    return sums


def numbers_of(refusal: LedgerRefusal) -> tuple[int, ...]:
    if isinstance(refusal, NotEnoughPoints):
        return refusal.asked_points, refusal.available_points
    if isinstance(refusal, TooMuchReturned):
        return refusal.asked_points, refusal.captured_points - refusal.returned_points
    return ()
