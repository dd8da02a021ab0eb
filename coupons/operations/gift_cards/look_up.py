"""A gift card asked for by its code: throttled, with one answer for whatever is not to be told."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from backstage import clock
from coupons.models import GiftCard
from coupons.operations.tries import count_wrong_try, wait_for_try
from coupons.policies.gift_cards import GiftCardState
from coupons.queries.gift_card_codes import find_card
from coupons.queries.gift_cards import GiftCardBalance, balance_of, load_books


@dataclass(frozen=True, slots=True)
class GiftCardLookUp:
    """What may be said of a code. Without `found`, tell the customer to check the code or to ask the shop.

    `wait_seconds` is set where this source has tried too many wrong ones; the code was not looked at then.
    """

    found: GiftCardBalance | None
    wait_seconds: int = 0


def look_up_gift_card(
    *, code: str, source: str, currency: str = "", at: datetime | None = None
) -> GiftCardLookUp:
    """Find a gift card by its code, for a checkout or a page that shows what is left.

    `source` is who asks: an address, a session. A code that does not exist, a card that is void, paused or
    not approved yet, and with `currency` one of another currency, get one answer after the same questions to
    the database. A card that is over is found, with nothing on it, because its owner needs to know why.

    It answers and never raises, so that a wrong try is still counted where the shop keeps each request in one
    transaction. Locks: the source's tries. Queries: 7, the same for every code that is not found.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        if wait_seconds := wait_for_try(source=source, at=at):
            return GiftCardLookUp(None, wait_seconds)
        found = find_card(code)
        # An unknown code asks for reservations as well, of a card that is none: the time tells nothing.
        card = found or GiftCard(id=0, currency=currency, state=GiftCardState.VOID.value)
        balance = balance_of(card, load_books([card])[card.pk], at)
        is_shown = card.state == GiftCardState.ACTIVE and currency in ("", card.currency)
        if not is_shown:
            count_wrong_try(source=source, at=at)
        return GiftCardLookUp(balance if is_shown else None)
