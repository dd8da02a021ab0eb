"""Paid membership: who is in which plan, what is due, and what it was or would be worth."""
