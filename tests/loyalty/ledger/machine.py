"""Random lives of two members, lived by the product and by the oracle at once.

Each rule is one deed in a transaction of its own: purchases, returns and corrections go through
`settle_awards`, everything else through the ledger's moves. Both sides must give the same outcome, refusals
and their numbers included; a refusal and a replay leave no trace. After each step the balances are compared,
now and at a moment of the past or of the future, and the books are asked whether they are right. Nobody
writes down what time has decided unless `jobs` is drawn, so the product is late most of the time and must
not show it.

The rules `fund`, `hold_all`, `hold_past_the_end`, `refund_rest`, `spend_then_return` and
`cancel_after_the_end` steer: without them random lives hardly ever reach a debt, an empty account, a
reservation that outlives its points or a late return, and bugs planted there survive.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backstage.policies import SYSTEM
from backstage.registry import invariants, jobs
from commerce.models import Channel, Purchase, PurchaseLine
from loyalty.ledger import moves
from loyalty.models import Entry, Hold, Lot, Movement
from loyalty.operations.awards import settle_awards
from loyalty.policies.errors import KeyReused, LedgerRefusal, NotEnoughPoints, TooMuchReturned
from loyalty.policies.programme import DebtPolicy
from loyalty.queries import get_balance
from tests.factories.loyalty import (
    EarningRuleFactory,
    LotTermsFactory,
    MemberFactory,
    ProductGroupFactory,
    ProgrammeFactory,
    ProgrammePhaseFactory,
)
from tests.harness.append_only import empty
from tests.loyalty.ledger.reference import Purse, Reference, Refused, a_month_later, midnight_after

START = datetime(2026, 1, 30, 9, tzinfo=UTC)  # a month on is a day that February lacks
DUE_JOBS = ("void_stale_holds", "release_due_points", "expire_due_points")
WINDOWS = ("order", "delivery")  # in the order of their ids, in which the product posts them

members = st.integers(0, 1)
any_one = st.integers(0, 99)
few_points = st.integers(1, 6)


@dataclass
class Line:
    """One line of a purchase, and what it earned by the oracle's sums."""

    sold: int
    window: str
    earned: int = 0
    returned: int = 0

    @property
    def standing(self) -> int:
        return self.earned * (self.sold - self.returned) // self.sold


@dataclass
class Sale:
    """A purchase on both sides: the product's row, and the oracle's idea of what it stands for."""

    row: Purchase
    member: int
    lines: dict[str, Line]
    posted: dict[str, int] = field(default_factory=dict)
    delivered_at: datetime | None = None

    def standing(self) -> dict[str, int]:
        """What stands now, by window."""
        return {
            window: sum(line.standing for line in self.lines.values() if line.window == window)
            for window in WINDOWS
        }


@dataclass
class Sent:
    """A request that was carried out and can be sent again."""

    member: int
    key: str
    send: Callable[[], Any]
    entry_id: int


def earn_points(lines: dict[str, Line]) -> None:
    """3 points for every 2 minor units of the order, rounded down; largest remainder, ties by key."""
    total = sum(line.sold for line in lines.values())
    points = total * 3 // 2
    for line in lines.values():
        line.earned = points * line.sold // total
    by_remainder = sorted(lines, key=lambda key: (-(points * lines[key].sold % total), key))
    for key in by_remainder[: points - sum(line.earned for line in lines.values())]:
        lines[key].earned += 1


class LedgerMachine(RuleBasedStateMachine):
    # -- the shop

    @initialize(
        window_days=st.sampled_from([0, 2, 14, 45]),
        lapsing=st.booleans(),
        lets_go=st.sampled_from([False, False, True]),
    )
    def open_shop(self, window_days: int, lapsing: bool, lets_go: bool) -> None:
        empty()
        self.window_days, self.lapsing, self.lets_go = window_days, lapsing, lets_go
        policy = DebtPolicy.LET_GO if lets_go else DebtPolicy.DEBT
        programme = ProgrammeFactory(debt_policy=policy.value)
        ProgrammePhaseFactory(programme=programme)
        EarningRuleFactory(programme=programme, version=1, points=3, per_minor=2)
        a_month = {"programme": programme, "version": 1, "expiry_months": 1, "expiry_at_month_end": False}
        LotTermsFactory(**a_month, window_days=window_days, by_inactivity=lapsing)
        delivered = ProductGroupFactory(programme=programme, skus=["delivery"])
        LotTermsFactory(
            **a_month, product_group=delivered, from_delivery=True, window_days=3, missing_fact_days=5
        )
        self.members = [MemberFactory(programme=programme) for _ in range(2)]
        self.ids = [member.id for member in self.members]
        self.channel = Channel.objects.create(
            key="web", kind="web", time_zone="UTC", currency="EUR", as_of_kind="sequence", created_at=START
        )
        self.now = START
        self.reference = Reference(START, members=2)
        self.sales: list[Sale] = []
        self.holds: list[tuple[int, str, int]] = []
        self.captures: list[tuple[int, str, int]] = []
        self.sent: list[Sent] = []
        self.chance = random.Random(5)
        self.keys = 0

    # -- both sides at once

    def both(
        self, member: int, key: str, send: Callable[[], Any], deed: Callable[[Purse], None]
    ) -> int | None:
        """Let the product and the oracle do it; give the entry's id, or None when both refuse."""
        purse, size = self.reference.draft(member, self.now), self.size()
        wanted, posted = refusal_of(lambda: deed(purse)), None

        @transaction.atomic
        def carry_out() -> None:
            nonlocal posted
            posted = send()

        assert refusal_of(carry_out) == wanted
        if posted is None:
            assert self.size() == size, "a refusal has left traces"
            return None
        assert not posted.is_replay
        self.reference.keep(member, purse)
        self.sent.append(Sent(member, key, send, posted.entry_id))
        return posted.entry_id

    @staticmethod
    def size() -> tuple[int, int, int, int]:
        """Everything that a deed could have left behind."""
        return Entry.objects.count(), Movement.objects.count(), Lot.objects.count(), Hold.objects.count()

    def new_key(self, what: str) -> str:
        self.keys += 1
        return f"{what}:{self.keys}"

    # -- time

    @rule(hours=st.sampled_from([1, 6, 24, 72, 24 * 16, 24 * 33]))
    def tick(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(names=st.permutations(DUE_JOBS))
    def jobs(self, names: list[str]) -> None:
        """Write down what time has decided, kind by kind in whatever order. Nobody may see a difference."""
        for name in names:
            self.run_job(name)
            assert self.run_job(name) == 0, f"{name} leaves something for a second run"

    def run_job(self, name: str) -> int:
        """Run it as the job runner does, and give what it has done."""
        job, done = jobs.get(name), 0
        for chunk in job.plan(self.now):
            self.keys += 1
            with transaction.atomic():
                done += job.work(chunk, self.now, self.keys).done
        return done

    # -- purchases

    @rule(member=members, lines=st.lists(st.tuples(st.integers(1, 5), st.booleans()), min_size=1, max_size=3))
    def buy(self, member: int, lines: list[tuple[int, bool]]) -> None:
        """Goods whose window starts with the order, and goods whose window starts with the delivery."""
        sold = {
            str(number): Line(sold, "delivery" if waits else "order")
            for number, (sold, waits) in enumerate(lines)
        }
        earn_points(sold)
        row = Purchase.objects.create(
            channel=self.channel,
            reference=self.new_key("order"),
            customer=self.members[member].customer,
            currency="EUR",
            placed_at=self.now,
            status="placed",
            as_of=1,
            revision=1,
            changed_at=self.now,
            first_synced_at=self.now,
        )
        PurchaseLine.objects.bulk_create(
            PurchaseLine(purchase=row, key=key, sku=line.window, quantity=1, sold_minor=line.sold)
            for key, line in sold.items()
        )
        self.sales.append(Sale(row, member, sold))
        self.settle(self.sales[-1], self.sales[-1].member)

    def settle(self, sale: Sale, owner: int) -> None:
        """Tell both sides that it has changed: take back what is too much, then grant what lacks."""
        sale.row.revision += 1
        sale.row.save()
        for key, line in sale.lines.items():
            sale.row.lines.filter(key=key).update(returned_minor=line.returned or None)
        settle_awards(purchase_ids=[sale.row.id], at=self.now, by=SYSTEM)

        standing = sale.standing()
        if owner != sale.member:
            self.change(sale, {window: -points for window, points in sale.posted.items()})
            sale.member, sale.posted = owner, {}
        self.change(sale, {window: standing[window] - sale.posted.get(window, 0) for window in WINDOWS})
        sale.posted = standing

    def change(self, sale: Sale, changes: dict[str, int]) -> None:
        purse = self.reference.draft(sale.member, self.now)
        if too_much := [(window, -changes[window]) for window in WINDOWS if changes.get(window, 0) < 0]:
            purse.claw_back(sale.row.id, too_much, lets_go=self.lets_go)
        if sale.delivered_at:
            purse.learn(sale.row.id, sale.delivered_at)
        for window in WINDOWS:
            if changes.get(window, 0) > 0:
                purse.earn(changes[window], **self.facts(sale, window))
        self.reference.keep(sale.member, purse)

    def facts(self, sale: Sale, window: str) -> dict[str, Any]:
        """When points of this window become ready and end, in the oracle's words."""
        placed_at = sale.row.placed_at
        facts: dict[str, Any] = {"earned_at": placed_at, "purchase": sale.row.id, "window": window}
        if window == "delivery":
            late = midnight_after(placed_at, 5)
            fact = sale.delivered_at or (late if late <= self.now else None)
            if fact is None:
                return facts | {"waits_until": late, "window_days": 3}
            ready_at = midnight_after(fact, 3)
            return facts | {"ready_at": ready_at, "ends_at": a_month_later(ready_at)}
        ready_at = midnight_after(placed_at, self.window_days) if self.window_days else placed_at
        return (
            facts
            | {"ready_at": ready_at}
            | ({"lapses": True} if self.lapsing else {"ends_at": a_month_later(ready_at)})
        )

    @rule(which=any_one, days_ago=st.sampled_from([0, 1, 8]))
    @precondition(lambda self: self.sales)
    def deliver(self, which: int, days_ago: int) -> None:
        """The shop says when it delivered; it may say so late, and only once."""
        sale = self.sales[which % len(self.sales)]
        if sale.delivered_at is None:
            sale.delivered_at = max(sale.row.placed_at, self.now - timedelta(days=days_ago))
            sale.row.delivered_at = sale.delivered_at
            self.settle(sale, sale.member)

    @rule(which=any_one, line=any_one, amount=st.integers(1, 3))
    @precondition(lambda self: self.sales)
    def refund(self, which: int, line: int, amount: int) -> None:
        sale = self.sales[which % len(self.sales)]
        sold = list(sale.lines.values())[line % len(sale.lines)]
        sold.returned = min(sold.sold, sold.returned + amount)
        self.settle(sale, sale.member)

    @rule(which=any_one)
    @precondition(lambda self: self.sales)
    def refund_rest(self, which: int) -> None:
        sale = self.sales[which % len(self.sales)]
        for line in sale.lines.values():
            line.returned = line.sold
        self.settle(sale, sale.member)

    @rule(which=any_one)
    @precondition(lambda self: self.sales)
    def undo_returns(self, which: int) -> None:
        sale = self.sales[which % len(self.sales)]
        for line in sale.lines.values():
            line.returned = 0
        self.settle(sale, sale.member)

    @rule(which=any_one)
    @precondition(lambda self: self.sales)
    def correct_customer(self, which: int) -> None:
        """It was the other one who bought."""
        sale = self.sales[which % len(self.sales)]
        other = 1 - sale.member
        sale.row.customer = self.members[other].customer
        self.settle(sale, other)

    # -- gifts and corrections

    @rule(member=members, points=few_points, days=st.sampled_from([None, 1, 20]))
    def fund(self, member: int, points: int, days: int | None) -> None:
        """Points to spend at once."""
        key, ends_at = self.new_key("gift"), None if days is None else midnight_after(self.now, days)
        self.both(
            member,
            key,
            lambda at=self.now: moves.give(
                member_id=self.ids[member],
                points=points,
                key=key,
                reason="gift",
                expires_at=ends_at,
                at=at,
                by=SYSTEM,
            ),
            lambda purse: purse.earn(points, earned_at=self.now, ready_at=self.now, ends_at=ends_at),
        )

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
        entry_id = self.both(
            member,
            key,
            lambda at=self.now: moves.hold(
                member_id=self.ids[member], points=points, key=key, expires_at=until, at=at, by=SYSTEM
            ),
            lambda purse: purse.reserve(key, points, until),
        )
        if entry_id:
            self.holds.append((member, key, entry_id))

    @rule(member=members, hours=st.sampled_from([1, 24 * 25]))
    def hold_all(self, member: int, hours: int) -> None:
        ready, *_ = self.reference.draft(member, self.now).balance
        if ready:
            self.hold(member, ready, hours)

    @rule(member=members, points=few_points)
    def hold_past_the_end(self, member: int, points: int) -> None:
        """Some points of a lot that ends tomorrow, reserved for much longer."""
        self.fund(member, points + 1, days=1)
        if self.reference.draft(member, self.now).balance[0] >= points:
            self.hold(member, points, hours=24 * 25)

    @rule(which=any_one)
    @precondition(lambda self: self.holds)
    def capture(self, which: int) -> None:
        member, name, hold_id = self.holds[which % len(self.holds)]
        key = self.new_key("capture")
        entry_id = self.both(
            member,
            key,
            lambda at=self.now: moves.capture(
                member_id=self.ids[member], hold_id=hold_id, key=key, at=at, by=SYSTEM
            ),
            lambda purse: purse.spend(key, name),
        )
        if entry_id:
            self.captures.append((member, key, entry_id))

    @rule(which=any_one)
    @precondition(lambda self: self.holds)
    def void(self, which: int) -> None:
        member, name, hold_id = self.holds[which % len(self.holds)]
        key = self.new_key("void")
        self.both(
            member,
            key,
            lambda at=self.now: moves.void(
                member_id=self.ids[member], hold_id=hold_id, key=key, at=at, by=SYSTEM
            ),
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

    @rule(member=members, points=few_points)
    def cancel_after_the_end(self, member: int, points: int) -> None:
        """What was spent in time comes back when its day is over."""
        self.fund(member, points, days=1)
        self.hold_all(member, hours=1)
        if self.holds and self.holds[-1][0] == member:
            self.capture(len(self.holds) - 1)
            self.now += timedelta(days=2)
        if self.captures:
            self.reinstate(len(self.captures) - 1, 1)

    @rule(member=members, sold=st.integers(1, 5))
    def spend_then_return(self, member: int, sold: int) -> None:
        """The shortest way into debt, and two lots on their way that will have to pay it."""
        self.buy(member, [(sold, False)])
        self.now += timedelta(days=self.window_days)
        self.hold_all(member, hours=1)
        if self.holds:
            self.capture(len(self.holds) - 1)
        bought = self.sales[-1]
        self.buy(member, [(2, False)])
        self.buy(member, [(2, True)])
        self.refund_rest(self.sales.index(bought))

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
                    at=self.now,
                    by=SYSTEM,
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
            for moment in (self.now, self.chance.choice([past, future])):
                purse = self.reference.at(member, moment)
                balance = get_balance(member_id=self.ids[member], at=moment)
                seen = (balance.available, balance.pending, balance.held, balance.debt)
                assert seen == purse.balance, f"member {member} at {moment}, now {self.now}"
                if moment >= self.now:
                    assert {end.until: end.points for end in balance.expiring} == purse.endings

    @invariant()
    def books_are_right(self) -> None:
        for name, law in invariants.items():
            if name.startswith("ledger.") and not law.liveness:
                assert law.find() == []

    def teardown(self) -> None:
        empty()


def refusal_of(deed: Callable[[], None]) -> tuple[int, ...] | None:
    """The numbers that a deed is refused with, None if it is done."""
    try:
        deed()
    except Refused as refusal:
        return refusal.numbers
    except LedgerRefusal as refusal:
        return numbers_of(refusal)
    return None


def numbers_of(refusal: LedgerRefusal) -> tuple[int, ...]:
    if isinstance(refusal, NotEnoughPoints):
        return refusal.asked_points, refusal.available_points
    if isinstance(refusal, TooMuchReturned):
        return refusal.asked_points, refusal.captured_points - refusal.returned_points
    return ()
