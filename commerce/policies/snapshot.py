"""What a shop says about one purchase.

A snapshot is the whole state as the shop knows it, with cumulative returns, and never an event. It refuses
what no shop can mean (a float as money, a time without a zone) when it is made, in the shop's own code, where
the mistake is. What only the stored purchase can contradict is decided by `sync_purchases` and listed as a
problem instead.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from babel.numbers import list_currencies

# The largest whole number that every reader of JSON keeps exactly.
MOST_MINOR: Final = 2**53
MOST_QUANTITY: Final = Decimal("999999999.999")
MOST_LINES: Final = 10_000
CURRENCIES: Final = frozenset(list_currencies())
ZERO: Final = Decimal(0)


class Status(StrEnum):
    PLACED = "placed"
    PAID = "paid"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"


class TenderKind(StrEnum):
    MONEY = "money"
    POINTS = "points"
    GIFT_CARD = "gift_card"


STATUSES: Final = frozenset(Status)
TENDER_KINDS: Final = frozenset(TenderKind)


class SnapshotError(ValueError):
    """A snapshot holds a value that no shop can mean."""

    def __init__(self, *, field: str, value: object, fix: str) -> None:
        self.field, self.value_shown, self.fix = field, shown(value), fix
        super().__init__(f"{field} is {self.value_shown}. {fix}")


def shown(value: object) -> str:
    """Return `value` for a message, without the digits of what might be a card number."""
    text = repr(value)
    if sum(map(str.isdigit, text)) >= 13 and not isinstance(value, datetime):
        return f"a {type(value).__name__} with {len(text)} characters"
    return text if len(text) <= 60 else f"{text[:57]}..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who bought, by whatever the shop knows; all of it may be missing.

    `login` is the primary key of the user. `verified` names which of "email" and "phone" the shop has had
    proven to it.
    """

    login: int | str | UUID | None = None
    external_id: str = ""
    member_number: str = ""
    card_token: str = ""
    email: str = ""
    phone: str = ""
    verified: frozenset[str] = frozenset()
    name: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.login, bool) or not isinstance(self.login, int | str | UUID | None):
            raise SnapshotError(
                field="who.login", value=self.login, fix="Give the user's primary key, or None."
            )
        for name, longest in _WHO_TEXTS:
            check_text(f"who.{name}", getattr(self, name), longest=longest)
        if not isinstance(self.verified, frozenset | set) or not self.verified <= {"email", "phone"}:
            raise SnapshotError(
                field="who.verified",
                value=self.verified,
                fix='Give a set of "email" and "phone", or leave it empty.',
            )


_WHO_TEXTS: Final = (
    ("external_id", 100),
    ("member_number", 100),
    ("card_token", 200),
    ("email", 320),
    ("phone", 50),
    ("name", 200),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSnapshot:
    """One position: what was sold under `key`, and how much of it has come back so far.

    Units: `sold_minor` is what was charged for the line in minor units, tax included and after discounts.
    Without `returned_minor`, `returned_quantity` counts pro rata.
    """

    key: str
    sku: str
    name: str
    quantity: int | Decimal
    sold_minor: int
    tax_minor: int = 0
    discount_minor: int = 0
    cost_minor: int | None = None
    brand: str = ""
    category_path: str = ""
    returned_quantity: int | Decimal = 0
    returned_minor: int | None = None
    returned_at: datetime | None = None
    is_goods: bool = True

    def __post_init__(self) -> None:
        check_text("line.key", self.key, longest=100, required=True)
        try:
            self._check()
        except SnapshotError as error:
            error.args = (f"Line {shown(self.key)}: {error}",)
            raise

    def _check(self) -> None:
        check_text("line.sku", self.sku, longest=100)
        check_text("line.name", self.name, longest=300)
        check_text("line.brand", self.brand, longest=200)
        check_text("line.category_path", self.category_path, longest=500)
        _check_quantity("line.quantity", self.quantity)
        _check_quantity("line.returned_quantity", self.returned_quantity)
        check_minor("line.sold_minor", self.sold_minor)
        check_minor("line.tax_minor", self.tax_minor)
        check_minor("line.discount_minor", self.discount_minor)
        if self.cost_minor is not None:
            check_minor("line.cost_minor", self.cost_minor)
        if self.returned_minor is not None:
            check_minor("line.returned_minor", self.returned_minor)
        if self.returned_at is not None:
            check_moment("line.returned_at", self.returned_at)
        if not isinstance(self.is_goods, bool):
            raise SnapshotError(field="line.is_goods", value=self.is_goods, fix="Give True or False.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderSnapshot:
    """How a part was paid: "money", "points" or "gift_card"."""

    kind: str
    amount_minor: int
    reference: str = ""

    def __post_init__(self) -> None:
        if self.kind not in TENDER_KINDS:
            raise SnapshotError(
                field="tender.kind", value=self.kind, fix=f"Give one of {_listed(TENDER_KINDS)}."
            )
        check_minor("tender.amount_minor", self.amount_minor)
        check_text("tender.reference", self.reference, longest=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One purchase as the shop knows it at `as_of`, its change number or change time."""

    channel: str
    reference: str
    as_of: datetime | int
    who: Who
    currency: str
    placed_at: datetime
    paid_at: datetime | None = None
    delivered_at: datetime | None = None
    status: str = Status.PLACED
    lines: tuple[LineSnapshot, ...] = ()
    tenders: tuple[TenderSnapshot, ...] = ()
    refunded_minor: int = 0
    codes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_text("channel", self.channel, longest=50, required=True)
        check_text("reference", self.reference, longest=100, required=True)
        try:
            self._check()
        except SnapshotError as error:
            error.args = (f"Purchase {shown(self.reference)} of channel {shown(self.channel)}: {error}",)
            raise

    def _check(self) -> None:
        _check_as_of(self.as_of)
        if not isinstance(self.who, Who):
            raise SnapshotError(
                field="who", value=self.who, fix="Give a Who; Who() says that nobody is known."
            )
        if not isinstance(self.currency, str) or self.currency not in CURRENCIES:
            raise SnapshotError(
                field="currency", value=self.currency, fix='Give an ISO 4217 code such as "EUR".'
            )
        check_moment("placed_at", self.placed_at)
        for name in ("paid_at", "delivered_at"):
            moment = getattr(self, name)
            if moment is not None:
                check_moment(name, moment)
        if not isinstance(self.status, str) or self.status not in STATUSES:
            raise SnapshotError(field="status", value=self.status, fix=f"Give one of {_listed(STATUSES)}.")
        check_minor("refunded_minor", self.refunded_minor)
        self._freeze("lines", LineSnapshot)
        self._freeze("tenders", TenderSnapshot)
        self._freeze("codes", str)
        for code in self.codes:
            check_text("codes", code, longest=100, required=True)
        _check_distinct("lines", [line.key for line in self.lines], fix="Give every line a key of its own.")
        _check_distinct(
            "tenders",
            [f"{tender.kind} {tender.reference}" for tender in self.tenders],
            fix="Add up what was paid in the same way, or give each its own reference.",
        )

    def _freeze(self, name: str, kind: type) -> None:
        """Turn a list into a tuple; the snapshot promises not to change."""
        value = getattr(self, name)
        if not isinstance(value, list | tuple) or not all(isinstance(item, kind) for item in value):
            raise SnapshotError(field=name, value=value, fix=f"Give a tuple of {kind.__name__}.")
        if len(value) > MOST_LINES:
            raise SnapshotError(field=name, value=len(value), fix=f"Give at most {MOST_LINES}.")
        object.__setattr__(self, name, tuple(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class LateSnapshot:
    """A purchase of a shop that keeps no change time: `read` is called after the purchase's row is locked.

    Two processes that read the shop's order and then wait for each other would otherwise store the older
    reading last. `read` may be called again when another process stored the purchase first, so it must only
    read.
    """

    channel: str
    reference: str
    read: Callable[[], Snapshot] = field(repr=False)

    def __post_init__(self) -> None:
        check_text("channel", self.channel, longest=50, required=True)
        check_text("reference", self.reference, longest=100, required=True)
        if not callable(self.read):
            raise SnapshotError(field="read", value=self.read, fix="Give a function that returns a Snapshot.")


def check_moment(name: str, value: Any) -> None:
    """Raise SnapshotError unless `value` is a time with a zone, of a year that a shop can have sold in."""
    if not isinstance(value, datetime):
        raise SnapshotError(field=name, value=value, fix="Give a datetime with a time zone.")
    if value.tzinfo is None or value.utcoffset() is None:
        raise SnapshotError(
            field=name,
            value=value,
            fix="Give it a time zone, for example with django.utils.timezone.make_aware().",
        )
    if not 1970 <= value.year <= 2999 or value.timestamp() < 0:
        raise SnapshotError(field=name, value=value, fix="Give a time between 1970 and 2999.")


def _check_as_of(value: Any) -> None:
    if isinstance(value, datetime):
        check_moment("as_of", value)
    elif not _is_whole(value) or not 0 <= value <= MOST_MINOR:
        raise SnapshotError(
            field="as_of",
            value=value,
            fix="Give the time of the change, or a whole number that rises with every change.",
        )


def check_minor(name: str, value: Any) -> None:
    """Refuse what is no sum of money in whole minor units. Raises: SnapshotError."""
    if not _is_whole(value):
        raise SnapshotError(
            field=name, value=value, fix="Give a whole number of minor units, 1250 for 12.50."
        )
    if not 0 <= value <= MOST_MINOR:
        raise SnapshotError(field=name, value=value, fix="Give minor units from 0 to 2^53.")


def _check_quantity(name: str, value: Any) -> None:
    if not _is_whole(value) and not isinstance(value, Decimal):
        raise SnapshotError(
            field=name, value=value, fix='Give a whole number, or a Decimal such as Decimal("1.5").'
        )
    if isinstance(value, Decimal) and not value.is_finite():
        raise SnapshotError(field=name, value=value, fix="Give a number.")
    if not 0 <= value <= MOST_QUANTITY:
        raise SnapshotError(field=name, value=value, fix=f"Give a quantity from 0 to {MOST_QUANTITY}.")
    if isinstance(value, Decimal) and value != round(value, 3):
        raise SnapshotError(field=name, value=value, fix="Give at most three decimals.")


def check_text(name: str, value: Any, *, longest: int, required: bool = False) -> None:
    """Refuse what is no text, too long a one, or one that not every database takes. Raises: SnapshotError."""
    if not isinstance(value, str):
        raise SnapshotError(field=name, value=value, fix="Give text.")
    if len(value) > longest:
        raise SnapshotError(field=name, value=value, fix=f"Give at most {longest} characters.")
    if required and not value.strip():
        raise SnapshotError(field=name, value=value, fix="It must not be empty.")
    if not value.isprintable() and not _can_be_stored(value):
        raise SnapshotError(field=name, value=value, fix="Remove NUL and broken characters.")


def _can_be_stored(text: str) -> bool:
    """Say whether every database takes it: PostgreSQL refuses NUL, and half a surrogate pair is no UTF-8."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _check_distinct(name: str, keys: list[str], *, fix: str) -> None:
    if len(set(keys)) < len(keys):
        doubled = next(key for key in keys if keys.count(key) > 1)
        raise SnapshotError(field=name, value=f"{doubled} twice", fix=fix)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in sorted(words))
