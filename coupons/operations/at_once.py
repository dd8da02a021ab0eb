"""A reservation in one call of the database, on PostgreSQL alone.

`operations.redemption` says step by step what reserving is. This function repeats its plain case, an order
that is not known yet and whose coupons have nothing to write off: a checkout waits for one round trip instead
of five, and the row of a popular coupon is held for the shorter time.

    1. Store the order. Give up where its number is known: nothing is written then.
    2. Store the redemptions, which nobody waits for.
    3. Take the places: codes and their batches, uses of the customer, coupons, each by ascending id, by
       guarded updates.

A guard that fails says which one; what was written until then goes with the caller's transaction.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from backstage.ddl import Function
from backstage.plain_sql import execute, is_postgresql
from coupons.models import Code, CodeBatch, Coupon, CouponOrder, CouponUse, Redemption
from coupons.operations.counters import NO_LIMIT, JustTaken
from coupons.policies.evaluation import Applied
from coupons.policies.states import CodeState, CouponState

_CODE, _BATCH, _COUPON, _ORDER, _USE, _REDEMPTION = (
    model._meta.db_table for model in (Code, CodeBatch, Coupon, CouponOrder, CouponUse, Redemption)
)

FUNCTION = Function(
    name="encore_coupons_reserve",
    arguments=(
        "p_channel text, p_reference text, p_customer bigint, p_currency text, p_state text,"
        " p_fingerprint text, p_discount bigint, p_at timestamp with time zone,"
        " p_expires_at timestamp with time zone, p_coupons bigint[], p_versions bigint[], p_codes bigint[],"
        " p_amounts bigint[], p_most bigint[], p_by_line jsonb[], OUT order_id bigint, OUT taken text"
    ),
    settings=("plan_cache_mode=force_generic_plan",),
    body=f"""
DECLARE
    v_code bigint;
    v_batch bigint;
    v_batches bigint[];
BEGIN
    INSERT INTO {_ORDER} (channel, reference, customer_id, currency, state, fingerprint, discount_minor,
        applied_revision, reserved_at, expires_at)
    VALUES (p_channel, p_reference, p_customer, p_currency, p_state, p_fingerprint, p_discount, 0, p_at,
        p_expires_at)
    ON CONFLICT DO NOTHING RETURNING id INTO order_id;
    IF order_id IS NULL THEN
        RETURN;
    END IF;

    INSERT INTO {_REDEMPTION} (order_id, coupon_id, version_id, code_id, customer_id, state, amount_minor,
        by_line, returned_minor, used_at)
    SELECT encore_coupons_reserve.order_id, coupon_id, version_id, code_id, p_customer, p_state, amount,
        by_line, 0, p_at
    FROM unnest(p_coupons, p_versions, p_codes, p_amounts, p_by_line)
        AS told(coupon_id, version_id, code_id, amount, by_line);

    -- Ascending, which is not always the order of their coupons.
    FOR v_code IN
        SELECT code_id FROM unnest(p_codes) AS told(code_id) WHERE code_id IS NOT NULL ORDER BY 1
    LOOP
        UPDATE {_CODE} SET used_count = used_count + 1 WHERE id = v_code
            AND state = '{CodeState.READY.value}' AND (limit_total IS NULL OR used_count < limit_total)
        RETURNING batch_id INTO v_batch;
        IF NOT FOUND THEN
            taken := 'code';
            RETURN;
        END IF;
        IF v_batch IS NOT NULL THEN
            v_batches := v_batches || v_batch;
        END IF;
    END LOOP;

    IF v_batches IS NOT NULL THEN
        FOR v_batch IN SELECT batch_id FROM unnest(v_batches) AS told(batch_id) ORDER BY 1 LOOP
            UPDATE {_BATCH} SET used_count = used_count + 1
            WHERE id = v_batch AND state = '{CodeState.READY.value}';
            IF NOT FOUND THEN
                taken := 'code';
                RETURN;
            END IF;
        END LOOP;
    END IF;

    IF p_customer IS NOT NULL THEN
        FOR n IN 1 .. cardinality(p_coupons) LOOP
            INSERT INTO {_USE} AS use (coupon_id, customer_id, used_count)
            VALUES (p_coupons[n], p_customer, 1)
            ON CONFLICT (coupon_id, customer_id) DO UPDATE SET used_count = use.used_count + 1
                WHERE use.used_count < p_most[n];
            IF NOT FOUND THEN
                taken := 'customer';
                RETURN;
            END IF;
        END LOOP;
    END IF;

    FOR n IN 1 .. cardinality(p_coupons) LOOP
        UPDATE {_COUPON} SET used_count = used_count + 1, spent_minor = spent_minor + p_amounts[n]
        WHERE id = p_coupons[n] AND state = '{CouponState.ON.value}'
            AND (limit_total IS NULL OR used_count < limit_total)
            AND (budget_minor IS NULL OR spent_minor + p_amounts[n] <= budget_minor);
        IF NOT FOUND THEN
            taken := 'coupon';
            RETURN;
        END IF;
    END LOOP;
END
""",
)
_CALL = f"SELECT order_id, taken FROM {FUNCTION.name}({', '.join(['%s'] * 14)}, %s::jsonb[])"


def reserve_at_once(
    order: CouponOrder, *, applied: Sequence[Applied], most: Mapping[int, int | None]
) -> int | None:
    """Store an order with what it reserves; None where its number is known, or this is not PostgreSQL.

    `most` is how often one customer may have each coupon. Locks: codes, batches, uses, coupons. Queries: 1.
    Raises: JustTaken; the caller's transaction must then be rolled back.
    """
    if not is_postgresql():
        return None
    values: list[Any] = [
        order.channel,
        order.reference,
        order.customer_id,
        order.currency,
        order.state,
        order.fingerprint,
        order.discount_minor,
        order.reserved_at,
        order.expires_at,
        [one.coupon_id for one in applied],
        [one.version_id for one in applied],
        [one.code_id for one in applied],
        [one.amount_minor for one in applied],
        [NO_LIMIT if most[one.coupon_id] is None else most[one.coupon_id] for one in applied],
        [json.dumps(one.by_line) for one in applied],
    ]
    order_id, taken = execute(_CALL, values).fetchone()
    if taken is not None:
        raise JustTaken(what=taken)
    return None if order_id is None else int(order_id)
