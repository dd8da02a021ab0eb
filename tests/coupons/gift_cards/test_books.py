"""The books of gift cards: written once and by one module, and every law is shown to bite."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from backstage.ddl import append_only_models, triggers_dropped
from backstage.policies import SHOP
from coupons.ledger import gift_cards as ledger
from coupons.models import GiftCard, GiftCardHold, GiftCardMovement
from coupons.operations.gift_cards.caring import void_gift_card
from coupons.operations.gift_cards.issuing import issue_gift_card
from coupons.policies.gift_cards import COUNTERS
from coupons.queries.gift_card_laws import LAWS
from tests.architecture.test_writes import orm_writes
from tests.coupons.gift_cards.till import NOON, day, refund, reserve, run_job, sell, use, written

pytestmark = pytest.mark.django_db
CARD, HOLD, MOVEMENT = (model._meta.db_table for model in (GiftCard, GiftCardHold, GiftCardMovement))


@pytest.fixture
def lived(clock):
    """Books in which everything has happened once. All money of one card is in every place."""
    clock.move_to(day(20))
    card = sell(5000, expires_at=day(40))
    use(card, 2000)
    refund(card, 500)
    reserve(card, 700, at=day(20), order="1002", expires_at=day(21))
    over = sell(1000, expires_at=day(5))
    run_job("expire_gift_cards", day(6))
    void = sell(1000)
    void_gift_card(card_id=void.id, reason="Stolen", at=NOON, by=SHOP)
    waiting = issue_gift_card(amount_minor=900, currency="EUR", key="wait", waits=True, at=NOON)
    in_order = list(card.movements.order_by("id").values_list("id", flat=True))
    return SimpleNamespace(
        card=card.id,
        of_the_use=in_order[1:3],
        over=over.id,
        void=void.id,
        waiting=waiting.card_id,
        used=GiftCardHold.objects.get(state="captured").id,
        open=GiftCardHold.objects.get(state="open").id,
        move=lambda card_id, move: GiftCardMovement.objects.filter(card_id=card_id, move=move).last().id,
    )


# Written once, by one module


@pytest.mark.parametrize("verb", ["save", "update", "delete", "sql"])
def test_a_movement_stays_as_it_is(lived, verb):
    movement = GiftCardMovement.objects.order_by("id")[0]
    deeds = {
        "save": movement.save,
        "update": lambda: GiftCardMovement.objects.update(amount_minor=1),
        "delete": lambda: GiftCardMovement.objects.all().delete(),
        "sql": lambda: connection.cursor().execute(f"UPDATE {MOVEMENT} SET amount_minor = 1"),
    }
    before = written()

    with pytest.raises(DatabaseError, match="is append-only"), transaction.atomic():
        deeds[verb]()

    assert written() == before
    assert "encore_coupons.giftcardmovement" in append_only_models()


def test_nobody_but_the_ledger_writes_movements_and_reservations():
    found = {
        path for path, model, _verb in orm_writes() if model.__name__ in ("GiftCardMovement", "GiftCardHold")
    }

    assert found == {"coupons/ledger/gift_cards.py"}


@pytest.mark.parametrize("money", [money.value for money in COUNTERS])
def test_the_database_refuses_money_that_is_in_no_place_or_in_two(lived, money):
    with pytest.raises(IntegrityError, match="encore_gift_card"), transaction.atomic():
        GiftCard.objects.filter(id=lived.card).update(**{f"{money}_minor": 1})


def test_a_writer_that_meets_another_state_writes_nothing(lived):
    with pytest.raises(ledger.GiftCardConflict), transaction.atomic():
        ledger.close_hold(lived.used, state=ledger.GiftCardHoldState.VOIDED, at=NOON)


# The laws


@contextmanager
def unguarded():
    """Let a row be changed that neither the triggers nor the CHECKs would let pass."""
    with triggers_dropped(connection), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        else:  # the test's own transaction brings them back
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in (CARD, HOLD, MOVEMENT):
                cursor.execute(
                    "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'",
                    [table],
                )
                for (name,) in cursor.fetchall():
                    cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        yield cursor
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


def breaches(*, liveness: bool = False) -> dict[str, list]:
    """The ids that each law complains about, laws that are content left out."""
    found: dict[str, list] = {}
    for law in LAWS:
        if (law.late_after is not None) is liveness:
            for finding in law.find():
                found.setdefault(law.name, []).extend(finding.ids)
    return found


# What is tampered with, by which statement with which values, and the whole of what must be reported.
CASES = [
    (
        "a card is given money that no movement brought",
        f"UPDATE {CARD} SET balance_minor = balance_minor + 1 WHERE id = %s",
        lambda it: [it.card],
        lambda it: {"card_replays": [it.card], "card_conserves": [it.card]},
    ),
    (
        "money of a card changes its place without a movement",
        f"UPDATE {CARD} SET balance_minor = balance_minor - 1, used_minor = used_minor + 1 WHERE id = %s",
        lambda it: [it.card],
        lambda it: {"card_replays": [it.card]},
    ),
    (
        "a card says that it was issued with more",
        f"UPDATE {CARD} SET issued_minor = issued_minor + 1 WHERE id = %s",
        lambda it: [it.card],
        lambda it: {"card_was_issued_once": [it.card], "card_conserves": [it.card]},
    ),
    (
        "a card is approved without being issued",
        f"UPDATE {CARD} SET state = 'active' WHERE id = %s",
        lambda it: [it.waiting],
        lambda it: {"card_was_issued_once": [it.waiting], "card_conserves": [it.waiting]},
    ),
    (
        "a reservation is for more than was moved",
        f"UPDATE {HOLD} SET amount_minor = amount_minor + 1 WHERE id = %s",
        lambda it: [it.open],
        lambda it: {"hold_replays": [it.open], "card_reserves_its_holds": [it.card]},
    ),
    (
        "a reservation is closed without a movement",
        f"UPDATE {HOLD} SET state = 'lapsed' WHERE id = %s",
        lambda it: [it.open],
        lambda it: {"hold_replays": [it.open], "card_reserves_its_holds": [it.card]},
    ),
    (
        "a reservation that was used says that it was given back",
        f"UPDATE {HOLD} SET state = 'voided' WHERE id = %s",
        lambda it: [it.used],
        lambda it: {"hold_replays": [it.used]},
    ),
    (
        "a reservation is said to be another card's",
        f"UPDATE {HOLD} SET card_id = %s WHERE id = %s",
        lambda it: [it.over, it.used],
        lambda it: {"movement_belongs": it.of_the_use},
    ),
    (
        "an order has given back more than it took",
        f"UPDATE {MOVEMENT} SET reference = '1003' WHERE id = %s",
        lambda it: [it.move(it.card, "refund")],
        lambda it: {"no_more_refunded_than_used": [it.card]},
    ),
    (
        "a void card has money to spend",
        f"UPDATE {CARD} SET balance_minor = 1, voided_minor = voided_minor - 1 WHERE id = %s",
        lambda it: [it.void],
        lambda it: {"void_is_empty": [it.void], "card_replays": [it.void]},
    ),
    (
        "money was reserved after the end",
        f"UPDATE {MOVEMENT} SET effective_at = '2027-01-01 00:00:00' WHERE id = %s",
        lambda it: [it.move(it.card, "hold")],
        lambda it: {"nothing_reserved_after_its_end": [it.move(it.card, "hold")]},
    ),
]


def test_sound_books_give_no_cause_for_complaint(lived):
    assert breaches() == {}
    assert breaches(liveness=True) == {}


@pytest.mark.parametrize(
    ("statement", "values", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_row_that_was_tampered_with_is_found_and_no_other(lived, statement, values, expected):
    with unguarded() as cursor:
        cursor.execute(statement, values(lived))

    assert breaches() == expected(lived)


def test_every_law_of_safety_is_shown_to_bite(lived):
    shown = {law for *_, expected in CASES for law in expected(lived)}

    assert shown == {law.name for law in LAWS if law.late_after is None}


def test_what_nobody_has_written_down_for_a_day_is_late_and_not_wrong(lived, clock):
    late = sell(100, expires_at=day(21), at=day(20))

    clock.move_to(day(22.5))

    assert breaches(liveness=True) == {
        "expiry_is_on_time": [late.id],
        "reservations_time_out": [lived.open],
    }
