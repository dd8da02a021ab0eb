"""Every row lock of the app, in the global order: purchase → award → accounts by member → lots.

Each kind is locked in one statement by ascending id, and nothing earlier in the order is locked afterwards.
`no_key=True`, because a plain FOR UPDATE would block the key check of every insert that points at the row.
A member's account is the lock of all their lots and holds. On SQLite, where a transaction that writes is alone
(IMMEDIATE), these are plain reads.
"""

from collections.abc import Iterable

from loyalty.models import Award, PointsAccount


def lock_awards(*, programme_id: int, purchase_ids: Iterable[int]) -> dict[int, Award]:
    """Lock the awards of these purchases in one programme; give them by purchase id. The purchases come first."""
    awards = Award.objects.select_for_update(no_key=True).filter(
        programme_id=programme_id, purchase_id__in=list(purchase_ids)
    )
    return {award.purchase_id: award for award in awards.order_by("id")}


def lock_accounts(member_ids: Iterable[int]) -> dict[int, PointsAccount]:
    """Lock the accounts of these members by ascending member id; give them by member id."""
    accounts = PointsAccount.objects.select_for_update(no_key=True).filter(member_id__in=list(member_ids))
    return {account.member_id: account for account in accounts.order_by("member_id")}
