"""The counters of codes, batches, customers and coupons: the only writer, by guarded updates, locked last.

A guard stands in the statement that changes the row, so no read before it has to be believed: the number of
rows that it changed says whether there was a place. Nobody else may write these columns, says a test.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backstage.plain_sql import Told, execute
from coupons.locks import lock_counters
from coupons.models import Code, CodeBatch, Coupon, CouponUse
from coupons.policies.states import CodeState, CouponState

# A limit that nobody reaches, for those who have none.
NO_LIMIT = 2**31 - 1

_CODE, _BATCH, _COUPON, _USE = (model._meta.db_table for model in (Code, CodeBatch, Coupon, CouponUse))
_CODES = Told(Code, ("id",), "uses", "takes")
_BATCHES = Told(CodeBatch, ("id",), "uses", "takes")
_USES = Told(CouponUse, ("coupon_id", "customer_id"), "uses", "most")
_COUPONS = Told(Coupon, ("id",), "uses", "takes", "minor")

_CHANGE_CODES = f"""
UPDATE {_CODE} SET used_count = {_CODE}.used_count + told.uses FROM {{told}}
WHERE {_CODE}.id = told.id AND {_CODE}.used_count + told.uses >= 0 AND (told.takes = 0 OR
    ({_CODE}.state = '{CodeState.READY.value}'
    AND ({_CODE}.limit_total IS NULL OR {_CODE}.used_count + told.uses <= {_CODE}.limit_total)))
RETURNING {_CODE}.id, {_CODE}.batch_id
"""
_CHANGE_BATCHES = f"""
UPDATE {_BATCH} SET used_count = {_BATCH}.used_count + told.uses FROM {{told}}
WHERE {_BATCH}.id = told.id AND {_BATCH}.used_count + told.uses >= 0
    AND (told.takes = 0 OR {_BATCH}.state = '{CodeState.READY.value}')
"""
_MAKE_USES = f"""
INSERT INTO {_USE} (coupon_id, customer_id, used_count)
SELECT told.coupon_id, told.customer_id, 0 FROM {{told}} WHERE true ORDER BY told.coupon_id, told.customer_id
ON CONFLICT (coupon_id, customer_id) DO NOTHING
"""
_CHANGE_USES = f"""
UPDATE {_USE} SET used_count = {_USE}.used_count + told.uses FROM {{told}}
WHERE {_USE}.coupon_id = told.coupon_id AND {_USE}.customer_id = told.customer_id
    AND {_USE}.used_count + told.uses >= 0 AND (told.uses < 1 OR {_USE}.used_count + told.uses <= told.most)
"""
_CHANGE_COUPONS = f"""
UPDATE {_COUPON} SET used_count = {_COUPON}.used_count + told.uses,
    spent_minor = {_COUPON}.spent_minor + told.minor FROM {{told}}
WHERE {_COUPON}.id = told.id
    AND {_COUPON}.used_count + told.uses >= 0 AND {_COUPON}.spent_minor + told.minor >= 0
    AND (told.takes = 0 OR ({_COUPON}.state = '{CouponState.ON.value}'
        AND ({_COUPON}.limit_total IS NULL OR {_COUPON}.used_count + told.uses <= {_COUPON}.limit_total)))
    AND (told.minor <= 0 OR {_COUPON}.budget_minor IS NULL
        OR {_COUPON}.spent_minor + told.minor <= {_COUPON}.budget_minor)
"""


class JustTaken(ValueError):
    """Somebody else was faster: there is no place left, or the coupon or code is not on any more.

    `what` is "code", "customer" or "coupon". Ask `evaluate` again and show the customer what it says.
    """

    def __init__(self, *, what: str) -> None:
        self.what = what
        super().__init__(
            "The last place of this coupon has just been taken, or it has just ended. "
            "Nothing was reserved; evaluate the basket again."
        )


@dataclass(slots=True)
class Changes:
    """What counters are to rise or fall by, in all: one that falls and rises is changed once, by the net."""

    codes: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    uses: dict[tuple[int, int], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, NO_LIMIT]))
    coupons: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))

    def take(
        self,
        *,
        coupon_id: int,
        amount_minor: int,
        code_id: int | None,
        customer_id: int | None,
        most: int | None = None,
    ) -> None:
        """Take one place, and an amount of the budget; `most` is how often this customer may have it."""
        coupon = self.coupons[coupon_id]
        coupon[0], coupon[1], coupon[2] = coupon[0] + 1, 1, coupon[2] + amount_minor
        if code_id is not None:
            code = self.codes[code_id]
            code[0], code[1] = code[0] + 1, 1
        if customer_id is not None:
            use = self.uses[coupon_id, customer_id]
            use[0], use[1] = use[0] + 1, NO_LIMIT if most is None else most

    def give_back(
        self, *, coupon_id: int, amount_minor: int, code_id: int | None, customer_id: int | None
    ) -> None:
        """Give one place back, and an amount of the budget."""
        coupon = self.coupons[coupon_id]
        coupon[0], coupon[2] = coupon[0] - 1, coupon[2] - amount_minor
        if code_id is not None:
            self.codes[code_id][0] -= 1
        if customer_id is not None:
            self.uses[coupon_id, customer_id][0] -= 1

    def spend(self, *, coupon_id: int, amount_minor: int) -> None:
        """Change what a coupon has cost, and no place: goods came back, or went out again."""
        self.coupons[coupon_id][2] += amount_minor


def change_counters(changes: Changes) -> None:
    """Write these changes; all or, in the caller's transaction, none.

    Locks: codes, their batches, uses of customers, coupons, each ascending; nothing is locked afterwards.
    Queries: 5 at most where one of each is changed, else 4 more. Raises: JustTaken.
    """
    codes = [
        (code_id, uses_, takes) for code_id, (uses_, takes) in sorted(changes.codes.items()) if uses_ or takes
    ]
    uses = [(*use, *change) for use, change in sorted(changes.uses.items()) if change[0]]
    coupons = [
        (coupon_id, uses_, takes, minor)
        for coupon_id, (uses_, takes, minor) in sorted(changes.coupons.items())
        if uses_ or takes or minor
    ]
    if uses:
        told, values = _USES.tell(uses)
        execute(_MAKE_USES.format(told=told), values)
    lock_counters(
        code_ids=[row[0] for row in codes],
        uses=[(row[0], row[1]) for row in uses],
        coupon_ids=[row[0] for row in coupons],
    )
    _change("code", _CHANGE_BATCHES, _BATCHES, _change_codes(codes))
    _change("customer", _CHANGE_USES, _USES, uses)
    _change("coupon", _CHANGE_COUPONS, _COUPONS, coupons)


def _change_codes(rows: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Change codes, and give what their batches count: nothing for codes of none."""
    if not rows:
        return []
    table, values = _CODES.tell(rows)
    changed = execute(_CHANGE_CODES.format(told=table), values).fetchall()
    if len(changed) != len(rows):
        raise JustTaken(what="code")
    batch_of = dict(changed)
    batches: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for code_id, uses, takes in rows:
        if (batch_id := batch_of[code_id]) is not None:
            batch = batches[batch_id]
            batch[0], batch[1] = batch[0] + uses, max(batch[1], takes)
    return [(batch_id, uses, takes) for batch_id, (uses, takes) in sorted(batches.items()) if uses or takes]


def _change(what: str, statement: str, told: Told[Any], rows: Sequence[tuple[int, ...]]) -> None:
    if not rows:
        return
    table, values = told.tell(rows)
    if execute(statement.format(told=table), values).rowcount != len(rows):
        raise JustTaken(what=what)


def store_uses(counts: Mapping[tuple[int, int], int]) -> None:
    """Write how often customers have coupons, by coupon and customer, after a merge has moved them.

    No limit holds here: two customers who are one may have had a coupon once each. Queries: 2.
    """
    rows = [(*use, count, 0) for use, count in sorted(counts.items())]
    if not rows:
        return
    told, values = _USES.tell(rows)
    execute(_MAKE_USES.format(told=told), values)
    lock_counters(code_ids=[], uses=list(counts), coupon_ids=[])
    execute(
        f"UPDATE {_USE} SET used_count = told.uses FROM {told}"
        f" WHERE {_USE}.coupon_id = told.coupon_id AND {_USE}.customer_id = told.customer_id",
        values,
    )
