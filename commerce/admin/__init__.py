"""The admin of commerce: what the shop told us, and what a person has to look at."""

from commerce.admin.channels import ChannelAdmin
from commerce.admin.customers import CustomerAdmin, PossibleDuplicateAdmin
from commerce.admin.problems import PurchaseProblemAdmin
from commerce.admin.products import ImportAdmin, ProductAdmin
from commerce.admin.purchases import PurchaseAdmin
from commerce.admin.segments import SegmentAdmin

__all__ = [
    "ChannelAdmin",
    "CustomerAdmin",
    "ImportAdmin",
    "PossibleDuplicateAdmin",
    "ProductAdmin",
    "PurchaseAdmin",
    "PurchaseProblemAdmin",
    "SegmentAdmin",
]
