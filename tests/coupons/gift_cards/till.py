"""A shop that sells gift cards and takes them: what tests of gift cards are written with."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction

from backstage.registry import jobs
from coupons.models import GiftCard, GiftCardHold, GiftCardMovement
from coupons.operations.gift_cards.issuing import issue_gift_card
from coupons.operations.gift_cards.refunding import refund_to_gift_card
from coupons.operations.gift_cards.spending import capture_gift_card, reserve_gift_card
from coupons.policies.gift_cards import COUNTERS

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def day(number: float) -> datetime:
    """So many days after noon of 3 March 2026."""
    return NOON + timedelta(days=number)


def sell(amount_minor: int = 5000, *, key: str = "", **told) -> GiftCard:
    """Issue a card; `told` are facts of `issue_gift_card`."""
    told = {"currency": "EUR", "at": NOON, **told}
    key = key or f"sale:{GiftCard.objects.count()}"
    return GiftCard.objects.get(id=issue_gift_card(amount_minor=amount_minor, key=key, **told).card_id)


def reserve(card: GiftCard | UUID, amount_minor: int, *, at: datetime = NOON, order: str = "1001", **told):
    handle = card if isinstance(card, UUID) else card.handle
    key = told.pop("key", f"{order}:{handle}:{amount_minor}:{at}")
    told = {"currency": "EUR", "channel": "web", "reference": order, **told}
    return reserve_gift_card(card=handle, amount_minor=amount_minor, key=key, at=at, **told)


def use(card: GiftCard, amount_minor: int, *, at: datetime = NOON, order: str = "1001", **told):
    """Reserve and capture at once, as a till does."""
    held = reserve(card, amount_minor, at=at, order=order, **told)
    return capture_gift_card(hold_id=held.hold_id, at=at)


def refund(card: GiftCard, total_minor: int, *, at: datetime = NOON, order: str = "1001") -> int:
    return refund_to_gift_card(
        card=card.handle, channel="web", reference=order, refunded_minor=total_minor, at=at
    )


def money_of(card: GiftCard) -> dict[str, int]:
    """Where the money of a card is, by its row; places without any are left out."""
    row = GiftCard.objects.get(id=card.id)
    money = {place.value: getattr(row, f"{place.value}_minor") for place in COUNTERS}
    return {place: minor for place, minor in money.items() if minor}


def moves_of(card: GiftCard) -> list[tuple[str, int]]:
    rows = GiftCardMovement.objects.filter(card_id=card.id).order_by("id")
    return list(rows.values_list("move", "amount_minor"))


def written() -> tuple:
    """Everything that a deed could have left behind."""
    models = (GiftCard, GiftCardHold, GiftCardMovement)
    return tuple(tuple(model.objects.order_by("id").values_list()) for model in models)


def run_job(name: str, at: datetime) -> int:
    """Do a job's chunks here and now, as the job runner does; give what was done."""
    job, done = jobs.get(name), 0
    for chunk in job.plan(at):
        with transaction.atomic():
            done += job.work(chunk, at, 1).done
    return done
