"""Days, months and birthdays as the shop's own calendar has them."""

from calendar import isleap, monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

MICROSECOND: Final = timedelta(microseconds=1)
Unit = Literal["days", "months"]


@dataclass(frozen=True, slots=True)
class Moment:
    """When a segment is asked, and in whose time zone a day begins."""

    at: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        """The shop's date at this moment."""
        return self.at.astimezone(self.zone).date()

    def midnight(self, day: date) -> datetime:
        """Return the moment at which `day` begins in the shop."""
        return datetime.combine(day, time.min, tzinfo=self.zone)

    def day_of(self, moment: datetime) -> date:
        """Return the shop's date at another moment."""
        return moment.astimezone(self.zone).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A stretch of time: the last n days or months, or from one day to another, or ever when all is empty.

    Time: the last n days are today and the n days before it, each from its first minute. Nothing after the
    moment of asking ever counts, so that a segment can be asked about the past.
    """

    count: int | None = None
    unit: Unit = "days"
    first: date | None = None
    last: date | None = None

    @property
    def is_ever(self) -> bool:
        """Tell whether the period has no limit of its own."""
        return self.count is None and self.first is None and self.last is None

    def starts_at(self, moment: Moment) -> datetime | None:
        """Return the first moment that counts; None is the beginning of time."""
        if self.count is not None:
            return moment.midnight(go_back(moment.today, count=self.count, unit=self.unit))
        return moment.midnight(self.first) if self.first else None

    def ends_at(self, moment: Moment) -> datetime:
        """Return the first moment that no longer counts."""
        # What happens at the very moment of asking has happened.
        now = moment.at + MICROSECOND
        if self.last is None or self.last == date.max:
            return now
        return min(now, moment.midnight(self.last + timedelta(days=1)))


def go_back(day: date, *, count: int, unit: Unit) -> date:
    """Return the day that was `count` days or months before; the last day of the month where there is none.

    Before the year 1 there are no days; then it is the first one.

    >>> go_back(date(2025, 3, 31), count=1, unit="months")
    datetime.date(2025, 2, 28)
    """
    if unit == "days":
        return date.fromordinal(max(1, day.toordinal() - count))
    year, month = divmod(day.year * 12 + day.month - 1 - count, 12)
    if year < date.min.year:
        return date.min
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def get_age(born: date, *, on: date) -> int:
    """Return the age in whole years. Who was born on 29 February grows older on 1 March."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def month_day(day: date) -> int:
    """Return the day within any year as one number: 29 February is 229."""
    return day.month * 100 + day.day


def list_birthday_ranges(*, first: date, days: int) -> list[tuple[int, int]]:
    """Return which `month_day` numbers have their birthday on `first` or within `days` after it.

    A birthday of 29 February is kept on 28 February where the year has no 29th: a greeting a day early is
    better than one a day late.
    """
    last = date.fromordinal(min(date.max.toordinal(), first.toordinal() + days))
    if days >= 365:
        return [(101, 1231)]
    if first.year == last.year:
        return [(month_day(first), _with_leap_day(last))]
    return [(month_day(first), 1231), (101, _with_leap_day(last))]


def _with_leap_day(last: date) -> int:
    number = month_day(last)
    return 229 if number == 228 and not isleap(last.year) else number
