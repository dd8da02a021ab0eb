"""What a gift card's page says: its money, its history, and what can be done with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage.policies.qr import draw_qr
from commerce.policies.segments.words import say_money
from coupons.models import GiftCard, GiftCardMovement
from coupons.models.gift_cards import GiftCardMoveChoices
from coupons.policies.gift_card_book import CardBook
from coupons.policies.gift_card_codes import in_groups
from coupons.policies.gift_cards import GiftCardMoney, GiftCardState
from coupons.queries.gift_card_figures import GiftCardFigures

MOST_MOVEMENTS = 200
# What each deed means for the card, and the button that leads to it.
DEEDS: dict[str, tuple[Any, Any]] = {
    "refund": (gettext_lazy("Something that it paid came back."), gettext_lazy("Give money back to it")),
    "extend": (
        gettext_lazy("It can be used longer. What has expired on it comes back."),
        gettext_lazy("Move its end"),
    ),
    "renew": (
        gettext_lazy("The card or the mail was lost. The old code stops, the money stays."),
        gettext_lazy("Make a new code"),
    ),
    "pause": (gettext_lazy("Nothing new can be paid with it until you resume it."), gettext_lazy("Pause")),
    "resume": (gettext_lazy("It can be used again."), gettext_lazy("Resume")),
    "void": (
        gettext_lazy("It ends for good, and what is left on it is owed to nobody."),
        gettext_lazy("Make it void"),
    ),
}
DEEDS_OF = {
    GiftCardState.WAITING.value: ("void",),
    GiftCardState.ACTIVE.value: ("refund", "extend", "renew", "pause", "void"),
    GiftCardState.PAUSED.value: ("resume", "refund", "extend", "renew", "void"),
    GiftCardState.VOID.value: (),
}


def say_day(at: datetime, card: GiftCard) -> str:
    """Write a moment as the day that it falls on where the card was sold."""
    return date_format(at.astimezone(ZoneInfo(card.time_zone)), "DATE_FORMAT")


def say_last_day(until: datetime | None, card: GiftCard) -> str:
    """Write the last whole day before an end."""
    if until is None:
        return _("no end")
    last = until.astimezone(ZoneInfo(card.time_zone))
    return date_format(last - last.resolution, "DATE_FORMAT")


def say_standing(card: GiftCard, book: CardBook, at: datetime) -> tuple[str, str]:
    """Give the color and the words of where a card stands."""
    if card.state == GiftCardState.ACTIVE and book.has_ended(at):
        return "ended", _("Over")
    if card.state == GiftCardState.ACTIVE and not book.balance_minor:
        return "ended", _("Used up")
    return card.state, str(card.get_state_display())


def tell_facts(card: GiftCard, book: CardBook) -> list[tuple[str, str]]:
    """Say what is known of a card, from a settled book."""
    money = {place: say_money(minor, card.currency) for place, minor in book.money.items()}
    facts = [
        (_("Sold for"), say_money(card.issued_minor, card.currency)),
        (_("Reserved now"), money[GiftCardMoney.HELD]),
        (_("Used"), money[GiftCardMoney.USED]),
    ]
    if book.money[GiftCardMoney.EXPIRED]:
        facts.append((_("Expired"), money[GiftCardMoney.EXPIRED]))
    if book.money[GiftCardMoney.VOIDED]:
        facts.append((_("Made void"), money[GiftCardMoney.VOIDED]))
    facts.append((_("Last day to use it"), say_last_day(book.usable_until, card)))
    facts.append((_("Sold on"), say_day(card.issued_at, card)))
    told = ((_("With order"), card.reference), (_("For"), card.recipient), (_("Message"), card.message))
    return facts + [(name, text) for name, text in told if text]


def tell_history(
    card: GiftCard, book: CardBook, movements: Sequence[GiftCardMovement]
) -> list[dict[str, str]]:
    """Say what has moved, newest first; what time has decided and nobody has written yet comes on top."""
    words = dict(GiftCardMoveChoices.choices)
    due = [(moved.move.value, moved.amount_minor, moved.order[1], moved.at) for moved in book.moves]
    written = [(row.move, row.amount_minor, row.reference, row.effective_at) for row in movements]
    return [
        {
            "what": str(words[move]),
            "amount": say_money(minor, card.currency),
            "order": order,
            "when": say_day(at, card),
        }
        for move, minor, order, at in [*reversed(due), *written]
    ]


def tell_deeds(card: GiftCard) -> list[tuple[str, Any, Any]]:
    """Give the deeds that a card allows: name, meaning, button."""
    return [(name, *DEEDS[name]) for name in DEEDS_OF[card.state]]


def tell_print(card: GiftCard, code: str) -> dict[str, Any]:
    """Give what is printed: the one place where a code is shown."""
    qr_path, qr_size = draw_qr(code)
    return {
        "card": card,
        "code": in_groups(code),
        "qr_path": qr_path,
        "qr_size": qr_size,
        "amount": say_money(card.issued_minor, card.currency),
        "last_day": say_last_day(card.expires_at, card) if card.expires_at else "",
    }


def tell_figures(figures: Sequence[GiftCardFigures]) -> list[dict[str, Any]]:
    """Say the sums of each currency in words."""
    return [
        {
            "currency": one.currency,
            "sold": say_money(one.sold_minor, one.currency),
            "used": say_money(one.used_minor, one.currency),
            "expired": say_money(one.expired_minor, one.currency),
            "owed": say_money(one.owed_minor, one.currency),
            "ages": [say_money(minor, one.currency) for minor in one.owed_by_age],
        }
        for one in figures
    ]
