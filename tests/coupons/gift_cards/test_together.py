"""Many at once. Each test of a lock has a control beside it that shows what the lock is for."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

import pytest
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection

from backstage.operations.check import check_ledger
from coupons.models import CodeTries, GiftCard, GiftCardHold
from coupons.operations.gift_cards import refunding, spending
from coupons.operations.gift_cards.issuing import issue_gift_card
from coupons.operations.gift_cards.look_up import look_up_gift_card
from coupons.operations.gift_cards.spending import (
    GiftCardShare,
    capture_gift_card,
    reserve_gift_cards,
    void_gift_card_hold,
)
from coupons.policies.gift_card_errors import GiftCardHoldClosed, GiftCardRefusal, NotEnoughOnGiftCard
from coupons.queries.gift_cards import load_books
from tests.coupons.gift_cards.till import NOON, day, money_of, moves_of, refund, reserve, run_job, sell, use

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 64
AT_ONCE = 16  # connections; the server of a small machine allows few more


@pytest.fixture(autouse=True)
def books_are_right(db, clock):
    clock.move_to(day(1))
    yield
    assert [finding.detail for finding in check_ledger().findings] == []


def race(*racers: Callable[[], object]) -> list[object]:
    """Run all together, each in a thread with a connection of its own; give results or refusals."""
    start = Barrier(min(len(racers), AT_ONCE))

    def run(racer: Callable[[], object]) -> object:
        start.wait(timeout=30)
        try:
            return racer()
        except (GiftCardRefusal, IntegrityError, OperationalError) as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, racers))


def outcome(result: object) -> str:
    if isinstance(result, GiftCardRefusal):
        return "refused"
    if isinstance(result, IntegrityError):
        return "refused by the database"
    if isinstance(result, OperationalError):
        return f"broken: {result}"
    return "done"


def test_only_one_of_many_gets_the_last_of_a_card():
    card = sell(5000)

    results = race(*[partial(reserve, card, 5000, order=f"{n}") for n in range(MANY)])

    assert Counter(map(outcome, results)) == {"done": 1, "refused": MANY - 1}
    refusals = {(r.asked_minor, r.left_minor) for r in results if isinstance(r, NotEnoughOnGiftCard)}
    assert refusals == {(5000, 0)}
    assert money_of(card) == {"held": 5000}


def test_many_orders_share_a_card_to_the_last_cent():
    card = sell(5000)

    results = race(*[partial(use, card, 100, order=f"{n}") for n in range(MANY)])

    assert Counter(map(outcome, results)) == {"done": 50, "refused": 14}
    assert money_of(card) == {"used": 5000}


def test_one_request_sent_many_times_at_once_has_one_effect():
    card = sell(5000)

    results = race(*[partial(reserve, card, 3000, key="checkout-7")] * MANY)

    assert len({result.hold_id for result in results}) == 1
    assert GiftCardHold.objects.count() == 1


def test_one_sale_sent_many_times_at_once_is_one_card_and_one_code():
    sale = partial(issue_gift_card, amount_minor=5000, currency="EUR", key="order:1", at=NOON)

    results = race(*[sale] * 16)

    assert len([result for result in results if result.code]) == 1
    assert moves_of(GiftCard.objects.get()) == [("issue", 5000)]


def test_two_refunds_at_once_are_one():
    card = sell(5000)
    use(card, 3000)

    results = race(*[partial(refund, card, 3000)] * 16)

    assert sorted(results) == [0] * 15 + [3000]
    assert money_of(card) == {"balance": 5000}


def test_captured_and_given_back_at_once_a_reservation_is_one_of_the_two():
    card = sell(5000)
    held = reserve(card, 3000, expires_at=day(9))

    captured, given_back = race(
        partial(capture_gift_card, hold_id=held.hold_id, at=NOON),
        partial(void_gift_card_hold, hold_id=held.hold_id, at=NOON),
    )

    if outcome(captured) == "done":
        assert isinstance(given_back, GiftCardHoldClosed)
        assert money_of(card) == {"balance": 2000, "used": 3000}
    else:
        assert isinstance(captured, GiftCardHoldClosed)
        assert money_of(card) == {"balance": 5000}


def test_orders_with_the_same_cards_in_opposite_order_never_deadlock():
    cards = [sell(10_000) for _ in range(6)]

    def pay(number: int, order: list[GiftCard]) -> Callable[[], object]:
        shares = [GiftCardShare(card.handle, 10) for card in order]
        told = {"currency": "EUR", "channel": "web", "reference": f"{number}", "at": NOON}
        return lambda: reserve_gift_cards(shares=shares, key=f"{number}", **told)

    results = race(*[pay(n, cards[:: 1 if n % 2 else -1]) for n in range(32)])

    assert {outcome(result) for result in results} == {"done"}
    assert [money_of(card) for card in cards] == [{"balance": 9680, "held": 320}] * 6


def test_jobs_and_deeds_at_once_agree_with_what_time_has_decided():
    cards = [sell(1000, expires_at=day(0.5)) for _ in range(4)]
    holds = [reserve(card, 400, expires_at=day(0.25)) for card in cards]

    results = race(
        *[partial(run_job, name, day(1)) for name in ("expire_gift_cards", "void_stale_gift_card_holds")] * 4,
        *[partial(void_gift_card_hold, hold_id=held.hold_id, at=day(1)) for held in holds],
    )

    assert {outcome(result) for result in results} == {"done"}
    assert [moves_of(card)[2:] for card in cards] == [[("release", 400), ("expire", 1000)]] * 4


def test_many_guesses_at_once_are_counted_one_by_one():
    results = race(
        *[partial(look_up_gift_card, code=f"guess {n}", source="10.0.0.1", at=NOON) for n in range(MANY)]
    )

    assert Counter(result.wait_seconds for result in results) == {0: 10, 60: MANY - 10}
    assert CodeTries.objects.count() == 1


if connection.vendor == "postgresql":  # SQLite has one writer at a time: there is no lock to take away

    def read_cards(*, card_ids=(), handles=()):
        chosen = {"handle__in": list(handles)} if handles else {"id__in": list(card_ids)}
        return list(GiftCard.objects.filter(**chosen).order_by("id"))

    def load_and_think(cards):
        books = load_books(cards)
        time.sleep(0.5)
        return books

    def two_spenders(monkeypatch) -> list[str]:
        card = sell(5000)
        monkeypatch.setattr(spending, "load_books", load_and_think)
        racers = [partial(reserve, card, 5000, order=order) for order in ("1001", "1002")]
        return sorted(outcome(result) for result in race(*racers))

    def test_with_the_lock_on_the_second_spender_is_refused_with_the_numbers(monkeypatch):
        assert two_spenders(monkeypatch) == ["done", "refused"]

    def test_control_with_the_lock_off_the_second_is_refused_by_the_database_alone(monkeypatch):
        monkeypatch.setattr(spending, "lock_gift_cards", read_cards)

        assert two_spenders(monkeypatch) == ["done", "refused by the database"]

    def two_refunds(monkeypatch) -> list[object]:
        card = sell(5000)
        use(card, 3000)

        def think(**of):
            uses = refunding_uses(**of)
            time.sleep(0.5)
            return uses

        refunding_uses = refunding.list_order_uses
        monkeypatch.setattr(refunding, "list_order_uses", think)
        return race(partial(refund, card, 3000), partial(refund, card, 3000))

    def test_with_the_lock_on_the_second_refund_finds_the_first(monkeypatch):
        assert sorted(two_refunds(monkeypatch)) == [0, 3000]

    def test_control_with_the_lock_off_the_second_refund_is_refused_by_the_database(monkeypatch):
        monkeypatch.setattr(refunding, "lock_gift_cards", read_cards)

        assert sorted(map(outcome, two_refunds(monkeypatch))) == ["done", "refused by the database"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "place", ['INSERT INTO "encore_coupons_giftcardmovement"', 'UPDATE "encore_coupons_giftcard"']
)
def test_a_process_that_is_killed_in_between_leaves_no_half(place, tmp_path):
    card = sell(5000)
    connection.close()
    script = tmp_path / "pay.py"
    script.write_text(PAY)
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
        "PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")]),
    }
    process = subprocess.Popen(
        [sys.executable, str(script), str(card.handle), place],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    said = process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert said == "in the middle\n"

    assert money_of(card) == {"balance": 5000}
    assert moves_of(card) == [("issue", 5000)]
    assert not GiftCardHold.objects.exists()
    reserve(card, 5000)
    assert money_of(card) == {"held": 5000}


def database_url() -> str:
    database = settings.DATABASES["default"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    return os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{database['NAME']}"


PAY = """
import sys
import time
from datetime import UTC, datetime
from uuid import UUID

import django

django.setup()

from django.db import connection

from coupons.operations.gift_cards.spending import reserve_gift_card


def stop(execute, sql, params, many, context):
    if sql.startswith(sys.argv[2]):
        print("in the middle", flush=True)
        time.sleep(60)
    return execute(sql, params, many, context)


with connection.execute_wrapper(stop):
    reserve_gift_card(
        card=UUID(sys.argv[1]),
        amount_minor=3000,
        currency="EUR",
        channel="web",
        reference="1001",
        key="killed",
        at=datetime(2026, 3, 3, 12, tzinfo=UTC),
    )
"""
