"""backstage is no drawer: what enters it is needed by two apps and knows nothing of either."""

import ast
import pkgutil
from pathlib import Path

import pytest

import backstage

HOUSE = Path(backstage.__file__).parent

# A new line here is a decision: which two apps need the module, and does it name anything of theirs?
MODULES = {
    "admin",
    "apps",
    "checks",
    "clock",
    "conf",
    "ddl",
    "locks",
    "management",
    "migrations",
    "models",
    "operations",
    "plain_sql",
    "policies",
    "queries",
    "registrations",
    "registry",
    "schedule",
    "subscriptions",
    "tasks",
    "templatetags",
    "transactions",
}
FOREIGN = ("customer", "product", "purchase", "points", "coupon", "member", "mail")


@pytest.mark.once
def test_no_module_enters_unnoticed():
    assert {module.name for module in pkgutil.iter_modules([str(HOUSE)])} == MODULES


@pytest.mark.once
def test_no_name_means_a_thing_of_the_apps_above():
    found = {
        f"{path.relative_to(HOUSE)}: {name}"
        for path in HOUSE.rglob("*.py")
        for name in names_in(path)
        if any(word in name.lower() for word in FOREIGN)
    }

    assert found == set()


def names_in(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    return defined | used | {node.arg for node in nodes if isinstance(node, ast.arg)}


@pytest.mark.once
def test_nothing_of_the_apps_above_is_imported():
    imported = {
        (node.module or "").partition(".")[0]
        for path in HOUSE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
    }

    assert not imported & {"commerce", "loyalty", "coupons", "rewards", "newsletters", "insights", "config"}
