"""Deeds with gift cards over somebody's limit: asked for by one person, approved by another."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import approvals, audit
from backstage.policies import By
from backstage.policies.approvals import ChangeRefusedError
from coupons.models import GiftCard, GiftCardLimit
from coupons.operations.gift_cards.caring import get_locked, make_void, open_book, record
from coupons.operations.gift_cards.issuing import IssuedGiftCard, activate_gift_card, issue_gift_card
from coupons.operations.gift_cards.refunding import refund_to_gift_card
from coupons.policies.gift_card_errors import GiftCardRefusal
from coupons.policies.gift_cards import GiftCardState
from coupons.queries.gift_card_limits import APPROVAL_KIND, check_alone, find_limit


def sell_gift_card(
    *,
    amount_minor: int,
    currency: str,
    key: str,
    reason: str = "",
    at: datetime | None = None,
    by: By,
    **told: Any,
) -> IssuedGiftCard:
    """Issue a card by hand. Over the seller's limit it waits until somebody else has approved it.

    `told` are the other facts of `issue_gift_card`. Raises: ReasonMissingError where approval is needed and
    `reason` is empty, and what issuing raises.
    """
    at = clock.now() if at is None else at
    limit_minor = find_limit(currency=currency, by=by)
    waits = limit_minor is not None and amount_minor > limit_minor
    with transaction.atomic():
        issued = issue_gift_card(
            amount_minor=amount_minor, currency=currency, key=key, waits=waits, at=at, by=by, **told
        )
        if waits and not issued.is_replay:
            card = GiftCard.objects.get(id=issued.card_id)
            _request(card, {"deed": "activate", "amount_minor": amount_minor}, reason=reason, at=at, by=by)
    return issued


def request_void(*, card_id: int, reason: str, at: datetime | None = None, by: By) -> int:
    """Ask somebody else to make a card void; give the id of the approval. Nothing is void yet.

    Raises: GiftCardUnknown, ReasonMissingError.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        card = get_locked(card_id)
        amount_minor = open_book(card, at=at).balance_minor
        return _request(card, {"deed": "void", "amount_minor": amount_minor}, reason=reason, at=at, by=by)


def refund_by_hand(
    *,
    card_id: int,
    channel: str,
    reference: str,
    refunded_minor: int,
    reason: str,
    at: datetime | None = None,
    by: By,
) -> int:
    """Let money come back to a card by hand, with a reason in the log; return what came back now.

    Staff is held to the limit of the card's currency. Raises: ReasonMissingError, OverGiftCardLimit, and what
    `refund_to_gift_card` raises.
    """
    at = clock.now() if at is None else at
    if not reason.strip():
        raise approvals.ReasonMissingError
    with transaction.atomic():
        card = get_locked(card_id)
        back_minor = refund_to_gift_card(
            card=card.handle,
            channel=channel,
            reference=reference,
            refunded_minor=refunded_minor,
            at=at,
            by=by,
        )
        check_alone(asked_minor=back_minor, currency=card.currency, by=by)
        if back_minor:
            told = {"refunded_minor": back_minor, "channel": channel, "reference": reference}
            record(card, kind="gift_card_refunded", at=at, by=by, reason=reason, after=told)
    return back_minor


def request_refund(
    *,
    card_id: int,
    channel: str,
    reference: str,
    refunded_minor: int,
    reason: str,
    at: datetime | None = None,
    by: By,
) -> int:
    """Ask somebody else to let money come back to a card; give the id of the approval.

    Raises: GiftCardUnknown, ReasonMissingError.
    """
    at = clock.now() if at is None else at
    payload = {
        "deed": "refund",
        "channel": channel,
        "reference": reference,
        "refunded_minor": refunded_minor,
        "amount_minor": refunded_minor,
    }
    with transaction.atomic():
        return _request(get_locked(card_id), payload, reason=reason, at=at, by=by)


def apply_request(*, payload: Mapping[str, Any], at: datetime, by: By) -> None:
    """Do what was asked for, now that `by` has approved it, whatever the limits say.

    In the transaction of the approval. Raises: ChangeRefusedError when it cannot be done any more.
    """
    card_id, reason = payload["card_id"], payload["reason"]
    try:
        if payload["deed"] == "activate":
            activate_gift_card(card_id=card_id, at=at, by=by)
        elif payload["deed"] == "void":
            card = get_locked(card_id)
            if card.state != GiftCardState.VOID:
                make_void(card, book=open_book(card, at=at), at=at, by=by, reason=reason)
        else:
            refund_to_gift_card(
                card=UUID(payload["card"]),
                channel=payload["channel"],
                reference=payload["reference"],
                refunded_minor=payload["refunded_minor"],
                at=at,
                by=by,
            )
    except GiftCardRefusal as refusal:
        raise ChangeRefusedError(
            _("The card has changed meanwhile, so this can't be done any more. Refuse this.")
        ) from refusal


def set_gift_card_limit(
    *, currency: str, alone_minor: int | None, at: datetime | None = None, by: By
) -> None:
    """Set up to how much one person may sell, void or refund alone in a currency; None for no limit."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        before = GiftCardLimit.objects.filter(currency=currency).values_list("alone_minor", flat=True).first()
        if alone_minor is None:
            GiftCardLimit.objects.filter(currency=currency).delete()
        else:
            GiftCardLimit.objects.update_or_create(currency=currency, defaults={"alone_minor": alone_minor})
        if before != alone_minor:
            audit.record(
                kind="gift_card_limit_set",
                object_kind="gift_card_limit",
                object_id=currency,
                by=by,
                at=at,
                before={"alone_minor": before},
                after={"alone_minor": alone_minor},
            )


def _request(card: GiftCard, payload: Mapping[str, Any], *, reason: str, at: datetime, by: By) -> int:
    approval = approvals.request(
        kind=APPROVAL_KIND,
        key="",
        object_kind="gift_card",
        object_id=card.pk,
        payload={
            **payload,
            "card_id": card.pk,
            "card": str(card.handle),
            "last_four": card.last_four,
            "currency": card.currency,
            "reason": reason.strip(),
        },
        reason=reason,
        by=by,
        at=at,
        now=clock.real_now(),
    )
    return approval.pk
