"""Decide whose purchase it is.

1. The first known identity in the order of trust decides: login, external id, member number, card token,
e-mail, phone. 2. A login or an external id names an account, whether we have met it or not. An account that
is new joins a known
   customer only through what proves it: an external id, or an address that was proven to the shop.
3. An address that nobody proved finds its verified owner, else the guest record that stands for it. It
never finds an
   account that merely states it; anyone could otherwise collect a stranger's points by typing a stranger's
   address.
4. A guest record stands for one address, so that proof of it hands over exactly what was bought under it.
5. Whoever else is known by the same snapshot is a possible duplicate. Nothing is merged here.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from commerce.policies.identities import ADDRESS_KINDS, EARN_ONLY_KINDS, Claim, IdentityKind, Key

LOGIN = "login"
# A family's shared address would otherwise pair everybody with everybody.
MOST_DUPLICATES = 5


@dataclass(slots=True, eq=False)
class Known:
    """A customer as far as recognition needs one; `id` is None until a new one is written.

    `root` is the customer that merges lead to. An account has a login or a verified identity; a guest
    record has neither. `opened_for` is the address under which a guest record is opened in this batch.
    """

    id: int | None
    root: int | None
    login: Hashable | None
    is_account: bool
    name: str = ""
    attached: list[Claim] = field(default_factory=list)
    is_touched: bool = False
    opened_for: Key | None = None

    def is_same_person_as(self, other: "Known") -> bool:
        """Say whether both are one customer, or were merged into one."""
        return self is other or (self.root is not None and self.root == other.root)


@dataclass(slots=True)
class Directory:
    """Everybody whom a batch may mean: who is known by what, and what this batch adds."""

    logins: dict[Hashable, Known] = field(default_factory=dict)
    owners: dict[Key, Known] = field(default_factory=dict)
    holders: dict[Key, list[Known]] = field(default_factory=lambda: defaultdict(list))
    newcomers: list[Known] = field(default_factory=list)

    def find(self, claim: Claim) -> Known | None:
        """Return the verified owner, else for an address the guest record that stands for it."""
        owner = self.owners.get(claim.key)
        if owner is None and claim.kind in ADDRESS_KINDS:
            return next((holder for holder in self.holders[claim.key] if not holder.is_account), None)
        return owner

    def add(self, *, login: Hashable | None, name: str) -> Known:
        """Note a customer whom nobody has met."""
        newcomer = Known(None, None, None, False, name=name)
        self.newcomers.append(newcomer)
        if login is not None:
            self.attach_login(newcomer, login)
        return newcomer

    def attach_login(self, customer: Known, login: Hashable) -> None:
        """Give `customer` a login it does not have yet."""
        customer.login = login
        customer.is_account = customer.is_touched = True
        self.logins[login] = customer

    def attach(self, customer: Known, claim: Claim) -> None:
        """Note that `customer` is known by `claim`, unless somebody owns it with proof."""
        if claim.key in self.owners or (not claim.is_proven and customer in self.holders[claim.key]):
            return
        if claim.is_proven:
            self.owners[claim.key] = customer
            customer.is_account = True
        else:
            self.holders[claim.key].append(customer)
        customer.attached.append(claim)


@dataclass(frozen=True, slots=True)
class Recognition:
    """Whose purchase it is, and who else might be the same person, by which kind of identity."""

    customer: Known | None
    duplicates: list[tuple[Known, str]] = field(default_factory=list)


def recognize(directory: Directory, *, login: Hashable | None, claims: list[Claim], name: str) -> Recognition:
    """Return whose purchase it is, and note in `directory` what was learned about them."""
    by_login = directory.logins.get(login) if login is not None else None
    names_account = login is not None or any(claim.kind == IdentityKind.EXTERNAL_ID for claim in claims)
    if names_account:
        customer = by_login or _find_account(directory, login, claims)
        customer = customer or directory.add(login=login, name=name)
        _learn(directory, customer, login, claims, name)
    else:
        customer = _find_by_trust(directory, claims) or _meet_guest(directory, claims, name)
    if customer is None:
        return Recognition(None)
    return Recognition(customer, list(_list_duplicates(directory, customer, claims))[:MOST_DUPLICATES])


def _find_account(directory: Directory, login: Hashable | None, claims: list[Claim]) -> Known | None:
    for claim in claims:
        if claim.kind in EARN_ONLY_KINDS or not claim.is_proven:
            continue
        known = directory.find(claim)
        # One customer has one login: somebody who has another one is somebody else, or a person has to say
        # so.
        if known is not None and (login is None or known.login is None):
            return known
    return None


def _find_by_trust(directory: Directory, claims: list[Claim]) -> Known | None:
    """Return the first that is known. The proof of a guest's address makes the guest its owner."""
    for claim in claims:
        known = directory.find(claim)
        if known is not None:
            if claim.kind in ADDRESS_KINDS and claim.is_proven:
                directory.attach(known, claim)
            return known
    return None


def _learn(
    directory: Directory, customer: Known, login: Hashable | None, claims: list[Claim], name: str
) -> None:
    """Attach what is new. A member number is given out by the programme and never learned from a purchase."""
    if login is not None and customer.login is None:
        directory.attach_login(customer, login)
    if name and not customer.name:
        customer.name, customer.is_touched = name, True
    for claim in claims:
        if claim.kind != IdentityKind.MEMBER_NUMBER:
            directory.attach(customer, claim)


def _meet_guest(directory: Directory, claims: list[Claim], name: str) -> Known | None:
    """Open a record for a card token or an address; without either, nobody is known."""
    usable = [claim for claim in claims if claim.kind != IdentityKind.MEMBER_NUMBER]
    if not usable:
        return None
    customer = directory.add(login=None, name=name)
    proven = [claim for claim in usable if claim.is_proven]
    customer.opened_for = None if proven else usable[0].key
    for claim in proven or usable[:1]:
        directory.attach(customer, claim)
    return customer


def _list_duplicates(
    directory: Directory, customer: Known, claims: list[Claim]
) -> Iterator[tuple[Known, str]]:
    met = [customer]
    for claim in claims:
        owner = directory.owners.get(claim.key)
        for other in [*([owner] if owner else []), *directory.holders[claim.key]]:
            if not any(other.is_same_person_as(known) for known in met):
                met.append(other)
                yield other, claim.kind
