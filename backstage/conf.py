"""What a developer decides: the typed, lazily read dict `ENCORE` in the settings.

Each app declares its own keys in its `conf.py`:

    HOLD_MINUTES = declare("HOLD_MINUTES", int, default=30, says="how long a checkout may hold points")

and reads them where they are needed, `HOLD_MINUTES.get()`. Import order never matters and tests may override
settings.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Setting(Generic[Value]):
    """One key of `ENCORE`, with its type and what it is when nobody says."""

    name: str
    type: type[Value]
    default: Value
    says: str

    def get(self) -> Value:
        """Return the value that holds now.

        Raises: ImproperlyConfigured when it is of another type; a value is never converted, because `"no"`
        and `0.1` would quietly become something else.
        """
        value = given().get(self.name, self.default)
        if not is_of_type(value, self.type):
            raise ImproperlyConfigured(
                f"ENCORE[{self.name!r}] is {value!r}, a {type(value).__name__}. It says {self.says}, and "
                f"must be of type {self.type.__name__}, such as {self.default!r}."
            )
        return value


declared: dict[str, Setting[Any]] = {}


def declare(name: str, type_: type[Value], *, default: Value, says: str) -> Setting[Value]:
    """Make `name` a known key of `ENCORE`; `says` completes the sentence "it says …"."""
    if name in declared:
        raise ImproperlyConfigured(f"ENCORE[{name!r}] is declared twice; a key belongs to one app.")
    declared[name] = Setting(name, type_, default, says)
    return declared[name]


def given() -> dict[str, Any]:
    """Return what the project's settings say, whatever the checks think of it."""
    value = getattr(settings, "ENCORE", {})
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f"ENCORE is {value!r}; it must be a dict, such as ENCORE = {{}}.")
    return value


def is_of_type(value: object, type_: type) -> bool:
    """Tell whether `value` is a `type_`; True and False are no numbers here."""
    return isinstance(value, type_) and not (type_ is int and isinstance(value, bool))


DEMO_CLOCK = declare(
    "DEMO_CLOCK", bool, default=False, says="whether the business clock can be moved forward"
)
JOB_WORKERS = declare("JOB_WORKERS", int, default=1, says="how many threads work the chunks of one job run")
APPROVAL_DELAY_MINUTES = declare(
    "APPROVAL_DELAY_MINUTES",
    int,
    default=60,
    says="how long a request waits where no second person can approve it",
)
