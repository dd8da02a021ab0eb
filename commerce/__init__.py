"""What the shop tells us: channels, customers, products, purchases and returns."""
