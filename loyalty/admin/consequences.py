"""What a change of a programme means, in sentences, before it is made."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backstage import clock
from loyalty.admin.closing_form import CloseForm
from loyalty.admin.programme_forms import GroupForm, ProgrammeChangeForm, RateForm, RuleForm, TermsForm
from loyalty.admin.settings_form import OWN_SETTINGS, SettingsForm
from loyalty.models import Programme
from loyalty.operations.changes.winding_up import LAST_DAYS
from loyalty.policies.calendar import end_of_day, next_calendar_day
from loyalty.policies.changes.cost import Cost
from loyalty.policies.earning import Rounding
from loyalty.queries import figures, sentences
from loyalty.queries.changes.cost import cost_of_rule, cost_of_worth
from loyalty.queries.changes.outlook import Outlook
from loyalty.queries.changes.words import list_pairs, say_lowers, say_moment
from loyalty.queries.overview import Owed, count_orders_without_points, list_owed

# About what a small order costs, in minor units.
EXAMPLE_MINOR = 2000
Explain = Callable[[Any], Iterator[str]]


def say_rule(points: int, per_minor: int, programme: Programme) -> str:
    """Say what spending brings."""
    amount = figures.money(per_minor, programme.currency)
    return _("%(points)s for every %(amount)s") % {"points": sentences.points(points), "amount": amount}


def say_terms(terms: Any) -> str:
    """Say when points become ready and how long they can be used."""
    # Any year will do, since the sentence names a day that comes round.
    day = next_calendar_day(date(2024, 1, 1), terms.expiry_month, terms.expiry_day)
    ends = sentences.ends(
        str(terms.expiry_kind),
        terms.expiry_months,
        at_month_end=terms.expiry_at_month_end,
        day=date_format(day, "MONTH_DAY_FORMAT"),
    )
    return f"{sentences.window(terms.window_days, str(terms.clock))} {ends}"


def explain_outlook(form: ProgrammeChangeForm, outlook: Outlook) -> Iterator[str]:
    """Say what is old and what is new, whether it takes something away, and from when it holds."""
    programme, now = form.programme, clock.now()
    pairs = list_pairs(outlook.before, outlook.after, programme.currency)
    yield from (f"{before} → {after}" for before, after in pairs)
    if outlook.lowers:
        yield _("This takes something away: %(what)s.") % {"what": say_lowers(outlook.lowers)}
    if outlook.starts_at is None:
        return
    day = say_moment(outlook.starts_at, programme, now=now)
    if outlook.is_told:
        yield _("Members are told today. It holds from %(date)s on, and can be called off until then.") % {
            "date": day
        }
    else:
        yield _("It holds from %(date)s on, and can be called off until then.") % {"date": day}


def explain_rule(form: RuleForm) -> Iterator[str]:
    told, programme = form.read(), form.programme
    points, per_minor = told["points"], told["per_minor"]
    count, worth = max(1, EXAMPLE_MINOR // per_minor), programme.worth_at(clock.now())
    if worth_minor := worth.of(count * points):
        yield sentences.example(
            count * points,
            figures.money(count * per_minor, programme.currency),
            figures.money(worth_minor, programme.currency),
        )
    else:
        yield sentences.value(worth.points, figures.money(worth.minor, programme.currency))
    empty, looked_at = count_orders_without_points(
        currency=programme.currency,
        points=points,
        per_minor=per_minor,
        rounding=Rounding(told["rounding"]),
    )
    if looked_at:
        sentence = ngettext(
            "This scale leaves %(share)s %% of your newest %(n)s order with nothing.",
            "This scale leaves %(share)s %% of your newest %(n)s orders with nothing.",
            looked_at,
        )
        yield sentence % {"share": round(100 * empty / looked_at), "n": figures.number(looked_at)}
    yield _("Orders that were placed before keep what they earned.")


def find_cost(form: ProgrammeChangeForm) -> Cost:
    """Say what a change costs now and then; nothing at all for what costs nothing."""
    programme, at = form.programme, clock.now()
    if isinstance(form, RuleForm):
        return cost_of_rule(programme=programme, fields=form.read(), at=at)
    if isinstance(form, SettingsForm):
        return cost_of_worth(before=programme.worth_at(at), after=form.read_worth())
    return Cost()


def explain_terms(form: TermsForm) -> Iterator[str]:
    yield _("Points that were given keep their dates.")


def explain_settings(form: SettingsForm) -> Iterator[str]:
    changes = form.read()
    if not changes:
        yield _("Nothing is different from what holds now.")
    for name in (name for name in OWN_SETTINGS if name in changes):
        told = {"name": form.fields[name].label, "value": form.write(name)}
        yield _("%(name)s: changes to %(value)s") % told
    if "worth_minor" in changes or "worth_points" in changes:
        yield from _explain_worth(form)


def _explain_worth(form: SettingsForm) -> Iterator[str]:
    """Say what a new worth does to what is promised already."""
    programme = form.programme
    owed = find_owed(programme)
    if owed and owed.points:
        yield _("Members have %(points)s. They would be worth %(after)s instead of %(before)s.") % {
            "points": sentences.points(owed.points),
            "after": figures.money(form.read_worth().of(owed.points), programme.currency),
            "before": figures.money(owed.worth_minor, programme.currency),
        }


def find_owed(programme: Programme) -> Owed | None:
    """Find what members of a programme have."""
    return next((owed for owed in list_owed() if owed.programme.pk == programme.pk), None)


def explain_closing(form: CloseForm) -> Iterator[str]:
    programme, now = form.programme, clock.now()
    ends_at = end_of_day(form.cleaned_data["last_day"], programme.zone)
    told = {"date": figures.last_day(ends_at, programme.zone, now=now)}
    yield _("From now on nobody joins, and orders bring no points.")
    yield _("Members are told today. They can use their points until the end of %(date)s.") % told
    sentence = ngettext(
        "What would be ready only in the last %(n)s day, or later, becomes ready at once.",
        "What would be ready only in the last %(n)s days, or later, becomes ready at once.",
        LAST_DAYS,
    )
    yield sentence % {"n": LAST_DAYS}
    if owed := find_owed(programme):
        members = ngettext("%(n)s member", "%(n)s members", owed.members)
        yield _("Now: %(members)s, with %(points)s, worth %(worth)s. What is left after that day ends.") % {
            "members": members % {"n": figures.number(owed.members)},
            "points": sentences.points(owed.points),
            "worth": figures.money(owed.worth_minor, programme.currency),
        }
    yield _("You can take this back until then.")


def explain_group(form: GroupForm) -> Iterator[str]:
    told = form.read()
    count = sum(len(told[name]) for name in ("skus", "brands", "category_paths"))
    sentence = ngettext(
        "The group takes what fits %(n)s line. Give it a window or expiry of its own next.",
        "The group takes what fits one of %(n)s lines. Give it a window or expiry of its own next.",
        count,
    )
    yield sentence % {"n": count}


def explain_rate(form: RateForm) -> Iterator[str]:
    told = form.read()
    yield _("1 %(foreign)s counts as %(rate)s %(own)s in orders placed from now on.") % {
        "foreign": told["currency"],
        "rate": told["rate"].normalize(),
        "own": form.programme.currency,
    }
