"""The rules of coupons, as pure functions over plain values."""
