"""The one door through which purchases arrive.

`sync_purchases` takes what the shop knows, in any order and any number of times, and leaves each purchase
as its newest snapshot says. A batch costs a constant number of statements:

1. Read the channels. 2. Lock the purchases that exist, by ascending id, and read what is stored of them. 3.
Judge each snapshot: impossible, older, the same, or to be compared. 4. Find out who bought
(`operations.recognition`). 5. Insert the new purchases in the order of their references, update the changed
ones, and write lines, tenders, returns. 6. Mark what changed for the apps above. 7. List problems. After the
commit, tell whoever wants to hear.

Every wait is for something later in this order, or for something later in the same sorted list, so batches
that share purchases wait for each other and never in a ring. When another process inserts the same purchase
or customer first, the database refuses ours; the attempt is rolled back, begins anew, and finds what the
other has written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import IntegrityError, connection, transaction

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from backstage.transactions import require_read_committed
from commerce.events import purchases_synced
from commerce.locks import lock_referenced_purchases
from commerce.models import Channel, Purchase
from commerce.models.channels import AsOfKind
from commerce.operations.changed import mark_changed
from commerce.operations.problems import Problem, list_problems, settle_refusals
from commerce.operations.purchase_rows import Case, store_cases
from commerce.operations.recognition import OvertakenError, recognize_customers
from commerce.policies.changes import Outcome, as_of_number, make_fingerprint
from commerce.policies.refusals import ProblemKind, Refusal, find_refusal
from commerce.policies.snapshot import LateSnapshot, Snapshot, SnapshotError

MOST_ATTEMPTS = 5
MOST_TOGETHER = 1000
Told = Snapshot | LateSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseResult:
    """What became of one snapshot: created, changed, unchanged, older or refused.

    `problem` is the code under which something stands on the list of problems; a purchase may be stored and
    have one.
    """

    channel: str
    reference: str
    purchase_id: int | None
    outcome: Outcome
    problem: str = ""


def sync_purchase(snapshot: Told, *, at: datetime | None = None, by: By = SHOP) -> PurchaseResult:
    """Bring one purchase to what the shop says; see `sync_purchases`."""
    return sync_purchases([snapshot], at=at, by=by)[0]


def sync_purchases(
    snapshots: Sequence[Told], *, at: datetime | None = None, by: By = SHOP
) -> list[PurchaseResult]:
    """Bring each purchase to what its newest snapshot says; return what became of each, in the same order.

    What cannot be is refused and listed as a problem: it never stops the others, and is no exception in a
    shop's request. Up to 1,000 purchases are one transaction; a longer list is cut.

    Time: `at` is when we were told, now by default. `Snapshot.as_of` decides what is newer.
    Replay: the same snapshot changes and writes nothing. For distinct `as_of`, any order ends in the same.
    Locks: purchases ascending, then customers ascending.
    Queries: constant; a reference that stands n times in the list costs n rounds.
    Raises: SnapshotError for something that is no snapshot; nothing is written then.
    """
    checked = _check(snapshots)
    at = at or clock.now()
    results: list[PurchaseResult] = []
    for start in range(0, len(checked), MOST_TOGETHER):
        results += _sync_part(checked[start : start + MOST_TOGETHER], at, by)
    return results


def _sync_part(part: list[Told], at: datetime, by: By) -> list[PurchaseResult]:
    results: dict[int, PurchaseResult] = {}
    with transaction.atomic():
        require_read_committed(connection)
        for positions in _list_rounds(part):
            batch = [part[position] for position in positions]
            results |= zip(positions, _sync_batch(batch, at), strict=True)
        _record(results.values(), at, by)
    return [results[position] for position in range(len(part))]


def _record(results: Iterable[PurchaseResult], at: datetime, by: By) -> None:
    """Note which person entered a sale by hand. A shop's own feed is no deed of anybody's."""
    if by.kind == "staff":
        for result in results:
            if result.purchase_id and result.outcome in (Outcome.CREATED, Outcome.CHANGED):
                after = {"channel": result.channel, "outcome": result.outcome}
                audit.record(
                    kind="purchase_entered",
                    object_kind="purchase",
                    object_id=result.purchase_id,
                    by=by,
                    at=at,
                    after=after,
                )


def _check(snapshots: Sequence[Told]) -> list[Told]:
    checked = list(snapshots)
    for number, snapshot in enumerate(checked):
        if not isinstance(snapshot, Snapshot | LateSnapshot):
            raise SnapshotError(field=f"snapshots[{number}]", value=snapshot, fix="Give a Snapshot.")
    return checked


def _list_rounds(snapshots: list[Told]) -> list[list[int]]:
    """Return positions, so that no round holds a purchase twice.

    Its second snapshot meets what the first one left.
    """
    rounds: list[list[int]] = []
    seen: dict[tuple[str, str], int] = {}
    for position, told in enumerate(snapshots):
        key = (told.channel, told.reference)
        number = seen[key] = seen.get(key, -1) + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(position)
    return rounds


def _sync_batch(batch: list[Told], at: datetime) -> list[PurchaseResult]:
    for attempt in range(1, MOST_ATTEMPTS + 1):
        try:
            with transaction.atomic():
                results, changed = _attempt(batch, at)
            break
        except (IntegrityError, OvertakenError):
            if attempt == MOST_ATTEMPTS:
                raise
    if changed:
        # A lambda: with a functools.partial, `robust` itself fails on Django before 6.1.
        transaction.on_commit(lambda: _announce(changed), robust=True)
    return results


def _announce(ids: list[int]) -> None:
    purchases_synced.send_robust(sender=None, ids=ids)


def _attempt(batch: list[Told], at: datetime) -> tuple[list[PurchaseResult], list[int]]:
    """Bring purchases that are all different up to date.

    Say what became of each, and which ids have changed.
    """
    channels = {row.key: row for row in Channel.objects.filter(key__in={told.channel for told in batch})}
    stored = _lock_stored(batch, channels)
    cases = {
        (told.channel, told.reference): _judge(
            told, channels[told.channel], stored.get((told.channel, told.reference))
        )
        for told in batch
        if told.channel in channels
    }
    accepted = [case for case in cases.values() if case.refusal is None]
    recognized = recognize_customers(mentions=[(case.snapshot.who, case.channel) for case in accepted], at=at)
    for case, who in zip(accepted, recognized, strict=True):
        case.recognized = who
    changed = store_cases(accepted, at=at)
    mark_changed(purchase_ids=changed, at=at)
    _write_problems(batch, cases, at)
    return [_result(told, cases.get((told.channel, told.reference))) for told in batch], changed


def _lock_stored(batch: list[Told], channels: dict[str, Channel]) -> dict[tuple[str, str], Purchase]:
    keys = {channel.pk: channel.key for channel in channels.values()}
    rows = lock_referenced_purchases(
        (channels[told.channel].pk, told.reference) for told in batch if told.channel in channels
    )
    return {(keys[row.channel_id], row.reference): row for row in rows}


def _judge(told: Told, channel: Channel, stored: Purchase | None) -> Case:
    """Decide what a snapshot is to what is stored: refused, older, the same, or to be compared."""
    is_late = isinstance(told, LateSnapshot)
    snapshot = _read(told) if isinstance(told, LateSnapshot) else told
    case = Case(snapshot, channel, stored)
    if (channel.as_of_kind == AsOfKind.TIME) == isinstance(snapshot.as_of, int):
        case.refusal = Refusal(ProblemKind.WRONG_AS_OF, {"channel_wants": channel.as_of_kind})
        return case
    case.as_of = as_of_number(snapshot.as_of)
    case.refusal = find_refusal(snapshot)
    if case.refusal is not None:
        return case
    case.fingerprint = make_fingerprint(snapshot)
    if stored is not None:
        if is_late:
            # Read under the lock, it is the newest there is, whatever the clocks of two machines say.
            case.as_of = max(case.as_of, stored.as_of)
        _judge_against(case, snapshot, stored, may_repeat=is_late or channel.as_of_kind == AsOfKind.TIME)
    return case


def _judge_against(case: Case, snapshot: Snapshot, stored: Purchase, *, may_repeat: bool) -> None:
    if case.as_of < stored.as_of:
        case.outcome = Outcome.OLDER
    elif case.fingerprint == stored.fingerprint:
        case.outcome = Outcome.UNCHANGED
    elif snapshot.currency != stored.currency:
        detail = {"stored": stored.currency, "told": snapshot.currency, "as_of": case.as_of}
        case.refusal = Refusal(ProblemKind.CURRENCY_CHANGED, detail)
    elif case.as_of == stored.as_of and not may_repeat:
        case.refusal = Refusal(ProblemKind.SAME_AS_OF, {"as_of": case.as_of})


def _read(late: LateSnapshot) -> Snapshot:
    snapshot = late.read()
    if not isinstance(snapshot, Snapshot):
        raise SnapshotError(field="read()", value=snapshot, fix="Return a Snapshot.")
    if (snapshot.channel, snapshot.reference) != (late.channel, late.reference):
        raise SnapshotError(
            field="read()",
            value=snapshot.reference,
            fix="Return the purchase of the same channel and reference.",
        )
    return snapshot


def _write_problems(batch: list[Told], cases: dict[tuple[str, str], Case], at: datetime) -> None:
    """List what was refused or left out, and take off the list what a stored snapshot has put right."""
    stored = [key for key, case in cases.items() if case.outcome in (Outcome.CREATED, Outcome.CHANGED)]
    settle_refusals(references=stored, at=at)
    problems = [
        Problem(channel=told.channel, reference=told.reference, kind=ProblemKind.UNKNOWN_CHANNEL)
        for told in batch
        if (told.channel, told.reference) not in cases
    ]
    for (channel, reference), case in cases.items():
        problem = partial(Problem, channel=channel, reference=reference, purchase_id=case.purchase_id)
        if case.refusal is not None:
            problems.append(problem(kind=case.refusal.kind, detail=case.refusal.detail, told_by=case.as_of))
        problems += [problem(kind=kind, detail={"field": name}) for kind, name in case.recognized.problems]
    list_problems(problems=problems, at=at)


def _result(told: Told, case: Case | None) -> PurchaseResult:
    about = partial(PurchaseResult, channel=told.channel, reference=told.reference)
    if case is None:
        return about(purchase_id=None, outcome=Outcome.REFUSED, problem=ProblemKind.UNKNOWN_CHANNEL)
    if case.refusal is not None:
        return about(purchase_id=case.purchase_id, outcome=Outcome.REFUSED, problem=case.refusal.kind)
    left_out = next((kind for kind, _ in case.recognized.problems), "")
    return about(purchase_id=case.purchase_id, outcome=case.outcome or Outcome.UNCHANGED, problem=left_out)
