"""The laws of coupons: what is counted was redeemed, what was redeemed is counted, and all of it adds up.

Each is one SELECT that returns the rows which break it. The SELECTs are in the dialect that PostgreSQL and
SQLite share, and use nothing of the code that writes, so that a fault there cannot hide behind itself.
"""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from django.db import connection

from backstage.policies import Finding
from backstage.queries import Law
from commerce.models import Customer
from coupons.models import (
    Code,
    CodeBatch,
    Coupon,
    CouponOrder,
    CouponUse,
    CouponVersion,
    Redemption,
    Submission,
)
from coupons.policies.states import STANDING_USES, CodeKind, CodeState, UseState

LATE_AFTER = timedelta(days=1)

_CODE, _BATCH, _COUPON, _ORDER, _USE, _VERSION, _REDEMPTION, _CUSTOMER = (
    model._meta.db_table
    for model in (Code, CodeBatch, Coupon, CouponOrder, CouponUse, CouponVersion, Redemption, Customer)
)
_SHEET = Submission._meta.db_table
_IS_VOID = f"k.state = '{CodeState.VOID.value}'"
_STANDS = f"IN ({', '.join(repr(state.value) for state in STANDING_USES)})"


class CouponLaw(Law):
    """A law of coupons. What the two databases spell differently is put in when it is asked."""

    def find(self) -> list[Finding]:
        """Return the rows that break the law, lowest ids first. Queries: 1."""
        broken = self.broken.replace("{part}", _part()).replace("{minor}", _minor())
        return Law.find(replace(self, broken=broken))


_law = partial(CouponLaw, book="coupons")


def _part() -> str:
    return "jsonb_each_text(r.by_line)" if connection.vendor == "postgresql" else "json_each(r.by_line)"


def _minor() -> str:
    return "CAST(part.value AS bigint)"


LAWS = (
    _law(
        "sheet_has_a_code_of_its_own",
        "Has every sheet for a coupon site a code of its own coupon, made for a site?",
        f"SELECT s.id, s.coupon_id, k.coupon_id AS other_id, k.kind FROM {_SHEET} s"
        f" JOIN {_CODE} k ON k.id = s.code_id"
        f" WHERE k.coupon_id <> s.coupon_id OR k.kind <> '{CodeKind.SITE.value}'",
        "sheet %(id)s of coupon %(coupon_id)s has a code of kind %(kind)s, of coupon %(other_id)s",
    ),
    _law(
        "coupon_is_its_redemptions",
        "Has every coupon been used as often as it was redeemed?",
        f"SELECT c.id, c.used_count, COUNT(r.id) AS counted FROM {_COUPON} c"
        f" LEFT JOIN {_REDEMPTION} r ON r.coupon_id = c.id AND r.state {_STANDS}"
        " GROUP BY c.id, c.used_count HAVING c.used_count <> COUNT(r.id)",
        "coupon %(id)s counts %(used_count)s uses; its redemptions are %(counted)s",
    ),
    _law(
        "coupon_has_cost_its_redemptions",
        "Has every coupon cost what its redemptions took off, less what came back?",
        f"SELECT c.id, c.spent_minor, COALESCE(SUM(r.amount_minor - r.returned_minor), 0) AS counted"
        f" FROM {_COUPON} c LEFT JOIN {_REDEMPTION} r ON r.coupon_id = c.id AND r.state {_STANDS}"
        " GROUP BY c.id, c.spent_minor"
        " HAVING c.spent_minor <> COALESCE(SUM(r.amount_minor - r.returned_minor), 0)",
        "coupon %(id)s has cost %(spent_minor)s; its redemptions come to %(counted)s",
    ),
    _law(
        "code_is_its_redemptions",
        "Has every code been used as often as it was redeemed?",
        f"SELECT k.id, k.used_count, COALESCE(r.uses, 0) AS counted FROM {_CODE} k"
        f" LEFT JOIN (SELECT code_id, COUNT(*) AS uses FROM {_REDEMPTION} WHERE state {_STANDS}"
        " GROUP BY code_id) r ON r.code_id = k.id WHERE k.used_count <> COALESCE(r.uses, 0)",
        "code %(id)s counts %(used_count)s uses; its redemptions are %(counted)s",
    ),
    _law(
        "batch_is_its_codes",
        "Does every batch count the codes that were made, used and made void?",
        "SELECT b.id, b.made_count, b.used_count, b.void_count, COUNT(k.id) AS made,"
        f" COALESCE(SUM(k.used_count), 0) AS used, COUNT(CASE WHEN {_IS_VOID} THEN 1 END) AS void"
        f" FROM {_BATCH} b LEFT JOIN {_CODE} k ON k.batch_id = b.id"
        " GROUP BY b.id, b.made_count, b.used_count, b.void_count HAVING b.made_count <> COUNT(k.id)"
        " OR b.used_count <> COALESCE(SUM(k.used_count), 0)"
        f" OR b.void_count <> COUNT(CASE WHEN {_IS_VOID} THEN 1 END)",
        "batch %(id)s counts %(made_count)s codes, %(used_count)s used, %(void_count)s void;"
        " there are %(made)s, %(used)s and %(void)s",
    ),
    _law(
        "code_is_of_its_batch",
        "Is every code of a coupon that is there, and one of a batch made as the batch says?",
        f"SELECT k.id, k.coupon_id, k.batch_id FROM {_CODE} k LEFT JOIN {_COUPON} c ON c.id = k.coupon_id"
        f" LEFT JOIN {_BATCH} b ON b.id = k.batch_id WHERE c.id IS NULL OR (k.batch_id IS NOT NULL AND"
        f" (b.id IS NULL OR k.coupon_id <> b.coupon_id OR k.kind <> '{CodeKind.UNIQUE.value}'"
        " OR k.limit_total IS NULL OR k.limit_total <> 1 OR SUBSTR(k.code, 1, LENGTH(b.prefix)) <> b.prefix"
        " OR LENGTH(k.code) <> LENGTH(b.prefix) + b.random_places))",
        "code %(id)s is not what its coupon %(coupon_id)s and its batch %(batch_id)s say",
    ),
    _law(
        "customer_has_used_their_redemptions",
        "Has every customer, with all who were merged into them, used each coupon as often as is counted?",
        "SELECT * FROM (WITH RECURSIVE path(origin, next_id, root) AS ("
        f"SELECT id, merged_into_id, id FROM {_CUSTOMER} UNION ALL"
        f" SELECT path.origin, c.merged_into_id, c.id FROM path JOIN {_CUSTOMER} c ON c.id = path.next_id)"
        ", counted(coupon_id, customer_id, uses) AS ("
        f"SELECT r.coupon_id, path.root, COUNT(*) FROM {_REDEMPTION} r"
        " JOIN path ON path.origin = r.customer_id AND path.next_id IS NULL"
        f" WHERE r.state {_STANDS} GROUP BY r.coupon_id, path.root)"
        ", both_ways(coupon_id, customer_id, kept, found) AS ("
        "SELECT coupon_id, customer_id, 0, uses FROM counted UNION ALL"
        f" SELECT coupon_id, customer_id, used_count, 0 FROM {_USE})"
        " SELECT coupon_id, customer_id, SUM(kept) AS kept, SUM(found) AS found FROM both_ways"
        " GROUP BY coupon_id, customer_id HAVING SUM(kept) <> SUM(found)) AS broken",
        "customer %(customer_id)s counts %(kept)s uses of coupon %(coupon_id)s; redeemed were %(found)s",
    ),
    _law(
        "redemption_stands_with_its_order",
        "Is every redemption reserved, used or given back as its order is?",
        f"SELECT r.id, r.state, o.state AS order_state FROM {_REDEMPTION} r"
        f" JOIN {_ORDER} o ON o.id = r.order_id WHERE r.state {_STANDS} AND r.state <> o.state",
        "redemption %(id)s is %(state)s; its order is %(order_state)s",
    ),
    _law(
        "order_is_its_redemptions",
        "Does every order have off what its coupons took off?",
        f"SELECT o.id, o.discount_minor, COALESCE(SUM(r.amount_minor), 0) AS counted FROM {_ORDER} o"
        f" LEFT JOIN {_REDEMPTION} r ON r.order_id = o.id AND r.state {_STANDS} WHERE o.state {_STANDS}"
        " GROUP BY o.id, o.discount_minor HAVING o.discount_minor <> COALESCE(SUM(r.amount_minor), 0)",
        "order %(id)s has %(discount_minor)s off; its redemptions come to %(counted)s",
    ),
    _law(
        "redemption_is_its_lines",
        "Does every redemption take off what its lines say?",
        f"SELECT r.id, r.amount_minor, COALESCE(SUM({{minor}}), 0) AS counted FROM {_REDEMPTION} r"
        " LEFT JOIN {part} AS part ON true GROUP BY r.id, r.amount_minor"
        " HAVING r.amount_minor <> COALESCE(SUM({minor}), 0)",
        "redemption %(id)s took off %(amount_minor)s; its lines come to %(counted)s",
    ),
    _law(
        "redemption_is_of_one_coupon",
        "Do the version and the code of every redemption belong to its coupon?",
        f"SELECT r.id, r.coupon_id, v.coupon_id AS of_version, k.coupon_id AS of_code FROM {_REDEMPTION} r"
        f" JOIN {_VERSION} v ON v.id = r.version_id LEFT JOIN {_CODE} k ON k.id = r.code_id"
        " WHERE v.coupon_id <> r.coupon_id OR k.coupon_id <> r.coupon_id",
        "redemption %(id)s is of coupon %(coupon_id)s, its version of %(of_version)s,"
        " its code of %(of_code)s",
    ),
    _law(
        "one_version_at_a_time",
        "Has every coupon one promise at a time?",
        f"SELECT later.id, later.coupon_id, earlier.number FROM {_VERSION} later JOIN {_VERSION} earlier"
        " ON earlier.coupon_id = later.coupon_id AND earlier.number < later.number"
        " WHERE earlier.starts_at IS NOT NULL AND later.starts_at IS NOT NULL"
        " AND (earlier.ends_at IS NULL OR earlier.ends_at > later.starts_at)",
        "version %(id)s of coupon %(coupon_id)s begins while version %(number)s lasts",
    ),
    _law(
        "reservations_are_written_off",
        "Has every reservation been given back a day after its time was up?",
        f"SELECT o.id, o.reference FROM {_ORDER} o WHERE o.state = '{UseState.RESERVED.value}'"
        " AND o.expires_at <= %s",
        "order %(id)s (%(reference)s) still holds what it reserved, a day after its time was up",
        late_after=LATE_AFTER,
    ),
)
INVARIANTS = tuple(law.invariant() for law in LAWS)
