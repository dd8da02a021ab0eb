"""What a return would take back, asked before the money goes out."""

from decimal import Decimal

import pytest

from loyalty.models import Entry
from loyalty.policies.programme import DebtPolicy
from loyalty.queries.returns import ReturnedLine, preview_return
from tests.loyalty.ledger.deeds import capture, hold
from tests.loyalty.shop import NOON, day, goods, join, open_shop, points, tell

pytestmark = pytest.mark.django_db
ALL = {"1": ReturnedLine(quantity=Decimal(2))}


def spent_order(**settings):
    """An order whose points were ready and have been spent."""
    club = open_shop(**settings)
    alice = join("alice", club)
    purchase_id = tell(placed_at=day(-30), at=day(-30))
    capture(alice, hold(alice, 100, at=NOON), at=NOON)
    return alice, purchase_id


def test_the_preview_names_what_the_return_then_takes():
    alice = join("alice", open_shop())
    purchase_id = tell("1001", goods("1", 1000), goods("2", 500))

    (preview,) = preview_return(
        purchase_id=purchase_id, lines={"2": ReturnedLine(quantity=Decimal(2))}, at=NOON
    )
    tell("1001", goods("1", 1000), goods("2", 500, returned_quantity=2), at=day(1))

    assert (preview.points, preview.from_pending, preview.from_available) == (50, 50, 0)
    assert points(alice, day(1)) == (0, 100, 0)


def test_asking_writes_nothing():
    alice, purchase_id = spent_order()
    entries = Entry.objects.count()

    preview_return(purchase_id=purchase_id, lines=ALL, at=day(1))

    assert Entry.objects.count() == entries
    assert points(alice, day(1)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("policy", "debt", "let_go", "from_refund"),
    [(DebtPolicy.DEBT, 100, 0, 0), (DebtPolicy.LET_GO, 0, 100, 0), (DebtPolicy.FROM_REFUND, 0, 0, 50)],
)
def test_points_already_spent_are_owed_let_go_or_kept_from_the_refund(policy, debt, let_go, from_refund):
    _, purchase_id = spent_order(debt_policy=policy.value, worth_points=100, worth_minor=50)

    (preview,) = preview_return(purchase_id=purchase_id, lines=ALL, at=day(1))

    assert (preview.debt_points, preview.let_go_points, preview.from_refund_minor) == (
        debt,
        let_go,
        from_refund,
    )


def test_a_line_that_the_purchase_does_not_have_is_refused_by_name():
    join("alice", open_shop())
    purchase_id = tell()

    with pytest.raises(KeyError, match="no line 9"):
        preview_return(purchase_id=purchase_id, lines={"9": ReturnedLine(quantity=Decimal(1))}, at=NOON)


def test_a_guests_purchase_has_nothing_to_take_back():
    open_shop()
    purchase_id = tell(who="")

    assert preview_return(purchase_id=purchase_id, lines=ALL, at=NOON) == []
