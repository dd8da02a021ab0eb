"""Points by hand on staff's pages: up to the limit at once, beyond it as a request that somebody approves."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission

from backstage.models import Approval, AuditRecord
from backstage.policies import SHOP
from loyalty.models import AdjustmentLimit, AdjustmentTally, Entry, EntryNote, Lot, LotTerms
from loyalty.operations.adjustments import give_points
from loyalty.operations.limits import set_limit
from loyalty.policies.adjustments import Limit
from loyalty.queries import get_balance
from tests.harness.client import StrictClient
from tests.loyalty.test_admin_members import form_of, page_of

pytestmark = pytest.mark.usefixtures("clock")
MEMBERS = "/admin/encore_loyalty/member/"
APPROVALS = "/admin/encore_backstage/approval/"
PROGRAMMES = "/admin/encore_loyalty/programme/"


def sign_in(name: str, *codenames: str) -> StrictClient:
    user = get_user_model().objects.create_user(name, password=name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = StrictClient()
    client.force_login(user)
    return client


@pytest.fixture
def dave(programme):
    """Signed in as a clerk, who may give and take 200 points a day."""
    client = sign_in("dave", "view_member", "adjust_points")
    role = Group.objects.create(name="Clerks")
    role.user_set.add(get_user_model().objects.get(username="dave"))
    set_limit(programme_id=programme.pk, group_id=role.pk, limit=Limit(None, 200))
    return client


def fill(client, member, **told):
    """Fill in the form as a browser would, and look at what it does."""
    address = f"{MEMBERS}{member.pk}/points/"
    told = {"points": "500", "reason": "goodwill", "ends": "never"} | told
    return client.post(address, form_of(client.get(address), **told))


def confirm(client, member, shown):
    return client.post(f"{MEMBERS}{member.pk}/points/", form_of(shown), follow=True)


def ask(client, member, **told):
    return confirm(client, member, fill(client, member, **{"note": "Her order was lost"} | told))


def ready(member) -> int:
    return get_balance(member_id=member.pk).available


def test_within_the_limit_points_are_given_at_once(dave, alice):
    shown = fill(dave, alice, points="200")
    confirm(dave, alice, shown)

    assert shown.context["outlook"].limits == ()
    assert ready(alice) == 200
    assert AdjustmentTally.objects.get().points == 200


def test_over_the_limit_it_says_so_asks_why_and_becomes_a_request(dave, alice):
    without_a_note = fill(dave, alice)
    shown = fill(dave, alice, note="Her order was lost", message="Sorry!")
    done = confirm(dave, alice, shown)

    assert without_a_note.status_code == 422
    assert "Tell them here why." in str(without_a_note.context["form"].errors["note"])
    assert shown.context["outlook"].button == "Send for approval"
    assert "At most 200\xa0points a day." in shown.content.decode()
    page = done.content.decode()
    assert "Sent for approval. Nothing has changed yet." in page
    assert "Waits for approval" in page
    assert "asked for by dave" in page
    assert (ready(alice), Entry.objects.count()) == (0, 0)
    approval = Approval.objects.get()
    assert (approval.state, approval.reason) == ("waiting", "Her order was lost")


def test_two_clicks_ask_once(dave, alice):
    shown = fill(dave, alice, note="Her order was lost")

    answers = [confirm(dave, alice, shown).status_code for _ in range(2)]

    assert answers == [200, 200]
    assert Approval.objects.count() == 1


def test_what_was_asked_for_cannot_be_done_from_the_same_page_as_well(dave, alice):
    shown = fill(dave, alice, note="Her order was lost")
    confirm(dave, alice, shown)

    address = f"{MEMBERS}{alice.pk}/points/"
    dave.post(address, form_of(shown, points="100", checked="give:100:do:0"))

    assert ready(alice) == 0
    assert Approval.objects.count() == 1


def test_a_limit_used_up_at_another_till_meanwhile_is_shown_before_anything_is_done(dave, alice, clock):
    shown = fill(dave, alice, points="150", note="Her order was lost")
    AdjustmentTally.objects.create(
        programme=alice.programme,
        by_id=str(get_user_model().objects.get(username="dave").pk),
        counted_on=clock.now().date(),
        points=100,
    )

    again = dave.post(f"{MEMBERS}{alice.pk}/points/", form_of(shown))

    assert again.context["outlook"].button == "Send for approval"
    assert (ready(alice), Approval.objects.count()) == (0, 0)


def test_whoever_approves_sees_who_asks_what_and_why_and_then_the_points_are_there(dave, alice, admin_client):
    give_points(member_id=alice.pk, points=40, key="gift", reason="goodwill", by=SHOP)
    ask(dave, alice, message="Sorry!", reason="lost_receipt")
    approval = Approval.objects.get()

    today = admin_client.get("/admin/").content.decode()
    listed = admin_client.get(f"{APPROVALS}?state__exact=waiting").content.decode()
    page = admin_client.get(f"{APPROVALS}{approval.pk}/change/").content.decode()
    admin_client.post(f"{APPROVALS}{approval.pk}/decide/", {"decision": "approve"})

    assert "1 request waits for your approval" in today
    assert "Give 500\xa0points to the member with card" in listed
    for text in ("alice", "dave", "Her order was lost", "40\xa0points", "Lost receipt", "never", "Sorry!"):
        assert text in page
    assert page_of(alice) in page
    assert ready(alice) == 540
    assert EntryNote.objects.get(for_member="Sorry!").by_label == "owner"
    assert AuditRecord.objects.get(kind="points_given", by_label="owner").after["asked_by"] == "dave"
    assert "Waits for approval" not in admin_client.get(page_of(alice)).content.decode()
    assert "waits for your approval" not in admin_client.get("/admin/").content.decode()


@pytest.mark.parametrize(
    ("told", "fact"),
    [
        ({"ends": "never"}, ("Points end", "never")),
        ({"ends": "day", "last_day": "2099-12-31"}, ("Last day to use them", "Dec.\xa031,\xa02099")),
        (
            {"ends": "usual"},
            ("Points end", "Points stay as long as you shop at least once in 12\xa0months."),
        ),
    ],
)
def test_whoever_approves_sees_how_the_points_would_end_and_so_they_do(dave, alice, admin_client, told, fact):
    LotTerms.objects.update(expiry_kind="inactivity")
    ask(dave, alice, **told)
    approval = Approval.objects.get()

    page = admin_client.get(f"{APPROVALS}{approval.pk}/change/")
    admin_client.post(f"{APPROVALS}{approval.pk}/decide/", {"decision": "approve"})

    assert fact in page.context["details"]["facts"]
    lot = Lot.objects.get()
    assert (lot.issued, lot.lapse_months) == (500, 12 if told["ends"] == "usual" else None)
    assert (lot.expires_at is None) == (told["ends"] != "day")


def test_a_request_that_cannot_be_done_any_more_says_so_and_waits(dave, alice, admin_client):
    give_points(member_id=alice.pk, points=500, key="gift", reason="goodwill", by=SHOP)
    ask(dave, alice, deed="take", reason="correction")
    approval = Approval.objects.get()
    AdjustmentLimit.objects.all().delete()
    confirm(admin_client, alice, fill(admin_client, alice, deed="take", points="100", reason="correction"))

    answer = admin_client.post(f"{APPROVALS}{approval.pk}/decide/", {"decision": "approve"})

    approval.refresh_from_db()
    assert answer.status_code == 409
    assert "Only 400 points are ready." in answer.content.decode()
    assert (approval.state, ready(alice)) == ("waiting", 400)


def test_whoever_asked_takes_it_back_and_cannot_approve(dave, alice, admin_client):
    ask(dave, alice)
    address = f"{APPROVALS}{Approval.objects.get().pk}/"

    page = dave.get(page_of(alice)).content.decode()
    refused = dave.post(f"{address}decide/", {"decision": "approve"}).status_code
    dave.post(f"{address}decide/", {"decision": "cancel"})

    assert f"{address}change/" in page
    assert refused == 403
    assert (Approval.objects.get().state, ready(alice)) == ("cancelled", 0)


def test_somebody_else_at_the_till_sees_that_it_waits_and_no_way_to_it(dave, alice):
    ask(dave, alice)

    page = sign_in("erin", "view_member").get(page_of(alice)).content.decode()

    assert "Waits for approval" in page
    assert APPROVALS not in page


def test_the_lone_owner_over_their_own_limit_asks_and_waits(admin_client, alice, programme):
    set_limit(programme_id=programme.pk, group_id=None, limit=Limit(400, None))
    ask(admin_client, alice)
    approval = Approval.objects.get()

    page = admin_client.get(f"{APPROVALS}{approval.pk}/change/").content.decode()
    answer = admin_client.post(f"{APPROVALS}{approval.pk}/decide/", {"decision": "approve"})

    assert "whoever asked may do so from" in page
    assert answer.status_code == 409
    assert "Come back in 60 minutes" in answer.content.decode()
    assert ready(alice) == 0


def test_giving_points_is_a_right_of_its_own(alice):
    changes, gives = (sign_in(name, "view_member", name) for name in ("change_member", "adjust_points"))

    answers = [client.get(f"{MEMBERS}{alice.pk}/points/").status_code for client in (changes, gives)]
    paused = gives.post(f"{MEMBERS}{alice.pk}/state/", {"deed": "pause"}).status_code

    assert (answers, paused) == ([403, 200], 403)
    assert "Give or take points" not in changes.get(page_of(alice)).content.decode()
    assert "Pause or end the membership" not in gives.get(page_of(alice)).content.decode()


def test_the_owner_sets_a_limit_after_reading_what_it_means(admin_client, programme):
    role = Group.objects.create(name="Clerks")
    address = f"{PROGRAMMES}{programme.pk}/limit/"

    shown = admin_client.post(address, form_of(admin_client.get(address), role=role.pk, points_per_day="200"))
    before_the_second_click = AdjustmentLimit.objects.count()
    page = admin_client.post(address, form_of(shown), follow=True).content.decode()

    assert shown.context["meanings"] == [
        "Clerks:",
        "At most 200\xa0points a day.",
        "More than that becomes a request, which somebody else approves.",
    ]
    assert before_the_second_click == 0
    limit = AdjustmentLimit.objects.get()
    assert (limit.group_id, limit.points_per_act, limit.points_per_day) == (role.pk, None, 200)
    assert "At most 200\xa0points a day." in page
    assert "As many as they like." in page


def test_a_limit_is_removed_and_the_role_counts_as_everybody_else(admin_client, programme, dave):
    role = Group.objects.get()
    address = f"{PROGRAMMES}{programme.pk}/limit/"

    shown = admin_client.post(address, form_of(admin_client.get(address), role=role.pk, removes="on"))
    admin_client.post(address, form_of(shown))

    assert "The limit is removed." in shown.context["meanings"]
    assert not AdjustmentLimit.objects.exists()


@pytest.mark.parametrize("told", [{"role": "999"}, {"points_per_day": "-1"}, {"points_per_act": "9" * 20}])
def test_a_limit_that_cannot_be_is_said_beside_its_field(admin_client, programme, told):
    address = f"{PROGRAMMES}{programme.pk}/limit/"

    answer = admin_client.post(address, form_of(admin_client.get(address), **told))

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == list(told)
    assert not AdjustmentLimit.objects.exists()
