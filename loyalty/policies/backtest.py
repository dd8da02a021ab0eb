"""Trying a programme on purchases of the past: the same engine, and sums instead of a ledger."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import NamedTuple

from commerce.policies.purchase_head import PurchaseHead
from commerce.policies.returns import returned_minor
from loyalty.policies.allowance import Allowance, Counter
from loyalty.policies.awarding import Sale, Target, decide_target, standing_by_terms
from loyalty.policies.calendar import local_date
from loyalty.policies.campaigns import Campaign, Occasion
from loyalty.policies.earning import BaseRule, Level
from loyalty.policies.eligibility import Candidate, freeze_facts
from loyalty.policies.programme import MemberState, ProgrammeState
from loyalty.policies.rules import CampaignRun, LotTermsVersion, Phase, ProgrammeRules, RuleVersion
from loyalty.policies.terms import PurchaseClock, Terms, lot_dates
from loyalty.policies.tiers.counting import Bought
from loyalty.policies.tiers.ladder import Ladder

# Before every purchase there is: a proposal is tried as if it had always run.
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is to be tried: an earning rule, a window and expiry, and campaigns that run all the time."""

    rule: BaseRule
    terms: Terms
    campaigns: tuple[Campaign, ...] = ()


def proposed_rules(running: ProgrammeRules, proposal: Proposal, *, at: datetime) -> ProgrammeRules:
    """Give the rules of a programme as if the proposal had always run, and the programme always been live.

    Groups with terms of their own keep those; exchange rates and the combination of campaigns stay.
    """
    groups = (
        replace(version, starts_at=ALWAYS)
        for version in running.terms
        if version.group_id is not None and version.ends_at is None
    )
    levels = running.scheme_at(at)
    return replace(
        running,
        phases=(Phase(ProgrammeState.LIVE, ALWAYS, None),),
        rules=(RuleVersion(proposal.rule, ALWAYS, None),),
        terms=(LotTermsVersion(proposal.terms, None, ALWAYS, None), *groups),
        campaigns=tuple(CampaignRun(campaign, ALWAYS, None) for campaign in proposal.campaigns),
        # The levels that are on at `at`, as if they had always been.
        schemes=(replace(levels, starts_at=ALWAYS, ends_at=None),) if levels else (),
    )


class Month(NamedTuple):
    """One month of a trial. Units: points. `owed` is what nobody has used is still good for at its end."""

    first_day: date
    issued: int
    ended: int
    owed: int


class Change(NamedTuple):
    """A customer's points in the records and under the proposal."""

    customer_id: int
    before: int
    after: int

    @property
    def difference(self) -> int:
        """How many points they gain, or lose where it is below zero."""
        return self.after - self.before


@dataclass(slots=True)
class Trial:
    """Sums over the purchases seen so far. Everybody who is known counts as a member from the start.

    Nothing is used in a trial, so what is owed is the most that it can be. Purchases are told in the order in
    which they were placed, because the how-manieth order of a customer may matter.
    """

    rules: ProgrammeRules
    budgets: Mapping[int, int | None] = field(default_factory=dict)
    orders: int = 0
    guests: int = 0
    without_points: int = 0
    points: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    issued: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    ended: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    order_numbers: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    allowance: Allowance = field(init=False)
    ladder: Ladder | None = field(init=False)

    def __post_init__(self) -> None:
        ids = {run.campaign.campaign_id for run in self.rules.campaigns}
        self.allowance = Allowance({one: Counter(0, self.budgets.get(one)) for one in ids})
        schemes = self.rules.schemes
        self.ladder = Ladder(schemes[-1], self.rules.zone) if schemes else None

    def add(
        self,
        head: PurchaseHead,
        sale: Sale,
        *,
        customer_id: int | None,
        channel: str = "",
        segment_ids: frozenset[int] = frozenset(),
    ) -> int:
        """Count one purchase; give the points that would stand for it today."""
        self.orders += 1
        if customer_id is None:
            self.guests += 1
            return 0
        if not sale.is_cancelled:
            self.order_numbers[customer_id] += 1
        level = self.ladder.level_at(customer_id, head.placed_at) if self.ladder else None
        occasion = Occasion(
            head.placed_at.astimezone(self.rules.zone),
            channel,
            level.id if level else None,
            segment_ids,
            self.order_numbers[customer_id],
        )
        target = self._target(head, sale, customer_id, occasion, level)
        if self.ladder:
            self.ladder.count(customer_id, _bought(self.rules, head, sale), target.standing_points)
        if not target.earned_points:
            self.without_points += 1
        self._count(head, customer_id, target)
        return target.standing_points

    def list_months(self) -> list[Month]:
        """Give every month from the first points to the last end of any, in order."""
        owed, months = 0, []
        for first_day in sorted({*self.issued, *self.ended}):
            owed += self.issued[first_day] - self.ended[first_day]
            months.append(Month(first_day, self.issued[first_day], self.ended[first_day], owed))
        return months

    def count_levels(self, at: datetime) -> list[tuple[str, int]]:
        """Count the customers who would have each level at a moment, from the lowest up."""
        return self.ladder.headcount(at) if self.ladder else []

    def _target(
        self, head: PurchaseHead, sale: Sale, customer_id: int, occasion: Occasion, level: Level | None
    ) -> Target:
        facts = freeze_facts(
            self.rules,
            Candidate(MemberState.ACTIVE, ALWAYS, False, None),
            purchase_id=head.id,
            placed_at=head.placed_at,
            currency=head.currency,
            occasion=occasion if self.rules.campaigns else None,
            level=level,
        )
        if "campaigns" not in facts:
            return decide_target(self.rules, facts, sale)
        by_id = self.rules.campaigns_by_id()
        campaigns = [by_id[version_id] for version_id in facts["campaigns"]]
        target = decide_target(self.rules, facts, sale, self.allowance.room_for(customer_id, campaigns))
        self.allowance.take(customer_id, target.extras)
        self.allowance.ran_out |= target.ran_out
        return target

    def _count(self, head: PurchaseHead, customer_id: int, target: Target) -> None:
        self.points[customer_id] += target.standing_points
        terms = self.rules.terms_by_id()
        clock = PurchaseClock(head.placed_at, head.paid_at, head.delivered_at)
        for terms_id, points in standing_by_terms(target.lines).items():
            dates = lot_dates(terms[terms_id], clock, self.rules.zone, at=head.placed_at)
            self.issued[self._month(head.placed_at)] += points
            if dates.expires_at is not None:
                self.ended[self._month(dates.expires_at)] += points

    def _month(self, at: datetime) -> date:
        return local_date(at, self.rules.zone).replace(day=1)


def _bought(rules: ProgrammeRules, head: PurchaseHead, sale: Sale) -> Bought:
    """Give a sale as levels count it, returns as they stand today included."""
    rate = rules.rate_at(head.currency, head.placed_at)
    returned = sum(
        returned_minor(
            sold_minor=line.sold_minor,
            quantity=line.quantity,
            returned_quantity=line.returned_quantity,
            returned_minor=line.returned_minor,
        )
        for line in sale.lines
    )
    return Bought(
        head.placed_at,
        sum(line.sold_minor for line in sale.lines),
        returned + sale.refunded_minor,
        sale.not_money_minor,
        rate or Fraction(0),
        sale.is_cancelled or rate is None,
    )


def compare(before: Mapping[int, int], after: Mapping[int, int]) -> list[Change]:
    """Give the customers whose points differ, who gains most first; of equals the lower id first."""
    customers: Iterable[int] = {*before, *after}
    changes = (Change(one, before.get(one, 0), after.get(one, 0)) for one in customers)
    return sorted(
        (change for change in changes if change.difference),
        key=lambda change: (-change.difference, change.customer_id),
    )
