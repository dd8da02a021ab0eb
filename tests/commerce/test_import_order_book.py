"""A retailer's order book, with everything that such a book has, becomes purchases and returns."""

import gzip
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection
from django.db.models import Count, F, Sum

from commerce.models import Cancellation, Customer, Import, Purchase, PurchaseLine, PurchaseProblem, Return
from commerce.registry import PurchaseReaction, purchase_reactions
from tests.commerce.command import encore
from tests.commerce.order_book import COLUMNS, work_out, write_file, write_rows
from tests.factories.commerce import ChannelFactory

ROOT = Path(__file__).resolve().parents[2]
BOOK = ("--format", "online-retail", "--channel", "web")


@pytest.fixture
def web(db, clock):
    """A British web shop that tells the time of its changes."""
    return ChannelFactory(timed=True, key="web", currency="GBP", time_zone="Europe/London")


@pytest.fixture
def rows():
    return write_rows()


@pytest.fixture
def book(tmp_path, rows):
    return write_file(tmp_path / "book.csv", rows)


def stored_lines():
    """What stands in the database, in the words of the independent computation."""
    values = PurchaseLine.objects.values_list(
        "purchase__reference", "key", "sku", "quantity", "sold_minor", "is_goods", "returned_quantity"
    )
    return sorted((*rest[:3], int(rest[3]), *rest[4:6], int(rest[6])) for rest in values)


def expected_lines(expected):
    return sorted(
        (line.invoice, line.key, line.sku, line.quantity, line.minor, line.is_goods, line.returned)
        for line in expected.lines
    )


def count_rows():
    models = (Cancellation, Customer, Import, Purchase, PurchaseLine, PurchaseProblem, Return)
    return {model.__name__: model.objects.count() for model in models}


def revisions():
    return Purchase.objects.aggregate(total=Sum("revision"))["total"]


def react_with(settle):
    """Let an upper app answer to every batch."""
    purchase_reactions.register(
        "test", PurchaseReaction(name="test", list_due=lambda purchase_ids: [], settle=settle)
    )


def test_a_book_comes_to_what_a_pencil_makes_of_it(web, book, rows):
    expected = work_out(rows)

    answer = encore("import", book, *BOOK, "--json")

    assert answer.code == 0
    assert stored_lines() == expected_lines(expected)
    assert answer.result["rows"] == len(rows)
    assert answer.result["created"] == len(expected.invoices)
    assert answer.result["cancelled"] == expected.cancelled
    assert answer.result["unmatched"] == expected.unmatched > 0
    assert list(answer.result["ignored"].values()) == [expected.stock_rows, expected.debt_rows]
    assert answer.result["rejected"] == 0
    assert not Path(f"{book}.rejected.csv").exists()


def test_what_comes_back_is_taken_at_the_price_it_was_bought_for(web, book, rows):
    expected = work_out(rows)

    encore("import", book, *BOOK)

    assert Return.objects.aggregate(total=Sum("amount_minor"))["total"] == sum(
        line.returned_minor for line in expected.lines
    )


def test_everybody_is_met_once_and_guests_are_nobody(web, book, rows):
    expected = work_out(rows)

    encore("import", book, *BOOK)

    assert Customer.objects.count() == len([name for name in expected.shelves if name])
    assert Purchase.objects.filter(customer=None).count() == len(
        {line.invoice for line in expected.shelves[""]}
    )


def test_what_matches_nothing_is_listed_once_and_takes_from_nobody(web, book, rows):
    expected = work_out(rows)

    encore("import", book, *BOOK)
    encore("import", book, *BOOK, "--again")

    problems = PurchaseProblem.objects.filter(kind="unmatched_return")
    assert problems.count() == expected.unmatched
    assert not PurchaseLine.objects.filter(returned_quantity__gt=F("quantity")).exists()
    missing = Cancellation.objects.aggregate(rest=Sum("quantity") - Sum("matched_quantity"))["rest"]
    assert sum(problem.detail["unmatched"] for problem in problems) == missing


def test_a_file_that_was_read_to_its_end_changes_nothing(web, book, tmp_path):
    encore("import", book, *BOOK)
    before = count_rows(), revisions(), stored_lines()
    book = book.rename(tmp_path / "the same under another name.csv")

    answer = encore("import", book, *BOOK)

    assert answer.code == 0
    assert "Nothing was changed." in answer.said
    assert (count_rows(), revisions(), stored_lines()) == before


@pytest.mark.parametrize("name", ["packed.csv.gz", "grown.csv"])
def test_the_same_rows_in_another_file_change_nothing(web, book, rows, tmp_path, name):
    encore("import", book, *BOOK)
    before = revisions(), stored_lines(), Cancellation.objects.count()
    other = write_file(tmp_path / name, [*rows, ["A1", "B", "debt", "1", "2025-05-01 10:00", "1.0", "", ""]])

    answer = encore("import", other, *BOOK, "--json")

    assert answer.code == 0
    assert answer.result["created"] == answer.result["changed"] == answer.result["cancelled"] == 0
    assert (revisions(), stored_lines(), Cancellation.objects.count()) == before


def test_reading_a_file_again_on_request_changes_nothing(web, book, rows):
    expected = work_out(rows)
    encore("import", book, *BOOK)
    before = revisions(), stored_lines()

    answer = encore("import", book, *BOOK, "--again", "--json")

    assert answer.result["unchanged"] + answer.result["older"] == len(expected.invoices)
    assert answer.result["remembered"] == expected.cancelled + expected.unmatched
    assert (revisions(), stored_lines()) == before


def test_a_dry_run_counts_everything_and_stores_nothing(web, book, rows):
    expected = work_out(rows)

    answer = encore("import", book, *BOOK, "--dry-run", "--json")

    assert answer.code == 0
    assert answer.result["created"] == len(expected.invoices)
    assert set(count_rows().values()) == {0}


def test_a_file_can_come_through_a_pipe_and_packed(web, book, rows, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    packed = io.BufferedReader(io.BytesIO(gzip.compress(book.read_bytes())))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(packed))

    answer = encore("import", "-", *BOOK, "--json")

    assert answer.code == 0
    assert stored_lines() == expected_lines(work_out(rows))


def test_upper_apps_react_to_each_day_as_of_its_end(web, book):
    told = []
    react_with(lambda ids, at: told.append((len(ids), at)))

    encore("import", book, *BOOK)

    assert len(told) == 12
    assert [at for _, at in told] == sorted(at for _, at in told)
    assert sum(count for count, _ in told) >= Purchase.objects.count()


def test_no_settle_leaves_the_reactions_to_their_job(web, book):
    told = []
    react_with(lambda ids, at: told.append(ids))

    encore("import", book, *BOOK, "--no-settle")

    assert told == []


def test_ctrl_c_ends_after_the_batch_and_the_same_command_goes_on(web, book, rows):
    calls = []

    def interrupt(ids, at):
        calls.append(ids)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    react_with(interrupt)

    stopped = encore("import", book, *BOOK)
    line = Import.objects.get().line
    resumed = encore("import", book, *BOOK, "--json")

    assert stopped.code == 3
    assert (
        f"What stands before line {line + 1:,} is stored and stays. Give the same command again"
        in stopped.complained
    )
    assert resumed.code == 0
    assert resumed.result["resumed_after_line"] == line
    assert stored_lines() == expected_lines(work_out(rows))
    assert resumed.result["cancelled"] == work_out(rows).cancelled


def test_a_batch_that_breaks_leaves_no_trace_and_the_next_attempt_goes_on_before_it(web, book, rows):
    calls = []

    def break_once(ids, at):
        calls.append(ids)
        if len(calls) == 5:
            raise KeyboardInterrupt

    react_with(break_once)

    broken = encore("import", book, *BOOK)
    days = Purchase.objects.values("placed_at__date").annotate(n=Count("id")).count()
    resumed = encore("import", book, *BOOK)

    assert (broken.code, days, resumed.code) == (3, 4, 0)
    assert stored_lines() == expected_lines(work_out(rows))


KILLED = """
import os, signal, sys
import django
django.setup()
from django.core.management import call_command
from commerce.registry import PurchaseReaction, purchase_reactions
calls = []
def settle(ids, at):
    calls.append(ids)
    if len(calls) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
purchase_reactions._things.clear()
reaction = PurchaseReaction(name="kill", list_due=lambda purchase_ids: [], settle=settle)
purchase_reactions.register("kill", reaction)
call_command("encore", "import", *sys.argv[1:])
"""


@pytest.mark.django_db(transaction=True)
def test_a_killed_import_goes_on_where_it_was(clock, book, rows):
    ChannelFactory(timed=True, key="web", currency="GBP", time_zone="Europe/London")
    environment = {**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "config.settings"}

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(book), *BOOK], cwd=ROOT, env=environment, timeout=60, check=False
    )
    days = Purchase.objects.values("placed_at__date").annotate(n=Count("id")).count()
    answer = encore("import", book, *BOOK)

    assert (killed.returncode, days, answer.code) == (-signal.SIGKILL, 4, 0)
    assert stored_lines() == expected_lines(work_out(rows))


def database_url():
    """Name the database of this test for another process."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    login = quote(settings["USER"]) + (f":{quote(settings['PASSWORD'])}" if settings["PASSWORD"] else "")
    return f"postgres://{login}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"


def test_two_receipts_that_were_written_at_once_are_told_apart(web, tmp_path):
    row = ["", "22111", "MUG", "1", "2025-04-01 10:00", "2.00", "17850", "Norway"]
    rows = [["1", *row[1:]], ["2", *row[1:]], ["1", "22222", *row[2:]]]

    answer = encore("import", write_file(tmp_path / "book.csv", rows), *BOOK)

    assert answer.code == 0
    assert [line[:2] for line in stored_lines()] == [("1", "22111"), ("1", "22222"), ("2", "22111")]


def test_a_number_that_comes_back_on_another_day_is_rejected_and_overwrites_nothing(web, tmp_path):
    row = ["1", "22111", "MUG", "1", "2025-04-01 10:00", "2.00", "17850", "Norway"]
    other = ["2", "22111", "MUG", "1", "2025-04-02 09:00", "2.00", "17850", "Norway"]
    later = ["1", "33333", "JUG", "1", "2025-04-02 10:00", "4.00", "17850", "Norway"]

    answer = encore("import", write_file(tmp_path / "book.csv", [row, other, later]), *BOOK)

    assert answer.code == 3
    assert [line[:2] for line in stored_lines()] == [("1", "22111"), ("2", "22111")]
    assert "placed at another time" in Path(tmp_path / "book.csv.rejected.csv").read_text()


def test_a_cancellation_finds_goods_of_its_own_day_across_prices_newest_first(web, tmp_path):
    def row(number, quantity, at, price):
        return [number, "22111", "MUG", str(quantity), f"2025-04-01 {at}", price, "17850", "Norway"]

    rows = [row("1", 2, "09:00", "5.00"), row("2", 2, "10:00", "4.00"), row("C3", -3, "11:00", "1.00")]
    rows.append(row("4", 2, "12:00", "3.00"))

    encore("import", write_file(tmp_path / "book.csv", rows), *BOOK)

    returns = Return.objects.order_by("purchase__reference").values_list(
        "purchase__reference", "quantity", "amount_minor"
    )
    assert list(returns) == [("1", 1, 500), ("2", 2, 800)]


def test_a_cancellation_reads_as_many_rows_as_it_likes_in_a_constant_number_of_queries(
    web, tmp_path, django_assert_max_num_queries
):
    def write(name, count, first):
        rows = [
            [str(first + n), f"A{n}", "MUG", "2", "2025-04-01 09:00", "5.00", f"c{first + n}", ""]
            for n in range(count)
        ]
        rows += [
            [f"C{first + n}", f"A{n}", "MUG", "-1", "2025-04-01 10:00", "5.00", f"c{first + n}", ""]
            for n in range(count)
        ]
        return write_file(tmp_path / name, rows)

    first, few, many = write("first.csv", 2, 1000), write("few.csv", 2, 2000), write("many.csv", 60, 3000)
    encore("import", first, *BOOK)
    with django_assert_max_num_queries(200) as with_few:
        encore("import", few, *BOOK)
    with django_assert_max_num_queries(len(with_few)):
        encore("import", many, *BOOK)

    assert Cancellation.objects.filter(matched_quantity=1).count() == 64


def test_the_retailers_columns_may_stand_in_any_order_and_case(web, tmp_path):
    columns = ["customerid", "UNITPRICE", *COLUMNS[:5], "Country"]
    row = ["17850", "2.00", "1", "22111", "MUG", "1", "2025-04-01 10:00", "Norway"]

    answer = encore("import", write_file(tmp_path / "book.csv", [row], columns=columns), *BOOK)

    assert answer.code == 0
    assert stored_lines() == [("1", "22111", "22111", 1, 200, True, 0)]


def test_a_vanished_hour_is_rejected_and_a_doubled_one_is_the_first(web, tmp_path):
    rows = [
        ["1", "22111", "MUG", "1", "2025-03-30 01:30", "2.00", "", ""],
        ["2", "22111", "MUG", "1", "2025-10-26 01:30", "2.00", "", ""],
    ]

    answer = encore("import", write_file(tmp_path / "book.csv", rows), *BOOK)

    assert answer.code == 3
    assert f"{Purchase.objects.get().placed_at:%H:%M}" == "00:30"
    assert "were put forward over this time" in Path(tmp_path / "book.csv.rejected.csv").read_text()
