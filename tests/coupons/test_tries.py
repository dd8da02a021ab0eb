"""Whoever guesses codes is slowed down, and told of."""

from datetime import timedelta

import pytest

from backstage.models import AuditRecord
from backstage.operations.jobs import run_job
from coupons.models import CodeTries
from coupons.operations.tries import TooManyTries, try_code
from tests.coupons.shop import NOON, basket, day, offer, somebody, verdicts
from tests.factories.coupons import CodeFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_are_right")]

SECOND = timedelta(seconds=1)


def attempt(code="NOSUCH", source="10.0.0.1", at=NOON, **told):
    return try_code(code, source=source, basket=basket(), at=at, **told)


def test_after_so_many_wrong_codes_a_source_has_to_wait(settings):
    settings.ENCORE = {"CODE_TRIES": 3, "CODE_TRY_SECONDS": 60}
    for _ in range(3):
        assert verdicts(attempt()) == {"NOSUCH": "no_such_code"}

    with pytest.raises(TooManyTries) as refused:
        attempt()

    assert refused.value.retry_after == timedelta(seconds=60)
    with pytest.raises(TooManyTries) as refused:
        attempt(at=NOON + 59 * SECOND)
    assert refused.value.retry_after == SECOND
    attempt(at=NOON + 60 * SECOND)
    with pytest.raises(TooManyTries):
        attempt(at=NOON + 60 * SECOND)
    attempt(source="10.0.0.2")


def test_a_code_that_counts_or_explains_itself_costs_no_try(settings):
    settings.ENCORE = {"CODE_TRIES": 1}
    offer("BEANS20")
    offer("LARGE", minimum_minor=9000)

    for _ in range(5):
        assert attempt("BEANS20").discount_minor == 200
        assert verdicts(attempt("LARGE")) == {"LARGE": "refused"}

    attempt()
    with pytest.raises(TooManyTries):
        attempt("BEANS20")


def test_what_is_nobodys_business_costs_what_an_unknown_code_does(settings):
    settings.ENCORE = {"CODE_TRIES": 2}
    coupon = offer("SHARED")
    CodeFactory(coupon=coupon, code="FOREIGN", unique=True, customer_id=somebody())
    CodeFactory(coupon=coupon, code="PAUSED", unique=True, state="paused")

    attempt("FOREIGN")
    attempt("PAUSED")

    with pytest.raises(TooManyTries):
        attempt("FOREIGN")


def test_guessing_is_told_once_a_day(settings):
    settings.ENCORE = {"CODE_TRIES": 1, "CODE_TRY_SECONDS": 3600}
    attempt()
    for at in (NOON, NOON + SECOND, NOON + 2 * SECOND):
        with pytest.raises(TooManyTries):
            attempt(at=at)

    (told,) = AuditRecord.objects.filter(kind="codes_guessed")
    assert (told.object_kind, told.object_id) == ("code_tries", str(CodeTries.objects.get().id))

    attempt(at=day(1))
    with pytest.raises(TooManyTries):
        attempt(at=day(1))
    assert AuditRecord.objects.filter(kind="codes_guessed").count() == 2


def test_ten_thousand_guesses_from_a_hundred_addresses_are_a_thousand_at_most(settings):
    settings.ENCORE = {"CODE_TRIES": 10}
    looked_up = 0
    for number in range(1_000):  # ten tries of each address, and then the rest are refused unseen
        for _ in range(2):
            try:
                attempt(f"GUESS{number}", source=f"10.0.0.{number % 100}")
                looked_up += 1
            except TooManyTries:
                pass

    assert looked_up == 1_000
    assert AuditRecord.objects.filter(kind="codes_guessed").count() == 100


def test_the_source_itself_is_not_kept():
    attempt(source="alice@example.com")

    (tries,) = CodeTries.objects.all()
    assert "alice" not in tries.source_hash
    assert len(tries.source_hash) == 64


def test_sources_are_forgotten_when_they_do_not_matter_any_more(clock):
    clock.move_to(day(2))
    attempt(source="old")
    attempt(source="new", at=day(1.5))

    run_job(name="forget_code_tries", at=day(2))

    assert CodeTries.objects.count() == 1
