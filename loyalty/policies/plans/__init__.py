"""Paid membership: what a plan promises, how long a payment lasts, and what that is worth to a member."""
