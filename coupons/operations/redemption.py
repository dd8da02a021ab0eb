"""Redeeming: reserve while the order is placed, capture when it is, void when it is not.

    1. Read what the basket gets, as `evaluate` does, and refuse what the customer did not agree to.
    2. Know the order by its number: a repetition is answered with what stands, another content refused.
    3. Write off reservations of these coupons that have timed out, if there are any.
    4. Store the order and its redemptions.
    5. Take the places, by guarded updates of the counters, last of all: `operations.counters`.

What is written is one transaction, the caller's where there is one: an order that is rolled back has taken
nothing. What is read before decides nothing by itself, since the guards ask again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from backstage import clock
from commerce.operations.rows import insert_rows
from commerce.policies.basket import Basket
from coupons.locks import find_order, lock_stale_orders
from coupons.models import CouponOrder, Redemption
from coupons.operations.at_once import reserve_at_once
from coupons.operations.counters import Changes, JustTaken, change_counters
from coupons.operations.redemption_rows import (
    capture_orders,
    fingerprint_of,
    standing_redemptions,
    void_orders,
)
from coupons.policies.codes import normal_code
from coupons.policies.errors import CodesRefused, DiscountChanged, OrderDiffers, OrderUnknown
from coupons.policies.evaluation import Answer, Evaluation, Verdict
from coupons.policies.redeeming import Back, returned_of
from coupons.policies.states import STANDING_USES, UseState
from coupons.queries.evaluation import Asked, evaluate_asks, read_asks

__all__ = [
    "CodesRefused",
    "DiscountChanged",
    "JustTaken",
    "OrderDiffers",
    "OrderUnknown",
    "Reserved",
    "capture_coupons",
    "reserve_coupons",
    "return_goods",
    "void_coupons",
]

ORDER_FIELDS = (
    "channel",
    "reference",
    "customer",
    "currency",
    "state",
    "fingerprint",
    "discount_minor",
    "reserved_at",
    "expires_at",
)
ORDER_ATTRIBUTES = tuple("customer_id" if name == "customer" else name for name in ORDER_FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """What an order has of coupons. Without any, there is no `order_id`: nothing was stored.

    `by_line` is what each line of the order gets off, postage under "shipping"; `coupons` the same by coupon
    id. Units: minor units of the order's currency.
    """

    order_id: int | None
    discount_minor: int
    by_line: Mapping[str, int] = field(default_factory=dict)
    coupons: Mapping[int, int] = field(default_factory=dict)
    is_replay: bool = False


def reserve_coupons(
    basket: Basket,
    *,
    codes: Sequence[str] = (),
    reference: str,
    customer: int | None = None,
    expected_minor: int | None = None,
    until: datetime | None = None,
    at: datetime | None = None,
) -> Reserved:
    """Reserve what a basket gets for an order, known by the basket's channel and this number.

    `expected_minor` is the discount that the customer has seen; `until` ends the reservation by itself,
    without it stands until it is captured or voided. Codes that count less than another one are left out.
    Replay: the same number with the same content answers with what stands. All or nothing by itself; within
    the caller's transaction, what it raises leaves nothing behind. Locks: the order, then codes, uses,
    coupons.
    Raises: CodesRefused, DiscountChanged, JustTaken, OrderDiffers; TooManyCodes, Customer.DoesNotExist.
    """
    at = clock.now() if at is None else at
    normal = sorted({normal_code(code) for code in codes} - {""})
    fingerprint = fingerprint_of(basket, codes=normal, customer_id=customer)
    asked = read_asks(basket, codes, customer, at, reference=reference)
    evaluation = evaluate_asks(asked, at)
    order = CouponOrder(
        channel=basket.channel,
        reference=reference,
        customer_id=asked.buyer.customer_id,
        currency=basket.currency,
        state=UseState.RESERVED.value,
        fingerprint=fingerprint,
        discount_minor=evaluation.discount_minor,
        reserved_at=at,
        expires_at=until,
    )
    if _fits(evaluation, expected_minor) and not asked.stale:
        order_id = reserve_at_once(order, applied=evaluation.applied, most=_most_each(asked))
        if order_id is not None:
            return _told(order_id, evaluation)
    with transaction.atomic():
        return _reserve(order, asked, evaluation, expected_minor)


def capture_coupons(*, channel: str, reference: str, at: datetime | None = None) -> Reserved:
    """Note that an order was placed: what it has reserved is used, reserved → captured.

    One whose time is up is captured too while nobody has taken its places; else the places are taken again if
    they are there. Replay: an order that is captured stays so. Locks: as `reserve_coupons`.
    Raises: OrderUnknown, JustTaken.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        order = _get_order(channel, reference)
        if order.state == UseState.CAPTURED:
            return _standing(order, is_replay=True)
        if order.state == UseState.VOIDED:
            take_again(order, at=at)
        capture_orders([order], at=at)
        return _standing(order)


def void_coupons(*, channel: str, reference: str, at: datetime | None = None) -> Reserved:
    """Give back what an order has, because it was not paid for or was called off.

    Gives what it had. Replay: an order that is void has nothing more. Locks: as `reserve_coupons`.
    Raises: OrderUnknown.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        order = _get_order(channel, reference)
        had = _standing(order, is_replay=order.state == UseState.VOIDED)
        if order.state != UseState.VOIDED:
            changes = Changes()
            void_orders([order], at=at, changes=changes)
            change_counters(changes)
        return had


def return_goods(*, channel: str, reference: str, backs: Mapping[str, Back]) -> int:
    """Give the budgets what came back of an order, by line key, all of it until now; uses stay used.

    Gives what came back of the discounts altogether. A shop that tells its purchases need not call it.
    Replay: cumulative, so the same again changes nothing. Locks: the order, then coupons.
    Raises: OrderUnknown; JustTaken where goods went out again and the budget is spent.
    """
    with transaction.atomic():
        order = _get_order(channel, reference)
        changes = Changes()
        returned = note_returns(standing_redemptions([order]), backs=backs, changes=changes)
        change_counters(changes)
        return returned


def note_returns(redemptions: Sequence[Redemption], *, backs: Mapping[str, Back], changes: Changes) -> int:
    """Store what came back of these redemptions, and note what the budgets get. Queries: 1 at most."""
    changed, total = [], 0
    for redemption in redemptions:
        returned = returned_of(redemption.by_line, backs)
        total += returned
        if returned != redemption.returned_minor:
            changes.spend(coupon_id=redemption.coupon_id, amount_minor=redemption.returned_minor - returned)
            redemption.returned_minor = returned
            changed.append(redemption)
    if changed:
        Redemption.objects.bulk_update(changed, ["returned_minor"])
    return total


def take_again(order: CouponOrder, *, at: datetime) -> None:
    """Take the places of an order again that were given back, as they were. Raises: JustTaken."""
    last = Redemption.objects.filter(order=order, used_at=order.reserved_at).order_by("id")
    limits = dict(last.values_list("coupon_id", "coupon__limit_per_customer"))
    firsts = set(last.filter(version__first_order_only=True).values_list("coupon_id", flat=True))
    changes = Changes()
    again = []
    for redemption in last:
        again.append(
            Redemption(
                order=order,
                coupon_id=redemption.coupon_id,
                version_id=redemption.version_id,
                code_id=redemption.code_id,
                customer_id=redemption.customer_id,
                state=UseState.RESERVED.value,
                amount_minor=redemption.amount_minor,
                by_line=redemption.by_line,
                used_at=at,
            )
        )
        changes.take(
            coupon_id=redemption.coupon_id,
            amount_minor=redemption.amount_minor,
            code_id=redemption.code_id,
            customer_id=redemption.customer_id,
            most=1 if redemption.coupon_id in firsts else limits[redemption.coupon_id],
        )
    Redemption.objects.bulk_create(again)
    order.state, order.reserved_at = UseState.RESERVED.value, at
    order.save(update_fields=["state", "reserved_at"])
    change_counters(changes)


# -- reserving step by step ----------------------------------------------------------------------------------


def _reserve(
    order: CouponOrder, asked: Asked, evaluation: Evaluation, expected_minor: int | None
) -> Reserved:
    standing = find_order(channel=order.channel, reference=order.reference)
    is_held = standing is not None and standing.state in STANDING_USES
    if standing is not None and is_held and not _has_timed_out(standing, order.reserved_at):
        return _replay(standing, order)
    _check(evaluation, expected_minor)
    if not evaluation.applied:
        return Reserved(order_id=None, discount_minor=0)
    if standing is None and not _insert(order):
        # The same order was stored meanwhile, and this has waited for it: now it stands there.
        return _reserve(order, asked, evaluation, expected_minor)
    changes = Changes()
    stale = asked.stale.keys() & {one.coupon_id for one in evaluation.applied}
    write_off = lock_stale_orders(at=order.reserved_at, coupon_ids=stale) if stale else []
    if standing is not None:
        if is_held:
            write_off.append(standing)
        order.id = standing.id
    void_orders(list({one.id: one for one in write_off}.values()), at=order.reserved_at, changes=changes)
    if standing is not None:
        order.save(force_update=True)
    _take(order, asked, evaluation, changes)
    return _told(order.id, evaluation)


def _take(order: CouponOrder, asked: Asked, evaluation: Evaluation, changes: Changes) -> None:
    """Store the redemptions, then change the counters, all of them by the net of what goes and comes."""
    most = _most_each(asked)
    Redemption.objects.bulk_create(
        Redemption(
            order=order,
            coupon_id=one.coupon_id,
            version_id=one.version_id,
            code_id=one.code_id,
            customer_id=order.customer_id,
            state=order.state,
            amount_minor=one.amount_minor,
            by_line=one.by_line,
            used_at=order.reserved_at,
        )
        for one in evaluation.applied
    )
    for one in evaluation.applied:
        changes.take(
            coupon_id=one.coupon_id,
            amount_minor=one.amount_minor,
            code_id=one.code_id,
            customer_id=order.customer_id,
            most=most[one.coupon_id],
        )
    change_counters(changes)


def _insert(order: CouponOrder) -> bool:
    """Store a new order; False where somebody else has stored it meanwhile."""
    row = [getattr(order, name) for name in ORDER_ATTRIBUTES]
    inserted = insert_rows(
        CouponOrder, ORDER_FIELDS, [row], conflict="ON CONFLICT DO NOTHING", returning=["id"]
    )
    if not inserted:
        return False
    order.id = inserted[0][0]
    return True


# -- what is checked and said --------------------------------------------------------------------------------


def _fits(evaluation: Evaluation, expected_minor: int | None) -> bool:
    return (
        bool(evaluation.applied)
        and not _refused(evaluation)
        and expected_minor in (None, evaluation.discount_minor)
    )


def _check(evaluation: Evaluation, expected_minor: int | None) -> None:
    if refused := _refused(evaluation):
        raise CodesRefused(answers=refused)
    if expected_minor not in (None, evaluation.discount_minor):
        raise DiscountChanged(expected_minor=expected_minor or 0, evaluation=evaluation)


def _refused(evaluation: Evaluation) -> list[Answer]:
    refusals = (Verdict.REFUSED, Verdict.NO_SUCH_CODE)
    return [answer for answer in evaluation.answers if answer.verdict in refusals]


def _most_each(asked: Asked) -> dict[int, int | None]:
    return {ask.offer.coupon_id: ask.offer.limit_each for ask in asked.asks}


def _has_timed_out(order: CouponOrder, at: datetime) -> bool:
    return order.state == UseState.RESERVED and order.expires_at is not None and order.expires_at <= at


def _get_order(channel: str, reference: str) -> CouponOrder:
    order = find_order(channel=channel, reference=reference)
    if order is None:
        raise OrderUnknown(channel=channel, reference=reference)
    return order


def _replay(standing: CouponOrder, order: CouponOrder) -> Reserved:
    if standing.fingerprint != order.fingerprint:
        raise OrderDiffers(channel=order.channel, reference=order.reference)
    return _standing(standing, is_replay=True)


def _standing(order: CouponOrder, *, is_replay: bool = False) -> Reserved:
    by_line: dict[str, int] = {}
    coupons: dict[int, int] = {}
    for redemption in standing_redemptions([order]):
        coupons[redemption.coupon_id] = redemption.amount_minor
        for key, amount in redemption.by_line.items():
            by_line[key] = by_line.get(key, 0) + amount
    return Reserved(
        order_id=order.id,
        discount_minor=sum(coupons.values()),
        by_line=by_line,
        coupons=coupons,
        is_replay=is_replay,
    )


def _told(order_id: int, evaluation: Evaluation) -> Reserved:
    return Reserved(
        order_id=order_id,
        discount_minor=evaluation.discount_minor,
        by_line=evaluation.by_line,
        coupons={one.coupon_id: one.amount_minor for one in evaluation.applied},
    )
