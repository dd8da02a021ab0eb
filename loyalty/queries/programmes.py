"""Programmes and their rules, kept in memory as long as their stamp stands."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision
from django.db.models import Max

from backstage.plain_sql import Columns, execute, within
from commerce.models import Channel
from commerce.policies.goods import Goods
from loyalty.models import (
    ActionVersion,
    Announcement,
    CampaignVersion,
    EarningRule,
    ExchangeRate,
    LotTerms,
    PlanVersion,
    ProductGroup,
    Programme,
    ProgrammePhase,
    Tier,
    TierScheme,
)
from loyalty.policies.actions import ActionRule, CapPeriod
from loyalty.policies.campaigns import Combination
from loyalty.policies.earning import ONE, BaseRule, Rounding
from loyalty.policies.perks import read_perks
from loyalty.policies.plans.offer import PlanOffer, PlanState
from loyalty.policies.programme import Admission, DebtPolicy, Enrolment, ProgrammeState
from loyalty.policies.rules import (
    CampaignRun,
    Group,
    LotTermsVersion,
    Phase,
    ProgrammeRules,
    Rate,
    RuleVersion,
)
from loyalty.policies.tiers import scheme as tiers
from loyalty.queries.books import terms_of
from loyalty.queries.campaigns import campaign_of
from loyalty.queries.outside import list_outside

_STAMP = Columns(Programme, "id", "rules_stamp")
_FEED = Columns(Channel, "id", "programmes")

# Rules by programme id, with the stamp that they were read at. A process may keep them, because every change
# sets a new stamp in its own transaction and each use compares it with one read.
_kept: dict[int, tuple[UUID, ProgrammeRules]] = {}


def list_programme_rules() -> list[ProgrammeRules]:
    """Give the rules of every programme, by id. Queries: 1, and 12 more for each programme that has
    changed.
    """
    return [_rules(programme_id, rules_stamp) for programme_id, rules_stamp in _STAMP.read("ORDER BY id")]


def list_fed_programmes(channel_ids: Collection[int]) -> list[tuple[ProgrammeRules, set[int]]]:
    """Give the rules of every programme, by id, each with those of these channels that feed it.

    Queries: 1, and 12 more for each programme that has changed.
    """
    these, value = within("channel.id", channel_ids)
    rows = execute(
        f"SELECT {_STAMP.of('programme')}, {_FEED.of('channel')} FROM {_STAMP.table} AS programme"
        f" CROSS JOIN {_FEED.table} AS channel WHERE {these} ORDER BY programme.id",
        [value],
    ).fetchall()
    rows = _FEED.convert(_STAMP.convert(rows), start=len(_STAMP.names))
    fed: dict[int, tuple[ProgrammeRules, set[int]]] = {}
    for programme_id, rules_stamp, channel_id, channel_programmes in rows:
        if programme_id not in fed:
            fed[programme_id] = (_rules(programme_id, rules_stamp), set())
        rules, channels = fed[programme_id]
        if fed_by([rules], channel_programmes):
            channels.add(channel_id)
    return list(fed.values())


def get_programme_rules(programme_id: int) -> ProgrammeRules:
    """Give the rules of one programme. Raises: Programme.DoesNotExist. Queries: 1, or 13 after a change."""
    stamps: dict[int, UUID] = dict(_STAMP.read("WHERE id = %s", [programme_id]))
    if programme_id not in stamps:
        raise Programme.DoesNotExist(f"There is no programme {programme_id}.")
    return _rules(programme_id, stamps[programme_id])


def rules_of(programme: Programme) -> ProgrammeRules:
    """Give the rules of a programme that is at hand. Queries: 0, or 12 after a change."""
    return _rules(programme.id, programme.rules_stamp)


def fed_by(rules: Iterable[ProgrammeRules], channel_programmes: Iterable[str]) -> list[ProgrammeRules]:
    """Choose the programmes that a channel feeds; a channel that names none feeds them all."""
    keys = set(channel_programmes)
    return [programme for programme in rules if not keys or programme.key in keys]


def _rules(programme_id: int, rules_stamp: UUID) -> ProgrammeRules:
    kept = _kept.get(programme_id)
    if kept is None or kept[0] != rules_stamp:
        # The stamp is the one read before the rules, so a change in between is read again next time.
        kept = _kept[programme_id] = (rules_stamp, _read(Programme.objects.get(id=programme_id)))
    return kept[1]


def _read(programme: Programme) -> ProgrammeRules:
    return ProgrammeRules(
        id=programme.id,
        key=programme.key,
        currency=programme.currency,
        zone=ZoneInfo(programme.time_zone),
        enrolment=Enrolment(programme.enrolment),
        backdate_days=programme.backdate_days,
        debt_policy=DebtPolicy(programme.debt_policy),
        phases=tuple(
            Phase(ProgrammeState(row.state), row.starts_at, row.ends_at)
            for row in ProgrammePhase.objects.filter(programme=programme).order_by("starts_at")
        ),
        rules=tuple(
            RuleVersion(_base_rule(row), row.starts_at, row.ends_at)
            for row in EarningRule.objects.filter(programme=programme).order_by("starts_at")
        ),
        terms=tuple(
            LotTermsVersion(terms_of(row), row.product_group_id, row.starts_at, row.ends_at)
            for row in LotTerms.objects.filter(programme=programme).order_by("starts_at")
        ),
        groups=tuple(_group(row) for row in ProductGroup.objects.filter(programme=programme).order_by("id")),
        rates=tuple(_rates(programme)),
        campaigns=tuple(_campaigns(programme)),
        combination=Combination(programme.combination),
        actions=tuple(_actions(programme)),
        settings=programme.settings_history(),
        admission=Admission(programme.admission),
        schemes=tuple(_schemes(programme)),
        outside=tuple(list_outside(programme)),
        plans=tuple(_plans(programme)),
        announced_until=Announcement.objects.filter(programme=programme).aggregate(last=Max("starts_at"))[
            "last"
        ],
    )


def _base_rule(row: EarningRule) -> BaseRule:
    return BaseRule(
        id=row.id,
        points=row.points,
        per_minor=row.per_minor,
        counts_tax=row.counts_tax,
        counts_shipping=row.counts_shipping,
        rounding=Rounding(row.rounding),
    )


def _group(row: ProductGroup) -> Group:
    return Group(row.id, Goods(frozenset(row.skus), frozenset(row.brands), tuple(row.category_paths)))


def _campaigns(programme: Programme) -> list[CampaignRun]:
    """Give the versions that have run or are to run; an empty period never ran."""
    rows = CampaignVersion.objects.filter(campaign__programme=programme, starts_at__isnull=False)
    return [
        CampaignRun(campaign_of(row), row.starts_at, row.ends_at)
        for row in rows.select_related("campaign").order_by("id")
        if row.starts_at is not None and row.starts_at != row.ends_at
    ]


def _actions(programme: Programme) -> list[ActionRule]:
    """Give the versions that have run or are running; an empty period never ran."""
    rows = ActionVersion.objects.filter(rule__programme=programme, starts_at__isnull=False)
    return [
        ActionRule(
            id=row.id,
            rule_id=row.rule_id,
            kind=row.rule.kind,
            event=row.rule.event,
            points=row.points,
            cap_times=row.cap_times,
            cap_period=CapPeriod(row.cap_period),
            counts_for_level=row.counts_for_level,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            name=row.rule.name,
            public_text=row.rule.public_text,
        )
        for row in rows.select_related("rule").order_by("id")
        if row.starts_at is not None and row.starts_at != row.ends_at
    ]


def _schemes(programme: Programme) -> list[tiers.Scheme]:
    """Give the levels of every version that has run or is running, from the lowest up."""
    rows = Tier.objects.filter(scheme__programme=programme, scheme__starts_at__isnull=False)
    found: dict[int, tuple[TierScheme, list[tiers.Tier]]] = {}
    for row in rows.select_related("scheme").order_by("scheme__starts_at", "threshold"):
        if row.scheme.starts_at != row.scheme.ends_at:
            found.setdefault(row.scheme_id, (row.scheme, []))[1].append(tier_of(row))
    return [scheme_of(scheme, tuple(levels)) for scheme, levels in found.values()]


def tier_of(row: Tier) -> tiers.Tier:
    """Turn a stored level into the value that rules work with."""
    return tiers.Tier(
        row.id, row.level_id, row.name, row.threshold, int(row.factor * ONE), read_perks(row.perks)
    )


def scheme_of(row: TierScheme, levels: tuple[tiers.Tier, ...]) -> tiers.Scheme:
    """Turn a stored version of the levels into the value that rules work with; a draft begins when it was
    made.
    """
    return tiers.Scheme(
        id=row.id,
        metric=tiers.Metric(row.metric),
        window=tiers.Window(row.window),
        fall=tiers.Fall(row.fall),
        grace_days=row.grace_days,
        notice_days=row.notice_days,
        tiers=levels,
        starts_at=row.starts_at or row.created_at,
        ends_at=row.ends_at,
    )


def _plans(programme: Programme) -> list[PlanOffer]:
    """Give the versions of plans that have been on sale, if only for the moment in which somebody paid."""
    rows = PlanVersion.objects.filter(plan__programme=programme, starts_at__isnull=False)
    return [offer_of(row) for row in rows.select_related("plan").order_by("id")]


def offer_of(row: PlanVersion) -> PlanOffer:
    """Turn a stored version of a plan into the value that rules work with; a draft begins when it was
    made.
    """
    plan = row.plan
    return PlanOffer(
        id=row.id,
        plan_id=plan.id,
        name=plan.name,
        price_minor=row.price_minor,
        months=row.months,
        grace_days=row.grace_days,
        trial_days=row.trial_days,
        percent=int(row.factor * ONE),
        perks=read_perks(row.perks),
        level_id=row.level_id,
        shipping_minor=row.shipping_minor,
        free_for_all_minor=row.free_for_all_minor,
        public_text=plan.public_text,
        is_sold=plan.state == PlanState.ON,
        is_renewed=plan.state in (PlanState.ON, PlanState.CLOSED),
        starts_at=row.starts_at or plan.created_at,
        ends_at=row.ends_at,
    )


def _rates(programme: Programme) -> list[Rate]:
    """Turn rates between whole units into rates between minor units: 1 JPY has no hundredth, 1 KWD a
    thousandth.
    """
    rows = ExchangeRate.objects.filter(programme=programme).order_by("starts_at")
    here = get_currency_precision(programme.currency)
    scale: dict[str, Fraction] = defaultdict(lambda: Fraction(1))
    for currency in {row.currency for row in rows}:
        scale[currency] = Fraction(10) ** here / Fraction(10) ** get_currency_precision(currency)
    return [Rate(row.currency, Fraction(row.rate) * scale[row.currency], row.starts_at) for row in rows]
