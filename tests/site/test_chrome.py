"""The stand-alone site's own pages: first page, signing in, languages, errors."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.shortcuts import render
from django.template.loader import render_to_string
from django.test import RequestFactory

STRICT = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; "


@pytest.fixture
def alice(db):
    return get_user_model().objects.create_user("alice", password="a good long word")


def test_a_visitor_sees_where_to_sign_in(client, db):
    page = client.get("/").content.decode()

    assert 'href="/login/"' in page
    assert "Sign out" not in page


def test_signing_in_leads_to_the_first_page(client, alice):
    response = client.post("/login/", {"username": "alice", "password": "a good long word"})

    assert (response.status_code, response.url) == (302, "/")
    assert "Sign out" in client.get("/").content.decode()


def test_a_wrong_password_is_refused_without_saying_which_part_was_wrong(client, alice):
    response = client.post("/login/", {"username": "alice", "password": "another word"})

    assert response.status_code == 200
    assert "do not belong together" in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_signing_out_needs_a_form_because_a_link_may_be_followed_by_a_scanner(client, alice):
    client.force_login(alice)

    assert client.get("/logout/").status_code == 405
    assert "_auth_user_id" in client.session

    client.post("/logout/")

    assert "_auth_user_id" not in client.session


def nav(client):
    page = client.get("/").content.decode()
    return re.findall(r"<a[^>]*>([^<]+)</a>", page.partition("<nav")[2].partition("</nav>")[0])


def test_only_staff_is_shown_the_office(client, alice, admin_client):
    client.force_login(alice)

    assert nav(client) == ["Your points"]
    assert nav(admin_client) == ["Your points", "Office"]


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [("no", "nb"), ("nn-NO,nn;q=0.9,en;q=0.1", "nb"), ("NO;q=0.8", "nb"), ("pl", "pl"), ("fr", "en")],
)
def test_the_site_speaks_the_language_that_the_browser_asks_for(client, db, asked, spoken):
    response = client.get("/", headers={"accept-language": asked})

    assert response.headers["Content-Language"] == spoken
    assert f'<html lang="{spoken}">' in response.content.decode()


def test_a_chosen_language_stays_and_leads_back_to_the_page(client, db):
    response = client.post("/language/setlang/", {"language": "pl", "next": "/login/"})

    assert (response.status_code, response.url) == (302, "/login/")
    assert client.get("/").headers["Content-Language"] == "pl"


@pytest.mark.parametrize("language", ["en", "pl", "nb"])
def test_every_language_is_offered_by_its_own_name(client, db, language):
    page = client.get("/", headers={"accept-language": language}).content.decode()

    names = re.findall(r'name="language" value="(\w+)"[^>]*>([^<]+)<', page)
    assert names == [("en", "English"), ("pl", "Polski"), ("nb", "Norsk bokmål")]


def test_members_pages_load_nothing_from_elsewhere_and_run_no_inline_code(client, db):
    assert client.get("/").headers["Content-Security-Policy"] == STRICT + "frame-ancestors 'none'"


def test_the_admin_may_run_what_its_theme_needs(admin_client, clock):
    policy = admin_client.get("/admin/").headers["Content-Security-Policy"]

    assert "'unsafe-eval'" in policy
    assert policy.startswith(STRICT)


def test_an_unknown_address_says_so_in_plain_words(client, db):
    response = client.get("/nothing/")

    assert response.status_code == 404
    assert "There is no such page" in response.content.decode()


def test_an_expired_form_says_that_nothing_was_changed(db):
    from_a_browser = RequestFactory(enforce_csrf_checks=True)

    page = render(from_a_browser.get("/"), "403_csrf.html").content.decode()

    assert "Nothing was changed" in page


@pytest.mark.parametrize("name", ["400", "403", "404", "500"])
def test_error_pages_need_nothing_but_themselves(name):
    """The page for a broken server is drawn without a request, a user or a database."""
    assert "<h1>" in render_to_string(f"{name}.html")


def test_messages_are_read_out_and_marked_by_their_kind(rf, alice):
    request = rf.get("/")
    request.user = alice
    context = {"messages": [Message(constants.ERROR, "The hold has ended.")]}

    page = render_to_string("home.html", context, request)

    assert '<ul class="site-messages" role="status">' in page
    assert '<li class="is-error">The hold has ended.</li>' in page
