"""What other code may call says what it takes, by name and type, and what it does, in one sentence."""

import builtins
import inspect
import re
from enum import Enum
from typing import Protocol

import pytest
from django import db
from django.core import exceptions

from backstage.registry import jobs
from tests.architecture.house import APPS, ROOT, classes, functions, module_of, place, sources

pytestmark = pytest.mark.once

DOCUMENTED = ("policies", "queries", "locks", "operations", "ledger")
LABELS = {"Units", "Time", "Replay", "Locks", "Queries", "Raises", "Decision", "Source", "States"}

# Statements, not deeds: a table, its columns and rows. A keyword before each would say nothing.
STATEMENTS = {"commerce/operations/rows.py"}
# The writer's own files; the doors of the ledger are the others.
BEHIND_THE_DOORS = {
    f"loyalty/ledger/{name}.py" for name in ("rows", "single_statement", "statements", "writer", "due")
}
# The three faces of a segment condition; `SegmentCondition` says what each must do.
FACES = ("say_", "measure_", "tell_")


def callbacks() -> set[object]:
    """Return what runners call by position, as the door they stand in says."""
    return {thing for _, job in jobs.items() for thing in (job.plan, job.work)}


def deeds():
    """Give every operation and every door of the ledger."""
    skipped = STATEMENTS | BEHIND_THE_DOORS
    for path in sources("operations", "ledger"):
        if place(path) not in skipped:
            yield from ((f"{place(path)} {name}", function) for name, function in functions(path))


def test_an_operation_is_told_all_but_its_subject_by_name():
    called_back = callbacks()

    found = {
        name: positional[1:]
        for name, function in deeds()
        if function not in called_back and len(positional := list_positional(function)) > 1
    }

    assert found == {}


def list_positional(function) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def test_an_operation_that_is_told_who_defaults_to_nobody_but_the_shop_or_the_system():
    found = {
        name: given.default
        for name, function in deeds()
        if (given := inspect.signature(function).parameters.get("by")) is not None
        and given.default is not given.empty
        and given.default.kind not in ("shop", "system")
    }

    assert found == {}


@pytest.mark.parametrize("app", APPS)
def test_every_public_function_has_all_its_types(app):
    found = {
        f"{place(path)} {name}": untyped
        for path in sources(apps=(app,))
        for name, function in functions(path)
        if (untyped := list_untyped(function))
    }

    assert found == {}


def list_untyped(function) -> list[str]:
    signature = inspect.signature(function)
    untyped = [p.name for p in signature.parameters.values() if p.annotation is p.empty]
    return untyped + (["return"] if signature.return_annotation is signature.empty else [])


@pytest.mark.parametrize("app", APPS)
def test_every_module_says_what_it_is_for(app):
    found = [
        place(path) for path in sources(apps=(app,)) if path.stat().st_size and not module_of(path).__doc__
    ]

    assert found == []


@pytest.mark.parametrize("app", APPS)
def test_every_rule_question_lock_and_deed_says_what_it_does(app):
    found = [
        f"{place(path)} {name}"
        for path in sources(*DOCUMENTED, apps=(app,))
        for name, thing in [*functions(path), *classes(path)]
        if not thing.__doc__ and not is_plain(name, thing)
    ]

    assert found == []


def is_plain(name: str, thing: object) -> bool:
    """Tell whether a meaning stands elsewhere: an enum's in the glossary, a protocol's where it is used."""
    if isinstance(thing, type):
        return issubclass(thing, Enum) or Protocol in thing.__bases__
    return name.startswith(FACES)


def documented():
    for path in sources(*DOCUMENTED):
        for name, thing in [*functions(path), *classes(path)]:
            yield f"{place(path)} {name}", path, inspect.cleandoc(thing.__doc__ or "")


def test_a_docstring_uses_the_labels_of_the_house_and_no_others():
    found = {
        (name, label)
        for name, _, text in documented()
        for label in re.findall(r"(?:^|\. )([A-Z][a-z]+):(?= )", text, flags=re.MULTILINE)
        if label not in LABELS
    }

    assert found == set()


def test_an_exception_that_a_docstring_names_exists():
    known = (
        set(vars(builtins))
        | set(vars(exceptions))
        | set(vars(db))
        | set(
            re.findall(r"^class (\w+)", "\n".join(path.read_text() for path in sources()), flags=re.MULTILINE)
        )
    )

    found = {
        (name, error)
        for name, path, text in documented()
        for sentence in re.findall(r"Raises: (.+?)(?:[;.]\s|\.$|$)", text, flags=re.DOTALL)
        for error in re.findall(r"\b[A-Z]\w*[a-z]\w*(?:\.\w+)*", sentence)
        if error.partition(".")[0] not in known | set(vars(module_of(path)))
    }

    assert found == set()


def test_what_a_package_offers_is_there():
    packages = [
        ROOT / app / kind / "__init__.py" for app in APPS for kind in ("operations", "models", "policies")
    ]
    offered = [
        (place(path), name)
        for path in packages
        if path.exists()
        for name in getattr(module_of(path), "__all__", [])
    ]

    assert [(where, name) for where, name in offered if not hasattr(module_of(ROOT / where), name)] == []
