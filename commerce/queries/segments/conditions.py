"""Every condition that commerce itself knows."""

from typing import Final

from commerce.queries.segments import goods, profiles, purchases, ranks
from commerce.registry import SegmentCondition

CONDITIONS: Final[tuple[SegmentCondition, ...]] = (
    purchases.SPEND,
    purchases.ORDERS,
    purchases.LAST_PURCHASE,
    purchases.CHANNEL,
    goods.PRODUCT,
    goods.BRAND,
    goods.CATEGORY,
    ranks.TOP_REVENUE,
    ranks.CLASSES,
    profiles.PLACE,
    profiles.AGE,
    profiles.BIRTHDAY,
    profiles.ATTRIBUTE,
    profiles.TAG,
)
