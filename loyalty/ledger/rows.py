"""Drafts as rows of the ledger's tables, in the order of the columns in `statements`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from backstage.policies import By
from loyalty.policies.book import EntryDraft, HoldDraft, LotState, MemberBook

Drafts: TypeAlias = "Sequence[tuple[MemberBook, EntryDraft]]"
Row: TypeAlias = "tuple[Any, ...]"


@dataclass(frozen=True, slots=True)
class Recording:
    """Who writes, when, and for which job chunk."""

    by: By
    recorded_at: datetime
    batch: int | None = None


def entry_rows(drafts: Drafts, recording: Recording) -> list[Row]:
    """Give the rows of `ENTRY_COLUMNS`."""
    by, recorded_at, batch = recording.by, recording.recorded_at, recording.batch
    return [
        (
            book.member_id,
            draft.kind.value,
            draft.key,
            draft.fingerprint,
            draft.source_kind,
            draft.source_id,
            draft.corrects,
            draft.channel_id,
            by.kind,
            by.id,
            draft.reason,
            draft.explanation,
            draft.debt_change,
            draft.let_go_points,
            draft.qualifying_change,
            draft.qualifying_at,
            draft.occurred_at,
            recorded_at,
            batch,
        )
        for book, draft in drafts
    ]


def lot_row(member_id: int, number: int, lot: LotState) -> Row:
    """Give a new lot's row of `LOT_COLUMNS`: all its points pending, whatever else moves in this posting."""
    return (
        member_id,
        number,
        lot.terms_id,
        lot.source_kind,
        lot.source_id,
        lot.issued,
        lot.issued,
        lot.earned_at,
        lot.dated_at,
        lot.releases_at,
        lot.expires_at,
        lot.reprieved_until,
        lot.lapse_months,
        lot.waits_for,
        lot.stands_in_at,
        lot.twin_of,
    )


def new_lots(drafts: Drafts) -> Iterator[tuple[MemberBook, EntryDraft, int, LotState]]:
    """Go through the lots that these drafts issue, numbered within their entry."""
    for book, draft in drafts:
        for number, lot in enumerate(draft.new_lots):
            yield book, draft, number, lot


def hold_row(member_id: int, hold: HoldDraft) -> Row:
    """Give the row of a reservation that is open."""
    return (member_id, hold.points, hold.reference, "open", hold.expires_at)
