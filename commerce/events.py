"""Facts that other apps may hear of, in the past tense.

They are hints, sent after commit and robustly: a receiver that fails or is never called loses nothing,
because `settle_purchases` finds the same purchases by their revision.
"""

from django.dispatch import Signal

# Sent with `ids`, the list of purchases whose revision rose.
purchases_synced = Signal()
