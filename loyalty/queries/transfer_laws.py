"""The laws of outside programmes: every transfer has its points where it says, by its rate, in its file."""

from backstage.queries import Law
from loyalty.models import (
    Entry,
    Hold,
    IncomingTransfer,
    Movement,
    OutsideRate,
    Transfer,
    TransferFile,
)
from loyalty.policies.states import EntryKind, State

_TRANSFER, _FILE, _INCOMING, _RATE, _ENTRY, _HOLD, _MOVEMENT = (
    model._meta.db_table
    for model in (Transfer, TransferFile, IncomingTransfer, OutsideRate, Entry, Hold, Movement)
)
_CAPTURED = (
    f"SELECT 1 FROM {_ENTRY} c WHERE c.member_id = t.member_id AND c.corrects = t.hold_id"
    f" AND c.kind = {EntryKind.CAPTURE.value}"
)

LAWS = (
    Law(
        "transfer_is_held",
        "Has every transfer a reservation of as many points?",
        f"SELECT t.id, t.points FROM {_TRANSFER} t LEFT JOIN {_HOLD} h ON h.member_id = t.member_id"
        " AND h.entry_id = t.hold_id WHERE h.id IS NULL OR h.points <> t.points",
        "transfer %(id)s says that %(points)s points are reserved for it, and they are not",
    ),
    Law(
        "transfer_is_spent_once_accepted",
        "Are the points of a transfer spent if it was accepted, and only then?",
        f"SELECT t.id, t.state FROM {_TRANSFER} t"
        f" WHERE (t.state = 'accepted' AND NOT EXISTS ({_CAPTURED}))"
        f" OR (t.state <> 'accepted' AND EXISTS ({_CAPTURED}))",
        "transfer %(id)s is %(state)s, and its points say otherwise",
    ),
    Law(
        "transfer_by_its_rate",
        "Was every transfer exchanged at its rate, without a rest?",
        f"SELECT t.id, t.points, t.units FROM {_TRANSFER} t JOIN {_RATE} r ON r.id = t.rate_id"
        " WHERE t.points * r.units <> t.units * r.points OR r.direction <> 'out'"
        f" UNION ALL SELECT i.id, i.points, i.units FROM {_INCOMING} i JOIN {_RATE} r ON r.id = i.rate_id"
        " WHERE i.points * r.units <> i.units * r.points OR r.direction <> 'in'",
        "transfer %(id)s: %(points)s points for %(units)s units are not its rate",
    ),
    Law(
        "transfer_file_is_its_transfers",
        "Is every transfer file the sum of its transfers?",
        f"SELECT f.id, f.units FROM {_FILE} f LEFT JOIN {_TRANSFER} t ON t.file_id = f.id GROUP BY f.id"
        " HAVING f.rows <> COUNT(t.id) OR f.points <> COALESCE(SUM(t.points), 0)"
        " OR f.units <> COALESCE(SUM(t.units), 0)",
        "transfer file %(id)s says %(units)s; its transfers say something else",
    ),
    Law(
        "exchange_has_its_transfer",
        "Does every reservation for an exchange stand for a transfer?",
        f"SELECT e.id, e.member_id FROM {_ENTRY} e LEFT JOIN {_TRANSFER} t ON t.hold_id = e.id"
        f" WHERE e.kind = {EntryKind.HOLD.value} AND e.reason = 'exchange' AND t.id IS NULL",
        "entry %(id)s of member %(member_id)s reserves points for an exchange that nobody asked for",
    ),
    Law(
        "incoming_has_its_entry",
        "Does every incoming transfer have its points in the ledger?",
        f"SELECT i.id, i.points, COALESCE(SUM(m.points), 0) AS posted FROM {_INCOMING} i"
        f" LEFT JOIN {_ENTRY} e ON e.member_id = i.member_id AND e.key = i.entry_key"
        f" AND e.kind = {EntryKind.ACCRUE.value}"
        f" LEFT JOIN {_MOVEMENT} m ON m.member_id = e.member_id AND m.entry_id = e.id"
        f" AND m.from_state = {State.ISSUANCE.value}"
        " GROUP BY i.id, i.points HAVING COALESCE(SUM(m.points), 0) <> i.points",
        "incoming transfer %(id)s says that it brought %(points)s points; the ledger has %(posted)s",
    ),
    Law(
        "incoming_entry_has_its_transfer",
        "Do all points from outside programmes stand for an incoming transfer?",
        f"SELECT e.id, e.member_id FROM {_ENTRY} e LEFT JOIN {_INCOMING} i ON i.member_id = e.member_id"
        f" AND i.entry_key = e.key WHERE e.source_kind = 'incoming' AND e.kind = {EntryKind.ACCRUE.value}"
        " AND i.id IS NULL",
        "entry %(id)s of member %(member_id)s gave points for a transfer that nobody received",
    ),
)
INVARIANTS = tuple(law.invariant() for law in LAWS)
