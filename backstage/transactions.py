"""What a transaction must be before points or money move in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

# Per database session, not per Django wrapper: a wrapper may reconnect or take another session from a pool.
_verified: WeakSet[Any] = WeakSet()


class TransactionRequiredError(RuntimeError):
    """A write that must be all or nothing was started outside a transaction."""


class IsolationError(RuntimeError):
    """The database session runs on an isolation level under which our locks do not protect."""

    def __init__(self, level: str) -> None:
        super().__init__(
            f"This connection runs at {level!r}. The books need 'read committed': on any other level a row "
            f"lock does not show what the others have just written. Remove 'isolation_level' from the "
            f"OPTIONS in DATABASES and look at default_transaction_isolation of the database and the role."
        )
        self.level = level


def require_transaction(*, using: str = DEFAULT_DB_ALIAS) -> None:
    """Refuse to go on outside `atomic()`.

    The transaction that a test case opens around each test does not count, so that forgetting fails in tests
    too.
    Raises: TransactionRequiredError.
    """
    blocks = connections[using].atomic_blocks
    if all(getattr(block, "_from_testcase", False) for block in blocks):
        raise TransactionRequiredError(
            "This must happen inside a transaction, so that all of it is written or nothing. Either wrap the "
            "call in `with transaction.atomic():`, or call the public operation, which opens one by itself."
        )


def require_read_committed(connection: BaseDatabaseWrapper | None = None) -> None:
    """Refuse a session on another isolation level than READ COMMITTED; ask each session once.

    SQLite has one writer at a time, so there is nothing to ask.
    Raises: IsolationError.
    """
    connection = connection or connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "postgresql":
        return
    connection.ensure_connection()
    if connection.connection not in _verified:
        level = read_isolation(connection)
        if level != "read committed":
            raise IsolationError(level)
        _verified.add(connection.connection)


def read_isolation(connection: BaseDatabaseWrapper) -> str:
    """Return the isolation level that holds in PostgreSQL now.

    Queries: 1.
    """
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        return str(cursor.fetchone()[0])


@contextmanager
def read_snapshot(*, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Read everything from one state of the database, without holding up a writer, and without writing.

    A sum over lots read before, and a sum over movements read after, another session's commit would be a
    false alarm. Inside a caller's transaction the snapshot is that transaction's, and its level cannot be
    changed any more.
    """
    connection = connections[using]
    connection.ensure_connection()
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(using=using), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
    else:
        with _query_only(connection), _deferred(connection), transaction.atomic(using=using):
            yield


@contextmanager
def _deferred(connection: Any) -> Iterator[None]:
    """Open the next SQLite transaction as a reader; IMMEDIATE would hold the one write lock all along."""
    mode, connection.transaction_mode = connection.transaction_mode, "DEFERRED"
    try:
        yield
    finally:
        connection.transaction_mode = mode


@contextmanager
def _query_only(connection: Any) -> Iterator[None]:
    """Refuse writes. Set around the transaction: one that has failed would not let us take it back."""
    connection.cursor().execute("PRAGMA query_only = ON")
    try:
        yield
    finally:
        connection.cursor().execute("PRAGMA query_only = OFF")
