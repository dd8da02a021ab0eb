"""A gift card asked for by its code: throttled, with one answer for whatever is not to be told."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from backstage import clock
from coupons.models import GiftCard
from coupons.operations.tries import give_try_back, take_try
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
    transaction. Locks: the source's tries. Queries: 5, the same for every code that is not
    found, and 2 more for one that is.
    """
    at = clock.now() if at is None else at
    # Taken first and given back: many at once could otherwise all look before the first one is counted.
    if wait := take_try(source=source, at=at):
        return GiftCardLookUp(None, -(-wait // timedelta(seconds=1)))
    # An unknown code asks for reservations as well, of a card that is none: the time tells nothing.
    card = find_card(code) or GiftCard(id=0, currency=currency, state=GiftCardState.VOID.value)
    balance = balance_of(card, load_books([card])[card.pk], at)
    if card.state != GiftCardState.ACTIVE or currency not in ("", card.currency):
        return GiftCardLookUp(None)
    give_try_back(source=source)
    return GiftCardLookUp(balance)
