"""The tables of what the shop told us.

A purchase is kept as the shop last described it, never as a sum of events. Nothing here knows of points.
"""

from commerce.models.channels import Channel
from commerce.models.customers import Customer, Identity, PossibleDuplicate
from commerce.models.imports import Cancellation, Import
from commerce.models.products import Product
from commerce.models.purchases import Purchase, PurchaseLine, PurchaseProblem, Return, Tender
from commerce.models.segments import Segment
from commerce.models.settling import ChangedPurchase, Sweep

__all__ = [
    "Cancellation",
    "ChangedPurchase",
    "Channel",
    "Customer",
    "Identity",
    "Import",
    "PossibleDuplicate",
    "Product",
    "Purchase",
    "PurchaseLine",
    "PurchaseProblem",
    "Return",
    "Segment",
    "Sweep",
    "Tender",
]
