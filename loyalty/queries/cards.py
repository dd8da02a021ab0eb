"""A member's card: the number as it is read out, and as a QR code that tills can scan."""

from dataclasses import dataclass

from backstage.policies.qr import draw_qr
from loyalty.policies.card_number import in_groups


@dataclass(frozen=True, slots=True)
class Card:
    """What a card page shows. `qr_path` draws the code in a box of `qr_size` units; empty without one."""

    number: str
    grouped: str
    qr_path: str = ""
    qr_size: int = 0


def get_card(number: str) -> Card:
    """Draw the card of a member number."""
    return Card(number, in_groups(number), *draw_qr(number))
