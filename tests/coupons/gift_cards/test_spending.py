"""A gift card pays orders: reserved, used, given back; more than is left is refused, never cut down."""

import pytest

from backstage.operations.check import check_ledger
from backstage.policies import SHOP
from coupons.models import GiftCard, GiftCardHold
from coupons.operations.gift_cards.caring import pause_gift_card, resume_gift_card, void_gift_card
from coupons.operations.gift_cards.issuing import issue_gift_card
from coupons.operations.gift_cards.spending import (
    GiftCardShare,
    capture_gift_card,
    capture_gift_cards,
    reserve_gift_cards,
    void_gift_card_hold,
    void_gift_card_holds,
)
from coupons.policies.gift_card_errors import (
    GiftCardCurrencyDiffers,
    GiftCardHoldClosed,
    GiftCardKeyReused,
    GiftCardNotUsable,
    GiftCardUnknown,
    HoldExceeded,
    NotEnoughOnGiftCard,
)
from tests.coupons.gift_cards.till import (
    NOON,
    day,
    money_of,
    moves_of,
    reserve,
    run_job,
    sell,
    use,
    written,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def books_are_right(db, clock):
    clock.move_to(day(0))
    yield
    assert [finding.detail for finding in check_ledger().findings] == []


def test_a_card_pays_a_part_of_an_order_and_keeps_the_rest():
    card = sell(5000)

    held = reserve(card, 3000)
    assert money_of(card) == {"balance": 2000, "held": 3000}
    captured = capture_gift_card(hold_id=held.hold_id, at=day(0.01))

    assert (captured.state, captured.is_replay) == ("captured", False)
    assert money_of(card) == {"balance": 2000, "used": 3000}
    assert moves_of(card) == [("issue", 5000), ("hold", 3000), ("use", 3000)]


def test_more_than_is_left_is_refused_with_both_numbers_and_nothing_moves():
    card = sell(5000)
    reserve(card, 3000)
    before = written()

    with pytest.raises(NotEnoughOnGiftCard) as refusal:
        reserve(card, 2001, order="1002")

    assert (refusal.value.asked_minor, refusal.value.left_minor) == (2001, 2000)
    assert written() == before


def test_what_was_reserved_goes_back_when_the_payment_fails():
    card = sell(5000)
    held = reserve(card, 3000)

    given_back = void_gift_card_hold(hold_id=held.hold_id, at=day(0.01))
    again = void_gift_card_hold(hold_id=held.hold_id, at=day(0.02))

    assert (given_back.is_replay, again.is_replay) == (False, True)
    assert money_of(card) == {"balance": 5000}
    with pytest.raises(GiftCardHoldClosed):
        capture_gift_card(hold_id=held.hold_id, at=day(0.02))
    assert money_of(card) == {"balance": 5000}


def test_what_was_used_is_not_given_back_as_a_reservation():
    held = reserve(sell(), 3000)
    capture_gift_card(hold_id=held.hold_id, at=NOON)
    before = written()

    with pytest.raises(GiftCardHoldClosed):
        void_gift_card_hold(hold_id=held.hold_id, at=NOON)

    assert written() == before


def test_less_may_be_used_than_was_reserved_and_the_rest_is_free():
    card = sell(5000)
    held = reserve(card, 3000)

    capture_gift_card(hold_id=held.hold_id, amount_minor=1200, at=NOON)

    assert money_of(card) == {"balance": 3800, "used": 1200}
    assert moves_of(card)[-2:] == [("release", 1800), ("use", 1200)]
    before = written()
    with pytest.raises(HoldExceeded):
        capture_gift_card(hold_id=held.hold_id, amount_minor=3001, at=NOON)
    with pytest.raises(GiftCardKeyReused):
        capture_gift_card(hold_id=held.hold_id, amount_minor=1300, at=NOON)
    assert capture_gift_card(hold_id=held.hold_id, amount_minor=1200, at=NOON).is_replay
    assert written() == before


def test_a_retry_is_answered_and_another_request_under_its_key_refused():
    card = sell(5000)
    first = reserve(card, 3000, key="checkout-7")
    before = written()

    again = reserve(card, 3000, key="checkout-7", at=day(0.001))
    with pytest.raises(GiftCardKeyReused):
        reserve(card, 2000, key="checkout-7")
    with pytest.raises(GiftCardKeyReused):
        reserve(card, 3000, key="checkout-7", order="1002")

    assert (again.hold_id, again.is_replay) == (first.hold_id, True)
    assert written() == before


def test_a_key_of_one_order_stands_for_one_set_of_cards():
    first, second = sell(), sell()
    reserve(first, 1000, key="checkout-7")

    with pytest.raises(GiftCardKeyReused):
        reserve(second, 1000, key="checkout-7")

    assert GiftCardHold.objects.count() == 1


def test_several_cards_pay_one_order_or_none_does():
    cards = [sell(1000), sell(2000), sell(3000)]
    told = {"currency": "EUR", "channel": "web", "reference": "1001", "at": NOON}

    with pytest.raises(NotEnoughOnGiftCard):
        reserve_gift_cards(
            shares=[GiftCardShare(card.handle, 1500) for card in cards], key="too much", **told
        )
    assert [money_of(card) for card in cards] == [{"balance": 1000}, {"balance": 2000}, {"balance": 3000}]

    shares = [GiftCardShare(cards[n].handle, minor) for n, minor in ((2, 500), (0, 1000), (1, 700))]
    reserve_gift_cards(shares=shares, key="checkout", **told)
    captured = capture_gift_cards(channel="web", reference="1001", at=NOON)

    assert [one.amount_minor for one in captured] == [1000, 700, 500]
    assert [money_of(card) for card in cards] == [
        {"used": 1000},
        {"balance": 1300, "used": 700},
        {"balance": 2500, "used": 500},
    ]


def test_all_reservations_of_an_order_are_given_back_at_once():
    cards = [sell(), sell()]
    for card in cards:
        reserve(card, 100)
    reserve(cards[0], 100, order="1002")

    given_back = void_gift_card_holds(channel="web", reference="1001", at=NOON)

    assert [one.state for one in given_back] == ["voided", "voided"]
    assert [money_of(card) for card in cards] == [{"balance": 4900, "held": 100}, {"balance": 5000}]


def test_a_reservation_that_has_timed_out_is_free_before_any_job_has_run():
    card = sell(5000)
    reserve(card, 5000)

    reserve(card, 5000, order="1002", at=day(1))

    assert list(GiftCardHold.objects.order_by("id").values_list("state", flat=True)) == ["lapsed", "open"]
    assert money_of(card) == {"held": 5000}


def test_the_job_writes_down_what_has_timed_out_once():
    card = sell(5000)
    held = reserve(card, 5000)

    assert run_job("void_stale_gift_card_holds", held.expires_at) == 1
    assert run_job("void_stale_gift_card_holds", held.expires_at) == 0

    assert money_of(card) == {"balance": 5000}
    assert card.movements.order_by("-id")[0].effective_at == held.expires_at


@pytest.mark.parametrize("is_written", [False, True])
def test_a_late_capture_takes_the_amount_again_where_it_is_still_there(is_written):
    card = sell(5000)
    held = reserve(card, 3000)
    if is_written:
        run_job("void_stale_gift_card_holds", day(1))

    capture_gift_card(hold_id=held.hold_id, at=day(1))

    assert money_of(card) == {"balance": 2000, "used": 3000}
    assert moves_of(card)[1:] == [("hold", 3000), ("release", 3000), ("hold", 3000), ("use", 3000)]


@pytest.mark.parametrize("is_written", [False, True])
def test_a_late_capture_is_refused_with_both_numbers_where_the_money_is_gone(is_written):
    card = sell(5000)
    held = reserve(card, 3000)
    if is_written:
        run_job("void_stale_gift_card_holds", day(1))
    use(card, 4000, order="1002", at=day(1))
    before = written()

    with pytest.raises(NotEnoughOnGiftCard) as refusal:
        capture_gift_card(hold_id=held.hold_id, at=day(1))

    assert (refusal.value.asked_minor, refusal.value.left_minor) == (3000, 1000)
    assert written() == before


def test_a_card_in_another_currency_pays_nothing():
    card = sell(5000, currency="NOK")
    before = written()

    with pytest.raises(GiftCardCurrencyDiffers):
        reserve(card, 100)

    assert written() == before


def test_a_paused_card_pays_nothing_new_and_keeps_what_it_promised():
    card = sell(5000)
    held = reserve(card, 3000)
    pause_gift_card(card_id=card.id, reason="Reported stolen", at=NOON, by=SHOP)

    with pytest.raises(GiftCardNotUsable):
        reserve(card, 100, order="1002")
    capture_gift_card(hold_id=held.hold_id, at=NOON)
    resume_gift_card(card_id=card.id, at=NOON, by=SHOP)
    reserve(card, 100, order="1003")

    assert money_of(card) == {"balance": 1900, "held": 100, "used": 3000}


def test_what_comes_back_to_a_void_card_is_void():
    card = sell(5000)
    held = reserve(card, 3000)
    void_gift_card(card_id=card.id, reason="Sold by mistake", at=NOON, by=SHOP)
    assert money_of(card) == {"held": 3000, "voided": 2000}

    void_gift_card_hold(hold_id=held.hold_id, at=NOON)

    assert money_of(card) == {"voided": 5000}
    with pytest.raises(GiftCardNotUsable):
        reserve(card, 1)


def test_a_card_that_nobody_knows_pays_nothing():
    with pytest.raises(GiftCardUnknown):
        reserve(GiftCard().handle, 100)
    with pytest.raises(GiftCardUnknown):
        capture_gift_card(hold_id=7, at=NOON)


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_nothing_and_less_is_no_payment(amount_minor):
    card = sell()

    with pytest.raises(ValueError, match="positive"):
        reserve(card, amount_minor)
    with pytest.raises(ValueError, match="positive"):
        issue_gift_card(amount_minor=amount_minor, currency="EUR", key="x", at=NOON)

    assert money_of(card) == {"balance": 5000}


def test_an_order_with_three_cards_asks_a_constant_number_of_questions(django_assert_num_queries):
    cards = [sell() for _ in range(3)]
    shares = [GiftCardShare(card.handle, 10) for card in cards]

    with django_assert_num_queries(14):  # 2 of the savepoint
        reserve_gift_cards(shares=shares, currency="EUR", channel="web", reference="1", key="k", at=NOON)
