"""Whatever was measured must have kept the books right."""

from django.db import connection

from backstage.operations.check import check_ledger
from benchmarks.shop import settle_statistics
from loyalty.models import Entry, Movement
from loyalty.operations.awards import settle_awards

_COUNTERS = ("pending", "available", "held", "redeemed", "expired", "revoked")

ACCOUNTS = """SELECT COUNT(*) FROM encore_loyalty_pointsaccount AS account
    LEFT JOIN (SELECT member_id, {sums} FROM encore_loyalty_lot GROUP BY member_id) AS lots
    ON lots.member_id = account.member_id WHERE {differ}"""
MOVEMENTS = """SELECT COUNT(*) FROM encore_loyalty_lot AS lot
    LEFT JOIN (SELECT lot_id, {nets} FROM encore_loyalty_movement GROUP BY lot_id) AS net
    ON net.lot_id = lot.id WHERE {differ}"""
ENTRIES = """SELECT COUNT(*) FROM encore_loyalty_entry AS entry
    LEFT JOIN (SELECT entry_id, SUM(points) AS points FROM encore_loyalty_movement GROUP BY entry_id) AS moved
    ON moved.entry_id = entry.id WHERE entry.kind IN (1, 2, 3, 6) AND COALESCE(moved.points, 0) <= 0"""


def check_laws(settled: list[int]) -> None:
    """Assert that accounts are the sums of lots, lots those of movements, and that nothing happens twice."""
    settle_statistics()
    sums = ", ".join(f"SUM({counter}) AS {counter}" for counter in _COUNTERS)
    nets = ", ".join(
        f"SUM(CASE WHEN to_state = {number} THEN points WHEN from_state = {number} THEN -points ELSE 0 END)"
        f" AS {counter}"
        for number, counter in enumerate(_COUNTERS, start=1)
    )
    accounts = " OR ".join(f"account.{name} <> COALESCE(lots.{name}, 0)" for name in _COUNTERS)
    lots = " OR ".join(f"lot.{name} <> COALESCE(net.{name}, 0)" for name in _COUNTERS)
    with connection.cursor() as cursor:
        for question in (
            ACCOUNTS.format(sums=sums, differ=accounts),
            MOVEMENTS.format(nets=nets, differ=lots),
            ENTRIES,
        ):
            cursor.execute(question)
            (wrong,) = cursor.fetchone()
            assert wrong == 0, f"{wrong} rows are wrong: {question}"
    before = Entry.objects.count(), Movement.objects.count()
    assert settle_awards(purchase_ids=settled) == 0, "settling again changed something"
    assert (Entry.objects.count(), Movement.objects.count()) == before, "settling again wrote something"
    report = check_ledger()
    breaches = [
        answer for answer in report.answers if not answer.liveness and (answer.findings or answer.error)
    ]
    assert not breaches, (
        f"check-ledger: {breaches[0].invariant}: {breaches[0].error or breaches[0].findings[:3]}"
    )
