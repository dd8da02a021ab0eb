"""One gift card as plain values, and the arithmetic on it: what time has decided, and what may be asked.

A deed settles first, is checked, and leaves its movements in `moves`; `coupons.ledger` writes them. Reading a
balance settles too and writes nothing, so a card says the same whether or not a job has run.
"""

from dataclasses import dataclass, field
from datetime import datetime

from coupons.policies.gift_card_errors import GiftCardNotUsable, NotEnoughOnGiftCard
from coupons.policies.gift_cards import GIFT_CARD_MOVES, GiftCardMoney, GiftCardMove, GiftCardState

# A channel and the number of an order in it.
Order = tuple[str, str]
NO_ORDER: Order = ("", "")


@dataclass(frozen=True, slots=True)
class OpenHold:
    """A reservation that nobody has closed yet. Units: minor units."""

    id: int
    amount_minor: int
    expires_at: datetime
    order: Order


@dataclass(frozen=True, slots=True)
class Moved:
    """One movement to be written."""

    move: GiftCardMove
    amount_minor: int
    at: datetime
    hold_id: int | None = None
    order: Order = NO_ORDER
    is_asked: bool = False


@dataclass(slots=True, kw_only=True)
class CardBook:
    """The money of one card, by where it is, with the dates that decide about it."""

    currency: str
    state: GiftCardState
    expires_at: datetime | None
    reprieve_ends_at: datetime | None
    money: dict[GiftCardMoney, int]
    holds: list[OpenHold] = field(default_factory=list)
    moves: list[Moved] = field(default_factory=list)
    lapsed: list[int] = field(default_factory=list)

    @property
    def balance_minor(self) -> int:
        """What may be spent."""
        return self.money[GiftCardMoney.BALANCE]

    @property
    def usable_until(self) -> datetime | None:
        """The end of the card: its date, or that of a reprieve where that is later; None for never."""
        if self.expires_at is None or self.reprieve_ends_at is None:
            return self.expires_at
        return max(self.expires_at, self.reprieve_ends_at)

    def has_ended(self, at: datetime) -> bool:
        """Tell whether the card's time is over."""
        return self.usable_until is not None and self.usable_until <= at

    def settle(self, at: datetime) -> None:
        """Do what time has decided up to `at`, in the order of time: reservations lapse, the balance ends.

        What was reserved when the card ended keeps until the reservation closes, and ends then. On a void
        card, what comes back from a reservation is void.
        """
        for hold in sorted(self.holds, key=lambda hold: (hold.expires_at, hold.id)):
            if hold.expires_at > at:
                continue
            self._end_balance(hold.expires_at)
            self.release(hold, hold.expires_at)
            self.lapsed.append(hold.id)
        self._end_balance(at)

    def release(
        self, hold: OpenHold, at: datetime, amount_minor: int | None = None, *, is_asked: bool = False
    ) -> None:
        """Give back what is reserved, or a part of it; it ends at once where its card has ended meanwhile."""
        amount_minor = hold.amount_minor if amount_minor is None else amount_minor
        self.holds = [other for other in self.holds if other.id != hold.id]
        self.move(
            GiftCardMove.RELEASE, amount_minor, at, hold_id=hold.id, order=hold.order, is_asked=is_asked
        )
        if self.state is GiftCardState.VOID:
            self.move(GiftCardMove.VOID, amount_minor, at)
        self._end_balance(at)

    def check_can_hold(self, amount_minor: int, at: datetime) -> None:
        """Raises: GiftCardNotUsable, NotEnoughOnGiftCard with what is asked and what is left."""
        if self.state is not GiftCardState.ACTIVE:
            raise GiftCardNotUsable(state=self.state.value)
        if self.has_ended(at):
            raise GiftCardNotUsable(state=self.state.value, ended_at=self.usable_until)
        if amount_minor > self.balance_minor:
            raise NotEnoughOnGiftCard(
                asked_minor=amount_minor, left_minor=self.balance_minor, currency=self.currency
            )

    def move(
        self,
        move: GiftCardMove,
        amount_minor: int,
        at: datetime,
        *,
        hold_id: int | None = None,
        order: Order = NO_ORDER,
        is_asked: bool = False,
    ) -> None:
        """Take an amount from where this kind of movement takes it to where it puts it."""
        source, target = GIFT_CARD_MOVES[move]
        if source is not GiftCardMoney.ISSUANCE:
            self.money[source] -= amount_minor
        self.money[target] += amount_minor
        self.moves.append(Moved(move, amount_minor, at, hold_id, order, is_asked))

    def _end_balance(self, at: datetime) -> None:
        """End what is left on a card whose time was over by `at`: when it was over, or when it came later."""
        until = self.usable_until
        if until is None or until > at or not self.balance_minor:
            return
        came_back = [moved.at for moved in self.moves if moved.move is GiftCardMove.RELEASE]
        self.move(GiftCardMove.EXPIRE, self.balance_minor, max([until, *came_back]))
