"""Why a deed with a gift card is refused. Nothing is written then; each carries the numbers."""

from datetime import datetime


class GiftCardRefusal(ValueError):
    """A gift card cannot do this; the kinds below say why."""


class GiftCardUnknown(GiftCardRefusal, LookupError):
    """There is no such card."""

    def __init__(self) -> None:
        super().__init__("There is no such gift card. Look it up by its code first.")


class GiftCardNotUsable(GiftCardRefusal):
    """The card waits for approval, is paused, void, or over."""

    def __init__(self, *, state: str, ended_at: datetime | None = None) -> None:
        self.state, self.ended_at = state, ended_at
        why = f"ended at {ended_at:%Y-%m-%d %H:%M %Z}" if ended_at else f"is {state}"
        super().__init__(f"The gift card {why}. Sell without it, or ask whoever looks after gift cards.")


class GiftCardCurrencyDiffers(GiftCardRefusal):
    """The order is in another currency than the card."""

    def __init__(self, *, asked_currency: str, card_currency: str) -> None:
        self.asked_currency, self.card_currency = asked_currency, card_currency
        super().__init__(f"The gift card is in {card_currency}, the order in {asked_currency}.")


class NotEnoughOnGiftCard(GiftCardRefusal):
    """More was asked for than is left on the card."""

    def __init__(self, *, asked_minor: int, left_minor: int, currency: str) -> None:
        self.asked_minor, self.left_minor, self.currency = asked_minor, left_minor, currency
        super().__init__(
            f"{asked_minor} asked for and {left_minor} left on the gift card (minor units of {currency}). "
            f"Ask for at most {left_minor}."
        )


class GiftCardHoldClosed(GiftCardRefusal):
    """The reservation was used or given back before."""

    def __init__(self, *, hold_id: int, state: str) -> None:
        self.hold_id, self.state = hold_id, state
        super().__init__(f"Reservation {hold_id} is {state} and can't change any more. Make a new one.")


class HoldExceeded(GiftCardRefusal):
    """More is to be used than was reserved."""

    def __init__(self, *, hold_id: int, asked_minor: int, held_minor: int) -> None:
        self.hold_id, self.asked_minor, self.held_minor = hold_id, asked_minor, held_minor
        super().__init__(
            f"Reservation {hold_id} is for {held_minor}; {asked_minor} can't be used. "
            "Reserve the rest as well."
        )


class TooMuchRefunded(GiftCardRefusal):
    """More was to come back to the card than the order took from it, or less than has come back already."""

    def __init__(self, *, asked_minor: int, used_minor: int, refunded_minor: int) -> None:
        self.asked_minor, self.used_minor, self.refunded_minor = asked_minor, used_minor, refunded_minor
        super().__init__(
            f"The order took {used_minor} from the gift card and {refunded_minor} has come back; "
            f"{asked_minor} in all can't have. Name a total between {refunded_minor} and {used_minor}."
        )


class GiftCardKeyReused(GiftCardRefusal):
    """A key that was used before came again with other content."""

    def __init__(self, *, key: str) -> None:
        self.key = key
        super().__init__(
            f"The key {key!r} already stands for another request. "
            "Repeat the same request, or use a new key for a new one."
        )


class GiftCardEndNotLater(GiftCardRefusal):
    """A card's end is only ever moved on."""

    def __init__(self, *, asked_at: datetime, ends_at: datetime | None) -> None:
        self.asked_at, self.ends_at = asked_at, ends_at
        stands = "has no end" if ends_at is None else f"ends at {ends_at:%Y-%m-%d %H:%M %Z}"
        super().__init__(f"The gift card {stands}. Name a later end.")


class GiftCardStepRefused(GiftCardRefusal):
    """A card cannot do this from where it stands."""

    def __init__(self, *, state: str, deed: str) -> None:
        self.state, self.deed = state, deed
        super().__init__(f"A gift card that is {state} can't be {deed}.")
