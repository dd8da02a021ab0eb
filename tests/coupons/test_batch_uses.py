"""A batch counts what is used of it and what is given back, whatever becomes of an order."""

from datetime import timedelta

import pytest

from backstage.operations.jobs import run_job
from coupons.models import Code, CodeBatch, Redemption
from coupons.operations import redemption
from coupons.operations.batches import pause_batch, request_batch, void_batch
from coupons.operations.counters import JustTaken
from coupons.operations.coupons import create_coupon, discard_coupon
from coupons.operations.redemption import CodesRefused, reserve_coupons, void_coupons
from coupons.operations.shared_codes import void_code
from coupons.policies.evaluation import Verdict
from coupons.queries import evaluate
from tests.coupons.shop import NOON, OPENED, amount, basket, day, offer


@pytest.fixture(params=["at once", "step by step"])
def _both_ways(request, monkeypatch):
    """PostgreSQL reserves in one call where it can; the steps must do the same."""
    if request.param == "step by step":
        monkeypatch.setattr(redemption, "reserve_at_once", lambda *_args, **_told: None)


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_are_right", "_both_ways")]


def flyers(count=3, name="Flyers", **told):
    """A coupon with a batch of codes; give the batch and its codes as people type them."""
    batch = request_batch(
        coupon_id=offer(name.upper(), **told).pk, name=name, count=count, prefix=name[:3], at=OPENED
    )
    return batch, list(Code.objects.filter(batch=batch).order_by("id").values_list("code", flat=True))


def reserve(*codes, reference="1001", at=NOON, **told):
    return reserve_coupons(basket(), codes=codes, reference=reference, at=at, **told)


def used(batch):
    batch.refresh_from_db()
    return batch.used_count


def test_a_code_of_a_batch_is_good_once_and_counted():
    batch, codes = flyers()

    assert reserve(codes[0]).discount_minor == 200
    with pytest.raises(CodesRefused):
        reserve(codes[0], reference="1002")
    reserve(codes[1], reference="1002")

    assert (used(batch), batch.free_count) == (2, 1)


def test_what_is_given_back_may_be_used_again():
    batch, codes = flyers()
    reserve(codes[0])

    void_coupons(channel="web", reference="1001", at=NOON)

    assert used(batch) == 0
    reserve(codes[0], reference="1002")
    assert used(batch) == 1


def test_reservations_that_time_out_are_given_back_batch_by_batch():
    first, of_first = flyers()
    second, of_second = flyers(name="Leaflets", **amount(100, lane="flyer"))
    until = NOON + timedelta(hours=1)
    for number, codes in enumerate(zip(of_first, of_second, strict=True)):
        reserve(*codes, reference=str(number), until=until)
    assert (used(first), used(second)) == (3, 3)

    run_job(name="void_stale_redemptions", at=day(1))

    assert (used(first), used(second), Redemption.objects.filter(state="voided").count()) == (0, 0, 6)


@pytest.mark.parametrize("stop", [pause_batch, void_batch])
def test_codes_of_a_batch_that_is_stopped_are_nobodys(stop):
    batch, codes = flyers()
    stop(batch_id=batch.pk, at=OPENED)

    (answer,) = evaluate(basket(), codes[:1], None, NOON).answers

    assert answer.verdict == Verdict.NO_SUCH_CODE
    with pytest.raises(CodesRefused):
        reserve(codes[0])
    assert used(batch) == 0


def test_a_batch_that_is_paused_while_somebody_buys_refuses_the_last_step(monkeypatch):
    batch, codes = flyers()
    evaluate_asks = redemption.evaluate_asks

    def pause_meanwhile(asked, at):
        pause_batch(batch_id=batch.pk, at=at)
        return evaluate_asks(asked, at)

    monkeypatch.setattr(redemption, "evaluate_asks", pause_meanwhile)

    with pytest.raises(JustTaken):
        reserve(codes[0])

    assert (used(batch), Redemption.objects.count()) == (0, 0)


def test_a_code_of_a_batch_that_is_made_void_is_counted_by_its_batch():
    batch, codes = flyers()
    reserve(codes[0])

    void_code(code_id=Code.objects.get(code=codes[1]).pk, at=NOON)

    batch.refresh_from_db()
    assert (batch.used_count, batch.void_count, batch.free_count) == (1, 1, 1)
    with pytest.raises(CodesRefused):
        reserve(codes[1], reference="1002")


def test_a_draft_is_thrown_away_with_its_batches():
    draft = create_coupon(
        own={"name": "Draft", "currency": "EUR", "time_zone": "UTC", "starts_at": day(1), "is_endless": True},
        terms={"kind": "percent", "percent": 20},
        at=NOON,
    )
    request_batch(coupon_id=draft.pk, name="Flyers", count=5, at=NOON)

    discard_coupon(coupon_id=draft.pk, at=NOON)

    assert (CodeBatch.objects.count(), Code.objects.count()) == (0, 0)
