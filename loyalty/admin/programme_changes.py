"""Changing a programme: what it means is said first, and done on the second click.

The second click carries a stamp of what was shown, so that a field changed in between is shown anew.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backstage import clock
from backstage.admin.base import by_staff
from backstage.admin.pages import show_page
from backstage.registry import Text
from loyalty.admin.limit_form import LimitForm, explain_limit
from loyalty.admin.programme_forms import (
    GroupForm,
    ProgrammeChangeForm,
    RateForm,
    RuleForm,
    SettingsForm,
    TermsForm,
)
from loyalty.models import LotTerms, ProductGroup, Programme
from loyalty.operations import programme as operations
from loyalty.operations.limits import set_limit
from loyalty.policies.calendar import next_calendar_day
from loyalty.policies.earning import Rounding
from loyalty.queries import figures, sentences
from loyalty.queries.overview import count_orders_without_points, list_owed

# About what a small order costs, in minor units.
EXAMPLE_MINOR = 2000


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that can be changed: its form, what a change means in words, and the operation."""

    title: Text
    form: type[Any]
    explain: Callable[[Any], Iterator[str]]
    operate: Callable[..., Any]
    button: Text


def answer(
    model_admin: Any, request: HttpRequest, programme: Programme, change: Change, *, back: str
) -> HttpResponse:
    """Show the form, then what it means, then do it."""
    group = _find_group(request, programme) if change.form is TermsForm else None
    group_id = group.pk if group else None
    told: dict[str, Any] = {"programme": programme, "group_id": group_id}
    if request.method == "POST":
        form = change.form(request.POST, **told)
    else:
        form = change.form(initial=change.form.begin(programme, group_id), **told)
    meanings: list[str] = []
    if request.method == "POST" and form.is_valid():
        stamp = _stamp(form.read())
        if form.cleaned_data["checked"] == stamp and _do(request, change, form):
            messages.success(request, _("Done. It holds from now on."))
            return redirect(back)
        if not form.errors:
            meanings = list(change.explain(form))
            form.data = form.data.copy()
            form.data["checked"] = stamp
    return show_page(
        model_admin,
        request,
        obj=programme,
        template="encore/loyalty/admin/programme_form.html",
        status=422 if form.errors else 200,
        title=f"{change.title}: {group or programme}",
        form=form,
        meanings=meanings,
        button=change.button,
        back=back,
    )


def _find_group(request: HttpRequest, programme: Programme) -> ProductGroup | None:
    text = request.GET.get("group", "")
    if not text:
        return None
    group = ProductGroup.objects.filter(programme=programme, pk=int(text) if _is_id(text) else 0).first()
    if group is None:
        raise Http404
    return group


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _stamp(told: Mapping[str, Any]) -> str:
    """Name what was shown. A rate begins at the moment of the click, so that is left out."""
    named = sorted((name, str(value)) for name, value in told.items() if name != "starts_at")
    return sha256(repr(named).encode()).hexdigest()[:16]


def _do(request: HttpRequest, change: Change, form: ProgrammeChangeForm) -> bool:
    more = {"product_group_id": form.group_id} if isinstance(form, TermsForm) else {}
    try:
        with transaction.atomic():
            change.operate(
                programme_id=form.programme.pk,
                at=clock.now(),
                by=by_staff(request.user),
                **more,
                **form.read(),  # type: ignore[attr-defined]
            )
    except ValidationError as error:
        form.take_over(error)
        return False
    except IntegrityError:
        form.add_error(None, _("Somebody changed this in the same moment. Look at it again, then repeat."))
        return False
    return True


# -- what it means -------------------------------------------------------------------------------------------


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


def _explain_rule(form: RuleForm) -> Iterator[str]:
    told, programme = form.read(), form.programme
    points, per_minor = told["points"], told["per_minor"]
    yield say_rule(points, per_minor, programme) + "."
    count = max(1, EXAMPLE_MINOR // per_minor)
    worth_minor = count * points * programme.worth_minor // programme.worth_points
    if worth_minor:
        yield sentences.example(
            count * points,
            figures.money(count * per_minor, programme.currency),
            figures.money(worth_minor, programme.currency),
        )
    else:
        worth = figures.money(programme.worth_minor, programme.currency)
        yield sentences.value(programme.worth_points, worth)
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
    yield _("It holds for orders placed from now on. What was earned stays.")


def _explain_terms(form: TermsForm) -> Iterator[str]:
    try:
        terms = LotTerms(programme=form.programme, version=1, starts_at=clock.now(), **form.read())
        yield say_terms(terms)
    except ValueError:
        yield _("There is no such day of the year.")
    yield _("It holds for orders placed from now on. Points that were given keep their dates.")


def _explain_settings(form: SettingsForm) -> Iterator[str]:
    changes, programme = form.read(), form.programme
    if not changes:
        yield _("Nothing is different from what holds now.")
    for name in changes:
        label = form.fields["worth" if name == "worth_minor" else name].label
        yield _("%(name)s: changes to %(value)s") % {"name": label, "value": _write(form, name)}
    if "worth_minor" in changes or "worth_points" in changes:
        yield from _explain_worth(form, programme)


def _write(form: SettingsForm, name: str) -> str:
    value = form.cleaned_data[name]
    if name == "worth_minor":
        return figures.money(value, form.programme.currency)
    return str(dict(getattr(form.fields[name], "choices", ())).get(value, value))


def _explain_worth(form: SettingsForm, programme: Programme) -> Iterator[str]:
    """Say what a new worth does to what is promised already."""
    owed = next((owed for owed in list_owed() if owed.programme.pk == programme.pk), None)
    told = form.cleaned_data
    if owed and owed.points:
        worth_minor = owed.points * told["worth_minor"] // told["worth_points"]
        yield _("Members have %(points)s. They would be worth %(after)s instead of %(before)s.") % {
            "points": sentences.points(owed.points),
            "after": figures.money(worth_minor, programme.currency),
            "before": figures.money(owed.worth_minor, programme.currency),
        }


def _explain_group(form: GroupForm) -> Iterator[str]:
    told = form.read()
    count = sum(len(told[name]) for name in ("skus", "brands", "category_paths"))
    sentence = ngettext(
        "The group takes what fits %(n)s line. Give it a window or expiry of its own next.",
        "The group takes what fits one of %(n)s lines. Give it a window or expiry of its own next.",
        count,
    )
    yield sentence % {"n": count}


def _explain_rate(form: RateForm) -> Iterator[str]:
    told = form.read()
    yield _("1 %(foreign)s counts as %(rate)s %(own)s in orders placed from now on.") % {
        "foreign": told["currency"],
        "rate": told["rate"].normalize(),
        "own": form.programme.currency,
    }


CHANGES: dict[str, Change] = {
    "rule": Change(
        gettext_lazy("What an order gives"),
        RuleForm,
        _explain_rule,
        operations.change_rule,
        gettext_lazy("Begin a new version now"),
    ),
    "terms": Change(
        gettext_lazy("When points are ready and when they end"),
        TermsForm,
        _explain_terms,
        operations.change_terms,
        gettext_lazy("Begin a new version now"),
    ),
    "settings": Change(
        gettext_lazy("Settings"),
        SettingsForm,
        _explain_settings,
        operations.change_settings,
        gettext_lazy("Change the settings"),
    ),
    "group": Change(
        gettext_lazy("Add a product group"),
        GroupForm,
        _explain_group,
        operations.add_product_group,
        gettext_lazy("Add the group"),
    ),
    "rate": Change(
        gettext_lazy("Add an exchange rate"),
        RateForm,
        _explain_rate,
        operations.add_exchange_rate,
        gettext_lazy("Add the rate"),
    ),
    "limit": Change(
        gettext_lazy("What staff may give and take by hand"),
        LimitForm,
        explain_limit,
        set_limit,
        gettext_lazy("Set the limit"),
    ),
}
