"""The house as its own source sees it: files, modules and trees of every app."""

import ast
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from inspect import getmembers, isclass, isfunction
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeVar

Node = TypeVar("Node", bound=ast.AST)

ROOT = Path(__file__).resolve().parents[2]
APPS = ("backstage", "commerce", "coupons", "loyalty")
LABELS = tuple(f"encore_{app}" for app in APPS)


def sources(*kinds: str, apps: tuple[str, ...] = APPS) -> list[Path]:
    """List the Python files of these kinds of module, of every kind when none is named; no migrations."""
    return sorted(
        path
        for app in apps
        for path in (ROOT / app).rglob("*.py")
        if "migrations" not in path.parts and (not kinds or kind_of(path) in kinds)
    )


def kind_of(path: Path) -> str:
    """Say what kind of module a file belongs to: `loyalty/queries/books.py` is of the kind `queries`."""
    return path.relative_to(ROOT).with_suffix("").parts[1]


def place(path: Path, node: ast.AST | None = None) -> str:
    """Say where something stands, as an editor understands it."""
    line = f":{node.lineno}" if node is not None and hasattr(node, "lineno") else ""
    return f"{path.relative_to(ROOT)}{line}"


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path, kind: type[Node]) -> list[Node]:
    return [node for node in ast.walk(tree(path)) if isinstance(node, kind)]


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Give every call with the last part of what is called: `save` for `award.save(…)`."""
    for call in nodes(path, ast.Call):
        yield last_name(call.func), call


def last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def module_of(path: Path) -> ModuleType:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))


def functions(path: Path) -> list[tuple[str, FunctionType]]:
    """Give the public functions that this file itself defines."""
    return _own(path, isfunction)


def classes(path: Path) -> list[tuple[str, type]]:
    """Give the public classes that this file itself defines."""
    return _own(path, isclass)


def _own(path: Path, is_wanted: Callable[[object], bool]) -> list[tuple[str, Any]]:
    module = module_of(path)
    return [
        (name, thing)
        for name, thing in getmembers(module, is_wanted)
        if thing.__module__ == module.__name__ and not name.startswith("_") and thing.__name__ == name
    ]
