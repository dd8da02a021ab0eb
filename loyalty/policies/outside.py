"""Points of outside programmes, miles for one: exact rates, account numbers, and what files may say."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from commerce.policies.card_numbers import has_card_number, passes_luhn

MOST_UNITS = 1_000_000_000
LONGEST_ACCOUNT, LONGEST_REFERENCE = 40, 64
# A hold for an exchange says so in its reference, so that nobody reads "reserved for an order".
REFERENCE = "exchange:"


class Direction(StrEnum):
    """Which way points are exchanged."""

    OUT = "out"
    IN = "in"


class TransferState(StrEnum):
    """What became of points that a member exchanges."""

    WAITING = "waiting"
    SENT = "sent"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    CALLED_OFF = "called_off"
    REPORTED = "reported"


class FileKind(StrEnum):
    """What a file that came in says."""

    ANSWERS = "answers"
    INCOMING = "incoming"


class RowState(StrEnum):
    """What became of a row of a file that came in."""

    WAITING = "waiting"
    TAKEN = "taken"
    KNOWN = "known"
    FAULTY = "faulty"


class RowFault(StrEnum):
    """Why a row could not be taken."""

    UNREADABLE = "unreadable"
    UNKNOWN_REFERENCE = "unknown_reference"
    NOT_SENT = "not_sent"
    OTHER_ANSWER = "other_answer"
    UNKNOWN_ACCOUNT = "unknown_account"
    NOT_ACTIVE = "not_active"
    NO_RATE = "no_rate"
    NOT_WHOLE_STEPS = "not_whole_steps"
    OTHER_CONTENT = "other_content"
    TWICE_IN_FILE = "twice_in_file"


class AccountFault(StrEnum):
    """Why a text is no account number of an outside programme."""

    PATTERN = "pattern"
    CHECK_DIGIT = "check_digit"
    PAYMENT_CARD = "payment_card"


class NotWholeSteps(ValueError):
    """So many points or units cannot be exchanged without a rest; the nearest that can stand beside it."""

    def __init__(self, *, asked: int, step: int) -> None:
        self.asked, self.step = asked, step
        self.below, self.above = asked // step * step, (asked // step + 1) * step
        super().__init__(f"{asked} is no whole number of steps of {step}: give {self.below} or {self.above}.")


class AccountRefused(ValueError):
    """A text that is no account number."""

    def __init__(self, *, fault: AccountFault) -> None:
        self.fault = fault
        super().__init__(f"This is no account number: {fault.value}.")


class FileUnreadable(ValueError):
    """Nothing of a file can be read; the message says what it should look like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many points for so many units of the outside programme, in [starts_at, ends_at)."""

    id: int
    points: int
    units: int
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """An outside programme that members may exchange with, as the member's pages need it."""

    id: int
    name: str
    unit: str
    rates_out: tuple[Rate, ...]

    def rate_at(self, at: datetime) -> Rate | None:
        """Find the rate for points that go out at a moment."""
        for rate in self.rates_out:
            if rate.starts_at <= at and (rate.ends_at is None or at < rate.ends_at):
                return rate
        return None


def exchange(asked: int, *, step: int, gives: int) -> int:
    """Exchange by whole steps, never rounded. Raises: NotWholeSteps.

    >>> exchange(1500, step=500, gives=200)
    600
    """
    if asked <= 0 or asked % step:
        raise NotWholeSteps(asked=asked, step=step)
    return asked // step * gives


# -- account numbers -----------------------------------------------------------------------------------------

# "#" stands for a digit, "?" for a letter, everything else for itself; several patterns, divided by commas.
_PATTERNS = re.compile(r"[A-Za-z0-9#?-]{1,40}(\s*,\s*[A-Za-z0-9#?-]{1,40})*")
# Major industry identifiers of banks and cards (ISO/IEC 7812): 3 to 6, and 2221 to 2720.
_CARD_BEGINS = re.compile(r"[3-6]|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720")


def is_pattern(text: str) -> bool:
    """Tell whether a text can be a pattern. It is no regular expression: what owners write runs nothing."""
    return _PATTERNS.fullmatch(text.strip()) is not None


def normalise_account(text: str) -> str:
    """Drop what people put between groups, and fold case."""
    return re.sub(r"[\s.\-/]", "", text).upper()


def check_account(text: str, *, pattern: str, has_check_digit: bool) -> str:
    """Give an account number as it is kept. Raises: AccountRefused; nothing of what it refuses is kept."""
    number = normalise_account(text)
    if is_payment_card(number):
        raise AccountRefused(fault=AccountFault.PAYMENT_CARD)
    masks = [normalise_account(mask) for mask in pattern.split(",")]
    if not any(_fits(number, mask) for mask in masks):
        raise AccountRefused(fault=AccountFault.PATTERN)
    digits = "".join(character for character in number if character.isdigit())
    if has_check_digit and not passes_luhn(digits):
        raise AccountRefused(fault=AccountFault.CHECK_DIGIT)
    return number


def is_payment_card(number: str) -> bool:
    """Tell whether a text holds what could be a payment card's number, which is never stored.

    Frequent flyers' numbers may be as long and pass the same formula; they do not begin as banks' do.
    """
    runs = re.findall(r"\d+", number)
    return any(has_card_number(run) and _CARD_BEGINS.match(run) for run in runs)


def _fits(number: str, mask: str) -> bool:
    return len(number) == len(mask) and all(
        (wanted == "#" and character in "0123456789")
        or (wanted == "?" and "A" <= character <= "Z")
        or wanted == character
        for character, wanted in zip(number, mask, strict=True)
    )
