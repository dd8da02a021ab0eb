"""Paid membership: plans by versions; starting, renewing, cancelling and refunding what was paid for."""
