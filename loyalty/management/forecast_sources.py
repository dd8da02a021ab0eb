"""Where each assumption of a forecast comes from: given, read from purchases, the programme's, or a guess."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from babel.numbers import get_currency_precision

from backstage.policies.names import did_you_mean
from commerce.models import Channel
from commerce.policies.snapshot import CURRENCIES
from loyalty.management.forecast_words import percent
from loyalty.models import Programme
from loyalty.policies.changes.settings import Worth
from loyalty.policies.earning import BaseRule
from loyalty.policies.forecast import NEVER, Assumptions, Never, Step
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.terms import ExpiryKind, Terms
from loyalty.queries.assumptions import ShopRecords, get_shop_records
from loyalty.queries.programmes import get_programme_rules

MEMBER_GUESS: Final = Fraction(40, 100)
MARGIN_GUESS: Final = Fraction(40, 100)
USE_GUESS: Final = Fraction(70, 100)
POINTS_GUESS: Final = Fraction(10)
WORTH_GUESS: Final = Fraction(1, 200)  # of a unit of the currency, for each point
EXPIRY_GUESS: Final = 12
# Below this an average or a share says more about chance than about the shop.
ENOUGH: Final = 30


class UsageError(ValueError):
    """The command asks for something that does not exist, or leaves out what nobody can know."""


class Source(StrEnum):
    """Where a figure comes from."""

    GIVEN = "given"
    READ = "read"
    PROGRAMME = "programme"
    GUESS = "guess"


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of one figure, and a few words about it."""

    source: Source
    note: str = ""


@dataclass(frozen=True, slots=True)
class Basis:
    """Everything that a forecast stands on, with the origin of each assumption by its name."""

    assumed: Assumptions
    origins: Mapping[str, Origin]
    records: ShopRecords
    programme: Programme | None


@dataclass(slots=True)
class _Picker:
    """Takes the first figure that somebody knows and keeps in mind where it came from."""

    origins: dict[str, Origin] = field(default_factory=dict)

    def find(self, name: str, *known: tuple[Any, Source, str]) -> Any:
        for value, source, note in known:
            if value is not None:
                self.origins[name] = Origin(source, note)
                return value
        return None

    def get(self, name: str, *known: tuple[Any, Source, str], otherwise: str) -> Any:
        value = self.find(name, *known)
        if value is None:
            raise UsageError(otherwise)
        return value


def gather(options: Mapping[str, Any], *, at: datetime) -> Basis:
    """Put the assumptions together from the options, the records and the programme.

    Raises: UsageError; ForecastError.
    """
    programme = find_programme(options["programme"])
    currency = _get_currency(options["currency"], programme)
    given = _read_amounts(options, currency)
    rules = get_programme_rules(programme.id) if programme else None
    rule = rules.rule_at(at) if rules else None
    records = get_shop_records(
        currency=currency,
        programme_id=programme.id if programme else None,
        at=at,
        days=options["days"],
        counts_tax=rule.counts_tax if rule else True,
        step_minor=given["step"],
    )
    unit = 10 ** get_currency_precision(currency)
    picker = _Picker()
    assumed = Assumptions(
        currency=currency,
        minor_per_unit=unit,
        **_pick_shop(picker, given, records),
        **_pick_promise(picker, given, unit, programme.worth_at(at) if programme else None, rule),
        use_rate=picker.find("use_rate", (given["used"], Source.GIVEN, ""), (USE_GUESS, Source.GUESS, "")),
        expiry_months=_pick_expiry(picker, given, rules, at),
        step=_pick_step(picker, given, records),
        target_average_minor=given["target"],
        reward_points=given["reward"],
        **_pick_customer(picker, given, records),
    )
    return Basis(assumed, picker.origins, records, programme)


def find_programme(key: str | None) -> Programme | None:
    """Find the programme of this key, or the only one. Raises: UsageError where it is not clear which."""
    programmes = {programme.key: programme for programme in Programme.objects.order_by("key")}
    if key is not None:
        if key not in programmes:
            raise UsageError(f"There is no programme {key!r}. {did_you_mean(key, list(programmes))}")
        return programmes[key]
    if len(programmes) > 1:
        raise UsageError(
            f"There are {len(programmes)} programmes: {', '.join(programmes)}. Say which with --programme."
        )
    return next(iter(programmes.values()), None)


def _get_currency(asked: str | None, programme: Programme | None) -> str:
    if programme is not None:
        if asked not in (None, programme.currency):
            raise UsageError(
                f"--currency is {asked!r}, and the programme {programme.key!r} counts in "
                f"{programme.currency}. Leave --currency out."
            )
        return programme.currency
    if asked is not None:
        if asked not in CURRENCIES:
            raise UsageError(f"There is no currency {asked!r}. Write its three letters, such as EUR.")
        return asked
    sold_in = sorted(set(Channel.objects.values_list("currency", flat=True)))
    if len(sold_in) == 1:
        return sold_in[0]
    found = f"channels sell in {', '.join(sold_in)}" if sold_in else "no channel either"
    raise UsageError(f"There is no programme yet, and {found}. Say what to count in, such as --currency EUR.")


def _read_amounts(options: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """Turn amounts into minor units, and the worth of 100 points into that of one."""
    given = dict(options)
    for name in ("average_order", "step", "target", "lifetime_value", "acquisition_cost"):
        given[name] = _minor(options[name], name, currency)
    if options["worth"] is not None:
        given["worth"] = Fraction(options["worth"]) * 10 ** get_currency_precision(currency) / 100
    return given


def _minor(value: Decimal | None, name: str, currency: str) -> int | None:
    if value is None:
        return None
    places = get_currency_precision(currency)
    minor = value.scaleb(places)
    if minor != int(minor):
        option = name.replace("_", "-")
        raise UsageError(f"--{option} is {value}, and {currency} has {places} decimals. Write no more.")
    return int(minor)


def _pick_promise(
    picker: _Picker,
    given: Mapping[str, Any],
    unit: int,
    promised: Worth | None,
    rule: BaseRule | None,
) -> dict[str, Any]:
    points = Fraction(rule.points * unit, rule.per_minor) if rule else None
    worth = Fraction(promised.minor, promised.points) if promised else None
    return {
        "points_per_unit": picker.find(
            "points_per_unit",
            (given["points"], Source.GIVEN, ""),
            (points, Source.PROGRAMME, ""),
            (POINTS_GUESS, Source.GUESS, ""),
        ),
        "point_worth_minor": picker.find(
            "point_worth_minor",
            (given["worth"], Source.GIVEN, ""),
            (worth, Source.PROGRAMME, ""),
            (WORTH_GUESS * unit, Source.GUESS, ""),
        ),
    }


def _pick_expiry(
    picker: _Picker, given: Mapping[str, Any], rules: ProgrammeRules | None, at: datetime
) -> int | Never:
    terms = rules.terms_by_id().get(rules.terms_at(at).get(None, 0)) if rules else None
    months, note = _months_of(terms) if terms else (None, "")
    found: int | Never = picker.find(
        "expiry_months",
        (given["expiry"], Source.GIVEN, ""),
        (months, Source.PROGRAMME, note),
        (EXPIRY_GUESS, Source.GUESS, ""),
    )
    return found


def _months_of(terms: Terms) -> tuple[int | Never, str]:
    """Say after how many months points end, and what that leaves out."""
    if terms.expiry_kind is ExpiryKind.NEVER:
        return NEVER, ""
    if terms.expiry_kind is ExpiryKind.CALENDAR_DAY:
        return terms.expiry_months + 6, "half a year more than the least, on average"
    if terms.expiry_kind is ExpiryKind.INACTIVITY:
        return terms.expiry_months, "as if members did nothing meanwhile"
    return terms.expiry_months, ""


def _pick_shop(picker: _Picker, given: Mapping[str, Any], records: ShopRecords) -> dict[str, Any]:
    seen, missing = _note_on_orders(records), "There are no purchases to read the {} from. Give {}."
    margin = records.margin_rate
    costs = f"costs are known for {percent(records.cost_known_rate, least=0, most=0)} of sales"
    if margin is not None and margin < 0 and given["margin"] is None:
        raise UsageError(
            "By your records, goods cost more than they are sold for. Correct the cost prices, or give "
            "--margin."
        )
    return {
        "average_order_minor": picker.get(
            "average_order_minor",
            (given["average_order"], Source.GIVEN, ""),
            (records.average_order_minor or None, Source.READ, seen),
            otherwise=missing.format("average order", "--average-order"),
        ),
        "monthly_orders": picker.get(
            "monthly_orders",
            (given["orders"], Source.GIVEN, ""),
            (records.monthly_orders or None, Source.READ, seen),
            otherwise=missing.format("number of orders", "--orders"),
        ),
        "member_rate": picker.find(
            "member_rate",
            (given["members"], Source.GIVEN, ""),
            (records.member_rate, Source.READ, f"orders by members: {records.member_orders:,}"),
            (MEMBER_GUESS, Source.GUESS, "no purchase is a member's yet"),
        ),
        "margin_rate": picker.find(
            "margin_rate",
            (given["margin"], Source.GIVEN, ""),
            (margin, Source.READ, costs),
            (MARGIN_GUESS, Source.GUESS, "no cost price is known"),
        ),
    }


def _note_on_orders(records: ShopRecords) -> str:
    period = "day" if records.days == 1 else f"{records.days} days"
    note = f"orders of the last {period}: {records.orders:,}"
    return note if records.orders >= ENOUGH else f"{note}, too few to tell"


def _pick_step(picker: _Picker, given: Mapping[str, Any], records: ShopRecords) -> Step | None:
    if given["step"] is None and given["bonus"] is None and given["over_already"] is None:
        return None
    if given["step"] is None or given["bonus"] is None:
        raise UsageError(
            "A step bonus needs its step and its points. Give both, such as --step 4.50 --bonus 30."
        )
    over = picker.get(
        "over_already_rate",
        (given["over_already"], Source.GIVEN, ""),
        (records.over_step_rate, Source.READ, _note_on_orders(records)),
        otherwise="There are no purchases to see who is over the step already. Give --over-already.",
    )
    return Step(threshold_minor=given["step"], bonus_points=given["bonus"], over_already_rate=over)


def _pick_customer(picker: _Picker, given: Mapping[str, Any], records: ShopRecords) -> dict[str, Any]:
    few = "" if records.customers >= ENOUGH else ", too few to tell"
    return {
        "lifetime_value_minor": picker.find(
            "lifetime_value_minor",
            (given["lifetime_value"], Source.GIVEN, ""),
            (
                records.lifetime_value_minor or None,
                Source.READ,
                f"bought so far, on average; known customers: {records.customers:,}{few}",
            ),
        ),
        "acquisition_cost_minor": picker.find(
            "acquisition_cost_minor", (given["acquisition_cost"], Source.GIVEN, "")
        ),
    }
