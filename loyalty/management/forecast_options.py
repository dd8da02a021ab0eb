"""The options of the verb `forecast`: how a shop owner writes amounts, shares and months."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from decimal import Decimal
from fractions import Fraction

from loyalty.policies.forecast import NEVER, Never

MOST_DAYS = 3660
PLAIN = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)


def add_arguments(parser: ArgumentParser) -> None:
    """Add an option for every assumption; what is left out is read from the shop's records, or guessed."""
    add = parser.add_argument
    add("--programme", help="the key of the programme; needed only where there is more than one")
    add("--currency", help="what the shop sells in, such as EUR; needed only while there is no programme")
    add("--days", type=days, default=90, help="read the purchases of so many days; 90 by default")
    add("--average-order", type=amount, help="the goods on an average order, such as 3.50")
    add("--orders", type=whole, help="orders a month")
    add("--members", type=percent, help="per cent of orders that are members'")
    add("--margin", type=percent, help="per cent of a sale that is left after buying the goods")
    add("--points", type=exact, help="points for each unit of the currency spent")
    add("--worth", type=amount, help="what 100 points take off, such as 0.50")
    add("--used", type=percent, help="per cent of points that ever get used; 70 by default")
    add("--expiry", type=months, help="after how many months points end, or: never")
    add("--step", type=amount, help="an order from which a bonus is given; needs --bonus")
    add("--bonus", type=whole, help="how many points; needs --step")
    add("--over-already", type=percent, help="per cent of members' orders that reach the step anyway")
    add("--target", type=amount, help="the average over all orders that you aim for")
    add("--reward", type=whole, help="what the first reward costs, in points")
    add("--lifetime-value", type=amount, help="what a customer spends with you over the years")
    add("--acquisition-cost", type=amount, help="what it costs you to win a customer")
    add("--compare", type=exact, action="append", help="another number of points; may be given again")


def exact(text: str) -> Fraction:
    """Read a number of 0 or more, exactly as it is written."""
    if not PLAIN.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is no plain number. Write it like 10 or 0.5, with a point.")
    return Fraction(text)


def amount(text: str) -> Decimal:
    """Read an amount of money, in units of the currency."""
    if not PLAIN.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is no amount. Write it like 3.50, with a point and no currency.")
    return Decimal(text)


def percent(text: str) -> Fraction:
    """Read a share, written in per cent."""
    if not PLAIN.fullmatch(text) or Fraction(text) > 100:
        raise ArgumentTypeError(f"{text!r} is no share. Write a number from 0 to 100, such as 65.")
    return Fraction(text) / 100


def whole(text: str) -> int:
    """Read a whole number of 0 or more."""
    if not PLAIN.fullmatch(text) or "." in text:
        raise ArgumentTypeError(f"{text!r} is no whole number. Write it like 4000.")
    return int(text)


def days(text: str) -> int:
    """Read how many days to look back."""
    count = whole(text)
    if not 1 <= count <= MOST_DAYS:
        raise ArgumentTypeError(f"{count} days is out of reach. Write 1 to {MOST_DAYS}.")
    return count


def months(text: str) -> int | Never:
    """Read a number of months, or that there is no end."""
    return NEVER if text == NEVER.value else whole(text)
