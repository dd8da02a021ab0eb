"""Row 16: a batch of codes is made. Row `code-lists`: lists of a million codes beside those of a thousand."""

import time
from collections.abc import Callable
from statistics import median

from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import reverse

from backstage.clock import now
from backstage.operations.check import check_ledger
from backstage.operations.jobs import run_job
from benchmarks.databases import Copies
from benchmarks.measuring import Figure, NotMeasured, Size, in_pairs
from benchmarks.shop import settle_statistics
from commerce.operations.rows import copy_texts
from coupons.models import Code, CodeBatch, Coupon
from coupons.policies.code_text import places_for

FEW, VISITS = 1_000, 15

# What the database does alone: as many different codes, in the order in which chance gives them.
INSERT = """INSERT INTO encore_coupons_code (coupon_id, batch_id, code, kind, limit_total, created_at)
SELECT %s, %s, 'REF' || upper(substr(md5(random()::text || number), 1, 12)), 'unique', 1, now()
FROM generate_series(1, %s) AS number"""


def make_codes(copies: Copies, size: Size) -> tuple[Figure, Figure]:
    """Store codes that are drawn already, and make a whole batch by the job, each beside the statement."""
    count = size.rows(1_000_000, 50_000)
    with copies.fresh(copies.base):
        coupon, drawn = _open_coupon(), _draw(copies, count)
        storing = in_pairs(
            lambda: _emptied(count, lambda: _insert(coupon, count)),
            lambda: _emptied(count, lambda: _copy(coupon, drawn)),
            size.pairs,
            "codes/s",
        )
        making = in_pairs(
            lambda: _emptied(count, lambda: _insert(coupon, count)),
            lambda: _emptied(count, lambda: _make(coupon, count)),
            size.pairs,
            "codes/s",
        )
        making.note = _check(count)
    return storing, making


def list_codes(copies: Copies, size: Size) -> Figure:
    """Visit the lists of codes with a thousand and with a million; give the slowest of the ratios."""
    count = size.rows(1_000_000, 100_000)
    with copies.fresh(copies.base), override_settings(ALLOWED_HOSTS=["testserver"]):
        coupon, staff = _open_coupon(), Client()
        staff.force_login(get_user_model().objects.create_superuser("bench"))
        _make(coupon, FEW)
        few = CodeBatch.objects.latest("id")
        settle_statistics()
        short = {name: _visit(staff, address) for name, address in _addresses(few)}
        _make(coupon, count)
        many = CodeBatch.objects.latest("id")
        settle_statistics()
        long = {name: _visit(staff, address) for name, address in _addresses(many)}
    if queries := {
        name: (short[name][1], long[name][1]) for name in short if short[name][1] != long[name][1]
    }:
        raise NotMeasured(f"the number of queries grows: {queries}")
    ratios = {name: long[name][0] / short[name][0] for name in short}
    worst = max(ratios, key=lambda name: ratios[name])
    note = f"{worst}; {count:,} codes, {long[worst][1]} queries"
    return Figure(
        ratios[worst], 1000 * long[worst][0], 1000 * short[worst][0], "ms", note, [*ratios.values()]
    )


def _addresses(batch: CodeBatch) -> list[tuple[str, str]]:
    codes, batches = (reverse(f"admin:encore_coupons_{name}_changelist") for name in ("code", "codebatch"))
    middle = batch.codes.order_by("id")[batch.made_count // 2]
    return [
        ("all codes", codes),
        ("codes of a batch", f"{codes}?batch={batch.pk}"),
        ("a page in the middle", f"{codes}?batch={batch.pk}&after={middle.pk},{middle.pk}"),
        ("a search", f"{codes}?q={middle.code[:5].lower()}-{middle.code[5:9]}"),
        ("the batches", batches),
        ("one batch", reverse("admin:encore_coupons_codebatch_change", args=[batch.pk])),
    ]


def _visit(staff: Client, address: str) -> tuple[float, int]:
    spent = []
    for _ in range(VISITS):
        started = time.perf_counter()
        answer = staff.get(address)
        spent.append(time.perf_counter() - started)
        if answer.status_code != 200:
            raise NotMeasured(f"{address} answers {answer.status_code}")
    with CaptureQueriesContext(connection) as asked:
        staff.get(address)
    return median(spent), len(asked)


def _open_coupon() -> Coupon:
    return Coupon.objects.create(
        name="Bench",
        state="on",
        currency="EUR",
        time_zone="UTC",
        starts_at=now(),
        is_endless=True,
        created_at=now(),
    )


def _batch(coupon: Coupon, count: int) -> CodeBatch:
    return CodeBatch.objects.create(
        coupon=coupon,
        name="Bench",
        prefix="SUN",
        random_places=places_for(count=count),
        wanted_count=count,
        created_at=now(),
    )


def _draw(copies: Copies, count: int) -> list[str]:
    """Let the product draw so many codes, in a database of their own."""
    with copies.fresh(copies.base):
        _make(_open_coupon(), count)
        return list(Code.objects.order_by("code").values_list("code", flat=True))


def _emptied(count: int, work: Callable[[], object]) -> float:
    """Time work that stores so many codes into an empty table; give codes per second."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE encore_coupons_code, encore_coupons_codebatch CASCADE")
        cursor.execute("CHECKPOINT")
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def _insert(coupon: Coupon, count: int) -> None:
    batch = _batch(coupon, 1)
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [coupon.pk, batch.pk, count])


def _copy(coupon: Coupon, codes: list[str]) -> None:
    batch, at = _batch(coupon, 1), now()
    same = {"coupon": coupon.pk, "batch": batch.pk, "kind": "unique", "limit_total": 1, "created_at": at}
    copy_texts(Code, "code", codes, same=same)


def _make(coupon: Coupon, count: int) -> None:
    _batch(coupon, count)
    run_job(name="make_codes", at=now())


def _check(count: int) -> str:
    """Assert that a batch has exactly what was asked for."""
    _emptied(count, lambda: _make(Coupon.objects.latest("id"), count))
    batch = CodeBatch.objects.get()
    assert batch.made_count == batch.codes.count() == batch.codes.values("code").distinct().count() == count
    breaches = [answer for answer in check_ledger().answers if not answer.liveness and not answer.is_clean]
    assert not breaches, breaches[0]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size('encore_code')")
        (size,) = cursor.fetchone()
    return f"{size / count:.0f} bytes of index for each code"
