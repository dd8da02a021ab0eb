"""What is known of a coupon, of a code, and of whoever buys, at the moment of the basket."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from coupons.policies.states import CodeKind, CodeState, CouponState
from coupons.policies.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A coupon with the terms that it has, and what is left of it. Units: minor units of `currency`.

    Places of reservations whose time is up count as free: `used_count` and `spent_minor` are without them.
    """

    coupon_id: int
    name: str
    state: CouponState
    currency: str
    starts_at: datetime
    ends_at: datetime | None
    is_public: bool
    limit_total: int | None
    limit_per_customer: int | None
    budget_minor: int | None
    used_count: int
    spent_minor: int
    terms: Terms

    @property
    def limit_each(self) -> int | None:
        """How often one customer may have it. First order only is once: of two at a time, one."""
        return 1 if self.terms.first_order_only else self.limit_per_customer

    @property
    def is_limited(self) -> bool:
        """Whether what is left of it has to be asked for."""
        return self.limit_total is not None or self.budget_minor is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCode:
    """A code that exists, with its batch's state and the earlier end of both."""

    code_id: int
    code: str
    kind: CodeKind
    state: CodeState
    customer_id: int | None
    limit_total: int | None
    used_count: int
    ends_at: datetime | None

    @property
    def may_explain(self) -> bool:
        """Whether anybody may be told about it: what everybody has anyway is no secret."""
        return self.kind is not CodeKind.UNIQUE and self.customer_id is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Who buys: the survivor of merges, with everybody who was merged into them; nobody without an id.

    `uses` is how often they have each coupon, without what has timed out.
    """

    customer_id: int | None = None
    family: frozenset[int] = frozenset()
    has_bought: bool = False
    segment_ids: frozenset[int] = frozenset()
    uses: Mapping[int, int] = field(default_factory=dict)
