"""A code is told once and kept nowhere; who guesses learns nothing and has to wait."""

import pytest

from backstage.models import AuditRecord
from backstage.operations.check import check_ledger
from backstage.policies import SHOP
from coupons.models import CodeTries, GiftCard
from coupons.operations.gift_cards.caring import pause_gift_card, renew_gift_card_code, void_gift_card
from coupons.operations.gift_cards.issuing import activate_gift_card, issue_gift_card
from coupons.operations.gift_cards.look_up import look_up_gift_card
from coupons.policies.gift_card_codes import ALPHABET, LENGTH, draw_code, in_groups
from coupons.policies.gift_card_errors import GiftCardKeyReused
from tests.coupons.gift_cards.till import NOON, day, moves_of, run_job, sell, written

pytestmark = pytest.mark.django_db


def issue(key: str = "sale:1", **told):
    return issue_gift_card(**{"amount_minor": 5000, "currency": "EUR", "key": key, "at": NOON, **told})


def look_up(code: str, *, source: str = "10.0.0.1", at=NOON, **told):
    return look_up_gift_card(code=code, source=source, at=at, **told)


def test_a_code_finds_its_card_however_it_is_typed():
    issued = issue(expires_at=day(90))

    spellings = [issued.code, issued.code.lower(), f" {in_groups(issued.code)} ", " ".join(issued.code)]
    found = {look_up(spelling).found for spelling in spellings}

    (card,) = found
    assert (card.card, card.balance_minor, card.usable_until) == (issued.card, 5000, day(90))


def test_the_code_is_kept_nowhere():
    issued = issue()

    stored = " ".join(map(str, [*written(), *AuditRecord.objects.values_list()]))

    assert issued.code not in stored
    assert len(issued.code) == LENGTH
    assert set(issued.code) <= set(ALPHABET)


def test_a_repeated_sale_is_one_card_and_tells_no_code_again():
    first = issue()
    before = written()

    again = issue()
    with pytest.raises(GiftCardKeyReused):
        issue(amount_minor=6000)

    assert (again.card, again.code, again.is_replay) == (first.card, "", True)
    assert written() == before


def test_a_lost_code_is_replaced_and_the_old_one_is_worth_nothing():
    issued = issue()

    code = renew_gift_card_code(card_id=issued.card_id, reason="Mail was lost", at=NOON, by=SHOP)

    assert look_up(code).found.card == issued.card
    assert look_up(issued.code).found is None


def test_no_code_can_be_taken_for_the_number_of_a_payment_card():
    symbols = iter("4444333322221111" + "KM4K7Q2P9C3D4F5G".replace("Q", "R").replace("5", "6"))

    assert draw_code(lambda _: next(symbols)) == "KM4K7R2P9C3D4F6G"


def refused(**told) -> list[str]:
    """Codes that get the one answer: unknown, void, paused, not approved yet, of another currency."""
    codes = ["KM4K7R2P9C3D4F6G", "", "x" * 500]
    for number, make in enumerate((_void, _pause, None)):
        issued = issue(f"refused:{number}", waits=make is None)
        if make:
            make(issued.card_id)
        codes.append(issued.code)
    return codes


def _void(card_id):
    void_gift_card(card_id=card_id, reason="Stolen", at=NOON, by=SHOP)


def _pause(card_id):
    pause_gift_card(card_id=card_id, reason="Stolen", at=NOON, by=SHOP)


def test_whatever_is_not_to_be_told_gets_one_answer_after_the_same_questions(django_assert_num_queries):
    codes = [*refused(), issue("kroner", currency="NOK").code]

    answers = []
    for number, code in enumerate(codes):
        with django_assert_num_queries(7):  # 2 of the savepoint
            answers.append(look_up(code, source=f"10.0.1.{number}", currency="EUR"))

    assert set(answers) == {look_up("nothing", source="10.0.2.1", currency="EUR")}
    assert answers[0].found is None


def test_a_card_that_is_over_says_so_to_whoever_has_its_code():
    issued = issue(expires_at=day(3))

    found = look_up(issued.code, at=day(4)).found

    assert (found.balance_minor, found.is_usable, found.usable_until) == (0, False, day(3))


def test_who_guesses_has_to_wait_and_a_right_code_costs_nothing():
    issued = issue()
    for _ in range(20):
        assert look_up(issued.code).found

    waits = [look_up(f"guess {n}").wait_seconds for n in range(12)]

    assert waits == [0] * 10 + [60, 60]
    assert look_up(issued.code).found is None
    assert look_up(issued.code, source="10.0.0.2").found
    assert look_up(issued.code, at=day(60 / 86400)).found


def test_guessing_is_told_once_a_day_and_forgotten_afterwards():
    for at in (NOON, day(0.5), day(2)):
        for n in range(12):
            look_up(f"guess {n}", at=at)

    assert AuditRecord.objects.filter(kind="codes_guessed").count() == 2
    assert "10.0.0.1" not in str(list(CodeTries.objects.values_list()))
    assert run_job("forget_code_tries", day(2.5)) == 0
    assert run_job("forget_code_tries", day(4)) == 1


def test_a_card_that_waits_is_worth_nothing_until_it_is_activated():
    issued = issue(waits=True)
    card = GiftCard.objects.get(id=issued.card_id)
    assert moves_of(card) == []

    for _ in range(2):
        activate_gift_card(card_id=card.id, at=NOON, by=SHOP)

    assert moves_of(card) == [("issue", 5000)]
    assert look_up(issued.code).found.balance_minor == 5000


def test_cards_are_found_while_a_secret_is_being_replaced(settings, clock):
    clock.move_to(NOON)
    issued = issue()

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, [settings.SECRET_KEY]
    assert look_up(issued.code).found
    assert check_ledger().exit_code == 0

    settings.SECRET_KEY_FALLBACKS = []
    assert look_up(issued.code).found is None
    (finding,) = check_ledger().findings
    assert (finding.invariant, finding.ids) == ("gift_cards.code_can_be_found", [issued.card_id])


def test_a_secret_of_their_own_outlives_the_projects(settings):
    settings.ENCORE = {**settings.ENCORE, "GIFT_CARD_KEY": "kept apart" * 5}
    issued = issue()
    settings.SECRET_KEY = "another" * 10

    assert look_up(issued.code).found


@pytest.mark.parametrize(
    "told",
    [
        {"currency": "eur"},
        {"currency": "ABC"},
        {"time_zone": "Europe/Nowhere"},
        {"expires_at": NOON},
        {"message": "Yours: 4111 1111 1111 1111"},
        {"key": ""},
    ],
)
def test_a_card_that_cannot_be_is_not_issued(told):
    with pytest.raises(ValueError):  # noqa: PT011 (each says something else)
        issue(**told)

    assert not GiftCard.objects.exists()


def test_a_sold_card_remembers_the_order_it_was_sold_with():
    card = sell(channel="web", reference="900", recipient="Ola", message="Happy birthday")

    assert (card.reference, card.recipient) == ("900", "Ola")
    assert card.movements.get().reference == "900"
