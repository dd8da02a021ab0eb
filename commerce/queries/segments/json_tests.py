"""Tests of a customer's attributes and tags that mean the same on both databases.

Django's own lookups do not: `contains` is missing on SQLite, where true equals 1 and every text is larger
than every number; on PostgreSQL true is larger than every number. Here a text is only ever compared with
texts, a number with numbers, and an attribute that is a list holds if one of its entries does.
"""

import json
from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func
from django.db.models.sql.compiler import SQLCompiler

Compiled = tuple[str, tuple[Any, ...]]


class AttributeHolds(Func):
    """Whether an attribute is one of some values and between two numbers; else whether it is known at all."""

    output_field = BooleanField()

    def __init__(
        self,
        *,
        name: str,
        any_of: Sequence[str | int | float | bool] = (),
        at_least: int | float | None = None,
        at_most: int | float | None = None,
    ) -> None:
        super().__init__(F("attributes"))
        self.name, self.any_of, self.at_least, self.at_most = name, any_of, at_least, at_most

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Compiled:
        column, params = compiler.compile(self.get_source_expressions()[0])
        tests = {
            "@ == $any[*]": self.any_of,
            "@ >= $least": self.at_least is not None,
            "@ <= $most": self.at_most is not None,
        }
        test = " && ".join(text for text, is_asked in tests.items() if is_asked) or "@ != null"
        path = f"$.keyvalue() ? (@.key == $name).value ? ({test})"
        values = {"name": self.name, "any": self.any_of, "least": self.at_least, "most": self.at_most}
        # The last argument makes a path that does not fit the document "no" instead of an error.
        sql = f"jsonb_path_exists({column}, '{path}', %s::jsonb, true)"
        return sql, (*params, json.dumps(values))

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Compiled:
        column, params = compiler.compile(self.get_source_expressions()[0])
        tests, values = self._list_sqlite_tests()
        sql = f"""EXISTS (
            SELECT 1 FROM json_each({column}) AS attribute
            JOIN json_tree({column}) AS entry ON entry.fullkey = attribute.fullkey
                OR (attribute.type = 'array' AND entry.path = attribute.fullkey)
            WHERE attribute.key = %s AND {" AND ".join(tests)}
        )"""
        return sql, (*params, *params, self.name, *values)

    def _list_sqlite_tests(self) -> tuple[list[str], list[Any]]:
        tests: list[str] = []
        values: list[Any] = []
        if self.any_of:
            test, values = _is_one_of(self.any_of)
            tests.append(test)
        for operator, bound in ((">=", self.at_least), ("<=", self.at_most)):
            if bound is not None:
                tests.append(f"(entry.type IN ('integer', 'real') AND entry.atom {operator} %s)")
                values.append(bound)
        return tests or ["entry.type NOT IN ('null', 'array')"], values


class HasTag(Func):
    """Whether one of `tags` is among the customer's."""

    output_field = BooleanField()

    def __init__(self, tags: Sequence[str]) -> None:
        super().__init__(F("tags"))
        self.tags = list(tags)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Compiled:
        column, params = compiler.compile(self.get_source_expressions()[0])
        return f"({column} ?| %s::text[])", (*params, self.tags)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Compiled:
        column, params = compiler.compile(self.get_source_expressions()[0])
        is_wanted = f"tag.type = 'text' AND tag.atom IN {_places(self.tags)}"
        return f"EXISTS (SELECT 1 FROM json_each({column}) AS tag WHERE {is_wanted})", (*params, *self.tags)


def _is_one_of(wanted: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return the test by types: SQLite reads JSON's true as 1."""
    texts = [value for value in wanted if isinstance(value, str)]
    flags = [str(value).lower() for value in wanted if isinstance(value, bool)]
    numbers = [value for value in wanted if not isinstance(value, str | bool)]
    test = f"""(
        (entry.type = 'text' AND entry.atom IN {_places(texts)})
        OR entry.type IN {_places(flags)}
        OR (entry.type IN ('integer', 'real') AND entry.atom IN {_places(numbers)})
    )"""
    return test, [*texts, *flags, *numbers]


def _places(values: Sequence[Any]) -> str:
    return f"({', '.join(['%s'] * len(values))})"
