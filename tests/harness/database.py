"""Which database this run is on.

Loaded by `-p`, because pytest-django reads the settings before any `conftest.py`: a DATABASE_URL set there would be too
late, and the run would silently stay on SQLite.
"""

import os

os.environ.setdefault("SECRET_KEY", "the suite signs nothing that leaves it")
