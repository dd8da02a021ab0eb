"""Paid membership: what a plan promises, and how long a payment lasts."""
