"""All versions of a programme's rules as plain values, and which of them ran at a moment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from commerce.policies.goods import Goods
from loyalty.policies.actions import ActionRule
from loyalty.policies.campaigns import Campaign, Combination
from loyalty.policies.changes.settings import SettingsHistory
from loyalty.policies.earning import BaseRule
from loyalty.policies.outside import Outside
from loyalty.policies.plans.offer import PlanOffer
from loyalty.policies.programme import PROGRAMME_ALLOWS, Admission, DebtPolicy, Enrolment, ProgrammeState
from loyalty.policies.terms import Terms
from loyalty.policies.tiers.scheme import Scheme

# A programme's own currency in itself.
ONE_TO_ONE = Fraction(1)


class _Version(Protocol):
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime | None: ...


AnyVersion = TypeVar("AnyVersion", bound=_Version)


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of time in one state. `ends_at` is exclusive, None while it lasts."""

    state: ProgrammeState
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """An earning rule and when it ran."""

    rule: BaseRule
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class LotTermsVersion:
    """A window and expiry, when they ran, and for which product group (None: all other goods)."""

    terms: Terms
    group_id: int | None
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class CampaignRun:
    """A campaign's promise and when it ran; a pause ends one version and begins the next."""

    campaign: Campaign
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Group:
    """Goods with terms of their own."""

    id: int
    goods: Goods


@dataclass(frozen=True, slots=True)
class Rate:
    """What a foreign minor unit is worth in the programme's minor units, from a moment on."""

    currency: str
    per_minor: Fraction
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class ProgrammeRules:
    """A programme with every version of its rules, oldest first.

    By `announced_until` everything that was ever announced holds, so that nobody asks for more.
    """

    id: int
    key: str
    currency: str
    zone: ZoneInfo
    enrolment: Enrolment
    backdate_days: int
    debt_policy: DebtPolicy
    phases: tuple[Phase, ...]
    rules: tuple[RuleVersion, ...]
    terms: tuple[LotTermsVersion, ...]
    groups: tuple[Group, ...]
    rates: tuple[Rate, ...]
    campaigns: tuple[CampaignRun, ...] = ()
    combination: Combination = Combination.BEST
    actions: tuple[ActionRule, ...] = ()
    settings: SettingsHistory | None = None
    admission: Admission = Admission.OPEN
    schemes: tuple[Scheme, ...] = ()
    outside: tuple[Outside, ...] = ()
    plans: tuple[PlanOffer, ...] = ()
    announced_until: datetime | None = None

    @property
    def has_plans(self) -> bool:
        """Whether a plan has ever been on sale; until then nobody needs to be asked about."""
        return bool(self.plans)

    def plan_at(self, plan_id: int, at: datetime) -> PlanOffer | None:
        """Find the version of a plan at a moment; None where it was not on sale or ended by then."""
        return running([offer for offer in self.plans if offer.plan_id == plan_id], at)

    def plan_version(self, version_id: int) -> PlanOffer:
        """Give a version of a plan by its id. Raises: KeyError."""
        return {offer.id: offer for offer in self.plans}[version_id]

    def plans_on_sale(self, at: datetime) -> list[PlanOffer]:
        """Give the plans that members could start at a moment, in the order of their ids."""
        offers = [offer for offer in self.plans if offer.is_sold and contains(offer, at)]
        return sorted(offers, key=lambda offer: offer.plan_id)

    def earns_at(self, at: datetime) -> bool:
        """Tell whether purchases of that moment earn."""
        phase = running(self.phases, at)
        return phase is not None and PROGRAMME_ALLOWS[phase.state].earn

    def joins_at(self, at: datetime) -> bool:
        """Tell whether customers could join at that moment."""
        phase = running(self.phases, at)
        return phase is not None and PROGRAMME_ALLOWS[phase.state].join

    def enrols_at(self, at: datetime) -> bool:
        """Tell whether a purchase of that moment makes its customer a member; never while staff tries it
        out.
        """
        return self.earns_at(at) and not self.is_for_staff_at(at)

    def is_for_staff_at(self, at: datetime) -> bool:
        """Tell whether the programme was for staff alone at that moment."""
        phase = running(self.phases, at)
        return phase is not None and PROGRAMME_ALLOWS[phase.state].staff_only

    def combination_at(self, at: datetime) -> Combination:
        """Say what happened at that moment to an order in several campaigns."""
        if self.settings is None:
            return self.combination
        return Combination(self.settings.value_at("combination", at))

    def debt_policy_at(self, at: datetime) -> DebtPolicy:
        """Say what happens at that moment to points that come back and are spent already."""
        if self.settings is None:
            return self.debt_policy
        return DebtPolicy(self.settings.value_at("debt_policy", at))

    def rule_at(self, at: datetime) -> BaseRule | None:
        """Find the earning rule that ran at that moment."""
        version = running(self.rules, at)
        return version.rule if version else None

    def rule(self, rule_id: int) -> BaseRule:
        """Give a rule by its id, whenever it ran."""
        for version in self.rules:
            if version.rule.id == rule_id:
                return version.rule
        raise LookupError(f"Programme {self.id} has no earning rule {rule_id}.")

    def campaigns_at(self, at: datetime) -> list[Campaign]:
        """Give the campaigns that ran at that moment, whatever they are for."""
        return [version.campaign for version in self.campaigns if contains(version, at)]

    def campaigns_by_id(self) -> Mapping[int, Campaign]:
        """Give every version of every campaign by its id."""
        return {version.campaign.id: version.campaign for version in self.campaigns}

    def scheme_at(self, at: datetime) -> Scheme | None:
        """Give the levels that were switched on at that moment; without any nobody has one."""
        return running(self.schemes, at)

    def last_scheme_at(self, at: datetime) -> Scheme | None:
        """Give the levels that are on, or were the last to be."""
        begun = [scheme for scheme in self.schemes if scheme.starts_at <= at]
        return begun[-1] if begun else None

    def terms_at(self, at: datetime) -> dict[int | None, int]:
        """Give the ids of the terms that ran at that moment, by product group; None is all other goods."""
        found: dict[int | None, int] = {}
        for version in self.terms:
            if version.group_id not in found and contains(version, at):
                found[version.group_id] = version.terms.id
        group_ids = (None, *(group.id for group in self.groups))
        return {group_id: found[group_id] for group_id in group_ids if group_id in found}

    def terms_by_id(self) -> Mapping[int, Terms]:
        """Give every version of the terms by its id."""
        return {version.terms.id: version.terms for version in self.terms}

    def group_of(self, *, sku: str, brand: str, category_path: str) -> int | None:
        """Find the first product group, by id, that an article belongs to."""
        for group in self.groups:
            if group.goods.fits(sku=sku, brand=brand, category_path=category_path):
                return group.id
        return None

    def rate_at(self, currency: str, at: datetime) -> Fraction | None:
        """Give what a minor unit of `currency` is worth here, or None where no rate is known."""
        if currency == self.currency:
            return ONE_TO_ONE
        known = [rate for rate in self.rates if rate.currency == currency and rate.starts_at <= at]
        return known[-1].per_minor if known else None


def running(versions: Iterable[AnyVersion], at: datetime) -> AnyVersion | None:
    """Find the version whose period [starts_at, ends_at) contains the moment."""
    for version in versions:
        if contains(version, at):
            return version
    return None


def contains(version: _Version, at: datetime) -> bool:
    """Tell whether a moment is in the period of a version."""
    return version.starts_at <= at and (version.ends_at is None or at < version.ends_at)
