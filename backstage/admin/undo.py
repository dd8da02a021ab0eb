"""A click taken back for a minute: the token in the address of the page that follows, and who may use it.

    return redirect(address + offer_undo(campaign, "pause"))      # after the deed
    show_page(…, undo=find_undo(request, campaign, UNDO))          # the page includes undo.html
    deed = read_undo(request, campaign, UNDO)                      # what its button posts to `undo/`

The token is signed and holds the object and the deed, so nothing is stored, and a link that somebody keeps
does nothing a minute later.
"""

from collections.abc import Container

from django.contrib import messages
from django.core import signing
from django.db.models import Model
from django.http import HttpRequest
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from backstage.policies.undo import UNDO_TIME

_SALT = "encore.backstage.undo"


def offer_undo(obj: Model, deed: str) -> str:
    """Give what the address of the page afterwards ends with, so that it offers to take the deed back."""
    return "?" + urlencode({"undo": signing.dumps([obj._meta.label, obj.pk, deed], salt=_SALT)})


def find_undo(request: HttpRequest, obj: Model, deeds: Container[str]) -> str:
    """Give the token of what can still be taken back, for the button; nothing where there is none."""
    token = request.GET.get("undo", "")
    return token if _deed_of(token, obj, deeds) else ""


def read_undo(request: HttpRequest, obj: Model, deeds: Container[str]) -> str:
    """Give the deed that somebody takes back; where the minute is over, or it is another's, that is said."""
    deed = _deed_of(request.POST.get("undo", ""), obj, deeds)
    if not deed:
        messages.warning(request, _("The minute is over. Use the buttons below instead."))
    return deed


def say_undone() -> str:
    """Say that it is as it was."""
    return _("Taken back.")


def _deed_of(token: str, obj: Model, deeds: Container[str]) -> str:
    try:
        label, pk, deed = signing.loads(token, salt=_SALT, max_age=UNDO_TIME)
    except signing.BadSignature:
        return ""
    return str(deed) if (label, pk) == (obj._meta.label, obj.pk) and deed in deeds else ""
