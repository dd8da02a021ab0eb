"""What can be done with a coupon by a button, taken back for a minute, or asked for."""

from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from backstage.admin.base import by_staff
from backstage.admin.deeds import ASK, Deed
from backstage.registry import Text
from coupons.models import CouponVersion
from coupons.operations import coupons as operations
from coupons.operations.coupon_undo import undo_ending, undo_switching_on
from coupons.policies.states import Standing
from coupons.queries.second_look import needs_second_look, say_over, share_of

# What may be done from where, in the order of the buttons.
OFFERED: dict[Standing, tuple[str, ...]] = {
    Standing.DRAFT: ("start", "discard"),
    Standing.SCHEDULED: ("pause", "end"),
    Standing.RUNNING: ("pause", "end"),
    Standing.PAUSED: ("start", "end"),
    Standing.ENDED: (),
}
# A draft that is thrown away is gone; everything else can be taken back.
DEEDS = {
    "start": Deed(
        operate=operations.switch_on_coupon,
        said=gettext_lazy("It is switched on."),
        meaning=gettext_lazy("Baskets get it from its start on."),
        label=gettext_lazy("Switch it on"),
        undo=undo_switching_on,
    ),
    "pause": Deed(
        operate=operations.pause_coupon,
        said=gettext_lazy("Paused. Nobody gets it until you switch it on again."),
        meaning=gettext_lazy("No basket gets it, until you switch it on again."),
        label=gettext_lazy("Pause"),
        undo=operations.switch_on_coupon,
    ),
    "end": Deed(
        operate=operations.end_coupon,
        said=gettext_lazy("Ended. What was redeemed stays redeemed."),
        meaning=gettext_lazy("It ends for good. What was redeemed stays redeemed."),
        label=gettext_lazy("End it"),
        undo=undo_ending,
    ),
    "discard": Deed(
        operate=operations.discard_coupon,
        said=gettext_lazy("The draft is thrown away."),
        meaning=gettext_lazy("The draft is thrown away. Nobody has had it."),
        label=gettext_lazy("Throw the draft away"),
    ),
}


def list_deeds(
    request: HttpRequest, version: CouponVersion, standing: Standing
) -> list[tuple[str, Text, Text]]:
    """Give the buttons: name, meaning, label. Who may not start it alone may ask for it. Queries: 0."""
    asks = needs_second_look(version, by=by_staff(request.user))
    return [
        ("ask", *ASK) if name == "start" and asks else (name, DEEDS[name].meaning, DEEDS[name].label)
        for name in OFFERED[standing]
    ]


def say_why_asked(request: HttpRequest, version: CouponVersion) -> str:
    """Say why a second person has to look at it. Queries: 0."""
    return say_over(share_of(version), by=by_staff(request.user))
