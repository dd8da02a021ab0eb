"""Whose purchases are: the members of customers, and those that merges lead to."""

from collections.abc import Collection, Iterable, Mapping

from backstage.plain_sql import Columns, Row, execute, within
from commerce.models import Customer
from commerce.queries.customers import resolve_customers
from loyalty.models import Member
from loyalty.policies.settlement import Holder

_HOLDER = Columns(Member, *Holder._fields)


def find_holders(
    *, programme_id: int, customer_ids: Collection[int]
) -> tuple[dict[int, int], dict[int, Holder]]:
    """Give the customer that merges lead to for each of these, and the members by those customers.

    Queries: 1; 3 where customers were merged; 0 without ids.
    """
    if not customer_ids:
        return {}, {}
    rows = _of_customers(programme_id, customer_ids)
    roots = {row[0]: row[0] for row in rows}
    if merged := [customer_id for customer_id, merged_into_id, *_ in rows if merged_into_id is not None]:
        roots |= resolve_customers(customer_ids=merged)
        rows += _of_customers(programme_id, set(roots.values()) - roots.keys())
    wanted = set(roots.values())
    return roots, {row[0]: Holder(*row[2:]) for row in rows if row[0] in wanted and row[2] is not None}


def _of_customers(programme_id: int, customer_ids: Collection[int]) -> list[Row]:
    wanted, value = within("customer.id", customer_ids)
    rows = execute(
        f"SELECT customer.id, customer.merged_into_id, {_HOLDER.of('member')}"
        f" FROM {Customer._meta.db_table} AS customer LEFT JOIN {_HOLDER.table} AS member"
        " ON member.customer_id = customer.id AND member.programme_id = %s"
        f" WHERE {wanted}",
        [programme_id, value],
    ).fetchall()
    return _HOLDER.convert(rows, start=2)


def resolve_holders(*, member_ids: Collection[int], known: Iterable[Holder]) -> dict[int, Holder]:
    """Give, for each of these members, the one that merges lead to. `known` are read already.

    Queries: 0 where all are known; else 1, and 1 more per step of merges.
    """
    found = {holder.id: holder for holder in known if holder.merged_into_id is None}
    wanted = set(member_ids) - found.keys()
    while wanted:
        of_these, value = within("id", wanted)
        rows = _HOLDER.read(f"WHERE {of_these}", [value])
        found |= {row[0]: Holder(*row) for row in rows}
        wanted = {holder.merged_into_id for holder in found.values() if holder.merged_into_id} - found.keys()
    return {member_id: _end_of_merges(found, member_id) for member_id in member_ids}


def _end_of_merges(holders: Mapping[int, Holder], member_id: int) -> Holder:
    holder = holders[member_id]
    while holder.merged_into_id is not None:
        holder = holders[holder.merged_into_id]
    return holder
