"""Coupons, versions and codes as the engine takes them, read by plain SQL.

Offers without a code are kept in memory as long as the stamp of all coupons stands; what is left of them is
read for every basket.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from backstage.plain_sql import Columns, among, execute, is_postgresql, spelled
from commerce.policies.goods import Goods
from coupons.models import Code, CodeBatch, Coupon, CouponOrder, CouponStamp, CouponVersion, Redemption
from coupons.policies.evaluation import Ask, Limits
from coupons.policies.kinds import CouponKind, SaleGoods
from coupons.policies.offer import KnownCode, Offer
from coupons.policies.states import CodeKind, CodeState, CouponState, UseState
from coupons.policies.terms import WHOLE, Terms
from coupons.queries.limits import Dated, holding, read_limits

_CODE = Columns(Code, "id", "code", "kind", "state", "customer_id", "limit_total", "used_count", "ends_at")
_BATCH = Columns(CodeBatch, "state", "ends_at")
_COUPON = Columns(
    Coupon,
    "id",
    "name",
    "state",
    "currency",
    "starts_at",
    "ends_at",
    "is_public",
    "limit_total",
    "limit_per_customer",
    "budget_minor",
    "used_count",
    "spent_minor",
)
_VERSION = Columns(
    CouponVersion,
    "id",
    "kind",
    "amount_minor",
    "percent",
    "most_minor",
    "pieces",
    "buy_pieces",
    "get_pieces",
    "most_times",
    "skus",
    "brands",
    "category_paths",
    "get_skus",
    "get_brands",
    "get_category_paths",
    "except_skus",
    "except_brands",
    "except_category_paths",
    "sale_goods",
    "minimum_minor",
    "first_order_only",
    "channels",
    "segment_ids",
    "customer_ids",
    "lane",
    "is_exclusive",
    "starts_at",
    "ends_at",
)
_STAMP = Columns(CouponStamp, "stamp")


@dataclass(frozen=True, slots=True)
class Running:
    """What every basket meets: the offers that need no code, and the limits of all discounts."""

    offers: Sequence[Offer] = ()
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was read, with the stamp and the moment that it was read at."""

    stamp: UUID
    at: datetime
    offers: list[Offer]
    limits: list[Dated]


_kept: list[_Kept] = []


def read_asked(codes: Sequence[str], at: datetime) -> tuple[list[Ask], Running]:
    """Find what these normal codes stand for, and what every basket meets; what nobody has begun stands for
    nothing.

    Queries: 1, or 4 after a change of coupons.
    """
    columns = ", ".join((_CODE.of("code"), _BATCH.of("batch"), _COUPON.of("coupon"), _VERSION.of("version")))
    rows = execute(
        f"SELECT {_STAMP.of('stamp')}, {columns} FROM (SELECT 1) AS one"
        f" LEFT JOIN {_STAMP.table} AS stamp ON stamp.id = %s"
        f" LEFT JOIN ({_CODE.table} AS code JOIN {_COUPON.table} AS coupon ON coupon.id = code.coupon_id"
        f" {_newest_of_each()} LEFT JOIN {_BATCH.table} AS batch ON batch.id = code.batch_id)"
        f" ON {among('code.code')} ORDER BY code.id",
        [CouponStamp.ONLY, _codes(codes)],
    ).fetchall()
    ((stamp, *_),) = _STAMP.convert(rows[:1])
    return _asks([row[1:] for row in rows if row[1] is not None]), _running(stamp, at)


def _asks(rows: list[tuple[Any, ...]]) -> list[Ask]:
    at_batch = len(_CODE.names)
    at_coupon = at_batch + len(_BATCH.names)
    rows = _BATCH.convert(_CODE.convert(rows), start=at_batch)
    return [
        Ask(offer, typed=row[1], code=_code_of(row[:at_batch], row[at_batch:at_coupon]))
        for row, offer in zip(rows, _offers(rows, start=at_coupon), strict=True)
    ]


def _running(stamp: UUID | None, at: datetime) -> Running:
    """Give the offers without a code that are switched on and not over, and the limits that hold.

    Queries: 0, or 3 after a change.
    """
    if stamp is None:
        return Running()
    if not _kept or _kept[0].stamp != stamp or _kept[0].at > at:
        _kept[:] = [_Kept(stamp, at, _read_automatic(at), read_limits(at))]
    (kept,) = _kept
    return Running(
        [offer for offer in kept.offers if offer.ends_at is None or offer.ends_at > at],
        holding(kept.limits, at),
    )


def _read_automatic(at: datetime) -> list[Offer]:
    rows = execute(
        f"SELECT {_COUPON.of('coupon')}, {_VERSION.of('version')}"
        f" FROM {_COUPON.table} AS coupon {_newest_of_each()}"
        " WHERE coupon.state = %s AND coupon.is_automatic AND (coupon.ends_at IS NULL OR coupon.ends_at > %s)"
        " ORDER BY coupon.id",
        [CouponState.ON.value, moment(at)],
    ).fetchall()
    return _offers(rows)


def count_what_is_left(
    *, asks: Sequence[Ask], automatic: Sequence[Offer], at: datetime
) -> tuple[list[Ask], list[Offer], dict[int, dict[int | None, int]]]:
    """Read the counters of offers without a code, and take off everywhere what has timed out by now.

    Gives asks and offers anew, and how many uses of each coupon have timed out, by customer. Queries: 1.
    """
    limited = sorted(offer.coupon_id for offer in automatic if offer.is_limited)
    coupons = sorted({*(ask.offer.coupon_id for ask in asks), *(offer.coupon_id for offer in automatic)})
    counted: dict[int, tuple[int, int]] = {}
    stale_codes: dict[int, int] = {}
    stale: dict[int, dict[int | None, int]] = {}
    stale_minor: dict[int, int] = {}
    rows = execute(
        f"SELECT id, NULL, NULL, used_count, spent_minor, 0 FROM {_COUPON.table} WHERE {among('id')}"
        f" UNION ALL SELECT use.coupon_id, use.code_id, use.customer_id, 1, use.amount_minor, 1"
        f" FROM {CouponOrder._meta.db_table} AS reserved {_uses_of_each()}"
        f" WHERE reserved.state = %s AND reserved.expires_at <= %s AND use.state = %s"
        f" AND {among('use.coupon_id')}",
        [
            _ids(limited),
            UseState.RESERVED.value,
            moment(at),
            UseState.RESERVED.value,
            _ids(coupons),
        ],
    ).fetchall()
    for coupon_id, code_id, customer_id, used, minor, is_stale in rows:
        if not is_stale:
            counted[coupon_id] = (used, minor)
            continue
        by_customer = stale.setdefault(coupon_id, {})
        by_customer[customer_id] = by_customer.get(customer_id, 0) + 1
        stale_minor[coupon_id] = stale_minor.get(coupon_id, 0) + minor
        if code_id is not None:
            stale_codes[code_id] = stale_codes.get(code_id, 0) + 1

    def without_stale(offer: Offer) -> Offer:
        used, minor = counted.get(offer.coupon_id, (offer.used_count, offer.spent_minor))
        if offer.coupon_id not in stale and (used, minor) == (offer.used_count, offer.spent_minor):
            return offer
        timed_out = sum(stale.get(offer.coupon_id, {}).values())
        return replace(
            offer, used_count=used - timed_out, spent_minor=minor - stale_minor.get(offer.coupon_id, 0)
        )

    return (
        [_free_stale(ask, without_stale(ask.offer), stale_codes) for ask in asks],
        [without_stale(offer) for offer in automatic],
        stale,
    )


def _newest_of_each() -> str:
    """Join coupons to their newest version that has begun or is to: an older one has ended when it came.

    Found coupon by coupon. A planner that does not know how many codes are asked for reads the versions of
    all coupons at once.
    """
    newest = (
        f"FROM {_VERSION.table} AS begun WHERE begun.coupon_id = coupon.id AND begun.starts_at IS NOT NULL"
        " ORDER BY begun.number DESC LIMIT 1"
    )
    if is_postgresql():
        return f"CROSS JOIN LATERAL (SELECT * {newest}) AS version"
    return f"JOIN {_VERSION.table} AS version ON version.id = (SELECT begun.id {newest})"


def _uses_of_each() -> str:
    """Join uses to the orders that were found, in this order.

    A popular coupon has thousands of reserved uses, and hardly an order that has timed out; statistics know
    neither yet, and a planner that is free to begin with the uses reads all of them for each basket.
    """
    uses = f"{Redemption._meta.db_table} AS use"
    if is_postgresql():
        return f"CROSS JOIN LATERAL (SELECT * FROM {uses} WHERE use.order_id = reserved.id OFFSET 0) AS use"
    return f"CROSS JOIN {uses} ON use.order_id = reserved.id"


def _free_stale(ask: Ask, offer: Offer, stale_codes: dict[int, int]) -> Ask:
    code = ask.code
    if code is not None and code.code_id in stale_codes:
        code = replace(code, used_count=code.used_count - stale_codes[code.code_id])
    return ask if offer is ask.offer and code is ask.code else replace(ask, offer=offer, code=code)


# -- rows to values ------------------------------------------------------------------------------------------


def _offers(rows: Sequence[tuple[Any, ...]], *, start: int = 0) -> list[Offer]:
    """Read coupons and their versions, which stand in the rows from one column on."""
    middle = start + len(_COUPON.names)
    rows = _VERSION.convert(_COUPON.convert(list(rows), start=start), start=middle)
    return [_offer_of(row[start:middle], row[middle:]) for row in rows]


def _offer_of(coupon: Sequence[Any], version: Sequence[Any]) -> Offer:
    told = dict(zip(_COUPON.names, coupon, strict=True))
    return Offer(
        coupon_id=told.pop("id"),
        state=CouponState(told.pop("state")),
        is_public=bool(told.pop("is_public")),
        terms=terms_of(dict(zip(_VERSION.names, version, strict=True))),
        **told,
    )


def terms_of(row: dict[str, Any]) -> Terms:
    """Turn the columns of a version into the value that the engine works with; `id` may be missing."""
    return Terms(
        version_id=row.get("id") or 0,
        kind=CouponKind(row["kind"]),
        amount_minor=row["amount_minor"] or 0,
        share=WHOLE if row["percent"] is None else int(row["percent"] * 100),
        most_minor=row["most_minor"],
        pieces=row["pieces"],
        buy_pieces=row["buy_pieces"] or 1,
        get_pieces=row["get_pieces"] or 1,
        most_times=row["most_times"],
        only=_goods(row["skus"], row["brands"], row["category_paths"]),
        get_only=_goods(row["get_skus"], row["get_brands"], row["get_category_paths"])
        if row["kind"] == CouponKind.BUY_GET
        else None,
        without=_goods(row["except_skus"], row["except_brands"], row["except_category_paths"]),
        sale_goods=SaleGoods(row["sale_goods"]),
        minimum_minor=row["minimum_minor"],
        first_order_only=bool(row["first_order_only"]),
        channels=frozenset(row["channels"]),
        segment_ids=frozenset(row["segment_ids"]),
        customer_ids=frozenset(row["customer_ids"]),
        lane=row["lane"],
        is_exclusive=bool(row["is_exclusive"]),
        starts_at=row.get("starts_at"),
        ends_at=row.get("ends_at"),
    )


def _goods(skus: Sequence[str], brands: Sequence[str], category_paths: Sequence[str]) -> Goods | None:
    if not (skus or brands or category_paths):
        return None
    return Goods(frozenset(skus), frozenset(brands), tuple(category_paths))


def _code_of(row: Sequence[Any], batch: Sequence[Any]) -> KnownCode:
    code_id, code, kind, state, customer_id, limit_total, used_count, ends_at = row
    batch_state, batch_ends_at = batch
    ends = [end for end in (ends_at, batch_ends_at) if end is not None]
    worse = {CodeState.READY: 0, CodeState.PAUSED: 1, CodeState.VOID: 2}
    return KnownCode(
        code_id=code_id,
        code=code,
        kind=CodeKind(kind),
        state=max(CodeState(state), CodeState(batch_state or CodeState.READY), key=lambda one: worse[one]),
        customer_id=customer_id,
        limit_total=limit_total,
        used_count=used_count,
        ends_at=min(ends, default=None),
    )


def moment(at: datetime) -> Any:
    """Give a moment as a parameter of a plain statement."""
    return at if is_postgresql() else spelled(at)


# -- lists as parameters -------------------------------------------------------------------------------------

# A plan for a list of few looks so cheap that the server makes it anew for every basket, which takes longer
# than to read. So a list is at least as long as one whose length nobody knows is taken for: its plan is made
# once. No code is empty, and no row has the id 0.
_LONG_ENOUGH = 16


def _ids(ids: Sequence[int]) -> Any:
    long = [*ids, *[0] * (_LONG_ENOUGH - len(ids))]
    return long if is_postgresql() else str(long)


def _codes(codes: Sequence[str]) -> Any:
    long = [*codes, *[""] * (_LONG_ENOUGH - len(codes))]
    return long if is_postgresql() else "[" + ",".join(f'"{code}"' for code in long) + "]"
