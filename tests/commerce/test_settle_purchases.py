"""Upper apps catch up with purchases, whatever they missed."""

from datetime import UTC, datetime

import pytest

from backstage.operations.jobs import run_job
from commerce.models import Purchase
from commerce.operations import react, settle_purchases
from commerce.registry import PurchaseReaction, purchase_reactions
from tests.factories.commerce import PurchaseFactory

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)


class Ledger:
    """An upper app that writes its name on the purchases it has caught up with, and chokes on some."""

    def __init__(self, name="points", chokes_on=()):
        self.name = name
        self.chokes_on = set(chokes_on)
        self.calls = []
        reaction = PurchaseReaction(name=name, list_due=self.list_due, settle=self.settle)
        purchase_reactions.register(name, reaction)

    def list_due(self, limit):
        rows = Purchase.objects.order_by("id").values_list("id", "codes")
        return [purchase_id for purchase_id, codes in rows if self.name not in codes][:limit]

    def settle(self, purchase_ids, at):
        self.calls.append(list(purchase_ids))
        for purchase in Purchase.objects.filter(id__in=purchase_ids).order_by("id"):
            purchase.codes = [*purchase.codes, self.name]
            purchase.save()
            if purchase.pk in self.chokes_on:
                raise ValueError("no rule for this")


@pytest.fixture
def ids(db):
    return [purchase.pk for purchase in PurchaseFactory.create_batch(5)]


def caught_up(name="points"):
    return [purchase.pk for purchase in Purchase.objects.order_by("id") if name in purchase.codes]


def test_every_app_catches_up_with_what_is_due(ids):
    points, coupons = Ledger("points"), Ledger("coupons")

    settled = settle_purchases(at=AT)

    assert (settled.done, settled.failed, settled.error) == (10, 0, "")
    assert (caught_up("points"), caught_up("coupons")) == (ids, ids)
    assert (points.calls, coupons.calls) == ([ids], [ids])


def test_catching_up_twice_does_nothing_more(ids):
    ledger = Ledger()
    settle_purchases(at=AT)

    settled = settle_purchases(at=AT)

    assert (settled.done, len(ledger.calls)) == (0, 1)


def test_at_most_the_limit_is_taken_up(ids):
    Ledger()

    settle_purchases(at=AT, limit=2)

    assert caught_up() == ids[:2]


def test_one_bad_purchase_holds_up_no_other_and_leaves_nothing_half_done(ids):
    Ledger(chokes_on=[ids[2]])

    settled = settle_purchases(at=AT)

    assert (settled.done, settled.failed) == (4, 1)
    assert settled.error == f"points, purchase {ids[2]}: ValueError: no rule for this"
    assert caught_up() == [purchase_id for purchase_id in ids if purchase_id != ids[2]]


def test_an_import_lets_the_apps_react_at_once(ids):
    Ledger()

    settled = react(ids[:2], at=AT)

    assert (settled.done, caught_up()) == (2, ids[:2])


def test_the_job_finds_what_no_signal_told(ids):
    Ledger(chokes_on=[ids[4]])

    run = run_job(name="settle_purchases", at=AT, slot="2026-03-03T12:00:00Z")

    assert (run.counted, run.done, run.failed) == (5, 4, 1)
    assert caught_up() == ids[:4]


def test_without_apps_above_nothing_is_due(ids):
    run = run_job(name="settle_purchases", at=AT, slot="2026-03-03T12:00:00Z")

    assert (run.state, run.counted) == ("done", 0)
