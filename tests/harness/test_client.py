"""The client refuses pages that a browser, or a reader, would stumble over."""

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.urls import path

from tests.harness.client import PageRefused

PAGES = {
    "left-over": "<p>{{ points }} points</p>",
    "left-over-tag": '<p title="{% now %}">today</p>',
    "style": '<p style="color: red">points</p>',
    "handler": '<button onclick="buy()">Buy</button>',
    "javascript": '<a href="javascript:buy()">Buy</a>',
    "script": "<script>buy()</script>",
    "style-block": "<style>p { color: red }</style>",
    "good": '<script src="/a.js"></script><script type="application/json">{"points": {}}</script><p>120</p>',
}
ran = []


def page(request, name):
    transaction.on_commit(lambda: ran.append(name))
    return HttpResponse(PAGES[name])


urlpatterns = [path("<slug:name>/", page)]
pytestmark = pytest.mark.urls(__name__)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("left-over", "left-over {{"),
        ("left-over-tag", "left-over {%"),
        ("style", "<p style=…>"),
        ("handler", "<button onclick=…>"),
        ("javascript", "<a href=javascript:…>"),
        ("script", "inline <script>"),
        ("style-block", "inline <style>"),
    ],
)
def test_a_page_that_must_not_reach_a_browser_is_refused(client, db, name, problem):
    with pytest.raises(PageRefused, match=problem):
        client.get(f"/{name}/")


def test_a_clean_page_passes(client, db):
    assert client.get("/good/").status_code == 200


def test_what_waits_for_the_commit_has_run_when_the_page_is_there(client, db):
    ran.clear()

    client.get("/good/")

    assert ran == ["good"]
