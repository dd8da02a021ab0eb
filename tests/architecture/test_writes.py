"""Only `loyalty.ledger` writes points, and every other table has its writers too.

Three looks from three sides, since none sees all: at calls of the ORM, at statements in the text of the
source, and at what really reaches the database while a club lives through a few days.
"""

import ast
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, models, transaction

from backstage.operations.jobs import run_job
from backstage.policies import SHOP, SYSTEM
from commerce.models import Identity
from commerce.operations import merge_customers, sync_purchases
from commerce.policies.snapshot import Who
from loyalty.ledger import moves
from loyalty.models import Entry, Hold, Lot, Member, Movement, PointsAccount
from loyalty.operations.adjustments import give_points, take_points
from loyalty.operations.awards import settle_awards
from loyalty.operations.members import enrol, leave
from loyalty.policies.states import EntryKind
from tests.architecture.house import ROOT, calls, kind_of, module_of, nodes, place, sources
from tests.factories.commerce import ChannelFactory, line, snapshot

POINTS = (PointsAccount, Lot, Entry, Movement, Hold)
WRITES = {
    "bulk_create",
    "bulk_update",
    "create",
    "delete",
    "get_or_create",
    "save",
    "update",
    "update_or_create",
}
STATEMENT = re.compile(r"\b(INSERT INTO|UPDATE (?:$|(?!OR\b|SET\b)\S)|DELETE FROM|TRUNCATE|COPY (?:$|\S))")
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


# What the source says


def root(node: ast.expr) -> str:
    """Give the name that a chain begins with: `Lot` for `Lot.objects.filter(…).update(…)`."""
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node.id if isinstance(node, ast.Name) else ""


def orm_writes() -> Iterator[tuple[str, type[models.Model], str]]:
    """Give file, model and verb of every write that names its model, and of every row made by hand."""
    for path in sources():
        names = vars(module_of(path))
        for name, call in calls(path):
            model = names.get(root(call.func))
            if isinstance(model, type) and issubclass(model, models.Model):
                if isinstance(call.func, ast.Name):
                    yield place(path), model, "make"
                elif name in WRITES:
                    yield place(path), model, name


@pytest.mark.once
def test_nobody_but_the_ledger_makes_or_changes_a_row_of_points():
    found = {
        (path, model.__name__, verb)
        for path, model, verb in orm_writes()
        if model in POINTS and not path.startswith("loyalty/ledger/")
    }

    # A new member's account, without a point in it.
    assert found == {
        ("loyalty/operations/members.py", "PointsAccount", "bulk_create"),
        ("loyalty/operations/members.py", "PointsAccount", "make"),
    }


@pytest.mark.once
def test_rows_are_written_by_operations_and_the_ledger_alone():
    found = {
        (path, model.__name__, verb)
        for path, model, verb in orm_writes()
        if verb != "make" and kind_of(ROOT / path) not in {"operations", "ledger"}
    }

    # The demo's clock is backstage's own and has no books to keep.
    assert {path for path, _, _ in found} == {"backstage/clock.py"}


@pytest.mark.once
def test_rules_of_a_programme_are_written_in_one_place():
    rules = {"Programme", "ProgrammePhase", "EarningRule", "LotTerms", "ProductGroup", "ExchangeRate"}

    writers = {path for path, model, verb in orm_writes() if model.__name__ in rules and verb != "make"}

    assert writers == {"loyalty/operations/programme.py", "loyalty/operations/changes/phases.py"}


@pytest.mark.once
def test_a_row_at_hand_is_saved_by_operations_alone():
    found = {
        place(path, call)
        for path in sources()
        for name, call in calls(path)
        if name in {"save", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}
        and kind_of(path) not in {"operations", "ledger", "clock"}
    }

    assert found == set()


def texts(path: Path) -> Iterator[ast.Constant]:
    """Give every text of a file that is not a docstring."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef
    heads = [node.body[0] for node in nodes(path, documented) if node.body]
    docs = {head.value for head in heads if isinstance(head, ast.Expr)}
    return (node for node in nodes(path, ast.Constant) if isinstance(node.value, str) and node not in docs)


@pytest.mark.once
def test_statements_that_write_stand_in_few_files():
    found = {place(path) for path in sources() for text in texts(path) if STATEMENT.search(text.value)}

    assert found == {
        "backstage/ddl.py",  # the triggers that refuse writes
        "commerce/operations/rows.py",
        "coupons/operations/at_once.py",
        "coupons/operations/counters.py",
        "loyalty/ledger/hold_at_once.py",
        "loyalty/ledger/single_statement.py",
        "loyalty/ledger/statements.py",
        "loyalty/operations/awards.py",  # awards, which stand beside the points and hold none
        "loyalty/operations/invitations.py",  # one INSERT … SELECT over all whom a segment has
        "loyalty/operations/statements.py",  # what partners owe, a month at once
    }


# What reaches the database


class Witness:
    """Note which of our files sends each statement that writes points."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        tables = "|".join(model._meta.db_table for model in POINTS)
        self.writes = re.compile(rf'\b(?:INSERT (?:OR IGNORE )?INTO|UPDATE|DELETE FROM)\s+"?({tables})\b')

    def __call__(self, execute, sql, params, many, context):
        self.seen |= {(table, self.sender()) for table in self.writes.findall(sql)}
        return execute(sql, params, many, context)

    def sender(self) -> str:
        frame = sys._getframe(2)
        while frame is not None:
            path = Path(frame.f_code.co_filename)
            if self.speaks(path):
                return place(path)
            frame = frame.f_back
        return "nobody of ours"

    @staticmethod
    def speaks(path: Path) -> bool:
        """Tell whether a file is ours and says what it sends: `plain_sql` carries what others say."""
        if not path.is_relative_to(ROOT) or place(path) == "backstage/plain_sql.py":
            return False
        return path.relative_to(ROOT).parts[0] in {"backstage", "commerce", "coupons", "loyalty"}


LATER = AT + timedelta(days=20)


def live_through_a_few_days(programme) -> None:
    """Earn, release, reserve, spend, give, take, return, merge, end and leave, by the real operations."""
    ChannelFactory(key="web", programmes=[programme.key])
    alice, bob = (shop_and_join(programme, name) for name in ("alice", "bob"))
    run_job(name="release_due_points", at=LATER)
    spend_and_change_her_mind(alice)
    give_points(member_id=alice.id, points=7, key="gift", reason="goodwill", at=LATER, by=SHOP)
    take_points(member_id=alice.id, points=3, key="error", reason="correction", at=LATER, by=SHOP)
    tell_of_order("alice", as_of=2, lines=(line(returned_quantity=1),))
    merge_customers(source=bob.customer_id, target=alice.customer_id, by=SYSTEM, at=LATER)
    run_job(name="expire_due_points", at=LATER + timedelta(days=800))
    leave(member_id=alice.id, at=LATER + timedelta(days=801), by=SHOP)
    run_job(name="forfeit_left_members", at=LATER + timedelta(days=900))


def shop_and_join(programme, name: str) -> Member:
    purchase_id = tell_of_order(name)
    customer_id = Identity.objects.get(value=name).customer_id
    joined = enrol(customer_id=customer_id, programme_id=programme.id, purchase_id=purchase_id, at=AT)
    settle_awards(purchase_ids=[purchase_id], at=AT)
    return Member.objects.get(id=joined.member_id)


def tell_of_order(name: str, **told: Any) -> int:
    """Tell of one order of this person as it stands, and let the awards follow."""
    order = snapshot(name, who=Who(external_id=name), placed_at=AT, paid_at=AT, status="paid", **told)
    (stored,) = sync_purchases([order], at=LATER if told else AT)
    settle_awards(purchase_ids=[stored.purchase_id], at=LATER if told else AT)
    return stored.purchase_id


@transaction.atomic
def spend_and_change_her_mind(alice: Member) -> None:
    """Reserve twice; let one go, spend the other, and get half of that back."""
    told = {"member_id": alice.id, "at": LATER, "by": SHOP}
    until = LATER + timedelta(hours=1)
    kept = moves.hold(points=10, key="reserve", expires_at=until, **told)
    let_go = moves.hold(points=10, key="reserve more", expires_at=until, **told)
    moves.void(hold_id=let_go.entry_id, key="let go", **told)
    spent = moves.capture(hold_id=kept.entry_id, key="spend", **told)
    moves.reinstate(capture_id=spent.entry_id, points=5, key="back", reason="cancelled", **told)


@pytest.mark.django_db(transaction=True)
def test_every_statement_that_writes_points_comes_from_the_ledger(programme):
    witness = Witness()

    with connection.execute_wrapper(witness):
        live_through_a_few_days(programme)

    assert {table for table, _ in witness.seen} == {model._meta.db_table for model in POINTS}
    outside = {(table, sender) for table, sender in witness.seen if not sender.startswith("loyalty/ledger/")}
    assert outside == {("encore_loyalty_pointsaccount", "loyalty/operations/members.py")}
    assert set(Entry.objects.values_list("kind", flat=True)) == set(EntryKind) - {EntryKind.SET_DATE}
