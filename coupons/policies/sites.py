"""Where a coupon stands with a site that publishes it, and when use of a code looks like a leak."""

from dataclasses import dataclass
from enum import StrEnum

from coupons.policies.feed import FeedState


class SubmissionState(StrEnum):
    """Where a sheet for a site stands, as staff noted it."""

    PREPARED = "prepared"
    SUBMITTED = "submitted"
    LIVE = "live"
    TO_WITHDRAW = "to_withdraw"
    WITHDRAWN = "withdrawn"


class AlertOutcome(StrEnum):
    """What became of an alert; an open one has none."""

    PAUSED = "paused"
    MEANT = "meant"


# From where to where a deed leads.
SUBMISSION_STEPS: dict[SubmissionState, tuple[SubmissionState, ...]] = {
    SubmissionState.SUBMITTED: (SubmissionState.PREPARED,),
    SubmissionState.LIVE: (SubmissionState.PREPARED, SubmissionState.SUBMITTED),
    SubmissionState.TO_WITHDRAW: (SubmissionState.SUBMITTED, SubmissionState.LIVE),
    SubmissionState.WITHDRAWN: (
        SubmissionState.PREPARED,
        SubmissionState.SUBMITTED,
        SubmissionState.LIVE,
        SubmissionState.TO_WITHDRAW,
    ),
}
OUT_THERE = frozenset({SubmissionState.SUBMITTED, SubmissionState.LIVE})


def submission_standing(state: SubmissionState, coupon: FeedState | None) -> SubmissionState:
    """Say where a sheet stands now: what a site may show is to be withdrawn once the coupon is over.

    The clock decides it, so that nobody has to note the end of a coupon at each site. `coupon` is None for
    one that may not be told to everybody any more.
    """
    is_over = coupon in (None, FeedState.EXPIRED, FeedState.WITHDRAWN)
    return SubmissionState.TO_WITHDRAW if is_over and state in OUT_THERE else state


@dataclass(frozen=True, slots=True)
class Spread:
    """How a code was used lately: by so many customers who are not one and the same, and how many of them a
    window of the same length usually has.
    """

    customers: int
    usual: int


def is_leak(spread: Spread, *, customers: int, times_usual: int) -> bool:
    """Tell whether a code spreads: so many unrelated customers in one window, and so many times the usual."""
    return spread.customers >= customers and spread.customers >= spread.usual * times_usual
