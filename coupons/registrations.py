"""What coupons puts into the doors of the apps below it."""
