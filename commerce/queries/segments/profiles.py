"""Conditions on the customer's own record: place, age, birthday, attributes, tags.

What is not known does not match. Texts match letter by letter, because the two databases disagree about what
the capital of "ø" is.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q
from django.db.models.functions import ExtractDay, ExtractMonth
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from commerce.policies.segments import Moment
from commerce.policies.segments import parameters as ask
from commerce.policies.segments.moments import get_age, go_back, list_birthday_ranges
from commerce.policies.segments.words import pick, say_day, say_list, say_needed, say_number, say_value
from commerce.queries.segments.json_tests import AttributeHolds, HasTag
from commerce.registry import Found, Measure, SegmentCondition, measure_customers

Values = Mapping[str, Any]


def say_place(values: Values) -> str:
    if values["places"] and values["countries"]:
        return _("lives in %(places)s, in country %(countries)s") % {
            "places": say_list(values["places"]),
            "countries": say_list(values["countries"]),
        }
    if values["places"]:
        return _("lives in %(places)s") % {"places": say_list(values["places"])}
    return _("lives in country %(countries)s") % {"countries": say_list(values["countries"])}


def measure_place(values: Values, moment: Moment) -> Measure:
    test = Q()
    if values["places"]:
        test &= Q(place__in=values["places"])
    if values["countries"]:
        test &= Q(country__in=values["countries"])
    return measure_customers(test)


def tell_place(values: Values, found: Found, moment: Moment) -> str:
    where = ", ".join(part for part in (found.customer.place, found.customer.country) if part)
    return _("lives in %(where)s") % {"where": where} if where else _("place is not known")


PLACE = SegmentCondition(
    key="place",
    label=gettext_lazy("place"),
    parameters=[
        ask.texts("places", gettext_lazy("one of these places"), longest=200, is_required=False),
        ask.texts("countries", gettext_lazy("one of these countries"), longest=2, is_required=False),
    ],
    at_least_one_of=["places", "countries"],
    say=say_place,
    measure=measure_place,
    tell=tell_place,
)


def say_age(values: Values) -> str:
    sentence = pick(
        values,
        least=_("is at least %(least)s years old"),
        most=_("is at most %(most)s years old"),
        both=_("is %(least)s to %(most)s years old"),
    )
    return sentence % {"least": values["at_least"], "most": values["at_most"]}


def measure_age(values: Values, moment: Moment) -> Measure:
    # Q() would also match whoever has no birth date.
    test = Q(birth_date__lte=moment.today)
    if values["at_least"] is not None:
        test &= Q(birth_date__lte=_born_by(moment.today, years=values["at_least"]))
    if values["at_most"] is not None:
        test &= Q(birth_date__gt=_born_by(moment.today, years=values["at_most"] + 1))
    return measure_customers(test)


def _born_by(today: date, *, years: int) -> date:
    """Return the last birth date of whoever is `years` old today."""
    return go_back(today, count=years * 12, unit="months")


def tell_age(values: Values, found: Found, moment: Moment) -> str:
    if found.customer.birth_date is None:
        return _("date of birth is not known")
    age = get_age(found.customer.birth_date, on=moment.today)
    return _("is %(age)s years old, %(needed)s") % {
        "age": age,
        "needed": say_needed(least=values["at_least"], most=values["at_most"]),
    }


AGE = SegmentCondition(
    key="age",
    label=gettext_lazy("age"),
    parameters=[
        ask.whole_number("at_least", gettext_lazy("at least"), most=150),
        ask.whole_number("at_most", gettext_lazy("at most"), most=150),
    ],
    at_least_one_of=["at_least", "at_most"],
    ranges=[("at_least", "at_most")],
    say=say_age,
    measure=measure_age,
    tell=tell_age,
)


def say_birthday(values: Values) -> str:
    if values["this_month"]:
        return _("has a birthday this month")
    count = values["next_days"]
    if count == 0:
        return _("has a birthday today")
    return ngettext(
        "has a birthday today or tomorrow", "has a birthday today or in the next %(count)s days", count
    ) % {"count": say_number(count)}


def measure_birthday(values: Values, moment: Moment) -> Measure:
    first, days = moment.today, values["next_days"]
    if values["this_month"]:
        first = moment.today.replace(day=1)
        days = (_next_month(first) - first).days - 1
    number = ExtractMonth("birth_date") * 100 + ExtractDay("birth_date")
    ranges = list_birthday_ranges(first=first, days=days)
    within = reduce(or_, (Q(birthday__range=bounds) for bounds in ranges))
    measure = measure_customers(Q(birth_date__isnull=False))
    rows = measure.rows.annotate(birthday=number).filter(within)
    return Measure(rows=rows, follows_merges=False)


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def tell_birthday(values: Values, found: Found, moment: Moment) -> str:
    if found.customer.birth_date is None:
        return _("date of birth is not known")
    return _("was born on %(day)s") % {"day": say_day(found.customer.birth_date)}


BIRTHDAY = SegmentCondition(
    key="birthday",
    label=gettext_lazy("birthday"),
    parameters=[
        ask.whole_number("next_days", gettext_lazy("in the next days"), most=365),
        ask.flag("this_month", gettext_lazy("this month")),
    ],
    exactly_one_of=["next_days", "this_month"],
    say=say_birthday,
    measure=measure_birthday,
    tell=tell_birthday,
)


def say_attribute(values: Values) -> str:
    name = {"name": values["name"]}
    if values["any_of"]:
        return _("%(name)s is %(values)s") % {**name, "values": say_list(values["any_of"])}
    if values["at_least"] is None and values["at_most"] is None:
        return _("%(name)s is known") % name
    sentence = pick(
        values,
        least=_("%(name)s is at least %(least)s"),
        most=_("%(name)s is at most %(most)s"),
        both=_("%(name)s is %(least)s to %(most)s"),
    )
    return sentence % {
        **name,
        "least": say_number(values["at_least"] or 0),
        "most": say_number(values["at_most"] or 0),
    }


def measure_attribute(values: Values, moment: Moment) -> Measure:
    return measure_customers(
        Q(
            AttributeHolds(
                name=values["name"],
                any_of=values["any_of"] or (),
                at_least=values["at_least"],
                at_most=values["at_most"],
            )
        )
    )


def tell_attribute(values: Values, found: Found, moment: Moment) -> str:
    attributes = found.customer.attributes
    value = attributes.get(values["name"]) if isinstance(attributes, dict) else None
    if value in (None, []):
        return _("%(name)s is not known") % {"name": values["name"]}
    shown = say_list(value) if isinstance(value, list) else say_value(value)
    return _("%(name)s is %(value)s") % {"name": values["name"], "value": shown}


ATTRIBUTE = SegmentCondition(
    key="attribute",
    label=gettext_lazy("attribute"),
    parameters=[
        ask.text("name", gettext_lazy("name"), longest=100),
        ask.values("any_of", gettext_lazy("is one of these")),
        ask.number("at_least", gettext_lazy("at least")),
        ask.number("at_most", gettext_lazy("at most")),
    ],
    ranges=[("at_least", "at_most")],
    say=say_attribute,
    measure=measure_attribute,
    tell=tell_attribute,
)


def say_tag(values: Values) -> str:
    return _("has the tag %(tags)s") % {"tags": say_list(values["any_of"])}


def measure_tag(values: Values, moment: Moment) -> Measure:
    return measure_customers(Q(HasTag(values["any_of"])))


def tell_tag(values: Values, found: Found, moment: Moment) -> str:
    if not found.customer.tags:
        return _("has no tags")
    return _("has the tags %(tags)s") % {"tags": say_list(found.customer.tags)}


TAG = SegmentCondition(
    key="tag",
    label=gettext_lazy("tag"),
    parameters=[ask.texts("any_of", gettext_lazy("one of these tags"), longest=100)],
    say=say_tag,
    measure=measure_tag,
    tell=tell_tag,
)
