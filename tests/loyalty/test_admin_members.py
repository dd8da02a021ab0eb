"""What the shop's staff sees of members, and can put right."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from backstage.models import AuditRecord
from backstage.policies import SHOP
from loyalty.models import Entry, EntryNote, Lot, Member
from loyalty.operations.adjustments import give_points, take_points
from loyalty.operations.programme import change_terms
from loyalty.queries import get_balance
from tests.factories.commerce import ChannelFactory, IdentityFactory, PurchaseFactory
from tests.factories.loyalty import MemberFactory
from tests.harness.client import StrictClient

pytestmark = pytest.mark.usefixtures("clock")
MEMBERS = "/admin/encore_loyalty/member/"


def page_of(member: Member) -> str:
    return f"{MEMBERS}{member.pk}/change/"


def give(member: Member, points: int, **told) -> None:
    told = {"key": f"gift-{Entry.objects.count()}", "reason": "goodwill", "by": SHOP} | told
    give_points(member_id=member.pk, points=points, **told)


def form_of(page, **told) -> dict[str, str]:
    """Fill the form on a page as a browser would, with what is told."""
    form = page.context["form"]
    shown = {name: form[name].value() for name in form.fields}
    return {
        name: str(value)
        for name, value in {**shown, **told}.items()
        if value is not None and value is not False
    }


@pytest.fixture
def clerk(db):
    """Signed in as somebody who may look at members, and at nothing else."""
    user = get_user_model().objects.create_user("bob", password="bob", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_member"))
    client = StrictClient()
    client.force_login(user)
    return client


def test_the_list_shows_the_balance_with_what_time_has_decided(admin_client, alice, clock):
    give(alice, 70)
    give(alice, 50, expires_at=clock.now() + timedelta(days=1))
    clock.advance(days=2)

    (row,) = admin_client.get(MEMBERS).context["cl"].result_list

    assert row.balance.available == 70


def test_the_list_takes_the_same_queries_at_one_row_and_at_twenty(
    admin_client, alice, programme, django_assert_num_queries
):
    give(alice, 10)
    admin_client.get(MEMBERS)
    with django_assert_num_queries(6) as at_one:
        admin_client.get(MEMBERS)
    for _ in range(19):
        give(MemberFactory(programme=programme, customer__name="bob"), 10)

    with django_assert_num_queries(len(at_one)) as seen:
        page = admin_client.get(MEMBERS)

    assert len(page.context["cl"].result_list) == 20
    assert not [query["sql"] for query in seen.captured_queries if "COUNT(" in query["sql"]]


@pytest.mark.parametrize(
    "text", ["alice", " ALICE@example.com ", "030 123456", "+49 30 123456", "km4 k7q-2p9", "10482"]
)
def test_one_hit_of_a_search_opens_the_member(admin_client, alice, bob, text):
    ChannelFactory()
    Member.objects.filter(pk=alice.pk).update(number="KM4K7Q2P9")
    IdentityFactory(customer=alice.customer)
    IdentityFactory(customer=alice.customer, kind="phone", value="+4930123456")
    PurchaseFactory(customer=alice.customer, reference="10482")

    answer = admin_client.get(MEMBERS, {"q": text})

    assert (answer.status_code, answer["Location"]) == (302, page_of(alice))


def test_a_search_for_somebody_who_was_merged_finds_who_they_are_now(admin_client, alice, bob):
    admin_client.post(f"{MEMBERS}{alice.pk}/merge/", {"other": bob.pk})

    answer = admin_client.get(MEMBERS, {"q": "bob"})

    assert answer["Location"] == page_of(alice)


def test_a_member_page_tells_head_and_history_in_as_many_queries_at_one_row_as_at_twenty(
    admin_client, alice, django_assert_num_queries
):
    give(alice, 10)
    admin_client.get(page_of(alice))
    with django_assert_num_queries(9) as at_one:
        admin_client.get(page_of(alice))
    for _ in range(19):
        give(alice, 10)

    with django_assert_num_queries(len(at_one)):
        page = admin_client.get(page_of(alice))

    assert len(page.context["rows"]) == 20
    assert page.context["facts"][0] == ("Points", ["200\xa0points = €200.00"])


def test_why_explains_the_row_that_was_asked_about_and_no_other(admin_client, alice, bob):
    give(alice, 10, message="For the cold coffee")
    give(bob, 20, message="For Bob alone")
    entry, foreign = Entry.objects.filter(kind=1).order_by("id").values_list("pk", flat=True)

    page = admin_client.get(page_of(alice), {"why": entry})
    other = admin_client.get(page_of(alice), {"why": foreign})

    assert "For the cold coffee" in page.context["why"].steps
    assert other.context["why"] is None
    assert "For Bob alone" not in other.content.decode()


@pytest.mark.parametrize("query", ["tab=x", "before=x", "why=x", "why=9999999999999999999", "why=²"])
def test_an_address_that_nobody_could_have_linked_to_shows_the_first_page(admin_client, alice, query):
    assert admin_client.get(f"{page_of(alice)}?{query}").status_code == 200


@pytest.mark.parametrize("tab", ["", "orders", "person"])
def test_looking_at_a_member_changes_nothing(admin_client, alice, tab, clock):
    give(alice, 10, expires_at=clock.now() + timedelta(days=1))
    clock.advance(days=2)
    before = (Entry.objects.count(), AuditRecord.objects.count())

    for address in (f"{page_of(alice)}?tab={tab}", f"{MEMBERS}{alice.pk}/points/"):
        assert admin_client.get(address).status_code == 200

    assert (Entry.objects.count(), AuditRecord.objects.count()) == before


def test_points_are_given_on_the_second_click_after_the_first_has_shown_what_it_does(admin_client, alice):
    give(alice, 100)
    address = f"{MEMBERS}{alice.pk}/points/"
    told = {"points": "50", "reason": "goodwill", "message": "Sorry!", "note": "Cold coffee", "ends": "never"}

    shown = admin_client.post(address, form_of(admin_client.get(address), **told))
    given_after_the_first = get_balance(member_id=alice.pk).available
    done = admin_client.post(address, form_of(shown))

    outlook = shown.context["outlook"]
    assert (outlook.before, outlook.after, outlook.worth) == ("100", "150\xa0points", "€150.00")
    assert given_after_the_first == 100
    assert done["Location"] == page_of(alice)
    assert get_balance(member_id=alice.pk).available == 150
    note = EntryNote.objects.get(for_member="Sorry!")
    assert (note.internal, note.by_label) == ("Cold coffee", "owner")
    record = AuditRecord.objects.filter(kind="points_given").latest("id")
    assert (record.by_kind, record.by_label, record.after) == ("staff", "owner", {"points": 50})


@pytest.mark.parametrize(
    ("ends", "months", "is_dated"), [("usual", 6, False), ("never", None, False), ("day", None, True)]
)
def test_where_points_end_by_inactivity_a_gift_ends_as_was_chosen(
    admin_client, alice, ends, months, is_dated
):
    change_terms(programme_id=alice.programme_id, expiry_kind="inactivity", expiry_months=6)
    address = f"{MEMBERS}{alice.pk}/points/"
    told = {"points": "50", "reason": "event", "ends": ends, "last_day": "2090-12-31"}

    shown = admin_client.post(address, form_of(admin_client.get(address), **told))
    admin_client.post(address, form_of(shown))

    lot = Lot.objects.get(member=alice)
    assert (lot.issued, lot.lapse_months, lot.expires_at is not None) == (50, months, is_dated)


def test_two_clicks_on_the_same_button_give_once(admin_client, alice):
    address = f"{MEMBERS}{alice.pk}/points/"
    shown = admin_client.post(address, form_of(admin_client.get(address), points="50", reason="event"))

    answers = [admin_client.post(address, form_of(shown)).status_code for _ in range(2)]

    assert answers == [302, 302]
    assert get_balance(member_id=alice.pk).available == 50


def test_a_balance_that_moved_meanwhile_is_shown_before_anything_is_done(admin_client, alice):
    give(alice, 100)
    address = f"{MEMBERS}{alice.pk}/points/"
    shown = admin_client.post(
        address, form_of(admin_client.get(address), deed="take", points="60", reason="correction")
    )
    take_points(member_id=alice.pk, points=20, key="till", reason="correction", by=SHOP)

    again = admin_client.post(address, form_of(shown))

    assert "The balance has moved meanwhile. It is now 80." in again.content.decode()
    assert again.context["outlook"].after == "20\xa0points"
    assert get_balance(member_id=alice.pk).available == 80


@pytest.mark.parametrize(
    ("told", "field", "error"),
    [
        ({"points": "5"}, "reason", "Choose a reason."),
        ({"reason": "event"}, "points", "Write how many points"),
        ({"points": "-5", "reason": "event"}, "points", "greater than or equal to 1"),
        ({"points": "1.5", "reason": "event"}, "points", "without a fraction"),
        ({"points": "9" * 30, "reason": "event"}, "points", "less than or equal to"),
        ({"points": "5", "reason": "event", "deed": "take"}, "points", "No points are ready"),
        ({"points": "5", "reason": "event", "ends": "day"}, "last_day", "Choose the last day"),
        (
            {"points": "5", "reason": "event", "ends": "day", "last_day": "2020-01-01"},
            "last_day",
            "This day is over",
        ),
        ({"points": "5", "reason": "bribe"}, "reason", "not one of the available choices"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_nothing_moves(admin_client, alice, told, field, error):
    address = f"{MEMBERS}{alice.pk}/points/"

    answer = admin_client.post(address, form_of(admin_client.get(address), **told))

    assert answer.status_code == 422
    assert error in str(answer.context["form"].errors[field])
    assert Entry.objects.count() == 0


def test_whoever_may_only_look_sees_no_button_and_every_post_is_refused(clerk, alice, bob):
    page = clerk.get(page_of(alice)).content.decode()
    deeds = {
        "points": {"points": "5", "reason": "event"},
        "state": {"deed": "pause"},
        "merge": {"other": bob.pk},
        "unmerge": {"customer": bob.customer_id},
    }

    answers = {
        name: clerk.post(f"{MEMBERS}{alice.pk}/{name}/", told).status_code for name, told in deeds.items()
    }

    assert "Give or take points" not in page
    assert "Pause" not in page
    assert answers == dict.fromkeys(deeds, 403)
    assert (Entry.objects.count(), AuditRecord.objects.count()) == (0, 0)
    alice.refresh_from_db()
    assert alice.state == "active"


def test_a_stranger_is_sent_to_the_sign_in_page(client, alice):
    answer = client.get(page_of(alice))

    assert answer.status_code == 302
    assert "/login/" in answer["Location"]


def test_pausing_and_leaving_can_be_undone(admin_client, alice):
    states = []
    for deed in ("pause", "resume", "leave", "undo_leaving"):
        admin_client.post(f"{MEMBERS}{alice.pk}/state/", {"deed": deed})
        alice.refresh_from_db()
        states.append(alice.state)

    assert states == ["paused", "active", "left", "active"]
    assert AuditRecord.objects.filter(by_kind="staff", by_label="owner").count() == 4


@pytest.mark.parametrize("deed", ["resume", "undo_leaving"])
def test_a_deed_that_somebody_else_has_done_already_changes_nothing(admin_client, alice, deed):
    answer = admin_client.post(f"{MEMBERS}{alice.pk}/state/", {"deed": deed}, follow=True)

    assert "Somebody was faster" in answer.content.decode()
    assert AuditRecord.objects.count() == 0


def test_only_posts_change_a_state(admin_client, alice):
    assert admin_client.get(f"{MEMBERS}{alice.pk}/state/", {"deed": "pause"}).status_code == 405
    assert admin_client.get(f"{MEMBERS}{alice.pk}/unmerge/", {"customer": "1"}).status_code == 405


def test_merging_shows_the_sum_of_both_first_and_can_be_taken_apart(admin_client, alice, bob):
    give(alice, 100)
    give(bob, 40)
    address = f"{MEMBERS}{alice.pk}/merge/"

    shown = admin_client.get(address, {"with": bob.pk})
    merged = admin_client.post(address, {"other": bob.pk})
    together = get_balance(member_id=alice.pk).available
    admin_client.post(f"{MEMBERS}{alice.pk}/unmerge/", {"customer": bob.customer_id})

    assert shown.context["total"] == "140"
    assert merged["Location"] == page_of(alice)
    assert together == 140
    assert [get_balance(member_id=member.pk).available for member in (alice, bob)] == [100, 40]


@pytest.mark.parametrize("other", ["", "x", "0", "9" * 30])
def test_merging_with_nobody_is_refused_in_words(admin_client, alice, other):
    answer = admin_client.post(f"{MEMBERS}{alice.pk}/merge/", {"other": other})

    assert answer.status_code == 409
    assert "Choose the other member first." in answer.content.decode()


def test_the_orders_tab_shows_what_each_order_brought_and_why_not(
    admin_client, alice, django_assert_num_queries
):
    PurchaseFactory(customer=alice.customer)
    address = f"{page_of(alice)}?tab=orders"
    admin_client.get(address)
    with django_assert_num_queries(10) as at_one:
        admin_client.get(address)
    PurchaseFactory.create_batch(19, customer=alice.customer)

    with django_assert_num_queries(len(at_one)):
        page = admin_client.get(address)

    assert len(page.context["orders"]) == 20
    assert "Its points are being worked out." in page.content.decode()
