"""The laws of the ledger, over random lives: see `machine.py` for what is compared, `reference.py` for with what."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.loyalty.ledger.machine import LedgerMachine

pytestmark = pytest.mark.django_db(transaction=True)


def live(*, lives: int, deeds: int) -> None:
    """Live many short lives. A failing one is not shrunk: it is short, and every step of shrinking costs a life."""
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=deeds,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_product_and_the_oracle_live_the_same_lives():
    live(lives=40, deeds=25)


@pytest.mark.slow
def test_the_product_and_the_oracle_live_the_same_long_lives():
    live(lives=500, deeds=60)
