"""The owner drafts a plan in a sentence, sees who would buy it, and helps single members by hand."""

import pytest
from django.contrib.auth.models import Permission

from backstage.operations.check import check_ledger
from loyalty.models import (
    Announcement,
    Member,
    MembershipPeriod,
    PaidMembership,
    Plan,
    PlanVersion,
    Programme,
)
from tests.loyalty.plan_shop import PRICE, pay, sell
from tests.loyalty.shop import NOON, day, goods, join, open_shop, tell

pytestmark = pytest.mark.django_db
HOME = "/admin/encore_loyalty/plan/"


@pytest.fixture
def programme(clock):
    """100 points are worth 0.50, and Alice has bought for 1,000.00."""
    clock.move_to(day(60))
    programme = open_shop(worth_points=100, worth_minor=50)
    join("alice", programme)
    tell("1", goods(sold_minor=100_000))
    yield programme
    wrong = [answer for answer in check_ledger().answers if not answer.liveness and answer.findings]
    assert wrong == []


def typed(programme, **more):
    told = {"programme": programme.pk, "name": "Plus", "price": "29.00", "months": "12", "factor": "2"}
    return {**told, "trial_days": "14", "grace_days": "7", **more}


def text_of(answer) -> str:
    return " ".join(answer.content.decode().replace("\xa0", " ").split())


def test_a_plan_is_drafted_sold_changed_closed_and_ended(admin_client, programme):
    answer = admin_client.post(
        f"{HOME}add/",
        typed(
            programme,
            shipping="15",
            shipping_saved="4.90",
            free_for_all="50",
            early="24",
            benefits=["free_returns"],
            own="lounge: Free coffee",
            text_en="For those who come often",
            save="1",
        ),
    )
    plan = Plan.objects.get()
    assert (answer.status_code, plan.state, plan.public_text) == (
        302,
        "draft",
        {"en": "For those who come often"},
    )
    version = plan.versions.get()
    assert (version.price_minor, version.shipping_minor, version.free_for_all_minor) == (2900, 490, 5000)
    assert version.perks == [
        {"kind": "free_shipping", "number": 1500},
        {"kind": "early_access", "number": 24},
        {"kind": "free_returns"},
        {"kind": "other", "key": "lounge", "text": {"en": "Free coffee"}},
    ]

    admin_client.post(f"{HOME}{plan.pk}/start/")
    form = admin_client.get(f"{HOME}{plan.pk}/edit/").context["form"]
    sent = {field.name: value for field in form if (value := field.value()) not in (None, False, "")}
    admin_client.post(f"{HOME}{plan.pk}/edit/", {**sent, "price": "39", "save": "1"})
    for deed in ("close", "start", "end"):
        admin_client.post(f"{HOME}{plan.pk}/{deed}/")

    plan.refresh_from_db()
    assert plan.state == "ended"
    prices = PlanVersion.objects.order_by("number").values_list("price_minor", "shipping_minor")
    assert list(prices) == [(2900, 490), (3900, 490)]
    page = text_of(admin_client.get(f"{HOME}{plan.pk}/change/"))
    assert "€39.00 a year" in page
    assert "What you can do" not in page
    assert "Plus" in text_of(admin_client.get(HOME))


def test_the_preview_says_who_would_buy_and_what_it_would_come_to(admin_client, programme):
    page = text_of(admin_client.post(f"{HOME}preview/", typed(programme)))

    assert "<strong>€29.00 a year</strong> · 2 times the points" in page
    assert "Last year it would have paid off for 1 member, with €50.00 saved at most." in page
    assert (
        "A year brings in €29.00, and costs €50.00 in points and €0.00 in shipping: €21.00 is missing" in page
    )
    assert not Plan.objects.exists()


@pytest.mark.parametrize("more", [{"price": ""}, {"factor": "1"}, {"months": "99"}, {"shipping": "5"}])
def test_a_half_written_plan_has_no_preview_yet(admin_client, programme, more):
    page = text_of(admin_client.post(f"{HOME}preview/", typed(programme, **more)))

    assert "Fill in what is missing" in page


@pytest.mark.parametrize("price", ["2900", "0.02"])
def test_a_slip_in_the_price_shows_what_it_would_come_to_and_asks(admin_client, programme, price):
    page = admin_client.post(f"{HOME}add/", typed(programme, price=price, save="1"))

    assert page.status_code == 422
    assert "Tick here if it is meant to be." in page.context["form"].errors["is_meant"][0]
    assert not Plan.objects.exists()
    admin_client.post(f"{HOME}add/", typed(programme, price=price, is_meant="on", save="1"))
    assert Plan.objects.exists()


def test_a_higher_price_is_refused_with_the_first_day_in_its_field_then_announced_and_called_off(
    admin_client, programme
):
    plan = sell(programme, at=day(59), perks=[{"kind": "birthday_gift", "text": {"en": "a bag of beans"}}])
    pay(plan, Member.objects.get(), at=day(60))
    Programme.objects.update(notice_days=30)
    edit = f"{HOME}{plan.pk}/edit/"
    form = admin_client.get(edit).context["form"]
    sent = {field.name: value for field in form if (value := field.value()) not in (None, "", [])}
    sent |= {"programme": programme.pk, "price": "39", "save": "1"}

    refused = admin_client.post(edit, sent)

    assert refused.status_code == 422
    assert refused.context["form"].errors == {
        "holds_from": [
            (
                "This takes something away: the plan costs more. "
                "Members are told 30 days before. Choose 2026-06-02 or a later day."
            )
        ]
    }
    assert refused.context["form"]["holds_from"].value() == "2026-06-02"
    assert refused.context["form"]["benefits"].value() == ["birthday_gift"]
    assert refused.context["preview"]["promise"] == "€39.00 a year"
    assert plan.versions.count() == 1

    answer = admin_client.post(edit, {**sent, "holds_from": "2026-06-02"}, follow=True)

    told = text_of(answer)
    assert "Announced. It holds from June 2 on, and you can call it off until then." in told
    assert "<li>€29.00 a year → €39.00 a year</li>" in told
    newest = plan.versions.get(number=2)
    assert newest.perks == [{"kind": "birthday_gift", "text": {"en": "a bag of beans"}}]
    assert "<strong>On sale.</strong> €29.00 a year" in told
    assert "€29.00 a year" in text_of(admin_client.get(HOME))
    again = admin_client.post(edit, {**sent, "holds_from": "2026-07-01"})
    assert "A change is announced for June 2 already." in text_of(again)
    ended = admin_client.post(f"{HOME}{plan.pk}/end/", follow=True)
    assert "A change is announced for June 2 already." in text_of(ended)

    one = Announcement.objects.get()
    off = admin_client.post(f"{HOME}call_off/", {"announcement": one.pk}, follow=True)
    assert "Called off. Everything stays as it is." in text_of(off)
    assert [(row.price_minor, row.ends_at) for row in plan.versions.all()] == [(2900, None)]


def test_a_price_that_changes_a_hundredfold_asks_with_both_prices(admin_client, programme):
    plan = sell(programme)

    page = admin_client.post(f"{HOME}{plan.pk}/edit/", typed(programme, price="0.29", save="1"))

    assert page.context["form"].errors["is_meant"] == [
        "The price was €29.00, and would be €0.29. Tick here if it is meant to be."
    ]
    assert plan.versions.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"price": "0"}, "price"),
        ({"price": "1.999"}, "price"),
        ({"months": "0"}, "months"),
        ({"factor": "0.5"}, "factor"),
        ({"factor": "1"}, "benefits"),
        ({"shipping": "15"}, "shipping_saved"),
        ({"free_for_all": "50"}, "free_for_all"),
        ({"grace_days": "29"}, "grace_days"),
        ({"own": "no colon"}, "own"),
        ({"name": ""}, "name"),
    ],
)
def test_what_cannot_be_is_said_beside_its_gap_and_nothing_is_saved(admin_client, programme, wrong, field):
    page = admin_client.post(f"{HOME}add/", typed(programme, save="1", **wrong))

    assert page.status_code == 422
    assert page.context["form"].errors[field]
    assert not Plan.objects.exists()


def test_the_page_of_a_plan_shows_what_it_has_come_to(admin_client, programme):
    plan, bob = sell(programme), join("bob", programme)
    pay(plan, bob)
    tell("2", goods(sold_minor=2000), who="bob", at=day(1), placed_at=day(1))

    results = dict(admin_client.get(f"{HOME}{plan.pk}/change/").context["results"])

    assert results["Members in it now"] == "1"
    assert results["Fees, less refunds"] == "€29.00"
    assert results["Points that it added, and their worth"].replace("\xa0", " ") == "200 points · €1.00"


def test_staff_without_the_right_look_and_do_nothing(client, carol, programme):
    plan = sell(programme)
    carol.user_permissions.add(Permission.objects.get(codename="view_plan"))
    client.force_login(carol)

    assert client.get(f"{HOME}{plan.pk}/change/").status_code == 200
    for address in ("add/", f"{plan.pk}/edit/"):
        assert client.get(f"{HOME}{address}").status_code == 403
    assert client.post(f"{HOME}{plan.pk}/end/").status_code == 403
    assert client.post(f"{HOME}preview/", typed(programme)).status_code == 403
    plan.refresh_from_db()
    assert plan.state == "on"


# -- one member ----------------------------------------------------------------------------------------------


def test_staff_note_a_payment_cancel_keep_renew_and_refund_by_hand(admin_client, programme, clock):
    plan, bob = sell(programme), join("bob", programme)
    home = f"/admin/encore_loyalty/member/{bob.pk}/"
    assert "Note a payment" in text_of(admin_client.get(f"{home}change/?tab=plans"))

    page = admin_client.post(f"{home}plan/", {"plan_id": plan.pk})
    assert page.context["form"].errors["reference"]
    admin_client.post(f"{home}plan/", {"plan_id": plan.pk, "reference": "till 1"})
    admin_client.post(f"{home}plan_deed/", {"cancel": "1"})
    assert PaidMembership.objects.get().cancelled_at == day(60)
    admin_client.post(f"{home}plan_deed/", {"keep": "1"})
    admin_client.post(f"{home}plan/", {"plan_id": plan.pk, "reference": "till 2"})
    again = admin_client.post(f"{home}plan/", {"plan_id": plan.pk, "reference": "till 3"})

    assert "paid for already" in again.context["form"].non_field_errors()[0]
    paid = MembershipPeriod.objects.order_by("number").values_list("reference", "paid_minor")
    assert list(paid) == [("till 1", PRICE), ("till 2", PRICE)]
    tab = text_of(admin_client.get(f"{home}change/?tab=plans"))
    assert "You have saved €0.00. The fee was €58.00." in tab
    too_much = admin_client.post(f"{home}plan_refund/", {"refunded": "60"})
    assert "5800 was paid" in too_much.context["form"].errors["refunded"][0]
    admin_client.post(f"{home}plan_refund/", {"refunded": "58"})
    assert PaidMembership.objects.get().end_reason == "refunded"
    assert "This member has no plan now." in text_of(admin_client.get(f"{home}change/?tab=plans"))


def test_staff_begin_a_trial_by_hand(admin_client, programme):
    plan, bob = sell(programme, trial_days=14), join("bob", programme)

    admin_client.post(f"/admin/encore_loyalty/member/{bob.pk}/plan/", {"plan_id": plan.pk, "is_trial": "on"})

    assert MembershipPeriod.objects.get().kind == "trial"
    assert MembershipPeriod.objects.get().ends_at > NOON
