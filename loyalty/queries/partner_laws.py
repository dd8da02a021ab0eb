"""The laws of partners: each entry settled once and as the ledger has it, sums that add up, no channel twice.

They count what happened to points in SQL of their own: what the closing selects from could be wrong as well.
"""

from datetime import timedelta

from backstage.queries import Law
from loyalty.models import (
    Entry,
    Member,
    Movement,
    PartnerChannel,
    PartnerPrice,
    PartnerStatement,
    StatementEntry,
    StatementLine,
)
from loyalty.policies.partners import PRICED_POINTS
from loyalty.policies.states import EntryKind, State

_CLAIM, _PRICE, _STATEMENT, _LINE, _SETTLED, _ENTRY, _MOVEMENT, _MEMBER = (
    model._meta.db_table
    for model in (
        PartnerChannel,
        PartnerPrice,
        PartnerStatement,
        StatementLine,
        StatementEntry,
        Entry,
        Movement,
        Member,
    )
)


def _of(deed: str, column: str) -> str:
    return f"COALESCE(SUM(CASE WHEN l.deed = '{deed}' THEN l.{column} END), 0)"


_DEEDS = ("issued", "taken_back", "redeemed", "given_back")
_DIFFERS = " OR ".join(
    f"s.{deed}_points <> {_of(deed, 'points')} OR s.{deed}_minor <> {_of(deed, 'amount_minor')}"
    for deed in _DEEDS
)
# From the movements of the entry, by what its kind is about; a debt is points taken back all the same.
_MOVED = (
    f"COALESCE(SUM(CASE WHEN e.kind = {EntryKind.ACCRUE.value} AND m.from_state = {State.ISSUANCE.value}"
    f" OR e.kind = {EntryKind.REVOKE.value} AND m.to_state = {State.REVOKED.value}"
    f" OR e.kind = {EntryKind.CAPTURE.value} AND m.to_state = {State.REDEEMED.value}"
    f" OR e.kind = {EntryKind.REINSTATE.value} AND m.from_state = {State.REDEEMED.value}"
    " THEN m.points END), 0)"
    f" + COALESCE(MAX(CASE WHEN e.kind = {EntryKind.REVOKE.value} AND e.debt_change > 0"
    " THEN e.debt_change END), 0)"
)
_RIGHT_DEED = (
    f"(e.kind = {EntryKind.ACCRUE.value} AND s.deed = 'issued'"
    f" OR e.kind = {EntryKind.REVOKE.value} AND s.deed = 'taken_back'"
    f" OR e.kind = {EntryKind.CAPTURE.value} AND s.deed = 'redeemed'"
    f" OR e.kind = {EntryKind.REINSTATE.value} AND s.deed = 'given_back')"
)


def _covers(period: str, moment: str) -> str:
    return f"{moment} >= {period}.starts_at AND ({period}.ends_at IS NULL OR {moment} < {period}.ends_at)"


LAWS = (
    Law(
        "statement_sums",
        "Is every statement of a partner the sum of its lines?",
        f"SELECT s.id, s.balance_minor FROM {_STATEMENT} s LEFT JOIN {_LINE} l ON l.statement_id = s.id"
        f" GROUP BY s.id HAVING {_DIFFERS} OR s.entries <> COALESCE(SUM(l.entries), 0)",
        "statement %(id)s says %(balance_minor)s; its lines say something else",
    ),
    Law(
        "statement_lines",
        "Is every line of a statement the sum of the entries that it settled?",
        f"SELECT l.id, l.points, COALESCE(SUM(s.points), 0) AS settled FROM {_LINE} l"
        f" LEFT JOIN {_SETTLED} s ON s.statement_id = l.statement_id AND s.channel_id = l.channel_id"
        " AND s.price_id = l.price_id AND s.deed = l.deed AND s.is_late = l.is_late"
        " GROUP BY l.id HAVING COALESCE(SUM(s.points), 0) <> l.points OR COUNT(s.id) <> l.entries",
        "line %(id)s has %(points)s points; its entries have %(settled)s",
    ),
    Law(
        "statement_amounts",
        "Does every line come to its points at the price that was agreed, rounded once?",
        f"SELECT l.id, l.points, l.price_minor, l.amount_minor FROM {_LINE} l"
        f" JOIN {_PRICE} p ON p.id = l.price_id"
        " WHERE l.price_minor <> CASE WHEN l.deed IN ('issued', 'taken_back') THEN p.issued_minor"
        " ELSE p.redeemed_minor END"
        f" OR l.amount_minor <> (2 * l.points * l.price_minor + {PRICED_POINTS}) / {2 * PRICED_POINTS}",
        "line %(id)s: %(points)s points at %(price_minor)s for 1,000 are not %(amount_minor)s",
    ),
    Law(
        "statement_entry_points",
        "Has every settled entry the points that the ledger moved?",
        f"SELECT s.entry_id AS id, s.points, {_MOVED} AS moved FROM {_SETTLED} s"
        f" LEFT JOIN {_ENTRY} e ON e.id = s.entry_id AND {_RIGHT_DEED}"
        f" LEFT JOIN {_MOVEMENT} m ON m.member_id = e.member_id AND m.entry_id = e.id"
        f" GROUP BY s.id, s.entry_id, s.points HAVING s.points <> {_MOVED}",
        "entry %(id)s was settled with %(points)s points; the ledger moved %(moved)s",
    ),
    Law(
        "statement_entry_place",
        "Was every settled entry made in a channel of that partner, on a day of that price?",
        f"SELECT s.entry_id AS id, s.statement_id FROM {_SETTLED} s"
        f" LEFT JOIN {_STATEMENT} t ON t.id = s.statement_id"
        f" LEFT JOIN {_ENTRY} e ON e.id = s.entry_id WHERE NOT EXISTS (SELECT 1 FROM {_CLAIM} c"
        f" JOIN {_PRICE} p ON p.partner_id = c.partner_id WHERE c.partner_id = t.partner_id"
        f" AND c.channel_id = e.channel_id AND s.channel_id = e.channel_id AND p.id = s.price_id"
        f" AND {_covers('c', 'e.occurred_at')} AND {_covers('p', 'e.occurred_at')})",
        "entry %(id)s is in statement %(statement_id)s, and was not made in that partner's channel",
    ),
    Law(
        "statement_left_nothing_out",
        # What was being written while a month was closed is in the next one, which is closed by then.
        "Has every month that was closed long ago what had been written before?",
        f"SELECT e.id, MIN(t.id) AS statement_id FROM {_STATEMENT} t"
        f" JOIN {_CLAIM} c ON c.partner_id = t.partner_id"
        f" JOIN {_ENTRY} e ON e.channel_id = c.channel_id AND {_covers('c', 'e.occurred_at')}"
        f" JOIN {_MEMBER} member ON member.id = e.member_id AND member.programme_id = c.programme_id"
        f" JOIN {_MOVEMENT} m ON m.member_id = e.member_id AND m.entry_id = e.id"
        f" WHERE e.kind IN ({EntryKind.ACCRUE.value}, {EntryKind.CAPTURE.value},"
        f" {EntryKind.REINSTATE.value}) AND e.occurred_at < t.ends_at AND e.recorded_at < t.recorded_at"
        f" AND t.recorded_at < %s AND NOT EXISTS (SELECT 1 FROM {_SETTLED} s WHERE s.entry_id = e.id)"
        " GROUP BY e.id",
        "entry %(id)s was written before statement %(statement_id)s was closed, and is in none",
        late_after=timedelta(days=40),
    ),
    Law(
        "partner_channel_once",
        "Has every channel one partner at a time?",
        f"SELECT c.id, o.id AS other FROM {_CLAIM} c JOIN {_CLAIM} o ON o.channel_id = c.channel_id"
        " AND o.programme_id = c.programme_id AND o.id > c.id"
        " WHERE c.starts_at <> COALESCE(c.ends_at, '9999-12-31') AND o.starts_at <> COALESCE(o.ends_at,"
        " '9999-12-31') AND c.starts_at < COALESCE(o.ends_at, '9999-12-31')"
        " AND o.starts_at < COALESCE(c.ends_at, '9999-12-31')",
        "claims %(id)s and %(other)s of one channel overlap",
    ),
    Law(
        "partner_price_at_any_time",
        "Is there one price for every moment of a partner, from its first day to its end?",
        f"SELECT p.id, p.partner_id FROM {_PRICE} p WHERE COALESCE(p.ends_at, '9999-12-31') <> p.starts_at"
        f" AND ((SELECT COUNT(*) FROM {_PRICE} o WHERE o.partner_id = p.partner_id AND o.id <> p.id"
        " AND COALESCE(o.ends_at, '9999-12-31') <> o.starts_at"
        " AND o.starts_at < COALESCE(p.ends_at, '9999-12-31')"
        " AND p.starts_at < COALESCE(o.ends_at, '9999-12-31')) > 0"
        f" OR EXISTS (SELECT 1 FROM {_PRICE} n WHERE n.partner_id = p.partner_id AND n.id <> p.id"
        " AND COALESCE(n.ends_at, '9999-12-31') <> n.starts_at AND n.starts_at > p.starts_at"
        f" AND NOT EXISTS (SELECT 1 FROM {_PRICE} f WHERE f.partner_id = p.partner_id"
        " AND COALESCE(f.ends_at, '9999-12-31') <> f.starts_at AND f.starts_at = p.ends_at)))",
        "price %(id)s of partner %(partner_id)s overlaps another, or leaves a gap after it",
    ),
)
INVARIANTS = tuple(law.invariant() for law in LAWS)
