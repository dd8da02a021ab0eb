"""What a key for machines looks like, and how one is told from another. Nothing here keeps a secret.

A key reads `encore_PREFIX_SECRET`. The prefix names the row and helps to find a key that has leaked; the
secret has 192 bits of chance, so that a plain SHA-256 of the whole is enough: nobody guesses their way back.
"""

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256

BRAND = "encore"
PREFIX_LENGTH, SECRET_LENGTH = 8, 32
_KEY = re.compile(rf"{BRAND}_([a-z0-9]{{{PREFIX_LENGTH}}})_([A-Za-z0-9_-]{{{SECRET_LENGTH}}})")
# What an unknown key is compared with, so that it takes as long as a wrong one.
NO_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who stands behind a key that was shown, and what it is good for."""

    key_id: int
    owner_kind: str
    owner_id: str
    scopes: frozenset[str]


def prefix_of(text: str) -> str:
    """Name the row that a key may stand in; nothing for what is no key."""
    found = _KEY.fullmatch(text)
    return found.group(1) if found else ""


def write_key(prefix: str, secret: str) -> str:
    """Put a key together as its owner keeps it."""
    return f"{BRAND}_{prefix}_{secret}"


def digest_of(text: str) -> str:
    """Condense a key, or what a form carries, into what may be stored."""
    return sha256(text.encode()).hexdigest()


def is_same(digest: str, stored: str) -> bool:
    """Compare two digests in a time that does not tell where they differ."""
    return hmac.compare_digest(digest.encode(), stored.encode())
