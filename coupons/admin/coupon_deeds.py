"""What can be done with a coupon by a button, taken back for a minute, or asked for."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage import clock
from backstage.admin.base import by_staff
from backstage.admin.undo import offer_undo, read_undo, say_undone
from backstage.operations.approvals import ReasonMissingError
from backstage.registry import Text
from coupons.models import Coupon, CouponVersion
from coupons.operations import coupons as operations
from coupons.operations.coupon_requests import request_start
from coupons.operations.coupon_undo import undo_ending, undo_switching_on
from coupons.policies.states import Standing
from coupons.queries.second_look import needs_second_look, say_over, share_of

Operate = Callable[..., Any]
# What may be done from where, in the order of the buttons.
DEEDS: dict[Standing, tuple[str, ...]] = {
    Standing.DRAFT: ("start", "discard"),
    Standing.SCHEDULED: ("pause", "end"),
    Standing.RUNNING: ("pause", "end"),
    Standing.PAUSED: ("start", "end"),
    Standing.ENDED: (),
}
MEANINGS = {
    "start": (gettext_lazy("Baskets get it from its start on."), gettext_lazy("Switch it on")),
    "ask": (
        gettext_lazy("Somebody else looks at it first. It is switched on once they approve."),
        gettext_lazy("Ask to switch it on"),
    ),
    "pause": (gettext_lazy("No basket gets it, until you switch it on again."), gettext_lazy("Pause")),
    "end": (gettext_lazy("It ends for good. What was redeemed stays redeemed."), gettext_lazy("End it")),
    "discard": (
        gettext_lazy("The draft is thrown away. Nobody has had it."),
        gettext_lazy("Throw the draft away"),
    ),
}
OPERATIONS: Mapping[str, tuple[Operate, Text]] = {
    "start": (operations.switch_on_coupon, gettext_lazy("It is switched on.")),
    "pause": (
        operations.pause_coupon,
        gettext_lazy("Paused. Nobody gets it until you switch it on again."),
    ),
    "end": (operations.end_coupon, gettext_lazy("Ended. What was redeemed stays redeemed.")),
    "discard": (operations.discard_coupon, gettext_lazy("The draft is thrown away.")),
}
# A draft that is thrown away is gone; everything else can be taken back.
UNDO: Mapping[str, Operate] = {
    "start": undo_switching_on,
    "pause": operations.switch_on_coupon,
    "end": undo_ending,
}


def do(request: HttpRequest, coupon: Coupon, name: str) -> str:
    """Do what a button says; give what the address of the page afterwards ends with."""
    operate, said = OPERATIONS[name]
    if _try(request, coupon, operate, said) and name in UNDO:
        return offer_undo(coupon, name)
    return ""


def undo(request: HttpRequest, coupon: Coupon) -> None:
    """Take back what was done a moment ago."""
    if name := read_undo(request, coupon, UNDO):
        _try(request, coupon, UNDO[name], say_undone())


def ask(request: HttpRequest, coupon: Coupon) -> None:
    """Ask somebody else to switch it on."""
    try:
        request_start(
            coupon_id=coupon.pk,
            reason=request.POST.get("reason", ""),
            at=clock.now(),
            now=clock.real_now(),
            by=by_staff(request.user),
        )
        messages.success(request, _("Sent for approval. Nothing has changed yet."))
    except ReasonMissingError as refusal:
        messages.error(request, str(refusal))


def list_deeds(request: HttpRequest, version: CouponVersion, standing: Standing) -> list[tuple[Any, ...]]:
    """Give the buttons: name, meaning, label. Who may not start it alone may ask for it. Queries: 0."""
    asks = needs_second_look(version, by=by_staff(request.user))
    names = ("ask" if name == "start" and asks else name for name in DEEDS[standing])
    return [(name, *MEANINGS[name]) for name in names]


def say_why_asked(request: HttpRequest, version: CouponVersion) -> str:
    """Say why a second person has to look at it. Queries: 0."""
    return say_over(share_of(version), by=by_staff(request.user))


def _try(request: HttpRequest, coupon: Coupon, operate: Operate, said: Text) -> bool:
    try:
        operate(coupon_id=coupon.pk, at=clock.now(), by=by_staff(request.user))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except operations.OverCouponLimit as refusal:
        messages.error(request, str(refusal))
    except operations.CouponStepRefused as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, str(said))
        return True
    return False
