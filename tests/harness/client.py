"""Pytest plugin: `client` and `admin_client` that read every page they are given.

They run what waits for the commit, since a test's own transaction never commits, and refuse a page with
left-over template syntax anywhere, or, outside the admin, with anything that our Content-Security-Policy
would block: inline handlers, `style=`, `javascript:` links, inline scripts and styles. A page that breaks
the policy looks right in a test and is dead in the browser.
"""

from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import Client, TestCase


class PageRefused(AssertionError):
    """A page came back that must not reach a browser."""


class Reader(HTMLParser):
    """Collect what is wrong with a page."""

    def __init__(self, *, strict: bool) -> None:
        super().__init__()
        self.strict = strict
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name, value in given.items():
            self.look_for_template_syntax(value or "")
            if self.strict and (name == "style" or name.startswith("on")):
                self.problems.append(f"<{tag} {name}=…>")
            if self.strict and (value or "").strip().lower().startswith("javascript:"):
                self.problems.append(f"<{tag} {name}=javascript:…>")
        if self.strict and (tag == "style" or (tag == "script" and is_inline_code(given))):
            self.problems.append(f"inline <{tag}>")

    def handle_data(self, data: str) -> None:
        self.look_for_template_syntax(data)

    def look_for_template_syntax(self, text: str) -> None:
        self.problems += [f"left-over {mark}" for mark in ("{{", "{%", "{#") if mark in text]


def is_inline_code(script: dict[str, str | None]) -> bool:
    """Data blocks (`json_script`) are not code and pass the policy."""
    kind = script.get("type") or "text/javascript"
    return "src" not in script and kind.endswith(("javascript", "module"))


class StrictClient(Client):
    def request(self, **request: Any) -> HttpResponse:
        with TestCase.captureOnCommitCallbacks(execute=True):
            response = super().request(**request)
        if response.get("Content-Type", "").startswith("text/html") and not response.streaming:
            read(response.content.decode(response.charset), strict=not is_admin(response))
        return response


def read(page: str, *, strict: bool) -> None:
    reader = Reader(strict=strict)
    reader.feed(page)
    if reader.problems:
        raise PageRefused("the page holds " + ", ".join(sorted(set(reader.problems))))


def is_admin(response: HttpResponse) -> bool:
    # The response's own looks the address up again, and for a page that does not exist there is none.
    match = response.wsgi_request.resolver_match
    return bool(match and "admin" in match.app_names)


def pytest_configure() -> None:
    # Hashing slowly protects people's passwords. A test has none, and makes many users.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def client() -> StrictClient:
    return StrictClient()


@pytest.fixture
def admin_client(db: None) -> StrictClient:
    """Signed in as the owner, who may do everything."""
    client = StrictClient()
    client.force_login(get_user_model().objects.create_superuser("owner", "owner@example.com", "owner"))
    return client
