"""System checks: what is wrong in the settings or the database, and the way out."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections

from backstage import conf, registry
from backstage.models import ClockOffset
from backstage.policies.names import did_you_mean
from backstage.transactions import IsolationError, require_read_committed

# psycopg.IsolationLevel.READ_COMMITTED, written as a number so that SQLite needs no psycopg.
READ_COMMITTED = 2


def doors() -> list[registry.Registry[Any]]:
    """Return the registries that backstage owns."""
    return [thing for thing in vars(registry).values() if isinstance(thing, registry.Registry)]


@register()
def check_doors(**_kwargs: Any) -> list[CheckMessage]:
    """encore.E002: two things under one key of a registry of backstage."""
    return [message for door in doors() for message in find_duplicates(door)]


def find_duplicates(door: registry.Registry[Any]) -> list[CheckMessage]:
    """Return an error for each key registered twice, for the checks of whichever app owns the door."""
    return [
        Error(
            f"Two things are registered as {door.name} {key!r}: {first!r} and {second!r}. The first stands.",
            hint="Give one of them another key, or take the app that brings it out of INSTALLED_APPS.",
            id="encore.E002",
        )
        for key, first, second in door.duplicates
    ]


@register()
def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    """encore.E003 and W001: values of a wrong type, and keys nobody reads."""
    try:
        given = conf.given()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="encore.E003")]
    messages: list[CheckMessage] = [
        Caution(
            f"ENCORE[{name!r}] is set, and nothing reads it.",
            hint=did_you_mean(str(name), conf.declared),
            id="encore.W001",
        )
        for name in given
        if name not in conf.declared
    ]
    for setting in conf.declared.values():
        try:
            setting.get()
        except ImproperlyConfigured as error:
            messages.append(Error(str(error), id="encore.E003"))
    return messages


@register()
def check_time(**_kwargs: Any) -> list[CheckMessage]:
    """encore.E006: without time zones, Django stores local times that repeat once a year."""
    if settings.USE_TZ:
        return []
    return [
        Error("USE_TZ is False.", hint="Set USE_TZ = True; every time here is an instant.", id="encore.E006")
    ]


@register()
def check_transactions(**_kwargs: Any) -> list[CheckMessage]:
    """encore.E004 and W002: what the settings alone say about isolation and locking."""
    messages: list[CheckMessage] = []
    for alias, database in settings.DATABASES.items():
        options = database.get("OPTIONS", {})
        level = options.get("isolation_level")
        if level is not None and int(level) != READ_COMMITTED:
            messages.append(
                _wrong_isolation(alias, f"DATABASES[{alias!r}] asks for isolation level {level!r}.")
            )
        if database["ENGINE"].endswith("sqlite3") and options.get("transaction_mode") != "IMMEDIATE":
            messages.append(
                Caution(
                    f"DATABASES[{alias!r}] begins SQLite transactions as readers.",
                    hint=(
                        "Set OPTIONS = {'transaction_mode': 'IMMEDIATE', 'timeout': 20}; otherwise two "
                        "visitors at once end in 'database is locked', whatever the timeout."
                    ),
                    id="encore.W002",
                )
            )
    return messages


@register(Tags.database)
def check_database(databases: Iterable[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """encore.E004 and E005: what the database itself says. Asked by `migrate` and `check --database`."""
    messages: list[CheckMessage] = []
    for alias in databases or []:
        try:
            require_read_committed(connections[alias])
        except IsolationError as error:
            messages.append(_wrong_isolation(alias, str(error)))
        if not conf.DEMO_CLOCK.get() and _has_moved_clock(alias):
            messages.append(
                Error(
                    f"The business clock in {alias!r} was moved for a demo, and DEMO_CLOCK is off.",
                    hint="Points of this database have moved with it. Start with a fresh database.",
                    id="encore.E005",
                )
            )
    return messages


def _wrong_isolation(alias: str, message: str) -> CheckMessage:
    return Error(
        message,
        hint=f"Use READ COMMITTED, PostgreSQL's default, for {alias!r}: row locks protect on no other level.",
        id="encore.E004",
    )


def _has_moved_clock(alias: str) -> bool:
    try:
        return ClockOffset.objects.using(alias).filter(seconds__gt=0).exists()
    except DatabaseError:
        return False  # the tables are not there yet: this is the first migrate
