"""What a listed problem means, and how it is mended, in words."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.policies.refusals import ProblemKind

SENTENCES: Mapping[str, tuple[Any, Any]] = {
    ProblemKind.UNKNOWN_CHANNEL: (
        gettext_lazy("The order names a channel that does not exist, so it was not stored."),
        gettext_lazy("Open the channel under this key, then send the order again."),
    ),
    ProblemKind.WRONG_AS_OF: (
        gettext_lazy("The order says its age in another way than its channel does, so it was not stored."),
        gettext_lazy("Send a rising number or a time, whichever the channel was opened with."),
    ),
    ProblemKind.CARD_NUMBER: (
        gettext_lazy("A text of the order looks like the number of a payment card, so nothing was stored."),
        gettext_lazy("Find the field in the shop, take the number out, then send the order again."),
    ),
    ProblemKind.CARD_TOKEN_DIGITS: (
        gettext_lazy("The card token is all digits and may be a card number, so nothing was stored."),
        gettext_lazy("Send the payment provider's token, with at least one letter."),
    ),
    ProblemKind.OVER_RETURN: (
        gettext_lazy("More came back than was sold, so the change was not stored."),
        gettext_lazy("Correct the return in the shop, then send the order again."),
    ),
    ProblemKind.CURRENCY_CHANGED: (
        gettext_lazy("The order came again in another currency, so the change was not stored."),
        gettext_lazy("Cancel the order in the shop and enter it anew in the other currency."),
    ),
    ProblemKind.SAME_AS_OF: (
        gettext_lazy("The order came twice with the same age and different content; the first stands."),
        gettext_lazy("Send it again with a higher number or a later time."),
    ),
    ProblemKind.UNKNOWN_LOGIN: (
        gettext_lazy("The order names a login that does not exist. It was stored without it."),
        gettext_lazy("Check which id the shop sends as the login. If the account was deleted, resolve this."),
    ),
    ProblemKind.UNKNOWN_MEMBER_NUMBER: (
        gettext_lazy("The order names a card number that nobody has. It was stored without it."),
        gettext_lazy("Ask at the till for the card. A mistyped number cannot belong to anybody else."),
    ),
    ProblemKind.UNREADABLE_ADDRESS: (
        gettext_lazy("An e-mail address or phone number cannot be read. The order was stored without it."),
        gettext_lazy("Correct it in the shop, then send the order again."),
    ),
    ProblemKind.UNMATCHED_RETURN: (
        gettext_lazy("Goods came back that none of the customer's orders has left to return."),
        gettext_lazy("Find the order by hand. If it is older than the import, resolve this."),
    ),
}


def describe_problem(kind: str, detail: Mapping[str, Any]) -> tuple[str, str, str]:
    """Give what is wrong, what to do, and the particulars, of a kind of problem."""
    sentence, fix = SENTENCES.get(kind, (kind.replace("_", " "), _("Look at the order in the shop.")))
    particulars = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in sorted(detail.items()))
    return str(sentence), str(fix), particulars
