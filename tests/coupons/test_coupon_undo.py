"""A click on a coupon or a batch of codes, taken back within a minute."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core import signing
from django.urls import reverse

from coupons.models import CodeBatch, Coupon, Redemption
from coupons.operations.coupon_undo import undo_ending, undo_switching_on
from coupons.operations.coupons import (
    CouponStepRefused,
    discard_coupon,
    end_coupon,
    pause_coupon,
    switch_on_coupon,
)
from coupons.operations.redemption import capture_coupons, reserve_coupons
from tests.coupons.shop import NOON, ask, basket, day, offer
from tests.factories.coupons import CodeBatchFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_are_right")]
MINUTE = timedelta(minutes=1)
LATE = MINUTE + timedelta(microseconds=1)


def off(at):
    return ask("CODE", at=at).discount_minor


# -- the operations ------------------------------------------------------------------------------------------


def test_a_start_that_was_a_mistake_is_a_draft_again_before_it_begins_and_a_pause_after():
    scheduled, begun = offer("LATER", on=False, starts_at=day(2)), offer("CODE", on=False)
    for coupon in (scheduled, begun):
        switch_on_coupon(coupon_id=coupon.id, at=NOON)

    later = NOON + timedelta(seconds=30)
    states = [undo_switching_on(coupon_id=coupon.id, at=later).state for coupon in (scheduled, begun)]

    assert states == ["draft", "paused"]
    assert [off(at) for at in (later, day(2))] == [0, 0]
    assert ask("LATER", at=day(2)).discount_minor == 0
    switch_on_coupon(coupon_id=scheduled.id, at=day(1))
    assert ask("LATER", at=day(2)).discount_minor == 200
    with pytest.raises(CouponStepRefused):
        discard_coupon(coupon_id=begun.id, at=day(1))


def test_an_order_of_the_very_moment_of_the_start_keeps_its_coupon_and_the_coupon_is_no_draft():
    coupon = offer("CODE", on=False, starts_at=NOON)
    switch_on_coupon(coupon_id=coupon.id, at=NOON)
    reserve_coupons(basket(), codes=["CODE"], reference="10482", expected_minor=200, at=NOON)

    undone = undo_switching_on(coupon_id=coupon.id, at=NOON)

    assert (undone.state, undone.paused_at) == ("paused", NOON)
    capture_coupons(channel="web", reference="10482", at=day(1))
    assert Redemption.objects.get().state == "captured"


def test_an_end_that_was_a_mistake_goes_on_within_a_minute_and_not_after_it():
    coupon = offer("CODE")
    end_coupon(coupon_id=coupon.id, at=NOON)

    undo_ending(coupon_id=coupon.id, at=NOON + MINUTE)

    assert [off(at) for at in (NOON + MINUTE, day(1))] == [200, 200]
    end_coupon(coupon_id=coupon.id, at=day(2))
    with pytest.raises(CouponStepRefused):
        undo_ending(coupon_id=coupon.id, at=day(2) + LATE)
    coupon.refresh_from_db()
    assert (coupon.state, coupon.ended_at) == ("ended", day(2))


def test_what_was_paused_when_it_ended_is_paused_again():
    coupon = offer("CODE")
    pause_coupon(coupon_id=coupon.id, at=NOON)
    end_coupon(coupon_id=coupon.id, at=day(1))

    undo_ending(coupon_id=coupon.id, at=day(1))

    coupon.refresh_from_db()
    assert (coupon.state, coupon.paused_at, coupon.ended_at) == ("paused", NOON, None)
    assert off(day(1)) == 0


# -- the buttons ---------------------------------------------------------------------------------------------


def at(page, pk, model="coupon"):
    return reverse(f"admin:encore_coupons_{model}_{page}", args=[pk])


def said(answer) -> str:
    return answer.content.decode()


def take_back(client, answer, pk, model="coupon"):
    assert "You can take this back for a minute." in said(answer)
    back = client.post(at("undo", pk, model), {"undo": answer.context["undo"]}, follow=True)
    assert "Taken back." in said(back)
    assert "You can take this back" not in said(back)


def test_a_click_on_a_coupon_can_be_taken_back_for_a_minute(admin_client, clock):
    clock.move_to(NOON)
    coupon = offer("CODE", on=False, starts_at=day(2))
    states = []
    for deed in ("start", "pause", "end"):
        answer = admin_client.post(at(deed, coupon.pk), follow=True)
        take_back(admin_client, answer, coupon.pk)
        states.append(Coupon.objects.get().state)
        admin_client.post(at("start", coupon.pk))

    assert states == ["draft", "on", "on"]


def test_a_pause_of_codes_and_their_going_on_are_taken_back_the_same_way(admin_client, clock):
    clock.move_to(NOON)
    batch = CodeBatchFactory(wanted_count=0)
    states = []
    for deed in ("pause", "resume"):
        if deed == "resume":
            admin_client.post(at("pause", batch.pk, "codebatch"))
        answer = admin_client.post(at(deed, batch.pk, "codebatch"), follow=True)
        take_back(admin_client, answer, batch.pk, "codebatch")
        states.append(CodeBatch.objects.get().state)

    assert states == ["ready", "paused"]
    void = admin_client.post(at("void", batch.pk, "codebatch"), follow=True)
    assert "You can take this back" not in said(void)


def test_after_a_minute_or_for_another_object_nothing_is_taken_back(admin_client, clock, monkeypatch):
    clock.move_to(NOON)
    coupon, other = offer("CODE"), offer("OTHER")
    batch = CodeBatchFactory(pk=coupon.pk, coupon=coupon, wanted_count=0)
    token = admin_client.post(at("pause", coupon.pk), follow=True).context["undo"]

    answers = [
        admin_client.post(at("undo", other.pk), {"undo": token}, follow=True),
        admin_client.post(at("undo", batch.pk, "codebatch"), {"undo": token}, follow=True),
        admin_client.post(at("undo", coupon.pk), {"undo": "made up"}, follow=True),
    ]
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + 61)
    answers.append(admin_client.post(at("undo", coupon.pk), {"undo": token}, follow=True))
    again = admin_client.get(at("change", coupon.pk), {"undo": token})

    for answer in answers:
        assert "The minute is over. Use the buttons below instead." in said(answer)
    assert "You can take this back" not in said(again)
    assert dict(Coupon.objects.values_list("name", "state")) == {"CODE": "paused", "OTHER": "on"}
    assert CodeBatch.objects.get().state == "ready"


def test_who_may_only_look_takes_nothing_back(client, django_user_model, admin_client, clock):
    clock.move_to(NOON)
    coupon = offer("CODE")
    token = admin_client.post(at("pause", coupon.pk), follow=True).context["undo"]
    user = django_user_model.objects.create_user("ola", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_coupon"))
    client.force_login(user)

    answer = client.post(at("undo", coupon.pk), {"undo": token})
    page = client.get(at("change", coupon.pk), {"undo": token})

    assert answer.status_code == 403
    assert "You can take this back" not in said(page)
    assert Coupon.objects.get().state == "paused"
