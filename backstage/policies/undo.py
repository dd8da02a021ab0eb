"""For how long a click can be taken back."""

from datetime import timedelta

# Long enough to see what one has done; nobody else has acted on it yet.
UNDO_TIME = timedelta(minutes=1)
