"""Posting: the one way in which requests change points.

    1. Lock the accounts of all members concerned, by ascending member id.
    2. Look for the keys. A known key with the same content is answered with the entry that stands;
       with other content it is refused. This comes before any look at the balance, so that the retry of a
       spend that emptied the account is answered and not refused.
    3. Load the members' books and let each request draft its entries: what time has decided, the move asked
       for, the debt that it settles.
    4. Write entries and movements, then each lot and each account once, by the net.

Everything happens in the caller's transaction; there is no shortcut without one.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from django.db import connection
from django.utils import timezone

from backstage.plain_sql import Told, execute, is_postgresql
from backstage.policies import By
from backstage.transactions import require_read_committed, require_transaction
from loyalty.ledger.rows import Recording
from loyalty.ledger.writer import write
from loyalty.locks import lock_accounts
from loyalty.models import Entry
from loyalty.policies.book import Account, EntryDraft, MemberBook, SliceTooShort
from loyalty.policies.errors import KeyReused, MemberMerged
from loyalty.policies.requests import Request
from loyalty.policies.states import State
from loyalty.queries.books import load_books, load_first_lots

_KEYS = Told(Entry, ("member_id", "key"))


class AccountMissing(LookupError):
    """A request names a member who has no points account."""

    def __init__(self, *, member_ids: Sequence[int]) -> None:
        self.member_ids = list(member_ids)
        super().__init__(
            f"No points account for member {', '.join(map(str, member_ids))}. Enrol the customer first."
        )


@dataclass(frozen=True, slots=True)
class Posted:
    """The entry that a request stands for now. `is_replay` says that it stood before."""

    entry_id: int
    is_replay: bool = False
    debt_points: int = 0
    let_go_points: int = 0
    revoked_points: int = 0


def post(requests: Sequence[Request], *, at: datetime, by: By, batch: int | None = None) -> list[Posted]:
    """Carry out the requests in the order given, all or none; answer each with its entry.

    Time: `at` is the business time of the deeds. Locks: the accounts, by ascending member id.
    Replay: a known key answers with its entry and changes nothing. Queries: constant, whatever the number of
    requests. Raises: LedgerRefusal, AccountMissing, KeyReused; nothing is written then.
    """
    require_transaction()
    require_read_committed(connection)
    accounts = _locked_accounts(requests)
    standing = _standing_entries(requests)
    fresh = [request for request in requests if (request.member_id, request.key) not in standing]
    for request in requests:
        _check_same(request, standing)
    books, drafts = _draft(accounts, fresh, at)
    entry_ids = write(list(books.values()), Recording(by, timezone.now(), batch))
    by_key = {
        (request.member_id, request.key): _posted(entry_ids[request.member_id, request.key], draft)
        for request, draft in zip(fresh, drafts, strict=True)
    }
    return [
        by_key.get((request.member_id, request.key))
        or Posted(standing[request.member_id, request.key][0], True)
        for request in requests
    ]


def settle(member_ids: Sequence[int], *, at: datetime, by: By, batch: int | None = None) -> int:
    """Write down what time has decided for these members by `at`; give the number of entries.

    Replay: settled twice, the second time nothing is left to write. Locks: the accounts.
    """
    require_transaction()
    books = load_books(lock_accounts(member_ids).values())
    for book in books.values():
        book.settle(at)
    return len(write(list(books.values()), Recording(by, timezone.now(), batch)))


def _locked_accounts(requests: Sequence[Request]) -> dict[int, Account]:
    wanted = {request.member_id for request in requests}
    accounts = lock_accounts(wanted)
    if missing := sorted(wanted - accounts.keys()):
        raise AccountMissing(member_ids=missing)
    return accounts


def _standing_entries(requests: Sequence[Request]) -> dict[tuple[int, str], tuple[int, str]]:
    told, values = _KEYS.tell([(request.member_id, request.key) for request in requests])
    rows = execute(
        f"SELECT entry.member_id, entry.key, entry.id, entry.fingerprint FROM {told} {_join_entry()}", values
    ).fetchall()
    return {(member_id, key): (entry_id, fingerprint) for member_id, key, entry_id, fingerprint in rows}


@cache
def _join_entry() -> str:
    """Join each pair told with the one entry that it names, by the unique index."""
    table, same = Entry._meta.db_table, "entry.member_id = told.member_id AND entry.key = told.key"
    if not is_postgresql():
        return f"JOIN {table} AS entry ON {same}"
    # One by one: a plain join of a thousand pairs makes PostgreSQL read the whole ledger instead, and of a
    # list of members and a list of keys it would try every combination.
    return f"CROSS JOIN LATERAL (SELECT * FROM {table} AS entry WHERE {same} LIMIT 1) AS entry"


def _check_same(request: Request, standing: dict[tuple[int, str], tuple[int, str]]) -> None:
    found = standing.get((request.member_id, request.key))
    if found is not None and found[1] != request.fingerprint:
        raise KeyReused(key=request.key, member_id=request.member_id)


def _draft(
    accounts: dict[int, Account], requests: Sequence[Request], at: datetime
) -> tuple[dict[int, MemberBook], list[EntryDraft]]:
    """Let each request draft its entries; on the first lots of a book alone, where they are enough.

    A member may have tens of thousands of open lots, and a checkout takes points from two or three.
    """
    if len(accounts) == 1 and requests and all(request.takes_first_lots for request in requests):
        (account,) = accounts.values()
        book = load_first_lots(account, at)
        try:
            return {book.member_id: book}, _apply(requests, {book.member_id: book}, at)
        except SliceTooShort:
            pass  # nothing is stored yet; the whole book answers, refusals included
    books = _books(accounts, requests)
    return books, _apply(requests, books, at)


def _apply(requests: Sequence[Request], books: dict[int, MemberBook], at: datetime) -> list[EntryDraft]:
    for book in books.values():
        if book.merged_into is not None:
            raise MemberMerged(member_id=book.member_id, into_id=book.merged_into)
    return [request.apply(books[request.member_id], at) for request in requests]


def _books(accounts: dict[int, Account], requests: Sequence[Request]) -> dict[int, MemberBook]:
    """Load the books that the requests need; those that only receive points are loaded without their lots."""
    needs_lots: dict[int, bool] = defaultdict(bool)
    for request in requests:
        needs_lots[request.member_id] |= request.needs_lots
    with_lots = [accounts[member_id] for member_id, needed in needs_lots.items() if needed]
    without = [accounts[member_id] for member_id, needed in needs_lots.items() if not needed]
    books: dict[int, MemberBook] = {}
    if with_lots:
        books |= load_books(with_lots)
    if without:
        books |= load_books(without, with_lots=False)
    return books


def _posted(entry_id: int, draft: EntryDraft) -> Posted:
    return Posted(
        entry_id,
        debt_points=draft.debt_change,
        let_go_points=draft.let_go_points,
        revoked_points=draft.points_to(State.REVOKED),
    )
