"""The floors and agreements that discounts have to keep, from memory as long as the coupons' stamp stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from coupons.models import BrandAgreement, MarginFloor
from coupons.policies.evaluation import Limits
from coupons.policies.margin import Agreement, Floor, FloorScope, Remedy


@dataclass(frozen=True, slots=True)
class Dated:
    """A floor or an agreement with the time in which it holds: [`starts_at`, `ends_at`)."""

    what: Floor | Agreement
    starts_at: datetime
    ends_at: datetime | None

    def holds_at(self, at: datetime) -> bool:
        """Tell whether it holds at a moment."""
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


def read_limits(at: datetime) -> list[Dated]:
    """Read what holds at a moment or later. Queries: 2."""
    floors = MarginFloor.objects.exclude(ends_at__lte=at).order_by("id")
    agreements = BrandAgreement.objects.exclude(ends_at__lte=at).order_by("id")
    return [
        *(Dated(floor_of(row), row.starts_at, row.ends_at) for row in floors),
        *(Dated(agreement_of(row), row.starts_at, row.ends_at) for row in agreements),
    ]


def holding(dated: Iterable[Dated], at: datetime) -> Limits:
    """Give the floors and the agreements of a moment. Queries: 0."""
    now = [one.what for one in dated if one.holds_at(at)]
    return Limits(
        floors=[one for one in now if isinstance(one, Floor)],
        agreements=[one for one in now if isinstance(one, Agreement)],
    )


def floor_of(row: MarginFloor) -> Floor:
    """Turn a row into the value that the guard works with."""
    name = row.brand or row.channel or ("" if row.coupon_id is None else str(row.coupon_id))
    return Floor(row.id, FloorScope(row.scope), name, int(row.percent * 100), Remedy(row.remedy))


def agreement_of(row: BrandAgreement) -> Agreement:
    """Turn a row into the value that the guard works with."""
    most = None if row.most_percent is None else int(row.most_percent * 100)
    return Agreement(row.id, row.brand, row.allows_coupons, most)
