"""People prove addresses, claim what they bought as guests, and are merged and taken apart by hand."""

from datetime import UTC, datetime

import pytest

from backstage.models import AuditRecord
from backstage.policies import By
from commerce.models import Customer, Identity, PossibleDuplicate, Purchase
from commerce.operations import (
    claim_guest_purchases,
    dismiss_duplicate,
    merge_customers,
    sync_purchases,
    unmerge_customer,
    verify_identity,
)
from commerce.operations.customers import (
    CustomerError,
    IdentityTakenError,
    IdentityUnreadableError,
    ProofMissingError,
    UnknownCustomerError,
)
from commerce.policies.snapshot import Who
from commerce.queries.customers import list_merged, resolve_customer, resolve_customers
from commerce.registry import CustomerMergeReaction, MergeRefusedError, customer_merges
from tests.factories.commerce import CustomerFactory, IdentityFactory, PossibleDuplicateFactory, snapshot

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
CAROL = By("staff", "3", "carol")
MAIL = "ann@example.com"


def buy(reference, **who):
    [result] = sync_purchases([snapshot(reference, who=Who(**who))], at=AT)
    return Purchase.objects.get(id=result.purchase_id)


@pytest.fixture
def ann(alice):
    return CustomerFactory(user=alice, name="Ann")


def test_what_was_bought_as_a_guest_is_claimed_after_proof_of_the_address(web, ann):
    guest_purchase = buy("1", email=MAIL)
    strange_purchase = buy("2", email="other@example.com")

    verify_identity(customer_id=ann.pk, kind="email", text="Ann@Example.com", at=AT)
    claimed = claim_guest_purchases(customer_id=ann.pk, kind="email", text=MAIL, at=AT)

    guest_purchase.refresh_from_db()
    assert claimed == [guest_purchase.pk]
    assert (guest_purchase.customer, guest_purchase.revision) == (ann, 2)
    assert Purchase.objects.get(reference="2").customer == strange_purchase.customer
    assert buy("3", email=MAIL).customer == ann


def test_a_claimed_purchase_stays_claimed_when_the_shop_repeats_itself(web, ann):
    buy("1", email=MAIL)
    verify_identity(customer_id=ann.pk, kind="email", text=MAIL, at=AT)
    claim_guest_purchases(customer_id=ann.pk, kind="email", text=MAIL, at=AT)

    assert buy("1", email=MAIL).customer == ann
    assert Purchase.objects.get().revision == 2


def test_nothing_is_claimed_without_proof(web, ann):
    purchase = buy("1", email=MAIL)
    IdentityFactory(customer=ann, value=MAIL)

    with pytest.raises(ProofMissingError, match="verify_identity"):
        claim_guest_purchases(customer_id=ann.pk, kind="email", text=MAIL, at=AT)

    purchase.refresh_from_db()
    assert (purchase.customer == ann, purchase.revision) == (False, 1)


def test_a_card_token_proves_nothing_that_could_be_claimed(web, ann):
    IdentityFactory(customer=ann, kind="card_token", scope="web", value="tok_1", proven=True)

    with pytest.raises(ProofMissingError):
        claim_guest_purchases(customer_id=ann.pk, kind="card_token", text="tok_1", at=AT)


def test_an_account_that_merely_states_the_address_keeps_its_purchases(web, ann, mallory):
    hers = buy("1", login=mallory.pk, email=MAIL)
    verify_identity(customer_id=ann.pk, kind="email", text=MAIL, at=AT)

    assert claim_guest_purchases(customer_id=ann.pk, kind="email", text=MAIL, at=AT) == []
    assert Purchase.objects.get().customer == hers.customer


def test_proving_twice_keeps_the_first_proof(ann):
    first = verify_identity(customer_id=ann.pk, kind="email", text=MAIL, at=AT)
    second = verify_identity(customer_id=ann.pk, kind="email", text=MAIL, at=AT.replace(hour=13))

    assert (first.pk, second.verified_at) == (second.pk, AT)
    assert AuditRecord.objects.count() == 1


def test_an_address_that_somebody_has_proven_is_refused_and_the_pair_listed(ann):
    IdentityFactory(customer=ann, value=MAIL, proven=True)
    other = CustomerFactory()

    with pytest.raises(IdentityTakenError) as refused:
        verify_identity(customer_id=other.pk, kind="email", text=MAIL, at=AT)

    assert refused.value.customer_ids == [other.pk, ann.pk]
    assert not other.identities.exists()
    assert PossibleDuplicate.objects.filter(customer=ann, other=other, reason="email").exists()


@pytest.mark.parametrize(
    ("kind", "text"), [("email", "n/a"), ("phone", "12"), ("passport", "x"), ("external_id", " ")]
)
def test_what_is_no_address_cannot_be_proven(ann, kind, text):
    with pytest.raises(IdentityUnreadableError):
        verify_identity(customer_id=ann.pk, kind=kind, text=text, at=AT)

    assert not Identity.objects.exists()


def test_nobody_proves_anything_for_a_customer_who_does_not_exist(db):
    with pytest.raises(UnknownCustomerError, match="no customer 4711"):
        verify_identity(customer_id=4711, kind="email", text=MAIL, at=AT)


class Reaction:
    """An upper app that notes what it hears, and may refuse."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.heard = []
        self.refuses = refuses

    def on_merge(self, **told):
        self.heard.append(("merge", told))
        if self.refuses:
            raise MergeRefusedError("There are open holds.")

    def on_unmerge(self, **told):
        self.heard.append(("unmerge", told))
        return ["Who keeps the 40 points that were spent?"]


def react(**options):
    reaction = Reaction(**options)
    customer_merges.register(
        "test", CustomerMergeReaction(name="test", on_merge=reaction.on_merge, on_unmerge=reaction.on_unmerge)
    )
    return reaction


def test_a_merge_is_followed_wherever_a_customer_is_read_and_moves_no_row(web, ann):
    purchase = buy("1", external_id="7")
    source = purchase.customer

    assert merge_customers(source=source.pk, target=ann.pk, by=CAROL, at=AT) == ann.pk

    purchase.refresh_from_db()
    assert (purchase.customer, purchase.revision) == (source, 1)
    assert resolve_customer(source.pk) == ann.pk
    assert list_merged(customer_id=ann.pk) == sorted([ann.pk, source.pk])
    assert resolve_customer(buy("2", external_id="7").customer_id) == ann.pk


def test_a_correction_within_one_merged_customer_changes_nothing(web, ann):
    source = buy("1", external_id="7").customer
    merge_customers(source=source.pk, target=ann.pk, by=CAROL, at=AT)

    sync_purchases([snapshot("1", 2, who=Who(login=ann.user_id, external_id="7"))], at=AT)

    assert Purchase.objects.get().revision == 1


def test_upper_apps_hear_of_a_merge_in_its_own_transaction(ann):
    reaction, source = react(), CustomerFactory()

    merge_customers(source=source.pk, target=ann.pk, by=CAROL, at=AT)

    assert reaction.heard == [("merge", {"source_id": source.pk, "target_id": ann.pk, "at": AT, "by": CAROL})]
    record = AuditRecord.objects.get(kind="customers_merged")
    assert (record.object_id, record.by_label, record.after) == (
        str(source.pk),
        "carol",
        {"merged_into": ann.pk},
    )


def test_an_upper_app_may_refuse_and_then_nothing_is_merged(ann):
    react(refuses=True)
    source = CustomerFactory()

    with pytest.raises(MergeRefusedError, match="open holds"):
        merge_customers(source=source.pk, target=ann.pk, by=CAROL, at=AT)

    source.refresh_from_db()
    assert (source.merged_into, source.merged_at) == (None, None)
    assert not AuditRecord.objects.exists()


def test_merging_what_is_merged_changes_nothing(ann):
    reaction, source = react(), CustomerFactory()

    merge_customers(source=source.pk, target=ann.pk, by=CAROL, at=AT)

    assert merge_customers(source=source.pk, target=ann.pk, by=CAROL, at=AT) == ann.pk
    assert merge_customers(source=ann.pk, target=source.pk, by=CAROL, at=AT) == ann.pk
    assert len(reaction.heard) == 1


def test_a_customer_is_not_merged_into_itself(ann):
    with pytest.raises(CustomerError, match="itself"):
        merge_customers(source=ann.pk, target=ann.pk, by=CAROL, at=AT)


def test_merges_are_followed_over_any_number_of_steps(db):
    first, second, third, alone = (CustomerFactory(name=name) for name in ("a", "b", "c", "d"))
    merge_customers(source=first.pk, target=second.pk, by=CAROL, at=AT)
    merge_customers(source=second.pk, target=third.pk, by=CAROL, at=AT)

    roots = resolve_customers(customer_ids=[first.pk, second.pk, third.pk, alone.pk])

    assert roots == {first.pk: third.pk, second.pk: third.pk, third.pk: third.pk, alone.pk: alone.pk}


def test_a_merge_settles_the_possible_duplicate(db):
    duplicate = PossibleDuplicateFactory()

    merge_customers(source=duplicate.other_id, target=duplicate.customer_id, by=CAROL, at=AT)

    duplicate.refresh_from_db()
    assert (duplicate.outcome, duplicate.resolved_at) == ("merged", AT)


def test_two_different_people_are_taken_off_the_list(db):
    duplicate = PossibleDuplicateFactory()

    assert dismiss_duplicate(duplicate_id=duplicate.pk, at=AT)
    assert not dismiss_duplicate(duplicate_id=duplicate.pk, at=AT)

    duplicate.refresh_from_db()
    assert (duplicate.outcome, duplicate.resolved_at) == ("different", AT)


def test_an_unmerge_gives_each_their_own_and_says_what_needs_a_person(web, ann):
    reaction = react()
    source = buy("1", external_id="7").customer
    merge_customers(source=source.pk, target=ann.pk, by=CAROL, at=AT)

    unmerged = unmerge_customer(source=source.pk, by=CAROL, at=AT)

    assert unmerged.questions == ["Who keeps the 40 points that were spent?"]
    assert reaction.heard[1] == (
        "unmerge",
        {"source_id": source.pk, "target_id": ann.pk, "at": AT, "by": CAROL},
    )
    assert resolve_customer(source.pk) == source.pk
    assert buy("1", external_id="7").customer == source


def test_merges_are_taken_apart_in_the_reverse_of_their_order(db):
    first, second, third = (CustomerFactory(name=name) for name in ("a", "b", "c"))
    merge_customers(source=first.pk, target=second.pk, by=CAROL, at=AT)
    merge_customers(source=second.pk, target=third.pk, by=CAROL, at=AT)

    with pytest.raises(CustomerError, match="Take that merge apart first"):
        unmerge_customer(source=first.pk, by=CAROL, at=AT)

    assert resolve_customer(first.pk) == third.pk


def test_who_is_not_merged_cannot_be_taken_apart(ann):
    with pytest.raises(CustomerError, match="not merged"):
        unmerge_customer(source=ann.pk, by=CAROL, at=AT)


def test_an_erased_customer_is_not_merged(ann):
    erased = CustomerFactory(erased_at=AT)

    with pytest.raises(UnknownCustomerError):
        merge_customers(source=erased.pk, target=ann.pk, by=CAROL, at=AT)

    assert Customer.objects.filter(merged_into__isnull=False).count() == 0


def test_what_a_person_has_merged_is_not_claimed_by_somebody_else(web, ann):
    purchase = buy("1", email=MAIL)
    other = CustomerFactory(name="bob")
    merge_customers(source=purchase.customer_id, target=other.pk, by=CAROL, at=AT)
    verify_identity(customer_id=ann.pk, kind="email", text=MAIL, at=AT)

    assert claim_guest_purchases(customer_id=ann.pk, kind="email", text=MAIL, at=AT) == []
    assert resolve_customer(Purchase.objects.get().customer_id) == other.pk
