"""Who is who."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q

from backstage.plain_sql import among, listed
from commerce.models import Channel, Customer, Identity, Purchase
from commerce.policies.identities import (
    ADDRESS_KINDS,
    EARN_ONLY_KINDS,
    SCOPED_KINDS,
    IdentityKind,
    normalize,
    normalize_email,
    normalize_phone,
)

# More people of one name than these nobody reads through; a longer text does better.
MOST_NAMESAKES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A customer found by an identity, and what the identity is good for.

    `can_be_shown` is False where it only earns: an address that nobody proved, a member number, a card
    token. Then nothing about the customer may be shown to whoever came with it.
    """

    customer_id: int
    can_be_shown: bool


def resolve_customer(customer_id: int) -> int:
    """Return the customer that merges lead to; `customer_id` itself where there was none.

    Queries: 1.
    """
    return resolve_customers(customer_ids=[customer_id]).get(customer_id, customer_id)


def resolve_customers(*, customer_ids: Iterable[int]) -> dict[int, int]:
    """Return for each customer the one that merges lead to.

    Queries: 1; 0 without ids.
    """
    ids = sorted(set(customer_ids))
    if not ids:
        return {}
    table = connection.ops.quote_name(Customer._meta.db_table)
    sql = f"""
        WITH RECURSIVE path(origin, id, next_id) AS (
            SELECT id, id, merged_into_id FROM {table} WHERE {among("id")}
            UNION ALL
            SELECT path.origin, customer.id, customer.merged_into_id
            FROM path JOIN {table} AS customer ON customer.id = path.next_id
        )
        SELECT origin, id FROM path WHERE next_id IS NULL
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [listed(ids)])
        return dict(cursor.fetchall())


def list_merged(*, customer_id: int) -> list[int]:
    """Return the customer and everybody who was merged into it, over any number of merges, by ascending id.

    Queries: 1.
    """
    table = connection.ops.quote_name(Customer._meta.db_table)
    sql = f"""
        WITH RECURSIVE family(id) AS (
            SELECT id FROM {table} WHERE id = %s
            UNION ALL
            SELECT customer.id FROM family JOIN {table} AS customer ON customer.merged_into_id = family.id
        )
        SELECT id FROM family ORDER BY id
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [customer_id])
        return [row[0] for row in cursor.fetchall()]


def find_customer_of_user(*, user_id: Any) -> Match | None:
    """Return the customer who signs in as this user; a login proves itself.

    Queries: 2 at most.
    """
    customer_id = Customer.objects.filter(user_id=user_id).values_list("id", flat=True).first()
    if customer_id is None:
        return None
    return Match(customer_id=resolve_customer(customer_id), can_be_shown=True)


def find_customer(*, kind: str, text: str, channel: str = "", country: str = "") -> Match | None:
    """Return whom an identity stands for, in any spelling; None if nobody, or nothing that can be read.

    The verified owner, else for an address the oldest guest record that stands for it.
    Queries: 2 at most.
    """
    value = normalize(kind, text, country=country)
    if not value:
        return None
    scope = channel if kind in SCOPED_KINDS else ""
    holders = Identity.objects.filter(kind=kind, scope=scope, value=value)
    owner = holders.filter(verified_at__isnull=False).first()
    if owner is None and kind in ADDRESS_KINDS:
        owner = holders.filter(is_guest("customer__")).order_by("customer_id").first()
    if owner is None:
        return None
    can_be_shown = owner.verified_at is not None and kind not in EARN_ONLY_KINDS
    return Match(customer_id=resolve_customer(owner.customer_id), can_be_shown=can_be_shown)


def has_proof(*, customer_id: int) -> bool:
    """Say whether anybody can prove to be this customer.

    By a login, or by an identity that is good for more than earning.

    Queries: 2.
    """
    family = list_merged(customer_id=customer_id)
    proven = Q(identities__verified_at__isnull=False) & ~Q(identities__kind__in=EARN_ONLY_KINDS)
    return Customer.objects.filter(Q(user_id__isnull=False) | proven, id__in=family).exists()


def is_guest(prefix: str = "") -> Q:
    """Return the condition of a guest record.

    No login and nothing verified. `prefix` leads to the customer.
    """
    verified = Identity.objects.filter(verified_at__isnull=False).values("customer_id")
    return Q(**{f"{prefix}user_id__isnull": True}) & ~Q(**{f"{prefix}id__in": verified})


def find_customers_by_text(text: str) -> set[int]:
    """Find customers by what staff types: name, e-mail, phone in any spelling, any number, order number.

    Each reading of the text is tried. Merges are not followed. Queries: 5.
    """
    text = text.strip()
    if not text:
        return set()
    channels = dict(Channel.objects.values_list("id", "country"))
    phones = {normalize_phone(text, country=country) for country in {*channels.values(), ""}}
    values = {text, normalize_email(text), *phones} - {""}
    found = Identity.objects.filter(value__in=values).exclude(kind=IdentityKind.CARD_TOKEN)
    # The unique index leads with the channel; naming every channel lets it be used.
    placed = Purchase.objects.filter(channel_id__in=list(channels), reference=text, customer__isnull=False)
    named = Customer.objects.filter(name__icontains=text, erased_at__isnull=True).order_by("id")
    return {
        *found.values_list("customer_id", flat=True)[:MOST_NAMESAKES],
        *placed.values_list("customer_id", flat=True),
        *named.values_list("id", flat=True)[:MOST_NAMESAKES],
    }
