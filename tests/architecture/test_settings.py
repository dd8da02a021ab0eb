"""A setting is declared, read, typed and explained; nobody reads Django's settings for one of ours."""

import ast
from functools import cache

import pytest
from django.conf import settings
from django.core import checks

from backstage import conf
from tests.architecture.house import calls, kind_of, last_name, nodes, place, sources

pytestmark = pytest.mark.once

# What a host project has anyway. Whatever a developer decides for us is a key of ENCORE.
DJANGOS_OWN = {
    "AUTH_USER_MODEL",
    "DATABASES",
    "LANGUAGES",
    "LANGUAGE_CODE",
    "LOGIN_URL",
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "STATIC_URL",
    "TIME_ZONE",
    "USE_TZ",
}


def test_every_setting_is_declared_in_the_conf_of_its_app():
    found = {
        place(path, call)
        for path in sources()
        for call in nodes(path, ast.Call)
        if ast.unparse(call.func) in {"declare", "conf.declare"} and kind_of(path) != "conf"
    }

    assert found == set()
    assert conf.declared


@cache
def read_settings() -> set[str]:
    """Collect what `get` is called on anywhere: `TRANSFER_HOLD_DAYS` of `conf.TRANSFER_HOLD_DAYS.get()`."""
    gets = (call for path in sources() for name, call in calls(path) if name == "get")
    return {last_name(call.func.value) for call in gets if isinstance(call.func, ast.Attribute)}


@pytest.mark.parametrize("name", sorted(conf.declared))
def test_a_setting_is_read_somewhere(name):
    assert name in read_settings()


@pytest.mark.parametrize("name", sorted(conf.declared))
def test_a_setting_has_a_default_of_its_type_and_completes_the_sentence_it_says(name):
    setting = conf.declared[name]

    assert name.isupper()
    assert conf.is_of_type(setting.default, setting.type)
    assert setting.says
    assert not setting.says[0].isupper()
    assert not setting.says.endswith(".")


def test_nothing_but_conf_reads_the_dict():
    found = {
        place(path, node)
        for path in sources()
        for node in nodes(path, ast.Constant)
        if node.value == "ENCORE" and place(path) != "backstage/conf.py"
    }

    assert found == set()


def test_what_an_app_reads_of_djangos_settings_every_project_has():
    read = {
        (place(path), node.attr)
        for path in sources()
        for node in nodes(path, ast.Attribute)
        if isinstance(node.value, ast.Name) and node.value.id == "settings"
    }

    assert {(path, name) for path, name in read if name not in DJANGOS_OWN} == set()


def test_the_stand_alone_project_sets_only_what_somebody_reads():
    assert settings.ENCORE.keys() <= conf.declared.keys()
    assert [message.id for message in checks.run_checks() if message.id.startswith("encore.")] == []
