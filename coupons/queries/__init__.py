"""Questions about coupons."""
