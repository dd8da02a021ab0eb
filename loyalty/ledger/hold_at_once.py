"""A hold in one call of the database, on PostgreSQL alone.

`PlaceHold` on a `MemberBook` is the rule. This function repeats the plain case of it, in which nothing is due
and the first lots in allocation order have enough: a checkout waits for one round trip instead of nine.

    1. Lock the account, as every posting does.
    2. Look for the key, and answer with the entry that stands.
    3. Give up where the book has more to say than the plain case: the member is merged, time has decided
       something, points end by inactivity or were reprieved, or the first lots are too few.
    4. Store the entry, its movements in allocation order, the lots, the account and the hold.

Giving up writes nothing, keeps the lock, and leaves the decision to the book, refusals included.
Measured against the book: see `docs/performance.md`.
"""

from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from backstage.ddl import Function
from backstage.policies import By
from backstage.transactions import require_read_committed, require_transaction
from loyalty.ledger.posting import Posted
from loyalty.ledger.statements import ACCOUNT, ENTRY, HOLD, LOT, MOVEMENT
from loyalty.models import LotTerms, Member
from loyalty.policies.errors import KeyReused
from loyalty.policies.requests import PLAIN_HOLD, PlaceHold
from loyalty.policies.states import EntryKind, State
from loyalty.policies.terms import ExpiryKind
from loyalty.queries.books import FIRST_LOTS

MOST_POINTS = 2**63 - 1  # that a column can hold

FUNCTION = Function(
    name="encore_loyalty_hold",
    arguments=(
        "p_member bigint, p_points bigint, p_key text, p_fingerprint text, p_reference text,"
        " p_expires_at timestamp with time zone, p_at timestamp with time zone, p_by_kind text, p_by_id text,"
        " p_recorded_at timestamp with time zone, OUT entry_id bigint, OUT standing text"
    ),
    # The values hardly matter to a plan, and planning would take longer than the work. Lots come in the order
    # of their index, also where a sort looks cheaper: of ten thousand, three are read.
    settings=("plan_cache_mode=force_generic_plan", "enable_sort=off"),
    body=f"""
DECLARE
    v_held bigint;
    v_lot record;
    v_left bigint := p_points;
    v_lots bigint[] := '{{}}';
    v_parts bigint[] := '{{}}';
    v_changed bigint;
BEGIN
    SELECT held INTO v_held FROM {ACCOUNT} WHERE member_id = p_member FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    -- A statement of its own: only what begins after the lock was given sees what the one before has written.
    SELECT id, fingerprint INTO entry_id, standing FROM {ENTRY} WHERE member_id = p_member AND key = p_key;
    IF FOUND THEN
        RETURN;
    END IF;

    -- Nobody asks about debt: who owes points has none available, says a constraint.
    IF EXISTS (
        SELECT FROM {Member._meta.db_table} AS member WHERE id = p_member AND (
            merged_into_id IS NOT NULL OR EXISTS (
                SELECT FROM {LotTerms._meta.db_table} AS terms
                WHERE terms.programme_id = member.programme_id
                    AND expiry_kind = '{ExpiryKind.INACTIVITY.value}'))
    ) OR EXISTS (
        SELECT FROM {LOT} WHERE member_id = p_member AND pending > 0 AND releases_at <= p_at
    ) OR EXISTS (
        SELECT FROM {LOT} WHERE member_id = p_member AND pending > 0 AND releases_at IS NULL
            AND stands_in_at <= p_at
    ) OR v_held > 0 AND EXISTS (
        SELECT FROM {HOLD} WHERE member_id = p_member AND state = 'open' AND expires_at <= p_at
    ) THEN
        RETURN;
    END IF;

    FOR v_lot IN
        SELECT id, available, expires_at, reprieved_until FROM {LOT}
        WHERE member_id = p_member AND available > 0
        ORDER BY expires_at NULLS LAST, earned_at, id LIMIT {FIRST_LOTS}
    LOOP
        -- The first lot ends first, and a reprieve only moves a lot on: what comes later does not matter.
        IF v_lot.expires_at <= p_at OR v_lot.reprieved_until IS NOT NULL THEN
            RETURN;
        END IF;
        v_lots := v_lots || v_lot.id;
        v_parts := v_parts || least(v_left, v_lot.available);
        v_left := v_left - least(v_left, v_lot.available);
        EXIT WHEN v_left = 0;
    END LOOP;
    IF v_left > 0 THEN
        RETURN;
    END IF;

    INSERT INTO {ENTRY} (member_id, kind, key, fingerprint, source_kind, by_kind, by_id, reason, explanation,
        occurred_at, recorded_at)
    VALUES (p_member, {EntryKind.HOLD.value}, p_key, p_fingerprint, '', p_by_kind, p_by_id, 'hold', '{{}}',
        p_at, p_recorded_at)
    RETURNING id INTO entry_id;
    INSERT INTO {MOVEMENT} (member_id, entry_id, lot_id, from_state, to_state, points, effective_at)
    SELECT p_member, encore_loyalty_hold.entry_id, lot_id, {State.AVAILABLE.value}, {State.HELD.value},
        points, p_at
    FROM unnest(v_lots, v_parts) AS part(lot_id, points);
    UPDATE {LOT} AS lot SET available = available - points, held = held + points
    FROM unnest(v_lots, v_parts) AS part(lot_id, points) WHERE lot.id = lot_id;
    GET DIAGNOSTICS v_changed = ROW_COUNT;
    IF v_changed <> cardinality(v_lots) THEN
        RAISE EXCEPTION '% lots changed where % had to; nothing was written', v_changed, cardinality(v_lots);
    END IF;
    UPDATE {ACCOUNT} SET available = available - p_points, held = held + p_points,
        active_at = greatest(active_at, p_at) WHERE member_id = p_member;
    INSERT INTO {HOLD} (member_id, entry_id, points, reference, state, expires_at)
    VALUES (p_member, encore_loyalty_hold.entry_id, p_points, p_reference, 'open', p_expires_at);
END
""",
)
_CALL = f"SELECT entry_id, standing FROM {FUNCTION.name}({', '.join(['%s'] * 10)})"


def fits(request: PlaceHold) -> bool:
    """Tell whether the database can be asked for this at all: it stores no channel, reason or explanation."""
    is_plain = request.channel_id is None and request.reason == PLAIN_HOLD and not request.explanation
    return is_plain and connection.vendor == "postgresql" and 0 < request.points <= MOST_POINTS


def place(request: PlaceHold, *, at: datetime, by: By) -> Posted | None:
    """Reserve points where the case is plain, available → held; None where the book has to decide.

    Replay: a known key answers with its entry and changes nothing. Locks: the account, kept also when None is
    given. Queries: 1. Raises: KeyReused; nothing is written then.
    """
    require_transaction()
    require_read_committed(connection)
    fingerprint = request.fingerprint
    values: list[Any] = [
        request.member_id,
        request.points,
        request.key,
        fingerprint,
        request.reference,
        request.expires_at,
        at,
        by.kind,
        by.id,
        timezone.now(),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_CALL, values)
        entry_id, standing = cursor.fetchone()
    if standing not in (None, fingerprint):
        raise KeyReused(key=request.key, member_id=request.member_id)
    return None if entry_id is None else Posted(entry_id, is_replay=standing is not None)
