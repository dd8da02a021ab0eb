"""Up to how much somebody may do with gift cards alone, and what waits for approval, in words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from backstage.policies import By
from commerce.policies.segments.words import say_money
from coupons.models import GiftCard, GiftCardLimit
from coupons.policies.gift_card_errors import GiftCardRefusal

APPROVAL_KIND = "gift_card"


class OverGiftCardLimit(GiftCardRefusal):
    """More than this person may do with a gift card without a second look."""

    def __init__(self, *, asked_minor: int, limit_minor: int, currency: str) -> None:
        self.asked_minor, self.limit_minor, self.currency = asked_minor, limit_minor, currency
        super().__init__(
            _("%(asked)s is over your limit of %(limit)s. Somebody else has to approve it.")
            % {"asked": say_money(asked_minor, currency), "limit": say_money(limit_minor, currency)}
        )


def find_limit(*, currency: str, by: By) -> int | None:
    """Return what this person may do alone, None for any amount: only staff is limited. Queries: 1."""
    if by.kind != "staff":
        return None
    return GiftCardLimit.objects.filter(currency=currency).values_list("alone_minor", flat=True).first()


def check_alone(*, asked_minor: int, currency: str, by: By) -> None:
    """Ask whether this person may do this alone. Queries: 1. Raises: OverGiftCardLimit."""
    limit_minor = find_limit(currency=currency, by=by)
    if limit_minor is not None and asked_minor > limit_minor:
        raise OverGiftCardLimit(asked_minor=asked_minor, limit_minor=limit_minor, currency=currency)


def describe_request(payload: Mapping[str, Any]) -> str:
    """Say in one sentence what will happen. Queries: 0."""
    told = {
        "card": payload["last_four"],
        "amount": say_money(payload["amount_minor"], payload["currency"]),
        "order": payload.get("reference", ""),
    }
    if payload["deed"] == "activate":
        return _("Let the gift card that ends with %(card)s be used, with %(amount)s on it") % told
    if payload["deed"] == "void":
        return _("Make the gift card that ends with %(card)s void, with %(amount)s left on it") % told
    return _("Let %(amount)s in all come back from order %(order)s to the gift card %(card)s") % told


def find_request_facts(payload: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Give what somebody needs to decide. Queries: 1."""
    return {"card": GiftCard.objects.get(pk=payload["card_id"])}
