"""What staff reads when an operation refuses: mostly that somebody was faster, and how things stand now.

The refusals themselves speak to developers, in English and with their numbers; nothing was changed by any.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage.registry import Text
from commerce.policies.segments.words import say_money, say_number
from coupons.models.sites import SubmissionStateChoices
from coupons.operations import alerts, batch_codes, batches, sites, submissions
from coupons.operations.coupon_steps import CouponStepRefused
from coupons.policies import gift_card_errors as cards
from coupons.policies.gift_cards import GiftCardState
from coupons.policies.sites import SubmissionState
from coupons.policies.states import CodeState, CouponState

Say = Callable[[Any, str], Text]

COUPONS: Mapping[str, Text] = {
    CouponState.DRAFT: gettext_lazy("The coupon is a draft by now. Look again at what can be done."),
    CouponState.ON: gettext_lazy("The coupon is switched on by now. Look again at what can be done."),
    CouponState.PAUSED: gettext_lazy("The coupon is paused by now. Look again at what can be done."),
    CouponState.ENDED: gettext_lazy("The coupon has ended, so nothing about it changes any more."),
}
BATCHES: Mapping[str, Text] = {
    CodeState.READY: gettext_lazy("These codes are good by now. Look again at what can be done."),
    CodeState.PAUSED: gettext_lazy("These codes are paused by now. Look again at what can be done."),
    CodeState.VOID: gettext_lazy("These codes are void for good."),
}
CODES: Mapping[str, Text] = {
    CodeState.READY: gettext_lazy("This code is good by now. Look again at what can be done."),
    CodeState.PAUSED: gettext_lazy("This code is paused by now. Look again at what can be done."),
    CodeState.VOID: gettext_lazy("This code is void for good."),
}
CARDS: Mapping[str, Text] = {
    GiftCardState.WAITING: gettext_lazy("The gift card waits for approval, so this can't be done yet."),
    GiftCardState.ACTIVE: gettext_lazy("The gift card is in use by now. Look again at what can be done."),
    GiftCardState.PAUSED: gettext_lazy("The gift card is paused by now. Look again at what can be done."),
    GiftCardState.VOID: gettext_lazy("The gift card is void for good."),
}


def say_refusal(refusal: Exception, currency: str = "") -> str:
    """Say a refusal in the reader's language; `currency` is that of the amounts in it."""
    for kind, say in _SAID.items():
        if isinstance(refusal, kind):
            return str(say(refusal, currency))
    return str(refusal)


def _say_coupon(refusal: CouponStepRefused, currency: str) -> Text:
    late = _("The coupon ended more than a minute ago, so that can't be taken back any more.")
    return COUPONS.get(refusal.state, late)


def _say_batch(refusal: batches.BatchStepRefused, currency: str) -> Text:
    return BATCHES[refusal.state]


def _say_unfinished(refusal: batches.BatchUnfinished, currency: str) -> Text:
    gaps = {"made": say_number(refusal.made), "wanted": say_number(refusal.wanted)}
    return _("Made so far: %(made)s of %(wanted)s. Wait for the others, then make more.") % gaps


def _say_changed(refusal: batches.BatchChanged, currency: str) -> Text:
    gaps = {"seen": say_number(refusal.seen), "wanted": say_number(refusal.wanted)}
    return _("There are %(wanted)s by now, not %(seen)s. Look at the batch again.") % gaps


def _say_code(refusal: batch_codes.CodeStepRefused, currency: str) -> Text:
    return CODES[CodeState.VOID] if refusal.state == CodeState.VOID else _("This code has been used already.")


def _say_alert(refusal: alerts.AlertSettled, currency: str) -> Text:
    return _("Somebody has settled this alert already, on %(day)s.") % {"day": _day(refusal.settled_at)}


def _say_leaked(refusal: alerts.CodeNotReady, currency: str) -> Text:
    return CODES[refusal.state]


def _say_site(refusal: sites.SiteEnded, currency: str) -> Text:
    gaps = {"name": refusal.name, "day": _day(refusal.ended_at)}
    return _("%(name)s was ended on %(day)s. Add it anew, under another name.") % gaps


def _say_sheet(refusal: submissions.SubmissionStepRefused, currency: str) -> Text:
    state = SubmissionStateChoices(SubmissionState(refusal.state).value).label
    return _("This sheet stands elsewhere by now: %(state)s.") % {"state": state}


def _say_card(refusal: cards.GiftCardStepRefused, currency: str) -> Text:
    return CARDS[refusal.state]


def _say_unusable(refusal: cards.GiftCardNotUsable, currency: str) -> Text:
    if refusal.ended_at is None:
        return CARDS[refusal.state]
    return _("The gift card ended on %(day)s.") % {"day": _day(refusal.ended_at)}


def _say_too_much(refusal: cards.TooMuchRefunded, currency: str) -> Text:
    gaps = {
        "used": say_money(refusal.used_minor, currency),
        "refunded": say_money(refusal.refunded_minor, currency),
    }
    return (
        _("The order took %(used)s from the card, and %(refunded)s has come back. Name a total between.")
        % gaps
    )


def _say_unknown(refusal: cards.GiftCardUnknown, currency: str) -> Text:
    return _("There is no such gift card.")


def _say_reused(refusal: cards.GiftCardKeyReused, currency: str) -> Text:
    return _("Something else was asked for on this page already. Open it anew, and ask again.")


def _day(at: datetime) -> str:
    return date_format(localtime(at), "DATE_FORMAT")


_SAID: Mapping[type[Exception], Say] = {
    CouponStepRefused: _say_coupon,
    batches.BatchStepRefused: _say_batch,
    batches.BatchUnfinished: _say_unfinished,
    batches.BatchChanged: _say_changed,
    batch_codes.CodeStepRefused: _say_code,
    alerts.AlertSettled: _say_alert,
    alerts.CodeNotReady: _say_leaked,
    sites.SiteEnded: _say_site,
    submissions.SubmissionStepRefused: _say_sheet,
    cards.GiftCardStepRefused: _say_card,
    cards.GiftCardNotUsable: _say_unusable,
    cards.TooMuchRefunded: _say_too_much,
    cards.GiftCardUnknown: _say_unknown,
    cards.GiftCardKeyReused: _say_reused,
}
