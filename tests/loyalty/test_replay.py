"""A shop's past, imported and replayed, comes to what the rules make of it by hand."""

import pytest
from django.db.models import Sum

from backstage.models import JobRun
from loyalty.models import Award, Entry, Member, Movement, PointsAccount
from tests.commerce.command import encore
from tests.commerce.order_book import work_out, write_file, write_rows

INIT = ("init", "--currency", "GBP", "--time-zone", "Europe/London", "--live-from", "2025-01-01")
STATES = ("pending", "available", "held", "redeemed", "expired", "revoked")


@pytest.fixture
def rows():
    return write_rows(days=12, invoices_a_day=12, seed=7)


@pytest.fixture
def imported(db, clock, rows, tmp_path):
    """A book of twelve days, imported into a club that everybody joins with the first purchase."""
    encore(*INIT, "--enrolment", "automatic")
    answer = encore(
        "import",
        write_file(tmp_path / "book.csv", rows),
        "--format",
        "online-retail",
        "--channel",
        "web",
        "--json",
    )
    assert (answer.code, answer.result["reactions_failed"]) == (0, 0)


def points_of(lines):
    """What an invoice earned and what stands: 1 point per 10.00 of goods, taken back line by line."""
    goods = {line.key: line for line in lines if line.is_goods and line.minor}
    total = sum(line.minor for line in goods.values())
    points = total // 1000
    if not points:
        return 0, 0
    earned = {key: points * line.minor // total for key, line in goods.items()}
    by_remainder = sorted(goods, key=lambda key: (-(points * goods[key].minor % total), key))
    for key in by_remainder[: points - sum(earned.values())]:
        earned[key] += 1
    standing = sum(
        earned[key] * (line.quantity - line.returned) // line.quantity for key, line in goods.items()
    )
    return points, standing


def expected_points(rows):
    """What the invoices of everybody but guests come to, by invoice."""
    expected = work_out(rows)
    known = {line.invoice for name, shelf in expected.shelves.items() if name for line in shelf}
    return {number: points_of(lines) for number, lines in expected.by_invoice().items() if number in known}


def totals():
    return PointsAccount.objects.aggregate(**{state: Sum(state) for state in STATES})


def count_postings():
    return Entry.objects.count(), Movement.objects.count()


def test_every_invoice_earns_and_keeps_what_the_rules_say(imported, rows):
    awards = Award.objects.exclude(member=None).values_list(
        "purchase__reference", "earned_points", "standing_points"
    )

    assert {reference: rest for reference, *rest in awards if any(rest)} == {
        number: list(points) for number, points in expected_points(rows).items() if any(points)
    }


def test_everybody_but_guests_joined_with_the_first_purchase(imported, rows):
    assert Member.objects.count() == len([name for name in work_out(rows).shelves if name])
    assert not Award.objects.filter(purchase__customer=None, standing_points__gt=0).exists()


def test_after_an_import_the_books_balance_and_only_the_jobs_are_late(imported):
    answer = encore("check-ledger", "--json")

    broken = [one for one in answer.result["invariants"] if one["findings"] and not one["liveness"]]
    assert broken == []
    assert answer.code == 2


def test_nothing_is_ready_before_the_replay_and_everything_after_it(imported, rows):
    standing = sum(points for _, points in expected_points(rows).values())
    before = totals()

    answer = encore("replay", "--from", "2025-03-28", "--to", "2025-05-15", "--job", "release_due_points")

    after = totals()
    assert answer.code == 0
    assert (before["pending"], before["available"]) == (standing, 0)
    assert (after["pending"], after["available"]) == (0, standing)
    assert encore("check-ledger").code == 0


def test_points_become_ready_on_the_day_after_the_window_and_not_before(imported, rows):
    def first_day():
        return {
            number: points
            for number, (_, points) in expected_points(rows).items()
            if points and number in first
        }

    first = {row[0] for row in rows if row[4].startswith("2025-03-28")}

    # Bought on 28 March, ready as 27 April begins in London.
    encore("replay", "--from", "2025-04-24", "--to", "2025-04-25", "--job", "release_due_points")
    on_the_day_before = totals()["available"]
    encore("replay", "--from", "2025-04-26", "--to", "2025-04-26", "--job", "release_due_points")

    assert on_the_day_before == 0
    assert totals()["available"] == sum(first_day().values()) > 0


def test_a_year_later_the_points_expire_at_the_end_of_the_month(imported, rows):
    standing = sum(points for _, points in expected_points(rows).values())
    encore("replay", "--from", "2025-05-14", "--to", "2025-05-15")

    encore("replay", "--from", "2026-04-29", "--to", "2026-05-01")
    encore("replay", "--from", "2026-05-30", "--to", "2026-06-01")

    after = totals()
    assert (after["pending"], after["available"], after["expired"]) == (0, 0, standing)
    assert encore("check-ledger").code == 0


def test_a_replay_given_again_changes_nothing(imported):
    encore("replay", "--from", "2025-04-25", "--to", "2025-04-29")
    before = totals(), count_postings()

    answer = encore("replay", "--from", "2025-04-25", "--to", "2025-04-29", "--json")

    assert answer.code == 0
    assert before[0]["available"] > 0
    assert answer.result["done"]["release_due_points"] == 0
    assert (totals(), count_postings()) == before


def test_a_replay_day_by_day_ends_where_one_late_run_does(imported, rows):
    standing = sum(points for _, points in expected_points(rows).values())

    encore("run-job", "release_due_points", "--at", "2025-06-01T00:00Z")

    assert (totals()["pending"], totals()["available"]) == (0, standing)


def test_a_replay_in_weekly_steps_ends_with_its_last_day(imported, rows):
    standing = sum(points for _, points in expected_points(rows).values())

    answer = encore(
        *("replay", "--from", "2025-04-20", "--to", "2025-05-15", "--every", "7"),
        *("--job", "release_due_points", "--json"),
    )

    assert answer.result["days"] == 26
    assert JobRun.objects.count() == 4
    assert (totals()["pending"], totals()["available"]) == (0, standing)


def test_the_last_day_cannot_come_before_the_first(db, clock):
    answer = encore("replay", "--from", "2025-05-02", "--to", "2025-05-01")

    assert answer.code == 2
    assert "is before --from" in answer.complained
