"""No payment card's number is stored, shown or logged."""

import json
import logging
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.core import serializers

from commerce.models import Customer, Purchase, PurchaseProblem
from commerce.operations import sync_purchases
from commerce.operations.customers import IdentityUnreadableError, verify_identity
from commerce.policies.card_numbers import has_card_number
from commerce.policies.snapshot import Who
from tests.factories.commerce import CustomerFactory, line, snapshot, tender

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
VISA = "4111111111111111"


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111\u20111111\u20111111\u20111111",
        "4111\u00a01111\u00a01111\u00a01111",
        "4111.1111.1111.1111",
        "card 4111 1111 1111 1111 12/29",
        "Ann 4111111111111111 please",
        "n4111111111111111n",
        "3782 822463 10005",
        "4222222222222",
        "6304000000000000000",
        "\uff14\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11",
        "٤١١١١١١١١١١١١١١١",
    ],
)
def test_a_card_number_is_recognized_however_it_is_written(text):
    assert has_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ann",
        "4111111111111112",
        "411111111111",
        "41111111111111111111",
        "0000000000000000",
        "2026-03-01 10:00:00",
        "550e8400-e29b-41d4-a716-446655440000",
        "Mug 12 cm, 4 colors, 300 ml",
    ],
)
def test_other_numbers_are_left_alone(text):
    assert not has_card_number(text)


def everything_stored():
    """Return every row of commerce and of the audit log as text."""
    models = [
        model
        for app in ("encore_commerce", "encore_backstage")
        for model in apps.get_app_config(app).get_models()
    ]
    return "".join(serializers.serialize("json", model.objects.order_by("pk")) for model in models)


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"who": Who(login=VISA)}, "who.login"),
        ({"who": Who(external_id=VISA)}, "who.external_id"),
        ({"who": Who(member_number=VISA)}, "who.member_number"),
        ({"who": Who(card_token=f"tok {VISA}")}, "who.card_token"),
        ({"who": Who(email=f"{VISA}@example.com")}, "who.email"),
        ({"who": Who(phone=VISA)}, "who.phone"),
        ({"who": Who(phone=f"+{VISA}")}, "who.phone"),
        ({"who": Who(name=f"Ann {VISA}")}, "who.name"),
        ({"codes": [VISA]}, "codes"),
        ({"tenders": [tender(reference=VISA)]}, "tender.reference"),
        ({"lines": [line(name=f"Mug {VISA}")]}, "line.name, line.brand or line.category_path"),
        ({"lines": [line(brand=VISA)]}, "line.name, line.brand or line.category_path"),
        ({"lines": [line(category_path=VISA)]}, "line.name, line.brand or line.category_path"),
    ],
)
def test_a_card_number_is_refused_listed_by_its_field_and_kept_nowhere(web, caplog, told, field):
    caplog.set_level(logging.DEBUG)

    [result] = sync_purchases([snapshot(**told)], at=AT)

    assert (result.outcome, result.problem) == ("refused", "card_number")
    assert PurchaseProblem.objects.get().detail == {"field": field}
    assert not Purchase.objects.exists()
    assert not Customer.objects.exists()
    assert VISA not in everything_stored() + caplog.text + json.dumps(repr(result))


def test_a_card_token_of_digits_alone_is_refused(web):
    [result] = sync_purchases([snapshot(who=Who(card_token="1234"))], at=AT)

    assert (result.outcome, result.problem) == ("refused", "card_token_digits")
    assert not Purchase.objects.exists()


def test_a_gift_card_may_be_numbered_like_a_payment_card(web):
    [result] = sync_purchases([snapshot(tenders=[tender("gift_card", 500, reference=VISA)])], at=AT)

    assert (result.outcome, result.problem) == ("created", "")


def test_a_phone_number_that_passes_the_formula_is_a_phone_number(web):
    [result] = sync_purchases([snapshot(who=Who(phone="+49 1512 3456787"))], at=AT)

    assert (result.outcome, result.problem) == ("created", "")


def test_a_card_number_cannot_be_proven(web):
    customer = CustomerFactory()

    with pytest.raises(IdentityUnreadableError, match="payment card") as refused:
        verify_identity(customer_id=customer.pk, kind="external_id", text=VISA, channel="web", at=AT)

    assert VISA not in str(refused.value)
    assert not customer.identities.exists()
