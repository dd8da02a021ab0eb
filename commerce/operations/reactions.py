"""Let upper apps catch up with the purchases that changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from commerce.registry import PurchaseReaction, purchase_reactions

MOST_TOGETHER = 200


@dataclass(slots=True, kw_only=True)
class Settled:
    """How many purchases the apps caught up with, how many failed, and why the first one did."""

    done: int = 0
    failed: int = 0
    error: str = ""


def settle_purchases(*, at: datetime, limit: int = 1000) -> Settled:
    """Bring every reaction up to date with at most `limit` purchases that it has not applied yet.

    Replay: what is applied is no longer due, so a second call finds nothing.
    """
    settled = Settled()
    for _, reaction in purchase_reactions.items():
        _settle(reaction, reaction.list_due(limit), at, settled)
    return settled


def react(purchase_ids: Sequence[int], *, at: datetime) -> Settled:
    """Bring every reaction up to date with these purchases at once, without asking what is due.

    An import calls it right after `sync_purchases`. A failure is counted, and the job meets the purchase
    again.
    """
    settled = Settled()
    for _, reaction in purchase_reactions.items():
        _settle(reaction, purchase_ids, at, settled)
    return settled


def settle_range(*, at: datetime, lo: int, hi: int, limit: int) -> Settled:
    """Bring every reaction up to date with the purchases between two ids that are due."""
    settled = Settled()
    for _, reaction in purchase_reactions.items():
        due = [purchase_id for purchase_id in reaction.list_due(limit) if lo <= purchase_id <= hi]
        _settle(reaction, due, at, settled)
    return settled


def list_due(*, limit: int) -> list[int]:
    """Return the ids of purchases that some reaction has not applied yet, ascending."""
    due: set[int] = set()
    for _, reaction in purchase_reactions.items():
        due.update(reaction.list_due(limit))
    return sorted(due)


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
