"""Row 17 and the rows of coupons: the last places of a popular coupon, and baskets among many coupons."""

import time
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from statistics import median

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from backstage.clock import now
from benchmarks import references
from benchmarks.databases import Copies
from benchmarks.measuring import Deed, Figure, NotMeasured, Size, in_pairs, in_processes, pgbench
from benchmarks.shop import LIVE_FROM, settle_statistics
from commerce.policies.basket import Basket, BasketLine
from coupons.models import Code, Coupon, CouponVersion, Redemption
from coupons.operations.coupons import create_coupon, set_code, switch_on_coupon
from coupons.operations.redemption import CodesRefused, JustTaken, reserve_coupons
from coupons.queries import evaluate
from coupons.queries.laws import LAWS

CLIENTS = 32
LIMIT = 500
NO_LIMIT = 100_000_000
KEYS_AT_ONCE = 50
BASKET = Basket("web", "EUR", (BasketLine("1", 1000, sku="S1"),))
LARGE = Basket(
    "web",
    "EUR",
    tuple(BasketLine(str(n), 500 + n, Decimal(2), sku=f"S{n}", brand=f"B{n % 4}") for n in range(20)),
    shipping_minor=490,
)


def offer(code: str = "", **own: object) -> Coupon:
    """A coupon of 10 % that runs, with this code or without one."""
    coupon = create_coupon(
        own={
            "name": code or "Offer",
            "currency": "EUR",
            "time_zone": "UTC",
            "starts_at": LIVE_FROM,
            "is_endless": True,
            "is_automatic": not code,
            **own,
        },
        terms={"kind": "percent", "percent": Decimal(10)},
    )
    if code:
        set_code(coupon_id=coupon.id, code=code)
    switch_on_coupon(coupon_id=coupon.id)
    return coupon


def _reserve(process: int) -> Deed:
    numbers: list[int] = []

    def deed() -> None:
        if not numbers:
            with connection.cursor() as cursor:
                cursor.execute("SELECT nextval('bench_key') FROM generate_series(1, %s)", [KEYS_AT_ONCE])
                numbers.extend(number for (number,) in cursor.fetchall())
        reserve_coupons(BASKET, codes=["HOT"], reference=f"P{numbers.pop()}")

    return deed


def _reserve_within(process: int) -> Deed:
    reserve = _reserve(process)

    def deed() -> None:
        with transaction.atomic():
            reserve()

    return deed


def hot_coupon(copies: Copies, size: Size) -> tuple[Figure, Figure, Figure]:
    """Reserve one coupon from 32 processes, beside one statement; then let them fight for 500 places.

    Gives the ratio by itself and in the caller's transaction, and how many were sold too many or too few.
    """
    seconds = max(2, size.seconds)

    def rate_of(make_deed: Callable[[int], Deed]) -> Callable[[], float]:
        def product() -> float:
            rate, errors = in_processes(make_deed, CLIENTS, seconds)
            if errors:
                raise NotMeasured(f"{errors} reservations failed")
            return rate

        return product

    with copies.fresh(copies.base):
        coupon = offer("HOT", limit_total=NO_LIMIT)
        settle_statistics()
        variables = {
            "coupon": coupon.id,
            "version": coupon.versions.get().id,
            "code": coupon.codes.get().id,
        }
        figure, within = (
            in_pairs(
                lambda: pgbench(references.RESERVE, CLIENTS, seconds, variables),
                rate_of(make_deed),
                min(size.pairs, 3),
                "reservations/s",
            )
            for make_deed in (_reserve, _reserve_within)
        )
        _check()
    with copies.fresh(copies.base):
        coupon = offer("HOT", limit_total=LIMIT)
        in_processes(_reserve_what_is_left, CLIENTS, 60, LIMIT // 10)
        coupon.refresh_from_db()
        sold = Redemption.objects.filter(coupon=coupon).count()
        _check()
        if coupon.used_count != sold:
            raise NotMeasured(f"{coupon.used_count} uses are counted, and {sold} were sold")
    return figure, within, Figure(float(abs(sold - LIMIT)))


def _reserve_what_is_left(process: int) -> Deed:
    reserve = _reserve(process)

    def deed() -> None:
        with suppress(CodesRefused, JustTaken):
            reserve()

    return deed


def _check() -> None:
    broken = [finding.detail for law in LAWS if not law.late_after for finding in law.find()]
    if broken:
        raise NotMeasured(f"the books are wrong: {broken[0]}")


def baskets(copies: Copies, size: Size) -> tuple[Figure, Figure, Figure]:
    """Evaluate a basket of 20 lines and 5 codes among 10 and among 1,000 running coupons.

    Gives the ratio of times, the number of statements, and the ratio for as many offers without a code.
    """
    turns = size.rows(400, 60)
    codes = [f"CODE{number}" for number in range(5)]
    with copies.fresh(copies.base):
        _offers(range(10), needs_code=True)
        few, few_statements = _time(codes, turns)
        _offers(range(10, 1_000), needs_code=True)
        many, many_statements = _time(codes, turns)
    if few_statements != many_statements:
        raise NotMeasured(f"{few_statements} statements among 10 coupons, {many_statements} among 1,000")
    with copies.fresh(copies.base):
        _offers(range(10), needs_code=False)
        few_offers, _ = _time([], turns)
        _offers(range(10, 1_000), needs_code=False)
        many_offers, _ = _time([], turns)
    return (
        Figure(many / few, many * 1000, few * 1000, "ms"),
        Figure(float(many_statements)),
        Figure(many_offers / few_offers, many_offers * 1000, few_offers * 1000, "ms"),
    )


def _offers(numbers: range, *, needs_code: bool) -> None:
    """Copy a coupon that the owner has switched on as often as is wanted."""
    first = offer(f"FIRST{numbers.start}" if needs_code else "")
    version = first.versions.get()
    first.refresh_from_db()
    coupons = Coupon.objects.bulk_create(_copy(first) for _ in numbers)
    CouponVersion.objects.bulk_create(_copy(version, coupon=coupon) for coupon in coupons)
    if needs_code:
        code = first.codes.get()
        Code.objects.bulk_create(
            _copy(code, coupon=coupon, code=f"CODE{number}")
            for number, coupon in zip(numbers, coupons, strict=True)
        )
    settle_statistics()


def _copy(row, **told):
    fields = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields[1:]}
    if "coupon" in told:
        fields["coupon_id"] = told.pop("coupon").id
    return type(row)(**fields | told)


def _time(codes: list[str], turns: int) -> tuple[float, int]:
    """Give the seconds that one evaluation takes, and its statements."""
    at = now()
    evaluate(LARGE, codes, None, at)
    with CaptureQueriesContext(connection) as seen:
        evaluate(LARGE, codes, None, at)
    times = []
    for _ in range(turns):
        began = time.perf_counter()
        evaluate(LARGE, codes, None, at)
        times.append(time.perf_counter() - began)
    return median(times), len(seen)
