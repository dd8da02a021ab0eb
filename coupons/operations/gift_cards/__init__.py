"""Gift cards: issued, spent, refunded, looked after."""
