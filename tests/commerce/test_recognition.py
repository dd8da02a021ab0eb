"""Whose purchase it is."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model

from commerce.models import Customer, Identity, PossibleDuplicate, Purchase, PurchaseProblem
from commerce.operations import sync_purchases, verify_identity
from commerce.policies.snapshot import Who
from commerce.queries.customers import find_customer, find_customer_of_user, has_proof
from tests.factories.commerce import CustomerFactory, IdentityFactory, snapshot

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
MAIL = "ann@example.com"


def buy(reference="10482", as_of=1, channel="web", **who):
    """Return the customer whom a purchase by `who` belongs to."""
    if "verified" in who:
        who["verified"] = frozenset(who["verified"])
    [result] = sync_purchases([snapshot(reference, as_of, channel=channel, who=Who(**who))], at=AT)
    return Purchase.objects.get(id=result.purchase_id).customer


def duplicates():
    return set(PossibleDuplicate.objects.values_list("customer", "other", "reason"))


def pair(one, other, reason):
    return (*sorted((one.pk, other.pk)), reason)


def known_as(customer):
    return set(customer.identities.values_list("kind", "scope", "value", "verified_at"))


def owner(kind, value, scope=""):
    return IdentityFactory(kind=kind, value=value, scope=scope, proven=True).customer


def test_nobody_is_nobody(web):
    assert buy() is None
    assert not Customer.objects.exists()


def test_a_login_is_one_customer_from_the_first_purchase_on(web, alice):
    first, second = buy("1", login=alice.pk, name="Alice"), buy("2", login=str(alice.pk))

    assert first == second
    assert (first.user, first.name, first.created_at) == (alice, "Alice", AT)
    assert find_customer_of_user(user_id=alice.pk).customer_id == first.pk


def test_a_login_that_no_user_has_is_left_out_and_listed(web):
    customer = buy(login=4711)

    assert customer is None
    assert set(PurchaseProblem.objects.values_list("kind", flat=True)) == {"unknown_login"}


def test_a_login_that_cannot_be_one_is_left_out_and_listed(web):
    assert buy(login="no number") is None
    assert PurchaseProblem.objects.get().kind == "unknown_login"


def test_an_external_id_means_somebody_in_its_own_channel_only(web, store):
    here, there = buy("1", external_id="7"), buy("1", AT, channel="store", external_id="7")

    assert here != there
    assert known_as(here) == {("external_id", "web", "7", AT)}


def test_the_most_trusted_identity_decides_and_the_others_are_listed(web, alice):
    by_login = CustomerFactory(user=alice)
    by_external_id = owner("external_id", "7", "web")
    by_member_number = owner("member_number", "M1")
    by_token = owner("card_token", "tok_1", "web")
    by_mail = owner("email", MAIL)
    by_phone = owner("phone", "+493090182000")
    everything = {
        "login": alice.pk,
        "external_id": "7",
        "member_number": "M1",
        "card_token": "tok_1",
        "email": MAIL,
        "phone": "+49 30 90182000",
    }
    expected = [by_login, by_external_id, by_member_number, by_token, by_mail, by_phone]

    for number, (customer, name) in enumerate(zip(expected, list(everything), strict=True)):
        assert buy(str(number), **everything) == customer
        del everything[name]

    assert pair(by_login, by_phone, "phone") in duplicates()
    assert pair(by_external_id, by_member_number, "member_number") in duplicates()
    assert pair(by_mail, by_phone, "phone") in duplicates()
    assert len(duplicates()) == 15


def test_two_matches_are_never_merged_by_themselves(web, alice):
    account, other = CustomerFactory(user=alice), owner("email", MAIL)

    buy(login=alice.pk, email=MAIL, verified=["email"])

    account.refresh_from_db()
    other.refresh_from_db()
    assert (account.merged_into, other.merged_into) == (None, None)
    assert duplicates() == {pair(account, other, "email")}
    assert not account.identities.exists()


def test_a_possible_duplicate_is_listed_once(web, alice):
    CustomerFactory(user=alice)
    owner("email", MAIL)

    for number in range(3):
        buy(str(number), login=alice.pk, email=MAIL)

    assert PossibleDuplicate.objects.count() == 1


def test_a_guest_is_recognized_by_an_address_in_any_spelling_but_nothing_is_shown(web):
    first, second = buy("1", email=MAIL), buy("2", email=" Ann@EXAMPLE.com")

    assert first == second
    assert known_as(first) == {("email", "", MAIL, None)}
    assert not has_proof(customer_id=first.pk)
    match = find_customer(kind="email", text=MAIL)
    assert (match.customer_id, match.can_be_shown) == (first.pk, False)


def test_an_unproven_address_earns_for_its_verified_owner(web):
    ann = owner("email", MAIL)

    assert buy(email=MAIL) == ann
    assert find_customer(kind="email", text=MAIL).can_be_shown


def test_an_account_does_not_collect_what_is_bought_under_an_address_it_merely_states(web, mallory):
    account = buy("1", login=mallory.pk, email=MAIL)

    guest = buy("2", email=MAIL)

    assert guest != account
    assert duplicates() == {pair(account, guest, "email")}
    assert find_customer(kind="email", text=MAIL).customer_id == guest.pk


def test_a_new_account_does_not_take_over_a_guest_by_stating_the_address(web, mallory):
    guest = buy("1", email=MAIL)

    account = buy("2", login=mallory.pk, email=MAIL)

    assert account != guest
    assert duplicates() == {pair(account, guest, "email")}


def test_a_new_account_takes_over_the_guest_whose_address_it_has_proven(web, alice):
    guest = buy("1", email=MAIL)

    account = buy("2", login=alice.pk, email=MAIL, verified=["email"])

    assert account == guest
    assert account.user == alice
    assert known_as(account) == {("email", "", MAIL, AT)}
    assert has_proof(customer_id=account.pk)


def test_a_new_account_does_not_take_over_another_account(web, alice, mallory):
    hers = buy("1", login=alice.pk, email=MAIL, verified=["email"])

    his = buy("2", login=mallory.pk, email=MAIL, verified=["email"])

    assert his != hers
    assert hers.user == alice
    assert duplicates() == {pair(his, hers, "email")}


def test_a_login_joins_the_customer_of_its_external_id(web, alice):
    known = buy("1", external_id="7")

    assert buy("2", login=alice.pk, external_id="7") == known
    assert Customer.objects.get().user == alice


@pytest.mark.parametrize("stated", [{"member_number": "M1"}, {"card_token": "tok_1"}])
def test_a_new_account_joins_nobody_through_a_number_that_is_good_for_earning_only(web, mallory, stated):
    kind, value = next(iter(stated.items()))
    owned = owner(kind, value, "web" if kind == "card_token" else "")

    account = buy(login=mallory.pk, email="m@example.com", verified=["email"], **stated)

    assert account != owned
    assert duplicates() == {pair(account, owned, kind)}
    assert known_as(account) == {("email", "", "m@example.com", AT)}


@pytest.mark.parametrize("stated", [{"member_number": "M1"}, {"card_token": "tok_1"}])
def test_a_number_that_is_good_for_earning_only_earns_and_teaches_nothing(web, stated):
    kind, value = next(iter(stated.items()))
    owned = owner(kind, value, "web" if kind == "card_token" else "")

    assert buy(email="m@example.com", verified=["email"], **stated) == owned
    assert owned.identities.count() == 1
    assert not find_customer(kind=kind, text=value, channel="web").can_be_shown
    assert not has_proof(customer_id=owned.pk)


def test_an_unknown_member_number_is_listed_and_never_learned(web, alice):
    assert buy("1", member_number="M9") is None
    customer = buy("2", login=alice.pk, member_number="M9")

    assert not customer.identities.exists()
    assert set(PurchaseProblem.objects.values_list("kind", "reference")) == {
        ("unknown_member_number", "1"),
        ("unknown_member_number", "2"),
    }


def test_a_member_number_given_out_later_finds_the_purchase_that_is_told_again(web):
    assert buy("1", member_number="M9") is None
    member = owner("member_number", "M9")

    assert buy("1", member_number="M9") == member
    assert Purchase.objects.get().revision == 2


def test_an_unknown_card_token_collects_until_it_is_linked(web, alice):
    collector, again = buy("1", card_token="tok_1"), buy("2", card_token="tok_1")

    assert collector == again
    account = buy("3", login=alice.pk, card_token="tok_1")
    assert account != collector
    assert duplicates() == {pair(account, collector, "card_token")}


def test_a_card_that_an_account_pays_with_is_linked_to_it(web, alice):
    account = buy("1", login=alice.pk, card_token="tok_1")

    assert buy("2", card_token="tok_1") == account


def test_a_guest_record_stands_for_one_address(web):
    guest = buy("1", email=MAIL, phone="+49 30 90182000")

    other = buy("2", phone="030 90182000")

    assert known_as(guest) == {("email", "", MAIL, None)}
    assert known_as(other) == {("phone", "", "+493090182000", None)}


def test_an_address_gets_a_new_guest_record_when_the_first_has_become_an_account(web):
    first = buy("1", email=MAIL)
    verify_identity(customer_id=first.pk, kind="phone", text="+49 30 90182000", at=AT)

    second = buy("2", email=MAIL)
    third = buy("3", email=MAIL)

    assert (second == first, third == second) == (False, True)
    opened = Identity.objects.filter(opened_guest=True)
    assert list(opened.values_list("customer", "value")) == [(second.pk, MAIL)]


@pytest.mark.parametrize("first_is_proven", [False, True])
def test_one_batch_may_state_an_address_and_prove_it(web, first_is_proven):
    stated, proven = Who(email=MAIL), Who(email=MAIL, verified=frozenset({"email"}))
    told = [proven, stated] if first_is_proven else [stated, proven]

    sync_purchases([snapshot(str(number), who=who) for number, who in enumerate(told)], at=AT)

    guest = Customer.objects.get()
    assert known_as(guest) == {("email", "", MAIL, AT)}
    assert set(Purchase.objects.values_list("customer", flat=True)) == {guest.pk}


def test_a_phone_number_without_prefix_is_of_the_channels_country(web):
    assert buy("1", phone="030 90182000") == buy("2", phone="+493090182000")


def test_an_address_that_cannot_be_read_is_listed_where_nothing_else_says_who(web, alice):
    assert buy("1", email="n/a") is None
    buy("2", login=alice.pk, email="n/a")

    assert set(PurchaseProblem.objects.values_list("kind", "reference")) == {("unreadable_address", "1")}


def test_a_family_address_pairs_a_new_guest_with_five_accounts_at_most(web):
    users = [get_user_model().objects.create_user(f"cousin-{number}") for number in range(8)]
    for user in users:
        buy(str(user.pk), login=user.pk, email=MAIL)
    PossibleDuplicate.objects.all().delete()

    buy("x", email=MAIL)

    assert PossibleDuplicate.objects.count() == 5


def test_a_purchase_is_claimed_by_whom_a_newer_snapshot_names(web, alice):
    assert buy(as_of=1) is None

    assert buy(as_of=2, login=alice.pk).user == alice
    assert Purchase.objects.get().revision == 2


def test_a_customer_is_corrected(web):
    wrong, right = buy(as_of=1, external_id="7"), buy(as_of=2, external_id="8")

    assert wrong != right
    assert Purchase.objects.get().revision == 2


def test_a_missing_customer_never_unassigns(web):
    customer = buy(as_of=1, external_id="7")

    assert buy(as_of=2) == customer
    assert Purchase.objects.get().revision == 1


def test_an_older_snapshot_still_says_who_bought(web):
    assert buy(as_of=2) is None

    customer = buy(as_of=1, external_id="7")

    assert customer is not None
    assert (Purchase.objects.get().as_of, Purchase.objects.get().revision) == (2, 2)


def test_the_newest_snapshot_that_names_somebody_decides(web):
    buy(as_of=1, external_id="7")
    newest = buy(as_of=4, external_id="8")
    buy(as_of=5)

    assert buy(as_of=3, external_id="9") == newest


def test_the_oldest_guest_record_stands_for_an_address(web):
    oldest = IdentityFactory(value=MAIL).customer
    younger = IdentityFactory(value=MAIL).customer

    assert buy(email=MAIL) == oldest
    assert duplicates() == {pair(oldest, younger, "email")}


def test_a_name_is_learned_once_and_never_overwritten(web, alice):
    buy("1", login=alice.pk)
    buy("2", login=alice.pk, name="Alice")
    buy("3", login=alice.pk, name="Bob")

    assert Customer.objects.get().name == "Alice"


def test_a_refused_purchase_makes_nobody_known(web):
    sync_purchases([snapshot(who=Who(external_id="7"), refunded_minor=5000)], at=AT)

    assert not Customer.objects.exists()
    assert not Identity.objects.exists()
