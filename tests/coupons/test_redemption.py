"""From a basket to an order: reserved, used, given back, and what comes back with the goods."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import transaction

from backstage.operations.jobs import run_job
from backstage.policies import SHOP
from commerce.models import Customer
from commerce.operations import merge_customers, unmerge_customer
from coupons.models import Code, CouponOrder, CouponUse, Redemption
from coupons.operations import redemption
from coupons.operations.counters import JustTaken
from coupons.operations.coupons import change_coupon, end_coupon, pause_coupon
from coupons.operations.redemption import (
    CodesRefused,
    DiscountChanged,
    OrderDiffers,
    OrderUnknown,
    capture_coupons,
    reserve_coupons,
    return_goods,
    void_coupons,
)
from coupons.operations.shared_codes import add_code
from coupons.policies.redeeming import Back
from tests.coupons.shop import NOON, amount, ask, basket, counts, day, line, offer, somebody
from tests.factories.coupons import CodeBatchFactory, CodeFactory

HOUR = timedelta(hours=1)


@pytest.fixture(params=["at once", "step by step"])
def _both_ways(request, monkeypatch):
    """PostgreSQL reserves in one call where it can; the steps must do the same."""
    if request.param == "step by step":
        monkeypatch.setattr(redemption, "reserve_at_once", lambda *_args, **_told: None)


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_are_right", "_both_ways")]


def reserve(*codes, reference="1001", of=None, at=NOON, **told):
    return reserve_coupons(of or basket(), codes=codes, reference=reference, at=at, **told)


def capture(reference="1001", at=NOON):
    return capture_coupons(channel="web", reference=reference, at=at)


def void(reference="1001", at=NOON):
    return void_coupons(channel="web", reference=reference, at=at)


def states():
    return (
        list(CouponOrder.objects.order_by("id").values_list("reference", "state")),
        list(Redemption.objects.order_by("id").values_list("amount_minor", "state")),
    )


def uses(coupon, customer_id):
    return CouponUse.objects.get(coupon=coupon, customer_id=customer_id).used_count


def test_reserved_then_used():
    coupon = offer("BEANS20")

    reserved = reserve("beans-20", expected_minor=200)
    assert (reserved.discount_minor, reserved.by_line, reserved.coupons) == (
        200,
        {"1": 200},
        {coupon.id: 200},
    )
    assert states() == ([("1001", "reserved")], [(200, "reserved")])
    assert counts(coupon) == (1, 200)

    captured = capture()
    assert (captured.discount_minor, captured.by_line) == (200, {"1": 200})
    assert states() == ([("1001", "captured")], [(200, "captured")])
    assert counts(coupon) == (1, 200)


def test_what_is_reserved_is_given_back_when_payment_fails():
    coupon, alice = offer("BEANS20", limit_per_customer=1), somebody()
    code = coupon.codes.get()
    reserve("BEANS20", customer=alice)
    assert uses(coupon, alice) == 1

    assert void().discount_minor == 200

    code.refresh_from_db()
    assert (counts(coupon), uses(coupon, alice), code.used_count) == ((0, 0), 0, 0)
    assert states() == ([("1001", "voided")], [(200, "voided")])
    assert reserve("BEANS20", customer=alice).discount_minor == 200
    assert states() == ([("1001", "reserved")], [(200, "voided"), (200, "reserved")])


def test_an_order_that_is_called_off_after_all_gives_its_place_back():
    coupon = offer("BEANS20", limit_total=1)
    reserve("BEANS20")
    capture()

    void()

    assert counts(coupon) == (0, 0)
    assert reserve("BEANS20", reference="1002").discount_minor == 200


def test_a_repetition_changes_nothing():
    coupon = offer("ONCE", limit_total=1)
    first = reserve("ONCE")

    again = reserve("ONCE")

    assert (again.order_id, again.discount_minor, again.is_replay) == (first.order_id, 200, True)
    capture()
    assert reserve("ONCE").is_replay
    assert capture().is_replay
    assert counts(coupon) == (1, 200)
    void()
    assert void().is_replay
    assert counts(coupon) == (0, 0)


@pytest.mark.parametrize(
    "other",
    [
        {"of": basket(line("1", 999))},
        {"codes": ("OTHER",)},
        {"codes": ()},
    ],
)
def test_the_same_number_with_other_content_is_refused(other):
    coupon = offer("BEANS20")
    offer("OTHER", **amount(100))
    reserve("BEANS20")

    told = {**other}
    with pytest.raises(OrderDiffers):
        reserve(*told.pop("codes", ("BEANS20",)), **told)

    assert counts(coupon) == (1, 200)
    assert states() == ([("1001", "reserved")], [(200, "reserved")])


def test_a_code_that_does_not_count_stops_the_order():
    coupon = offer("BEANS20", minimum_minor=5000)

    with pytest.raises(CodesRefused) as refused:
        reserve("BEANS20", "NOSUCH")

    assert [(one.code, one.verdict.value) for one in refused.value.answers] == [
        ("BEANS20", "refused"),
        ("NOSUCH", "no_such_code"),
    ]
    assert counts(coupon) == (0, 0)
    assert states() == ([], [])


def test_a_discount_that_nobody_has_seen_stops_the_order():
    coupon = offer("BEANS20")
    assert ask("BEANS20").discount_minor == 200
    change_coupon(coupon_id=coupon.id, terms={"percent": Decimal(10)}, at=NOON)

    with pytest.raises(DiscountChanged) as changed:
        reserve("BEANS20", expected_minor=200)

    assert (changed.value.expected_minor, changed.value.found_minor) == (200, 100)
    assert (counts(coupon), states()) == ((0, 0), ([], []))


def test_an_order_without_coupons_is_not_stored():
    assert reserve().order_id is None

    assert states() == ([], [])
    with pytest.raises(OrderUnknown):
        capture()
    with pytest.raises(OrderUnknown):
        void()


def test_an_order_that_is_rolled_back_has_taken_nothing():
    coupon = offer("BEANS20")

    with transaction.atomic():
        reserve("BEANS20")
        transaction.set_rollback(True)

    assert (counts(coupon), states()) == ((0, 0), ([], []))


def test_what_is_used_keeps_the_version_that_ran():
    coupon = offer("BEANS20")
    reserve("BEANS20")
    change_coupon(coupon_id=coupon.id, terms={"percent": Decimal(50)}, at=day(1))

    assert capture(at=day(2)).discount_minor == 200
    assert Redemption.objects.get().version.number == 1


def test_what_is_reserved_may_be_captured_after_a_pause_or_an_end():
    paused, ended = offer("PAUSED"), offer("ENDED")
    reserve("PAUSED", reference="1")
    reserve("ENDED", reference="2")
    pause_coupon(coupon_id=paused.id, at=NOON)
    end_coupon(coupon_id=ended.id, at=NOON)

    capture("1")
    capture("2")

    assert (counts(paused), counts(ended)) == ((1, 200), (1, 200))


# -- limits --------------------------------------------------------------------------------------------------


def test_the_last_place_is_the_last():
    coupon = offer("TWICE", limit_total=2)
    reserve("TWICE", reference="1")
    reserve("TWICE", reference="2")

    with pytest.raises(CodesRefused):
        reserve("TWICE", reference="3")

    assert counts(coupon) == (2, 400)


def test_a_code_of_many_is_good_once():
    coupon = offer("SHARED")
    CodeFactory(coupon=coupon, code="UNIQUE", unique=True)
    reserve("UNIQUE", reference="1")

    with pytest.raises(CodesRefused):
        reserve("UNIQUE", reference="2")

    assert coupon.codes.get(code="UNIQUE").used_count == 1


def test_each_customer_has_it_so_often():
    coupon, alice, bob = offer("TWICE", limit_per_customer=2), somebody(), somebody("bob")
    for reference in ("1", "2"):
        reserve("TWICE", reference=reference, customer=alice)

    with pytest.raises(CodesRefused):
        reserve("TWICE", reference="3", customer=alice)

    assert reserve("TWICE", reference="4", customer=bob).discount_minor == 200
    assert (uses(coupon, alice), uses(coupon, bob)) == (2, 1)


def test_a_first_order_is_one_order():
    offer("FIRST", first_order_only=True)
    alice = somebody()
    reserve("FIRST", reference="1", customer=alice)

    with pytest.raises(CodesRefused):
        reserve("FIRST", reference="2", customer=alice)


def test_a_budget_is_kept_to_the_cent():
    coupon = offer("BUDGET", budget_minor=500)
    reserve("BUDGET", reference="1")
    reserve("BUDGET", reference="2")

    with pytest.raises(CodesRefused):
        reserve("BUDGET", reference="3")

    assert counts(coupon) == (2, 400)
    assert reserve("BUDGET", reference="4", of=basket(line("1", 500))).discount_minor == 100
    assert counts(coupon) == (3, 500)


@pytest.mark.parametrize("told", [{"limit_total": 1}, {"budget_minor": 300}, {"limit_per_customer": 1}])
def test_whoever_read_before_another_took_the_last_place_is_told(told, monkeypatch):
    coupon, alice = offer("LAST", **told), somebody()
    evaluated = redemption.read_asks

    def read_and_be_slow(*args, **more):
        asked = evaluated(*args, **more)
        monkeypatch.setattr(redemption, "read_asks", evaluated)
        reserve("LAST", reference="faster", customer=alice)
        return asked

    monkeypatch.setattr(redemption, "read_asks", read_and_be_slow)
    with pytest.raises(JustTaken):
        reserve("LAST", reference="slower", customer=alice)

    assert (counts(coupon), uses(coupon, alice)) == ((1, 200), 1)
    assert states() == ([("faster", "reserved")], [(200, "reserved")])


def test_a_place_that_is_gone_takes_back_all_that_was_reserved_before_it_and_the_callers_work_goes_on(
    monkeypatch,
):
    coupons = [offer(f"CODE{number}", **amount(10, lane=f"lane-{number}")) for number in range(3)]
    batch = CodeBatchFactory(coupon=coupons[0], prefix="", made_count=1, wanted_count=1)
    CodeFactory(coupon=coupons[0], code="7K4QM2XP", unique=True, batch=batch)
    alice = somebody()
    evaluated = redemption.read_asks

    def read_and_be_slow(*args, **more):
        asked = evaluated(*args, **more)
        pause_coupon(coupon_id=coupons[2].id, at=NOON)
        return asked

    monkeypatch.setattr(redemption, "read_asks", read_and_be_slow)
    with transaction.atomic():
        with pytest.raises(JustTaken) as refused:
            reserve("7K4QM2XP", "CODE1", "CODE2", customer=alice)
        somebody_else = somebody()

    batch.refresh_from_db()
    assert refused.value.what == "coupon"
    assert [counts(coupon) for coupon in coupons] == [(0, 0)] * 3
    assert (batch.used_count, Code.objects.get(code="7K4QM2XP").used_count) == (0, 0)
    assert (states(), sum(CouponUse.objects.values_list("used_count", flat=True))) == (([], []), 0)
    assert Customer.objects.filter(id=somebody_else).exists()


def test_whoever_read_before_it_was_paused_is_told(monkeypatch):
    coupon = offer("LAST")
    evaluated = redemption.read_asks

    def read_and_be_slow(*args, **more):
        asked = evaluated(*args, **more)
        pause_coupon(coupon_id=coupon.id, at=NOON)
        return asked

    monkeypatch.setattr(redemption, "read_asks", read_and_be_slow)
    with pytest.raises(JustTaken):
        reserve("LAST")

    assert (counts(coupon), states()) == ((0, 0), ([], []))


# -- reservations with an end --------------------------------------------------------------------------------


def test_a_reservation_whose_time_is_up_is_free_for_others_and_written_off_by_them():
    coupon, alice = offer("LAST", limit_total=1, limit_per_customer=1), somebody()
    reserve("LAST", reference="1", customer=alice, until=NOON + HOUR)

    with pytest.raises(CodesRefused):
        reserve("LAST", reference="2", customer=alice, at=NOON + HOUR - timedelta(seconds=1))
    reserve("LAST", reference="2", customer=alice, at=NOON + HOUR)

    assert states() == (
        [("1", "voided"), ("2", "reserved")],
        [(200, "voided"), (200, "reserved")],
    )
    assert (counts(coupon), uses(coupon, alice)) == ((1, 200), 1)


def test_a_unique_code_is_free_again_when_its_time_is_up():
    coupon = offer("SHARED")
    CodeFactory(coupon=coupon, code="UNIQUE", unique=True)
    reserve("UNIQUE", reference="1", until=NOON + HOUR)

    assert ask("UNIQUE", at=NOON).discount_minor == 0
    assert ask("UNIQUE", at=NOON + HOUR).discount_minor == 200
    reserve("UNIQUE", reference="2", at=NOON + HOUR)
    assert coupon.codes.get(code="UNIQUE").used_count == 1


def test_a_late_capture_holds_while_nobody_has_taken_the_place():
    coupon = offer("LAST", limit_total=1)
    reserve("LAST", until=NOON + HOUR)

    capture(at=day(1))

    assert (counts(coupon), states()) == ((1, 200), ([("1001", "captured")], [(200, "captured")]))


def test_a_capture_after_the_place_was_given_back_takes_it_again_or_is_refused():
    coupon, alice = offer("LAST", limit_total=1, limit_per_customer=1), somebody()
    reserve("LAST", customer=alice)
    void()
    assert capture(at=day(1)).discount_minor == 200
    assert (counts(coupon), uses(coupon, alice)) == ((1, 200), 1)

    void(at=day(2))
    reserve("LAST", reference="1002", at=day(2), customer=alice)
    with pytest.raises(JustTaken):
        capture(at=day(3))
    assert counts(coupon) == (1, 200)


def test_the_job_writes_off_what_has_timed_out(clock):
    clock.move_to(day(1))
    coupon, alice = offer("BEANS20", limit_per_customer=9), somebody()
    for reference in ("1", "2", "3"):
        reserve("BEANS20", reference=reference, customer=alice, until=NOON + HOUR)
    reserve("BEANS20", reference="4", customer=alice, until=day(2))
    capture("3")

    run_job(name="void_stale_redemptions", at=day(1))

    assert (counts(coupon), uses(coupon, alice)) == ((2, 400), 2)
    assert states()[0] == [("1", "voided"), ("2", "voided"), ("3", "captured"), ("4", "reserved")]


def test_the_same_order_comes_again_after_its_time_was_up():
    coupon = offer("LAST", limit_total=1)
    first = reserve("LAST", until=NOON + HOUR)

    again = reserve("LAST", at=day(1))

    assert (again.order_id, again.is_replay) == (first.order_id, False)
    assert (counts(coupon), states()) == (
        (1, 200),
        ([("1001", "reserved")], [(200, "voided"), (200, "reserved")]),
    )


# -- returns -------------------------------------------------------------------------------------------------


def back(returned, sold) -> Back:
    return Back(Fraction(returned), Fraction(sold))


def test_what_comes_back_is_given_to_the_budget_and_the_use_stays_used():
    coupon = offer("BEANS20", budget_minor=300)
    reserve("BEANS20", of=basket(line("a", 1000, 3), line("b", 500)))
    capture()

    told = {"channel": "web", "reference": "1001"}
    assert return_goods(**told, backs={"a": back(1, 3)}) == 66
    assert counts(coupon) == (1, 234)
    assert return_goods(**told, backs={"a": back(1, 3)}) == 66
    assert return_goods(**told, backs={"a": back(2, 3), "b": back(1, 1)}) == 233
    assert return_goods(**told, backs={"a": back(3, 3), "b": back(1, 1)}) == 300
    assert counts(coupon) == (1, 0)
    assert void().discount_minor == 300
    assert counts(coupon) == (0, 0)


# -- customers who are one -----------------------------------------------------------------------------------


def test_uses_of_two_customers_who_are_one_count_together():
    coupon, alice, alicia = offer("TWICE", limit_per_customer=2), somebody(), somebody("alicia")
    reserve("TWICE", reference="1", customer=alice)
    reserve("TWICE", reference="2", customer=alicia)

    merge_customers(source=alicia, target=alice, at=NOON, by=SHOP)

    assert (uses(coupon, alice), uses(coupon, alicia)) == (2, 0)
    with pytest.raises(CodesRefused):
        reserve("TWICE", reference="3", customer=alicia)
    void("2")
    assert (uses(coupon, alice), uses(coupon, alicia)) == (1, 0)
    reserve("TWICE", reference="4", customer=alicia)
    unmerge_customer(source=alicia, by=SHOP, at=NOON)
    assert (uses(coupon, alice), uses(coupon, alicia)) == (2, 0)


# -- many coupons in one order -------------------------------------------------------------------------------


def test_an_order_with_many_coupons_takes_all_or_none():
    coupons = [offer(f"CODE{n}", **amount(100, lane=f"lane-{n}"), limit_total=2) for n in range(5)]
    codes = [f"CODE{n}" for n in range(5)]
    alice = somebody()
    extra = add_code(coupon_id=coupons[0].id, code="EXTRA", customer_id=alice, at=NOON)

    reserve(*codes, reference="1", customer=alice)
    reserve("EXTRA", *codes[1:], reference="2", customer=alice)

    assert [counts(coupon) for coupon in coupons] == [(2, 200)] * 5
    extra.refresh_from_db()
    assert extra.used_count == 1
    with pytest.raises(CodesRefused):
        reserve(*codes, reference="3", customer=alice)
    void("1")
    assert [counts(coupon) for coupon in coupons] == [(1, 100)] * 5
