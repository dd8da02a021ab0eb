"""How fast the product is, as ratios to what the database does without it.

Run it with `python3 bootstrap.py bench`. Absolute figures move with the machine and its neighbours, so each
row times the product between two windows of a reference that writes the same rows by itself, in the same
database, in the same minute. `docs/performance.md` says what each row compares.
"""
