"""Coupons: terms, codes, what a basket gets for them, and what was redeemed."""
