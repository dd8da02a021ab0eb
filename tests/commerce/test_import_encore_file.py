"""Our own file format says everything that a snapshot can say."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from commerce.models import Customer, Identity, Purchase, PurchaseLine, Tender
from tests.commerce.command import encore
from tests.commerce.order_book import write_file
from tests.factories.commerce import ChannelFactory

HISTORY = ("--format", "encore", "--channel", "store")


@pytest.fixture
def store(db, clock):
    """A store in Oslo that tells the time of its changes."""
    return ChannelFactory(timed=True, key="store", currency="NOK", time_zone="Europe/Oslo", country="NO")


def write(path, *purchases):
    """Write rows given as dicts; whatever a row leaves out is an empty cell."""
    columns = list(dict.fromkeys(name for row in purchases for name in row))
    return write_file(
        path, [[str(row.get(name, "")) for name in columns] for row in purchases], columns=columns
    )


def because(path):
    with Path(f"{path}.rejected.csv").open(newline="") as file:
        return [row["rejected_because"] for row in csv.DictReader(file)]


def test_three_columns_are_enough(store, tmp_path):
    file = write(tmp_path / "h.csv", {"reference": "R1", "placed_at": "2025-04-01", "amount": "49.90"})

    answer = encore("import", file, *HISTORY)

    line = PurchaseLine.objects.select_related("purchase").get()
    assert answer.code == 0
    assert (line.sold_minor, line.quantity, line.key) == (4990, 1, "goods")
    assert line.purchase.placed_at == datetime(2025, 3, 31, 22, tzinfo=UTC)
    assert (line.purchase.status, line.purchase.currency) == ("placed", "NOK")


def test_every_column_arrives_where_it_belongs(store, tmp_path):
    first = {
        "reference": "R1", "placed_at": "2025-04-01 12:00", "paid_at": "2025-04-01T10:05Z",
        "delivered_at": "2025-04-03 09:00", "as_of": "2025-04-20 08:00", "status": "fulfilled",
        "currency": "NOK", "external_id": "77", "email": "Alice@Example.com", "phone": "22 12 34 56",
        "verified": "email", "customer": "Alice  Aas", "refunded": "1.00", "paid_points": "5.00",
        "paid_gift_card": "2.50",
        "codes": "SPRING10 VIP", "line": "a", "sku": "BEAN", "product": "Beans ", "brand": "Fjell",
        "category": "coffee/beans", "quantity": "1.250", "amount": "125.00", "tax": "25.00",
        "discount": "10.00", "cost": "60.00", "returned_quantity": "0.250", "returned_amount": "20.00",
        "returned_at": "2025-04-10 12:00",
    }  # fmt: skip
    second = {"reference": "R1", "line": "b", "kind": "shipping", "product": "Post", "amount": "49"}

    answer = encore("import", write(tmp_path / "h.csv", first, second), *HISTORY)

    purchase = Purchase.objects.get()
    assert answer.code == 0
    assert (purchase.status, purchase.refunded_minor, purchase.codes) == (
        "fulfilled",
        100,
        ["SPRING10", "VIP"],
    )
    assert purchase.paid_at == datetime(2025, 4, 1, 10, 5, tzinfo=UTC)
    assert purchase.as_of == int(datetime(2025, 4, 20, 6, tzinfo=UTC).timestamp()) * 1_000_000
    beans, post = purchase.lines.order_by("key")
    assert (beans.sku, beans.name, beans.brand, beans.category_path) == (
        "BEAN",
        "Beans",
        "Fjell",
        "coffee/beans",
    )
    assert (beans.sold_minor, beans.tax_minor, beans.discount_minor, beans.cost_minor) == (
        12500,
        2500,
        1000,
        6000,
    )
    assert (str(beans.quantity), str(beans.returned_quantity), beans.returned_minor) == (
        "1.250",
        "0.250",
        2000,
    )
    assert (post.sold_minor, post.is_goods) == (4900, False)
    assert set(Tender.objects.values_list("kind", "amount_minor")) == {("points", 500), ("gift_card", 250)}
    assert Customer.objects.get().name == "Alice Aas"
    assert ("email", "alice@example.com", True) in [
        (identity.kind, identity.value, identity.verified_at is not None)
        for identity in Identity.objects.all()
    ]


def test_a_newer_state_replaces_an_older_one_and_never_the_other_way(store, tmp_path):
    row = {
        "reference": "R1",
        "placed_at": "2025-04-01 12:00",
        "line": "a",
        "amount": "10.00",
        "as_of": "2025-04-01 12:00",
    }
    newer = {**row, "amount": "12.00", "as_of": "2025-04-05 12:00"}
    encore("import", write(tmp_path / "1.csv", row), *HISTORY)
    encore("import", write(tmp_path / "2.csv", newer), *HISTORY)

    answer = encore("import", write(tmp_path / "3.csv", row, {**row, "reference": "R2"}), *HISTORY, "--json")

    assert (answer.result["older"], answer.result["created"]) == (1, 1)
    assert PurchaseLine.objects.get(purchase__reference="R1").sold_minor == 1200


def test_an_amount_in_yen_has_no_decimals(store, tmp_path):
    row = {"reference": "R1", "placed_at": "2025-04-01 12:00", "amount": "4990", "currency": "JPY"}

    encore("import", write(tmp_path / "h.csv", row, {**row, "reference": "R2", "amount": "49.90"}), *HISTORY)

    assert PurchaseLine.objects.get().sold_minor == 4990
    assert because(tmp_path / "h.csv") == [
        "amount is '49.90'. This currency has 0 decimals; round the amount."
    ]


def test_rows_of_one_purchase_that_stand_apart_are_rejected_and_overwrite_nothing(store, tmp_path):
    row = {"reference": "R1", "placed_at": "2025-04-01 12:00", "sku": "A", "amount": "10.00"}
    other = {"reference": "R2", "placed_at": "2025-04-02 12:00", "sku": "A", "amount": "10.00"}

    answer = encore("import", write(tmp_path / "h.csv", row, other, {**row, "sku": "B"}), *HISTORY)

    assert answer.code == 3
    assert list(PurchaseLine.objects.filter(purchase__reference="R1").values_list("sku", "sold_minor")) == [
        ("A", 1000)
    ]
    assert because(tmp_path / "h.csv")[0].startswith(
        "A purchase with this reference and the same as_of is stored"
    )


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"amount": "-5"}, "amount is '-5'. Write 0 or more; what came back has columns of its own."),
        (
            {"amount": ""},
            "amount is ''. Write a number with a point and at most six decimals, such as 12.50.",
        ),
        ({"currency": "ZZZ"}, "currency is 'ZZZ'. Write an ISO 4217 code such as \"EUR\"."),
        ({"status": "sent"}, "status is 'sent'. Write one of cancelled, fulfilled, paid, placed."),
        ({"kind": "gift"}, "kind is 'gift'. Write one of goods, shipping, fee."),
        ({"quantity": "0.0001"}, "quantity is '0.0001'. Write 0 or more, with at most three decimals."),
        ({"placed_at": ""}, "placed_at is ''. Write a time like 2010-12-01 08:26."),
        ({"returned_amount": "11"}, "The purchase was refused: over_return. The list of problems says more."),
        (
            {"verified": "post"},
            'verified is \'post\'. Write "email", "phone", both with a space between, or nothing.',
        ),
    ],
)
def test_a_cell_that_cannot_be_meant_is_named_with_the_fix(store, tmp_path, cells, reason):
    usual = {"reference": "R1", "placed_at": "2025-04-01 12:00", "amount": "10.00"}

    answer = encore("import", write(tmp_path / "h.csv", {**usual, **cells}), *HISTORY)

    assert answer.code == 1
    assert because(tmp_path / "h.csv") == [reason]
    assert Purchase.objects.count() == 0


def test_rows_that_contradict_the_first_one_are_rejected(store, tmp_path):
    row = {"reference": "R1", "placed_at": "2025-04-01 12:00", "email": "a@example.com", "amount": "10.00"}

    encore("import", write(tmp_path / "h.csv", row, {**row, "email": "b@example.com"}), *HISTORY)

    assert because(tmp_path / "h.csv")[1].startswith(
        "email is 'b@example.com'. The first row of this purchase says"
    )
    assert Purchase.objects.count() == 0


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["reference", "placed_at"], "does not name the columns amount."),
        (
            ["reference", "placed_at", "amount", "quantitiy"],
            "no column 'quantitiy'. Did you mean 'quantity'?",
        ),
        (["reference", "placed_at", "amount", "amount"], "names the column amount twice"),
    ],
)
def test_a_column_that_is_missing_misspelt_or_doubled_is_named(store, tmp_path, columns, message):
    file = write_file(
        tmp_path / "h.csv", [["R1", "2025-04-01", "1.00", "1"][: len(columns)]], columns=columns
    )

    answer = encore("import", file, *HISTORY)

    assert answer.code == 1
    assert message in answer.complained


def test_a_day_begins_where_the_shop_is(store, tmp_path):
    rows = [{"reference": f"R{n}", "placed_at": f"2025-04-01 {n}:30", "amount": "1.00"} for n in ("00", "23")]

    encore("import", write(tmp_path / "h.csv", *rows), *HISTORY)

    days = {purchase.placed_at.date() for purchase in Purchase.objects.all()}
    assert days == {date(2025, 3, 31), date(2025, 4, 1)}
