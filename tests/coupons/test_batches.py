"""Batches of unique codes: exactly as many as were asked for, whoever is killed, clicks twice or joins in."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from backstage.models import AuditRecord, JobRun
from backstage.operations.jobs import run_job, work_run
from coupons.models import Code, CodeBatch
from coupons.operations import code_making
from coupons.operations.batch_codes import CodeStepRefused, bind_code, set_code_end, void_batch_code
from coupons.operations.batches import (
    BatchChanged,
    BatchStepRefused,
    BatchUnfinished,
    pause_batch,
    request_batch,
    resume_batch,
    top_up_batch,
    void_batch,
)
from coupons.operations.code_making import BatchMovedError, make_codes
from coupons.policies.code_text import Share
from coupons.queries.batches import Shares, filter_codes, get_shares, list_codes, read_codes
from tests.factories.commerce import CustomerFactory
from tests.factories.coupons import NOON, CodeBatchFactory, CodeFactory, CouponFactory

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def ask(coupon=None, count=100, **told):
    coupon = coupon or CouponFactory()
    return request_batch(coupon_id=coupon.pk, **{"name": "Flyers", "count": count, "at": NOON, **told})


def many(count=30, **told):
    """A batch that the job has to make: nothing of it was made at once."""
    return CodeBatchFactory(wanted_count=count, **{"prefix": "SUN", **told})


def run(**told):
    return run_job(name="make_codes", at=NOON, **told)


def is_exact(batch, count):
    batch.refresh_from_db()
    stored = Code.objects.filter(batch=batch)
    return (batch.wanted_count, batch.made_count, stored.count()) == (count, count, count)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(code_making, "CHUNK", {"postgresql": 10, "sqlite": 10})


# -- asked for and made --------------------------------------------------------------------------------------


def test_a_small_batch_is_made_at_once():
    batch = ask(prefix="sun-", count=100, ends_at=NOON + DAY)

    assert is_exact(batch, 100)
    code = Code.objects.first()
    assert (code.kind, code.limit_total, code.state, code.used_count, code.coupon_id) == (
        "unique",
        1,
        "ready",
        0,
        batch.coupon_id,
    )
    assert (code.code[:3], len(code.code), batch.prefix, batch.random_places) == ("SUN", 11, "SUN", 8)
    record = AuditRecord.objects.get()
    assert (record.kind, record.after["wanted_count"]) == ("batch_requested", 100)


def test_codes_are_stored_in_the_order_of_the_index(small_chunks):
    batch = many(95)

    assert run().state == "done"

    assert is_exact(batch, 95)
    codes = list(Code.objects.order_by("id").values_list("code", flat=True))
    assert codes == sorted(codes)


def test_a_large_batch_waits_for_the_job_that_counts_as_it_goes(monkeypatch, small_chunks):
    monkeypatch.setattr("coupons.operations.batches.AT_ONCE", 10)
    batch = ask(count=25)
    assert (batch.made_count, Code.objects.count()) == (0, 0)

    done = run()

    assert (done.counted, done.done, done.state) == (25, 25, "done")
    assert is_exact(batch, 25)
    assert run().counted == 0


def test_a_double_click_asks_for_one_batch():
    coupon = CouponFactory()

    first, second = (ask(coupon, count=10, request_key="click") for _ in range(2))

    assert (first.pk, CodeBatch.objects.count(), Code.objects.count()) == (second.pk, 1, 10)
    assert AuditRecord.objects.count() == 1


def test_a_code_that_exists_is_drawn_anew(monkeypatch):
    batch = many(3)
    CodeFactory(coupon=batch.coupon, code="SUN22222222", kind="shared")
    drawn = iter([["22222222", "33333333", "44444444"], ["33333333"], ["55555555"]])
    monkeypatch.setattr(code_making, "draw_texts", lambda **_told: next(drawn))

    assert make_codes(batch_id=batch.pk, at_most=10, at=NOON) == 3

    assert is_exact(batch, 3)
    stored = Code.objects.filter(batch=batch).order_by("code").values_list("code", flat=True)
    assert list(stored) == ["SUN33333333", "SUN44444444", "SUN55555555"]


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"count": 0}, "wanted_count"),
        ({"count": 5_000_001}, "wanted_count"),
        ({"prefix": "Sonne ☀"}, "prefix"),
        ({"prefix": "S" * 21}, "prefix"),
        ({"places": 5}, "random_places"),
        ({"places": 21}, "random_places"),
        ({"count": 1_000_000, "places": 8}, "random_places"),
        ({"ends_at": NOON}, "ends_at"),
        ({"name": " "}, "name"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_gap_and_nothing_is_made(told, field):
    with pytest.raises(ValidationError) as refusal:
        ask(**told)

    assert list(refusal.value.message_dict) == [field]
    assert (CodeBatch.objects.count(), Code.objects.count(), AuditRecord.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize("told", [{"state": "ended", "ended_at": NOON}, {"is_automatic": True}])
def test_a_coupon_that_has_ended_or_needs_no_code_gets_none(told):
    with pytest.raises(ValidationError, match="Choose another one"):
        ask(CouponFactory(**told))

    assert not CodeBatch.objects.exists()


def test_odds_count_the_codes_of_other_batches_that_look_alike():
    CodeBatchFactory(prefix="SUN", random_places=6, wanted_count=400)
    CodeBatchFactory(prefix="SUN", random_places=6, wanted_count=10**6, state="void", voided_at=NOON)

    with pytest.raises(ValidationError, match=r"963,780 would hit\. Use 8 random letters"):
        ask(prefix="SUN", places=6, count=100)

    assert is_exact(ask(prefix="RAIN", places=6, count=100), 100)


# -- topped up, paused, void ---------------------------------------------------------------------------------


def test_a_top_up_makes_exactly_so_many_more_whoever_clicks_twice():
    batch = ask(count=10)

    for _ in range(2):
        top_up_batch(batch_id=batch.pk, more=5, seen_count=10, at=NOON)

    assert is_exact(batch, 15)
    assert (batch.filled_from, AuditRecord.objects.filter(kind="batch_topped_up").count()) == (10, 1)


def test_a_top_up_spreads_over_all_codes_and_not_over_the_rest(monkeypatch):
    batch, shares = ask(count=10), []
    draw = code_making.draw_texts
    monkeypatch.setattr(
        code_making, "draw_texts", lambda **told: [shares.append(told["share"]), *draw(**told)][1:]
    )

    top_up_batch(batch_id=batch.pk, more=5, seen_count=10, at=NOON)

    assert shares == [Share(start=0, count=5, whole=5)]
    assert shares[0].heads() == (0, 28**3)


def test_a_top_up_of_what_is_not_made_yet_or_was_seen_otherwise_is_refused():
    batch = many(30)

    with pytest.raises(BatchUnfinished, match="0 of 30"):
        top_up_batch(batch_id=batch.pk, more=5, seen_count=30, at=NOON)
    with pytest.raises(BatchChanged, match="30 codes by now, not 20"):
        top_up_batch(batch_id=batch.pk, more=5, seen_count=20, at=NOON)

    batch.refresh_from_db()
    assert (batch.wanted_count, AuditRecord.objects.count()) == (30, 0)


def test_a_paused_batch_is_not_made_and_goes_on_where_it_was(small_chunks):
    batch = many(30)
    assert make_codes(batch_id=batch.pk, at_most=10, at=NOON) == 10

    pause_batch(batch_id=batch.pk, at=NOON)
    pause_batch(batch_id=batch.pk, at=NOON)
    assert (run().counted, make_codes(batch_id=batch.pk, at_most=10, at=NOON)) == (0, 0)
    resume_batch(batch_id=batch.pk, at=NOON)
    run()

    assert is_exact(batch, 30)
    kinds = list(AuditRecord.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == ["batch_paused", "batch_resumed"]


def test_a_void_batch_is_over_for_good_with_what_was_made():
    batch = many(30)
    make_codes(batch_id=batch.pk, at_most=10, at=NOON)

    void_batch(batch_id=batch.pk, at=NOON)
    void_batch(batch_id=batch.pk, at=NOON)

    assert is_exact(batch, 10)
    for deed in (pause_batch, resume_batch):
        with pytest.raises(BatchStepRefused):
            deed(batch_id=batch.pk, at=NOON)
    with pytest.raises(BatchStepRefused):
        top_up_batch(batch_id=batch.pk, more=5, seen_count=10, at=NOON)
    assert is_exact(batch, 10)
    assert list(AuditRecord.objects.values_list("kind", flat=True)) == ["batch_voided"]


# -- one code ------------------------------------------------------------------------------------------------


def test_one_code_is_bound_given_an_end_and_made_void():
    batch, alice = ask(count=10), CustomerFactory()
    code = Code.objects.first()

    bind_code(code_id=code.pk, customer_id=alice.pk, at=NOON)
    set_code_end(code_id=code.pk, ends_at=NOON + DAY, at=NOON)
    void_batch_code(code_id=code.pk, at=NOON)
    void_batch_code(code_id=code.pk, at=NOON)

    code.refresh_from_db()
    batch.refresh_from_db()
    assert (code.customer_id, code.ends_at, code.state) == (alice.pk, NOON + DAY, "void")
    assert (batch.void_count, batch.free_count) == (1, 9)
    with pytest.raises(CodeStepRefused):
        bind_code(code_id=code.pk, customer_id=None, at=NOON)
    kinds = AuditRecord.objects.exclude(kind="batch_requested").order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["batch_code_bound", "batch_code_ended", "batch_code_voided"]


def test_a_code_that_was_used_stays_used():
    batch = ask(count=10)
    code = Code.objects.first()
    Code.objects.filter(id=code.pk).update(used_count=1)

    for deed in (
        lambda: void_batch_code(code_id=code.pk, at=NOON),
        lambda: bind_code(code_id=code.pk, customer_id=None, at=NOON),
        lambda: set_code_end(code_id=code.pk, ends_at=None, at=NOON),
    ):
        with pytest.raises(CodeStepRefused, match="was used"):
            deed()

    code.refresh_from_db()
    batch.refresh_from_db()
    assert (code.state, batch.void_count) == ("ready", 0)


def test_the_database_refuses_counts_that_cannot_be():
    batch = ask(count=10)

    for told in ({"used_count": 6, "void_count": 5}, {"filled_from": 11}, {"made_count": 11}):
        with pytest.raises(IntegrityError), transaction.atomic():
            CodeBatch.objects.filter(id=batch.pk).update(**told)

    assert is_exact(batch, 10)


# -- questions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "shares"),
    [
        ({}, Shares(used=3, free=4, paused=0, over=0, void=1, missing=2)),
        ({"state": "paused", "paused_at": NOON}, Shares(used=3, free=0, paused=4, over=0, void=1, missing=2)),
        ({"state": "void", "voided_at": NOON}, Shares(used=3, free=0, paused=0, over=0, void=5, missing=2)),
        ({"ends_at": NOON}, Shares(used=3, free=0, paused=0, over=4, void=1, missing=2)),
    ],
)
def test_a_batch_says_how_its_codes_stand(told, shares):
    batch = CodeBatchFactory.build(wanted_count=10, made_count=8, used_count=3, void_count=1, **told)

    assert get_shares(batch, at=NOON) == shares


def test_a_code_is_found_in_any_spelling_and_by_its_beginning():
    ask(prefix="SUN", count=5)
    code = Code.objects.order_by("id")[2]

    for typed in (code.code, code.code.lower(), f" sun-{code.code[3:7]} {code.code[7:]} "):
        assert list(filter_codes(Code.objects.all(), typed)) == [code]
    assert filter_codes(Code.objects.all(), "sun-").count() == 5
    assert not filter_codes(Code.objects.all(), " – ").exists()


def test_codes_are_read_a_few_thousand_at_a_time(monkeypatch, settings):
    monkeypatch.setattr("coupons.queries.batches.AT_ONCE", 4)
    settings.ENCORE = {**settings.ENCORE, "CODE_LINK": "https://shop.example/?code={code}"}
    batch = ask(prefix="SUN", count=10, ends_at=NOON + DAY)

    with CaptureQueriesContext(connection) as asked:
        rows = list(read_codes(batch))

    assert (len(rows), len(asked)) == (10, 4)
    first = rows[0]
    assert first.link == f"https://shop.example/?code={first.written.replace('-', '')}"
    assert (first.state, first.ends_at, first.used_count) == ("ready", NOON + DAY, 0)
    assert [row.id for row in list_codes(batch, after=first.id, limit=2)] == [rows[1].id, rows[2].id]


# -- together ------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_leaves_neither_a_code_too_many_nor_too_few(monkeypatch, small_chunks):
    batch = many(30)
    stored, killed = code_making._store, []

    class Killed(BaseException):
        """What nobody catches."""

    def store_and_die(batch, count, at):
        stored(batch, count, at)
        if batch.made_count == 10 and not killed:
            killed.append(True)
            raise Killed

    monkeypatch.setattr(code_making, "_store", store_and_die)
    with pytest.raises(Killed):
        run()
    batch.refresh_from_db()
    assert (batch.made_count, Code.objects.count()) == (10, 10)

    run_left = JobRun.objects.get()
    assert run_left.state == "running"
    work_run(run_id=run_left.pk)

    assert is_exact(batch, 30)
    assert JobRun.objects.get().state == "done"


def two_workers(batch) -> list[str]:
    """Let two workers fill one batch, both having seen that all of it is missing; give what came of it."""
    start = Barrier(2)

    def work() -> str:
        try:
            start.wait(10)
            return "made" if make_codes(batch_id=batch.pk, at_most=30, at=NOON) else "nothing left"
        except (BatchMovedError, IntegrityError) as error:
            return type(error).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        return sorted(future.result(30) for future in [pool.submit(work) for _ in range(2)])


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_two_workers_on_one_batch_make_it_once():
    batch = many(30)

    assert two_workers(batch) == ["made", "nothing left"]

    assert is_exact(batch, 30)


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_without_the_lock_the_guard_refuses_the_second_worker(monkeypatch):
    """The control: it is the lock that makes the other test pass, and behind it stands the guard."""
    batch, both = many(30), Barrier(2)

    def look(batch_id):
        found = CodeBatch.objects.get(id=batch_id)
        both.wait(10)
        return found

    monkeypatch.setattr(code_making, "lock_batch", look)

    assert two_workers(batch) == ["BatchMovedError", "made"]

    assert is_exact(batch, 30)
