"""What staff reads when somebody was faster, in the language that they read."""

from datetime import UTC, datetime

import pytest
from django.utils.translation import override

from backstage.policies import SHOP
from coupons.admin.refusals import say_refusal
from coupons.models import CodeBatch, Coupon, GiftCard, Submission
from coupons.operations.alerts import AlertSettled, CodeNotReady
from coupons.operations.batch_codes import CodeStepRefused
from coupons.operations.batches import BatchChanged, BatchStepRefused, BatchUnfinished
from coupons.operations.coupon_steps import CouponStepRefused
from coupons.operations.gift_cards.caring import void_gift_card
from coupons.operations.sites import SiteEnded
from coupons.operations.submissions import SubmissionStepRefused
from coupons.policies.gift_card_errors import (
    GiftCardKeyReused,
    GiftCardNotUsable,
    GiftCardStepRefused,
    GiftCardUnknown,
    TooMuchRefunded,
)
from coupons.policies.gift_cards import GiftCardState
from coupons.policies.sites import SubmissionState
from coupons.policies.states import CodeState, CouponState
from tests.coupons.gift_cards.till import sell
from tests.coupons.shop import NOON, offer
from tests.factories.coupons import CodeBatchFactory, SubmissionFactory

SETTLED = datetime(2026, 3, 3, 12, tzinfo=UTC)
REFUSALS = [
    *(CouponStepRefused(state=state.value, deed="paused") for state in CouponState),
    CouponStepRefused(state="ended for more than a minute", deed="taken back"),
    *(BatchStepRefused(state=state.value, deed="paused") for state in CodeState),
    BatchUnfinished(made=10, wanted=1000),
    BatchChanged(seen=10, wanted=1000),
    CodeStepRefused(used_count=1, state=CodeState.READY.value),
    CodeStepRefused(used_count=0, state=CodeState.VOID.value),
    AlertSettled(outcome="meant", settled_at=SETTLED),
    *(CodeNotReady(code="BEANS", state=state.value) for state in CodeState),
    SiteEnded(name="Klub", ended_at=SETTLED),
    *(SubmissionStepRefused(state=state.value, wanted="live") for state in SubmissionState),
    *(GiftCardStepRefused(state=state.value, deed="paused") for state in GiftCardState),
    *(GiftCardNotUsable(state=state.value) for state in GiftCardState),
    GiftCardNotUsable(state="active", ended_at=SETTLED),
    TooMuchRefunded(asked_minor=900, used_minor=500, refunded_minor=100),
    GiftCardUnknown(),
    GiftCardKeyReused(key="k"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: f"{type(refusal).__name__}-{vars(refusal)}")
def test_every_refusal_is_said_in_the_readers_language(refusal):
    said = say_refusal(refusal, "EUR")
    others = []
    for language in ("pl", "nb"):
        with override(language):
            others.append(say_refusal(refusal, "EUR"))

    assert said != str(refusal)
    assert len({said, *others}) == 3
    assert "%(" not in "".join([said, *others])


def test_numbers_and_days_stand_in_it_as_people_write_them():
    told = {
        "BatchUnfinished": "Made so far: 10 of 1,000. Wait for the others, then make more.",
        "BatchChanged": "There are 1,000 by now, not 10. Look at the batch again.",
        "SiteEnded": "Klub was ended on March 3, 2026. Add it anew, under another name.",
        "AlertSettled": "Somebody has settled this alert already, on March 3, 2026.",
        "TooMuchRefunded": (
            "The order took €5.00 from the card, and €1.00 has come back. Name a total between."
        ),
    }
    said = {type(one).__name__: say_refusal(one, "EUR") for one in REFUSALS}

    assert {name: said[name] for name in told} == told


def test_what_is_no_refusal_of_ours_speaks_for_itself():
    assert say_refusal(ValueError("Give a positive number.")) == "Give a positive number."


@pytest.mark.django_db
def test_the_pages_say_it_and_nothing_is_changed(admin_client, clock):
    clock.move_to(NOON)
    coupon = offer("CODE", on=False)
    batch = CodeBatchFactory(coupon=coupon, state="void", voided_at=NOON, wanted_count=0)
    sheet = SubmissionFactory(state="withdrawn", withdrawn_at=NOON)
    card = sell()
    void_gift_card(card_id=card.pk, reason="Lost", at=NOON, by=SHOP)
    pages = {
        f"coupon/{coupon.pk}/pause": "Kupon jest teraz szkicem.",
        f"codebatch/{batch.pk}/pause": "Te kody są unieważnione na dobre.",
        f"submission/{sheet.pk}/live": "Ten arkusz jest już gdzie indziej: ",
        f"giftcard/{card.pk}/resume": "Karta podarunkowa jest unieważniona na dobre.",
    }

    for page, said in pages.items():
        answer = admin_client.post(
            f"/admin/encore_coupons/{page}/", headers={"accept-language": "pl"}, follow=True
        )
        assert said in answer.content.decode(), page

    assert Coupon.objects.get(pk=coupon.pk).state == "draft"
    assert CodeBatch.objects.get().state == "void"
    assert Submission.objects.get().state == "withdrawn"
    assert GiftCard.objects.get().state == "void"
