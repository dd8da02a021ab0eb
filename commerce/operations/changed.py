"""Keep in mind which purchases the apps above have to look at, and forget those that they have.

Note [Nothing is forgotten]

Whoever changes a purchase marks it in the same transaction, so there is no mark without the change and no
change without the mark, however late it commits. `forget_settled` takes the row lock of a mark first, asks
the apps then, and deletes last. A change that is marked meanwhile waits for that lock and makes the mark
anew; a mark that somebody else is writing is left alone. And what was never marked, `sweep` comes across.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from commerce.locks import lock_changed_purchases, lock_sweep
from commerce.models import ChangedPurchase, Purchase, Sweep
from commerce.operations.rows import upsert_rows
from commerce.registry import purchase_reactions


def mark_changed(*, purchase_ids: Iterable[int], at: datetime) -> None:
    """Let every app above look at these purchases again, in the caller's transaction.

    Locks: the marks, by ascending purchase. Queries: 1; 0 without ids.
    """
    rows = [(purchase_id, at) for purchase_id in sorted(set(purchase_ids))]
    upsert_rows(ChangedPurchase, ("purchase", "changed_at"), rows, unique=("purchase",))


def forget_settled(*, purchase_ids: Iterable[int]) -> int:
    """Forget those of these marks with which no app is behind any more; say how many.

    Locks: the marks that nobody else is writing.
    """
    with transaction.atomic():
        marked = lock_changed_purchases(purchase_ids)
        done = marked - list_behind(sorted(marked))
        if done:
            ChangedPurchase.objects.filter(purchase_id__in=done).delete()
    return len(done)


def sweep(*, limit: int, at: datetime) -> None:
    """Look at the next `limit` purchases by id, mark those that some app is behind with, and go on from there
    next time; after the last one, from the first.
    """
    with transaction.atomic():
        Sweep.objects.get_or_create(id=Sweep.ONLY)
        place = lock_sweep()
        ahead = Purchase.objects.filter(id__gt=place.after_id).order_by("id")
        part = list(ahead.values_list("id", flat=True)[:limit])
        mark_changed(purchase_ids=list_behind(part), at=at)
        Sweep.objects.filter(id=place.id).update(after_id=part[-1] if len(part) == limit else 0)


def list_behind(purchase_ids: Sequence[int]) -> set[int]:
    """Give those of these purchases that some app has not caught up with."""
    if not purchase_ids:
        return set()
    return {due for _, reaction in purchase_reactions.items() for due in reaction.list_due(purchase_ids)}
