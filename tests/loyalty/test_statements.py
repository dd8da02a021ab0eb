"""Months of partners: every entry settled once at the price of its day, each line rounded once, closed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from backstage.models import AuditRecord
from backstage.operations.check import check_ledger
from backstage.operations.jobs import run_job
from backstage.policies import SHOP
from commerce.operations.customers import merge_customers
from commerce.operations.sync import sync_purchase
from commerce.policies.snapshot import Snapshot, Who
from loyalty.models import (
    PartnerPrice,
    PartnerStatement,
    StatementEntry,
    StatementLine,
)
from loyalty.operations import statements as statements_module
from loyalty.operations.adjustments import give_points
from loyalty.operations.awards import settle_awards
from loyalty.operations.partners import change_partner_price, end_partner, end_partner_channel
from loyalty.operations.spending import give_back_spent, give_up_reserved, reserve_points, spend_reserved
from loyalty.operations.statements import close_months
from loyalty.policies.partners import StatementDeed, amount_minor
from loyalty.queries.statements import list_lines, read_open_month, write_csv
from tests.loyalty.shop import customer, goods, join, open_shop, points
from tests.loyalty.test_partners import channel, partner

pytestmark = pytest.mark.django_db
MAY = date(2026, 5, 1)


def at(month: int, day: int, hour: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.fixture
def programme():
    """A club whose points are ready at once, so that they can be used the same day."""
    return open_shop(terms={"window_days": 0})


@pytest.fixture
def shop(programme):
    return channel()


@pytest.fixture
def bakery(programme, shop):
    """Pays 5.00 for 1,000 points issued and is paid 4.00 for 1,000 redeemed."""
    return partner(programme, "bakery", shop, at=at(4, 1), starts_on=MAY)


@pytest.fixture(autouse=True)
def books_are_right(db, clock):
    clock.move_to(at(9, 1))
    yield
    wrong = [answer for answer in check_ledger().answers if not answer.liveness and answer.findings]
    assert wrong == []


def buy(reference, sold_minor, when, *, where="bakery", who="alice", **facts):
    """Tell an order as of a moment, and let the club catch up then."""
    told = Snapshot(
        channel=where,
        reference=reference,
        as_of=when,
        who=Who(email=f"{who}@example.com", verified=frozenset({"email"})),
        currency="EUR",
        placed_at=facts.pop("placed_at", when),
        lines=(goods(sold_minor=sold_minor, **facts),),
    )
    purchase_id = sync_purchase(told, at=when).purchase_id
    settle_awards(purchase_ids=[purchase_id], at=when)


def member(programme, name="alice"):
    joined = join(name, programme)
    customer(name).identities.create(
        kind="email", value=f"{name}@example.com", created_at=at(1, 1), verified_at=at(1, 1)
    )
    return joined


def use(who, number, when, where=None, key="u"):
    held = reserve_points(
        member_id=who.id,
        points=number,
        key=f"{key}-hold",
        expires_at=when + timedelta(hours=1),
        channel_id=where and where.id,
        at=when,
    )
    return spend_reserved(member_id=who.id, hold_id=held.entry_id, key=key, at=when).entry_id


def close(programme, until):
    return close_months(programme_id=programme.id, until=until, at=until).statement_ids


def sums(statement) -> dict[str, tuple[int, int]]:
    return {
        deed.value: (
            getattr(statement, f"{deed.value}_points"),
            getattr(statement, f"{deed.value}_minor"),
        )
        for deed in StatementDeed
        if getattr(statement, f"{deed.value}_points")
    }


def may(partner) -> PartnerStatement:
    return PartnerStatement.objects.get(partner=partner, month_on=MAY)


# -- what a month says ---------------------------------------------------------------------------------------


def test_a_month_says_what_was_issued_redeemed_and_came_back_and_what_that_comes_to(programme, shop, bakery):
    alice = member(programme)
    buy("1", 20_000, at(5, 2))
    buy("2", 10_000, at(5, 3), where="web")
    spent = use(alice, 1_100, at(5, 4), shop)
    give_back_spent(member_id=alice.id, capture_id=spent, points=100, key="b", at=at(5, 5))
    buy("1", 20_000, at(5, 6), placed_at=at(5, 2), returned_quantity=1)
    use(alice, 300, at(5, 7), key="elsewhere")

    close(programme, at(6, 1))

    assert sums(may(bakery)) == {
        "issued": (2_000, 1_000),
        "taken_back": (1_000, 500),
        "redeemed": (1_100, 440),
        "given_back": (100, 40),
    }
    assert may(bakery).balance_minor == 1_000 - 500 - 440 + 40
    assert may(bakery).entries == StatementEntry.objects.count() == 4


def test_a_reservation_that_is_given_up_is_nobodys_business(programme, shop, bakery):
    alice = member(programme)
    buy("1", 20_000, at(5, 2))
    held = reserve_points(
        member_id=alice.id, points=5, key="h", expires_at=at(5, 9), channel_id=shop.id, at=at(5, 3)
    )
    give_up_reserved(member_id=alice.id, hold_id=held.entry_id, key="v", at=at(5, 3))

    close(programme, at(6, 1))

    assert sums(may(bakery)) == {"issued": (2_000, 1_000)}


def test_a_debt_counts_as_taken_back_and_what_is_let_go_stays_issued(programme, shop, bakery):
    alice = member(programme)
    buy("1", 1_000, at(5, 2))
    use(alice, 100, at(5, 3), shop)
    buy("1", 1_000, at(5, 4), placed_at=at(5, 2), returned_quantity=2)
    assert points(alice, at(5, 4)) == (0, 0, 100)

    close(programme, at(6, 1))
    assert sums(may(bakery)) == {"issued": (100, 50), "taken_back": (100, 50), "redeemed": (100, 40)}

    programme.debt_policy = "let_go"
    programme.rules_stamp = "11111111-1111-4111-8111-111111111111"
    programme.save()
    bob = member(programme, "bob")
    buy("2", 1_000, at(6, 2), who="bob")
    use(bob, 100, at(6, 3), shop, "bob")
    buy("2", 1_000, at(6, 4), placed_at=at(6, 2), who="bob", returned_quantity=2)
    close(programme, at(7, 1))
    assert sums(PartnerStatement.objects.get(month_on=date(2026, 6, 1))) == {
        "issued": (100, 50),
        "redeemed": (100, 40),
    }


def test_merged_accounts_and_gifts_are_left_out(programme, shop, bakery):
    alice = member(programme)
    member(programme, "bob")
    buy("1", 1_000, at(5, 2))
    buy("2", 1_000, at(5, 2), who="bob")
    give_points(member_id=alice.id, points=50, key="g", reason="goodwill", at=at(5, 3), by=SHOP)
    merge_customers(source=customer("bob").id, target=customer("alice").id, by=SHOP, at=at(5, 4))

    close(programme, at(6, 1))

    assert sums(may(bakery)) == {"issued": (200, 100)}


def test_a_month_is_the_programmes_own(programme, shop, bakery):
    """It begins at 22:00 UTC of the day before in Oslo's summer."""
    member(programme)
    buy("before", 1_000, datetime(2026, 5, 31, 21, 59, 59, tzinfo=UTC))
    buy("after", 2_000, datetime(2026, 5, 31, 22, tzinfo=UTC))

    close(programme, at(7, 1))

    found = PartnerStatement.objects.order_by("month_on").values_list("issued_points", flat=True)
    assert list(found) == [100, 200]


def test_each_line_is_rounded_once_and_half_up(programme, shop):
    other = channel("cafe")
    bakery = partner(
        programme, "bakery", shop, other, at=at(4, 1), starts_on=MAY, issued_minor=5, redeemed_minor=0
    )
    member(programme)
    for number in range(5):
        buy(f"a{number}", 200, at(5, 2))
    buy("b", 900, at(5, 2), where="cafe")

    close(programme, at(6, 1))

    # 100 points are half a cent and round up; 90 points are 0.45 and round down.
    assert [(line.channel_name, line.points, line.amount_minor) for line in list_lines(may(bakery))] == [
        ("Bakery", 100, 1),
        ("Cafe", 90, 0),
    ]
    assert [amount_minor(number, 5) for number in (99, 100, 101, 300)] == [0, 1, 1, 2]


def test_a_price_holds_for_the_points_of_its_days(programme, shop, bakery):
    member(programme)
    change_partner_price(
        partner_id=bakery.id,
        issued_minor=1_000,
        redeemed_minor=0,
        starts_on=date(2026, 5, 15),
        at=at(5, 10),
    )
    buy("1", 10_000, at(5, 14))
    buy("2", 10_000, at(5, 16))

    close(programme, at(6, 1))

    assert [(line.price_minor, line.amount_minor) for line in list_lines(may(bakery))] == [
        (500, 500),
        (1_000, 1_000),
    ]


# -- closed, and what comes late -----------------------------------------------------------------------------


def test_what_comes_late_is_in_the_next_month_at_the_price_of_its_day_and_nothing_is_settled_twice(
    programme, shop, bakery
):
    member(programme)
    buy("1", 10_000, at(5, 2))
    close(programme, at(6, 1))
    closed = PartnerStatement.objects.values().get()
    change_partner_price(
        partner_id=bakery.id, issued_minor=9_000, redeemed_minor=0, starts_on=date(2026, 6, 2), at=at(6, 1)
    )
    buy("2", 10_000, at(5, 31))
    buy("3", 10_000, at(6, 3))

    assert close(programme, at(6, 1)) == ()
    close(programme, at(7, 1))

    assert PartnerStatement.objects.filter(month_on=MAY).values().get() == closed
    june = PartnerStatement.objects.get(month_on=date(2026, 6, 1))
    assert [(line.is_late, line.price_minor, line.points) for line in list_lines(june)] == [
        (False, 9_000, 1_000),
        (True, 500, 1_000),
    ]
    assert StatementEntry.objects.count() == 3


def test_what_returns_after_a_channels_end_is_the_programmes(programme, shop, bakery):
    member(programme)
    buy("1", 10_000, at(5, 2))
    end_partner_channel(claim_id=bakery.channels.get().id, last_on=date(2026, 5, 10), at=at(5, 10))
    buy("1", 10_000, at(5, 12), placed_at=at(5, 2), returned_quantity=2)

    close(programme, at(6, 1))

    assert sums(may(bakery)) == {"issued": (1_000, 500)}


def test_a_partner_that_ended_is_settled_to_its_end_and_then_only_for_what_came_late(programme, shop, bakery):
    member(programme)
    buy("1", 10_000, at(5, 2))
    end_partner(partner_id=bakery.id, at=at(6, 15))

    close(programme, at(8, 1))
    assert [f"{one:%m}" for one in months(bakery)] == ["05", "06"]

    buy("2", 10_000, at(6, 14))
    close(programme, at(9, 1))
    assert [f"{one:%m}" for one in months(bakery)] == ["05", "06", "08"]


def months(partner):
    return (
        PartnerStatement.objects.filter(partner=partner)
        .order_by("month_on")
        .values_list("month_on", flat=True)
    )


def test_the_job_closes_what_has_been_over_for_three_days_and_says_who(programme, shop, bakery):
    run_job(name="close_partner_months", at=at(6, 3), slot="a")
    assert not PartnerStatement.objects.exists()

    run_job(name="close_partner_months", at=at(7, 4), slot="b")

    assert [f"{one:%m}" for one in months(bakery)] == ["05", "06"]
    assert AuditRecord.objects.filter(kind="partner_month_closed", by_kind="system").count() == 2


def test_an_open_month_has_no_row_and_says_what_its_statement_will(programme, shop, bakery):
    alice = member(programme)
    buy("1", 12_300, at(5, 2))
    use(alice, 130, at(5, 4), shop)
    seen = read_open_month(bakery, at=at(5, 20))
    assert not PartnerStatement.objects.exists()

    close(programme, at(6, 1))

    assert list(seen.lines) == list_lines(may(bakery))
    assert seen.balance_minor == may(bakery).balance_minor == 615 - 52


def test_two_programmes_settle_a_shared_channel_each_for_its_own_members(programme, shop, bakery):
    other = type(programme).objects.get(pk=programme.pk)
    other.pk, other.key, other.name = None, "other", "Other"
    other.save(force_insert=True)
    member(programme)
    buy("1", 10_000, at(5, 2))
    train = partner(other, "train", shop, at=at(4, 1), starts_on=MAY)

    close(programme, at(6, 1))
    close(other, at(6, 1))

    assert (sums(may(bakery)), sums(may(train))) == ({"issued": (1_000, 500)}, {})


def test_an_export_has_the_same_bytes_whatever_was_renamed_since_and_runs_no_formula(programme, shop):
    bakery = partner(programme, "bakery", shop, at=at(4, 1), starts_on=MAY, name="=2+2")
    member(programme)
    buy("1", 10_000, at(5, 2))
    close(programme, at(6, 1))
    first = write_csv(may(bakery))
    bakery.name, shop.name = "Other", "Other"
    bakery.save()
    shop.save()

    assert write_csv(may(bakery)) == first
    assert first.decode("utf-8-sig").splitlines() == [
        "partner,month,channel,what,earlier_month,entries,points,per_1000_minor,amount_minor,currency",
        "'=2+2,2026-05,Bakery,issued,no,1,1000,500,500,EUR",
        "'=2+2,2026-05,,balance,,1,,,500,EUR",
    ]


def test_a_month_of_many_entries_and_partners_is_closed_in_as_many_statements(programme, shop, bakery):
    member(programme)

    def asked(number, month):
        with CaptureQueriesContext(connection) as queries:
            close(programme, at(month + 1, 1))
        return len(queries)

    buy("1", 1_000, at(5, 2))
    one = asked(1, 5)
    for number in range(20):
        buy(f"x{number}", 1_000, at(6, 2))
    partner(programme, "train", channel("train"), at=at(6, 1), starts_on=date(2026, 6, 2))
    assert asked(20, 6) == one + 1  # a line in the log for each partner


# -- together ------------------------------------------------------------------------------------------------


def at_once(*deeds):
    barrier = Barrier(len(deeds))

    def one(deed):
        try:
            barrier.wait(30)
            return f"closed {len(deed())}"
        except IntegrityError:
            return "refused by the database"
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return sorted(pool.map(one, deeds))


@pytest.mark.django_db(transaction=True)
def test_two_who_close_one_month_at_once_make_one_statement(programme, shop, bakery):
    member(programme)
    buy("1", 10_000, at(5, 2))

    found = at_once(*[lambda: close(programme, at(6, 1))] * 2)

    assert found == ["closed 0", "closed 1"]
    assert (PartnerStatement.objects.count(), StatementEntry.objects.count()) == (1, 1)


if connection.vendor == "postgresql":  # SQLite has one writer at a time: there is no lock to take away

    @pytest.mark.django_db(transaction=True)
    def test_control_without_the_lock_the_database_refuses_the_second_closing(
        programme, shop, bakery, monkeypatch
    ):
        member(programme)
        buy("1", 10_000, at(5, 2))
        looked, list_due = Barrier(2), statements_module.list_due_months
        monkeypatch.setattr(
            statements_module, "lock_programme", lambda programme_id: type(programme).objects.get()
        )

        def list_together(*args, **told):
            due = list_due(*args, **told)
            looked.wait(30)
            return due

        monkeypatch.setattr(statements_module, "list_due_months", list_together)

        assert at_once(*[lambda: close(programme, at(6, 1))] * 2) == ["closed 1", "refused by the database"]


# -- the laws bite -------------------------------------------------------------------------------------------

PLANTS = {
    "ledger.statement_sums": lambda: PartnerStatement.objects.update(issued_points=7),
    "ledger.statement_lines": lambda: StatementLine.objects.update(points=1_001, amount_minor=501),
    "ledger.statement_amounts": lambda: StatementLine.objects.update(amount_minor=501),
    "ledger.statement_entry_points": lambda: StatementEntry.objects.update(points=7),
    "ledger.statement_entry_place": lambda: StatementEntry.objects.update(channel_id=987),
    "ledger.partner_price_at_any_time": lambda: PartnerPrice.objects.filter(number=2).update(
        starts_at=at(8, 5)
    ),
}


@pytest.mark.parametrize("law", PLANTS)
def test_a_law_notices_what_was_planted(programme, shop, bakery, law):
    member(programme)
    buy("1", 10_000, at(5, 2))
    change_partner_price(
        partner_id=bakery.id, issued_minor=1, redeemed_minor=1, starts_on=date(2026, 8, 1), at=at(6, 1)
    )
    close(programme, at(6, 1))

    with transaction.atomic():
        PLANTS[law]()
        found = {answer.invariant for answer in check_ledger().answers if answer.findings}
        transaction.set_rollback(True)

    assert law in found


def test_the_law_of_channels_notices_two_owners(programme, shop, bakery):
    train = partner(programme, "train", channel("train"), at=at(4, 1), starts_on=MAY)
    with transaction.atomic():
        train.channels.update(channel=shop, starts_at=at(5, 1), ends_at=at(7, 1))
        found = {answer.invariant for answer in check_ledger().answers if answer.findings}
        transaction.set_rollback(True)

    assert found == {"ledger.partner_channel_once"}


def test_the_law_of_closed_months_notices_what_was_left_out(programme, shop, bakery, clock):
    member(programme)
    buy("1", 10_000, at(5, 2))
    close(programme, at(6, 1))
    closed = PartnerStatement.objects.get()
    clock.move_to(closed.recorded_at + timedelta(days=41))  # the law looks at when things were written
    with transaction.atomic():
        StatementEntry.objects.all().delete()
        StatementLine.objects.all().delete()
        PartnerStatement.objects.update(issued_points=0, issued_minor=0, balance_minor=0, entries=0)
        found = {answer.invariant for answer in check_ledger().answers if answer.findings}
        transaction.set_rollback(True)

    assert "ledger.statement_left_nothing_out" in found
