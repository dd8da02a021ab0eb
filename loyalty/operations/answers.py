"""What outside programmes answer: accepted points are spent, refused ones come back, whatever time did.

1. Lock the transfers by ascending id, and then the accounts of their members.
2. Say for each row what it comes to: known already, at odds with what was answered before, or new.
3. Close the holds that are open in one posting. One that has timed out gave its points back: refused then
   means given back already; accepted means that they are taken again, or reported where they are gone.
4. Write down the answers by guarded updates.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from backstage.policies import By
from loyalty.ledger import moves
from loyalty.ledger.moves import HoldToClose
from loyalty.locks import lock_transfers
from loyalty.models import ReceivedFile, ReceivedRow, Transfer
from loyalty.operations.exchanges import REASON, VOID_REASON
from loyalty.policies.errors import LedgerRefusal, WriteConflict
from loyalty.policies.outside import RowFault, RowState, TransferState
from loyalty.policies.outside_files import ACCEPTED, read_reference

ANSWERED = {ACCEPTED: (TransferState.ACCEPTED, TransferState.REPORTED)}


def take_answers(*, file: ReceivedFile, rows: Sequence[ReceivedRow], at: datetime, by: By) -> None:
    """Take in the answers of these rows; each row is left with what became of it, not yet saved.

    Replay: an answer that stands is known. Locks: the transfers, then the accounts. Queries: constant, and a
    few more for each hold that had timed out before it was accepted. Raises: WriteConflict.
    """
    ids = {row.id: read_reference(row.reference) for row in rows}
    transfers = lock_transfers(transfer_id for transfer_id in ids.values() if transfer_id is not None)
    fresh: dict[int, tuple[Transfer, ReceivedRow]] = {}
    for row in rows:
        transfer = transfers.get(ids[row.id] or 0)
        if transfer is None or transfer.outside_id != file.outside_id:
            _fault(row, RowFault.UNKNOWN_REFERENCE)
        elif transfer.id in fresh:
            _fault(row, RowFault.TWICE_IN_FILE)
        elif transfer.state in (TransferState.WAITING, TransferState.CALLED_OFF):
            _fault(row, RowFault.NOT_SENT)
        elif transfer.state == TransferState.SENT:
            fresh[transfer.id] = (transfer, row)
            row.state = RowState.TAKEN.value
        elif transfer.state in ANSWERED.get(row.answer, (TransferState.REFUSED,)):
            row.state = RowState.KNOWN.value
        else:
            _fault(row, RowFault.OTHER_ANSWER)
    if fresh:
        _close(list(fresh.values()), at, by)


def _fault(row: ReceivedRow, fault: RowFault) -> None:
    row.state, row.fault = RowState.FAULTY.value, fault.value


def _close(answered: Sequence[tuple[Transfer, ReceivedRow]], at: datetime, by: By) -> None:
    holds = {transfer.hold_id: transfer.member_id for transfer, _row in answered}
    is_open = moves.list_open_holds(holds=holds, at=at)
    accepted = [transfer for transfer, row in answered if row.answer == ACCEPTED]
    refused = [transfer for transfer, row in answered if row.answer != ACCEPTED]
    moves.close_holds(
        captures=[_closing(one, REASON) for one in accepted if one.hold_id in is_open],
        voids=[_closing(one, VOID_REASON) for one in refused if one.hold_id in is_open],
        at=at,
        by=by,
    )
    timed_out = [one for one in accepted if one.hold_id not in is_open]
    reported = {one.id for one in timed_out if not _take_again(one, at, by)}
    _write({one.id for one in accepted} - reported, TransferState.ACCEPTED, at)
    _write(reported, TransferState.REPORTED, at)
    _write({one.id for one in refused}, TransferState.REFUSED, at)
    for transfer, row in answered:
        transfer.reason = row.reason
    Transfer.objects.bulk_update([one for one, row in answered if row.reason], ["reason"])


def _closing(transfer: Transfer, reason: str) -> HoldToClose:
    return HoldToClose(transfer.member_id, transfer.hold_id, f"transfer:{transfer.id}", reason)


def _take_again(transfer: Transfer, at: datetime, by: By) -> bool:
    """Take points again that time had given back; False where they are gone, or the account is."""
    try:
        with transaction.atomic():
            moves.capture(
                member_id=transfer.member_id,
                hold_id=transfer.hold_id,
                key=f"transfer:{transfer.id}",
                reason=REASON,
                at=at,
                by=by,
            )
    except LedgerRefusal:
        return False
    return True


def _write(transfer_ids: set[int], state: TransferState, at: datetime) -> None:
    waiting = Transfer.objects.filter(id__in=transfer_ids, state=TransferState.SENT)
    changed = waiting.update(state=state, answered_at=at) if transfer_ids else 0
    if changed != len(transfer_ids):
        raise WriteConflict(
            f"{changed} of {len(transfer_ids)} transfers were unanswered; nothing was written."
        )
