"""Which coupons count together."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupons.policies.discounts import take_off
from coupons.policies.kinds import CouponKind
from coupons.policies.plans import Candidate, Plan, apply_in_stages, best_plan
from coupons.policies.terms import Terms
from tests.coupons.policies.test_discounts import LINES, TERMS, make
from tests.coupons.shop import basket, line

pytestmark = pytest.mark.once


def candidate(coupon_id: int, of, **told) -> Candidate:
    terms = Terms(version_id=coupon_id, **told | {"kind": CouponKind(told["kind"])})
    lines = terms.lines_among(of)
    return Candidate(coupon_id, terms, lines, take_off(terms, lines, of.to_pay()))


def totals(plan: Plan) -> dict[int, int]:
    return {coupon_id: sum(parts.values()) for coupon_id, parts in plan.off.items()}


def test_of_one_lane_the_best_counts_and_lanes_add_up():
    of = basket(line("a", 1000), shipping_minor=490)
    fifteen = candidate(1, of, kind="percent", share=1500)
    twenty = candidate(2, of, kind="percent", share=2000)
    two = candidate(3, of, kind="amount", amount_minor=200, lane="flyer")
    postage = candidate(4, of, kind="shipping", lane="post")

    assert totals(best_plan([fifteen, twenty], of.to_pay())) == {2: 200}
    assert totals(best_plan([fifteen, twenty, two, postage], of.to_pay())) == {2: 200, 3: 200, 4: 490}


def test_exclusive_means_alone():
    of = basket(line("a", 1000))
    alone = candidate(1, of, kind="percent", share=3000, lane="alone", is_exclusive=True)
    twenty = candidate(2, of, kind="percent", share=2000)
    two = candidate(3, of, kind="amount", amount_minor=200, lane="flyer")

    assert totals(best_plan([alone, twenty], of.to_pay())) == {1: 300}
    assert totals(best_plan([alone, twenty, two], of.to_pay())) == {2: 200, 3: 200}


def test_pieces_come_before_shares_and_shares_before_amounts():
    of = basket(line("a", 1000, 2))
    amount = candidate(1, of, kind="amount", amount_minor=100, lane="a")
    half = candidate(2, of, kind="percent", share=5000, lane="b")
    second_free = candidate(3, of, kind="buy_get", buy_pieces=1, get_pieces=1, lane="c")

    plan = apply_in_stages([amount, half, second_free], of.to_pay())

    assert totals(plan) == {3: 500, 2: 250, 1: 100}


def test_nothing_is_spent_that_takes_nothing_off():
    of = basket(line("a", 1000))
    everything = candidate(1, of, kind="percent", share=10_000)
    amount = candidate(2, of, kind="amount", amount_minor=100, lane="flyer")
    postage = candidate(3, of, kind="shipping", lane="post")

    assert totals(best_plan([everything, amount, postage], of.to_pay())) == {1: 1000}


def test_among_equals_the_oldest_counts():
    of = basket(line("a", 1000))
    older = candidate(1, of, kind="amount", amount_minor=200)
    newer = candidate(2, of, kind="percent", share=2000)

    assert totals(best_plan([newer, older], of.to_pay())) == {1: 200}


MANY = st.lists(
    st.tuples(TERMS, st.sampled_from(["main", "flyer", "post"]), st.booleans()), min_size=1, max_size=5
)


def candidates(of, told) -> list[Candidate]:
    return [
        candidate(number, of, **terms, lane=lane, is_exclusive=alone)
        for number, (terms, lane, alone) in enumerate(told, start=1)
    ]


def every_plan(found, left):
    """All combinations that are allowed, tried one by one."""
    lanes = {}
    for one in found:
        if one.terms.is_exclusive:
            yield apply_in_stages([one], left)
        else:
            lanes.setdefault(one.terms.lane, [None]).append(one)
    for chosen in product(*lanes.values()):
        yield apply_in_stages([one for one in chosen if one], left)


@given(LINES, MANY)
def test_no_allowed_combination_takes_more_off(lines, told):
    of = make(lines)
    found = candidates(of, told)

    plan = best_plan(found, of.to_pay())

    assert plan.total_minor == max(one.total_minor for one in every_plan(found, of.to_pay()))
    assert plan.total_minor <= sum(of.to_pay().values())


@given(LINES, MANY, st.randoms())
def test_the_order_of_codes_and_lines_does_not_matter(lines, told, random):
    of = make(lines)
    found = candidates(of, told)
    shuffled = random.sample(found, len(found))

    assert best_plan(shuffled, of.to_pay()).off == best_plan(found, of.to_pay()).off


@given(LINES, MANY)
def test_a_further_code_never_makes_anybody_pay_more(lines, told):
    of = make(lines)
    found = candidates(of, told)

    totals_so_far = [best_plan(found[:n], of.to_pay()).total_minor for n in range(len(found) + 1)]

    assert totals_so_far == sorted(totals_so_far)


def test_a_thousand_combinations_are_enough():
    of = basket(*(line(str(n), 1000 + n) for n in range(5)))
    found = [
        candidate(lane * 10 + n, of, kind="amount", amount_minor=n + 1, lane=f"lane-{lane}")
        for lane in range(20)
        for n in range(5)
    ]

    assert best_plan(found, of.to_pay()).total_minor == 20 * 5
