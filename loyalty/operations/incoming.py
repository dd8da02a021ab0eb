"""Units of outside programmes that become points: once for each reference of theirs, by whole steps."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from backstage.policies import By
from loyalty.ledger.posting import post
from loyalty.locks import lock_accounts
from loyalty.models import IncomingTransfer, OutsideAccount, OutsideRate, ReceivedFile, ReceivedRow
from loyalty.policies.gift_dates import dates_of_gift
from loyalty.policies.outside import (
    Direction,
    NotWholeSteps,
    RowFault,
    RowState,
    exchange,
    normalise_account,
)
from loyalty.policies.programme import MEMBER_ALLOWS, MemberState
from loyalty.policies.requests import Accrue, Part
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.settlement import Holder
from loyalty.queries.holders import resolve_holders
from loyalty.queries.partners import running_at
from loyalty.queries.programmes import get_programme_rules

REASON, SOURCE = "exchange_in", "incoming"


def take_incoming(*, file: ReceivedFile, rows: Sequence[ReceivedRow], at: datetime, by: By) -> None:
    """Grant what these rows bring, issuance → pending, ready at once; each row is left with what became of
    it, not yet saved.

    Replay: a reference that came before with the same content is known. Locks: the accounts. Queries:
    constant.
    """
    programme = get_programme_rules(file.outside.programme_id)
    rate = OutsideRate.objects.filter(
        running_at(at), outside_id=file.outside_id, direction=Direction.IN.value
    ).first()
    accounts = _find_accounts(file, rows)
    holders = resolve_holders(member_ids={one.member_id for one in accounts.values()}, known=())
    lock_accounts(holder.id for holder in holders.values())
    standing = {
        one.reference: one
        for one in IncomingTransfer.objects.filter(
            outside_id=file.outside_id, reference__in=[row.reference for row in rows]
        ).select_related("account")
    }
    taken: dict[str, IncomingTransfer] = {}
    for row in rows:
        found = standing.get(row.reference)
        account = accounts.get(normalise_account(row.account))
        if row.reference in taken:
            _fault(row, RowFault.TWICE_IN_FILE)
        elif found is not None:
            is_same = (found.units, found.account.number) == (row.units, normalise_account(row.account))
            row.state = RowState.KNOWN.value if is_same else row.state
            if not is_same:
                _fault(row, RowFault.OTHER_CONTENT)
        elif account is None:
            _fault(row, RowFault.UNKNOWN_ACCOUNT)
        else:
            made = _decide(file, row, account, holders[account.member_id], rate, programme, at)
            if made is not None:
                taken[row.reference] = made
    _post(programme, list(taken.values()), at, by)


def _find_accounts(file: ReceivedFile, rows: Sequence[ReceivedRow]) -> dict[str, OutsideAccount]:
    numbers = {normalise_account(row.account) for row in rows}
    accounts = OutsideAccount.objects.filter(
        outside_id=file.outside_id, number__in=numbers, ended_at__isnull=True
    )
    return {account.number: account for account in accounts}


def _decide(
    file: ReceivedFile,
    row: ReceivedRow,
    account: OutsideAccount,
    holder: Holder,
    rate: OutsideRate | None,
    programme: ProgrammeRules,
    at: datetime,
) -> IncomingTransfer | None:
    """Say what a row brings; None where it is left with its fault."""
    if not programme.earns_at(at) or not MEMBER_ALLOWS[MemberState(holder.state)].earn:
        _fault(row, RowFault.NOT_ACTIVE)
        return None
    if rate is None:
        _fault(row, RowFault.NO_RATE)
        return None
    try:
        points = exchange(row.units, step=rate.units, gives=rate.points)
    except NotWholeSteps:
        _fault(row, RowFault.NOT_WHOLE_STEPS)
        return None
    row.state = RowState.TAKEN.value
    name = f"{file.outside_id}\x00{row.reference}".encode()
    return IncomingTransfer(
        outside_id=file.outside_id,
        reference=row.reference,
        member_id=holder.id,
        account=account,
        rate=rate,
        file=file,
        units=row.units,
        points=points,
        entry_key=f"incoming:{blake2b(name, digest_size=16).hexdigest()}",
        received_at=at,
    )


def _post(programme: ProgrammeRules, taken: Sequence[IncomingTransfer], at: datetime, by: By) -> None:
    if not taken:
        return
    dates = dates_of_gift(programme, at)
    requests = [
        Accrue(
            member_id=one.member_id,
            key=one.entry_key,
            reason=REASON,
            explanation=_explain(one),
            parts=(Part(one.points, *dates),),
            earned_at=at,
            source_kind=SOURCE,
            source_id=one.outside_id,
        )
        for one in taken
    ]
    post(requests, at=at, by=by)
    IncomingTransfer.objects.bulk_create(taken)


def _explain(one: IncomingTransfer) -> dict[str, Any]:
    return {"outside": one.outside_id, "rate": one.rate_id, "points": one.points, "units": one.units}


def _fault(row: ReceivedRow, fault: RowFault) -> None:
    row.state, row.fault = RowState.FAULTY.value, fault.value
