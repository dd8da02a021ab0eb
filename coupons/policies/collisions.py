"""What to look at before a coupon is saved: warnings, which never block but for what is sold below cost."""

from dataclasses import dataclass
from enum import StrEnum


class CollisionKind(StrEnum):
    """What a warning is about, the gravest first."""

    BELOW_COST = "below_cost"
    ADDS_UP = "adds_up"
    WORST_BASKET = "worst_basket"
    OVER_BUDGET = "over_budget"
    MESSAGE = "message"
    SIMILAR_CODE = "similar_code"
    RESERVED_CODE = "reserved_code"
    BEST_ONE = "best_one"


@dataclass(frozen=True, slots=True)
class Collision:
    """One warning, as a whole sentence. Somebody has to say of what is sold below cost that it is meant."""

    kind: CollisionKind
    sentence: str
    coupon_id: int | None = None

    @property
    def needs_tick(self) -> bool:
        """Whether nothing is saved before somebody ticks that it is meant to be."""
        return self.kind is CollisionKind.BELOW_COST


def in_order(collisions: list[Collision]) -> list[Collision]:
    """Put the gravest first."""
    kinds = list(CollisionKind)
    return sorted(collisions, key=lambda one: kinds.index(one.kind))
