"""Let upper apps catch up with the purchases that changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from commerce.models import ChangedPurchase
from commerce.operations.changed import forget_settled, sweep
from commerce.registry import PurchaseReaction, purchase_reactions

MOST_TOGETHER = 200
# How many purchases each run looks at without being told to. A lap over a million takes under two hours.
SWEPT = 10_000


@dataclass(slots=True, kw_only=True)
class Settled:
    """How many purchases the apps caught up with, how many failed, and why the first one did.

    `forgotten` are those that no app has to look at any more.
    """

    done: int = 0
    failed: int = 0
    error: str = ""
    forgotten: int = 0


def settle_purchases(*, at: datetime, limit: int = 1000) -> Settled:
    """Bring every reaction up to date with at most `limit` purchases that it has not applied yet.

    Replay: what is applied is no longer due, so a second call finds nothing.
    """
    return _catch_up(list_due(at=at, limit=limit), at)


def react(purchase_ids: Sequence[int], *, at: datetime) -> Settled:
    """Bring every reaction up to date with these purchases at once, without asking what is due.

    An import calls it right after `sync_purchases`. A failure is counted, and the job meets the purchase
    again.
    """
    settled = Settled()
    for _, reaction in purchase_reactions.items():
        _settle(reaction, purchase_ids, at, settled)
    settled.forgotten = forget_settled(purchase_ids=purchase_ids)
    return settled


def settle_range(*, at: datetime, lo: int, hi: int, limit: int) -> Settled:
    """Bring every reaction up to date with the purchases between two ids that are due."""
    marked = ChangedPurchase.objects.filter(purchase_id__gte=lo, purchase_id__lte=hi).order_by("purchase_id")
    return _catch_up(list(marked.values_list("purchase_id", flat=True)[:limit]), at)


def list_due(*, at: datetime, limit: int) -> list[int]:
    """Give the ids of purchases that some reaction may not have applied yet, ascending.

    They were marked when they changed, or are found now by a look at the next part of all purchases.
    """
    sweep(limit=SWEPT, at=at)
    marked = ChangedPurchase.objects.order_by("purchase_id").values_list("purchase_id", flat=True)
    return list(marked[:limit])


def _catch_up(purchase_ids: Sequence[int], at: datetime) -> Settled:
    settled = Settled()
    for _, reaction in purchase_reactions.items():
        _settle(reaction, reaction.list_due(purchase_ids) if purchase_ids else [], at, settled)
    settled.forgotten = forget_settled(purchase_ids=purchase_ids)
    return settled


def _settle(reaction: PurchaseReaction, ids: Sequence[int], at: datetime, settled: Settled) -> None:
    """Settle together what can be, and one by one where something fails.

    One bad purchase must not hold up the others.
    """
    ordered = sorted(ids)
    for start in range(0, len(ordered), MOST_TOGETHER):
        together = ordered[start : start + MOST_TOGETHER]
        error = _try(reaction, together, at)
        if not error:
            settled.done += len(together)
            continue
        for purchase_id in together:
            error = _try(reaction, [purchase_id], at) if len(together) > 1 else error
            settled.done += not error
            settled.failed += bool(error)
            settled.error = settled.error or (error and f"{reaction.name}, purchase {purchase_id}: {error}")


def _try(reaction: PurchaseReaction, ids: Sequence[int], at: datetime) -> str:
    try:
        with transaction.atomic():
            reaction.settle(ids, at)
    except Exception as error:
        # Whatever an upper app raises is told to a person, and the purchase stays due.
        return f"{type(error).__name__}: {error}"
    return ""
