"""What whoever holds the link of an invitation reads, and what happens when they press a button."""

import logging

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from backstage.models import AuditRecord
from loyalty.models import Invitation, InvitationGuest, Member
from loyalty.operations.invitation_lists import end_invitation_list, pause_invitation_list
from loyalty.operations.invitations import withdraw_invitation
from loyalty.operations.programme import change_state
from loyalty.policies.programme import ProgrammeState
from loyalty.queries.invitation_links import token_of
from tests.factories.loyalty import TermsVersionFactory
from tests.loyalty.invitations import invitation, invite, invite_only, spend, spenders
from tests.loyalty.shop import NOON, customer, day, open_shop

pytestmark = pytest.mark.django_db
OPENED, JOIN = "/club/invited/opened/", "/club/invited/join/"
TEXTS = {
    "greeting": {"en": "Dear {name}, come in", "nb": "Kjære {name}, kom inn"},
    "text": {"en": "You are one of <our> best.\n\nReally."},
}


@pytest.fixture
def programme(clock):
    clock.move_to(day(1))
    return invite_only(worth_points=100, worth_minor=50)


@pytest.fixture
def running(programme):
    spend("alice")
    spend("bob", 100)
    return invite(programme, spenders(), **TEXTS)


@pytest.fixture
def as_customer(client):
    """Sign somebody in as a customer of the shop."""

    def sign_in(name):
        user = get_user_model().objects.create_user(name)
        row = customer(name)
        row.user = user
        row.name = name.title()
        row.save()
        client.force_login(user)
        return client

    return sign_in


def link(name="alice"):
    return f"/club/invitation/{token_of(invitation(name).id)}/"


def token(name="alice"):
    return {"token": token_of(invitation(name).id)}


def said(answer):
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_a_stranger_reads_what_it_is_about_and_is_asked_to_sign_in(client, running):
    page = said(client.get(link()))

    assert "Dear, come in" in page
    assert "The invitation is good until the end of April" in page
    assert "Sign in to join" in page
    assert "Join, it is free" not in page
    assert "Alice" not in page


def test_looking_changes_nothing(client, running):
    before = list(Invitation.objects.order_by("id").values())

    for _time in range(3):
        client.get(link())
        client.head(link())

    assert list(Invitation.objects.order_by("id").values()) == before


def test_what_the_owner_wrote_is_text_and_never_a_program(client, programme):
    spend("alice")
    written = "<b>You</b> {{ request.user }}{% now 'Y' %} {name}"
    invite(programme, spenders(), text={"en": written}, greeting={"en": "Hei {name.__class__}"})

    # The strict client takes what the owner wrote for a template's; this one takes it as it is.
    page = said(Client().get(link()))

    assert "&lt;b&gt;You&lt;/b&gt; {{ request.user }}{% now &#x27;Y&#x27; %} {name}" in page
    assert "Hei {name.__class__}" in page


def test_a_reader_of_another_language_reads_theirs(client, running):
    page = said(client.get(link(), headers={"accept-language": "nb"}))

    assert "Kjære, kom inn" in page


def test_touching_the_page_counts_as_opening_once(client, running, clock):
    assert client.post(OPENED, token()).status_code == 204
    clock.move_to(day(2))
    client.post(OPENED, token())

    assert invitation("alice").opened_at == day(1)


def test_the_button_of_somebody_unknown_opens_it_and_leads_back_by_the_sign_in(client, running):
    answer = client.post(OPENED, {**token(), "sign_in": "1"})

    assert answer.status_code == 302
    assert "next=%2Fclub%2Finvitation%2F" in answer["Location"]
    assert invitation("alice").opened_at == day(1)


def test_staff_who_look_at_it_do_not_count(admin_client, running):
    admin_client.post(OPENED, token())

    assert invitation("alice").opened_at is None


def test_whom_it_was_made_for_is_called_by_name_and_joins(as_customer, running):
    client = as_customer("alice")
    assert "Dear Alice, come in" in said(client.get(link()))

    answer = client.post(JOIN, token())

    assert (answer.status_code, answer["Location"]) == (302, "/club/")
    made = invitation("alice")
    assert (made.member, made.opened_at, made.joined_at) == (Member.objects.get(), day(1), day(1))
    assert client.get(link())["Location"] == "/club/"


def test_terms_are_agreed_to_or_nobody_joins(as_customer, programme, running):
    terms = TermsVersionFactory(programme=programme, number=1)
    client = as_customer("alice")

    refused = client.post(JOIN, {**token(), "version": "1"})
    assert (refused.status_code, Member.objects.count()) == (422, 0)

    client.post(JOIN, {**token(), "version": "1", "agreed": "on"})
    assert Member.objects.get().terms == terms


def test_a_link_that_was_passed_on_is_refused_kindly(as_customer, running):
    client = as_customer("bob")

    assert "This invitation was made for somebody else" in said(client.get(link()))
    answer = client.post(JOIN, token())

    assert answer["Location"] == link()
    assert not Member.objects.exists()
    assert invitation("alice").member is None


def test_a_guest_joins_with_a_link_that_may_be_passed_on(as_customer, programme):
    spend("alice")
    spend("bob", 100)
    invite(programme, spenders(), guests=1)
    client = as_customer("bob")
    assert "Somebody passed this invitation on to you." in said(client.get(link()))

    client.post(JOIN, token())

    assert InvitationGuest.objects.get().member == Member.objects.get()
    assert invitation("alice").member is None


def test_nobody_joins_without_signing_in(client, running):
    assert client.post(JOIN, token()).status_code == 302
    assert not Member.objects.exists()


@pytest.mark.parametrize(
    ("prepare", "finding"),
    [
        (lambda running, clock: clock.move_to(day(31)), "Its last day has passed"),
        (lambda running, clock: pause_invitation_list(list_id=running.id, at=NOON), "Joining is paused"),
        (lambda running, clock: end_invitation_list(list_id=running.id, at=NOON), "We no longer take new"),
        (
            lambda running, clock: withdraw_invitation(invitation_id=invitation("alice").id, at=NOON),
            "This invitation was taken back",
        ),
        (
            lambda running, clock: change_state(
                programme_id=running.programme_id, state=ProgrammeState.PAUSED, at=NOON
            ),
            "Joining is paused",
        ),
    ],
)
def test_what_does_not_stand_open_says_so_and_lets_nobody_in(as_customer, running, clock, prepare, finding):
    client = as_customer("alice")
    prepare(running, clock)

    assert finding in said(client.get(link()))
    client.post(JOIN, token())

    assert not Member.objects.exists()


def test_a_link_that_is_not_complete_says_so(client, running):
    answer = client.get(link()[:-5] + "/")

    assert answer.status_code == 404
    assert "The link is not complete." in answer.content.decode()
    assert client.post(JOIN, {"token": "x"}).status_code == 404


def test_no_secret_stands_in_a_log(client, as_customer, running, caplog):
    secret = token_of(invitation("alice").id).rpartition(".")[2]
    with caplog.at_level(logging.DEBUG):
        client.get(link())
        client.post(OPENED, {**token(), "sign_in": "1"})
        client.get(OPENED)
        as_customer("bob").post(JOIN, token())
        withdraw_invitation(invitation_id=invitation("alice").id, at=NOON)
        client.get(link())

    assert not [
        record
        for record in caplog.records
        if secret in record.getMessage() and record.name != "django.db.backends"
    ]
    assert secret not in str(list(AuditRecord.objects.values()))


def test_the_page_is_for_nobody_else(client, running):
    answer = client.get(link())

    assert "no-store" in answer["Cache-Control"]
    assert (answer["Referrer-Policy"], answer["X-Robots-Tag"]) == ("same-origin", "noindex")


def test_the_page_asks_the_database_little(as_customer, running, django_assert_max_num_queries):
    client = as_customer("alice")
    client.get(link())

    with django_assert_max_num_queries(15):
        client.get(link())


# -- the page of the club ------------------------------------------------------------------------------------


def test_the_page_of_the_club_lets_only_the_invited_join(as_customer, client, running):
    assert "This club takes only customers who are invited. If you are" in said(client.get("/club/"))

    bob = as_customer("bob")
    assert "there is no invitation for you yet" in said(bob.get("/club/"))
    assert bob.post("/club/join/").status_code == 302
    assert not Member.objects.exists()

    alice = as_customer("alice")
    assert "Join, it is free" in said(alice.get("/club/"))
    alice.post("/club/join/")
    assert invitation("alice").member == Member.objects.get()


def test_the_page_of_an_open_club_asks_nothing_about_invitations(client, clock, django_assert_num_queries):
    clock.move_to(day(1))
    open_shop()
    client.get("/club/")

    with django_assert_num_queries(3):
        assert "Sign in to join" in said(client.get("/club/"))
