"""Returns that name the customer and the article, and not the purchase.

A shop whose books cancel goods by a document of their own is brought to the form that `sync_purchases` wants:
the purchases that the goods came from, each with its new cumulative returns. What each document took is
remembered, so reading it again takes nothing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import OperationalError

from backstage.policies import SHOP, By
from backstage.transactions import require_transaction
from commerce.locks import lock_purchases
from commerce.models import Cancellation, Channel, Purchase
from commerce.models.channels import AsOfKind
from commerce.operations.problems import Problem, list_problems
from commerce.operations.rows import insert_rows
from commerce.operations.sync import sync_purchases
from commerce.policies.cancellations import CancelledGoods, Taken, match_cancellations
from commerce.policies.changes import EPOCH, Outcome
from commerce.policies.refusals import ProblemKind
from commerce.policies.snapshot import LineSnapshot, Snapshot, TenderSnapshot, Who
from commerce.queries.kept_goods import (
    list_families,
    list_kept_lines,
    list_line_snapshots,
    list_owners,
    list_tender_snapshots,
)

NOBODY = Who()
MICROSECOND = timedelta(microseconds=1)
# Whoever changes a purchase between our look and our lock makes us look again.
ATTEMPTS = 3
FIELDS = ("channel", "reference", "key", "sku", "quantity", "matched_quantity", "cancelled_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationReport:
    """What became of a list of cancelled goods, in positions, and which purchases changed."""

    matched: int
    unmatched: int
    remembered: int
    purchase_ids: list[int]


def apply_cancellations(
    *, channel: Channel, goods: Sequence[CancelledGoods], at: datetime, by: By = SHOP
) -> CancellationReport:
    """Return the goods on the customers' latest purchases of them, and list what was not found as a problem.

    A position of which only a part was found returns that part and lists the rest.
    Time: the return happened at `cancelled_at`; `at` is when we were told.
    Replay: a position that was taken into account before changes nothing.
    Locks: the purchases that hold one of the articles, ascending. Queries: constant.
    Raises: ValueError where two positions of a document have one key.
    """
    require_transaction()
    fresh = _leave_out_remembered(channel, goods)
    taken, snapshots = _take(channel, fresh)
    results = sync_purchases(list(snapshots.values()), at=at, by=by)
    stored = {
        purchase_id
        for purchase_id, result in zip(snapshots, results, strict=True)
        if result.outcome == Outcome.CHANGED
    }
    unmatched = _remember(channel, fresh, [part for part in taken if part.line.purchase_id in stored], at)
    return CancellationReport(
        matched=len(fresh) - unmatched,
        unmatched=unmatched,
        remembered=len(goods) - len(fresh),
        purchase_ids=sorted(stored),
    )


def _leave_out_remembered(channel: Channel, goods: Sequence[CancelledGoods]) -> list[CancelledGoods]:
    if len({(item.reference, item.key) for item in goods}) < len(goods):
        raise ValueError("Two positions of one document have the same key. Give each position its own.")
    references = sorted({item.reference for item in goods})
    known = Cancellation.objects.filter(channel=channel, reference__in=references)
    remembered = set(known.values_list("reference", "key")) if references else set()
    return [item for item in goods if (item.reference, item.key) not in remembered]


def _take(channel: Channel, goods: Sequence[CancelledGoods]) -> tuple[list[Taken], dict[int, Snapshot]]:
    """Say which lines the goods come from, and how their purchases stand afterwards, by id.

    Only what is taken from is locked, so the lines are chosen before and compared after. Locking all that a
    loyal customer ever bought would hold up the shop's own traffic.
    """
    owners = list_owners(channel=channel.key, external_ids={item.external_id for item in goods} - {""})
    families = list_families(customer_ids=owners.values())
    for _ in range(ATTEMPTS):
        kept = list_kept_lines(channel=channel, goods=goods, owners=owners, families=families)
        taken = match_cancellations(goods, customers=owners, lines=kept)
        purchases = lock_purchases(part.line.purchase_id for part in taken) if taken else {}
        lines = list_line_snapshots(purchase_ids=purchases)
        if all(_still_stands(part, lines) for part in taken):
            return taken, _as_snapshots(channel, purchases, lines, taken)
    raise OperationalError("The purchases that goods came back to change faster than they can be read.")


def _still_stands(part: Taken, lines: Mapping[int, Mapping[int, LineSnapshot]]) -> bool:
    line = lines[part.line.purchase_id][part.line.line_id]
    return line.quantity - line.returned_quantity == part.line.kept


def _as_snapshots(
    channel: Channel,
    purchases: Mapping[int, Purchase],
    lines: Mapping[int, Mapping[int, LineSnapshot]],
    taken: Sequence[Taken],
) -> dict[int, Snapshot]:
    parts: dict[int, list[Taken]] = defaultdict(list)
    for part in taken:
        parts[part.line.purchase_id].append(part)
    tenders = list_tender_snapshots(purchase_ids=parts)
    return {
        purchase_id: _returned(
            channel, purchase, lines[purchase_id], tenders[purchase_id], parts[purchase_id]
        )
        for purchase_id, purchase in sorted(purchases.items())
    }


def _returned(
    channel: Channel,
    purchase: Purchase,
    lines: Mapping[int, LineSnapshot],
    tenders: Sequence[TenderSnapshot],
    parts: Sequence[Taken],
) -> Snapshot:
    """Return the stored purchase with `parts` gone back, as the newest state of it.

    Nobody is named as the buyer: a snapshot without one leaves the purchase with whom it belongs to, also
    where customers were merged since.
    """
    changed = dict(lines)
    for part in parts:
        changed[part.line.line_id] = _give_back(changed[part.line.line_id], part)
    return Snapshot(
        channel=channel.key,
        reference=purchase.reference,
        as_of=_next_as_of(channel, purchase, max(part.goods.cancelled_at for part in parts)),
        who=NOBODY,
        currency=purchase.currency,
        placed_at=purchase.placed_at,
        paid_at=purchase.paid_at,
        delivered_at=purchase.delivered_at,
        status=purchase.status,
        lines=tuple(changed.values()),
        tenders=tuple(tenders),
        refunded_minor=purchase.refunded_minor,
        codes=tuple(purchase.codes),
    )


def _give_back(line: LineSnapshot, part: Taken) -> LineSnapshot:
    """Return the line with one more part gone back, at the price of this line.

    A line whose returns came with an amount of their own needs one for this part too, its share of what is
    kept; without, `returned_quantity` counts pro rata and small returns add up exactly.
    """
    returned_minor = line.returned_minor
    if returned_minor is not None:
        kept_minor, kept = line.sold_minor - returned_minor, line.quantity - line.returned_quantity
        returned_minor += int(Decimal(kept_minor * part.quantity / kept).to_integral_value())
    return replace(
        line,
        returned_quantity=line.returned_quantity + part.quantity,
        returned_minor=returned_minor,
        returned_at=part.goods.cancelled_at,
    )


def _next_as_of(channel: Channel, purchase: Purchase, cancelled_at: datetime) -> datetime | int:
    """Return an `as_of` that is newer than the stored one: the cancellation's own time if that is.

    A cancellation within the minute of its purchase would otherwise tie with it.
    """
    if channel.as_of_kind == AsOfKind.SEQUENCE:
        return purchase.as_of + 1
    return max(cancelled_at, EPOCH + (purchase.as_of + 1) * MICROSECOND)


def _remember(channel: Channel, goods: Sequence[CancelledGoods], taken: Sequence[Taken], at: datetime) -> int:
    """Write down what each position took, list what it did not find, and return how many found too little."""
    matched: dict[tuple[str, str], int | Decimal] = defaultdict(int)
    for part in taken:
        matched[part.goods.reference, part.goods.key] += part.quantity
    rows, problems = [], []
    for item in sorted(goods, key=lambda item: (item.reference, item.key)):
        found = matched[item.reference, item.key]
        rows.append((channel.pk, item.reference, item.key, item.sku, item.quantity, found, item.cancelled_at))
        if found < item.quantity:
            problems.append(_unmatched(channel, item, found))
    insert_rows(Cancellation, FIELDS, rows)
    list_problems(problems=problems, at=at)
    return len(problems)


def _unmatched(channel: Channel, item: CancelledGoods, found: int | Decimal) -> Problem:
    return Problem(
        channel=channel.key,
        reference=item.reference,
        kind=ProblemKind.UNMATCHED_RETURN,
        detail={"sku": item.sku, "quantity": item.quantity, "unmatched": int(item.quantity - found)},
        told_by=item.key,
    )
