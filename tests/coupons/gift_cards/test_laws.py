"""The laws of gift cards over random lives: `machine.py` says what is compared, and with what."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.coupons.gift_cards.machine import GiftCardMachine

pytestmark = pytest.mark.django_db(transaction=True)


def live(*, lives: int, deeds: int) -> None:
    """A life that fails is not shrunk: it is short already, and each attempt would cost another life."""
    run_state_machine_as_test(
        GiftCardMachine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=deeds,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_product_and_the_reference_live_the_same_lives():
    live(lives=20, deeds=25)


@pytest.mark.slow
def test_the_product_and_the_reference_live_the_same_long_lives():
    live(lives=60, deeds=60)
