"""The owner sees whom it is worth to invite, drafts a list, switches it on, and takes the links out."""

import csv
import io

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from backstage.models import AuditRecord
from commerce.models import Customer, Segment
from loyalty.models import Invitation, InvitationList, Member, Programme
from loyalty.operations.invitations import withdraw_invitation
from loyalty.queries.invitation_links import token_of
from tests.factories.commerce import IdentityFactory, SegmentFactory
from tests.loyalty.invitations import draft, invitation, invite, invite_only, spend, spenders
from tests.loyalty.shop import NOON, OPENED, customer, day, join, open_shop

pytestmark = pytest.mark.django_db
HOME = "/admin/encore_loyalty/invitationlist/"


@pytest.fixture
def programme(clock):
    clock.move_to(day(1))
    return invite_only(worth_points=100, worth_minor=50)


def typed(programme, segment, **more):
    return {
        "programme": programme.pk,
        "name": "The best",
        "segment": str(segment.pk),
        "kind": "snapshot",
        "valid_days": "30",
        "guests": "0",
        **more,
    }


def said(answer, status=200):
    assert answer.status_code == status
    return " ".join(answer.content.decode().split())


# -- who may join --------------------------------------------------------------------------------------------


def fill(best=12, others=108):
    """Twelve who spend ten times as much as the others."""
    for number in range(best):
        spend(f"best{number}", 10_000)
    for number in range(others):
        spend(f"other{number}", 1_000 + number)


def test_the_page_says_what_the_best_bring_and_describes_them(admin_client, programme):
    fill()

    page = said(admin_client.get(f"{HOME}who/"))

    assert "10 % of your customers bring half of your revenue." in page
    assert "The best 10 % are 12 customers." in page
    assert "They bring 51 % of the revenue; each of them bought for €100.00 or more." in page
    assert "<td>€100.00</td>" in page
    assert "Known of too few to tell: category, brand, place, age." in page


def test_another_number_is_shown_as_it_is_typed(admin_client, programme):
    fill()

    part = said(admin_client.post(f"{HOME}who/preview/", {"months": "12", "percent": "50"}))

    assert "The best 50 % are 60 customers." in part
    assert "<html" not in part
    assert "Fill in how many" in said(admin_client.post(f"{HOME}who/preview/", {"percent": "0"}))


def test_so_many_customers_are_described_only_when_that_is_asked_for(admin_client, programme, monkeypatch):
    monkeypatch.setattr("loyalty.admin.who_may_join.MOST_DRAWN_UNASKED", 29)
    fill(12, 18)
    wish = {"programme": programme.pk, "months": "12", "percent": "40"}

    for page in (said(admin_client.get(f"{HOME}who/")), said(admin_client.post(f"{HOME}who/preview/", wish))):
        assert "To describe so many customers takes a while." in page
        assert "Average order" not in page
    assert "Average order" in said(admin_client.post(f"{HOME}who/", {**wish, "show": "1"}))


def test_a_shop_without_orders_is_told_so(admin_client, programme):
    assert "Nobody has bought in this time, so there is no curve yet." in said(
        admin_client.get(f"{HOME}who/")
    )


def test_few_customers_are_said_to_be_too_few(admin_client, programme):
    spend("alice")

    page = said(admin_client.get(f"{HOME}who/"))

    assert "Only 1 customer bought in this time: too few for a curve." in page
    assert "too few to say what they are like. It takes 10." in page


def test_the_owner_says_who_may_join(admin_client, clock):
    clock.move_to(NOON)
    programme = open_shop()

    admin_client.post(f"{HOME}who/", {"programme": programme.pk, "admission": "by_invitation"})
    assert Programme.objects.get().admission == "by_invitation"
    admin_client.post(f"{HOME}who/", {"programme": programme.pk, "admission": "nonsense"})
    assert Programme.objects.get().admission == "by_invitation"

    assert AuditRecord.objects.filter(kind="programme_settings").count() == 1


def test_the_best_become_a_segment_and_a_list_for_it_is_begun(admin_client, programme):
    fill(3, 27)
    wish = {"programme": programme.pk, "months": "12", "percent": "10", "make": "1"}

    answers = [admin_client.post(f"{HOME}who/", wish) for _time in range(2)]

    segment = Segment.objects.get()
    assert (segment.key, segment.name) == (
        "top-10-percent-12-months-eur",
        "The best 10 % by revenue in 12 months",
    )
    assert {answer["Location"] for answer in answers} == {
        f"{HOME}add/?programme={programme.pk}&segment={segment.pk}"
    }
    page = said(admin_client.get(answers[0]["Location"]))
    assert "3 customers would be invited." in page
    assert f'<option value="{segment.pk}" selected>' in page


# -- a list --------------------------------------------------------------------------------------------------


def test_a_list_is_drafted_changed_switched_on_paused_and_ended(admin_client, programme):
    spend("alice")
    segment = spenders()

    admin_client.post(f"{HOME}add/", typed(programme, segment, save="1", greeting_en="Dear {name}"))
    row = InvitationList.objects.get()
    assert (row.state, row.greeting) == ("draft", {"en": "Dear {name}"})
    admin_client.post(f"{HOME}{row.pk}/edit/", typed(programme, segment, save="1", valid_days="10"))
    admin_client.post(f"{HOME}{row.pk}/start/")
    assert invitation("alice").sent_at == day(1)
    for deed in ("pause", "start", "end"):
        admin_client.post(f"{HOME}{row.pk}/{deed}/")

    row.refresh_from_db()
    assert (row.state, row.valid_days, row.greeting) == ("ended", 10, {})
    page = said(admin_client.get(f"{HOME}{row.pk}/change/"))
    assert "What you can do</h2>" not in page
    assert admin_client.get(f"{HOME}{row.pk}/edit/").status_code == 404


def test_a_draft_is_thrown_away(admin_client, programme):
    spend("alice")
    row = draft(programme, spenders())

    admin_client.post(f"{HOME}{row.pk}/discard/")

    assert not InvitationList.objects.exists()


def test_a_long_list_is_left_to_the_job(admin_client, programme, monkeypatch):
    monkeypatch.setattr("loyalty.admin.invitations.MOST_AT_ONCE", 0)
    spend("alice")
    row = draft(programme, spenders())

    admin_client.post(f"{HOME}{row.pk}/start/")

    assert not Invitation.objects.exists()
    assert InvitationList.objects.get().state == "on"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"segment": ""}, "segment"),
        ({"segment": "404"}, "segment"),
        ({"name": ""}, "name"),
        ({"kind": "x"}, "kind"),
        ({"valid_days": "0"}, "valid_days"),
        ({"valid_days": "1e3"}, "valid_days"),
        ({"guests": "-1"}, "guests"),
        ({"guests": "21"}, "guests"),
        ({"text_en": "x" * 2001}, "text_en"),
    ],
)
def test_what_cannot_be_is_said_beside_its_gap_and_nothing_is_saved(admin_client, programme, wrong, field):
    spend("alice")

    page = admin_client.post(f"{HOME}add/", {**typed(programme, spenders(), save="1"), **wrong})

    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
    assert not InvitationList.objects.exists()


def test_a_segment_of_nobody_and_one_that_cannot_be_read_are_said_beside_the_field(admin_client, programme):
    lost = SegmentFactory(conditions={"conditions": [{"condition": "shoe_size", "with": {}}]})

    for segment, message in ((spenders(), "Nobody is in this segment now."), (lost, "There is no condition")):
        page = admin_client.post(f"{HOME}add/", typed(programme, segment, save="1"))
        assert message in str(page.context["form"].errors["segment"])
    assert not InvitationList.objects.exists()


def test_the_preview_says_who_and_what_it_would_cost(admin_client, programme):
    for name in ("alice", "bob"):
        spend(name, 6000)
    segment = spenders()
    invite(programme, segment)
    join("bob", programme, at=day(1))

    def shown(**more):
        return said(admin_client.post(f"{HOME}preview/", {**typed(programme, segment), **more}))

    part = shown()
    assert "1 customer would be invited." in part
    assert "1 more is in the segment and has joined already." in part
    assert "They bought for €60.00 in the last 12 months." in part
    assert "about 600 points a year, worth €3.00." in part
    assert "Choose a segment to see" in shown(segment="")
    assert "There is no such segment." in shown(segment="404")


def test_the_page_of_a_list_shows_how_far_it_has_come(admin_client, programme, client):
    for name in ("alice", "bob", "carol"):
        spend(name)
    row = invite(programme, spenders(), text={"en": "Come <in>"}, greeting={"en": "Dear {name}"})
    join("bob", programme, at=day(1))
    withdraw_invitation(invitation_id=invitation("carol").id, at=day(1))

    page = said(admin_client.get(f"{HOME}{row.pk}/change/"))

    assert "<dt>Joined</dt><dd><strong>1</strong>" in page
    assert "Come &lt;in&gt;" in page
    assert "show the member" in page
    assert "Withdrawn" in page
    listed = said(admin_client.get(HOME))
    assert "3 → 0 → 1" in listed


def test_one_invitation_is_withdrawn(admin_client, programme):
    spend("alice")
    row = invite(programme, spenders())

    for _time in range(2):
        admin_client.post(f"{HOME}{row.pk}/withdraw/", {"invitation": invitation("alice").pk})

    assert invitation("alice").withdrawn_at == day(1)
    assert admin_client.post(f"{HOME}{row.pk}/withdraw/", {"invitation": "404"}).status_code == 404


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("alice", "is on this list. Still open."),
        ("bob", "does not fit the segment."),
        ("carol", "has joined already, so is not invited."),
        ("dora", "Nobody matches “dora”."),
    ],
)
def test_the_page_says_why_somebody_is_not_invited(admin_client, programme, name, answer):
    for known, minor in (("alice", 6000), ("bob", 100), ("carol", 6000)):
        spend(known, minor)
        Customer.objects.filter(pk=customer(known).pk).update(name=known)
    segment = spenders()
    invite(programme, segment, name="Before")
    join("carol", programme, at=day(1))
    row = invite(programme, segment, at=day(1))

    assert answer in said(admin_client.get(f"{HOME}{row.pk}/change/", {"q": name}))


def test_a_draft_can_be_asked_as_well(admin_client, programme):
    spend("alice")
    Customer.objects.update(name="alice")
    row = draft(programme, spenders())

    page = said(admin_client.get(f"{HOME}{row.pk}/change/", {"q": "alice"}))

    assert "fits, and will be invited" in page
    assert "1 customer would be invited." in page


# -- the links -----------------------------------------------------------------------------------------------


def read(answer):
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_the_links_come_out_as_a_file_and_the_log_notes_it_without_them(admin_client, programme):
    for name in ("alice", "bob", "carol"):
        spend(name)
    row = invite(programme, spenders())
    join("bob", programme, at=day(1))
    withdraw_invitation(invitation_id=invitation("carol").id, at=day(1))
    alice = customer("alice")
    Customer.objects.filter(pk=alice.pk).update(name="=HYPERLINK(1)", language="nb")
    IdentityFactory(customer=alice, value="old@example.com", proven=True)
    IdentityFactory(customer=alice, value="new@example.com")

    head, *rows = read(admin_client.post(f"{HOME}{row.pk}/links/"))

    token = token_of(invitation("alice").id)
    assert head == ["name", "language", "email", "phone", "link", "good until"]
    assert rows == [
        [
            "'=HYPERLINK(1)",
            "nb",
            "old@example.com",
            "",
            f"http://testserver/club/invitation/{token}/",
            "2026-04-02",
        ]
    ]
    record = AuditRecord.objects.get(kind="invitation_links_exported")
    assert record.after == {"links": 1}
    assert token.rpartition(".")[2] not in str(AuditRecord.objects.values_list())


def test_many_links_are_written_a_thousand_at_a_time(
    admin_client, programme, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr("loyalty.queries.invited.ROWS_AT_ONCE", 2)
    for number in range(5):
        spend(f"c{number}")
    row = invite(programme, spenders())
    answer = admin_client.post(f"{HOME}{row.pk}/links/")

    with django_assert_num_queries(8):
        assert len(read(answer)) == 6


def test_a_paused_list_hands_out_no_links(admin_client, programme):
    spend("alice")
    row = invite(programme, spenders())
    admin_client.post(f"{HOME}{row.pk}/pause/")

    assert len(read(admin_client.post(f"{HOME}{row.pk}/links/"))) == 1
    assert "Take the links out" not in said(admin_client.get(f"{HOME}{row.pk}/change/"))


# -- who may, and how much it costs --------------------------------------------------------------------------


def test_who_may_only_look_changes_nothing(client, carol, programme):
    spend("alice")
    row = invite(programme, spenders())
    carol.user_permissions.set(Permission.objects.filter(codename="view_invitationlist"))
    client.force_login(carol)

    assert client.get(HOME).status_code == 200
    assert client.get(f"{HOME}who/").status_code == 200
    assert "What you can do</h2>" not in said(client.get(f"{HOME}{row.pk}/change/"))
    refused = [
        client.get(f"{HOME}add/"),
        client.get(f"{HOME}{row.pk}/edit/"),
        client.post(f"{HOME}preview/", typed(programme, spenders(key="x"))),
        client.post(f"{HOME}who/", {"admission": "open"}),
        client.post(f"{HOME}who/", {"make": "1", "percent": "5", "months": "12"}),
        *(client.post(f"{HOME}{row.pk}/{deed}/") for deed in ("pause", "end", "links", "withdraw")),
    ]
    assert {answer.status_code for answer in refused} == {403}
    assert InvitationList.objects.get().state == "on"
    assert Programme.objects.get().admission == "by_invitation"


def test_whom_nobody_let_look_sees_nothing(client, carol, programme):
    client.force_login(carol)

    for address in (HOME, f"{HOME}who/"):
        assert client.get(address).status_code == 403


def test_the_pages_cost_the_same_with_many_rows(admin_client, programme, django_assert_max_num_queries):
    spend("alice")
    segment = spenders()
    rows = [invite(programme, segment, name=f"List {number}") for number in range(6)]
    for number in range(8):
        spend(f"more{number}")
    invite(programme, segment, name="Long")

    for address in (HOME, f"{HOME}{rows[0].pk}/change/", f"{HOME}who/"):
        admin_client.get(address)
        with django_assert_max_num_queries(14):
            admin_client.get(address)


def test_the_page_of_a_member_says_by_which_list_they_came(admin_client, programme):
    spend("alice")
    spend("bob", 100)
    invite(programme, spenders(), name="Spring", guests=1)
    alice = join("alice", programme, at=day(1))
    bob = join("bob", programme, at=day(1), token=token_of(invitation("alice").id))

    def person(member):
        address = reverse("admin:encore_loyalty_member_change", args=[member.pk])
        return said(admin_client.get(address, {"tab": "person"}))

    assert "Came by invitation: Spring." in person(alice)
    assert "Joined with a link of the list “Spring” that somebody passed on." in person(bob)
    assert Member.objects.count() == 2


def test_a_member_of_an_open_club_came_by_nothing(admin_client, clock):
    clock.move_to(NOON)
    member = join("alice", open_shop(), at=OPENED)
    address = reverse("admin:encore_loyalty_member_change", args=[member.pk])

    assert "Came by invitation" not in said(admin_client.get(address, {"tab": "person"}))
