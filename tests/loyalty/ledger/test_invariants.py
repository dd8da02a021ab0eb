"""Every law of `check-ledger` finds the rows that break it, those only, and is silent about sound books."""

from collections.abc import Callable
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from django.db import connection

from backstage.ddl import triggers_dropped
from backstage.operations.check import check_ledger
from commerce.models import Channel, Purchase, PurchaseLine
from loyalty.models import Award, Entry, Hold, Lot, Movement, PointsAccount
from loyalty.operations.awards import settle_awards
from loyalty.policies.states import EntryKind, State
from loyalty.queries.invariants import LAWS
from tests.loyalty.ledger import deeds
from tests.loyalty.ledger.deeds import day

pytestmark = pytest.mark.django_db

ENTRY, HOLD, LOT, MOVEMENT, ACCOUNT, AWARD = (
    model._meta.db_table for model in (Entry, Hold, Lot, Movement, PointsAccount, Award)
)


def buy(member, *, sold_minor):
    channel = Channel.objects.create(
        key="web", kind="web", time_zone="UTC", currency="EUR", as_of_kind="time", created_at=day(0)
    )
    purchase = Purchase.objects.create(
        channel=channel,
        reference="10482",
        customer=member.customer,
        currency="EUR",
        placed_at=day(0),
        status="placed",
        as_of=1,
        revision=1,
        changed_at=day(0),
        first_synced_at=day(0),
    )
    PurchaseLine.objects.create(purchase=purchase, key="1", quantity=1, sold_minor=sold_minor)
    settle_awards(purchase_ids=[purchase.id], at=day(0))
    return purchase


@pytest.fixture
def lived(alice, bob, mallory, clock):
    """A book in which everything has happened once. Alice has points in every state, bob owes 2."""
    clock.move_to(day(40))
    purchase = buy(alice, sold_minor=300)
    deeds.settle(alice, at=day(20))
    spent = deeds.hold(alice, 10, at=day(20))
    capture = deeds.capture(alice, spent, at=day(20))
    deeds.reinstate(alice, capture.entry_id, 4, at=day(21))
    given_up = deeds.hold(alice, 5, at=day(21))
    deeds.void(alice, given_up, at=day(21))
    deeds.give(alice, 7, at=day(21), ends_at=day(22))
    deeds.settle(alice, at=day(30))
    reserved = deeds.hold(alice, 3, at=day(40))
    deeds.take_back(alice, 1, at=day(40))
    deeds.give(bob, 5, at=day(20))
    deeds.take_back(bob, 5, at=day(20))
    return SimpleNamespace(
        alice=alice.id,
        bob=bob.id,
        mallory=mallory.id,
        purchase=purchase.id,
        award=Award.objects.get().id,
        lot=Lot.objects.get(source_kind="purchase").id,
        ended_lot=Lot.objects.get(expired__gt=0).id,
        spent=spent,
        capture=capture.entry_id,
        given_up=given_up,
        reserved=reserved,
        release=Entry.objects.get(kind=EntryKind.RELEASE, source_id=Lot.objects.order_by("id")[0].id).id,
        movement=lambda **which: Movement.objects.get(**which).id,
    )


@contextmanager
def unguarded():
    """Let a row be changed that neither the triggers nor the CHECKs would let pass."""
    if connection.vendor == "sqlite":
        off, on = ["PRAGMA ignore_check_constraints = ON"], ["PRAGMA ignore_check_constraints = OFF"]
    else:
        # The test's own transaction brings them back.
        off, on = ["SET CONSTRAINTS ALL IMMEDIATE", *map(drop_checks, (ENTRY, LOT, ACCOUNT, AWARD, HOLD))], []
    with triggers_dropped(connection), connection.cursor() as cursor:
        for statement in off:
            cursor.execute(statement)
        yield cursor
        for statement in on:
            cursor.execute(statement)


def drop_checks(table: str) -> str:
    return (
        "DO $$ DECLARE name text; BEGIN FOR name IN SELECT conname FROM pg_constraint"
        f" WHERE conrelid = '{table}'::regclass AND contype IN ('c', 'u') AND conname LIKE 'encore%%' LOOP"
        f" EXECUTE format('ALTER TABLE {table} DROP CONSTRAINT %%I', name); END LOOP; END $$"
    ).replace("%%", "%")


def breaches(*, liveness: bool = False) -> dict[str, list]:
    """The ids that each law complains about, laws that are content left out."""
    found: dict[str, list] = {}
    for law in LAWS:
        if (law.late_after is not None) is liveness:
            for finding in law.find():
                found.setdefault(law.name, []).extend(finding.ids)
    return found


Case = tuple[str, str, Callable[[SimpleNamespace], list], Callable[[SimpleNamespace], dict[str, list]]]
TO_HELD = {"to_state": State.HELD}

# What is tampered with, by which statement with which values, and the whole of what must be reported.
CASES: list[Case] = [
    (
        "a point is issued out of nothing",
        f"UPDATE {LOT} SET issued = issued + 1 WHERE id = %s",
        lambda it: [it.lot],
        lambda it: {"lot_conserves": [it.lot]},
    ),
    (
        "a point of a lot changes its state without a movement",
        f"UPDATE {LOT} SET available = available - 1, revoked = revoked + 1 WHERE id = %s",
        lambda it: [it.lot],
        lambda it: {"lot_replays": [it.lot], "account_is_its_lots": [it.alice]},
    ),
    (
        "an account is given a point",
        f"UPDATE {ACCOUNT} SET available = available + 1 WHERE member_id = %s",
        lambda it: [it.alice],
        lambda it: {"account_is_its_lots": [it.alice]},
    ),
    (
        "somebody owes points and no entry says why",
        f"UPDATE {ACCOUNT} SET debt = 1 WHERE member_id = %s",
        lambda it: [it.bob],
        lambda it: {"account_owes_its_entries": [it.bob]},
    ),
    (
        "somebody owes points and has some",
        f"UPDATE {ACCOUNT} SET debt = 1 WHERE member_id = %s",
        lambda it: [it.alice],
        lambda it: {"account_owes_its_entries": [it.alice], "debt_comes_first": [it.alice]},
    ),
    (
        "an account is gone",
        f"DELETE FROM {ACCOUNT} WHERE member_id = %s",
        lambda it: [it.mallory],
        lambda it: {"member_has_account": [it.mallory]},
    ),
    (
        "a movement names an entry that is not there",
        f"UPDATE {MOVEMENT} SET entry_id = 999999 WHERE entry_id = %s",
        lambda it: [it.release],
        lambda it: {"movement_belongs": [it.movement(entry_id=999999)]},
    ),
    (
        "a movement is somebody else's",
        f"UPDATE {MOVEMENT} SET member_id = %s WHERE entry_id = %s",
        lambda it: [it.mallory, it.release],
        lambda it: {"movement_belongs": [it.movement(entry_id=it.release)]},
    ),
    (
        "a lot names an entry that is not there",
        f"UPDATE {LOT} SET entry_id = 999999 WHERE id = %s",
        lambda it: [it.lot],
        lambda it: {"lot_belongs": [it.lot]},
    ),
    (
        "an entry moves points as another kind would",
        f"UPDATE {ENTRY} SET kind = {EntryKind.VOID.value} WHERE id = %s",
        lambda it: [it.release],
        lambda it: {"entry_moves_as_its_kind": [it.movement(entry_id=it.release)]},
    ),
    (
        "a reservation is for more than it holds",
        f"UPDATE {HOLD} SET points = points + 1 WHERE entry_id = %s",
        lambda it: [it.reserved],
        lambda it: {"hold_is_its_movements": [it.reserved], "account_holds_its_reservations": [it.alice]},
    ),
    (
        "a reservation that was spent says that it was given back",
        f"UPDATE {HOLD} SET state = 'voided' WHERE entry_id = %s",
        lambda it: [it.spent],
        lambda it: {"hold_is_closed_by_its_entry": [it.spent]},
    ),
    (
        "a reservation is closed by an entry that gave nothing back",
        f"UPDATE {HOLD} SET state = 'voided', closed_by = %s WHERE entry_id = %s",
        lambda it: [it.release, it.reserved],
        lambda it: {
            "hold_is_closed_by_its_entry": [it.reserved],
            "account_holds_its_reservations": [it.alice],
        },
    ),
    (
        "points come back that no capture spent",
        f"UPDATE {ENTRY} SET corrects = %s WHERE kind = {EntryKind.REINSTATE.value}",
        lambda it: [it.reserved],
        lambda it: {"no_more_returned_than_spent": [it.reserved]},
    ),
    (
        "an award stands for less than was posted",
        f"UPDATE {AWARD} SET standing_points = standing_points - 1 WHERE id = %s",
        lambda it: [it.award],
        lambda it: {"award_is_its_postings": [it.award], "award_is_its_lines": [it.award]},
    ),
    (
        "the lines of an award do not add up to it",
        f"""UPDATE {AWARD} SET lines = '{{"1": [30, 29, 1]}}' WHERE id = %s""",
        lambda it: [it.award],
        lambda it: {"award_is_its_lines": [it.award]},
    ),
    (
        "an award is gone",
        f"DELETE FROM {AWARD} WHERE id = %s",
        lambda it: [it.award],
        lambda it: {"posting_has_an_award": [it.purchase]},
    ),
    (
        "points were reserved before they were issued",
        f"UPDATE {MOVEMENT} SET effective_at = '2020-01-01 00:00:00' WHERE entry_id = %s",
        lambda it: [it.reserved],
        lambda it: {"nothing_before_it_was_issued": [it.movement(entry_id=it.reserved)]},
    ),
    (
        "points were ready before their window was over",
        f"UPDATE {LOT} SET releases_at = '2030-01-01 00:00:00' WHERE id = %s",
        lambda it: [it.lot],
        lambda it: {
            "nothing_ready_before_its_window": [it.movement(lot_id=it.lot, from_state=State.PENDING)]
        },
    ),
    (
        "points ended before their date",
        f"UPDATE {LOT} SET expires_at = '2030-01-01 00:00:00' WHERE id = %s",
        lambda it: [it.ended_lot],
        lambda it: {
            "nothing_ends_before_its_date": [it.movement(lot_id=it.ended_lot, to_state=State.EXPIRED)]
        },
    ),
    (
        "points were reserved after their end",
        f"UPDATE {LOT} SET expires_at = (SELECT effective_at FROM {MOVEMENT} WHERE id = %s) WHERE id = %s",
        lambda it: [it.movement(entry_id=it.reserved), it.lot],
        lambda it: {"nothing_reserved_after_its_end": [it.movement(entry_id=it.reserved)]},
    ),
]
if connection.vendor == "postgresql":  # SQLite has no way to break a UNIQUE that is part of the table
    CASES.append(
        (
            "a key stands for two entries",
            f"UPDATE {ENTRY} SET key = 'twice' WHERE id IN (%s, %s)",
            lambda it: [it.release, it.capture],
            lambda it: {"key_is_used_once": [it.release]},
        )
    )


def test_sound_books_give_no_cause_for_complaint(lived):
    assert breaches() == {}
    assert breaches(liveness=True) == {}


@pytest.mark.parametrize(
    ("statement", "values", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_a_row_that_was_tampered_with_is_found_and_no_other(lived, statement, values, expected):
    with unguarded() as cursor:
        cursor.execute(statement, values(lived))

    assert breaches() == expected(lived)


def test_every_law_of_safety_is_shown_to_bite(lived):
    shown = {law for *_, expected in CASES for law in expected(AnyBook())}
    if connection.vendor == "sqlite":
        shown.add("key_is_used_once")

    assert shown == {law.name for law in LAWS if law.late_after is None}


class AnyBook:
    """Has every attribute, so that a case can be asked for its laws without a book."""

    def __getattr__(self, name: str) -> Callable[..., int]:
        return lambda **_: 0


def test_the_command_reports_the_laws_of_points(lived):
    with unguarded() as cursor:
        cursor.execute(f"UPDATE {ACCOUNT} SET available = available + 1 WHERE member_id = %s", [lived.alice])

    report = check_ledger()

    assert report.exit_code == 1
    assert [(finding.invariant, finding.ids, finding.detail) for finding in report.findings] == [
        (
            "ledger.account_is_its_lots",
            [lived.alice],
            f"the account of member {lived.alice} counts 38 points; its lots 37, or other states",
        )
    ]


def test_what_nobody_has_written_down_for_a_day_is_late_and_not_wrong(lived, alice, clock):
    coming = deeds.earn(alice, 5, at=day(40), ready_at=day(41), purchase=lived.purchase)
    ending = Lot.objects.get(entry_id=deeds.give(alice, 5, at=day(40), ends_at=day(41)).entry_id)
    deeds.settle(alice, at=day(40))
    reserved = deeds.hold(alice, 1, at=day(40), until=day(41))

    clock.move_to(day(42.5))

    assert breaches(liveness=True) == {
        "release_is_on_time": [coming.id],
        "expiry_is_on_time": [ending.id],
        "reservations_time_out": [lived.reserved, reserved],
    }


def test_a_change_of_a_purchase_that_reached_no_award_is_late(lived):
    Purchase.objects.update(revision=2)

    assert breaches(liveness=True) == {"awards_keep_up": [lived.purchase]}


def test_a_purchase_without_an_award_is_late(lived):
    Award.objects.all().delete()

    assert breaches(liveness=True) == {"awards_keep_up": [lived.purchase]}
