"""Refusals of the ledger. Each carries its numbers and a sentence that a person can act on."""


class WriteConflict(Exception):
    """A guarded write changed another number of rows than it had to; the transaction must roll back."""


class LedgerRefusal(Exception):
    """The ledger refuses, and nothing was written."""


class NotEnoughPoints(LedgerRefusal):
    """More was asked for than is there."""

    def __init__(self, *, asked_points: int, available_points: int) -> None:
        self.asked_points = asked_points
        self.available_points = available_points
        self.missing_points = asked_points - available_points
        super().__init__(
            f"{asked_points} points were asked for and {available_points} are available. "
            f"Ask for at most {available_points}."
        )


class KeyReused(LedgerRefusal):
    """A key that was used before came again with other content."""

    def __init__(self, *, key: str, member_id: int) -> None:
        self.key = key
        self.member_id = member_id
        super().__init__(
            f"The key {key!r} of member {member_id} already stands for another request. "
            "Repeat the same request, or use a new key for a new one."
        )


class HoldClosed(LedgerRefusal):
    """The reservation was captured or voided before."""

    def __init__(self, *, hold_id: int, state: str) -> None:
        self.hold_id = hold_id
        self.state = state
        super().__init__(f"Reservation {hold_id} is {state} and can't change any more. Make a new one.")


class HoldUnknown(LedgerRefusal):
    """There is no such reservation for this member."""

    def __init__(self, *, hold_id: int) -> None:
        self.hold_id = hold_id
        super().__init__(
            f"There is no reservation {hold_id} for this member. Check the id that `hold` returned."
        )


class MemberMerged(LedgerRefusal):
    """The account was merged into another one while the request was on its way."""

    def __init__(self, *, member_id: int, into_id: int) -> None:
        self.member_id = member_id
        self.into_id = into_id
        super().__init__(f"Member {member_id} was merged into {into_id}. Ask for {into_id} instead.")


class OpenHolds(LedgerRefusal):
    """Accounts with open reservations can't be merged."""

    def __init__(self, *, member_id: int, held_points: int) -> None:
        self.member_id = member_id
        self.held_points = held_points
        super().__init__(
            f"Member {member_id} has {held_points} points reserved. "
            "Finish or end the reservation, then merge."
        )


class TooMuchReturned(LedgerRefusal):
    """More points would come back than the capture took."""

    def __init__(self, *, asked_points: int, captured_points: int, returned_points: int) -> None:
        self.asked_points = asked_points
        self.captured_points = captured_points
        self.returned_points = returned_points
        super().__init__(
            f"{asked_points} points can't come back: {captured_points} were spent and "
            f"{returned_points} of them have come back already."
        )


class AlreadyMerged(LedgerRefusal):
    """One of the two members is merged already, or they are not merged at all."""
