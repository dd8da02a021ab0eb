"""Where money on gift cards stands, and how it may move: like points, it never appears or vanishes."""

from collections.abc import Mapping
from enum import StrEnum


class GiftCardState(StrEnum):
    """Whether a card may be used; whether it is over, the clock decides."""

    WAITING = "waiting"
    ACTIVE = "active"
    PAUSED = "paused"
    VOID = "void"


class GiftCardMoney(StrEnum):
    """Where each minor unit of a card is: in one of these, once it was issued."""

    ISSUANCE = "issuance"
    BALANCE = "balance"
    HELD = "held"
    USED = "used"
    EXPIRED = "expired"
    VOIDED = "voided"


class GiftCardMove(StrEnum):
    """What a movement does; `GIFT_CARD_MOVES` says from where to where."""

    ISSUE = "issue"
    HOLD = "hold"
    RELEASE = "release"
    USE = "use"
    REFUND = "refund"
    EXPIRE = "expire"
    REINSTATE = "reinstate"
    VOID = "void"


class GiftCardHoldState(StrEnum):
    """Where a reservation stands; LAPSED is one whose time was up."""

    OPEN = "open"
    CAPTURED = "captured"
    VOIDED = "voided"
    LAPSED = "lapsed"


# The one table that the writer, the CHECKs, the laws and the tests read.
GIFT_CARD_MOVES: Mapping[GiftCardMove, tuple[GiftCardMoney, GiftCardMoney]] = {
    GiftCardMove.ISSUE: (GiftCardMoney.ISSUANCE, GiftCardMoney.BALANCE),
    GiftCardMove.HOLD: (GiftCardMoney.BALANCE, GiftCardMoney.HELD),
    GiftCardMove.RELEASE: (GiftCardMoney.HELD, GiftCardMoney.BALANCE),
    GiftCardMove.USE: (GiftCardMoney.HELD, GiftCardMoney.USED),
    GiftCardMove.REFUND: (GiftCardMoney.USED, GiftCardMoney.BALANCE),
    GiftCardMove.EXPIRE: (GiftCardMoney.BALANCE, GiftCardMoney.EXPIRED),
    GiftCardMove.REINSTATE: (GiftCardMoney.EXPIRED, GiftCardMoney.BALANCE),
    GiftCardMove.VOID: (GiftCardMoney.BALANCE, GiftCardMoney.VOIDED),
}
COUNTERS = tuple(money for money in GiftCardMoney if money is not GiftCardMoney.ISSUANCE)
