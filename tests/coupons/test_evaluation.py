"""What a basket gets, and why not more."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backstage.policies import SHOP
from commerce.operations import merge_customers
from commerce.policies.basket import Reduction
from commerce.registry import BasketReduction, basket_reductions
from coupons.models import Code
from coupons.operations.coupons import change_coupon, end_coupon, pause_coupon, switch_on_coupon
from coupons.operations.redemption import reserve_coupons
from coupons.operations.shared_codes import add_code
from coupons.policies.evaluation import Verdict
from coupons.queries import evaluate
from coupons.queries.evaluation import TooManyCodes
from tests.coupons.shop import (
    NOON,
    amount,
    ask,
    basket,
    day,
    failed,
    line,
    offer,
    somebody,
    verdicts,
)
from tests.factories.commerce import PurchaseFactory, SegmentFactory
from tests.factories.coupons import CodeBatchFactory, CodeFactory, CouponVersionFactory

pytestmark = pytest.mark.django_db

BUYERS = {"conditions": [{"condition": "orders", "with": {"at_least": 1}}]}


def statements(*codes, of=None, who=None) -> int:
    evaluate(of or basket(), codes, who, NOON)  # whoever comes first after a change reads the offers
    with CaptureQueriesContext(
        connection,
    ) as seen:
        evaluate(of or basket(), codes, who, NOON)
    return len(seen)


# -- what counts ---------------------------------------------------------------------------------------------


def test_a_code_counts_in_any_spelling():
    offer("BEANS-20")

    for spelling in ("BEANS-20", " beans 20", "Beans–20", "ｂｅａｎｓ20"):
        evaluation = ask(spelling)
        assert (evaluation.discount_minor, evaluation.to_pay_minor) == (200, 800)
        assert verdicts(evaluation) == {spelling: "applied"}


def test_an_offer_without_a_code_counts_by_itself_and_is_not_spoken_of():
    offer(percent=Decimal(10))

    evaluation = ask()

    assert (evaluation.discount_minor, evaluation.answers) == (100, ())
    assert evaluation.by_line == {"1": 100}


def test_a_better_code_takes_the_place_of_a_worse_one():
    offer(percent=Decimal(15))
    offer("BEANS20")
    offer("BEANS10", percent=Decimal(10))

    evaluation = ask("BEANS20", "BEANS10")

    assert evaluation.discount_minor == 200
    assert verdicts(evaluation) == {"BEANS20": "applied", "BEANS10": "better_one"}


def test_lanes_add_up_on_what_is_left():
    offer("BEANS20")
    offer("FLYER", **amount(150, lane="flyer"))

    evaluation = ask("FLYER", "BEANS20", of=basket(line("a", 600), line("b", 400)))

    assert evaluation.discount_minor == 350
    assert evaluation.by_line == {"a": 210, "b": 140}


@pytest.mark.parametrize(
    ("currency", "price", "share", "off"), [("JPY", 999, 10, 100), ("KWD", 1999, 10, 200), ("EUR", 5, 100, 5)]
)
def test_currencies_have_the_decimals_that_they_have(currency, price, share, off):
    offer("CODE", currency=currency, percent=Decimal(share))

    evaluation = ask("CODE", of=basket(line("a", price), currency=currency))

    assert (evaluation.discount_minor, evaluation.currency) == (off, currency)


def test_what_is_taken_off_by_other_means_comes_first():
    basket_reductions.register(
        "tests.points",
        BasketReduction(name="tests.points", find=lambda of, who, at: [Reduction("points", 400)]),
    )
    try:
        offer("HALF", percent=Decimal(50))
        evaluation = ask("HALF")
    finally:
        del basket_reductions._things["tests.points"]

    assert (evaluation.before_minor, evaluation.discount_minor, evaluation.to_pay_minor) == (600, 300, 300)


def test_two_codes_of_one_coupon_are_one_use():
    coupon = offer("BEANS20")
    add_code(coupon_id=coupon.id, code="BEANS20-EXTRA", at=NOON)

    evaluation = ask("BEANS20-EXTRA", "BEANS20")

    assert evaluation.discount_minor == 200
    assert verdicts(evaluation) == {"BEANS20-EXTRA": "better_one", "BEANS20": "applied"}


# -- why not -------------------------------------------------------------------------------------------------


def test_every_condition_says_whether_it_holds():
    offer(
        "CODE",
        ends_at=day(-1),
        limit_per_customer=1,
        channels=["store"],
        skus=["OTHER"],
        minimum_minor=2000,
        first_order_only=True,
        at=day(-10),
    )

    evaluation = ask("CODE")

    assert verdicts(evaluation) == {"CODE": "refused"}
    assert failed(evaluation, "CODE") == [
        "not_ended",
        "known_customer",
        "channel",
        "goods",
        "minimum",
    ]
    assert len(evaluation.answers[0].checks) == 11


def test_what_is_missing_is_said_in_numbers():
    offer("CODE", minimum_minor=2500)

    (answer,) = ask("CODE", of=basket(line("a", 1800))).answers

    (minimum,) = answer.failed
    assert minimum.facts == {
        "minimum_minor": 2500,
        "spent_minor": 1800,
        "missing_minor": 700,
        "currency": "EUR",
    }


@pytest.mark.parametrize(
    ("told", "told_basket", "condition"),
    [
        ({"starts_at": day(1)}, {}, "started"),
        ({"currency": "USD"}, {}, "currency"),
        ({"channels": ["store"]}, {}, "channel"),
        ({"brands": ["Other"]}, {}, "goods"),
        ({"except_skus": ["SKU-1"]}, {}, "goods"),
        ({"minimum_minor": 1001}, {}, "minimum"),
        ({"kind": "shipping", "percent": None}, {}, "something_off"),
        ({"budget_minor": 199}, {}, "budget_left"),
        ({"limit_per_customer": 1}, {}, "known_customer"),
        ({"segment_ids": [1]}, {}, "known_customer"),
    ],
)
def test_what_does_not_hold_is_named(told, told_basket, condition):
    offer("CODE", **told)

    evaluation = ask("CODE", of=basket(**told_basket))

    assert evaluation.discount_minor == 0
    assert condition in failed(evaluation, "CODE")


def test_minimum_spend_looks_at_the_goods_it_is_about_and_not_at_other_codes():
    offer("FLYER", **amount(900, lane="flyer"))
    offer("BEANS", category_paths=["food"], minimum_minor=1000)
    mugs = line("mug", 9000, category_path="home")

    assert ask("BEANS", of=basket(line("a", 999), mugs)).discount_minor == 0
    assert ask("BEANS", "FLYER", of=basket(line("a", 1000))).discount_minor == 1000 - 0


def test_an_expired_code_is_refused_though_no_job_has_run():
    coupon = offer("CODE", ends_at=day(1))

    assert ask("CODE", at=day(1) - timedelta(seconds=1)).discount_minor == 200
    assert failed(ask("CODE", at=day(1)), "CODE") == ["not_ended"]
    assert coupon.state == "on"


def test_what_is_paused_or_ended_says_so():
    coupon = offer("CODE")

    pause_coupon(coupon_id=coupon.id, at=day(1))
    assert failed(ask("CODE", at=day(1)), "CODE") == ["switched_on"]
    switch_on_coupon(coupon_id=coupon.id, at=day(2))
    assert ask("CODE", at=day(2)).discount_minor == 200
    end_coupon(coupon_id=coupon.id, at=day(3))
    assert failed(ask("CODE", at=day(3)), "CODE") == ["not_ended"]


def test_an_offer_in_memory_is_read_anew_after_a_change():
    coupon = offer()
    assert ask().discount_minor == 200

    change_coupon(coupon_id=coupon.id, terms={"percent": Decimal(30)}, at=day(1))
    assert ask(at=day(1)).discount_minor == 300
    pause_coupon(coupon_id=coupon.id, at=day(2))
    assert ask(at=day(2)).discount_minor == 0


# -- whose codes ---------------------------------------------------------------------------------------------


def test_ones_own_code_explains_itself_and_nobody_elses_does():
    coupon, alice, mallory = offer("SHARED", minimum_minor=5000), somebody(), somebody("mallory")
    add_code(coupon_id=coupon.id, code="FORALICE", customer_id=alice, at=NOON)

    assert failed(ask("FORALICE", who=alice), "FORALICE") == ["minimum"]
    assert verdicts(ask("FORALICE", who=mallory)) == {"FORALICE": "no_such_code"}
    assert verdicts(ask("FORALICE")) == {"FORALICE": "no_such_code"}


def test_ones_own_code_is_still_ones_own_after_a_merge():
    coupon, alice, alicia = offer("SHARED"), somebody(), somebody("alicia")
    add_code(coupon_id=coupon.id, code="FORALICIA", customer_id=alicia, at=NOON)

    merge_customers(source=alicia, target=alice, at=NOON, by=SHOP)

    assert ask("FORALICIA", who=alice).discount_minor == 200
    assert ask("FORALICIA", who=alicia).discount_minor == 200


@pytest.fixture
def secrets():
    """Codes that do not count, each for another reason, and all of them nobody's business."""
    coupon = offer("SHARED")
    offer("PRIVATE", is_public=False, minimum_minor=5000)
    CodeFactory(coupon=coupon, code="USEDUP", unique=True)
    reserve_coupons(basket(), codes=["USEDUP"], reference="1", at=NOON)
    for code, told in {
        "PAUSED": {"state": "paused"},
        "VOID": {"state": "void"},
        "EXPIRED": {"ends_at": NOON},
        "FOREIGN": {"customer_id": somebody()},
        "INPAUSED": {"batch": CodeBatchFactory(coupon=coupon, state="paused")},
    }.items():
        CodeFactory(coupon=coupon, code=code, unique=True, **told)
    offer("DRAFT", on=False)
    return ["USEDUP", "PAUSED", "VOID", "EXPIRED", "FOREIGN", "INPAUSED", "PRIVATE", "DRAFT", "UNKNOWN", "Ö!"]


def test_what_is_nobodys_business_gets_one_answer(secrets):
    for code in secrets:
        (answer,) = ask(code).answers
        assert (answer.code, answer.verdict) == (code, Verdict.NO_SUCH_CODE)
        assert (answer.coupon_id, answer.name, answer.amount_minor, answer.checks) == (None, "", 0, ())


def test_what_is_nobodys_business_takes_the_same_statements(secrets):
    def sent(code: str) -> list[str]:
        ask(code)
        with CaptureQueriesContext(connection) as seen:
            ask(code, who=None)
        return [query["sql"].replace(code, "CODE") for query in seen.captured_queries]

    # The lists of ids that a statement is told differ; the statements do not.
    shapes = {tuple(statement[:200] for statement in sent(code)) for code in secrets if code != "Ö!"}
    assert len(shapes) == 1


def test_the_owner_is_told_everything(secrets):
    offer(percent=Decimal(50), minimum_minor=9000)

    evaluation = evaluate(basket(), ["USEDUP", "PRIVATE"], None, NOON, tells_all=True)

    assert {
        answer.code: [check.condition.value for check in answer.failed] for answer in evaluation.answers
    } == {
        "USEDUP": ["code_left"],
        "PRIVATE": ["minimum"],
        "": ["minimum"],
    }


def test_a_batch_ends_its_codes_and_a_code_may_end_sooner():
    coupon = offer("SHARED")
    batch = CodeBatchFactory(coupon=coupon, ends_at=day(2))
    CodeFactory(coupon=coupon, code="SOON", unique=True, batch=batch, ends_at=day(1))
    CodeFactory(coupon=coupon, code="LATER", unique=True, batch=batch)

    assert [ask(code, at=day(1)).discount_minor for code in ("SOON", "LATER")] == [0, 200]
    assert ask("LATER", at=day(2)).discount_minor == 0


# -- who buys ------------------------------------------------------------------------------------------------


def test_first_order_only_looks_at_everything_that_a_person_bought():
    alice, alicia, bob = somebody(), somebody("alicia"), somebody("bob")
    offer("FIRST", first_order_only=True)
    PurchaseFactory(customer_id=alicia)
    PurchaseFactory(customer_id=bob, status="cancelled")

    assert ask("FIRST", who=alice).discount_minor == 200
    assert failed(ask("FIRST", who=alicia), "FIRST") == ["first_order"]
    assert ask("FIRST", who=bob).discount_minor == 200
    merge_customers(source=alicia, target=alice, at=NOON, by=SHOP)
    assert failed(ask("FIRST", who=alice), "FIRST") == ["first_order"]


def test_a_segment_opens_a_coupon_to_those_in_it():
    alice, bob = somebody(), somebody("bob")
    PurchaseFactory(customer_id=alice)
    segment = SegmentFactory(conditions=BUYERS)
    offer("INSIDE", segment_ids=[segment.id])

    assert ask("INSIDE", who=alice).discount_minor == 200
    assert failed(ask("INSIDE", who=bob), "INSIDE") == ["segment"]


def test_a_coupon_may_be_for_some_customers():
    alice, bob = somebody(), somebody("bob")
    offer("OURS", customer_ids=[alice])

    assert ask("OURS", who=alice).discount_minor == 200
    assert failed(ask("OURS", who=bob), "OURS") == ["own_customer"]


# -- how much is asked of the database -----------------------------------------------------------------------


@pytest.mark.parametrize("many", [10, 1000])
@pytest.mark.parametrize("needs_code", [True, False])
def test_a_thousand_coupons_take_no_more_statements_than_ten(many, needs_code):
    versions = [
        CouponVersionFactory(coupon__is_automatic=not needs_code, coupon__limit_total=9) for _ in range(many)
    ]
    codes = []
    if needs_code:
        Code.objects.bulk_create(
            CodeFactory.build(coupon=version.coupon, code=f"CODE{number}")
            for number, version in enumerate(versions)
        )
        codes = [f"CODE{number}" for number in range(5)]
    offer(limit_total=100)  # whose operations set the stamp

    assert statements(*codes) == 2
    assert statements(*codes, who=somebody()) == 4
    assert statements(*codes, of=basket(*(line(str(n)) for n in range(20)))) == 2


def test_segments_take_two_more():
    buyers = [SegmentFactory(conditions=BUYERS).id for _ in range(2)]
    offer("INSIDE", segment_ids=buyers)

    assert statements("INSIDE", who=somebody()) == 6


def test_a_list_of_guesses_is_not_looked_up():
    with pytest.raises(TooManyCodes):
        ask(*(f"GUESS{number}" for number in range(21)))


def test_who_buys_two_of_one_kind_gets_one_of_another_and_the_cheapest_of_those():
    offer(
        kind="buy_get", percent=Decimal(100), buy_pieces=2, get_pieces=1, category_paths=["food/coffee"],
        get_category_paths=["home/mugs"],
    )  # fmt: skip
    blue, sand = (
        line(key, price, category_path="home/mugs") for key, price in (("blue", 900), ("sand", 700))
    )

    assert ask(of=basket(line("beans", 2000, 2), blue, sand)).by_line == {"sand": 700}
    assert ask(of=basket(line("beans", 4000, 4), blue, sand)).by_line == {"sand": 700, "blue": 900}
    assert ask(of=basket(line("beans", 1000), blue, sand)).by_line == {}
    assert ask(of=basket(blue, sand)).by_line == {}
    assert ask(of=basket(line("beans", 3000, 3))).by_line == {}
