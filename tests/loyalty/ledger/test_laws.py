"""The laws of the ledger, over random lives: see `machine.py` for what is compared, `reference.py` for with what."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.loyalty.ledger.machine import LapsingMachine, LedgerMachine

pytestmark = pytest.mark.django_db(transaction=True)


def live(machine: type, *, lives: int, deeds: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=deeds,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


@pytest.mark.parametrize("machine", [LedgerMachine, LapsingMachine])
def test_the_product_and_the_oracle_live_the_same_lives(machine):
    live(machine, lives=25, deeds=20)


@pytest.mark.slow
@pytest.mark.parametrize("machine", [LedgerMachine, LapsingMachine])
def test_the_product_and_the_oracle_live_the_same_long_lives(machine):
    live(machine, lives=400, deeds=50)
