"""Every kind of work has its room: where locks, receivers, tasks and raw statements may stand."""

import ast
import re

import pytest

from tests.architecture.house import APPS, ROOT, calls, kind_of, last_name, nodes, place, sources

pytestmark = pytest.mark.once

DRAWERS = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "core",
    "misc",
    "services",
    "managers",
    "lib",
    "tools",
}


def test_there_is_no_drawer():
    everywhere = [
        path for folder in (*APPS, "config", "benchmarks", "tests") for path in (ROOT / folder).rglob("*")
    ]

    assert [place(path) for path in everywhere if path.stem in DRAWERS] == []


def test_rows_are_locked_in_locks_alone():
    found = [
        place(path, call)
        for path in sources()
        for name, call in calls(path)
        if name in {"select_for_update", "for_update", "for_update_sql"}
        and place(path) != "backstage/plain_sql.py"
    ]

    assert {where.partition(":")[0] for where in found} <= {f"{app}/locks.py" for app in APPS}


def test_receivers_stand_in_subscriptions_alone():
    decorated = {
        place(path, function)
        for path in sources()
        for function in nodes(path, ast.FunctionDef)
        for decorator in function.decorator_list
        if last_name(decorator.func if isinstance(decorator, ast.Call) else decorator) == "receiver"
        and kind_of(path) != "subscriptions"
    }
    connected = {
        place(path, call)
        for path in sources()
        for name, call in calls(path)
        if name == "connect" and isinstance(call.func, ast.Attribute)
    }

    assert decorated | connected == set()


def test_doors_are_filled_by_registrations_and_by_whoever_owns_the_door():
    found = {
        place(path, call)
        for path in sources()
        for name, call in calls(path)
        if name == "register"
        and isinstance(call.func, ast.Attribute)
        and kind_of(path) not in {"registrations", "admin", "templatetags"}
    }

    assert found == set()


def test_an_event_is_sent_so_that_no_receiver_can_stop_the_others():
    sent = {place(path, call) for path in sources() for name, call in calls(path) if name == "send"}

    assert sent == set()


def test_an_event_is_a_fact_and_carries_ids():
    events = [
        (place(path, node), node.targets[0].id)
        for path in sources("events")
        for node in nodes(path, ast.Assign)
        if isinstance(node.value, ast.Call) and last_name(node.value.func) == "Signal"
    ]

    assert events
    assert [(where, name) for where, name in events if not re.fullmatch(r"[a-z_]+ed", name)] == []


def test_the_business_clock_can_be_replaced_wherever_it_is_read():
    # `from backstage.clock import now` binds the name for good, and no test could fix the time any more.
    found = {
        place(path, node)
        for path in sources()
        for node in nodes(path, ast.ImportFrom)
        if node.module == "backstage.clock"
    }

    assert found == set()


RECORDING = {f"loyalty/ledger/{name}.py" for name in ("due", "hold_at_once", "merging", "posting")}
RECORDING |= {"coupons/ledger/gift_cards.py"}


def test_the_machines_own_clock_is_read_where_business_has_no_say():
    # Leases, runs and the moment of recording: never what decides about points.
    found = {
        place(path).partition(":")[0]
        for path in sources()
        for call in nodes(path, ast.Call)
        if ast.unparse(call.func)
        in {"timezone.now", "datetime.now", "date.today", "datetime.utcnow", "time.time"}
    }

    assert found == {"backstage/clock.py", *RECORDING}


def test_rules_tables_questions_and_the_ledger_open_no_transaction():
    found = {
        place(path, call)
        for path in sources("ledger", "queries", "policies", "models")
        for name, call in calls(path)
        if name == "atomic"
    }

    assert found == set()


def test_no_text_of_an_owner_is_ever_a_template():
    found = {
        place(path, call)
        for path in sources()
        for name, call in calls(path)
        if name in {"Template", "from_string", "mark_safe", "eval", "exec"}
        # A snippet is what our own template made.
        and place(path) != "loyalty/templatetags/encore_loyalty.py"
    }

    assert found == set()
