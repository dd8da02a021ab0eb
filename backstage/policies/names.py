"""What somebody probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name closest to `name`, or nothing when none is close.

    >>> nearest("relase_due_points", ["release_due_points", "expire_due_points"])
    'release_due_points'
    """
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.6)), "")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of an error message that helps with a misspelt name."""
    candidates = sorted(known)
    match = nearest(name, candidates)
    if match:
        return f"Did you mean {match!r}?"
    return f"Known: {', '.join(candidates)}." if candidates else "None is known."
