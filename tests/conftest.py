"""What every test shares. The strict rules are in `tests/harness/`, one file per rule."""
