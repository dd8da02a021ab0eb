"""The addresses of coupons that a browser, a coupon site or a machine asks. They read the clock."""
