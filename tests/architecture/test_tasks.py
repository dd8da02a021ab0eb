"""A message is a hint: it carries names and ids, may come twice or late, and does no work of its own."""

import ast
import inspect
import json

import pytest
from celery import current_app

from backstage.registry import jobs
from backstage.schedule import encore_schedule
from tests.architecture.house import APPS, kind_of, module_of, nodes, place, sources

pytestmark = pytest.mark.once

PLAIN = {"str", "int", "str | None", "int | None", "list[int]", "list[str]"}


def tasks():
    for path in sources("tasks"):
        module_of(path)
    ours = tuple(f"encore.{app}." for app in APPS)
    return sorted((name, task) for name, task in current_app.tasks.items() if name.startswith(ours))


def test_tasks_stand_in_tasks_alone_and_are_named_after_their_app():
    found = {
        place(path, function): decorator
        for path in sources()
        for function in nodes(path, ast.FunctionDef)
        for decorator in map(ast.unparse, function.decorator_list)
        if decorator.startswith(("shared_task", "app.task"))
        and not (
            kind_of(path) == "tasks" and f"name='encore.{path.parent.name}.{function.name}'" in decorator
        )
    }

    assert found == {}
    assert tasks()


def test_a_task_takes_ids_and_names_by_keyword_and_forgives_a_newer_sender():
    for name, task in tasks():
        parameters = inspect.signature(task.run).parameters.values()
        assert {p.kind for p in parameters} <= {
            inspect.Parameter.KEYWORD_ONLY,
            inspect.Parameter.VAR_KEYWORD,
        }, name
        assert any(p.kind is p.VAR_KEYWORD for p in parameters), name
        for parameter in parameters:
            if parameter.kind is parameter.KEYWORD_ONLY:
                assert str(parameter.annotation).replace("<class '", "").replace("'>", "") in PLAIN, name


def test_a_task_that_dies_with_its_worker_is_given_to_another():
    # The decorator says so itself: a shop's own Celery settings may be others than those of this project.
    safe = {"acks_late=True", "reject_on_worker_lost=True", "ignore_result=True"}
    found = {
        place(path, function)
        for path in sources("tasks")
        for function in nodes(path, ast.FunctionDef)
        for decorator in function.decorator_list
        if not isinstance(decorator, ast.Call) or not safe <= set(map(ast.unparse, decorator.keywords))
    }

    assert found == set()


def test_a_task_is_a_shell():
    found = {
        place(path, function): len(function.body)
        for path in sources("tasks")
        for function in nodes(path, ast.FunctionDef)
        if len(function.body) > 3  # the docstring, what the message left out, one operation
    }

    assert found == {}


def test_no_operation_sends_a_task():
    # Tasks know operations. The other way round, an operation could not run in a shop without Celery.
    found = {
        place(path, node)
        for path in sources()
        if kind_of(path) != "tasks"
        for node in nodes(path, ast.Attribute)
        if node.attr in {"delay", "apply_async", "send_task"}
    }

    assert found == set()


def test_beat_is_given_every_job_in_words_that_a_message_can_carry():
    schedule = encore_schedule()

    assert {entry["kwargs"]["name"] for entry in schedule.values() if "kwargs" in entry} == {
        n for n, _ in jobs.items()
    }
    for entry in schedule.values():
        assert entry["task"] in dict(tasks())
        assert json.loads(json.dumps(entry.get("kwargs", {}))) == entry.get("kwargs", {})
        assert 0 < entry["options"]["expires"] <= entry["schedule"].total_seconds()


def test_every_job_says_what_it_is_for_in_a_sentence():
    assert [name for name, job in jobs.items() if not str(job.note).endswith(".")] == []
    assert [name for name, job in jobs.items() if job.name != name] == []
