"""A reservation in one call of the database, on PostgreSQL alone.

`operations.redemption` says step by step what reserving is. This function repeats its plain case, an order
that is not known yet and whose coupons have nothing to write off: a checkout waits for one round trip instead
of five, and the row of a popular coupon is held for the shorter time.

    1. Store the order. Give up where its number is known: nothing is written then.
    2. Lock the counters and ask whether each has a place: codes and their batches, uses of the customer,
       coupons, each kind by ascending id. Where one has none, take the order back and say which.
    3. Store the redemptions and count them.

So a refusal leaves nothing behind, and the caller's transaction needs no savepoint around it. With one, every
order that waits for a popular coupon waits for two numbers of the one before it instead of one, and half as
many get through.
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
    # A popular coupon leaves dead rows faster than they are cleared away: one row is found by its key,
    # whatever a plan made of a small table looks like.
    settings=("plan_cache_mode=force_generic_plan", "enable_seqscan=off"),
    body=f"""
DECLARE
    v_found bigint;
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

    -- Whoever has waited for a row is shown it as it is now, so a guard sees what was taken meanwhile.
    SELECT count(*), array_agg(batch_id ORDER BY batch_id) FILTER (WHERE batch_id IS NOT NULL)
    INTO v_found, v_batches FROM (
        SELECT batch_id FROM {_CODE} WHERE id = ANY(p_codes) AND state = '{CodeState.READY.value}'
            AND (limit_total IS NULL OR used_count < limit_total)
        ORDER BY id FOR NO KEY UPDATE
    ) AS code;
    IF v_found < cardinality(array_remove(p_codes, NULL)) THEN
        taken := 'code';
    END IF;

    IF taken IS NULL AND v_batches IS NOT NULL THEN
        PERFORM FROM {_BATCH} WHERE id = ANY(v_batches) ORDER BY id FOR NO KEY UPDATE;
        IF EXISTS (SELECT FROM {_BATCH} WHERE id = ANY(v_batches) AND state <> '{CodeState.READY.value}') THEN
            taken := 'code';
        END IF;
    END IF;

    IF taken IS NULL AND p_customer IS NOT NULL THEN
        INSERT INTO {_USE} (coupon_id, customer_id, used_count)
        SELECT coupon_id, p_customer, 0 FROM unnest(p_coupons) AS told(coupon_id) ORDER BY 1
        ON CONFLICT (coupon_id, customer_id) DO NOTHING;
        SELECT count(*) INTO v_found FROM (
            SELECT FROM {_USE} AS use
                JOIN unnest(p_coupons, p_most) AS told(coupon_id, most) USING (coupon_id)
            WHERE use.customer_id = p_customer AND use.used_count < told.most
            ORDER BY use.id FOR NO KEY UPDATE OF use
        ) AS use;
        IF v_found < cardinality(p_coupons) THEN
            taken := 'customer';
        END IF;
    END IF;

    IF taken IS NULL THEN
        SELECT count(*) INTO v_found FROM (
            SELECT FROM {_COUPON} AS coupon
                JOIN unnest(p_coupons, p_amounts) AS told(id, amount) USING (id)
            WHERE coupon.state = '{CouponState.ON.value}'
                AND (coupon.limit_total IS NULL OR coupon.used_count < coupon.limit_total)
                AND (coupon.budget_minor IS NULL OR coupon.spent_minor + told.amount <= coupon.budget_minor)
            ORDER BY coupon.id FOR NO KEY UPDATE OF coupon
        ) AS coupon;
        IF v_found < cardinality(p_coupons) THEN
            taken := 'coupon';
        END IF;
    END IF;

    IF taken IS NOT NULL THEN
        DELETE FROM {_ORDER} WHERE id = order_id;
        RETURN;
    END IF;

    INSERT INTO {_REDEMPTION} (order_id, coupon_id, version_id, code_id, customer_id, state, amount_minor,
        by_line, returned_minor, used_at)
    SELECT encore_coupons_reserve.order_id, coupon_id, version_id, code_id, p_customer, p_state, amount,
        by_line, 0, p_at
    FROM unnest(p_coupons, p_versions, p_codes, p_amounts, p_by_line)
        AS told(coupon_id, version_id, code_id, amount, by_line);
    UPDATE {_CODE} SET used_count = used_count + 1 WHERE id = ANY(p_codes);
    UPDATE {_BATCH} AS batch SET used_count = batch.used_count + told.uses
    FROM (SELECT batch_id, count(*) AS uses FROM unnest(v_batches) AS told(batch_id) GROUP BY 1) AS told
    WHERE batch.id = told.batch_id;
    UPDATE {_USE} SET used_count = used_count + 1
    WHERE customer_id = p_customer AND coupon_id = ANY(p_coupons);
    UPDATE {_COUPON} AS coupon SET used_count = used_count + 1, spent_minor = spent_minor + told.amount
    FROM unnest(p_coupons, p_amounts) AS told(id, amount) WHERE coupon.id = told.id;
END
""",
)
_CALL = f"SELECT order_id, taken FROM {FUNCTION.name}({', '.join(['%s'] * 14)}, %s::jsonb[])"


def reserve_at_once(
    order: CouponOrder, *, applied: Sequence[Applied], most: Mapping[int, int | None]
) -> int | None:
    """Store an order with what it reserves; None where its number is known, or this is not PostgreSQL.

    `most` is how often one customer may have each coupon. Locks: codes, batches, uses, coupons. Queries: 1.
    Raises: JustTaken, with nothing written.
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
