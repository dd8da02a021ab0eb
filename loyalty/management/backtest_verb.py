"""The verb `backtest`: other rules tried on the recorded purchases. It changes nothing."""

from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from babel.numbers import get_currency_precision
from django.db.models import Min

from backstage import clock
from backstage.management.verbs import day
from backstage.registry import Out, Verb
from commerce.models import Purchase
from loyalty.management.forecast_options import percent
from loyalty.management.forecast_sources import UsageError, find_programme
from loyalty.management.forecast_words import Purse
from loyalty.models import CampaignVersion, Member, Programme
from loyalty.policies.backtest import Change, Proposal
from loyalty.policies.calendar import start_of_day
from loyalty.policies.earning import Rounding
from loyalty.policies.forecast import nearest
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.terms import ExpiryKind
from loyalty.queries.backtest import BacktestReport, count_orders, run_backtest
from loyalty.queries.campaigns import campaign_of
from loyalty.queries.programmes import get_programme_rules

OK, USAGE = 0, 2
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be tried, on which purchases."""

    programme: Programme
    rules: ProgrammeRules
    proposal: Proposal
    budgets: dict[int, int | None]
    since: datetime
    until: datetime
    used: Fraction


def _add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--programme", help="the key of the programme; needed only where there is more than one")
    add("--from", dest="since", type=day, help="the first day; the first purchase by default")
    add("--to", dest="until", type=day, help="the last day; today by default")
    add("--points", type=int, help="points for each --per; as the programme gives by default")
    add("--per", type=int, help="so many minor units spent, such as 100")
    add("--rounding", choices=[rounding.value for rounding in Rounding], help="how an order is rounded")
    add("--window", type=int, help="days until points are ready")
    add("--expiry", help="after how many months points end, or: never")
    add("--campaign", type=int, action="append", default=[], help="the number of a campaign to run all along")
    add("--used", type=percent, default=Fraction(7, 10), help="per cent of points that get used; 70 if left")


def _run(options: Mapping[str, Any], out: Out) -> int:
    try:
        plan = _plan(options, at=clock.now())
    except UsageError as error:
        out.error(str(error))
        return USAGE
    total = count_orders(rules=plan.rules, since=plan.since, until=plan.until)
    with out.bar(label="backtest", total=total, unit="orders") as bar:
        report = run_backtest(
            rules=plan.rules,
            proposal=plan.proposal,
            budgets=plan.budgets,
            since=plan.since,
            until=plan.until,
            at=clock.now(),
            progress=bar.advance,
        )
    for line in _lines(plan, report):
        out.line(line)
    out.json(_as_dict(plan, report))
    return OK


# -- what is asked -------------------------------------------------------------------------------------------


def _plan(options: Mapping[str, Any], *, at: datetime) -> Plan:
    programme = find_programme(options["programme"])
    if programme is None:
        raise UsageError("There is no programme yet. Make one first: manage.py encore init.")
    rules = get_programme_rules(programme.id)
    since, until = _period(options, rules, at)
    rows = _campaigns(programme, options["campaign"])
    campaigns = tuple(campaign_of(row) for row in rows)
    return Plan(
        programme,
        rules,
        Proposal(_rule(options, rules, at), _terms(options, rules, at), campaigns),
        {row.campaign_id: row.campaign.budget_points for row in rows},
        since,
        until,
        options["used"],
    )


def _period(options: Mapping[str, Any], rules: ProgrammeRules, at: datetime) -> tuple[datetime, datetime]:
    first, last = options["since"], options["until"]
    if first is not None and last is not None and last < first:
        raise UsageError(f"--to {last} is before --from {first}. Turn them round.")
    since = _begin(first, rules) if first else _first_purchase()
    return since, at if last is None else _begin(date.fromordinal(last.toordinal() + 1), rules)


def _begin(first: date, rules: ProgrammeRules) -> datetime:
    return start_of_day(first, rules.zone)


def _first_purchase() -> datetime:
    found = Purchase.objects.aggregate(first=Min("placed_at"))["first"]
    if found is None:
        raise UsageError("There is no purchase to try it on. Import some first: manage.py encore import.")
    return found


def _rule(options: Mapping[str, Any], rules: ProgrammeRules, at: datetime) -> Any:
    running = rules.rule_at(at) or rules.rules[0].rule
    for name in ("points", "per"):
        if options[name] is not None and options[name] < 1:
            raise UsageError(f"--{name} {options[name]} gives nothing. Write 1 or more.")
    return replace(
        running,
        points=options["points"] or running.points,
        per_minor=options["per"] or running.per_minor,
        rounding=Rounding(options["rounding"] or running.rounding),
    )


def _terms(options: Mapping[str, Any], rules: ProgrammeRules, at: datetime) -> Any:
    by_id = rules.terms_by_id()
    running = by_id[rules.terms_at(max(at, rules.rules[0].starts_at))[None]]
    window, expiry = options["window"], options["expiry"]
    if window is not None and not 0 <= window <= 365:
        raise UsageError(f"--window {window} is out of reach. Write 0 to 365 days.")
    if expiry is None:
        kind, months = running.expiry_kind, running.expiry_months
    elif expiry == "never":
        kind, months = ExpiryKind.NEVER, running.expiry_months
    elif expiry.isascii() and expiry.isdigit() and 1 <= int(expiry) <= 240:
        kind, months = ExpiryKind.AFTER_RELEASE, int(expiry)
    else:
        raise UsageError(f"--expiry {expiry} is no number of months. Write 1 to 240, or never.")
    days = running.window_days if window is None else window
    return replace(running, window_days=days, expiry_kind=kind, expiry_months=months)


def _campaigns(programme: Programme, numbers: list[int]) -> list[CampaignVersion]:
    found = {}
    versions = CampaignVersion.objects.filter(campaign__programme=programme, campaign_id__in=numbers)
    for row in versions.select_related("campaign").order_by("number"):
        found[row.campaign_id] = row
    if missing := sorted(set(numbers) - found.keys()):
        raise UsageError(f"{programme.name} has no campaign {missing[0]}. See the number in its address.")
    return [found[number] for number in sorted(found)]


# -- what is told --------------------------------------------------------------------------------------------


def _lines(plan: Plan, report: BacktestReport) -> Iterator[str]:
    programme, rule = plan.programme, plan.proposal.rule
    purse = Purse(programme.currency, 10 ** get_currency_precision(programme.currency))
    first, last = (at.astimezone(plan.rules.zone) for at in (plan.since, plan.until))
    yield f"{rule.points} points for every {purse.exactly(rule.per_minor)}, on what was bought"
    yield f"from {first:%Y-%m-%d %H:%M} to before {last:%Y-%m-%d %H:%M}:"
    yield ""
    yield f"{report.orders:,} orders, {report.guests:,} of them by nobody known"
    yield f"{report.without_points:,} orders of known customers would earn nothing"
    yield f"{report.points:,} points for {report.customers:,} customers; {report.before:,} in the records"
    promised, likely = _worth(plan, report.points)
    yield f"They promise {purse.roughly(promised)}; {purse.roughly(likely)} if {plan.used * 100} % get used"
    if report.months:
        most = max(report.months, key=lambda month: month.owed)
        when = f"{most.first_day:%B %Y}"
        yield f"Most points owed at once, if nobody used any: {most.owed:,} at the end of {when}"
    if report.levels:
        counts = ", ".join(f"{name} {count:,}" for name, count in reversed(report.levels))
        yield f"Levels at the end, by customers: {counts}"
    yield f"{len(report.gainers):,} customers would have more, {len(report.losers):,} less"
    yield from _extremes("gain most", report.gainers, plan)
    yield from _extremes("lose most", report.losers, plan)


def _extremes(title: str, changes: list[Change], plan: Plan) -> Iterator[str]:
    if not changes:
        return
    numbers = dict(
        Member.objects.filter(
            programme=plan.programme, customer_id__in=[change.customer_id for change in changes[:SHOWN]]
        ).values_list("customer_id", "number")
    )
    yield f"Who would {title}:"
    for change in changes[:SHOWN]:
        who = numbers.get(change.customer_id, f"customer {change.customer_id}")
        yield f"  {who}: {change.before:,} → {change.after:,} ({change.difference:+,})"


def _worth(plan: Plan, points: int) -> tuple[int, int]:
    worth = plan.programme.worth_at(plan.until)
    promised = Fraction(points * worth.minor, worth.points)
    return nearest(promised), nearest(promised * plan.used)


def _as_dict(plan: Plan, report: BacktestReport) -> dict[str, Any]:
    promised, likely = _worth(plan, report.points)
    return {
        "programme": plan.programme.key,
        "from": plan.since.isoformat(),
        "until": plan.until.isoformat(),
        "orders": report.orders,
        "guests": report.guests,
        "without_points": report.without_points,
        "customers": report.customers,
        "points": report.points,
        "points_in_records": report.before,
        "promised_minor": promised,
        "likely_minor": likely,
        "months": [{**month._asdict(), "first_day": month.first_day.isoformat()} for month in report.months],
        "levels": [{"name": name, "customers": count} for name, count in report.levels],
        "gainers": len(report.gainers),
        "losers": len(report.losers),
        "changes": [change._asdict() for change in report.changes],
    }


BACKTEST = Verb(
    name="backtest",
    help="Try other rules on the recorded purchases: what they would have given, to whom. Changes nothing.",
    add_arguments=_add_arguments,
    run=_run,
)
