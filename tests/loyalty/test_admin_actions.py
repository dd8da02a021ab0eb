"""The owner gives points for actions in a sentence, and sees what it would cost."""

import pytest
from django.contrib.auth.models import Permission

from backstage.operations.check import check_ledger
from backstage.policies import SHOP
from commerce.operations.customers import merge_customers
from loyalty.models import ActionAttempt, ActionRule, ActionVersion, Entry
from loyalty.operations.actions import record_action
from tests.loyalty.shop import NOON, OPENED, day, join, open_shop
from tests.loyalty.test_actions import give

pytestmark = pytest.mark.django_db
HOME = "/admin/encore_loyalty/actionrule/"


@pytest.fixture
def programme(clock):
    clock.move_to(NOON)
    return open_shop(worth_points=100, worth_minor=50)


def typed(programme, **more):
    told = {"programme": programme.pk, "name": "Reviews", "points": "20", "kind": "review"}
    return {**told, "cap_times": "2", "cap_period": "month", **more}


def test_points_for_an_action_are_drafted_switched_on_changed_and_ended(admin_client, programme):
    answer = admin_client.post(f"{HOME}add/", typed(programme, save="1"))
    rule = ActionRule.objects.get()
    assert (answer.status_code, rule.state) == (302, "draft")

    for deed in ("start", "pause", "start"):
        admin_client.post(f"{HOME}{rule.pk}/{deed}/")
    admin_client.post(f"{HOME}{rule.pk}/edit/", typed(programme, points="30", save="1"))
    admin_client.post(f"{HOME}{rule.pk}/end/")

    rule.refresh_from_db()
    assert rule.state == "ended"
    assert list(ActionVersion.objects.order_by("number").values_list("points", flat=True)) == [20, 20, 30]
    page = admin_client.get(f"{HOME}{rule.pk}/change/").content.decode()
    assert "30\N{NO-BREAK SPACE}points, at most 2 times a month" in page
    assert "What you can do" not in page


def test_who_presses_a_button_after_somebody_else_reads_where_it_stands_by_now(admin_client, programme):
    admin_client.post(f"{HOME}add/", typed(programme, save="1"))
    rule = ActionRule.objects.get()
    for deed in ("start", "end"):
        admin_client.post(f"{HOME}{rule.pk}/{deed}/")

    page = admin_client.post(f"{HOME}{rule.pk}/pause/", follow=True).content.decode()

    assert "Somebody was faster. It stands elsewhere by now: Ended." in page
    rule.refresh_from_db()
    assert rule.state == "ended"


@pytest.mark.parametrize(
    "card", ["sign_up", "birthday", "anniversary", "review", "share", "survey", "nonsense"]
)
def test_a_card_fills_in_a_beginning(admin_client, programme, card):
    form = admin_client.get(f"{HOME}add/", {"card": card}).context["form"]
    sent = {field.name: value for field in form if (value := field.value()) not in (None, False, "")}

    answer = admin_client.post(
        f"{HOME}add/", {"name": "A", "points": 1, "kind": "review", **sent, "save": "1"}
    )

    assert answer.status_code == 302


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"points": "0"}, "points"),
        ({"points": "1e9"}, "points"),
        ({"kind": "x"}, "kind"),
        ({"kind": "event"}, "event"),
        ({"kind": "event", "event": "no spaces"}, "event"),
        ({"cap_times": "-1"}, "cap_times"),
        ({"cap_period": "x"}, "cap_period"),
        ({"name": ""}, "name"),
    ],
)
def test_what_cannot_be_is_said_beside_its_gap_and_nothing_is_saved(admin_client, programme, wrong, field):
    page = admin_client.post(f"{HOME}add/", typed(programme, save="1", **wrong))

    assert page.status_code == 422
    assert page.context["form"].errors[field]
    assert not ActionRule.objects.exists()


def test_the_preview_says_what_a_month_would_cost_by_what_is_recorded(admin_client, programme):
    for number in range(6):
        join(f"m{number}", programme, at=day(-1))

    def said(**more):
        return " ".join(
            admin_client.post(f"{HOME}preview/", typed(programme, **more)).content.decode().split()
        )

    assert "About 2 times a month, by what is recorded. About 40 points a month, worth €0.20." in said(
        kind="sign_up"
    )
    assert "nothing of the kind is recorded" in said()
    assert "Fill in what is missing" in said(points="")
    assert not ActionRule.objects.exists()


def test_a_digit_too_many_shows_what_it_would_cost_and_asks(admin_client, programme):
    page = admin_client.post(f"{HOME}add/", typed(programme, points="20000", save="1"))

    assert "worth €100.00. Tick here if it is meant to be." in str(page.context["form"].errors["is_meant"])
    assert not ActionRule.objects.exists()
    answer = admin_client.post(f"{HOME}add/", typed(programme, points="20000", is_meant="on", save="1"))
    assert answer.status_code == 302


def test_the_page_of_a_rule_shows_what_was_done_with_the_reasons(admin_client, programme):
    rule, alice = give(programme, cap_times=1), join("alice", programme)
    for number in (1, 2):
        record_action(
            programme_id=programme.id, kind="review", source=str(number), member_id=alice.id, at=NOON
        )

    page = admin_client.get(f"{HOME}{rule.pk}/change/").content.decode()

    assert "It had been done as often as it counts" in page
    assert alice.number in page
    assert alice.number in admin_client.get("/admin/encore_loyalty/actionattempt/").content.decode()


def test_a_members_page_tells_what_they_did_besides_buying_and_what_those_did_whom_they_were_merged_with(
    admin_client, programme, django_assert_num_queries
):
    alice, bob = join("alice", programme), join("bob", programme)
    address = f"/admin/encore_loyalty/member/{alice.pk}/change/?tab=actions"
    assert "Nothing besides buying yet." in admin_client.get(address).content.decode()
    give(programme, cap_times=1)
    for number, member in (("latte-1", bob), ("latte-2", bob)):
        record_action(programme_id=programme.id, kind="review", source=number, member_id=member.id, at=NOON)
    merge_customers(source=bob.customer_id, target=alice.customer_id, by=SHOP, at=NOON)

    with django_assert_num_queries(8) as few:
        page = admin_client.get(address).content.decode()

    said = ("latte-1", "latte-2", "It had been done as often as it counts")
    assert [page.count(words) for words in said] == [1, 1, 1]
    for number in range(3, 20):
        record_action(
            programme_id=programme.id, kind="review", source=f"r-{number}", member_id=alice.id, at=NOON
        )
    with django_assert_num_queries(len(few)):
        admin_client.get(address)


def test_the_pages_cost_the_same_with_many_rows(admin_client, programme, django_assert_max_num_queries):
    rule, alice = give(programme), join("alice", programme)
    for number in range(20):
        give(programme, "event", event=f"e{number}")
        record_action(
            programme_id=programme.id, kind="review", source=str(number), member_id=alice.id, at=NOON
        )

    for address in (HOME, f"{HOME}{rule.pk}/change/"):
        with django_assert_max_num_queries(9):
            admin_client.get(address)


def test_who_may_only_look_changes_nothing(client, django_user_model, programme):
    user = django_user_model.objects.create_user("looker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_actionrule"))
    client.force_login(user)
    rule = give(programme)

    for deed in ("pause", "end", "discard", "edit"):
        assert client.post(f"{HOME}{rule.pk}/{deed}/").status_code == 403
    for address in (f"{HOME}add/", f"{HOME}preview/"):
        assert client.post(address, typed(programme, save="1")).status_code == 403
    assert "What you can do" not in client.get(f"{HOME}{rule.pk}/change/").content.decode()
    assert ActionRule.objects.get().state == "on"


# -- the books -----------------------------------------------------------------------------------------------


def test_points_that_the_ledger_does_not_have_and_points_for_nothing_are_found(programme):
    give(programme, at=OPENED)
    alice = join("alice", programme)
    record_action(programme_id=programme.id, kind="review", source="1", member_id=alice.id, at=NOON)
    attempt, entry = ActionAttempt.objects.get(), Entry.objects.get()

    def broken():
        return [one.detail for one in check_ledger().findings if "action" in one.invariant]

    assert broken() == []
    ActionAttempt.objects.update(points=21)
    assert broken() == [f"action {attempt.id} says that it brought 21 points; the ledger has 20"]
    ActionAttempt.objects.update(points=20, entry_key="another")
    assert broken() == [
        f"entry {entry.id} of member {alice.id} gave points for an action that nobody recorded",
        f"action {attempt.id} says that it brought 20 points; the ledger has 0",
    ]
