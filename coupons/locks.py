"""Every row lock of the app, in the global order: tries → sites, sheets, alerts → gift cards.

Each kind is locked in one statement by ascending id, and nothing earlier in the order is locked afterwards. A
gift card's row is the lock of its reservations and movements. `no_key=True`, because a plain FOR UPDATE would
block the key check of every insert that points at the row. On SQLite, where a transaction that writes is
alone (IMMEDIATE), these are plain reads.
"""

from collections.abc import Collection
from uuid import UUID

from backstage.transactions import require_read_committed, require_transaction
from coupons.models import CodeAlert, CodeTries, GiftCard, PublisherSite, Submission


def lock_tries(*, source_hash: str) -> CodeTries:
    """Lock what one source has tried; the row must be there. Queries: 1."""
    require_transaction()
    return CodeTries.objects.select_for_update(no_key=True).get(source_hash=source_hash)


def lock_site(site_id: int) -> PublisherSite:
    """Lock one coupon site, to change it or its sheets; nothing is locked before it. Raises:
    PublisherSite.DoesNotExist.
    """
    require_transaction()
    return PublisherSite.objects.select_for_update(no_key=True).get(id=site_id)


def lock_submission(submission_id: int) -> Submission:
    """Lock one sheet, to take it a step on; its code is locked after it. Raises: Submission.DoesNotExist."""
    require_transaction()
    return Submission.objects.select_for_update(no_key=True).get(id=submission_id)


def lock_alert(alert_id: int) -> CodeAlert:
    """Lock one alert about a code, to settle it; the code is locked after it. Raises:
    CodeAlert.DoesNotExist.
    """
    require_transaction()
    return CodeAlert.objects.select_for_update(no_key=True).get(id=alert_id)


def lock_gift_cards(*, card_ids: Collection[int] = (), handles: Collection[UUID] = ()) -> list[GiftCard]:
    """Lock these gift cards, by ascending id. Nothing is locked after them. Queries: 1."""
    require_transaction()
    require_read_committed()
    chosen = {"handle__in": list(handles)} if handles else {"id__in": sorted(card_ids)}
    return list(GiftCard.objects.filter(**chosen).order_by("id").select_for_update(no_key=True))
