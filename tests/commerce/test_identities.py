"""One spelling for each address and number."""

import pytest

from commerce.policies.identities import list_claims, normalize, normalize_email, normalize_phone
from commerce.policies.snapshot import Who


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Ann@Example.COM ", "ann@example.com"),
        ("ANN@example.com", "ann@example.com"),
        ("ann+shop@example.com", "ann+shop@example.com"),
        ("Øyvind@Eksempel.no", "øyvind@eksempel.no"),
        ("ann", ""),
        ("@example.com", ""),
        ("ann@", ""),
        ("ann smith@example.com", ""),
        ("", ""),
    ],
)
def test_an_email_address_is_compared_without_regard_to_case(typed, kept):
    assert normalize_email(typed) == kept


@pytest.mark.parametrize(
    ("typed", "country", "kept"),
    [
        ("22 12 34 56", "NO", "+4722123456"),
        ("+47 22 12 34 56", "DE", "+4722123456"),
        ("0047 22123456", "DE", "+4722123456"),
        ("(0) 30 901820", "DE", "+4930901820"),
        ("22123456", "", ""),
        ("12", "NO", ""),
        ("none", "NO", ""),
        ("", "NO", ""),
    ],
)
def test_a_phone_number_is_kept_in_the_international_form(typed, country, kept):
    assert normalize_phone(typed, country=country) == kept


def test_other_identities_are_only_trimmed():
    assert normalize("external_id", " A-7 ") == "A-7"


def test_claims_come_in_the_order_of_trust():
    who = Who(
        external_id="7",
        member_number="M1",
        card_token="tok_1",
        email="Ann@example.com",
        phone="22123456",
        verified=frozenset({"email"}),
    )

    claims, unreadable = list_claims(who, channel="web", country="NO")

    assert [(claim.kind, claim.scope, claim.value, claim.is_proven) for claim in claims] == [
        ("external_id", "web", "7", True),
        ("member_number", "", "M1", True),
        ("card_token", "web", "tok_1", True),
        ("email", "", "ann@example.com", True),
        ("phone", "", "+4722123456", False),
    ]
    assert unreadable == []


def test_what_cannot_be_read_is_named():
    claims, unreadable = list_claims(Who(email="n/a", phone="-"), channel="web", country="NO")

    assert (claims, unreadable) == ([], ["email", "phone"])
