"""What may be done to channels, customers, purchases and segments."""

from commerce.operations.channels import ChannelError, change_channel, open_channel
from commerce.operations.customers import (
    claim_guest_purchases,
    dismiss_duplicate,
    merge_customers,
    unmerge_customer,
    verify_identity,
)
from commerce.operations.problems import Problem, list_problems, resolve_problem
from commerce.operations.products import ProductSnapshot, sync_products
from commerce.operations.reactions import Settled, react, settle_purchases
from commerce.operations.segments import delete_segment, save_segment
from commerce.operations.sync import PurchaseResult, sync_purchase, sync_purchases

__all__ = [
    "ChannelError",
    "Problem",
    "ProductSnapshot",
    "PurchaseResult",
    "Settled",
    "change_channel",
    "claim_guest_purchases",
    "delete_segment",
    "dismiss_duplicate",
    "list_problems",
    "merge_customers",
    "open_channel",
    "react",
    "resolve_problem",
    "save_segment",
    "settle_purchases",
    "sync_products",
    "sync_purchase",
    "sync_purchases",
    "unmerge_customer",
    "verify_identity",
]
