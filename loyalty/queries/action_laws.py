"""The laws of points for actions: what an attempt says it brought stands in the ledger, and only that."""

from backstage.queries import Law
from loyalty.models import ActionAttempt, Entry, Movement
from loyalty.policies.states import EntryKind, State

_ATTEMPT, _ENTRY, _MOVEMENT = (model._meta.db_table for model in (ActionAttempt, Entry, Movement))

LAWS = (
    Law(
        "action_has_its_entry",
        "Does every action that brought points have them in the ledger?",
        f"SELECT a.id, a.points, COALESCE(SUM(m.points), 0) AS posted FROM {_ATTEMPT} a"
        f" LEFT JOIN {_ENTRY} e ON e.member_id = a.member_id AND e.key = a.entry_key"
        f" AND e.kind = {EntryKind.ACCRUE.value}"
        f" LEFT JOIN {_MOVEMENT} m ON m.member_id = e.member_id AND m.entry_id = e.id"
        f" AND m.from_state = {State.ISSUANCE.value}"
        " WHERE a.points > 0 GROUP BY a.id, a.points HAVING COALESCE(SUM(m.points), 0) <> a.points",
        "action %(id)s says that it brought %(points)s points; the ledger has %(posted)s",
    ),
    Law(
        "action_entry_has_its_attempt",
        "Do all points for actions stand for an action that was recorded?",
        f"SELECT e.id, e.member_id FROM {_ENTRY} e LEFT JOIN {_ATTEMPT} a"
        " ON a.member_id = e.member_id AND a.entry_key = e.key"
        f" WHERE e.source_kind = 'action' AND e.kind = {EntryKind.ACCRUE.value} AND a.id IS NULL",
        "entry %(id)s of member %(member_id)s gave points for an action that nobody recorded",
    ),
)
INVARIANTS = tuple(law.invariant() for law in LAWS)
