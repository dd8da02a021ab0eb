"""Find out who bought, and write down what was learned about them."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q

from commerce.locks import lock_customers
from commerce.models import Channel, Customer, Identity, PossibleDuplicate
from commerce.operations.rows import Row, insert_rows, update_rows
from commerce.policies.identities import Claim, IdentityKind, Key, list_claims
from commerce.policies.recognition import Directory, Known, Recognition, recognize
from commerce.policies.refusals import ProblemKind
from commerce.policies.snapshot import Who
from commerce.queries.customers import resolve_customers

NEW_CUSTOMER = ("user", "name", "language", "place", "country", "attributes", "tags", "created_at")
NEW_IDENTITY = ("customer", "kind", "scope", "value", "verified_at", "created_at", "opened_guest")
NEW_DUPLICATE = ("customer", "other", "reason", "evidence", "found_at", "outcome")


class OvertakenError(RuntimeError):
    """Another process wrote the same thing in the same moment; what was read before is no longer true."""


@dataclass(slots=True)
class Recognized:
    """Whose purchase it is, before merges are followed, and what about the snapshot could not be used."""

    customer_id: int | None = None
    problems: list[tuple[ProblemKind, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Mention:
    login: Any
    claims: list[Claim]
    name: str
    problems: list[tuple[ProblemKind, str]]


def recognize_customers(*, mentions: Sequence[tuple[Who, Channel]], at: datetime) -> list[Recognized]:
    """Return whose purchase each mention is; create customers, identities and possible duplicates as needed.

    Two processes that meet the same unproven address for the first time in the same moment end with one guest
    record: the second is refused by the database, asks again and finds it.

    Locks: customers who get a login or a name, ascending.
    Queries: 2, and at most 8 more for what is new; 0 if nobody is mentioned.
    Raises: OvertakenError or IntegrityError when another process was faster; roll back and ask again.
    """
    read = [_read(who, channel) for who, channel in mentions]
    if not any(mention.claims or mention.login is not None for mention in read):
        return [Recognized(problems=mention.problems) for mention in read]
    directory = _load(read)
    _drop_unknown(read, directory)
    found = [
        recognize(directory, login=mention.login, claims=mention.claims, name=mention.name)
        for mention in read
    ]
    _write(directory, found, at)
    return [
        Recognized(None if item.customer is None else item.customer.id, mention.problems)
        for item, mention in zip(found, read, strict=True)
    ]


def _read(who: Who, channel: Channel) -> _Mention:
    claims, unreadable = list_claims(who, channel=channel.key, country=channel.country)
    mention = _Mention(None, claims, who.name.strip(), [])
    if who.login is not None:
        try:
            mention.login = get_user_model()._meta.pk.to_python(who.login)
        except ValidationError:
            mention.problems.append((ProblemKind.UNKNOWN_LOGIN, "who.login"))
    if unreadable and not claims and mention.login is None:
        mention.problems += [(ProblemKind.UNREADABLE_ADDRESS, f"who.{kind}") for kind in unreadable]
    return mention


def _load(read: Iterable[_Mention]) -> Directory:
    """Read everybody who is known by what the batch states."""
    read = list(read)
    keys = {claim.key for mention in read for claim in mention.claims}
    logins: set[Any] = {mention.login for mention in read if mention.login is not None}
    rows = _list_identities(keys)
    customers = _list_customers({row[3] for row in rows}, logins)
    directory = Directory(
        logins={known.login: known for known in customers.values() if known.login is not None}
    )
    for kind, scope, value, customer_id, verified_at in rows:
        known, key = customers[customer_id], (kind, scope, value)
        if verified_at is not None:
            directory.owners[key] = known
        else:
            directory.holders[key].append(known)
    return directory


def _list_identities(keys: set[Key]) -> list[tuple[Any, ...]]:
    """Return identities by ascending customer, so that the oldest guest record stands for an address."""
    if not keys:
        return []
    rows = Identity.objects.filter(value__in=sorted({value for _, _, value in keys})).values_list(
        "kind", "scope", "value", "customer_id", "verified_at"
    )
    return sorted((row for row in rows if row[:3] in keys), key=itemgetter(3))


def _list_customers(ids: set[int], logins: set[Hashable]) -> dict[int, Known]:
    verified = Identity.objects.filter(customer_id=OuterRef("pk"), verified_at__isnull=False)
    rows = list(
        Customer.objects.filter(Q(id__in=ids) | Q(user_id__in=logins)).values_list(
            "id", "user_id", "merged_into_id", "name", Exists(verified)
        )
    )
    merged = [customer_id for customer_id, _, merged_into_id, _, _ in rows if merged_into_id is not None]
    roots = resolve_customers(customer_ids=merged)
    return {
        customer_id: Known(
            customer_id,
            roots.get(customer_id, customer_id),
            user_id,
            user_id is not None or is_verified,
            name,
        )
        for customer_id, user_id, _, name, is_verified in rows
    }


def _drop_unknown(read: list[_Mention], directory: Directory) -> None:
    """Leave out logins that no user has and member numbers that nobody was given, and say so."""
    strange: set[Any] = {
        mention.login for mention in read if mention.login is not None
    } - directory.logins.keys()
    users = get_user_model()._default_manager.filter(pk__in=strange) if strange else None
    strange -= set(users.values_list("pk", flat=True)) if users is not None else set()
    for mention in read:
        if mention.login in strange:
            mention.login = None
            mention.problems.append((ProblemKind.UNKNOWN_LOGIN, "who.login"))
        for claim in mention.claims:
            if claim.kind == IdentityKind.MEMBER_NUMBER and claim.key not in directory.owners:
                mention.problems.append((ProblemKind.UNKNOWN_MEMBER_NUMBER, "who.member_number"))


def _write(directory: Directory, found: list[Recognition], at: datetime) -> None:
    _write_newcomers(directory.newcomers, at)
    known = {id(item): item for recognition in found if (item := recognition.customer) is not None}.values()
    _write_touched([customer for customer in known if customer.is_touched])
    _leave_to_newcomers(directory)
    _write_identities(known, at)
    _write_duplicates(found, at)


def _leave_to_newcomers(directory: Directory) -> None:
    """Take the mark from the rows of those who were guests under an address and are accounts by now."""
    before = {
        (*newcomer.opened_for, holder.id)
        for newcomer in directory.newcomers
        if newcomer.opened_for is not None
        for holder in directory.holders[newcomer.opened_for]
        if holder is not newcomer
    }
    if before:
        rows = Identity.objects.filter(
            value__in={value for _, _, value, _ in before}, customer_id__in={row[3] for row in before}
        )
        rows.filter(opened_guest=True).update(opened_guest=False)


def _write_identities(known: Iterable[Known], at: datetime) -> None:
    """Write who is known by what is new: one row for an address, though one purchase may state it and the
    next one prove it.
    """
    identities = {
        (*claim.key, customer.id): (
            customer.id,
            *claim.key,
            at if claim.is_proven else None,
            at,
            _opens_guest(customer, claim),
        )
        for customer in known
        for claim in sorted(customer.attached, key=lambda claim: claim.is_proven)
    }
    insert_rows(
        Identity,
        NEW_IDENTITY,
        # Sorted by what is unique, so that two batches which meet the same newcomers wait for each other and
        # never in a ring.
        [row for _, row in sorted(identities.items(), key=itemgetter(0))],
        conflict="ON CONFLICT (customer_id, kind, scope, value) DO UPDATE "
        f"SET verified_at = COALESCE({Identity._meta.db_table}.verified_at, excluded.verified_at)",
    )


def _opens_guest(customer: Known, claim: Claim) -> bool:
    return claim.key == customer.opened_for


def _write_newcomers(newcomers: list[Known], at: datetime) -> None:
    newcomers.sort(key=lambda known: str(known.login))
    rows: list[Row] = [(known.login, known.name, "", "", "", {}, [], at) for known in newcomers]
    ids = insert_rows(Customer, NEW_CUSTOMER, rows, returning=("id",))
    for known, (customer_id,) in zip(newcomers, ids, strict=True):
        known.id = known.root = customer_id
        known.is_touched = False


def _write_touched(touched: list[Known]) -> None:
    if not touched:
        return
    lock_customers(known.id for known in touched if known.id is not None)
    updated = update_rows(
        Customer,
        ("id", "user", "name"),
        [(known.id, known.login, known.name) for known in touched],
        changes="user_id = source.user_id, name = source.name",
        guard="(target.user_id IS NULL OR target.user_id = source.user_id)",
    )
    if updated != len(touched):
        raise OvertakenError


def _write_duplicates(found: list[Recognition], at: datetime) -> None:
    rows = {
        (*sorted((item.customer.root or 0, other.root or 0)), kind)
        for item in found
        if item.customer is not None
        for other, kind in item.duplicates
    }
    insert_rows(
        PossibleDuplicate,
        NEW_DUPLICATE,
        [(lower, upper, str(kind), {"shared": str(kind)}, at, "") for lower, upper, kind in sorted(rows)],
        conflict="ON CONFLICT (customer_id, other_id, reason) DO NOTHING",
    )
