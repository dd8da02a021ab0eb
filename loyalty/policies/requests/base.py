"""What every deed asked of the ledger has in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, ClassVar

from loyalty.policies.book import EntryDraft, LotState, MemberBook
from loyalty.policies.errors import NotEnoughPoints
from loyalty.policies.states import EntryKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(ABC):
    """One deed asked of one member's account."""

    needs_lots: ClassVar[bool] = True
    # Whether of the lots with points available only the first few in allocation order are looked at.
    takes_first_lots: ClassVar[bool] = False

    member_id: int
    key: str
    reason: str
    channel_id: int | None = None
    explanation: dict[str, Any] = field(default_factory=dict)

    @abstractmethod
    def content(self) -> tuple[object, ...]:
        """Give what a repetition of this request must have in common with it."""

    @abstractmethod
    def apply(self, book: MemberBook, at: datetime) -> EntryDraft:
        """Draft the entries of this deed on the book. Raises: LedgerRefusal, before anything is drafted."""

    @property
    def fingerprint(self) -> str:
        """Condense the content, so that a key that is used again for something else is noticed."""
        said = repr((type(self).__name__, self.content())).encode()
        return blake2b(said, digest_size=16).hexdigest()

    def draft(self, kind: EntryKind, at: datetime, **fields: Any) -> EntryDraft:
        """Begin the entry of this request."""
        return EntryDraft(
            kind,
            self.key,
            at,
            self.reason,
            fingerprint=self.fingerprint,
            channel_id=self.channel_id,
            explanation=self.explanation,
            **fields,
        )


def require_points(book: MemberBook, points: int) -> list[LotState]:
    """Give the lots to take these points from, in allocation order.

    Raises: NotEnoughPoints with both numbers; SliceTooShort when the book has to be loaded whole.
    """
    lots = book.spendable(points)
    if points > book.available:
        raise NotEnoughPoints(asked_points=points, available_points=book.available)
    return lots
