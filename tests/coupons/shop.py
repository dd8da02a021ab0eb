"""A web shop with coupons: what the tests of evaluating and redeeming are written with."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from commerce.policies.basket import Basket, BasketLine
from coupons.models import Coupon
from coupons.operations.coupons import create_coupon, set_code, switch_on_coupon
from coupons.policies.evaluation import Evaluation
from coupons.queries import evaluate
from tests.factories.commerce import CustomerFactory

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
OPENED = NOON - timedelta(days=100)
OWN = (
    "name",
    "public_text",
    "currency",
    "time_zone",
    "starts_at",
    "ends_at",
    "is_endless",
    "is_automatic",
    "is_public",
    "limit_total",
    "limit_per_customer",
    "budget_minor",
)


def day(number: float) -> datetime:
    """So many days after noon of 3 March 2026."""
    return NOON + timedelta(days=number)


def line(key: str = "1", amount_minor: int = 1000, quantity: str | int = 1, **told: Any) -> BasketLine:
    """One line of a basket: a bag of beans for 10.00, unless told otherwise."""
    return BasketLine(
        **{
            "key": key,
            "amount_minor": amount_minor,
            "quantity": Decimal(quantity),
            "sku": f"SKU-{key}",
            "brand": "Kaffe",
            "category_path": "food/coffee",
        }
        | told
    )


def basket(*lines: BasketLine, **told: Any) -> Basket:
    """A basket of the web shop, in euros."""
    return Basket(**{"channel": "web", "currency": "EUR", "lines": lines or (line(),)} | told)


def offer(code: str = "", *, on: bool = True, at: datetime = OPENED, **told: Any) -> Coupon:
    """A public coupon that is switched on, 20 % off everything unless told otherwise, with this shared code.

    Without a code it needs none.
    """
    own = {name: told.pop(name) for name in OWN if name in told}
    usual = {
        "name": code or "Offer",
        "currency": "EUR",
        "time_zone": "Europe/Oslo",
        "starts_at": at,
        "is_endless": "ends_at" not in own,
        "is_automatic": not code,
        "is_public": True,
    }
    terms = {"kind": "percent", "percent": Decimal(20)} | told
    coupon = create_coupon(own=usual | own, terms=terms, at=at)
    if code:
        set_code(coupon_id=coupon.id, code=code, at=at)
    return switch_on_coupon(coupon_id=coupon.id, at=at) if on else coupon


def amount(minor: int, **told: Any) -> dict[str, Any]:
    """The terms of an amount off."""
    return {"kind": "amount", "percent": None, "amount_minor": minor, **told}


def ask(*codes: str, of: Basket | None = None, who: int | None = None, at: datetime = NOON) -> Evaluation:
    """What a basket gets for these codes."""
    return evaluate(of or basket(), codes, who, at)


def somebody(name: str = "alice") -> int:
    """A customer; gives the id."""
    return CustomerFactory(name=name).id


def verdicts(evaluation: Evaluation) -> dict[str, str]:
    """What is said of each code."""
    return {answer.code: answer.verdict.value for answer in evaluation.answers}


def failed(evaluation: Evaluation, code: str) -> list[str]:
    """The conditions that do not hold for a code."""
    (answer,) = (one for one in evaluation.answers if one.code == code)
    return [check.condition.value for check in answer.failed]


def counts(coupon: Coupon) -> tuple[int, int]:
    """How often a coupon counts as used, and what it has cost."""
    coupon.refresh_from_db()
    return coupon.used_count, coupon.spent_minor
