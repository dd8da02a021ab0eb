"""Rules as pure functions over plain values: no ORM, no clock, no settings."""
