"""What the docs must name they name, where they point there is something, what they show is so."""

import ast
import re
from enum import Enum
from itertools import chain
from pathlib import Path

import pytest
from django.apps import apps

from backstage import conf
from backstage.registry import jobs, verbs
from tests.architecture.house import LABELS, ROOT, classes, nodes, sources

pytestmark = pytest.mark.once

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
ENUMS = dict(
    chain.from_iterable(
        [(name, thing) for name, thing in classes(path) if issubclass(thing, Enum)]
        for path in sources("policies", "models")
    )
)
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def list_missing(names, page: Path) -> list[str]:
    """Return the names that the page does not say; `staff_only` may be written "staff only" in a sentence."""
    text = read(page)
    return sorted(
        name
        for name in names
        if not re.search(rf"(?<!\w){name.replace('_', '[_ ]')}(?!\w)", text, re.IGNORECASE)
    )


def test_every_setting_has_its_line():
    assert list_missing(conf.declared, DOCS / "settings.md") == []


def test_every_verb_has_its_line():
    assert list_missing(verbs, DOCS / "commands.md") == []


def test_every_job_has_its_line():
    assert list_missing(jobs, DOCS / "jobs.md") == []


def test_every_check_is_explained():
    ids = {
        node.value
        for path in sources()
        for node in nodes(path, ast.Constant)
        if isinstance(node.value, str) and re.fullmatch(r"encore\.[EW]\d{3}", node.value)
    }

    assert ids
    assert list_missing(ids | {"encore.E001"}, DOCS / "settings.md") == []


def test_every_table_stands_in_the_glossary():
    names = {model.__name__ for label in LABELS for model in apps.get_app_config(label).get_models()}

    assert list_missing(names, DOCS / "glossary.md") == []


@pytest.mark.parametrize("name", sorted(ENUMS))
def test_every_value_of_an_enum_stands_in_the_glossary(name):
    values = {
        str(member.value if isinstance(member.value, str) else member.name.lower()) for member in ENUMS[name]
    }

    assert list_missing(values, DOCS / "glossary.md") == []


@EACH_PAGE
def test_a_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", FENCE.sub("", read(page)))

    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@EACH_PAGE
def test_a_page_names_no_folder_of_one_machine(page):
    assert re.findall(r"(?<![\w.:/])/(?:root|home|work|tmp|opt|Users)/\S*", read(page)) == []


@EACH_PAGE
def test_python_that_a_page_shows_can_be_read(page):
    for language, code in FENCE.findall(read(page)):
        if language in {"python", "py"}:
            ast.parse(code)


@EACH_PAGE
def test_what_a_page_imports_is_there(page):
    for language, code in FENCE.findall(read(page)):
        if language in {"python", "py"}:
            for node in ast.walk(ast.parse(code)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in {
                    "backstage",
                    "commerce",
                    "coupons",
                    "loyalty",
                }:
                    exec(compile(ast.Module([node], []), str(page), "exec"), {})


def test_the_commands_of_the_readme_are_what_ci_runs():
    commands = re.findall(r"python3 bootstrap\.py (\w+)", read(ROOT / "README.md"))
    run = re.findall(r"python3 bootstrap\.py (\w+)", read(ROOT / ".ci" / "run"))

    assert {"demo", "test"} <= set(commands)
    assert set(run) <= {*commands, "lint"}
