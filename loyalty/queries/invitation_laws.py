"""The laws of invitations: who came by one came while it stood open, once, and within its number."""

from backstage.queries import Law
from loyalty.models import Invitation, InvitationGuest, InvitationList, Member

_INVITATION, _GUEST, _LIST, _MEMBER = (
    model._meta.db_table for model in (Invitation, InvitationGuest, InvitationList, Member)
)

LAWS = (
    Law(
        "invitation_was_open",
        "Did everybody who came by an invitation join while it stood open?",
        f"SELECT id, member_id FROM {_INVITATION} WHERE member_id IS NOT NULL"
        " AND (joined_at < sent_at OR joined_at >= expires_at)",
        "member %(member_id)s joined by invitation %(id)s when it was not open",
    ),
    Law(
        "invitation_to_its_programme",
        "Did every invitation let its member into its own programme?",
        f"SELECT i.id, i.member_id FROM {_INVITATION} i JOIN {_LIST} l ON l.id = i.invitation_list_id"
        f" JOIN {_MEMBER} m ON m.id = i.member_id WHERE m.programme_id <> l.programme_id",
        "invitation %(id)s let member %(member_id)s into another programme",
    ),
    Law(
        "invitation_counts_its_guests",
        "Did as many guests join with each link as its invitation says?",
        f"SELECT i.id, i.guests_joined, COUNT(g.id) AS found FROM {_INVITATION} i"
        f" LEFT JOIN {_GUEST} g ON g.invitation_id = i.id GROUP BY i.id, i.guests_joined"
        " HAVING COUNT(g.id) <> i.guests_joined",
        "invitation %(id)s says that %(guests_joined)s guests joined; %(found)s did",
    ),
    Law(
        "member_came_once",
        "Did every member come by one invitation at most?",
        f"SELECT member_id, COUNT(*) AS found FROM (SELECT member_id FROM {_INVITATION}"
        f" WHERE member_id IS NOT NULL UNION ALL SELECT member_id FROM {_GUEST}) AS came"
        " GROUP BY member_id HAVING COUNT(*) > 1",
        "member %(member_id)s came by %(found)s invitations",
    ),
)
INVARIANTS = tuple(law.invariant() for law in LAWS)
