"""The laws of points, asked of the database: what `check-ledger` asks about loyalty."""

from datetime import timedelta

from django.db import connection

from backstage.queries import Law
from backstage.registry import Invariant
from commerce.models import Purchase
from loyalty.models import Award, Entry, Hold, Lot, Member, Movement, PointsAccount, Programme
from loyalty.policies.states import EntryKind, State
from loyalty.queries.laws import allowed_moves, counters, differ, is_negative, replayed, total

# A nightly job may fail once before anybody is called.
DUE_JOBS_LATE = timedelta(hours=26)
AWARDS_LATE = timedelta(minutes=10)

_ENTRY, _HOLD, _LOT = Entry._meta.db_table, Hold._meta.db_table, Lot._meta.db_table
_MOVEMENT, _ACCOUNT = Movement._meta.db_table, PointsAccount._meta.db_table
_MEMBER, _AWARD = Member._meta.db_table, Award._meta.db_table
_PURCHASE, _PROGRAMME = Purchase._meta.db_table, Programme._meta.db_table

_LOTS = (
    Law(
        "lot_conserves",
        "Is every point that was issued with a lot in exactly one state of it?",
        f"SELECT l.id, l.issued, {total('l')} AS counted FROM {_LOT} l"
        f" WHERE l.issued <> {total('l')} OR l.issued <= 0 OR {is_negative('l')}",
        "lot %(id)s was issued with %(issued)s points and its states add up to %(counted)s",
    ),
    Law(
        "lot_replays",
        "Do the movements of a lot, replayed, lead to its counters?",
        f"SELECT l.id, {total('l')} AS counted, {total('r')} AS replayed"
        f" FROM {_LOT} l LEFT JOIN ({replayed('lot_id')}) r ON r.lot_id = l.id WHERE {differ('l', 'r')}",
        "lot %(id)s counts %(counted)s points; its movements say %(replayed)s, or other states",
    ),
)

_LOTS_OF_MEMBERS = (
    f"SELECT member_id, {', '.join(counters('SUM({0}) AS {0}'))} FROM {_LOT} GROUP BY member_id"
)
_ACCOUNTS = (
    Law(
        "account_is_its_lots",
        "Does every account hold what its lots hold?",
        f"SELECT a.member_id, {total('a')} AS cached, {total('s')} AS summed FROM {_ACCOUNT} a"
        f" LEFT JOIN ({_LOTS_OF_MEMBERS}) s ON s.member_id = a.member_id WHERE {differ('a', 's')}",
        "the account of member %(member_id)s counts %(cached)s points; its lots %(summed)s, or other states",
    ),
    Law(
        "account_owes_its_entries",
        "Is the debt of every account the sum of what its entries changed?",
        f"SELECT a.member_id, a.debt, COALESCE(e.debt, 0) AS summed FROM {_ACCOUNT} a"
        f" LEFT JOIN (SELECT member_id, SUM(debt_change) AS debt FROM {_ENTRY} GROUP BY member_id) e"
        " ON e.member_id = a.member_id WHERE a.debt <> COALESCE(e.debt, 0)",
        "member %(member_id)s owes %(debt)s points; the entries say %(summed)s",
    ),
    Law(
        "debt_comes_first",
        "Has nobody who owes points any to spend, and nobody less than nothing?",
        f"SELECT a.member_id, a.debt, a.available FROM {_ACCOUNT} a"
        f" WHERE (a.debt > 0 AND a.available > 0) OR a.debt < 0 OR {is_negative('a')}",
        "member %(member_id)s owes %(debt)s points and has %(available)s to spend",
    ),
    Law(
        "member_has_account",
        "Has every member an account?",
        f"SELECT b.id FROM {_MEMBER} b LEFT JOIN {_ACCOUNT} a ON a.member_id = b.id WHERE a.id IS NULL",
        "member %(id)s has no points account",
    ),
)

# The keys between these tables have no constraint in the database; this is what looks after them.
_BELONGING = (
    Law(
        "movement_belongs",
        "Do the entry and the lot of every movement exist, and are all three the same member's?",
        f"SELECT m.id, m.entry_id, m.lot_id, m.member_id FROM {_MOVEMENT} m"
        f" LEFT JOIN {_ENTRY} e ON e.id = m.entry_id LEFT JOIN {_LOT} l ON l.id = m.lot_id"
        " WHERE e.id IS NULL OR l.id IS NULL OR e.member_id <> m.member_id OR l.member_id <> m.member_id",
        "movement %(id)s of member %(member_id)s names entry %(entry_id)s and lot %(lot_id)s:"
        " one of them is missing or somebody else's",
    ),
    Law(
        "lot_belongs",
        "Does the entry that issued a lot exist, and is it the same member's?",
        f"SELECT l.id, l.entry_id, l.member_id FROM {_LOT} l LEFT JOIN {_ENTRY} e ON e.id = l.entry_id"
        f" LEFT JOIN {_MEMBER} b ON b.id = l.member_id"
        " WHERE e.id IS NULL OR b.id IS NULL OR e.member_id <> l.member_id",
        "lot %(id)s of member %(member_id)s names entry %(entry_id)s: missing or somebody else's",
    ),
    Law(
        "entry_moves_as_its_kind",
        "Does every entry move points only as its kind may?",
        f"SELECT m.id, m.entry_id, m.from_state, m.to_state, m.points FROM {_MOVEMENT} m"
        f" JOIN {_ENTRY} e ON e.id = m.entry_id WHERE m.points <= 0 OR NOT ({allowed_moves(EntryKind)})",
        "movement %(id)s takes %(points)s points from state %(from_state)s to %(to_state)s,"
        " which its entry %(entry_id)s may not",
    ),
    Law(
        "key_is_used_once",
        "Does every key of a member stand for one entry?",
        f"SELECT MIN(id) AS id, member_id, key, COUNT(*) AS times FROM {_ENTRY} GROUP BY member_id, key"
        " HAVING COUNT(*) > 1",
        "key %(key)s of member %(member_id)s is used %(times)s times, first by entry %(id)s",
    ),
)

_RESERVED_BY = (
    f"SELECT entry_id, SUM(CASE WHEN to_state = {State.HELD.value} THEN points ELSE 0 END) AS taken,"
    f" SUM(CASE WHEN from_state = {State.HELD.value} THEN points ELSE 0 END) AS given FROM {_MOVEMENT}"
    f" WHERE to_state = {State.HELD.value} OR from_state = {State.HELD.value} GROUP BY entry_id"
)
_SPENT_BY = (
    f"SELECT entry_id, lot_id, SUM(points) AS points FROM {_MOVEMENT}"
    f" WHERE to_state = {State.REDEEMED.value} GROUP BY entry_id, lot_id"
)
_RETURNED_TO = (
    f"SELECT e.corrects AS id, m.lot_id, SUM(m.points) AS points FROM {_ENTRY} e"
    f" JOIN {_MOVEMENT} m ON m.entry_id = e.id AND m.from_state = {State.REDEEMED.value}"
    f" WHERE e.kind = {EntryKind.REINSTATE.value} GROUP BY e.corrects, m.lot_id"
)
_HOLDS = (
    Law(
        "hold_is_its_movements",
        "Does every reservation hold what the movements of its entry took?",
        f"SELECT h.entry_id, h.points, COALESCE(t.taken, 0) AS taken FROM {_HOLD} h"
        f" LEFT JOIN {_ENTRY} e ON e.id = h.entry_id AND e.member_id = h.member_id"
        f" LEFT JOIN ({_RESERVED_BY}) t ON t.entry_id = h.entry_id"
        " WHERE e.id IS NULL OR h.points <> COALESCE(t.taken, 0)",
        "reservation %(entry_id)s is for %(points)s points; its movements took %(taken)s",
    ),
    Law(
        "hold_is_closed_by_its_entry",
        "Was every closed reservation given back or spent, whole and once, by the entry that it names?",
        f"SELECT h.entry_id, h.points, COALESCE(t.given, 0) AS given, h.state FROM {_HOLD} h"
        f" LEFT JOIN {_ENTRY} e ON e.id = h.closed_by AND e.member_id = h.member_id"
        f" LEFT JOIN ({_RESERVED_BY}) t ON t.entry_id = h.closed_by"
        " WHERE (h.state = 'open' AND h.closed_by IS NOT NULL)"
        f" OR (h.state = 'captured' AND (e.kind IS NULL OR e.kind <> {EntryKind.CAPTURE.value}))"
        f" OR (h.state = 'voided' AND (e.kind IS NULL OR e.kind <> {EntryKind.VOID.value}))"
        " OR (h.state <> 'open' AND h.points <> COALESCE(t.given, 0))",
        "reservation %(entry_id)s of %(points)s points is %(state)s; the entry named moved %(given)s",
    ),
    Law(
        "account_holds_its_reservations",
        "Is every point that is reserved part of an open reservation?",
        f"SELECT a.member_id, a.held, COALESCE(h.points, 0) AS reserved FROM {_ACCOUNT} a"
        f" LEFT JOIN (SELECT member_id, SUM(points) AS points FROM {_HOLD} WHERE state = 'open'"
        " GROUP BY member_id) h ON h.member_id = a.member_id WHERE a.held <> COALESCE(h.points, 0)",
        "member %(member_id)s has %(held)s points reserved; the open reservations are for %(reserved)s",
    ),
    Law(
        "no_more_returned_than_spent",
        "Has no capture been given back more, lot by lot, than it took?",
        "SELECT c.id, c.lot_id, COALESCE(s.points, 0) AS spent, c.points AS returned"
        f" FROM ({_RETURNED_TO}) c LEFT JOIN ({_SPENT_BY}) s ON s.entry_id = c.id AND s.lot_id = c.lot_id"
        " WHERE c.points > COALESCE(s.points, 0)",
        "capture %(id)s spent %(spent)s points of lot %(lot_id)s and %(returned)s have come back",
    ),
)

# What the entries of a purchase granted, less what they took back: revoked, turned into debt, or let go.
_POSTED = (
    "SELECT b.programme_id, e.source_id AS purchase_id,"
    f" SUM(CASE WHEN e.kind = {EntryKind.ACCRUE.value} THEN COALESCE(m.points, 0)"
    " ELSE -COALESCE(m.points, 0) - e.debt_change - e.let_go_points END) AS points"
    f" FROM {_ENTRY} e JOIN {_MEMBER} b ON b.id = e.member_id LEFT JOIN (SELECT entry_id,"
    f" SUM(points) AS points FROM {_MOVEMENT} GROUP BY entry_id) m ON m.entry_id = e.id"
    f" WHERE e.source_kind = 'purchase' AND e.kind IN ({EntryKind.ACCRUE.value}, {EntryKind.REVOKE.value})"
    " GROUP BY b.programme_id, e.source_id"
)
# Both databases read JSON, each in words of its own. A line is [earned, standing, terms].
_LINES = {
    "postgresql": "SELECT a.id, SUM((line.value ->> 0)::bigint) AS earned,"
    f" SUM((line.value ->> 1)::bigint) AS standing FROM {_AWARD} a, jsonb_each(a.lines) line GROUP BY a.id",
    "sqlite": "SELECT a.id, SUM(json_extract(line.value, '$[0]')) AS earned,"
    f" SUM(json_extract(line.value, '$[1]')) AS standing FROM {_AWARD} a, json_each(a.lines) line"
    " GROUP BY a.id",
}[connection.vendor]
_AWARDS = (
    Law(
        "award_is_its_postings",
        "Has every purchase been granted what its award says that it stands for?",
        "SELECT a.id, a.purchase_id, a.standing_points AS standing, COALESCE(p.points, 0) AS posted"
        f" FROM {_AWARD} a LEFT JOIN ({_POSTED}) p"
        " ON p.purchase_id = a.purchase_id AND p.programme_id = a.programme_id"
        " WHERE a.standing_points <> COALESCE(p.points, 0)",
        "award %(id)s of purchase %(purchase_id)s stands for %(standing)s points; %(posted)s were posted",
    ),
    Law(
        "posting_has_an_award",
        "Has every purchase that points were posted for an award?",
        f"SELECT p.purchase_id, p.points FROM ({_POSTED}) p LEFT JOIN {_AWARD} a"
        " ON a.purchase_id = p.purchase_id AND a.programme_id = p.programme_id WHERE a.id IS NULL",
        "purchase %(purchase_id)s has %(points)s points and no award",
    ),
    Law(
        "award_is_its_lines",
        "Do the lines of every award add up to it, and does it stand for no more than it earned?",
        "SELECT a.id, a.earned_points AS earned, a.standing_points AS standing,"
        " COALESCE(n.earned, 0) AS lines_earned, COALESCE(n.standing, 0) AS lines_standing"
        f" FROM {_AWARD} a LEFT JOIN ({_LINES}) n ON n.id = a.id"
        " WHERE a.earned_points <> COALESCE(n.earned, 0) OR a.standing_points <> COALESCE(n.standing, 0)"
        " OR a.standing_points > a.earned_points OR a.standing_points < 0",
        "award %(id)s has earned %(earned)s points and stands for %(standing)s;"
        " its lines say %(lines_earned)s and %(lines_standing)s",
    ),
)

_TIME = (
    Law(
        "nothing_before_it_was_issued",
        "Did no point of a lot move before the lot was issued?",
        f"SELECT m.id, m.lot_id, m.effective_at, e.occurred_at FROM {_MOVEMENT} m"
        f" JOIN {_LOT} l ON l.id = m.lot_id JOIN {_ENTRY} e ON e.id = l.entry_id"
        " WHERE m.effective_at < e.occurred_at",
        "movement %(id)s is effective at %(effective_at)s; lot %(lot_id)s was issued at %(occurred_at)s",
    ),
    Law(
        "nothing_ready_before_its_window",
        "Did no point become ready before its return window was over, unless its programme was to close?",
        f"SELECT m.id, m.lot_id, m.effective_at, l.releases_at FROM {_MOVEMENT} m"
        f" JOIN {_LOT} l ON l.id = m.lot_id JOIN {_ENTRY} e ON e.id = m.entry_id"
        # When a programme closes, points that would come too late become ready at once.
        f" WHERE e.kind = {EntryKind.RELEASE.value} AND m.from_state = {State.PENDING.value}"
        " AND e.reason <> 'closing'"
        " AND (l.releases_at IS NULL OR m.effective_at < l.releases_at)",
        "movement %(id)s released lot %(lot_id)s at %(effective_at)s; its window ends at %(releases_at)s",
    ),
    Law(
        "nothing_ends_before_its_date",
        "Did no point end by time before its date?",
        f"SELECT m.id, m.lot_id, m.effective_at, l.expires_at FROM {_MOVEMENT} m"
        f" JOIN {_LOT} l ON l.id = m.lot_id JOIN {_ENTRY} e ON e.id = m.entry_id AND e.reason = 'time'"
        f" WHERE m.to_state = {State.EXPIRED.value} AND l.lapse_months IS NULL"
        " AND (l.expires_at IS NULL OR m.effective_at < l.expires_at)",
        "movement %(id)s ended points of lot %(lot_id)s at %(effective_at)s; they last until %(expires_at)s",
    ),
    Law(
        "nothing_reserved_after_its_end",
        "Was no point reserved after its end?",
        f"SELECT m.id, m.lot_id, m.effective_at, l.expires_at FROM {_MOVEMENT} m"
        f" JOIN {_LOT} l ON l.id = m.lot_id WHERE m.to_state = {State.HELD.value}"
        " AND l.lapse_months IS NULL AND m.effective_at >= l.expires_at"
        " AND (l.reprieved_until IS NULL OR m.effective_at >= l.reprieved_until)",
        "movement %(id)s reserved points of lot %(lot_id)s at %(effective_at)s; they ended at %(expires_at)s",
    ),
)

# A lot that came late is due from when it came: hence the greater of two dates.
_LATE = (
    Law(
        "release_is_on_time",
        "Has everything that became ready more than a day ago been written down?",
        f"SELECT id, member_id, releases_at FROM {_LOT} WHERE pending > 0"
        " AND CASE WHEN dated_at > releases_at THEN dated_at ELSE releases_at END < %s",
        "lot %(id)s of member %(member_id)s has been due for release since %(releases_at)s",
        DUE_JOBS_LATE,
    ),
    Law(
        "expiry_is_on_time",
        "Has everything that ended more than a day ago been written down?",
        f"SELECT id, member_id, expires_at FROM {_LOT} WHERE available > 0 AND dated_at < expires_at"
        " AND CASE WHEN reprieved_until > expires_at THEN reprieved_until ELSE expires_at END < %s",
        "lot %(id)s of member %(member_id)s has been due to end since %(expires_at)s",
        DUE_JOBS_LATE,
    ),
    Law(
        "reservations_time_out",
        "Has every reservation that timed out more than a day ago been ended?",
        f"SELECT entry_id, member_id, expires_at FROM {_HOLD} WHERE state = 'open' AND expires_at < %s",
        "reservation %(entry_id)s of member %(member_id)s timed out at %(expires_at)s and is still open",
        DUE_JOBS_LATE,
    ),
    Law(
        "awards_keep_up",
        "Has every change of a purchase reached an award within ten minutes?",
        f"SELECT p.id, p.revision, COALESCE(a.applied_revision, 0) AS applied FROM {_PURCHASE} p"
        f" LEFT JOIN {_AWARD} a ON a.purchase_id = p.id WHERE p.revision > COALESCE(a.applied_revision, 0)"
        f" AND EXISTS (SELECT 1 FROM {_PROGRAMME}) AND p.changed_at < %s",
        "purchase %(id)s is at revision %(revision)s; its award has applied %(applied)s",
        AWARDS_LATE,
    ),
)

LAWS: tuple[Law, ...] = _LOTS + _ACCOUNTS + _BELONGING + _HOLDS + _AWARDS + _TIME + _LATE
INVARIANTS: tuple[Invariant, ...] = tuple(law.invariant() for law in LAWS)
