"""Random lives of two gift cards, lived by the product and by a little reference at once.

The reference knows lists and additions and none of the product's code. Both must give the same outcome,
refusals and their numbers included; after each step the balances are compared, now and later, and the books
are asked whether they are right. Jobs run only when they are drawn, so the product is late most of the time
and must not show it.

The rules from `wait_for_the_moment` on steer: without them random lives hardly ever meet a deadline to the
second, spend what came back after the end, extend an ended card or end a reservation on a void one, and bugs
planted there survive.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backstage.policies import SHOP
from coupons.models import GiftCardHold, GiftCardMovement
from coupons.operations.gift_cards.caring import extend_gift_card, void_gift_card
from coupons.operations.gift_cards.spending import capture_gift_card, void_gift_card_hold
from coupons.policies.gift_card_errors import (
    GiftCardEndNotLater,
    GiftCardHoldClosed,
    GiftCardNotUsable,
    GiftCardStepRefused,
    NotEnoughOnGiftCard,
    TooMuchRefunded,
)
from coupons.queries.gift_card_laws import LAWS
from coupons.queries.gift_cards import get_balance_of_card
from tests.coupons.gift_cards.till import NOON, refund, reserve, run_job, sell
from tests.harness.append_only import empty

GRACE, HOLD = timedelta(days=30), timedelta(minutes=30)
cards = st.integers(0, 1)
amounts = st.integers(1, 60)
JOBS = ("void_stale_gift_card_holds", "expire_gift_cards")


class Refused(Exception):
    """The deed is refused; with the numbers that the product has to name as well."""


@dataclass
class Held:
    amount: int
    until: datetime
    order: str
    state: str = "open"


@dataclass
class Purse:
    """One card in the plainest words: a balance, what is reserved, and what each order took."""

    balance: int
    ends: datetime | None
    expired: int = 0
    is_void: bool = False
    holds: list[Held] = field(default_factory=list)
    took: dict[str, list[int]] = field(default_factory=dict)

    def live_to(self, now: datetime) -> None:
        """Live through every moment up to now, one at a time."""
        moments = sorted({hold.until for hold in self.holds if hold.state == "open" and hold.until <= now})
        for moment in [*moments, now]:
            self.end(moment)
            for hold in self.holds:
                if hold.state == "open" and hold.until <= moment:
                    hold.state = "lapsed"
                    self.free(hold.amount, moment)
        self.end(now)

    def end(self, moment: datetime) -> None:
        if self.ends is not None and self.ends <= moment:
            self.expired, self.balance = self.expired + self.balance, 0

    def free(self, amount: int, moment: datetime) -> None:
        self.balance += 0 if self.is_void else amount
        self.end(moment)

    def take(self, amount: int, now: datetime) -> None:
        if self.is_void or (self.ends is not None and self.ends <= now):
            raise Refused("not usable")
        if amount > self.balance:
            raise Refused(amount, self.balance)
        self.balance -= amount

    def capture(self, hold: Held, now: datetime) -> None:
        if hold.state in ("voided", "captured"):
            raise Refused("closed")
        if hold.state == "lapsed":
            self.take(hold.amount, now)
        hold.state = "captured"
        self.took.setdefault(hold.order, [0, 0])[0] += hold.amount

    def refund(self, order: str, total: int, now: datetime) -> None:
        used, back = self.took.get(order, [0, 0])
        if not back <= total <= used:
            raise Refused(total, used, back)
        if total == back:
            return
        if self.is_void:
            raise Refused("not usable")
        if self.ends is not None and self.ends <= now:
            self.ends = now + GRACE
        self.balance += total - back
        self.took[order][1] = total

    def extend(self, end: datetime, stated: datetime | None, now: datetime) -> datetime | None:
        if self.is_void:
            raise Refused("void")
        if stated == end:
            return stated
        if stated is None or end <= max(stated, now):
            raise Refused("not later")
        self.ends, self.balance, self.expired = end, self.balance + self.expired, 0
        return end


class GiftCardMachine(RuleBasedStateMachine):
    @initialize(days=st.sampled_from([None, 1, 3, 40]))
    def open_shop(self, days: int | None) -> None:
        empty()
        self.now, self.orders = NOON, 0
        self.ends = None if days is None else NOON + timedelta(days=days)
        self.cards = [sell(100, expires_at=self.ends), sell(100)]
        self.stated = [self.ends, None]
        self.purses = [Purse(100, self.ends), Purse(100, None)]
        self.held: list[tuple[int, int, Held]] = []

    def both(self, wanted, deed) -> bool:
        """Let the reference and the product do it; tell whether it was done."""
        before = size()
        numbers = ()
        try:
            wanted()
        except Refused as refusal:
            numbers = refusal.args
        assert numbers_of(deed) == numbers
        assert not numbers or size() == before, "a refusal has left traces"
        return not numbers

    def purse(self, which: int) -> Purse:
        self.purses[which].live_to(self.now)
        return self.purses[which]

    @rule(hours=st.sampled_from([0.2, 1, 20, 30, 24 * 8, 24 * 31]))
    def tick(self, hours: float) -> None:
        self.now += timedelta(hours=hours)

    @rule(name=st.sampled_from(JOBS))
    def jobs(self, name: str) -> None:
        run_job(name, self.now)
        assert run_job(name, self.now) == 0, f"{name} leaves something for a second run"

    @rule(which=cards, amount=amounts, hours=st.sampled_from([0.5, 24, 24 * 5]))
    def reserve(self, which: int, amount: int, hours: float) -> None:
        self.orders += 1
        held = Held(amount, self.now + timedelta(hours=hours), f"{self.orders % 5}")
        purse, told = self.purse(which), {"key": f"{self.orders}", "expires_at": held.until}
        if self.both(
            lambda: purse.take(amount, self.now),
            lambda: reserve(self.cards[which], amount, at=self.now, order=held.order, **told),
        ):
            purse.holds.append(held)
            row = GiftCardHold.objects.get(card=self.cards[which], key=told["key"])
            self.held.append((which, row.id, held))

    @rule(number=st.integers(0, 99))
    @precondition(lambda self: self.held)
    def capture(self, number: int) -> None:
        which, hold_id, held = self.held[number % len(self.held)]
        purse = self.purse(which)
        if held.state == "captured":
            assert capture_gift_card(hold_id=hold_id, at=self.now).is_replay
            return
        self.both(
            lambda: purse.capture(held, self.now), lambda: capture_gift_card(hold_id=hold_id, at=self.now)
        )

    @rule(number=st.integers(0, 99))
    @precondition(lambda self: self.held)
    def give_back(self, number: int) -> None:
        which, hold_id, held = self.held[number % len(self.held)]
        purse = self.purse(which)

        def wanted() -> None:
            if held.state == "captured":
                raise Refused("closed")
            if held.state == "open":
                held.state = "voided"
                purse.free(held.amount, self.now)

        self.both(wanted, lambda: void_gift_card_hold(hold_id=hold_id, at=self.now))

    @rule(which=cards, order=st.integers(0, 4), total=st.integers(0, 80))
    def refund(self, which: int, order: int, total: int) -> None:
        purse = self.purse(which)
        self.both(
            lambda: purse.refund(f"{order}", total, self.now),
            lambda: refund(self.cards[which], total, at=self.now, order=f"{order}"),
        )

    @rule(which=cards)
    def refund_all(self, which: int) -> None:
        for order, (used, _) in sorted(self.purse(which).took.items()):
            self.refund(which, int(order), used)

    @rule(which=cards, days=st.sampled_from([0, 1, 20]))
    def extend(self, which: int, days: int) -> None:
        purse, end = self.purse(which), self.now + timedelta(days=days)

        def wanted() -> None:
            self.stated[which] = purse.extend(end, self.stated[which], self.now)

        self.both(
            wanted,
            lambda: extend_gift_card(card_id=self.cards[which].id, expires_at=end, at=self.now, by=SHOP),
        )

    @rule(which=cards, luck=st.integers(0, 5))
    def make_void(self, which: int, luck: int) -> None:
        if luck:  # most lives go on
            return
        purse = self.purse(which)
        purse.is_void, purse.balance = True, 0
        void_gift_card(card_id=self.cards[which].id, reason="Stolen", at=self.now, by=SHOP)

    # -- steering

    @rule(which=cards)
    def wait_for_the_moment(self, which: int) -> None:
        """Go to the very moment at which something ends."""
        purse = self.purse(which)
        ends = [hold.until for hold in purse.holds if hold.state == "open"]
        coming = [end for end in (*ends, purse.ends) if end is not None and end > self.now]
        self.now = min(coming, default=self.now)

    @rule(which=cards, amount=amounts)
    def pay(self, which: int, amount: int) -> None:
        before = len(self.held)
        self.reserve(which, amount, 24)
        if len(self.held) > before:
            self.capture(before)

    @rule(which=cards)
    def give_back_after_the_end(self, which: int) -> None:
        self.pay(which, 10)
        self.extend(which, 1)
        self.tick(24 * 2)
        self.refund_all(which)
        self.reserve(which, 5, 0.5)

    @rule(which=cards)
    def refund_less(self, which: int) -> None:
        for order, (_, back) in sorted(self.purse(which).took.items()):
            self.refund(which, int(order), max(0, back - 1))

    @rule(which=cards)
    def extend_when_it_has_ended(self, which: int) -> None:
        if (ends := self.purse(which).ends) is not None:
            self.now = max(self.now, ends)
            self.extend(which, 20)

    @rule(which=cards)
    @precondition(lambda self: self.now > NOON + timedelta(days=2))
    def make_void_what_is_reserved(self, which: int) -> None:
        self.reserve(which, 5, 24)
        self.make_void(which, 0)
        self.wait_for_the_moment(which)

    @invariant()
    def both_say_the_same(self) -> None:
        for which, card in enumerate(self.cards):
            balance = get_balance_of_card(card.id, at=self.now)
            purse = self.purse(which)
            held = sum(hold.amount for hold in purse.holds if hold.state == "open")
            assert (balance.balance_minor, balance.held_minor) == (purse.balance, held)

    @invariant()
    def books_are_right(self) -> None:
        for law in LAWS:
            if law.late_after is None:
                assert law.find() == []

    def teardown(self) -> None:
        empty()


def size() -> tuple[int, int]:
    return GiftCardMovement.objects.count(), GiftCardHold.objects.count()


def numbers_of(deed) -> tuple:
    """The numbers that the product refuses with, nothing where it is done."""
    try:
        deed()
    except NotEnoughOnGiftCard as refusal:
        return refusal.asked_minor, refusal.left_minor
    except TooMuchRefunded as refusal:
        return refusal.asked_minor, refusal.used_minor, refusal.refunded_minor
    except GiftCardNotUsable:
        return ("not usable",)
    except GiftCardHoldClosed:
        return ("closed",)
    except GiftCardStepRefused:
        return ("void",)
    except GiftCardEndNotLater:
        return ("not later",)
    return ()
