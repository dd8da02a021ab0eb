"""Joining two members' points, and taking them apart again.

A merge revokes each open lot at the source and issues a twin with the same dates and source at the target, in
one pair of entries under the same key, so that reports can leave such pairs out. Purchases and awards are not
rewritten: `Member.merged_into` is resolved at every use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Sum
from django.utils import timezone

from backstage.policies import By
from backstage.transactions import require_transaction
from loyalty.ledger.rows import Recording
from loyalty.ledger.writer import write
from loyalty.locks import lock_accounts
from loyalty.models import Entry, Lot, Member
from loyalty.policies.book import EntryDraft, LotState, MemberBook
from loyalty.policies.errors import AlreadyMerged, OpenHolds
from loyalty.policies.states import OPEN_STATES, EntryKind, State
from loyalty.queries.books import load_books


@dataclass(frozen=True, slots=True)
class Separated:
    """What an un-merge gave back, and what a person has to decide. Units: points."""

    returned_points: int
    spent_points: int
    debt_points: int


def merge(*, source_id: int, target_id: int, at: datetime, by: By) -> int:
    """Move all open points, debt and level points of the source to the target; give the points moved.

    Locks: both accounts, ascending. Raises: OpenHolds, AlreadyMerged; nothing is written then.
    """
    require_transaction()
    books = _settled_books(source_id, target_id, at)
    _require_unmerged(source_id, target_id)
    source, target = books[source_id], books[target_id]
    for book in (source, target):
        if book.held:
            raise OpenHolds(member_id=book.member_id, held_points=book.held)
    key = f"merge:{source_id}:{target_id}:{at:%Y%m%d%H%M%S%f}"
    moved = _move_lots(list(source.lots.values()), source, target, key, at, debt_points=source.debt)
    _move_qualifying(_qualifying(source_id), source, target, key, at)
    write([source, target], Recording(by, timezone.now()))
    Member.objects.filter(id=source_id).update(merged_into_id=target_id)
    return moved


def unmerge(*, source_id: int, target_id: int, at: datetime, by: By) -> Separated:
    """Give the source back what is left of its twins, and its level points; report the rest.

    Locks: both accounts, ascending. Raises: AlreadyMerged when the source is not merged into the target.
    """
    require_transaction()
    books = _settled_books(source_id, target_id, at)
    if not Member.objects.filter(id=source_id, merged_into_id=target_id).exists():
        raise AlreadyMerged(
            f"Member {source_id} is not merged into {target_id}. There is nothing to take apart."
        )
    source, target = books[source_id], books[target_id]
    merged = Entry.objects.filter(
        member_id=target_id, kind=EntryKind.MERGE, key__startswith=f"merge:{source_id}:{target_id}:"
    ).order_by("-id")
    entry_ids = list(merged.values_list("id", flat=True))
    twins = {
        lot.id: lot for lot in Lot.objects.filter(member_id=target_id, entry_id__in=entry_ids).order_by("id")
    }
    open_twins = [lot for lot_id, lot in target.lots.items() if lot_id in twins and not lot.held]
    key = f"unmerge:{source_id}:{target_id}:{at:%Y%m%d%H%M%S%f}"
    returned = _move_lots(open_twins, target, source, key, at, debt_points=0)
    _move_qualifying(_qualifying(target_id, entry_ids), target, source, key, at)
    write([source, target], Recording(by, timezone.now()))
    Member.objects.filter(id=source_id).update(merged_into_id=None)
    debt = merged.aggregate(debt=Sum("debt_change"))["debt"] or 0
    return Separated(returned, sum(lot.redeemed + lot.held for lot in twins.values()), debt)


def _settled_books(source_id: int, target_id: int, at: datetime) -> dict[int, MemberBook]:
    books = load_books(lock_accounts([source_id, target_id]).values())
    for book in books.values():
        book.settle(at)
    return books


def _require_unmerged(source_id: int, target_id: int) -> None:
    rows = Member.objects.filter(id__in=[source_id, target_id], merged_into__isnull=True)
    programmes = dict(rows.values_list("id", "programme_id"))
    if source_id == target_id or len(programmes) != 2 or len(set(programmes.values())) != 1:
        raise AlreadyMerged(
            f"Members {source_id} and {target_id} can't be merged: they must be two members of one "
            "programme, neither of them merged already."
        )


def _move_lots(
    lots: Sequence[LotState],
    source: MemberBook,
    target: MemberBook,
    key: str,
    at: datetime,
    *,
    debt_points: int,
) -> int:
    """Revoke lots at the source, issue their twins at the target, move the debt and let the target pay it."""
    out = EntryDraft(EntryKind.MERGE, key, at, "merge_out", debt_change=-debt_points)
    into = EntryDraft(EntryKind.MERGE, key, at, "merge_in", debt_change=debt_points)
    source.debt -= debt_points
    target.debt += debt_points
    moved = 0
    # What time has just decided may have emptied some of them.
    for lot in (lot for lot in lots if lot.pending or lot.available):
        twin = _twin(lot, at, -1 - len(target.lots))
        available = lot.available
        for state in OPEN_STATES:
            points = getattr(lot, state.name.lower())
            if points:
                source.move(out, lot, state, State.REVOKED, points, at)
        moved += twin.pending
        target.issue(into, twin, at)
        if available:
            target.move(into, twin, State.PENDING, State.AVAILABLE, available, at)
    target.settle_debt(into, target.in_allocation_order(target.lots.values()), at)
    source.entries.append(out)
    target.entries.append(into)
    return moved


def _twin(lot: LotState, at: datetime, new_id: int) -> LotState:
    """Copy a lot with its dates and source; all its open points begin as pending and follow into their
    state.
    """
    return replace(
        lot,
        id=new_id,
        pending=lot.pending + lot.available,
        available=0,
        held=0,
        redeemed=0,
        expired=0,
        revoked=0,
        dated_at=None if lot.dated_at is None else at,
        twin_of=lot.id,
        dates_changed=False,
    )


def _qualifying(member_id: int, entry_ids: Sequence[int] | None = None) -> dict[datetime, int]:
    """Sum level points by the date that they count at: of a member, or of what these entries brought."""
    entries = Entry.objects.filter(member_id=member_id).exclude(qualifying_change=0).order_by()
    if entry_ids is not None:
        entries = entries.filter(id__in=entry_ids)
    sums = entries.values_list("qualifying_at").annotate(points=Sum("qualifying_change"))
    return {moment: points for moment, points in sums if points}


def _move_qualifying(
    qualifying: Mapping[datetime, int], source: MemberBook, target: MemberBook, key: str, at: datetime
) -> None:
    """Move level points, one pair of entries for each date, so that they stay in their periods."""
    for number, (moment, points) in enumerate(sorted(qualifying.items()), start=1):
        for book, change in ((source, -points), (target, points)):
            draft = EntryDraft(EntryKind.MERGE, f"{key}:{number}", at, "merge_level")
            draft.qualifying_change, draft.qualifying_at = change, moment
            book.entries.append(draft)
