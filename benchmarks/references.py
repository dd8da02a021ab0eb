"""What the database does alone: the same rows as the product writes, by the shortest SQL there is.

The facts are literals here, so a reference pays for storing a posting and not for finding out what it is.
"""

FACTS = '{"1": {"rate": "1", "rule": 1, "terms": {"0": 1}}}'
LINES = '{"1": [17, 17, 1], "2": [17, 17, 1]}'
EXPLANATION = (
    '{"rate": "1", "rule": 1, "lines": {"1": 34}, "points": 34, "currency": "EUR", "counted_minor": 340,'
    ' "paid_otherwise_minor": 0}'
)
FINGERPRINT = "0123456789abcdef0123456789abcdef"


def award(purchases: str, *, account: str = "") -> str:
    """Award all purchases of a condition in one data-modifying statement."""
    nets = account or (
        "(SELECT member_id, COUNT(*) * 34 AS points, MAX(occurred_at) AS occurred_at"
        " FROM entry GROUP BY member_id)"
    )
    return f"""
WITH purchase AS (
    SELECT id, customer_id, placed_at FROM encore_commerce_purchase WHERE {purchases}
), entry AS (
    INSERT INTO encore_loyalty_entry (member_id, kind, key, fingerprint, source_kind, source_id, channel_id,
        by_kind, by_id, reason, explanation, qualifying_change, qualifying_at, occurred_at, recorded_at)
    SELECT customer_id, 1, 'purchase:' || id || ':1', '{FINGERPRINT}', 'purchase', id, 1, 'system', '',
        'purchase', '{EXPLANATION}', 34, placed_at, now(), now() FROM purchase
    RETURNING id, member_id, source_id, qualifying_at, occurred_at
), lot AS (
    INSERT INTO encore_loyalty_lot (member_id, entry_id, number, terms_id, source_kind, source_id, issued,
        pending, earned_at, dated_at, releases_at, expires_at, waits_for)
    SELECT member_id, id, 0, 1, 'purchase', source_id, 34, 34, qualifying_at, occurred_at,
        date_trunc('day', occurred_at) + interval '14 days',
        date_trunc('day', occurred_at) + interval '380 days', '' FROM entry
    RETURNING id, entry_id, member_id, dated_at
), movement AS (
    INSERT INTO encore_loyalty_movement
        (member_id, entry_id, lot_id, from_state, to_state, points, effective_at)
    SELECT member_id, entry_id, id, 0, 1, 34, dated_at FROM lot
), award AS (
    INSERT INTO encore_loyalty_award (programme_id, purchase_id, member_id, facts, lines, earned_points,
        standing_points, applied_revision, posts, waits_for, reason)
    SELECT 1, source_id, member_id, '{FACTS}', '{LINES}', 34, 34, 1, 1, '[]', '' FROM entry
)
UPDATE encore_loyalty_pointsaccount AS account
SET pending = account.pending + net.points, active_at = net.occurred_at
FROM {nets} AS net WHERE account.member_id = net.member_id;
"""


AWARD_ONE = award(
    "id = (SELECT nextval('bench_purchase'))",
    account="(SELECT member_id, 34 AS points, occurred_at FROM entry)",
)

# Locks by the conditional update, takes lots first to last by a window, and writes what a hold consists of.
HOLD_FUNCTION = """
CREATE OR REPLACE FUNCTION bench_hold(p_member bigint, p_points bigint, p_key text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_entry bigint; v_moved bigint;
BEGIN
    UPDATE encore_loyalty_pointsaccount SET available = available - p_points, held = held + p_points,
        active_at = now() WHERE member_id = p_member AND available >= p_points;
    IF NOT FOUND THEN RAISE EXCEPTION 'member % has no % points', p_member, p_points; END IF;
    INSERT INTO encore_loyalty_entry (member_id, kind, key, fingerprint, source_kind, by_kind, by_id, reason,
        explanation, occurred_at, recorded_at)
    VALUES (p_member, 3, p_key, '0123456789abcdef0123456789abcdef', '', 'shop', '', 'hold', '{}',
        now(), now())
    RETURNING id INTO v_entry;
    WITH open AS (
        SELECT id, available, sum(available) OVER (ORDER BY expires_at, earned_at, id) - available AS before
        FROM (SELECT id, available, expires_at, earned_at FROM encore_loyalty_lot
              WHERE member_id = p_member AND available > 0
              ORDER BY expires_at, earned_at, id LIMIT 64) AS slice
    ), taken AS (
        SELECT id, LEAST(available, p_points - before) AS points FROM open WHERE before < p_points
    ), changed AS (
        UPDATE encore_loyalty_lot AS lot
        SET available = lot.available - taken.points, held = lot.held + taken.points
        FROM taken WHERE lot.id = taken.id RETURNING lot.id, taken.points
    ), moved AS (
        INSERT INTO encore_loyalty_movement
            (member_id, entry_id, lot_id, from_state, to_state, points, effective_at)
        SELECT p_member, v_entry, id, 2, 3, points, now() FROM changed RETURNING points
    )
    SELECT sum(points) INTO v_moved FROM moved;
    IF v_moved <> p_points THEN RAISE EXCEPTION 'moved % of % points', v_moved, p_points; END IF;
    INSERT INTO encore_loyalty_hold (member_id, entry_id, points, reference, state, expires_at)
    VALUES (p_member, v_entry, p_points, 'basket', 'open', now() + interval '1 hour');
    RETURN v_entry;
END $$;
"""
HOLD_IN_TURN = (
    "SELECT bench_hold(1 + number % :members, 100, 'bench:' || number) FROM nextval('bench_key') AS number;"
)
HOLD_OF_ONE = "SELECT bench_hold(:member, 100, 'bench:' || number) FROM nextval('bench_key') AS number;"


# What everybody bought within a year, in the shortest way there is: no returns, no other tenders, no merges,
# no other currencies, and nobody is told what it means for a level.
LEVELS = """
SELECT COUNT(*), SUM(amount) FROM (
    SELECT award.member_id, SUM(line.sold_minor) AS amount
    FROM encore_loyalty_award AS award
    JOIN encore_commerce_purchase AS purchase ON purchase.id = award.purchase_id
    JOIN encore_commerce_purchaseline AS line ON line.purchase_id = purchase.id
    WHERE purchase.placed_at >= %s AND purchase.status <> 'cancelled'
    GROUP BY award.member_id
) AS total
"""


def due(*, kind: int, key: str, from_state: int, to_state: int, counter: str, target: str, date: str) -> str:
    """Move all due points of one kind for everyone in one statement; its parameter is the moment, twice."""
    return f"""
WITH due AS (
    SELECT id, member_id, {counter} AS points, {date} AS due_at FROM encore_loyalty_lot
    WHERE {counter} > 0 AND {date} <= %s
), entry AS (
    INSERT INTO encore_loyalty_entry (member_id, kind, key, source_kind, source_id, by_kind, by_id, reason,
        occurred_at, recorded_at, batch)
    SELECT member_id, {kind}, {key}, 'lot', id, 'system', '', 'time', due_at, %s, 1 FROM due
    RETURNING id, source_id
), movement AS (
    INSERT INTO encore_loyalty_movement
        (member_id, entry_id, lot_id, from_state, to_state, points, effective_at)
    SELECT due.member_id, entry.id, due.id, {from_state}, {to_state}, due.points, due.due_at
    FROM entry JOIN due ON due.id = entry.source_id
), lot AS (
    UPDATE encore_loyalty_lot AS lot
    SET {counter} = lot.{counter} - due.points, {target} = lot.{target} + due.points
    FROM due WHERE lot.id = due.id
)
UPDATE encore_loyalty_pointsaccount AS account
SET {counter} = account.{counter} - net.points, {target} = account.{target} + net.points
FROM (SELECT member_id, SUM(points) AS points FROM due GROUP BY member_id) AS net
WHERE account.member_id = net.member_id
"""


RELEASE = due(
    kind=2,
    key="'release:' || id",
    from_state=1,
    to_state=2,
    counter="pending",
    target="available",
    date="releases_at",
)
EXPIRE = due(
    kind=6,
    key="'expire:' || id || ':0'",
    from_state=2,
    to_state=5,
    counter="available",
    target="expired",
    date="expires_at",
)

# Stores the order and the redemption of one coupon, and counts it in the code's and the coupon's row.
RESERVE = f"""
WITH placed AS (
    INSERT INTO encore_coupons_couponorder (channel, reference, currency, state, fingerprint, discount_minor,
        applied_revision, reserved_at)
    VALUES ('web', 'B' || nextval('bench_key'), 'EUR', 'reserved', '{FINGERPRINT}', 100, 0, now())
    RETURNING id
), used AS (
    INSERT INTO encore_coupons_redemption (order_id, coupon_id, version_id, code_id, state, amount_minor,
        by_line, returned_minor, used_at)
    SELECT id, :coupon, :version, :code, 'reserved', 100, '{{"1": 100}}', 0, now() FROM placed
), counted AS (
    UPDATE encore_coupons_code SET used_count = used_count + 1
    WHERE id = :code AND (limit_total IS NULL OR used_count < limit_total)
)
UPDATE encore_coupons_coupon SET used_count = used_count + 1, spent_minor = spent_minor + 100
WHERE id = :coupon AND (limit_total IS NULL OR used_count < limit_total);
"""
