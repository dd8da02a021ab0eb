"""Loyalty: programme, members, the points ledger and what purchases earn."""
