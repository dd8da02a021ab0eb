"""Many at once. Each limit has a control beside it that shows what its guard is for."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from coupons.models import Coupon, CouponOrder, CouponUse, Redemption
from coupons.operations import counters, redemption
from coupons.operations.coupons import pause_coupon
from coupons.operations.redemption import (
    CodesRefused,
    JustTaken,
    OrderDiffers,
    capture_coupons,
    reserve_coupons,
    void_coupons,
)
from coupons.operations.upkeep import plan_voiding, work_voiding
from tests.coupons.shop import NOON, amount, basket, counts, day, offer, somebody
from tests.factories.coupons import CodeFactory

MANY = 64
AT_ONCE = 16  # connections; the server of a small machine allows few more

postgresql = pytest.mark.postgresql
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_are_right")]


@pytest.fixture(params=["at once", "step by step"])
def both_ways(request, monkeypatch):
    if request.param == "step by step":
        monkeypatch.setattr(redemption, "reserve_at_once", lambda *_args, **_told: None)
    return request.param


def race(*racers: Callable[[], object]) -> Counter[str]:
    """Run all together, each in a thread with a connection of its own; count what became of them."""
    together = min(len(racers), AT_ONCE)
    start = Barrier(together)

    def run(number: int, racer: Callable[[], object]) -> str:
        if number < together:
            start.wait(timeout=60)
        try:
            racer()
        except (CodesRefused, JustTaken):
            return "refused"
        except OrderDiffers:
            return "differs"
        except DatabaseError as error:
            return f"broken: {error}"
        finally:
            connection.close()
        return "has it"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(run, range(len(racers)), racers))


def racer(reference: int, code: str = "CODE", **told) -> Callable[[], object]:
    return lambda: reserve_coupons(basket(), codes=[code], reference=str(reference), at=NOON, **told)


@postgresql
@pytest.mark.parametrize("limit", [1, 10])
def test_a_limit_is_exact(limit, both_ways):
    coupon = offer("CODE", limit_total=limit)

    assert race(*map(racer, range(MANY))) == {"has it": limit, "refused": MANY - limit}

    assert counts(coupon) == (limit, 200 * limit)
    assert Redemption.objects.count() == limit


@postgresql
def test_a_budget_is_exact(both_ways):
    coupon = offer("CODE", budget_minor=1150)

    assert race(*map(racer, range(MANY))) == {"has it": 5, "refused": MANY - 5}
    assert counts(coupon) == (5, 1000)


@postgresql
def test_a_limit_for_each_customer_is_exact(both_ways):
    coupon, alice = offer("CODE", limit_per_customer=3), somebody()

    assert race(*(racer(n, customer=alice) for n in range(MANY))) == {"has it": 3, "refused": MANY - 3}
    assert CouponUse.objects.get().used_count == 3
    assert counts(coupon) == (3, 600)


@postgresql
def test_two_first_orders_at_a_time_are_one(both_ways):
    offer("CODE", first_order_only=True)
    alice = somebody()

    assert race(*(racer(n, customer=alice) for n in range(8))) == {"has it": 1, "refused": 7}


@postgresql
def test_a_code_of_many_is_good_once(both_ways):
    coupon = offer("SHARED")
    CodeFactory(coupon=coupon, code="UNIQUE", unique=True)

    assert race(*(racer(n, "UNIQUE") for n in range(MANY))) == {"has it": 1, "refused": MANY - 1}


@postgresql
def test_one_order_that_comes_many_times_is_one_order(both_ways):
    coupon = offer("CODE", limit_total=5)

    assert race(*[racer(1)] * MANY) == {"has it": MANY}

    assert (counts(coupon), CouponOrder.objects.count()) == ((1, 200), 1)


@postgresql
def test_orders_that_share_coupons_in_any_order_do_not_wait_in_a_ring(both_ways):
    for number in range(4):
        offer(f"CODE{number}", **amount(10, lane=f"lane-{number}"))
    alice = somebody()

    def order(number: int) -> Callable[[], object]:
        codes = [f"CODE{(number + step) % 4}" for step in range(3)]
        return lambda: reserve_coupons(basket(), codes=codes, reference=str(number), customer=alice, at=NOON)

    assert race(*map(order, range(MANY))) == {"has it": MANY}
    assert sum(Coupon.objects.values_list("used_count", flat=True)) == 3 * MANY


@postgresql
def test_places_that_go_and_come_at_the_same_time_add_up(both_ways):
    coupon = offer("CODE", limit_total=MANY)
    for number in range(MANY // 2):
        racer(number, until=day(0.1) if number % 2 else None)()

    def give_back(number: int) -> Callable[[], object]:
        return lambda: void_coupons(channel="web", reference=str(number), at=NOON)

    def use(number: int) -> Callable[[], object]:
        return lambda: capture_coupons(channel="web", reference=str(number), at=NOON)

    def write_off() -> None:
        for chunk in plan_voiding(day(1)):
            with transaction.atomic():
                work_voiding(chunk, day(1), 1)

    later = [
        lambda number=number: reserve_coupons(basket(), codes=["CODE"], reference=f"new-{number}", at=day(1))
        for number in range(MANY // 2)
    ]
    race(*map(give_back, range(0, 16, 2)), *map(use, range(16, 32, 2)), *later, write_off, write_off)

    assert counts(coupon)[0] == Redemption.objects.exclude(state="voided").count() == 8 + MANY // 2


@postgresql
def test_a_pause_in_the_middle_lets_nobody_in_afterwards(both_ways):
    coupon = offer("CODE")

    def pause() -> object:
        return pause_coupon(coupon_id=coupon.id, at=NOON)

    race(*map(racer, range(16)), pause, *map(racer, range(16, 32)))

    assert counts(coupon)[0] == Redemption.objects.count() <= 32
    assert race(racer(99)) == {"refused": 1}


# -- what the guards are for ---------------------------------------------------------------------------------


UNGUARDED = (
    f"UPDATE {counters._COUPON} SET used_count = {counters._COUPON}.used_count + told.uses,"
    f" spent_minor = {counters._COUPON}.spent_minor + told.minor FROM {{told}}"
    f" WHERE {counters._COUPON}.id = told.id"
)
UNGUARDED_USES = (
    f"UPDATE {counters._USE} SET used_count = {counters._USE}.used_count + told.uses FROM {{told}}"
    f" WHERE {counters._USE}.coupon_id = told.coupon_id AND {counters._USE}.customer_id = told.customer_id"
)


@postgresql
def test_control_without_the_guard_a_limit_for_each_customer_is_passed(monkeypatch):
    """Reading, looking and writing is what everybody does first: it gives the last place many times."""
    alice = somebody()
    offer("CODE", limit_per_customer=1)
    monkeypatch.setattr(redemption, "reserve_at_once", lambda *_args, **_told: None)
    monkeypatch.setattr(counters, "_CHANGE_USES", UNGUARDED_USES)

    outcome = race(*(racer(n, customer=alice) for n in range(MANY)))

    assert outcome["has it"] > 1


@postgresql
@pytest.mark.parametrize(
    ("told", "rule"),
    [
        ({"limit_total": 10}, "encore_coupon_within_limit"),
        ({"budget_minor": 2000}, "encore_coupon_within_budget"),
    ],
)
def test_control_without_the_guard_the_database_itself_has_to_refuse(monkeypatch, told, rule):
    offer("CODE", **told)
    monkeypatch.setattr(redemption, "reserve_at_once", lambda *_args, **_told: None)
    monkeypatch.setattr(counters, "_CHANGE_COUPONS", UNGUARDED)

    outcome = race(*map(racer, range(MANY)))

    assert outcome["has it"] == 10
    assert [word for word in outcome if rule in word]


# -- processes, on both databases ----------------------------------------------------------------------------

PROCESSES, TURNS = 16, 4
RACE = """
import sys
from datetime import datetime

import django

django.setup()

from django.db import connection

from commerce.policies.basket import Basket, BasketLine
from coupons.operations import counters, redemption

at, customer_id, unguarded = datetime.fromisoformat(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
if unguarded:
    counters._CHANGE_USES = unguarded
    redemption.reserve_at_once = lambda *args, **told: None
basket = Basket("web", "EUR", (BasketLine("1", 1000),))
connection.ensure_connection()
print("ready", flush=True)
sys.stdin.readline()
for turn in range(int(sys.argv[5])):
    try:
        redemption.reserve_coupons(
            basket, codes=["CODE"], reference=f"{sys.argv[1]}-{turn}", customer=customer_id, at=at
        )
    except (redemption.CodesRefused, redemption.JustTaken):
        print("refused")
    else:
        print("has it")
"""


def run_processes(customer_id: int, *, unguarded: str = "") -> Counter[str]:
    """Let 16 processes ask four times each, all beginning together."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database_url(),
        "PYTHONPATH": str(settings.BASE_DIR),
    }
    told = [NOON.isoformat(), str(customer_id), unguarded, str(TURNS)]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(number), *told],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(PROCESSES)
    ]  # fmt: skip
    for process in running:  # each says when it is ready, and all are let loose together
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    return Counter(word for process in running for word in process.communicate(timeout=120)[0].splitlines())


def database_url() -> str:
    database = settings.DATABASES["default"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    return os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{database['NAME']}"


@pytest.mark.slow
def test_limits_are_exact_between_processes():
    coupon, alice = offer("CODE", limit_total=10, budget_minor=1300), somebody()

    assert run_processes(alice) == {"has it": 6, "refused": TURNS * PROCESSES - 6}
    assert counts(coupon) == (6, 1200)


@pytest.mark.slow
def test_a_limit_for_each_customer_is_exact_between_processes():
    coupon, alice = offer("CODE", limit_per_customer=5), somebody()

    assert run_processes(alice) == {"has it": 5, "refused": TURNS * PROCESSES - 5}
    assert counts(coupon) == (5, 1000)
