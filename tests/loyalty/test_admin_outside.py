"""The owner takes in outside programmes, sets rates, takes the day's file, and reads what comes back."""

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile

from backstage.operations.jobs import run_job
from loyalty.models import OutsideProgramme, OutsideRate, ReceivedFile, Transfer, TransferFile
from loyalty.operations.outside import open_outside, set_outside_rate
from loyalty.policies.outside import Direction
from loyalty.queries.outside import write_file
from tests.loyalty.shop import NOON, OPENED, open_shop
from tests.loyalty.test_exchanges import ask, name, traveller

pytestmark = pytest.mark.django_db
HOME, CLUB = "/admin/encore_loyalty/outsideprogramme/", "/admin/encore_loyalty/"


@pytest.fixture
def programme(clock):
    clock.move_to(NOON)
    return open_shop(worth_points=100, worth_minor=50)


@pytest.fixture
def miles(programme):
    outside = open_outside(
        programme_id=programme.id,
        key="miles",
        name="Fjord Air",
        unit="miles",
        account_pattern="FA######",
        at=OPENED,
    )
    set_outside_rate(outside_id=outside.id, direction=Direction.OUT, points=500, units=200, at=OPENED)
    return outside


def upload(client, miles, text, **more):
    file = SimpleUploadedFile("answers.csv", text.encode(), content_type="text/csv")
    return client.post(f"{HOME}{miles.pk}/upload/", {"kind": "answers", "file": file, "save": "1", **more})


def test_an_outside_programme_is_taken_in_with_a_rate(admin_client, programme):
    told = {"programme": programme.pk, "name": "Fjord Air", "unit": "miles", "key": "miles", "save": "1"}
    page = admin_client.post(f"{HOME}add/", {**told, "account_pattern": "(a+)+"})
    assert list(page.context["form"].errors) == ["account_pattern"]
    admin_client.post(f"{HOME}add/", {**told, "account_pattern": "FA######"})
    outside = OutsideProgramme.objects.get()

    rate = {"points": "500", "units": "200", "direction": "out", "programme": programme.pk}
    preview = admin_client.post(f"{HOME}preview/", rate).content.decode()
    admin_client.post(f"{HOME}{outside.pk}/rate/", {**rate, "save": "1"})

    assert "One step is 500\N{NO-BREAK SPACE}points, worth €2.50 with you." in preview
    assert OutsideRate.objects.values_list("points", "units", "direction").get() == (500, 200, "out")
    page = admin_client.get(f"{HOME}{outside.pk}/change/").content.decode()
    assert "500\N{NO-BREAK SPACE}points → 200\N{NO-BREAK SPACE}miles" in page
    admin_client.post(f"{HOME}{outside.pk}/stop/", {"direction": "out"})
    assert OutsideRate.objects.get().ends_at == NOON
    assert admin_client.post(f"{HOME}{outside.pk}/stop/", {"direction": "up"}).status_code == 404


def test_the_days_file_is_made_and_taken_away(admin_client, programme, miles):
    alice = traveller("alice", programme, miles, "FA123456")
    admin_client.post(f"{HOME}{miles.pk}/send/")
    assert not TransferFile.objects.exists()
    transfer = ask(alice, miles)
    assert "1\N{NO-BREAK SPACE}exchange goes out with the next file." in (
        admin_client.get(f"{HOME}{miles.pk}/change/").content.decode()
    )

    answer = admin_client.post(f"{HOME}{miles.pk}/send/", follow=True)

    file = TransferFile.objects.get()
    assert "sent, no answer yet" in answer.content.decode()
    sent = admin_client.get(f"{CLUB}transferfile/{file.pk}/csv/")
    assert (sent.content, sent["Content-Disposition"]) == (
        write_file(file),
        'attachment; filename="miles-2026-03-03.csv"',
    )
    assert name(transfer) in sent.content.decode()
    ask(alice, miles, 500, "2")  # goes out tomorrow, since a day has one file
    assert "Make today's file now" not in admin_client.get(f"{HOME}{miles.pk}/change/").content.decode()


def test_a_file_is_checked_first_then_taken_in_and_shows_how_far_it_is(admin_client, programme, miles):
    alice = traveller("alice", programme, miles, "FA123456")
    transfer = ask(alice, miles)
    admin_client.post(f"{HOME}{miles.pk}/send/")
    told = f"reference,answer\n{name(transfer)},accepted\nT99999999,refused\n"

    answer = upload(admin_client, miles, told, is_dry_run="on")
    file = ReceivedFile.objects.get()
    assert answer.url == f"{CLUB}receivedfile/{file.pk}/change/"
    assert "data-encore-refresh" in admin_client.get(answer.url).content.decode()
    run_job(name="read_transfer_files", at=NOON)
    page = admin_client.get(answer.url).content.decode()
    assert "1 taken, 0 known already, 1 not taken" in page
    assert "We sent nothing under this reference." in page
    assert "data-encore-refresh" not in page
    assert Transfer.objects.get().state == "sent"

    admin_client.post(f"{CLUB}receivedfile/{file.pk}/take-in/")
    run_job(name="read_transfer_files", at=NOON)

    assert Transfer.objects.get().state == "accepted"
    progress = admin_client.get(f"{CLUB}receivedfile/{file.pk}/progress/").content.decode()
    assert "1 taken, 0 known already, 1 not taken" in progress


def test_a_file_that_cannot_be_read_is_said_beside_its_gap(admin_client, miles):
    page = upload(admin_client, miles, "a,b\n1,2")

    assert page.status_code == 422
    assert "does not name the columns" in page.context["form"].errors["file"][0]
    assert not ReceivedFile.objects.exists()


def test_what_was_accepted_too_late_stands_out(admin_client, programme, miles):
    alice = traveller("alice", programme, miles, "FA123456")
    ask(alice, miles)
    admin_client.post(f"{HOME}{miles.pk}/send/")
    Transfer.objects.update(state="reported", answered_at=NOON)

    page = admin_client.get(f"{HOME}{miles.pk}/change/").content.decode()

    assert "1\N{NO-BREAK SPACE}exchange was accepted too late" in page


def test_ending_asks_first_and_lets_answers_still_be_read(admin_client, miles):
    admin_client.get(f"{HOME}{miles.pk}/end/")
    miles.refresh_from_db()
    assert miles.ended_at is None

    admin_client.post(f"{HOME}{miles.pk}/end/")

    miles.refresh_from_db()
    assert miles.ended_at == NOON
    assert admin_client.get(f"{HOME}{miles.pk}/rate/").status_code == 404
    assert admin_client.get(f"{HOME}{miles.pk}/upload/").status_code == 200


def test_whoever_may_only_look_can_change_nothing(client, django_user_model, miles):
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename="view_outsideprogramme"))
    client.force_login(clerk)

    assert client.get(f"{HOME}{miles.pk}/change/").status_code == 200
    for deed in ("rate", "stop", "end", "send", "upload"):
        assert client.post(f"{HOME}{miles.pk}/{deed}/").status_code == 403
    assert client.post(f"{HOME}add/").status_code == 403
    assert client.post(f"{HOME}preview/").status_code == 403
