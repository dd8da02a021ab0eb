"""What an owner asks of a coupon: complete and sensible, or refused beside the field that has to change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from coupons.policies.codes import is_code
from coupons.policies.kinds import CouponKind

SHORTEST_CODE = 3
LONGEST_CODE = 40


class Problem(StrEnum):
    """Why a field cannot stay as it is."""

    END_MISSING = "end_missing"
    END_AND_ENDLESS = "end_and_endless"
    END_NOT_AFTER_START = "end_not_after_start"
    END_PASSED = "end_passed"
    START_STAYS = "start_stays"
    CURRENCY_MISSING = "currency_missing"
    CURRENCY_STAYS = "currency_stays"
    LIMIT_USED = "limit_used"
    BUDGET_SPENT = "budget_spent"
    AMOUNT = "amount"
    PRICE = "price"
    PERCENT = "percent"
    BUY_PIECES = "buy_pieces"
    GET_PIECES = "get_pieces"
    AT_LEAST_ONE = "at_least_one"
    NOT_NEGATIVE = "not_negative"
    CODE_LETTERS = "code_letters"
    CODE_SHORT = "code_short"
    CODE_LONG = "code_long"
    CODE_TAKEN = "code_taken"


Problems = dict[str, Problem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When a coupon is to run: from, and until (exclusive), or expressly without an end."""

    starts_at: datetime
    ends_at: datetime | None
    is_endless: bool


def problems_of_plan(plan: Plan, *, at: datetime) -> Problems:
    """Say what is wrong with the times of a coupon at `at`."""
    if plan.ends_at is None:
        return {} if plan.is_endless else {"ends_at": Problem.END_MISSING}
    if plan.is_endless:
        return {"ends_at": Problem.END_AND_ENDLESS}
    if plan.ends_at <= plan.starts_at:
        return {"ends_at": Problem.END_NOT_AFTER_START}
    return {"ends_at": Problem.END_PASSED} if plan.ends_at <= at else {}


def problems_of_terms(terms: Mapping[str, Any], *, currency: str) -> Problems:
    """Say what is wrong with a promise, field by field; nothing when it can be kept."""
    problems = _problems_of_kind(terms)
    for field in ("most_minor", "pieces", "most_times"):
        if terms[field] is not None and terms[field] < 1:
            problems[field] = Problem.AT_LEAST_ONE
    if terms["minimum_minor"] is not None and terms["minimum_minor"] < 0:
        problems["minimum_minor"] = Problem.NOT_NEGATIVE
    speaks_of_money = terms["kind"] in (CouponKind.AMOUNT, CouponKind.PRODUCT) and terms["amount_minor"]
    if not currency and (speaks_of_money or terms["most_minor"] or terms["minimum_minor"]):
        problems["currency"] = Problem.CURRENCY_MISSING
    return problems


def _problems_of_kind(terms: Mapping[str, Any]) -> Problems:
    kind, amount, percent = terms["kind"], terms["amount_minor"], terms["percent"]
    problems: Problems = {}
    if kind == CouponKind.AMOUNT and (amount is None or amount < 1):
        problems["amount_minor"] = Problem.AMOUNT
    if kind == CouponKind.PRODUCT and (amount is None or amount < 0):
        problems["amount_minor"] = Problem.PRICE
    if kind in (CouponKind.PERCENT, CouponKind.BUY_GET) and (percent is None or not 0 < percent <= 100):
        problems["percent"] = Problem.PERCENT
    if kind == CouponKind.BUY_GET:
        if not terms["buy_pieces"] or terms["buy_pieces"] < 1:
            problems["buy_pieces"] = Problem.BUY_PIECES
        if not terms["get_pieces"] or terms["get_pieces"] < 1:
            problems["get_pieces"] = Problem.GET_PIECES
    return problems


def problem_of_code(code: str) -> Problem | None:
    """Say what is wrong with a normal code."""
    if not is_code(code):
        return Problem.CODE_LETTERS
    if len(code) < SHORTEST_CODE:
        return Problem.CODE_SHORT
    return Problem.CODE_LONG if len(code) > LONGEST_CODE else None
