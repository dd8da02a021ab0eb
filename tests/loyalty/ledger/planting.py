"""Bugs in the function that places holds: put into the test's database, and taken out again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.db import connection

from backstage import ddl
from loyalty.ledger.hold_at_once import FUNCTION


@contextmanager
def planted(*changes: tuple[str, str]) -> Iterator[None]:
    """Replace what is right in the function's body by something else, each found exactly once."""
    body = FUNCTION.body
    for right, wrong in changes:
        assert body.count(right) == 1, right
        body = body.replace(right, wrong)
    with connection.cursor() as cursor:
        for statement in ddl.function_statements(replace(FUNCTION, body=body)):
            cursor.execute(statement)
    try:
        yield
    finally:
        ddl.ensure_functions()
