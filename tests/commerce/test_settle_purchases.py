"""Upper apps catch up with purchases, whatever they missed."""

from datetime import UTC, datetime
from threading import Event, Thread

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from backstage.operations.jobs import run_job
from commerce.models import ChangedPurchase, Purchase
from commerce.operations import changed, react, reactions, settle_purchases, sync_purchase, sync_purchases
from commerce.operations.changed import forget_settled
from commerce.registry import PurchaseReaction, purchase_reactions
from tests.commerce.conftest import at_once
from tests.factories.commerce import ChannelFactory, PurchaseFactory, snapshot

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)


class Ledger:
    """An upper app that writes its name on the purchases it has caught up with, and chokes on some."""

    def __init__(self, name="points", chokes_on=()):
        self.name = name
        self.chokes_on = set(chokes_on)
        self.calls = []
        reaction = PurchaseReaction(name=name, list_due=self.list_due, settle=self.settle)
        purchase_reactions.register(name, reaction)

    def list_due(self, purchase_ids):
        rows = Purchase.objects.filter(id__in=purchase_ids).order_by("id").values_list("id", "codes")
        return [purchase_id for purchase_id, codes in rows if self.name not in codes]

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


class Follower:
    """An upper app that keeps the revision it has applied, and watches what it is asked about."""

    def __init__(self):
        self.applied = {}
        self.asked = []
        self.after_asking = lambda: None
        reaction = PurchaseReaction(name="follower", list_due=self.list_due, settle=self.settle)
        purchase_reactions.register("follower", reaction)

    def list_due(self, purchase_ids):
        revisions = dict(Purchase.objects.filter(id__in=purchase_ids).values_list("id", "revision"))
        self.asked.append(sorted(revisions))
        self.after_asking()
        return [row for row, revision in revisions.items() if self.applied.get(row, 0) < revision]

    def settle(self, purchase_ids, at):
        rows = Purchase.objects.filter(id__in=purchase_ids)
        self.applied |= dict(rows.values_list("id", "revision"))


def marked():
    return list(ChangedPurchase.objects.order_by("purchase_id").values_list("purchase_id", flat=True))


def tell(reference="1", as_of=1, **facts):
    return sync_purchase(snapshot(reference, as_of, **facts), at=AT).purchase_id


@pytest.mark.django_db
def test_a_change_is_marked_with_it_or_not_at_all():
    ChannelFactory()
    with transaction.atomic():
        tell("1")
        transaction.set_rollback(True)

    purchase_id = tell("2")

    assert (Purchase.objects.count(), marked()) == (1, [purchase_id])


@pytest.mark.django_db
def test_a_mark_is_forgotten_when_every_app_has_caught_up_and_made_anew_by_the_next_change():
    ChannelFactory()
    Follower()
    purchase_id = tell(as_of=1)

    settle_purchases(at=AT)
    forgotten = marked()
    tell(as_of=2)
    repeated = marked()
    tell(as_of=3, status="paid")

    assert (forgotten, repeated, marked()) == ([], [], [purchase_id])


def test_a_mark_stays_while_one_of_the_apps_is_behind(ids):
    Ledger("points")
    Ledger("coupons", chokes_on=[ids[1]])

    run_job(name="settle_purchases", at=AT, slot="2026-03-03T12:00:00Z")

    assert marked() == [ids[1]]


def test_what_nobody_marked_is_found_part_by_part_and_the_first_part_comes_round_again(ids, monkeypatch):
    monkeypatch.setattr(reactions, "SWEPT", 2)
    follower = Follower()

    for lap in ("first", "second"):
        for _ in range(3):
            settle_purchases(at=AT)
        assert follower.applied == dict.fromkeys(ids, 1), lap
        follower.applied.clear()

    assert marked() == []


def test_a_run_asks_about_what_is_marked_and_one_part_of_the_rest(ids, monkeypatch):
    monkeypatch.setattr(reactions, "SWEPT", 2)
    follower = Follower()
    follower.applied = dict.fromkeys(ids, 1)
    ChangedPurchase.objects.create(purchase_id=ids[4], changed_at=AT)

    settle_purchases(at=AT)

    assert follower.asked == [ids[:2], [ids[4]], [ids[4]]]


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.django_db
def test_a_run_costs_the_same_however_many_purchases_there_are(count):
    follower = Follower()
    follower.applied = dict.fromkeys([purchase.pk for purchase in PurchaseFactory.create_batch(count)], 1)
    settle_purchases(at=AT)

    with CaptureQueriesContext(connection) as queries:
        settle_purchases(at=AT)

    told = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    # The place of the sweep is found, locked and moved on; asked are the end of its part, what is behind
    # there, and what is marked.
    assert len(told) == 6


def change_while_forgetting(purchase_id, follower):
    """Let the shop change a purchase in the moment after the apps were asked and before its mark goes."""
    changes = Thread(target=lambda: at_once(lambda: tell(as_of=2, status="paid")))

    def begin():
        follower.after_asking = lambda: None
        changes.start()
        changes.join(timeout=1)  # with the lock it cannot end before we do

    follower.after_asking = begin
    forget_settled(purchase_ids=[purchase_id])
    changes.join(timeout=30)


@pytest.fixture
def followed(transactional_db):
    """A purchase that the follower has caught up with, and its mark."""
    ChannelFactory()
    follower, purchase_id = Follower(), tell()
    follower.applied = {purchase_id: 1}
    return purchase_id, follower


def test_a_change_while_its_mark_is_forgotten_is_marked_anew(followed):
    change_while_forgetting(*followed)

    assert (Purchase.objects.get().revision, marked()) == (2, [followed[0]])


if connection.vendor == "postgresql":  # SQLite has one writer at a time: nothing can come between

    def test_control_without_the_lock_that_change_would_be_forgotten(followed, monkeypatch):
        monkeypatch.setattr(changed, "lock_changed_purchases", set)

        change_while_forgetting(*followed)

        assert (Purchase.objects.get().revision, marked()) == (2, [])

    def test_a_purchase_that_commits_after_the_sweep_has_passed_it_is_found_by_its_mark(
        followed, monkeypatch
    ):
        monkeypatch.setattr(reactions, "SWEPT", 1)
        told, may_commit = Event(), Event()
        early, follower = followed

        def commit_late():
            with transaction.atomic():
                tell("late")
                told.set()
                assert may_commit.wait(timeout=30)

        late = Thread(target=lambda: at_once(commit_late))
        late.start()
        assert told.wait(timeout=30)
        tell("afterwards")
        for _ in range(2):  # the second run passes the place of the late one
            settle_purchases(at=AT)
        passed = dict(follower.applied)
        may_commit.set()
        late.join(timeout=30)

        settle_purchases(at=AT)

        ids = dict(Purchase.objects.values_list("reference", "id"))
        assert early < ids["late"] < ids["afterwards"]
        assert (ids["late"] in passed, ids["late"] in follower.applied, marked()) == (False, True, [])


@pytest.mark.django_db(transaction=True)
def test_many_changes_and_many_runs_at_once_leave_nothing_behind():
    ChannelFactory()
    follower = Follower()
    names = [str(number) for number in range(12)]

    def change(start):
        for as_of in range(start, 30, 3):
            status = "paid" if as_of % 2 else "placed"
            sync_purchases([snapshot(name, as_of, status=status) for name in names], at=AT)

    def settle():
        for _ in range(15):
            settle_purchases(at=AT)

    at_once(*[lambda start=start: change(start) for start in (1, 2, 3)], settle, settle)
    settle_purchases(at=AT)

    assert follower.applied == dict(Purchase.objects.values_list("id", "revision"))
    assert marked() == []
