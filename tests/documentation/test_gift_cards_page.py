"""The code that the page about gift cards shows sells, pays and gives back as the page says."""

import re
from pathlib import Path

import pytest

from coupons.models import GiftCard
from coupons.policies.gift_card_errors import NotEnoughOnGiftCard
from tests.coupons.gift_cards.till import NOON, money_of

PAGE = (Path(__file__).parents[2] / "docs/gift-cards.md").read_text(encoding="utf-8")


@pytest.mark.django_db
def test_a_card_is_sold_used_and_refunded_as_the_page_shows(clock):
    clock.move_to(NOON)
    shown = {}
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        exec(compile(code, "docs/gift-cards.md", "exec"), shown)

    card_id, code = shown["sell_card"]("900", 5000, "EUR", None)
    found, said = shown["enter_code"](code, "10.0.0.1", "EUR")
    assert shown["enter_code"]("nonsense", "10.0.0.1", "EUR")[0] is None
    with pytest.raises(NotEnoughOnGiftCard):
        shown["begin_payment"]("1001", 1, [(found.card, 6000)], "EUR")
    shown["begin_payment"]("1001", 2, [(found.card, 3000)], "EUR")
    shown["order_stands"]("1001")
    shown["begin_payment"]("1002", 1, [(found.card, 500)], "EUR")
    shown["payment_failed"]("1002")
    shown["money_back"]("1001", 1000)

    assert said == ""
    assert money_of(GiftCard.objects.get(id=card_id)) == {"balance": 3000, "used": 2000}
    assert (shown["sold"].sold_minor, shown["paid"].amount_minor) == (5000, 3000)
