"""The doors of coupons: what apps above it add to the preview of a coupon, and to its collision check."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from backstage.registry import Registry
from coupons.policies.collisions import Collision
from coupons.policies.offer import Offer
from coupons.policies.previews import Preview


@dataclass(frozen=True, slots=True)
class ThoughtOf:
    """A coupon that is being thought about, stored or not (`coupon_id` is 0 then), with its normal code."""

    offer: Offer
    code: str
    is_automatic: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewLine:
    """What an app adds to the preview: the points that a customer gets for what is paid, for one.

    `say(thought_of, preview)` gives whole sentences; it reads, never writes, with a constant number of
    queries.
    """

    name: str
    say: Callable[[ThoughtOf, Preview], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CollisionCheck:
    """What an app warns of: a newsletter that goes out after the end of the coupon that it tells of, for one.

    `find(thought_of)` gives the warnings; it reads, never writes, with a constant number of queries.
    """

    name: str
    find: Callable[[ThoughtOf], Sequence[Collision]]


coupon_previews: Registry[PreviewLine] = Registry("preview of coupons")
collision_checks: Registry[CollisionCheck] = Registry("collision check")
