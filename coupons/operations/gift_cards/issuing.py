"""Gift cards are issued: sold with an order, or by staff."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import available_timezones

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from backstage import clock
from backstage.policies import SHOP, By
from commerce.policies.card_numbers import has_card_number
from commerce.policies.snapshot import CURRENCIES
from coupons.ledger import gift_cards as ledger
from coupons.models import GiftCard
from coupons.operations.gift_cards.caring import draw_new_code, get_locked, record
from coupons.policies.gift_card_errors import GiftCardKeyReused, GiftCardStepRefused
from coupons.policies.gift_cards import GiftCardMove, GiftCardState
from coupons.queries.gift_cards import load_books

# More is a slip of the finger in every currency of the world.
MOST_MINOR = 10**11


@dataclass(frozen=True, slots=True)
class IssuedGiftCard:
    """A card, and its code, which is told this once and kept nowhere.

    A repeated request is answered with the card that stands and no code; `renew_gift_card_code` makes a new
    one where the first was lost.
    """

    card_id: int
    card: UUID
    code: str
    last_four: str
    is_replay: bool


def issue_gift_card(
    *,
    amount_minor: int,
    currency: str,
    key: str,
    expires_at: datetime | None = None,
    time_zone: str = "",
    channel: str = "",
    reference: str = "",
    buyer_id: int | None = None,
    owner_id: int | None = None,
    recipient: str = "",
    message: str = "",
    waits: bool = False,
    at: datetime | None = None,
    by: By = SHOP,
) -> IssuedGiftCard:
    """Issue a gift card that was paid for, with the order it was sold with.

    `expires_at` is the moment from which it can't be used, midnight after its last day in `time_zone`; None
    for a card without an end. With `waits` it is worth nothing until `activate_gift_card`. Units: minor units
    of `currency`. Replay: the same key with the same content answers with the card that stands. Raises:
    GiftCardKeyReused; ValueError for an amount, currency, zone or end that cannot be.
    """
    at = clock.now() if at is None else at
    time_zone = time_zone or settings.TIME_ZONE
    _check(amount_minor, currency, time_zone, f"{recipient}\n{message}", key)
    told = {"amount_minor": amount_minor, "currency": currency, "expires_at": expires_at, "waits": waits}
    mark = ledger.fingerprint(**told, channel=channel, reference=reference, owner_id=owner_id)
    if standing := GiftCard.objects.filter(issue_key=key).first():
        return _replay(standing, mark)
    if expires_at is not None and expires_at <= at:
        raise ValueError(f"expires_at is {expires_at}, which is over. Name a later moment, or None.")
    code, columns = draw_new_code()
    card = GiftCard(
        **columns,
        issue_key=key,
        fingerprint=mark,
        currency=currency,
        state=GiftCardState.WAITING.value,
        issued_minor=amount_minor,
        time_zone=time_zone,
        expires_at=expires_at,
        channel=channel,
        reference=reference,
        buyer_id=buyer_id,
        owner_id=owner_id,
        recipient=recipient,
        message=message,
        issued_at=at,
    )
    with transaction.atomic():
        # Where somebody was faster with the key, nothing is stored and theirs is answered.
        GiftCard.objects.bulk_create([card], ignore_conflicts=True)
        card = GiftCard.objects.get(issue_key=key)
        if card.code_hash != columns["code_hash"]:
            return _replay(card, mark)
        record(card, kind="gift_card_issued", at=at, by=by, after={**told, "channel": channel})
        if not waits:
            _activate(card, at=at, by=by)
    return IssuedGiftCard(card.pk, card.handle, code, card.last_four, is_replay=False)


def activate_gift_card(*, card_id: int, at: datetime | None = None, by: By = SHOP) -> GiftCard:
    """Let a card that waited be used. From now on its money is owed.

    Locks: the card. Replay: an active card stays active. Raises: GiftCardUnknown, GiftCardStepRefused.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        card = get_locked(card_id)
        if card.state == GiftCardState.WAITING:
            _activate(card, at=at, by=by)
            record(card, kind="gift_card_activated", at=at, by=by)
        elif card.state == GiftCardState.VOID:
            raise GiftCardStepRefused(state=card.state, deed="activated")
    return card


def _activate(card: GiftCard, *, at: datetime, by: By) -> None:
    book = load_books([card])[card.pk]
    order = (card.channel, card.reference)
    book.move(GiftCardMove.ISSUE, card.issued_minor, at, order=order, is_asked=True)
    active = {"state": GiftCardState.ACTIVE.value}
    ledger.write(card, book=book, at=at, by=by, key="issue", content={"order": order}, changes=active)


def _replay(card: GiftCard, mark: str) -> IssuedGiftCard:
    if card.fingerprint != mark:
        raise GiftCardKeyReused(key=card.issue_key)
    return IssuedGiftCard(card.pk, card.handle, "", card.last_four, is_replay=True)


def _check(amount_minor: int, currency: str, time_zone: str, texts: str, key: str) -> None:
    if not 0 < amount_minor <= MOST_MINOR:
        raise ValueError(f"amount_minor is {amount_minor}. Give a positive number of minor units.")
    if currency not in CURRENCIES:
        raise ValueError(f'currency is {currency!r}. Give an ISO 4217 code such as "EUR".')
    if time_zone not in available_timezones():
        raise ValueError(f"time_zone is {time_zone!r}. Give a name such as Europe/Oslo.")
    if has_card_number(texts):
        raise ValueError(_("The texts hold what looks like a payment card's number. Leave it out."))
    if not key:
        raise ValueError("key is empty. Give one that is the same whenever this request is repeated.")
