"""Several processes say something about the same purchases at once."""

import threading
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from commerce.models import Customer, Identity, Purchase, PurchaseLine
from commerce.operations import merge_customers, recognition, sync, sync_purchases
from commerce.policies.snapshot import LateSnapshot, Who
from tests.commerce.conftest import at_once
from tests.factories.commerce import ChannelFactory, CustomerFactory, line, snapshot

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)


def parties(count):
    """SQLite lets in one writer at a time, so nobody can wait for a second one inside."""
    return count if connection.vendor == "postgresql" else 1


@pytest.fixture
def one_look(transactional_db, monkeypatch):
    """A web shop, and two processes that have both looked in vain when the first of them writes."""
    ChannelFactory()
    together = threading.Barrier(parties(2), timeout=20)
    read, met = recognition._load, set()

    def read_then_wait(mentions):
        found = read(mentions)
        if threading.get_ident() not in met:
            met.add(threading.get_ident())
            together.wait()
        return found

    monkeypatch.setattr(recognition, "_load", read_then_wait)


def buy_twice_at_once(*, who):
    """Let two guests' orders arrive in the same moment; return whose they are."""
    at_once(
        *[lambda name=name: sync_purchases([snapshot(name, who=who)], at=AT) for name in ("10481", "10482")]
    )
    return list(Purchase.objects.order_by("reference").values_list("customer", flat=True))


@pytest.mark.parametrize("who", [Who(email="ann@example.com"), Who(phone="+493090182000")])
def test_two_processes_that_meet_a_new_address_open_one_guest_record(one_look, who):
    first, second = buy_twice_at_once(who=who)

    assert first == second == Customer.objects.get().pk
    assert Identity.objects.get().opened_guest


if connection.vendor == "postgresql":  # SQLite has one writer at a time: the second looks after the first

    def test_control_without_the_mark_they_would_open_two(one_look, monkeypatch):
        monkeypatch.setattr(recognition, "_opens_guest", lambda customer, claim: False)

        first, second = buy_twice_at_once(who=Who(email="ann@example.com"))

        assert first != second
        assert Customer.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_many_processes_with_the_same_new_guests_in_any_order_open_each_record_once():
    ChannelFactory()
    mails = [f"guest-{number}@example.com" for number in range(10)]

    def sync_many(prefix, order):
        told = [snapshot(f"{prefix}{mail}", who=Who(email=mail)) for mail in order]
        sync_purchases(told, at=AT)

    at_once(
        lambda: sync_many("a", mails),
        lambda: sync_many("b", mails[::-1]),
        lambda: sync_many("c", mails[5:] + mails[:5]),
    )

    assert (Purchase.objects.count(), Customer.objects.count(), Identity.objects.count()) == (30, 10, 10)


@pytest.mark.django_db(transaction=True)
def test_two_processes_with_the_same_new_order_end_in_one_purchase(monkeypatch):
    ChannelFactory()
    together = threading.Barrier(parties(2), timeout=20)
    recognize, met = sync.recognize_customers, set()

    def wait_then_recognize(**told):
        # Both have looked and found nothing when the first of them writes.
        if threading.get_ident() not in met:
            met.add(threading.get_ident())
            together.wait()
        return recognize(**told)

    monkeypatch.setattr(sync, "recognize_customers", wait_then_recognize)
    told = snapshot(who=Who(external_id="7"), lines=[line("1"), line("2")])

    results = at_once(*[lambda: sync_purchases([told], at=AT)[0].outcome] * 2)

    assert sorted(results) == ["created", "unchanged"]
    assert (Purchase.objects.get().revision, PurchaseLine.objects.count()) == (1, 2)
    assert (Customer.objects.count(), Identity.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_batches_in_opposite_order_never_stop_each_other():
    ChannelFactory()
    references = [str(number) for number in range(12)]

    def sync_many(names, who):
        for as_of in range(1, 9):
            told = [
                snapshot(name, as_of * 10 + len(who), who=Who(external_id=f"{who}{name}")) for name in names
            ]
            sync_purchases(told, at=AT)

    at_once(
        lambda: sync_many(references, "a"),
        lambda: sync_many(references[::-1], "bb"),
        lambda: sync_many(references[6:] + references[:6], "ccc"),
    )

    assert Purchase.objects.count() == 12
    assert set(Purchase.objects.values_list("as_of", flat=True)) == {83}
    owners = Purchase.objects.values_list("reference", "customer__identities__value")
    assert set(owners) == {(name, f"ccc{name}") for name in references}


@pytest.mark.django_db(transaction=True)
def test_a_merge_and_a_batch_about_the_same_customers_never_stop_each_other():
    ChannelFactory()
    source, target = CustomerFactory(), CustomerFactory(name="bob")
    for customer, number in ((source, "7"), (target, "8")):
        Identity.objects.create(
            customer=customer, kind="external_id", scope="web", value=number, verified_at=AT, created_at=AT
        )

    def sync_many():
        for as_of in range(1, 10):
            who = Who(external_id="7" if as_of % 2 else "8")
            sync_purchases([snapshot(name, as_of, who=who) for name in "12345"], at=AT)

    at_once(sync_many, lambda: merge_customers(source=source.pk, target=target.pk, by=sync.SHOP, at=AT))

    assert set(Purchase.objects.values_list("as_of", flat=True)) == {9}


class Shop:
    """A shop without change times: its order is paid while we are reading it."""

    def __init__(self) -> None:
        self.status = "placed"
        self.reads = []
        self.was_read = threading.Event()
        self.other_is_done = threading.Event()

    def read_slowly(self):
        status = self.status
        self.reads.append(status)
        self.was_read.set()
        # With the lock, the other process waits for us, so this times out; without, it overtakes us here.
        self.other_is_done.wait(timeout=1 if len(self.reads) == 1 else 0)
        return self.order(status)

    def read(self):
        self.reads.append(self.status)
        return self.order(self.status)

    def order(self, status):
        return snapshot("1", AT, channel="store", status=status)

    def sync_while_it_changes(self):
        """Let one process read the order, let the shop change it, and let another process read it then."""

        def second():
            self.was_read.wait(timeout=20)
            self.status = "paid"
            sync_purchases([LateSnapshot(channel="store", reference="1", read=self.read)], at=AT)
            self.other_is_done.set()

        slow = LateSnapshot(channel="store", reference="1", read=self.read_slowly)
        at_once(lambda: sync_purchases([slow], at=AT), second)
        return Purchase.objects.get().status


@pytest.fixture
def shop(transactional_db):
    ChannelFactory(key="store", timed=True)
    sync_purchases([snapshot("1", AT, channel="store", status="placed", codes=["FIRST"])], at=AT)
    return Shop()


def test_an_order_is_read_under_the_lock_so_the_newer_reading_stands(shop):
    assert shop.sync_while_it_changes() == "paid"
    assert shop.reads == ["placed", "paid"]


def without_lock(references):
    wanted = [reference for _, reference in references]
    return list(Purchase.objects.filter(reference__in=wanted).order_by("id"))


def test_without_the_lock_the_guard_notices_and_reads_again(shop, monkeypatch):
    monkeypatch.setattr(sync, "lock_referenced_purchases", without_lock)

    assert shop.sync_while_it_changes() == "paid"
    # One writer at a time is SQLite's own lock.
    overtaken = ["placed", "paid", "paid"]
    assert shop.reads == (overtaken if connection.vendor == "postgresql" else ["placed", "paid"])


def test_control_without_lock_and_guard_the_older_reading_would_stand(shop, monkeypatch):
    """If this fails, the two tests above prove nothing."""
    monkeypatch.setattr(sync, "lock_referenced_purchases", without_lock)
    unguarded = sync.store_cases.__globals__["update_rows"]
    monkeypatch.setitem(
        sync.store_cases.__globals__,
        "update_rows",
        lambda model, fields, rows, *, changes, guard: unguarded(model, fields, rows, changes=changes),
    )

    status = shop.sync_while_it_changes()

    assert status == ("placed" if connection.vendor == "postgresql" else "paid")


@pytest.mark.django_db(transaction=True)
def test_a_caller_who_rolls_back_takes_the_purchase_back():
    ChannelFactory()

    with transaction.atomic():
        sync_purchases([snapshot()], at=AT)
        transaction.set_rollback(True)

    assert not Purchase.objects.exists()
