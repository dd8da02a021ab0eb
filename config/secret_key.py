"""A secret key for a site that only this machine can reach, so that a first try needs no configuration."""

import os
import tempfile
from pathlib import Path

from django.core.management.utils import get_random_secret_key


def read_or_create(path: Path) -> str:
    """Return the key kept at `path`; make one on the first call.

    The site, the worker and the beat of a demo start at the same moment. The key is therefore written to a
    file of its own and linked into place: whoever comes second finds a whole key, never half of one.
    """
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent)  # readable by its owner alone
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(get_random_secret_key())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its key is the one
    finally:
        os.unlink(draft)
    return path.read_text(encoding="ascii")
