"""The lock under which a programme's rules change, and the stamp that says that they have."""

from uuid import uuid4

from loyalty.locks import lock_programme
from loyalty.models import Programme


def lock_for_change(programme_id: int) -> Programme:
    """Lock the programme and give it a new stamp, so that no process goes on with the rules that it knows."""
    programme = lock_programme(programme_id)
    programme.rules_stamp = uuid4()
    programme.save(update_fields=["rules_stamp"])
    return programme
