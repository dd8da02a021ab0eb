"""What may be done to coupons, codes and redemptions."""
