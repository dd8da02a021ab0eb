"""Every row lock of the app, in the global order: orders → codes → batches → uses of customers → coupons →
gift cards.

Each kind is locked in one statement by ascending id, and nothing earlier in the order is locked afterwards.
The counters (codes, uses, coupons) come last of all, because a popular coupon's row is what everybody waits
for: it is held from the guarded update to the commit and no longer. A purchase comes before its order.
`no_key=True`, because a plain FOR UPDATE would block the key check of every insert that points at the row. On
SQLite, where a transaction that writes is alone (IMMEDIATE), these are plain reads.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from backstage.plain_sql import among, execute, for_update, listed
from backstage.transactions import require_read_committed, require_transaction
from coupons.models import (
    Code,
    CodeAlert,
    CodeBatch,
    CodeTries,
    Coupon,
    CouponOrder,
    CouponStamp,
    CouponUse,
    GiftCard,
    PublisherSite,
    Submission,
)
from coupons.policies.states import UseState

# How many reservations that have timed out one order writes off; the job does the others.
MOST_STALE = 200


def lock_stamp() -> CouponStamp:
    """Lock the stamp of all coupons, so that two changes of coupons follow each other. It comes first.

    Raises: CouponStamp.DoesNotExist.
    """
    require_transaction()
    return CouponStamp.objects.select_for_update(no_key=True).get(id=CouponStamp.ONLY)


def lock_coupon(coupon_id: int) -> Coupon:
    """Lock one coupon, to change it; the stamp comes first. Raises: Coupon.DoesNotExist."""
    return Coupon.objects.select_for_update(no_key=True).get(id=coupon_id)


def lock_batch(batch_id: int) -> CodeBatch:
    """Lock one batch of codes, to change it or to make codes of it. Raises: CodeBatch.DoesNotExist."""
    require_transaction()
    return CodeBatch.objects.select_for_update(no_key=True).get(id=batch_id)


def lock_batches_of(coupon_id: int) -> list[CodeBatch]:
    """Lock the batches of a coupon, so that nobody makes codes of them; the coupon comes first."""
    require_transaction()
    rows = CodeBatch.objects.filter(coupon_id=coupon_id).order_by("id")
    return list(rows.select_for_update(no_key=True))


def lock_codes_of(coupon_id: int) -> list[Code]:
    """Lock the codes of a coupon that are of no batch, to change them; the stamp comes first, the coupon
    after.
    """
    require_transaction()
    rows = Code.objects.filter(coupon_id=coupon_id, batch__isnull=True).order_by("id")
    return list(rows.select_for_update(no_key=True))


def find_tries(*, source_hash: str) -> CodeTries | None:
    """Lock the tries of one source, unless they were forgotten. Queries: 1."""
    require_transaction()
    return CodeTries.objects.select_for_update(no_key=True).filter(source_hash=source_hash).first()


def find_order(*, channel: str, reference: str) -> CouponOrder | None:
    """Lock the order that is known under this number, if there is one. Queries: 1."""
    require_transaction()
    rows = CouponOrder.objects.filter(channel=channel, reference=reference)
    return rows.select_for_update(no_key=True).first()


def lock_orders(order_ids: Iterable[int]) -> list[CouponOrder]:
    """Lock these orders, ascending; the purchases that they are come first. Queries: 1."""
    require_transaction()
    rows = CouponOrder.objects.filter(id__in=sorted(set(order_ids))).order_by("id")
    return list(rows.select_for_update(no_key=True))


def lock_stale_orders(
    *, at: datetime, coupon_ids: Collection[int] = (), within: tuple[int, int] | None = None
) -> list[CouponOrder]:
    """Lock reservations that have timed out: of these coupons, or of a range of ids.

    Those that somebody else holds are left alone, so this waits for nobody whatever the caller holds already.
    Queries: 1.
    """
    require_transaction()
    stale = CouponOrder.objects.filter(state=UseState.RESERVED, expires_at__lte=at)
    if within is not None:
        stale = stale.filter(id__range=within)
    if coupon_ids:
        uses = Q(redemptions__coupon_id__in=sorted(coupon_ids), redemptions__state=UseState.RESERVED)
        stale = stale.filter(id__in=CouponOrder.objects.filter(uses).values("id"))
    return list(stale.order_by("id").select_for_update(skip_locked=True, no_key=True)[:MOST_STALE])


def lock_counters(
    *, code_ids: Collection[int], uses: Collection[tuple[int, int]], coupon_ids: Collection[int]
) -> None:
    """Lock counters before several of a kind are changed by one statement, which has no order of its own.

    A single one needs no lock before its update. Batches of codes are locked with the first that does, or
    they would come after it. Locks: codes, batches, uses, coupons. Queries: at most 4.
    """
    require_transaction()
    if len(code_ids) > 1:
        _lock(Code._meta.db_table, "id", code_ids)
    if code_ids and max(len(code_ids), len(uses), len(coupon_ids)) > 1:
        _lock_batches(code_ids)
    if len(uses) > 1:
        _lock_uses(uses)
    if len(coupon_ids) > 1:
        _lock(Coupon._meta.db_table, "id", coupon_ids)


def _lock(table: str, column: str, ids: Collection[int]) -> None:
    execute(
        f"SELECT id FROM {table} WHERE {among(column)} ORDER BY id {for_update()}", [listed(ids)]
    ).fetchall()


def _lock_batches(code_ids: Collection[int]) -> None:
    codes = f"SELECT batch_id FROM {Code._meta.db_table} WHERE {among('id')}"
    execute(
        f"SELECT id FROM {CodeBatch._meta.db_table} WHERE id IN ({codes}) ORDER BY id {for_update()}",
        [listed(code_ids)],
    ).fetchall()


def _lock_uses(uses: Collection[tuple[int, int]]) -> None:
    table = CouponUse._meta.db_table
    rows = execute(
        f"SELECT id, coupon_id, customer_id FROM {table}"
        f" WHERE {among('coupon_id')} AND {among('customer_id')}",
        [listed({coupon_id for coupon_id, _ in uses}), listed({customer_id for _, customer_id in uses})],
    ).fetchall()
    if ids := [use_id for use_id, *use in rows if tuple(use) in set(uses)]:
        _lock(table, "id", ids)


def lock_site(site_id: int) -> PublisherSite:
    """Lock one coupon site, to change it or its sheets; nothing is locked before it. Raises:
    PublisherSite.DoesNotExist.
    """
    require_transaction()
    return PublisherSite.objects.select_for_update(no_key=True).get(id=site_id)


def lock_submission(submission_id: int) -> Submission:
    """Lock one sheet, to take it a step on; its code is locked after it. Raises: Submission.DoesNotExist."""
    require_transaction()
    return Submission.objects.select_for_update(no_key=True).get(id=submission_id)


def lock_alert(alert_id: int) -> CodeAlert:
    """Lock one alert about a code, to settle it; the code is locked after it. Raises:
    CodeAlert.DoesNotExist.
    """
    require_transaction()
    return CodeAlert.objects.select_for_update(no_key=True).get(id=alert_id)


def lock_gift_cards(*, card_ids: Collection[int] = (), handles: Collection[UUID] = ()) -> list[GiftCard]:
    """Lock these gift cards, by ascending id; a card is the lock of its reservations and movements.

    Nothing is locked after them. Queries: 1.
    """
    require_transaction()
    require_read_committed()
    chosen = {"handle__in": list(handles)} if handles else {"id__in": sorted(card_ids)}
    return list(GiftCard.objects.filter(**chosen).order_by("id").select_for_update(no_key=True))


def lock_batch_code(code_id: int) -> Code:
    """Lock one code of a batch, to change it; its batch comes after it. Raises: Code.DoesNotExist."""
    require_transaction()
    return Code.objects.select_for_update(no_key=True).get(id=code_id, batch__isnull=False)
