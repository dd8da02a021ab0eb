"""Numbers that a loyalty programme gives its members, made known to the tills."""

from collections.abc import Mapping
from datetime import datetime

from backstage.transactions import require_transaction
from commerce.models import Identity
from commerce.policies.identities import IdentityKind


def note_member_numbers(*, numbers: Mapping[int, str], at: datetime) -> None:
    """Let purchases that come with these numbers find their customers, by customer id.

    In the caller's transaction, that of the enrolment. The shop gave the numbers itself, so nothing is left
    to prove. Replay: a number that is known already stays as it is. Queries: 1; 0 without numbers.
    """
    require_transaction()
    Identity.objects.bulk_create(
        [
            Identity(
                customer_id=customer_id,
                kind=IdentityKind.MEMBER_NUMBER.value,
                value=number,
                verified_at=at,
                created_at=at,
            )
            for customer_id, number in sorted(numbers.items())
        ],
        ignore_conflicts=True,
    )
