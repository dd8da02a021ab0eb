"""Finding a gift card by its code, of which only a keyed hash is kept."""

from django.conf import settings
from django.utils.crypto import salted_hmac

from coupons.conf import GIFT_CARD_KEY
from coupons.models import GiftCard
from coupons.policies.codes import normal_code

SALT = "encore.gift_cards"


def list_keys() -> list[str]:
    """Return the secrets that codes may be kept under: the one of new codes first, then older ones."""
    own = GIFT_CARD_KEY.get()
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [own, *keys] if own else keys


def hash_code(code: str, key: str) -> str:
    """Return what is stored of a code, however it was typed."""
    return salted_hmac(SALT, normal_code(code), secret=key, algorithm="sha256").hexdigest()


def mark_of(key: str) -> str:
    """Return what tells this secret from another one, and says nothing about it."""
    return salted_hmac(SALT + ".mark", "", secret=key, algorithm="sha256").hexdigest()[:8]


def find_card(code: str) -> GiftCard | None:
    """Return the card of this code, whatever its state. Queries: 1."""
    return GiftCard.objects.filter(code_hash__in=[hash_code(code, key) for key in list_keys()]).first()
