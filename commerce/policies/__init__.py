"""Rules as pure functions over plain values."""
