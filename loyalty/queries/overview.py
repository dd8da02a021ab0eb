"""What the owner asks first in the morning: is it working, what does it cost, what must I do?"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import BigIntegerField, Case, Count, F, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, TruncWeek

from backstage import clock
from backstage.policies import By
from backstage.queries import count_requests_for, list_failed_runs, list_silent_jobs
from commerce.models import PossibleDuplicate, Purchase, PurchaseLine, PurchaseProblem
from loyalty.models import Member, Movement, PointsAccount, Programme
from loyalty.policies.earning import Rounding
from loyalty.policies.programme import MemberState
from loyalty.policies.states import State

WEEKS = 26
# Beyond this nobody counts on; the list itself shows the rest.
MOST_COUNTED = 100
ORDERS_LOOKED_AT = 2000


@dataclass(frozen=True, slots=True)
class Attention:
    """What waits for a person. Counts stop at `MOST_COUNTED`."""

    requests: int
    problems: int
    duplicates: int
    failed_jobs: tuple[tuple[str, int], ...]
    silent_jobs: tuple[tuple[str, datetime], ...]


@dataclass(frozen=True, slots=True)
class Owed:
    """What a programme owes its members. Units: points; minor units of its currency."""

    programme: Programme
    members: int
    points: int
    pending_points: int
    worth_minor: int


@dataclass(frozen=True, slots=True)
class Week:
    """Points of one week by the day it begins on; issued ones as they were granted, used ones as captured."""

    begins_on: date
    issued: int
    used: int


def list_attention(*, now: datetime, by: By) -> Attention:
    """Find what waits for a person; of requests those that `by` may decide. Time: `now` is the machine's.
    Queries: 5.
    """
    requests = count_requests_for(by=by, at_most=MOST_COUNTED)
    problems = PurchaseProblem.objects.filter(resolved_at__isnull=True)[:MOST_COUNTED].count()
    duplicates = PossibleDuplicate.objects.filter(resolved_at__isnull=True)[:MOST_COUNTED].count()
    failed = list_failed_runs(since=now - timedelta(days=1))
    silent = list_silent_jobs(now=now)
    return Attention(requests, problems, duplicates, tuple(sorted(failed.items())), tuple(silent.items()))


def list_owed(*, at: datetime | None = None) -> list[Owed]:
    """Give what every programme owes: what is ready, reserved and on its way, as last written, at the worth
    of `at`.

    Queries: 3.
    """
    at = clock.now() if at is None else at
    programmes = list(Programme.objects.order_by("id"))
    active = Member.objects.filter(state=MemberState.ACTIVE.value, merged_into__isnull=True)
    members = dict(active.values("programme_id").annotate(n=Count("id")).values_list("programme_id", "n"))
    sums = {
        programme_id: (ready or 0, pending or 0)
        for programme_id, ready, pending in PointsAccount.objects.values("member__programme_id")
        .annotate(ready=Sum(F("available") + F("held")), on_the_way=Sum("pending"))
        .values_list("member__programme_id", "ready", "on_the_way")
    }
    return [_owed(programme, members, at, *sums.get(programme.id, (0, 0))) for programme in programmes]


def _owed(programme: Programme, members: Mapping[int, int], at: datetime, ready: int, pending: int) -> Owed:
    points = ready + pending
    return Owed(programme, members.get(programme.id, 0), points, pending, programme.worth_at(at).of(points))


def list_weeks(*, programme: Programme, at: datetime) -> list[Week]:
    """Give the points issued and used in each of the last weeks, the running one last. Queries: 1."""
    zone = ZoneInfo(programme.time_zone)
    today = at.astimezone(zone).date()
    first = today - timedelta(days=today.weekday(), weeks=WEEKS - 1)
    since = datetime(first.year, first.month, first.day, tzinfo=zone)
    moved = Movement.objects.filter(
        member__programme=programme, effective_at__gte=since, effective_at__lte=at
    )
    issued, used = Q(from_state=State.ISSUANCE.value), Q(to_state=State.REDEEMED.value)
    rows = (
        moved.filter(issued | used)
        .annotate(week=TruncWeek("effective_at", tzinfo=zone))
        .values("week")
        .annotate(issued=_sum_where(issued), used=_sum_where(used))
    )
    found: dict[date, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in rows:
        found[row["week"].date()] = (row["issued"], row["used"])
    begins = [first + timedelta(weeks=number) for number in range(WEEKS)]
    return [Week(day, *found[day]) for day in begins]


def _sum_where(condition: Q) -> Sum:
    return Sum(Case(When(condition, then=F("points")), default=Value(0), output_field=BigIntegerField()))


def count_orders_without_points(
    *, currency: str, points: int, per_minor: int, rounding: Rounding
) -> tuple[int, int]:
    """Say how many of the newest orders a rule would leave with nothing, and how many were looked at.

    Orders are taken as they were sold; a scale that is too coarse shows in them before anybody complains.
    Queries: 1.
    """
    sold = PurchaseLine.objects.filter(purchase_id=OuterRef("pk"), is_goods=True).order_by()
    total = sold.values("purchase_id").annotate(sold=Sum("sold_minor")).values("sold")
    newest = Purchase.objects.filter(currency=currency).order_by("-placed_at")
    totals = newest.annotate(sold_minor=Coalesce(Subquery(total), Value(0))).values_list(
        "sold_minor", flat=True
    )
    amounts = list(totals[:ORDERS_LOOKED_AT])
    enough = {Rounding.DOWN: per_minor, Rounding.NEAREST: (per_minor + 1) // 2, Rounding.UP: 1}[rounding]
    return sum(1 for amount in amounts if amount * points < enough), len(amounts)
