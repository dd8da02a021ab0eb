"""Whoever types a code reads what became of it, and what would mend it."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from coupons.models import Coupon
from coupons.operations.coupons import pause_coupon
from coupons.policies.conditions import Check, Condition
from coupons.policies.evaluation import Answer, Verdict
from coupons.queries.answer_words import SENTENCES, say_answer, say_check
from tests.coupons.shop import NOON, amount, ask, basket, day, line, offer, somebody

OSLO = ZoneInfo("Europe/Oslo")
MIDNIGHT = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)


def said(evaluation):
    return {
        answer.code: say_answer(answer, currency=evaluation.currency, zone=OSLO)
        for answer in evaluation.answers
    }


def test_every_condition_has_its_sentence():
    assert set(SENTENCES) == set(Condition)


@pytest.mark.parametrize(
    ("condition", "facts", "sentence"),
    [
        (Condition.STARTED, {"starts_at": MIDNIGHT}, "It begins on April 1, 2026."),
        (Condition.NOT_ENDED, {"ends_at": MIDNIGHT}, "It ended on April 1, 2026."),
        (Condition.NOT_ENDED, {"ends_at": None}, "It has ended."),
        (Condition.PLACES_LEFT, {"limit": 1}, "It could be used 1 time in all, and has been."),
        (Condition.CUSTOMER_LEFT, {"limit": 2, "used": 2}, "Each customer can use it 2 times, and you have."),
        (Condition.CURRENCY, {"currency": "NOK"}, "It is good for orders in NOK only."),
        (Condition.CHANNEL, {"channels": "store"}, "It is good here only: store."),
        (Condition.AGREEMENT, {"brands": "Nord"}, "Coupons can't be used on goods of Nord."),
        (
            Condition.MARGIN,
            {"amount_minor": 444, "wanted_minor": 1000},
            "It takes €4.44 off and not €10.00: these goods can't be reduced further.",
        ),
    ],
)
def test_a_condition_that_does_not_hold_says_what_would_mend_it(condition, facts, sentence):
    assert say_check(Check(condition, False, facts), currency="EUR", zone=OSLO) == sentence


def test_every_sentence_stands_without_gaps():
    facts = {
        "starts_at": NOON, "ends_at": NOON, "limit": 3, "used": 3, "currency": "EUR", "channels": "web",
        "brands": "Nord", "missing_minor": 100, "minimum_minor": 500, "amount_minor": 0, "wanted_minor": 5,
    }  # fmt: skip

    sentences = [say_check(Check(one, False, facts), currency="EUR", zone=OSLO) for one in Condition]

    assert all(sentence.endswith(".") and "%" not in sentence for sentence in sentences)


@pytest.mark.django_db
def test_a_basket_reads_what_became_of_each_of_its_codes():
    offer("HALF", percent=Decimal(50), lane="one")
    offer("TEN", percent=Decimal(10), lane="one")
    offer("BIG", **amount(500), minimum_minor=5000)
    offer("GONE", ends_at=day(-1))

    told = said(ask("half", "TEN", "BIG", "GONE", "NONE", of=basket(line("1", 2000))))

    assert told == {
        "half": ["It takes up to €10.00 off."],
        "TEN": ["Another offer takes more off, and the two can't be used together."],
        "BIG": ["Add goods for €30.00. It counts from €50.00 on."],
        "GONE": ["It ended on March 2, 2026."],
        "NONE": ["There is no such code, or it can't be used here. Check how it is spelled."],
    }


@pytest.mark.django_db
def test_a_code_that_is_somebody_elses_reads_as_one_that_nobody_has():
    who = somebody("alice")
    offer("HERS", customer_ids=[who], is_public=False)
    offer("PAUSED")
    pause_coupon(coupon_id=Coupon.objects.get(name="PAUSED").pk, at=day(-1))

    told = said(ask("HERS", "NOBODYS", "PAUSED", who=somebody("bob")))

    assert told["HERS"] == told["NOBODYS"]
    assert told["PAUSED"] == ["It can't be used at the moment."]


def test_an_answer_for_nothing_says_the_same_in_every_case():
    unknown = Answer(code="X", verdict=Verdict.NO_SUCH_CODE)

    assert len(say_answer(unknown, currency="EUR", zone=OSLO)) == 1
