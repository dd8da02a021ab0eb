"""Every template is used, can be read, and says nothing that our Content-Security-Policy would block."""

import re
from pathlib import Path

import pytest
from django.template import engines
from django.template.loader import get_template

from loyalty.admin.member_tabs import TABS
from tests.architecture.house import APPS, ROOT, sources

pytestmark = pytest.mark.once

FOLDERS = [
    *(ROOT / app / "templates" for app in APPS),
    ROOT / "config" / "demo" / "templates",
    ROOT / "templates",
]
TEMPLATES = sorted(
    (path.relative_to(folder).as_posix(), path) for folder in FOLDERS for path in folder.rglob("*.html")
)
# Django asks for these by name when a page cannot be given; base.html is what pages of every app extend.
ASKED_FOR_BY_DJANGO = {"400.html", "403.html", "403_csrf.html", "404.html", "500.html"}

each = pytest.mark.parametrize(("name", "path"), TEMPLATES, ids=[name for name, _ in TEMPLATES])


@each
def test_a_template_can_be_read(name, path):
    template = get_template(name)

    assert Path(template.origin.name) == path


def test_a_template_of_an_app_lies_under_the_name_of_the_app():
    allowed = tuple(f"encore/{app}/" for app in (*APPS, "demo"))

    assert [
        name
        for name, path in TEMPLATES
        if ROOT / "templates" not in path.parents and not name.startswith(allowed)
    ] == []


def test_every_template_is_used():
    files = [*sources(), *sources(apps=("config",)), *(path for _, path in TEMPLATES)]
    named = set(re.findall(r"""["']([\w/]+\.html)["']""", "\n".join(map(read, files))))

    # A tab of a member's page is named by its tab.
    named |= {f"admin/member_{tab}.html" for tab, _ in TABS}
    unused = {name for name, _ in TEMPLATES if not any(f"/{name}".endswith(f"/{ending}") for ending in named)}

    assert unused - ASKED_FOR_BY_DJANGO == set()


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_no_template_is_named_that_is_not_there():
    text = "\n".join(map(read, [*sources(), *(path for _, path in TEMPLATES)]))
    named = set(re.findall(r"""["'](encore/[\w/]+\.html)["']""", text))

    assert named - {name for name, _ in TEMPLATES} == set()


def test_our_tag_libraries_carry_the_prefix():
    libraries = engines["django"].engine.libraries
    ours = {name for name, module in libraries.items() if module.split(".")[0] in (*APPS, "config")}

    assert ours
    assert [name for name in ours if not name.startswith("encore_")] == []


@each
def test_a_template_trusts_nobodys_text(name, path):
    text = read(path)

    assert re.findall(r"\|\s*safe\b|autoescape off|\|\s*safeseq\b", text) == []


@each
def test_a_template_holds_no_style_and_no_script(name, path):
    text = read(path)

    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\bsrc=)", text) == []
