"""The link of an invitation: a signature over its id, so that nothing that lets anybody in is stored."""

from django.core.signing import BadSignature, Signer

from loyalty.models import Invitation

_SALT = "encore.loyalty.invitation"
# Not in the alphabet of a signature, and it may stand in an address as it is.
_SEPARATOR = "."
_LONGEST = 80


def token_of(invitation_id: int) -> str:
    """Give the secret part of an invitation's link. It belongs into the link alone, never into a log."""
    return _signer().sign(str(invitation_id))


def find_by_token(token: str) -> Invitation | None:
    """Find the invitation that a link was made for, with its list and programme; None for any other text.

    Whether it still lets anybody in is another question. Queries: 1; 0 for what was never signed here.
    """
    if len(token) > _LONGEST:
        return None
    try:
        text = _signer().unsign(token)
    except BadSignature:
        return None
    rows = Invitation.objects.select_related("invitation_list__programme", "customer")
    return rows.filter(id=int(text)).first()


def _signer() -> Signer:
    # Made anew each time: a shop that changes its key and keeps the old one as a fallback keeps its links.
    return Signer(sep=_SEPARATOR, salt=_SALT)
