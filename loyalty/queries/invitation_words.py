"""What an invited customer reads and staff about an invitation: a sentence for each way that it stands."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from loyalty.policies.invitations import Standing

# What the page says where an invitation lets nobody in: the finding, and what to do.
CLOSED: Final[Mapping[Standing, tuple[str | Promise, str | Promise]]] = {
    Standing.WAITING: (
        _("This invitation is not open yet"),
        _("Please come back a little later."),
    ),
    Standing.USED: (
        _("This invitation has been used"),
        _("If it was you, sign in to see your points. If not, tell us, and we will look into it."),
    ),
    Standing.EXPIRED: (
        _("This invitation has ended"),
        _("Its last day has passed. Ask us if you would still like to join."),
    ),
    Standing.WITHDRAWN: (
        _("This invitation was taken back"),
        _("Ask us if you think that this is a mistake."),
    ),
    Standing.PAUSED: (
        _("Joining is paused at the moment"),
        _("Your invitation stays good until its last day. Please come back a little later."),
    ),
    Standing.ENDED: (
        _("This invitation has ended"),
        _("We no longer take new members this way. Ask us if you would still like to join."),
    ),
}

# What staff reads about one invitation.
STANDINGS: Final[Mapping[Standing, str | Promise]] = {
    Standing.OPEN: _("Still open"),
    Standing.WAITING: _("About to be invited"),
    Standing.USED: _("Joined"),
    Standing.EXPIRED: _("Too late"),
    Standing.WITHDRAWN: _("Withdrawn"),
    Standing.PAUSED: _("Paused"),
    Standing.ENDED: _("Ended with its list"),
}


def public_text(texts: Mapping[str, str]) -> str:
    """Choose what an owner wrote in the reader's language, else in English, else in any; empty where nothing.

    It is text and nothing else: whoever shows it escapes it and renders it by no template.
    """
    language = (get_language() or "en").partition("-")[0]
    return texts.get(language) or texts.get("en") or next(iter(texts.values()), "")
