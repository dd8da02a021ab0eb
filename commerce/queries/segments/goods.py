"""Conditions on the articles that a customer bought: products, brands, categories."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, Value
from django.db.models.functions import Left
from django.db.models.lookups import Exact
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage.registry import Text
from commerce.policies.segments import Moment
from commerce.policies.segments import parameters as ask
from commerce.policies.segments.words import say_list, say_needed, say_period
from commerce.queries.segments.facts import line_rows
from commerce.queries.segments.purchases import PERIOD, TIMES, say_times
from commerce.registry import Bound, Found, Measure, SegmentCondition

Values = Mapping[str, Any]


def match_categories(paths: Sequence[str]) -> Q:
    """Return the test of a line in one of these categories or below: "tea" holds "tea/green", not "teapots".

    The beginning is compared as a text and not by LIKE, which on SQLite takes "Tea" for "tea".
    """
    cleaned = [path.strip("/") for path in paths]
    below = (Q(Exact(Left("category_path", len(path) + 1), Value(f"{path}/"))) for path in cleaned)
    return reduce(or_, below, Q(category_path__in=cleaned))


@dataclass(frozen=True, slots=True)
class Bought:
    """Goods of a kind in at least so many orders; what was returned in full was not bought."""

    match: Callable[[Sequence[str]], Q]
    name: Text

    def say(self, values: Values) -> str:
        return _("bought %(name)s %(goods)s %(period)s, at least %(times)s") % {
            "name": self.name,
            "goods": say_list(values["any_of"]),
            "period": say_period(values["period"]),
            "times": say_times(values["times"] or 1),
        }

    def measure(self, values: Values, moment: Moment) -> Measure:
        return Measure(
            rows=line_rows(values["period"], moment, which=self.match(values["any_of"])),
            totals={"times": "COUNT(DISTINCT fact.purchase_id)"},
            bounds=[Bound(column="times", operator=">=", value=values["times"] or 1)],
        )

    def tell(self, values: Values, found: Found, moment: Moment) -> str:
        return _("bought %(name)s %(goods)s %(times)s %(period)s, %(needed)s") % {
            "name": self.name,
            "goods": say_list(values["any_of"]),
            "times": say_times(found.columns["times"] or 0),
            "period": say_period(values["period"]),
            "needed": say_needed(least=values["times"] or 1, most=None),
        }


def make_condition(key: str, label: Text, bought: Bought, *, longest: int) -> SegmentCondition:
    """Return the condition for one kind of goods."""
    return SegmentCondition(
        key=key,
        label=label,
        parameters=[ask.texts("any_of", gettext_lazy("one of these"), longest=longest), TIMES, PERIOD],
        say=bought.say,
        measure=bought.measure,
        tell=bought.tell,
    )


PRODUCT = make_condition(
    "product",
    gettext_lazy("products bought"),
    Bought(lambda names: Q(sku__in=names), gettext_lazy("article")),
    longest=100,
)
BRAND = make_condition(
    "brand",
    gettext_lazy("brands bought"),
    Bought(lambda names: Q(brand__in=names), gettext_lazy("brand")),
    longest=200,
)
CATEGORY = make_condition(
    "category",
    gettext_lazy("categories bought"),
    Bought(match_categories, gettext_lazy("category")),
    longest=500,
)
