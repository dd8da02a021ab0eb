"""What happened to points at partners' channels and no statement has settled yet, as one SELECT.

The programme's closing stores what it selects, and an open month is worked out by it: one rule for both. It
reads the ledger by channel, which has no index: a closing reads the month anyway, and an index would make
every purchase of every shop slower for the sake of a page that is looked at once a month.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from backstage.plain_sql import among, is_postgresql, listed, spelled
from loyalty.models import Entry, Member, Movement, PartnerChannel, PartnerPrice, StatementEntry
from loyalty.policies.partners import StatementDeed
from loyalty.policies.states import EntryKind, State

_ENTRY, _MOVEMENT, _MEMBER, _CLAIM, _PRICE, _SETTLED = (
    model._meta.db_table for model in (Entry, Movement, Member, PartnerChannel, PartnerPrice, StatementEntry)
)
# Which entries count, as what, and which of their movements. Merges and what people give by hand do not.
COUNTED = (
    (EntryKind.ACCRUE, StatementDeed.ISSUED, f"m.from_state = {State.ISSUANCE.value}"),
    (EntryKind.REVOKE, StatementDeed.TAKEN_BACK, f"m.to_state = {State.REVOKED.value}"),
    (EntryKind.CAPTURE, StatementDeed.REDEEMED, f"m.to_state = {State.REDEEMED.value}"),
    (EntryKind.REINSTATE, StatementDeed.GIVEN_BACK, f"m.from_state = {State.REDEEMED.value}"),
)
_KINDS = ", ".join(str(kind.value) for kind, _deed, _moves in COUNTED)
_DEED = " ".join(f"WHEN {kind.value} THEN '{deed.value}'" for kind, deed, _moves in COUNTED)
_MOVED = " OR ".join(f"(e.kind = {kind.value} AND {moves})" for kind, _deed, moves in COUNTED)
# What the member owes because it was spent before the return counts as taken back; what was let go does not.
_OWED = f"CASE WHEN e.kind = {EntryKind.REVOKE.value} AND e.debt_change > 0 THEN e.debt_change ELSE 0 END"


def unsettled(
    *, partner_ids: Collection[int], starts_at: datetime, ends_at: datetime
) -> tuple[str, list[Any]]:
    """Select partner_id, entry_id, member_id, channel_id, price_id, deed, is_late and points of each entry
    before `ends_at` that no statement has; `is_late` is what happened before `starts_at`.
    """
    sql = (
        "SELECT claim.partner_id, e.id AS entry_id, e.member_id, e.channel_id, price.id AS price_id,"
        f" CASE e.kind {_DEED} END AS deed, e.occurred_at < %s AS is_late,"
        f" COALESCE(SUM(m.points), 0) + {_OWED} AS points"
        f" FROM {_CLAIM} AS claim"
        f" JOIN {_ENTRY} AS e ON e.channel_id = claim.channel_id AND e.occurred_at >= claim.starts_at"
        " AND (claim.ends_at IS NULL OR e.occurred_at < claim.ends_at)"
        f" JOIN {_MEMBER} AS member ON member.id = e.member_id"
        " AND member.programme_id = claim.programme_id"
        f" JOIN {_PRICE} AS price ON price.partner_id = claim.partner_id"
        " AND e.occurred_at >= price.starts_at AND (price.ends_at IS NULL OR e.occurred_at < price.ends_at)"
        f" LEFT JOIN {_MOVEMENT} AS m ON m.member_id = e.member_id AND m.entry_id = e.id AND ({_MOVED})"
        f" WHERE e.kind IN ({_KINDS}) AND e.occurred_at < %s AND {among('claim.partner_id')}"
        f" AND NOT EXISTS (SELECT 1 FROM {_SETTLED} AS settled WHERE settled.entry_id = e.id)"
        " GROUP BY claim.partner_id, e.id, e.member_id, e.channel_id, price.id, e.kind, e.occurred_at,"
        " e.debt_change"
        f" HAVING COALESCE(SUM(m.points), 0) + {_OWED} > 0"
    )
    return sql, [adapted(starts_at), adapted(ends_at), listed(partner_ids)]


def adapted(moment: datetime) -> Any:
    """Give a moment as the database compares it."""
    return moment if is_postgresql() else spelled(moment)
