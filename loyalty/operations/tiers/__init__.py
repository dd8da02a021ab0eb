"""Changes to levels: their versions, who gets one by hand or by a plan, and what purchases make of them."""
