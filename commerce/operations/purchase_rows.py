"""Write what a batch of snapshots changes about purchases, lines, tenders and returns."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from commerce.models import Channel, Purchase, PurchaseLine, Return, Tender
from commerce.operations.recognition import OvertakenError, Recognized
from commerce.operations.rows import copy_rows, insert_rows, update_rows, upsert_rows
from commerce.policies.changes import (
    FACT_FIELDS,
    LINE_FIELDS,
    RETURN_FIELDS,
    TENDER_FIELDS,
    Change,
    Outcome,
    Row,
    compare,
    facts_row,
    newest_customer,
)
from commerce.policies.refusals import Refusal
from commerce.policies.snapshot import Snapshot
from commerce.queries.customers import resolve_customers

CHANGING = ("customer", "customer_as_of", *FACT_FIELDS, "as_of", "fingerprint", "revision", "changed_at")
CHANGING_ATTRIBUTES = ("customer_id", *CHANGING[1:])
CHANGES = ", ".join(f"{column} = source.{column}" for column in CHANGING_ATTRIBUTES)


@dataclass(slots=True)
class Case:
    """A snapshot on its way through a batch, beside the purchase that is stored."""

    snapshot: Snapshot
    channel: Channel
    stored: Purchase | None
    as_of: int = 0
    fingerprint: str = ""
    recognized: Recognized = field(default_factory=Recognized)
    refusal: Refusal | None = None
    # Empty until it is known; then it says what became of the snapshot.
    outcome: Outcome | None = None
    change: Change | None = None
    new_id: int | None = None

    @property
    def key(self) -> tuple[int, str]:
        """Where the purchase stands."""
        return (self.channel.pk, self.snapshot.reference)

    @property
    def purchase_id(self) -> int | None:
        """The purchase, once there is one."""
        return self.stored.pk if self.stored is not None else self.new_id

    @property
    def revision(self) -> int:
        """The revision that the purchase has when everything is written."""
        before = self.stored.revision if self.stored is not None else 0
        return before + (self.outcome in (Outcome.CREATED, Outcome.CHANGED))


def store_cases(cases: list[Case], *, at: datetime) -> list[int]:
    """Bring purchases to what their snapshots say; return the ids of those whose revision rose, ascending.

    Decides each case's outcome where that is still open.
    Locks: the stored purchases must be locked. Queries: 0 if nothing changes, else at most 10.
    """
    _compare(cases, at)
    _insert_purchases([case for case in cases if case.stored is None], at)
    _update_purchases([case for case in cases if case.stored is not None], at)
    _write_parts([case for case in cases if case.change])
    return sorted(
        case.purchase_id
        for case in cases
        if case.purchase_id is not None and case.outcome in (Outcome.CREATED, Outcome.CHANGED)
    )


def _compare(cases: list[Case], at: datetime) -> None:
    """Name what each snapshot changes, unless it is known to be older or the same."""
    stale = [case.stored.pk for case in cases if case.stored is not None and case.outcome is None]
    lines = _read_parts(PurchaseLine, LINE_FIELDS, stale, key=slice(0, 1))
    tenders = _read_parts(Tender, TENDER_FIELDS, stale, key=slice(0, 2))
    for case in cases:
        if case.outcome is None:
            stored = case.stored
            case.change = compare(
                case.snapshot,
                facts=None if stored is None else tuple(getattr(stored, name) for name in FACT_FIELDS),
                lines=lines[stored.pk] if stored is not None else {},
                tenders=tenders[stored.pk] if stored is not None else {},
                at=at,
            )
            case.outcome = (
                Outcome.CREATED if stored is None else Outcome.CHANGED if case.change else Outcome.UNCHANGED
            )


def _read_parts(
    model: type[PurchaseLine | Tender], fields: tuple[str, ...], ids: list[int], *, key: slice
) -> dict[int, dict[Row, Row]]:
    parts: dict[int, dict[Row, Row]] = defaultdict(dict)
    if ids:
        for purchase_id, *cells in model.objects.filter(purchase_id__in=ids).values_list(
            "purchase_id", *fields
        ):
            parts[purchase_id][tuple(cells[key])] = tuple(cells)
    return parts


def _insert_purchases(cases: list[Case], at: datetime) -> None:
    # Sorted by what is unique: batches with the same new purchases wait for each other and never in a ring.
    cases = sorted(cases, key=lambda case: case.key)
    rows = []
    for case in cases:
        customer_id = case.recognized.customer_id
        customer_as_of = None if customer_id is None else case.as_of
        rows.append(
            (
                *case.key,
                customer_id,
                customer_as_of,
                *facts_row(case.snapshot),
                case.as_of,
                case.fingerprint,
                1,
                at,
                at,
            )
        )
    fields = ("channel", "reference", *CHANGING, "first_synced_at")
    inserted = insert_rows(Purchase, fields, rows, returning=("channel", "reference", "id"))
    ids = {(channel_id, reference): purchase_id for channel_id, reference, purchase_id in inserted}
    for case in cases:
        case.new_id = ids[case.key]


def _update_purchases(cases: list[Case], at: datetime) -> None:
    """Write what changed, and move `as_of` on where a newer snapshot says the same.

    A repetition writes nothing.
    """
    roots = _resolve_differing(cases)
    changed: list[Row] = []
    confirmed: list[Row] = []
    for case in cases:
        row = _updated_row(case, roots, at)
        if row is not None:
            (changed if case.outcome == Outcome.CHANGED else confirmed).append(row)
    for rows, guard in (
        (changed, "target.revision = source.revision - 1"),
        (confirmed, "target.revision = source.revision"),
    ):
        # The rows are locked, so the guard only fails if somebody wrote past the lock.
        if update_rows(Purchase, ("id", *CHANGING), rows, changes=CHANGES, guard=guard) != len(rows):
            raise OvertakenError


def _updated_row(case: Case, roots: dict[int, int], at: datetime) -> Row | None:
    stored = case.stored
    assert stored is not None  # noqa: S101 (only stored purchases are updated)
    customer_id, customer_as_of = newest_customer(
        stored=stored.customer_id,
        stored_as_of=stored.customer_as_of,
        told=case.recognized.customer_id,
        as_of=case.as_of,
        is_repeated=case.fingerprint == stored.fingerprint,
    )
    if _is_somebody_else(customer_id, stored.customer_id, roots):
        case.outcome = Outcome.CHANGED
    else:
        customer_id = stored.customer_id
    is_newest = case.as_of >= stored.as_of
    facts = facts_row(case.snapshot) if is_newest else tuple(getattr(stored, name) for name in FACT_FIELDS)
    row = (
        stored.pk,
        customer_id,
        customer_as_of,
        *facts,
        max(case.as_of, stored.as_of),
        case.fingerprint if is_newest else stored.fingerprint,
        case.revision,
        at if case.outcome == Outcome.CHANGED else stored.changed_at,
    )
    return None if row == (stored.pk, *(getattr(stored, name) for name in CHANGING_ATTRIBUTES)) else row


def _is_somebody_else(told: int | None, stored: int | None, roots: dict[int, int]) -> bool:
    if told is None or stored is None:
        return told != stored
    return roots.get(told, told) != roots.get(stored, stored)


def _resolve_differing(cases: Iterable[Case]) -> dict[int, int]:
    """Resolve merges where the snapshot names another record than the one stored.

    They may be one customer by now.
    """
    differing: set[int] = set()
    for case in cases:
        told, stored = case.recognized.customer_id, case.stored
        if told is not None and stored is not None and stored.customer_id not in (None, told):
            differing |= {told, stored.customer_id}
    return resolve_customers(customer_ids=differing)


def _write_parts(cases: list[Case]) -> None:
    """Write the lines, tenders and returns that differ.

    A part that is no longer told keeps its row, empty.
    """
    lines = ("purchase", *LINE_FIELDS)
    copy_rows(
        PurchaseLine, lines, [row for case in cases if case.stored is None for row in _parts(case, "lines")]
    )
    stored_lines = [row for case in cases if case.stored is not None for row in _parts(case, "lines")]
    upsert_rows(PurchaseLine, lines, stored_lines, unique=("purchase", "key"))
    tenders = [row for case in cases for row in _parts(case, "tenders")]
    upsert_rows(Tender, ("purchase", *TENDER_FIELDS), tenders, unique=("purchase", "kind", "reference"))
    returns = [(case.revision, *row) for case in cases for row in _parts(case, "returns")]
    copy_rows(Return, ("revision", "purchase", *RETURN_FIELDS), returns)


def _parts(case: Case, kind: str) -> list[Row]:
    purchase_id = case.purchase_id
    return [(purchase_id, *row) for row in getattr(case.change, kind)]
