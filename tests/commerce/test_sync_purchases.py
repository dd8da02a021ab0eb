"""What the shop says becomes what is stored."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from backstage.models import AuditRecord
from backstage.policies import By
from commerce.events import purchases_synced
from commerce.models import Purchase, PurchaseLine, PurchaseProblem, Tender
from commerce.operations import sync_purchase, sync_purchases
from commerce.policies.snapshot import LateSnapshot, SnapshotError, Who
from tests.factories.commerce import PLACED_AT, line, snapshot, tender

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
LATER = AT + timedelta(hours=1)


def sync(*snapshots, at=AT):
    return [(result.outcome.value, result.problem) for result in sync_purchases(snapshots, at=at)]


def stored(reference="10482"):
    return Purchase.objects.get(reference=reference)


def lines(reference="10482"):
    rows = PurchaseLine.objects.filter(purchase__reference=reference).order_by("key")
    return [(row.key, row.quantity, row.sold_minor) for row in rows]


def problems():
    return list(PurchaseProblem.objects.order_by("id").values_list("kind", "reference", "detail"))


def test_a_purchase_is_kept_as_the_shop_described_it(web):
    told = snapshot(
        status="paid",
        paid_at=PLACED_AT + timedelta(minutes=5),
        lines=[
            line("1", cost_minor=300),
            line("2", sku="TEA", quantity=Decimal("0.250"), sold_minor=499, brand="Leaf"),
        ],
        tenders=[tender(amount_minor=1000), tender("points", 499)],
        codes=["SPRING", "MUGS"],
    )

    result = sync_purchase(told, at=AT)

    purchase = stored()
    assert (result.purchase_id, result.outcome, result.problem) == (purchase.pk, "created", "")
    assert (purchase.channel, purchase.status, purchase.currency) == (web, "paid", "EUR")
    assert (purchase.placed_at, purchase.paid_at) == (PLACED_AT, PLACED_AT + timedelta(minutes=5))
    assert (purchase.revision, purchase.as_of, purchase.codes) == (1, 1, ["MUGS", "SPRING"])
    assert (purchase.changed_at, purchase.first_synced_at) == (AT, AT)
    assert lines() == [("1", 2, 1000), ("2", Decimal("0.250"), 499)]
    assert PurchaseLine.objects.get(key="2").brand == "Leaf"
    assert PurchaseLine.objects.get(key="1").cost_minor == 300
    assert set(Tender.objects.values_list("kind", "amount_minor")) == {("money", 1000), ("points", 499)}


def test_the_same_snapshot_twice_changes_nothing(web):
    told = snapshot(who=Who(external_id="7"))

    first, second = sync(told), sync(told, at=LATER)

    assert (first, second) == ([("created", "")], [("unchanged", "")])
    assert (stored().revision, stored().changed_at) == (1, AT)


def test_the_same_content_spelled_otherwise_changes_nothing(web):
    sync(snapshot(as_of=1, lines=[line(quantity=2)], placed_at=PLACED_AT))
    berlin = PLACED_AT.astimezone(tz=None)

    outcome = sync(snapshot(as_of=2, lines=[line(quantity=Decimal("2.0"))], placed_at=berlin), at=LATER)

    assert outcome == [("unchanged", "")]
    assert (stored().revision, stored().as_of, stored().changed_at) == (1, 2, AT)


def test_an_older_snapshot_is_ignored(web):
    sync(snapshot(as_of=5, status="fulfilled"))

    outcome = sync(snapshot(as_of=4, status="placed", lines=[line(sold_minor=1)]))

    assert outcome == [("older", "")]
    assert (stored().status, stored().revision, lines()) == ("fulfilled", 1, [("1", 2, 1000)])


def test_a_confirmed_content_makes_what_is_in_between_old(web):
    sync(snapshot(as_of=1), snapshot(as_of=3))

    outcome = sync(snapshot(as_of=2, status="cancelled"))

    assert (outcome, stored().status) == ([("older", "")], "placed")


def test_another_content_under_the_same_number_is_refused_and_listed(web):
    sync(snapshot(as_of=1))

    outcome = sync(snapshot(as_of=1, status="paid"))

    assert outcome == [("refused", "same_as_of_other_content")]
    assert (stored().status, stored().revision) == ("placed", 1)
    assert problems() == [("same_as_of_other_content", "10482", {"as_of": 1})]


def test_another_content_at_the_same_time_replaces_the_first(store):
    sync(snapshot(channel="store", as_of=AT))

    outcome = sync(snapshot(channel="store", as_of=AT, status="paid"))

    assert outcome == [("changed", "")]
    assert (stored().status, stored().revision, problems()) == ("paid", 2, [])


@pytest.mark.parametrize(("channel", "as_of"), [("web", AT), ("store", 7)])
def test_a_change_mark_of_the_wrong_sort_is_refused_and_listed(web, store, channel, as_of):
    outcome = sync(snapshot(channel=channel, as_of=as_of))

    assert outcome == [("refused", "wrong_as_of")]
    assert not Purchase.objects.exists()


def test_lines_are_added_removed_and_priced_anew(web):
    sync(snapshot(as_of=1, lines=[line("1"), line("2"), line("3")]))

    outcome = sync(snapshot(as_of=2, lines=[line("1", sold_minor=900), line("3"), line("4", sold_minor=50)]))

    assert outcome == [("changed", "")]
    assert stored().revision == 2
    assert lines() == [("1", 2, 900), ("2", 0, 0), ("3", 2, 1000), ("4", 2, 50)]


def test_a_removed_line_keeps_its_name_and_may_come_back(web):
    sync(snapshot(as_of=1, lines=[line("1"), line("2", name="Cup")]), snapshot(as_of=2, lines=[line("1")]))

    assert PurchaseLine.objects.get(key="2").name == "Cup"

    sync(snapshot(as_of=3, lines=[line("1"), line("2", name="Cup")]))

    assert lines() == [("1", 2, 1000), ("2", 2, 1000)]
    assert stored().revision == 3


def test_a_tender_that_is_no_longer_told_holds_nothing(web):
    sync(snapshot(as_of=1, tenders=[tender("points", 400), tender(amount_minor=600)]))

    sync(snapshot(as_of=2, tenders=[tender(amount_minor=1000)]))

    assert set(Tender.objects.values_list("kind", "amount_minor")) == {("points", 0), ("money", 1000)}


def test_a_purchase_is_cancelled_and_taken_up_again(web):
    outcomes = [
        sync(snapshot(as_of=n, status=status)) for n, status in enumerate(["paid", "cancelled", "paid"])
    ]

    assert outcomes == [[("created", "")], [("changed", "")], [("changed", "")]]
    assert (stored().status, stored().revision) == ("paid", 3)


def test_a_change_of_currency_is_refused_and_listed(web):
    sync(snapshot(as_of=1))

    outcome = sync(snapshot(as_of=2, currency="USD"))

    assert outcome == [("refused", "currency_changed")]
    assert (stored().currency, stored().revision, stored().as_of) == ("EUR", 1, 1)
    assert problems() == [("currency_changed", "10482", {"stored": "EUR", "told": "USD", "as_of": 2})]


def test_a_refused_snapshot_does_not_hurt_the_others(web):
    sync(snapshot("2"))

    outcomes = sync(
        snapshot("1"), snapshot("2", 2, currency="USD"), snapshot("3", channel="nowhere"), snapshot("4")
    )

    assert outcomes == [
        ("created", ""),
        ("refused", "currency_changed"),
        ("refused", "unknown_channel"),
        ("created", ""),
    ]
    assert set(Purchase.objects.values_list("reference", flat=True)) == {"1", "2", "4"}


def test_a_problem_is_listed_once_however_often_the_shop_repeats_itself(web):
    sync(snapshot(as_of=1))

    for _ in range(3):
        sync(snapshot(as_of=2, currency="USD"))

    assert len(problems()) == 1


def test_a_snapshot_that_is_stored_settles_what_was_refused_before(web):
    sync(snapshot(as_of=1), snapshot(as_of=2, currency="USD"))

    sync(snapshot(as_of=3, status="paid"), at=LATER)

    assert PurchaseProblem.objects.get().resolved_at == LATER


def test_a_reference_twice_in_one_list_is_two_steps(web):
    outcomes = sync(
        snapshot(as_of=1), snapshot(as_of=3, status="paid"), snapshot(as_of=2, status="cancelled")
    )

    assert outcomes == [("created", ""), ("changed", ""), ("older", "")]
    assert (stored().status, stored().revision) == ("paid", 2)


def test_one_reference_in_two_channels_is_two_purchases(web, store):
    sync(snapshot(), snapshot(channel="store", as_of=AT))

    assert Purchase.objects.filter(reference="10482").count() == 2


def test_an_order_that_is_read_late_is_stored_as_it_is_then(store):
    reads = iter([snapshot(channel="store", as_of=AT), snapshot(channel="store", as_of=AT, status="paid")])
    late = LateSnapshot(channel="store", reference="10482", read=lambda: next(reads))

    outcomes = [sync(late), sync(late)]

    assert outcomes == [[("created", "")], [("changed", "")]]
    assert stored().status == "paid"


def test_an_order_that_is_read_late_is_newer_whatever_the_clock_of_its_machine_says(store):
    sync(snapshot(channel="store", as_of=LATER))
    slow = snapshot(channel="store", as_of=AT, status="paid")

    outcome = sync(LateSnapshot(channel="store", reference="10482", read=lambda: slow))

    assert outcome == [("changed", "")]
    assert (stored().status, stored().as_of) == ("paid", int(LATER.timestamp()) * 1_000_000)


def test_reading_another_order_than_was_asked_for_is_an_error_and_writes_nothing(web):
    late = LateSnapshot(channel="web", reference="10482", read=lambda: snapshot("10483"))

    with pytest.raises(SnapshotError, match="same channel and reference"):
        sync(snapshot("1"), late)

    assert not Purchase.objects.exists()


def test_something_that_is_no_snapshot_is_an_error_and_writes_nothing(web):
    with pytest.raises(SnapshotError, match=r"snapshots\[1\]"):
        sync(snapshot(), {"reference": "10483"})

    assert not Purchase.objects.exists()


def test_sku_reference_and_line_key_may_look_like_a_card_number(web):
    number = "4111111111111111"

    outcome = sync(snapshot(number, lines=[line(number, sku=number)]))

    assert outcome == [("created", "")]
    assert lines(number) == [(number, 2, 1000)]


def test_whoever_wants_to_hear_is_told_after_the_commit(web, django_capture_on_commit_callbacks):
    heard = []

    def listen(sender, ids, **kwargs):
        heard.append(ids)

    def fail(sender, ids, **kwargs):
        raise RuntimeError("a listener broke")

    purchases_synced.connect(fail)
    purchases_synced.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            sync(snapshot("1"), snapshot("2"))
            assert heard == []
        with django_capture_on_commit_callbacks(execute=True):
            sync(snapshot("1"))
    finally:
        purchases_synced.disconnect(listen)
        purchases_synced.disconnect(fail)

    assert heard == [sorted(Purchase.objects.values_list("id", flat=True))]


def test_a_sale_that_a_person_enters_is_noted_under_their_name(web):
    carol = By("staff", "3", "carol")

    sync_purchase(snapshot(), at=AT, by=carol)
    sync_purchase(snapshot("2"), at=AT)

    record = AuditRecord.objects.get()
    assert (record.kind, record.by_label, record.object_id) == ("purchase_entered", "carol", str(stored().pk))


def test_an_empty_list_does_nothing(web):
    assert sync() == []


def test_the_business_clock_says_when_where_nobody_does(web, clock):
    sync_purchase(snapshot())

    assert stored().changed_at == clock.at


def test_a_long_list_is_cut_and_answered_in_its_order(web, monkeypatch):
    monkeypatch.setattr("commerce.operations.sync.MOST_TOGETHER", 2)

    results = sync_purchases(
        [snapshot("3"), snapshot("1"), snapshot("2"), snapshot("3", 2, status="paid")], at=AT
    )

    assert [(result.reference, result.outcome.value) for result in results] == [
        ("3", "created"),
        ("1", "created"),
        ("2", "created"),
        ("3", "changed"),
    ]
