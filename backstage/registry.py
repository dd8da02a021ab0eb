"""Doors: a lower app owns a registry, upper apps put things into it. Keys are strings and unique."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from django.utils.functional import Promise

from backstage.policies import By, Chunk, Finding, Progress
from backstage.policies.names import did_you_mean

Thing = TypeVar("Thing")
Text = str | Promise


class UnknownKey(LookupError):
    """Nothing is registered under this key: a misspelling, or the app that brought it is not installed."""

    def __init__(self, *, registry: str, key: str, known: Sequence[str]) -> None:
        super().__init__(f"There is no {registry} called {key!r}. {did_you_mean(key, known)}")
        self.registry = registry
        self.key = key
        self.known = list(known)


class Registry(Generic[Thing]):
    """Things by key, in the order of their keys.

    A second thing under a taken key does not replace the first and does not raise either: it would stop the
    start in the middle of `ready()`. A system check (encore.E002) names both.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.duplicates: list[tuple[str, Thing, Thing]] = []
        self._things: dict[str, Thing] = {}

    def register(self, key: str, thing: Thing) -> None:
        """Put `thing` under `key`."""
        first = self._things.setdefault(key, thing)
        if first is not thing:
            self.duplicates.append((key, first, thing))

    def get(self, key: str) -> Thing:
        """Return what stands under `key`.

        Raises: UnknownKey, with the nearest key that exists.
        """
        try:
            return self._things[key]
        except KeyError:
            raise UnknownKey(registry=self.name, key=key, known=list(self)) from None

    def items(self) -> list[tuple[str, Thing]]:
        """Return keys and things, by key."""
        return sorted(self._things.items(), key=lambda item: item[0])

    def __contains__(self, key: object) -> bool:
        return key in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._things))

    def __len__(self) -> int:
        return len(self._things)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Recurring work: `plan` cuts what is due at or before a moment into chunks, `work` does one of them.

    `work(chunk, at, chunk_id)` runs inside the runner's transaction, which also marks the chunk as done: it
    commits with its mark or not at all. It must find due things by itself and leave alone what is no longer
    due. With `reads_only`, it runs inside one read snapshot instead and may be repeated after a crash.
    """

    name: str
    every: timedelta
    plan: Callable[[datetime], Sequence[Chunk]]
    work: Callable[[Chunk, datetime, int], Progress]
    note: Text
    reads_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """A law of the books. `question` is what a person would ask; `find` returns the rows that break it.

    A breach of `liveness` means that something is late, not that it is wrong.
    """

    name: str
    question: str
    find: Callable[[], list[Finding]]
    liveness: bool = False


class Out(Protocol):
    """Where a verb speaks: results to standard output, progress and complaints to standard error."""

    wants_json: bool

    def line(self, text: str = "") -> None:
        """Say one line to the person; silent when JSON was asked for."""

    def error(self, text: str) -> None:
        """Say what went wrong and what to do."""

    def json(self, value: Any) -> None:
        """Write the result as JSON, when it was asked for."""

    def bar(self, *, label: str, total: int | None, unit: str = "") -> AbstractContextManager["Bar"]:
        """Open a progress bar; on no terminal, one line per tenth of the way."""


class Bar(Protocol):
    """A progress bar."""

    def advance(self, count: int) -> None:
        """Say that `count` more are done."""

    def reach(self, *, done: int, total: int | None = None) -> None:
        """Say how many are done altogether."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """`manage.py encore NAME`: one thing a person can ask for on the command line.

    `run(options, out)` returns the exit code: 0 ok, 1 failed, 2 usage, 3 partly done. `options` is a
    mapping, as Django's commands have it; `--json` and `--no-progress` are there for every verb. It is not
    run where the database is out of reach or lacks tables, unless it does not need them.
    """

    name: str
    help: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Mapping[str, Any], Out], int]
    needs_tables: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditKind:
    """A kind of deed in the audit log; `sentence` has the gaps %(by)s, %(object)s and %(reason)s."""

    name: str
    sentence: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalKind:
    """A kind of change that waits for a second look; `apply(payload, at, by)` makes it, in the same
    transaction.

    It raises ChangeRefusedError when the change cannot be made any more. `describe(payload)` says in one
    sentence what will happen; lists call it for every row, so it asks the database nothing. `template` shows
    whoever decides the rest, from what `find(payload, at)` finds. What a person wrote about another is
    `private`: the log, which nobody can erase, leaves these values of the payload out.
    """

    name: str
    describe: Callable[[Mapping[str, Any]], str]
    apply: Callable[[Mapping[str, Any], datetime, By], None]
    template: str = ""
    find: Callable[[Mapping[str, Any], datetime], Mapping[str, Any]] = lambda payload, at: {}
    private: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiScope:
    """Something that a key may be good for; `label` completes "good for …"."""

    name: str
    label: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOwner:
    """A kind of owner that keys are made for.

    `list_owners` gives id and name of those who may be given a key now; `name_owner` names one by its id,
    also one that may get none any more.
    """

    name: str
    label: Text
    list_owners: Callable[[], Sequence[tuple[str, str]]]
    name_owner: Callable[[str], str]


jobs: Registry[Job] = Registry("job")
invariants: Registry[Invariant] = Registry("invariant")
verbs: Registry[Verb] = Registry("verb")
audit_kinds: Registry[AuditKind] = Registry("audit kind")
approval_kinds: Registry[ApprovalKind] = Registry("approval kind")
api_scopes: Registry[ApiScope] = Registry("API scope")
key_owners: Registry[KeyOwner] = Registry("key owner")
