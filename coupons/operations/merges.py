"""What the merge of two customers means for how often they had coupons."""

from collections import defaultdict
from datetime import datetime

from backstage.policies import By
from commerce.queries.customers import list_merged
from coupons.models import CouponUse, Redemption
from coupons.operations.counters import store_uses
from coupons.policies.states import STANDING_USES


def merge_uses(*, source_id: int, target_id: int, at: datetime, by: By) -> None:
    """Count the source's uses for the target, in the caller's transaction. Redemptions stay."""
    _recount(
        {target_id: {*list_merged(customer_id=source_id), *list_merged(customer_id=target_id)}}, source_id
    )


def unmerge_uses(*, source_id: int, target_id: int, at: datetime, by: By) -> list[str]:
    """Count each for themselves again. What was redeemed while they were one stays the target's."""
    source = set(list_merged(customer_id=source_id))
    _recount({source_id: source, target_id: set(list_merged(customer_id=target_id)) - source})
    return []


def _recount(families: dict[int, set[int]], *emptied: int) -> None:
    """Store the uses of these survivors anew, each from the redemptions of a family."""
    uses = CouponUse.objects.filter(customer_id__in=[*families, *emptied])
    counts = dict.fromkeys(uses.values_list("coupon_id", "customer_id"), 0)
    found: dict[tuple[int, int], int] = defaultdict(int)
    for survivor_id, family in families.items():
        standing = Redemption.objects.filter(customer_id__in=family, state__in=STANDING_USES)
        for coupon_id in standing.values_list("coupon_id", flat=True):
            found[coupon_id, survivor_id] += 1
    store_uses({**counts, **found})
