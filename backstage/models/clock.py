"""How far a demo has moved the business clock."""

from django.db import models
from django.db.models import Q


class ClockOffset(models.Model):
    """The one row that moves the business clock of a demo forward; it has no states.

    Written by `clock.advance`. Seconds and not a timestamp, so that time still passes while the demo runs.
    """

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    seconds = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="encore_clockoffset_only_one"),
            models.CheckConstraint(condition=Q(seconds__gte=0), name="encore_clockoffset_forward"),
        ]

    def __str__(self) -> str:
        return f"{self.seconds} s"
