"""Which plan members have paid for, now or at a moment of the past."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from backstage.plain_sql import Columns, execute, within
from loyalty.models import Member, MembershipPeriod, PaidMembership
from loyalty.policies.earning import ONE, Level, PlanFactor
from loyalty.policies.perks import Perk, join_perks
from loyalty.policies.plan_worth import plan_percent
from loyalty.policies.plans.offer import PlanOffer
from loyalty.policies.plans.periods import Period, PeriodKind
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.tiers.scheme import LevelSource, Tier
from loyalty.queries.programmes import get_programme_rules, rules_of
from loyalty.queries.tiers.levels import find_level, get_levels

_PERIOD = Columns(MembershipPeriod, "version_id", "starts_at", "perks_end_at")


@dataclass(frozen=True, slots=True)
class Held:
    """A paid membership as it stands at a moment, with all its periods, oldest first.

    `offer` is the version that the newest period was sold under.
    """

    membership: PaidMembership
    periods: tuple[Period, ...]
    offer: PlanOffer

    @property
    def last(self) -> Period:
        """The newest period, which says until when everything lasts."""
        return self.periods[-1]

    @property
    def end(self) -> datetime:
        """The moment at which the last benefits end; a period that a refund has emptied has none."""
        lasting = [period.perks_end_at for period in self.periods if period.perks_end_at > period.starts_at]
        return max(lasting, default=self.periods[0].starts_at)

    def is_in_force(self, at: datetime) -> bool:
        """Tell whether its benefits hold at a moment."""
        return any(period.lasts_at(at) for period in self.periods)

    @property
    def is_refunded(self) -> bool:
        """Whether money was given back: then nothing is renewed."""
        return any(period.refunded_minor for period in self.periods)

    @property
    def is_renewed(self) -> bool:
        """Whether the next payment is wanted."""
        is_over = self.membership.cancelled_at is not None or self.membership.ended_at is not None
        return not is_over and not self.is_refunded and self.offer.is_renewed

    @property
    def fee_minor(self) -> int:
        """What was paid and not given back."""
        return sum(period.paid_minor - period.refunded_minor for period in self.periods)


def get_plans(
    rules: ProgrammeRules, asked: Iterable[tuple[int, datetime]]
) -> dict[tuple[int, datetime], PlanOffer]:
    """Give the plan that each of these members was in at a moment, as far as they were in one.

    Where a merge has left two, the higher factor counts, then the older version. Queries: 1; 0 where no plan
    was ever sold, or for nobody.
    """
    wanted = set(asked) if rules.has_plans else set()
    if not wanted:
        return {}
    periods = _periods({member_id for member_id, _ in wanted})
    found: dict[tuple[int, datetime], PlanOffer] = {}
    for member_id, at in wanted:
        offers = [
            rules.plan_version(version_id)
            for version_id, starts_at, perks_end_at in periods.get(member_id, ())
            if starts_at <= at < perks_end_at
        ]
        if offers:
            found[member_id, at] = max(offers, key=lambda offer: (offer.percent, -offer.id))
    return found


def get_factors(
    rules: ProgrammeRules, levels: Mapping[tuple[int, datetime], Level | None]
) -> dict[tuple[int, datetime], tuple[Level | None, PlanFactor | None]]:
    """Part what members earn by their level from what they earn by a plan, for each of them at a moment.

    A level that a plan brings counts as the plan's, beside the member's own, so that what the plan is worth
    can be told. Queries: 1, and 1 more where a plan brings a level; 0 where no plan was ever sold.
    """
    offers = get_plans(rules, levels)
    with_level = [key for key, offer in offers.items() if offer.level_id is not None]
    own = get_levels(rules, with_level, besides=LevelSource.PLAN) if with_level else {}
    found: dict[tuple[int, datetime], tuple[Level | None, PlanFactor | None]] = {}
    for key, level in levels.items():
        offer = offers.get(key)
        found[key] = (level, offer.factor if offer else None)
        if offer is not None and offer.level_id is not None:
            found[key] = _parted(rules, offer, key[1], level, own.get(key))
    return found


def find_factors(
    rules: ProgrammeRules, *, member_id: int, at: datetime
) -> tuple[Level | None, PlanFactor | None]:
    """Find what a member earns by: their level, and their plan. Queries: 1 while levels are on, and 1 where
    plans were sold; 1 more where a plan brings a level.
    """
    tier = find_level(rules, member_id=member_id, at=at)
    key = (member_id, at)
    return get_factors(rules, {key: tier.level if tier else None})[key]


def _parted(
    rules: ProgrammeRules, offer: PlanOffer, at: datetime, level: Level | None, own: Tier | None
) -> tuple[Level | None, PlanFactor]:
    factor = PlanFactor(offer.id, plan_percent(rules, offer, at))
    own_level = own.level if own else None
    # Of two plans that a merge has left, the other may bring the better level: nobody earns less for that.
    if level is not None and level.percent > max(factor.percent, own_level.percent if own_level else ONE):
        own_level = level
    return own_level, factor


def find_plan(rules: ProgrammeRules, *, member_id: int, at: datetime) -> PlanOffer | None:
    """Find the plan that a member was in at a moment. Queries: 1; 0 where no plan was ever sold."""
    return get_plans(rules, [(member_id, at)]).get((member_id, at))


def list_perks(*, member_id: int, at: datetime) -> tuple[Perk, ...]:
    """Give what a member has besides points at a moment, from level and plan; of the same the better one.

    Queries: at most 5. Raises: Member.DoesNotExist.
    """
    programme_id = Member.objects.values_list("programme_id", flat=True).get(id=member_id)
    return perks_under(get_programme_rules(programme_id), member_id=member_id, at=at)


def perks_under(rules: ProgrammeRules, *, member_id: int, at: datetime) -> tuple[Perk, ...]:
    """Give the same where the rules are at hand. Queries: at most 2."""
    level = find_level(rules, member_id=member_id, at=at)
    plan = find_plan(rules, member_id=member_id, at=at)
    return join_perks(level.perks if level else (), plan.perks if plan else ())


def find_held(rules: ProgrammeRules, *, member_id: int) -> Held | None:
    """Find the newest paid membership of a member, over or not; one that goes on comes first.

    Queries: 1; 0 where no plan was ever sold.
    """
    held = list_held(rules, member_ids=[member_id])
    return held[0] if held else None


def list_held(rules: ProgrammeRules, *, member_ids: Collection[int]) -> list[Held]:
    """Give the paid memberships of these members: those that are not over first, then the newest.

    Queries: 1; 0 where no plan was ever sold.
    """
    if not rules.has_plans:
        return []
    return held_from(
        rules,
        MembershipPeriod.objects.filter(membership__member_id__in=member_ids)
        .select_related("membership__plan")
        .order_by(
            F("membership__ended_at").desc(nulls_first=True),
            F("membership__cancelled_at").desc(nulls_first=True),
            "-membership_id",
            "number",
        ),
    )


def held_from(rules: ProgrammeRules, rows: Iterable[MembershipPeriod]) -> list[Held]:
    """Put rows of periods together, membership by membership, in their order. Queries: those of the rows."""
    found: dict[int, tuple[PaidMembership, list[Period]]] = {}
    for row in rows:
        found.setdefault(row.membership_id, (row.membership, []))[1].append(period_of(row))
    return [
        Held(membership, tuple(periods), rules.plan_version(periods[-1].version_id))
        for membership, periods in found.values()
    ]


def get_held(membership_id: int) -> Held:
    """Give a paid membership with its periods. Raises: PaidMembership.DoesNotExist. Queries: at most 4."""
    rows = MembershipPeriod.objects.filter(membership_id=membership_id)
    found = list(rows.select_related("membership__plan__programme").order_by("number"))
    if not found:
        raise PaidMembership.DoesNotExist(f"There is no paid membership {membership_id}.")
    return held_from(rules_of(found[0].membership.plan.programme), found)[0]


def period_of(row: MembershipPeriod) -> Period:
    """Turn a stored period into the value that rules work with."""
    return Period(
        kind=PeriodKind(row.kind),
        version_id=row.version_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        perks_end_at=row.perks_end_at,
        months=row.months,
        paid_minor=row.paid_minor,
        refunded_minor=row.refunded_minor,
    )


def _periods(member_ids: Collection[int]) -> dict[int, list[tuple[int, datetime, datetime]]]:
    these, value = within("membership.member_id", member_ids)
    rows = execute(
        f"SELECT membership.member_id, {_PERIOD.of('period')} FROM {_PERIOD.table} AS period"
        f" JOIN {PaidMembership._meta.db_table} AS membership ON membership.id = period.membership_id"
        f" WHERE {these}",
        [value],
    ).fetchall()
    found: dict[int, list[tuple[int, datetime, datetime]]] = defaultdict(list)
    for member_id, version_id, starts_at, perks_end_at in _PERIOD.convert(rows, start=1):
        found[member_id].append((version_id, starts_at, perks_end_at))
    return found


def has_had_trial(*, member_id: int) -> bool:
    """Tell whether a member, or whoever was merged into them, has tried a plan already. Queries: 1."""
    return PaidMembership.objects.filter(member_id=member_id, has_trial=True).exists()


def in_force(held: Sequence[Held], at: datetime) -> Held | None:
    """Choose the paid membership that is in force at a moment, the one that goes on first."""
    return next((one for one in held if one.is_in_force(at)), None)
