"""How long before it holds a change has to be told, and the first moment at which it may."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from loyalty.policies.calendar import local_date, start_of_day
from loyalty.policies.programme import PROGRAMME_ALLOWS, ProgrammeState


def has_an_audience(state: ProgrammeState, *, has_members: bool) -> bool:
    """Tell whether there is anybody to be told: members of a programme that all may see.

    Staff who try a programme out have been promised nothing.
    """
    allows = PROGRAMME_ALLOWS[state]
    return has_members and allows.see and not allows.staff_only and state is not ProgrammeState.CLOSED


def earliest_start(at: datetime, notice_days: int, *, is_told: bool) -> datetime:
    """Give the first moment at which what is decided at `at` may hold; at once where nobody is to be told."""
    return at + timedelta(days=notice_days) if is_told else at


def first_whole_day(moment: datetime, zone: ZoneInfo) -> date:
    """Give the first local day that lies wholly at or after a moment."""
    day = local_date(moment, zone)
    return day if start_of_day(day, zone) >= moment else day + timedelta(days=1)


def last_whole_day(moment: datetime, zone: ZoneInfo) -> date:
    """Give the first local day whose end lies at or after a moment."""
    return first_whole_day(moment, zone) - timedelta(days=1)
