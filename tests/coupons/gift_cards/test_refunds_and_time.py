"""Money comes back to cards, cards end and are extended; the clock decides and no job is needed."""

import pytest

from backstage.operations.approvals import ReasonMissingError
from backstage.operations.check import check_ledger
from backstage.policies import SHOP
from coupons.models import GiftCard, GiftCardMovement
from coupons.operations.gift_cards.caring import extend_gift_card, void_gift_card
from coupons.operations.gift_cards.refunding import refund_to_gift_cards
from coupons.operations.gift_cards.spending import capture_gift_card, void_gift_card_hold
from coupons.policies.gift_card_errors import (
    GiftCardEndNotLater,
    GiftCardNotUsable,
    GiftCardStepRefused,
    TooMuchRefunded,
)
from coupons.queries.gift_cards import get_balance_of_card, list_gift_cards_of
from tests.coupons.gift_cards.till import (
    NOON,
    day,
    money_of,
    moves_of,
    refund,
    reserve,
    run_job,
    sell,
    use,
    written,
)
from tests.factories.commerce import CustomerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def books_are_right(db, clock):
    clock.move_to(day(0))
    yield
    assert [finding.detail for finding in check_ledger().findings] == []


def balance(card: GiftCard, at) -> int:
    return get_balance_of_card(card.id, at=at).balance_minor


# Refunds


def test_an_order_gives_back_in_parts_what_it_took_and_no_more():
    card = sell(5000)
    use(card, 3000)

    assert [refund(card, total) for total in (1000, 1000, 3000)] == [1000, 0, 2000]
    before = written()
    with pytest.raises(TooMuchRefunded) as refusal:
        refund(card, 3001)

    assert (refusal.value.asked_minor, refusal.value.used_minor, refusal.value.refunded_minor) == (
        3001,
        3000,
        3000,
    )
    assert written() == before
    assert money_of(card) == {"balance": 5000}


def test_a_total_below_what_has_come_back_is_refused():
    card = sell(5000)
    use(card, 3000)
    refund(card, 2000)
    before = written()

    with pytest.raises(TooMuchRefunded):
        refund(card, 1000)

    assert written() == before


def test_an_order_gives_nothing_to_a_card_that_did_not_pay_it():
    paid, other = sell(), sell()
    use(paid, 3000)
    before = written()

    with pytest.raises(TooMuchRefunded):
        refund(other, 1)
    with pytest.raises(TooMuchRefunded):
        refund(paid, 1, order="1002")

    assert written() == before


def test_several_cards_get_their_money_back_the_one_that_lasts_longest_first():
    soon, never, later = (sell(1000, expires_at=end) for end in (day(9), None, day(90)))
    for card in (soon, never, later):
        use(card, 1000)
    told = {"channel": "web", "reference": "1001", "at": NOON}

    back = [refund_to_gift_cards(refunded_minor=total, **told) for total in (1500, 1500, 3000)]

    assert back == [
        {never.handle: 1000, later.handle: 500},
        {},
        {soon.handle: 1000, later.handle: 500},
    ]
    with pytest.raises(TooMuchRefunded):
        refund_to_gift_cards(refunded_minor=3001, **told)


def test_a_void_card_takes_nothing_back_and_the_other_card_of_the_order_does():
    void, good = sell(1000), sell(1000)
    for card in (void, good):
        use(card, 1000)
    void_gift_card(card_id=void.id, reason="Stolen", at=NOON, by=SHOP)

    with pytest.raises(GiftCardNotUsable):
        refund(void, 100)
    told = {"channel": "web", "reference": "1001", "at": NOON}
    assert refund_to_gift_cards(refunded_minor=600, **told) == {good.handle: 600}
    with pytest.raises(GiftCardNotUsable):
        refund_to_gift_cards(refunded_minor=1001, **told)

    assert money_of(good) == {"balance": 600, "used": 400}


def test_money_that_comes_back_after_the_end_can_be_used_for_a_while(settings):
    card = sell(5000, expires_at=day(10))
    use(card, 3000)

    refund(card, 1000, at=day(20))

    assert moves_of(card)[-2:] == [("expire", 2000), ("refund", 1000)]
    assert balance(card, day(49.9)) == 1000
    use(card, 400, order="1002", at=day(49.9))
    assert balance(card, day(50)) == 0
    settings.ENCORE = {**settings.ENCORE, "GIFT_CARD_GRACE_DAYS": 5}
    refund(card, 2000, at=day(60))
    assert (balance(card, day(64.9)), balance(card, day(65))) == (1000, 0)


# The end


def test_a_card_ends_by_the_clock_and_the_job_writes_it_down():
    card = sell(5000, expires_at=day(10))

    assert (balance(card, day(9.99)), balance(card, day(10))) == (5000, 0)
    with pytest.raises(GiftCardNotUsable) as refusal:
        reserve(card, 1, at=day(10))
    assert refusal.value.ended_at == day(10)
    assert money_of(card) == {"balance": 5000}

    assert run_job("expire_gift_cards", day(30)) == 1
    assert run_job("expire_gift_cards", day(30)) == 0
    assert money_of(card) == {"expired": 5000}
    assert card.movements.get(move="expire").effective_at == day(10)


def test_what_is_reserved_outlives_the_end_and_is_used():
    card = sell(5000, expires_at=day(10))
    held = reserve(card, 3000, at=day(9.999))

    captured = capture_gift_card(hold_id=held.hold_id, at=day(10.001))

    assert captured.state == "captured"
    assert money_of(card) == {"expired": 2000, "used": 3000}


def test_what_is_given_back_after_the_end_ends_then():
    card = sell(5000, expires_at=day(10))
    held = reserve(card, 3000, at=day(9.999))

    void_gift_card_hold(hold_id=held.hold_id, at=day(10.001))

    assert money_of(card) == {"expired": 5000}
    ends = GiftCardMovement.objects.filter(move="expire").order_by("id")
    assert list(ends.values_list("amount_minor", "effective_at")) == [(2000, day(10)), (3000, day(10.001))]


def test_time_decides_in_the_order_of_time():
    card = sell(5000, expires_at=day(10))
    reserve(card, 1000, at=day(1), expires_at=day(5))
    reserve(card, 2000, at=day(1), order="1002", expires_at=day(12))

    assert balance(card, day(20)) == 0
    run_job("expire_gift_cards", day(20))

    moved = card.movements.order_by("id").values_list("move", "amount_minor", "effective_at")
    assert list(moved)[3:] == [
        ("release", 1000, day(5)),
        ("expire", 3000, day(10)),
        ("release", 2000, day(12)),
        ("expire", 2000, day(12)),
    ]


def test_a_longer_life_gives_back_what_had_expired():
    card = sell(5000, expires_at=day(10))
    use(card, 1000)
    run_job("expire_gift_cards", day(11))

    for _ in range(2):
        extend_gift_card(card_id=card.id, expires_at=day(30), at=day(12), by=SHOP)

    assert money_of(card) == {"balance": 4000, "used": 1000}
    assert [move for move, _ in moves_of(card)][-2:] == ["expire", "reinstate"]
    extend_gift_card(card_id=card.id, expires_at=None, at=day(12), by=SHOP)
    assert balance(card, day(9999)) == 4000


@pytest.mark.parametrize("end", [day(9), day(10), day(11)])
def test_an_end_is_only_moved_on(end):
    card = sell(5000, expires_at=day(10.5))
    before = written()

    with pytest.raises(GiftCardEndNotLater):
        extend_gift_card(card_id=card.id, expires_at=end, at=day(12), by=SHOP)

    assert written() == before


def test_making_a_card_void_needs_a_reason_and_is_final():
    card = sell(5000)
    with pytest.raises(ReasonMissingError):
        void_gift_card(card_id=card.id, reason=" ", at=NOON, by=SHOP)
    assert money_of(card) == {"balance": 5000}

    for _ in range(2):
        void_gift_card(card_id=card.id, reason="Charge-back", at=NOON, by=SHOP)

    assert moves_of(card)[1:] == [("void", 5000)]
    with pytest.raises(GiftCardStepRefused):
        extend_gift_card(card_id=card.id, expires_at=day(90), at=NOON, by=SHOP)


def test_a_customer_sees_their_cards_and_those_of_who_was_merged_into_them():
    alice, twin = CustomerFactory(), CustomerFactory()
    sell(1000, owner_id=alice.id, expires_at=day(3))
    sell(2000, owner_id=twin.id)
    sell(3000)
    void_gift_card(card_id=sell(owner_id=alice.id).id, reason="Stolen", at=NOON, by=SHOP)
    type(twin).objects.filter(id=twin.id).update(merged_into=alice, merged_at=NOON)

    found = list_gift_cards_of(customer_id=alice.id, at=day(4))

    assert [(card.balance_minor, card.is_usable) for card in found] == [(2000, True), (0, False)]
