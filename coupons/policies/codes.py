"""How codes read: what somebody types is brought into the one form in which codes are stored and compared."""

import re
import unicodedata

# What people put between the groups of a code, in any script of a keyboard.
SEPARATORS = re.compile(r"[\s\-‐‑‒–—_.·]+")
CODE = re.compile(r"[0-9A-Z]+")


def normal_code(text: str) -> str:
    """Return what is stored of a code: capital letters and digits, "beans-20 " as "BEANS20".

    >>> normal_code(" beans – 20")
    'BEANS20'
    """
    return SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


def is_code(code: str) -> bool:
    """Tell whether a normal code is made of letters A to Z and digits alone."""
    return CODE.fullmatch(code) is not None
