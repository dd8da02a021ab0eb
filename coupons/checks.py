"""System checks of coupons: what is wrong in its doors."""

from typing import Any

from django.core.checks import CheckMessage, register

from backstage.checks import find_duplicates
from coupons.registry import collision_checks, coupon_previews


@register()
def check_doors(**_kwargs: Any) -> list[CheckMessage]:
    """encore.E002: two apps add to the preview of coupons, or warn of collisions, under one name."""
    return [*find_duplicates(coupon_previews), *find_duplicates(collision_checks)]
