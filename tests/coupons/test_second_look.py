"""Coupons that take off much are switched on by two people, or by one and an hour."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import transaction
from django.urls import reverse

from backstage.models import Approval, AuditRecord
from backstage.operations import approvals
from backstage.policies import By
from backstage.policies.approvals import ChangeRefusedError
from coupons.models import Coupon, CouponVersion
from coupons.operations.coupon_requests import request_start
from coupons.operations.coupon_undo import undo_ending
from coupons.operations.coupons import (
    OverCouponLimit,
    change_coupon,
    discard_coupon,
    end_coupon,
    pause_coupon,
    switch_on_coupon,
)
from tests.coupons.shop import NOON, amount, ask, basket, day, line, offer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_are_right")]


@pytest.fixture
def dave() -> By:
    """A marketer."""
    return By("staff", str(get_user_model().objects.create_user("dave", is_staff=True).pk), "dave")


@pytest.fixture
def olga() -> By:
    """The owner."""
    return By("staff", str(get_user_model().objects.create_superuser("olga").pk), "olga")


def draft(**told) -> Coupon:
    return offer("CODE", on=False, **told)


HALF = {"percent": Decimal(50)}


def states() -> list[str]:
    return list(Coupon.objects.order_by("id").values_list("state", flat=True))


@pytest.mark.parametrize(
    ("told", "may", "share"),
    [
        ({"percent": Decimal(30)}, True, 3000),
        ({"percent": Decimal("30.01")}, False, 3001),
        (amount(500, minimum_minor=2500), True, 2000),
        (amount(500), False, 10_000),
        ({"kind": "shipping", "percent": None}, True, 0),
    ],
)
def test_staff_switches_on_what_is_within_the_limit_and_is_refused_above_it(dave, told, may, share):
    coupon = draft(**told)

    if may:
        switch_on_coupon(coupon_id=coupon.id, at=NOON, by=dave)
    else:
        with pytest.raises(OverCouponLimit) as refusal:
            switch_on_coupon(coupon_id=coupon.id, at=NOON, by=dave)
        assert (refusal.value.share, refusal.value.limit_share) == (share, 3000)

    assert states() == ["on" if may else "draft"]
    assert AuditRecord.objects.filter(kind="coupon_switched_on").count() == may


def test_the_refusal_says_what_would_do_without(dave):
    with pytest.raises(
        OverCouponLimit, match=r"It may take 50% off what it speaks of, and more than 30% needs"
    ):
        switch_on_coupon(coupon_id=draft(**HALF).id, at=NOON, by=dave)


def test_the_shops_own_code_needs_nobody_and_a_shop_may_set_another_limit(dave, settings):
    switch_on_coupon(coupon_id=draft(**HALF).id, at=NOON)
    settings.ENCORE = {**settings.ENCORE, "COUPON_ALONE_PERCENT": 50}
    switch_on_coupon(coupon_id=offer("OTHER", on=False, **HALF).id, at=NOON, by=dave)

    assert states() == ["on", "on"]


def test_what_runs_is_not_raised_over_the_limit_but_its_texts_and_days_may_change(dave):
    coupon = offer("CODE")
    with pytest.raises(OverCouponLimit):
        change_coupon(coupon_id=coupon.id, terms=HALF, at=NOON, by=dave)
    assert ask("CODE").discount_minor == 200
    assert CouponVersion.objects.count() == 1

    change_coupon(coupon_id=coupon.id, terms=HALF, at=NOON)
    change_coupon(coupon_id=coupon.id, own={"name": "Half"}, terms=HALF, at=day(1), by=dave)

    assert Coupon.objects.get().name == "Half"
    with pytest.raises(OverCouponLimit):
        change_coupon(coupon_id=coupon.id, terms={"brands": []} | {"skus": ["SKU-9"]}, at=day(1), by=dave)
    assert ask("CODE", at=day(2)).discount_minor == 500


def test_what_was_looked_at_goes_on_after_a_pause_and_an_end_taken_back_unless_it_was_changed(dave):
    coupon = offer("CODE", **HALF)
    pause_coupon(coupon_id=coupon.id, at=NOON, by=dave)
    switch_on_coupon(coupon_id=coupon.id, at=NOON, by=dave)
    end_coupon(coupon_id=coupon.id, at=day(1), by=dave)
    undo_ending(coupon_id=coupon.id, at=day(1), by=dave)
    assert ask("CODE", at=day(1)).discount_minor == 500

    pause_coupon(coupon_id=coupon.id, at=day(2), by=dave)
    change_coupon(coupon_id=coupon.id, terms={"percent": Decimal(60)}, at=day(2), by=dave)
    with pytest.raises(OverCouponLimit):
        switch_on_coupon(coupon_id=coupon.id, at=day(2), by=dave)
    assert states() == ["paused"]


# -- asking --------------------------------------------------------------------------------------------------


def asked(coupon: Coupon, by: By) -> Approval:
    pk = request_start(coupon_id=coupon.id, reason="Spring sale", at=NOON, now=NOON, by=by)
    return Approval.objects.get(pk=pk)


def approve(approval: Approval, by: By, *, at=NOON, now=NOON + timedelta(days=1)) -> None:
    with transaction.atomic():
        approvals.approve(approval_id=approval.pk, by=by, at=at, now=now)


def test_what_is_over_the_limit_is_asked_for_and_switched_on_by_whoever_approves(dave, olga):
    coupon = draft(**HALF)
    approval = asked(coupon, dave)
    assert ask("CODE").discount_minor == 0

    approve(approval, olga)

    assert ask("CODE", of=basket(line(amount_minor=3000))).discount_minor == 1500
    assert AuditRecord.objects.get(kind="coupon_switched_on").by_label == "olga"


def test_a_lone_owner_approves_after_an_hour(olga):
    approval = asked(draft(**HALF), olga)

    with pytest.raises(approvals.TooEarlyError):
        approve(approval, olga, now=NOON + timedelta(minutes=59))
    assert states() == ["draft"]
    approve(approval, olga, now=NOON + timedelta(minutes=60))

    assert states() == ["on"]


def test_what_was_changed_thrown_away_or_switched_on_meanwhile_is_not_approved(dave, olga):
    changed, gone, on = (offer(code, on=False, **HALF) for code in ("CHANGED", "GONE", "STARTED"))
    waiting = [asked(coupon, dave) for coupon in (changed, gone, on)]
    change_coupon(coupon_id=changed.id, terms={"percent": Decimal(90)}, at=NOON, by=dave)
    discard_coupon(coupon_id=gone.id, at=NOON)
    switch_on_coupon(coupon_id=on.id, at=NOON)

    for approval, said in zip(waiting, ("changed meanwhile", "thrown away", "switched on"), strict=True):
        with pytest.raises(ChangeRefusedError, match=said):
            approve(approval, olga)

    assert states() == ["draft", "on"]
    assert set(Approval.objects.values_list("state", flat=True)) == {"waiting"}


# -- the pages -----------------------------------------------------------------------------------------------


def page_of(name: str, coupon: Coupon) -> str:
    return reverse(f"admin:encore_coupons_coupon_{name}", args=[coupon.pk])


def test_the_page_asks_instead_of_switching_on_and_lists_what_waits(client, olga, clock):
    clock.move_to(NOON)
    user = get_user_model().objects.create_user("mia", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_coupon", "change_coupon"]))
    client.force_login(user)
    coupon = draft(**HALF)

    page = client.get(page_of("change", coupon))
    assert [name for name, *_ in page.context["deeds"]] == ["ask", "discard"]
    refused = client.post(page_of("start", coupon), follow=True).content.decode()
    assert "It may take 50% off what it speaks of" in refused
    empty = client.post(page_of("ask", coupon), {"reason": " "}, follow=True).content.decode()
    assert "Say why, in a few words" in empty
    assert not Approval.objects.exists()
    sent = client.post(page_of("ask", coupon), {"reason": "Spring"}, follow=True).content.decode()
    assert "Sent for approval. Nothing has changed yet." in sent
    assert "Switch on the coupon “CODE”, which may take 50% off" in sent
    assert states() == ["draft"]

    client.force_login(get_user_model().objects.get(username="olga"))
    approval = Approval.objects.get()
    shown = client.get(reverse("admin:encore_backstage_approval_change", args=[approval.pk]))
    assert "50% off" in shown.content.decode()
    decide = reverse("admin:encore_backstage_approval_decide", args=[approval.pk])
    client.post(decide, {"decision": "approve", "reason": ""})
    assert states() == ["on"]


def test_the_builder_says_how_to_ask_for_a_change_of_what_runs(admin_client, clock):
    clock.move_to(NOON)
    coupon = offer("CODE")
    begun = admin_client.get(page_of("edit", coupon)).context["form"].initial
    told = {name: value for name, value in begun.items() if value not in (None, "", [], False)}

    answer = admin_client.post(
        page_of("edit", coupon), {**told, "is_endless": "on", "percent": "50", "save": "1"}
    )

    assert answer.status_code == 422
    assert "To ask for it, pause the coupon, change it, and ask then." in answer.content.decode()
    assert CouponVersion.objects.get().percent == 20
