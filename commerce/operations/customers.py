"""Who is who.

Prove an address, claim what was bought as a guest, merge two records and take them apart again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from commerce.events import purchases_synced
from commerce.locks import lock_customers, lock_purchases
from commerce.models import Customer, Identity, PossibleDuplicate, Purchase
from commerce.operations.changed import mark_changed
from commerce.policies.card_numbers import has_card_number
from commerce.policies.identities import ADDRESS_KINDS, SCOPED_KINDS, IdentityKind, is_phone, normalize
from commerce.queries.customers import is_guest, list_merged, resolve_customer
from commerce.registry import customer_merges

MERGED, DIFFERENT = "merged", "different"


class CustomerError(ValueError):
    """Something that cannot be done to these customers; the message says what to do instead."""

    def __init__(self, message: str, *, customer_ids: Iterable[int] = ()) -> None:
        super().__init__(message)
        self.customer_ids = list(customer_ids)


class UnknownCustomerError(CustomerError):
    """There is no such customer, or the person was erased."""


class IdentityTakenError(CustomerError):
    """Another customer has proven this address or number; the pair is listed as a possible duplicate."""


class IdentityUnreadableError(CustomerError):
    """The text is no address or number of its kind."""


class ProofMissingError(CustomerError):
    """The customer has not proven the address yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmerged:
    """The customer that stands by itself again, and what a person has to decide, one sentence each."""

    customer_id: int
    questions: list[str] = field(default_factory=list)


def verify_identity(
    *,
    customer_id: int,
    kind: str,
    text: str,
    channel: str = "",
    country: str = "",
    at: datetime | None = None,
    by: By = SHOP,
) -> Identity:
    """Note that a customer has proven an address, or was given a number or a token.

    Proof of an address also takes in what was bought under it as a guest, by `claim_guest_purchases`, which
    is asked for apart.

    Replay: the first proof stands. Locks: the customer.
    Raises: IdentityTakenError, IdentityUnreadableError, UnknownCustomerError.
    """
    value = _check_text(kind, text, country)
    scope = channel if kind in SCOPED_KINDS else ""
    at = at or clock.now()
    try:
        with transaction.atomic():
            _lock_current([customer_id])
            identity, _ = Identity.objects.get_or_create(
                customer_id=customer_id, kind=kind, scope=scope, value=value, defaults={"created_at": at}
            )
            if identity.verified_at is None:
                identity.verified_at = at
                identity.save(update_fields=["verified_at"])
                after = {"kind": str(kind), "identity": identity.pk}
                audit.record(
                    kind="identity_verified",
                    object_kind="customer",
                    object_id=customer_id,
                    by=by,
                    at=at,
                    after=after,
                )
    except IntegrityError:
        owner = Identity.objects.get(kind=kind, scope=scope, value=value, verified_at__isnull=False)
        list_duplicate(customer_id=customer_id, other_id=owner.customer_id, reason=str(kind), at=at)
        raise IdentityTakenError(
            f"Customer {owner.customer_id} has proven this {kind} before. The two are listed as possible "
            f"duplicates; merge them if they are one person.",
            customer_ids=[customer_id, owner.customer_id],
        ) from None
    return identity


def claim_guest_purchases(
    *, customer_id: int, kind: str, text: str, country: str = "", at: datetime | None = None, by: By = SHOP
) -> list[int]:
    """Hand a customer what was bought as a guest under an address the customer has proven.

    Return the purchases.

    A guest record stands for one address, so all that was bought under it changes hands. Each purchase's
    revision rises, and with it points follow.

    Replay: what is claimed is claimed. Locks: purchases ascending.
    Raises: ProofMissingError before the address is proven, IdentityUnreadableError.
    """
    value = _check_text(kind, text, country)
    at = at or clock.now()
    with transaction.atomic():
        proof = Identity.objects.filter(
            kind=kind, value=value, verified_at__isnull=False, kind__in=ADDRESS_KINDS
        )
        if not proof.filter(customer_id__in=list_merged(customer_id=customer_id)).exists():
            raise ProofMissingError(
                f"Customer {customer_id} has not proven this {kind}. Send a code to it, and call "
                f"verify_identity when it comes back.",
                customer_ids=[customer_id],
            )
        guests = _list_guests(kind, value)
        locked = lock_purchases(Purchase.objects.filter(customer_id__in=guests).values_list("id", flat=True))
        ids = [purchase_id for purchase_id, purchase in locked.items() if purchase.customer_id in guests]
        Purchase.objects.filter(id__in=ids).update(
            customer_id=customer_id, revision=F("revision") + 1, changed_at=at
        )
        if ids:
            after = {"kind": str(kind), "purchases": ids}
            audit.record(
                kind="purchases_claimed",
                object_kind="customer",
                object_id=customer_id,
                by=by,
                at=at,
                after=after,
            )
            mark_changed(purchase_ids=ids, at=at)
            transaction.on_commit(lambda: _announce(ids), robust=True)
    return ids


def merge_customers(*, source: int, target: int, by: By, at: datetime | None = None) -> int:
    """Make `source` and `target` one customer and return the one that stays.

    `target`, or who that was merged into.

    Purchases and identities stay where they are; `merged_into` is followed whenever they are read. Upper
    apps react in the same transaction, and any of them may refuse.

    Replay: merging again what is merged changes nothing.
    Locks: both customers, ascending, then what upper apps lock.
    Raises: CustomerError, UnknownCustomerError, MergeRefusedError.
    """
    at = at or clock.now()
    with transaction.atomic():
        _lock_current([source, target])
        source_root, target_root = resolve_customer(source), resolve_customer(target)
        if source_root == target_root:
            if source == target:
                raise CustomerError(f"Customer {source} cannot be merged into itself.", customer_ids=[source])
            return target_root
        _lock_current([source_root, target_root])
        for _, reaction in customer_merges.items():
            reaction.on_merge(source_id=source_root, target_id=target_root, at=at, by=by)
        Customer.objects.filter(id=source_root).update(merged_into_id=target_root, merged_at=at)
        _settle_duplicates(source_root, target_root, MERGED, at)
        after = {"merged_into": target_root}
        audit.record(
            kind="customers_merged", object_kind="customer", object_id=source_root, by=by, at=at, after=after
        )
    return target_root


def unmerge_customer(*, source: int, by: By, at: datetime | None = None) -> Unmerged:
    """Let `source` stand by itself again, and say what a person has to decide.

    Merges are taken apart in the reverse of their order: if the target was itself merged on, that one comes
    first.

    Locks: both customers, ascending, then what upper apps lock.
    Raises: CustomerError, UnknownCustomerError.
    """
    at = at or clock.now()
    with transaction.atomic():
        customer = _lock_current([source])[source]
        target = customer.merged_into_id
        if target is None:
            raise CustomerError(f"Customer {source} is not merged into anybody.", customer_ids=[source])
        beyond = _lock_current([source, target])[target].merged_into_id
        if beyond is not None:
            raise CustomerError(
                f"Customer {target} was itself merged into {beyond} later. Take that merge apart first.",
                customer_ids=[source, target, beyond],
            )
        Customer.objects.filter(id=source).update(merged_into_id=None, merged_at=None)
        questions = [
            question
            for _, reaction in customer_merges.items()
            for question in reaction.on_unmerge(source_id=source, target_id=target, at=at, by=by)
        ]
        _settle_duplicates(source, target, DIFFERENT, at)
        before = {"merged_into": target}
        audit.record(
            kind="customers_unmerged", object_kind="customer", object_id=source, by=by, at=at, before=before
        )
    return Unmerged(customer_id=source, questions=questions)


def list_duplicate(*, customer_id: int, other_id: int, reason: str, at: datetime) -> None:
    """Put two customers on the list of possible duplicates, once for each reason."""
    roots = sorted((resolve_customer(customer_id), resolve_customer(other_id)))
    if roots[0] != roots[1]:
        PossibleDuplicate.objects.get_or_create(
            customer_id=roots[0],
            other_id=roots[1],
            reason=reason,
            defaults={"evidence": {"shared": reason}, "found_at": at},
        )


def dismiss_duplicate(*, duplicate_id: int, at: datetime) -> bool:
    """Note that two customers are different people; say whether that was still open."""
    is_open = PossibleDuplicate.objects.filter(id=duplicate_id, resolved_at__isnull=True)
    return bool(is_open.update(resolved_at=at, outcome=DIFFERENT))


def _list_guests(kind: str, value: str) -> set[int]:
    """Return the guest records that stand for an address.

    What a person has merged stays as that person decided.
    """
    records = Identity.objects.filter(
        is_guest("customer__"), kind=kind, value=value, customer__merged_into__isnull=True
    )
    return set(records.values_list("customer_id", flat=True))


def _announce(ids: list[int]) -> None:
    purchases_synced.send_robust(sender=None, ids=ids)


def _lock_current(ids: list[int]) -> dict[int, Customer]:
    customers = lock_customers(ids)
    for customer_id in ids:
        if customer_id not in customers or customers[customer_id].erased_at is not None:
            raise UnknownCustomerError(f"There is no customer {customer_id}.", customer_ids=[customer_id])
    return customers


def _settle_duplicates(source: int, target: int, outcome: str, at: datetime) -> None:
    pair = Q(customer_id=min(source, target), other_id=max(source, target))
    PossibleDuplicate.objects.filter(pair).update(resolved_at=at, outcome=outcome)


def _check_text(kind: str, text: str, country: str) -> str:
    if kind not in set(IdentityKind):
        raise IdentityUnreadableError(f"There is no identity {kind!r}; use one of {', '.join(IdentityKind)}.")
    value = normalize(kind, text, country=country)
    if not value:
        raise IdentityUnreadableError(f"This is no {kind}. Check it for missing or strange characters.")
    is_number = kind != IdentityKind.PHONE or not is_phone(value)
    if (is_number and has_card_number(value)) or (kind == IdentityKind.CARD_TOKEN and value.isdigit()):
        raise IdentityUnreadableError(
            f"This {kind} looks like the number of a payment card, which must not be kept. Use the token of "
            f"the payment provider, with at least one letter."
        )
    return value
