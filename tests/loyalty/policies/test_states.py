"""One table of moves, and everything that must say the same."""

import pytest
from django.db import IntegrityError, connection, transaction

from loyalty.models import Lot, Movement, PointsAccount
from loyalty.models.ledger import EntryKindChoices, StateChoices
from loyalty.policies.states import ALLOWED_CHANGES, LOT_STATES, MOVES, OPEN_STATES, EntryKind, State


def test_the_eight_moves_are_these():
    assert {
        kind.name: ([state.name for state in move.from_states], move.to_state.name)
        for kind, move in MOVES.items()
    } == {
        "ACCRUE": (["ISSUANCE"], "PENDING"),
        "RELEASE": (["PENDING"], "AVAILABLE"),
        "HOLD": (["AVAILABLE"], "HELD"),
        "CAPTURE": (["HELD"], "REDEEMED"),
        "VOID": (["HELD"], "AVAILABLE"),
        "EXPIRE": (["AVAILABLE"], "EXPIRED"),
        "REVOKE": (["PENDING", "AVAILABLE"], "REVOKED"),
        "REINSTATE": (["REDEEMED"], "AVAILABLE"),
    }


def test_a_point_leaves_every_open_state_and_comes_back_from_spent_alone():
    left = {from_state for from_state, _ in ALLOWED_CHANGES}

    assert left == {State.ISSUANCE, *OPEN_STATES, State.REDEEMED}


def test_every_state_and_kind_has_its_label_in_the_admin():
    assert {choice.value for choice in StateChoices} == {state.value for state in State}
    assert {choice.value for choice in EntryKindChoices} == {kind.value for kind in EntryKind}


@pytest.mark.parametrize("model", [Lot, PointsAccount])
def test_every_state_of_a_lot_has_its_counter(model):
    counters = {field.name for field in model._meta.fields} & {state.name.lower() for state in State}

    assert counters == {state.name.lower() for state in LOT_STATES}


@pytest.mark.django_db
@pytest.mark.parametrize("from_state", State)
@pytest.mark.parametrize("to_state", State)
def test_the_database_stores_the_moves_of_the_table_and_no_other(alice, from_state, to_state):
    stored = True
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {Movement._meta.db_table}"
                " (member_id, entry_id, lot_id, from_state, to_state, points, effective_at)"
                " VALUES (%s, 1, 1, %s, %s, 1, '2026-03-03 12:00:00')",
                [alice.id, from_state.value, to_state.value],
            )
    except IntegrityError:
        stored = False

    assert stored is ((from_state, to_state) in ALLOWED_CHANGES)
