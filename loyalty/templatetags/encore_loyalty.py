"""Tags for the shop's own pages: the balance in the header, the hint beside a price.

They render nothing when there is nothing to say. They also render nothing, and log why, when something is
wrong: a hint about points must never keep anybody from buying.
"""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import wraps
from typing import Any, TypeAlias, TypeVar

from babel.numbers import get_currency_precision
from django import template
from django.db import DatabaseError, connection, transaction
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe

from backstage import clock
from loyalty.models import Programme
from loyalty.policies.perks import Perk
from loyalty.policies.programme import MEMBER_ALLOWS, Admission
from loyalty.policies.rules import ProgrammeRules, running
from loyalty.queries import figures, sentences
from loyalty.queries.balance import book_at
from loyalty.queries.memberships import (
    choose_programme,
    find_hinted,
    find_membership,
    hidden_states,
    list_visible_programmes,
)
from loyalty.queries.plans.memberships import find_factors, perks_under
from loyalty.queries.programmes import list_programme_rules
from loyalty.queries.quote import quote_under, single

logger = logging.getLogger(__name__)
register = template.Library()

Told = TypeVar("Told")
Snippet: TypeAlias = "Callable[..., str]"


def harmless(snippet: Snippet) -> Callable[..., SafeString]:
    """Keep the shop's page standing whatever happens in a snippet.

    In a savepoint where the request has a transaction, since on PostgreSQL one failed query would spoil the
    rest of it. Without one there is nothing to spoil, and opening one would lock SQLite for a mere reading.
    Misuse in the template (two programmes and none named) is not hidden: the developer sees it at once.
    """

    @wraps(snippet)
    def in_peace(*args: Any, **kwargs: Any) -> SafeString:
        rendered = _in_peace(snippet.__name__, lambda: snippet(*args, **kwargs), "")
        return mark_safe(rendered)  # noqa: S308 - rendered by our own templates

    return in_peace


def _in_peace(name: str, tell: Callable[[], Told], nothing: Told) -> Told:
    try:
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            return tell()
    except (DatabaseError, NoReverseMatch, ArithmeticError):
        logger.exception("%s rendered nothing", name)
        return nothing


@register.simple_tag
@harmless
def loyalty_balance(user: Any, programme: str = "") -> str:
    """Show the balance of whoever is signed in, linked to their page: `{% loyalty_balance user %}`."""
    if not user.is_authenticated:
        return ""
    chosen, query = _choose(user, programme)
    at = clock.now()
    membership = find_membership(user_id=user.pk, programme=chosen, at=at) if chosen else None
    if membership is None:
        return ""
    book = book_at(membership.account, at)
    points = book.available - book.debt
    return render_to_string(
        "encore/loyalty/snippets/balance.html",
        {
            "address": reverse("encore_loyalty:points") + query,
            "figure": figures.number(points),
            "name": sentences.points(points),
        },
    )


@register.simple_tag(takes_context=True)
@harmless
def loyalty_points_for(context: template.Context, amount: object, currency: str, programme: str = "") -> str:
    """Say what a price would earn: `{% loyalty_points_for product.price "EUR" %}`.

    The price is in whole units, as shops write it, and includes its tax.
    """
    user, at = context.get("user"), clock.now()
    rules = _choose_rules(user, programme, at)
    if rules is None:
        return ""
    member = None
    if user is not None and user.is_authenticated:
        member = find_hinted(user_id=user.pk, programme_id=rules.id)
    if member is not None and not MEMBER_ALLOWS[member.state].earn:
        return ""
    level, plan = find_factors(rules, member_id=member.id, at=at) if member is not None else (None, None)
    quoted = quote_under(
        rules, basket=single(_minor(amount, currency)), currency=currency, at=at, level=level, plan=plan
    )
    if not quoted.points:
        return ""
    if member is None and rules.admission is Admission.BY_INVITATION:
        return ""  # whom nobody has invited is not asked to join, and a price is no place to look that up
    return render_to_string(
        "encore/loyalty/snippets/points_for.html",
        {"hint": sentences.hint(quoted.points, is_member=member is not None)},
    )


@register.simple_tag
def loyalty_perks(user: Any, programme: str = "") -> dict[str, Perk]:
    """Give what a member has from level and plan: `{% loyalty_perks user as perks %}`.

    By name, so that a template asks `{% if perks.free_shipping %}`, or `perks.free_shipping.number` for the
    amount from which it holds; empty for whoever is no member.
    """
    return _in_peace(loyalty_perks.__name__, lambda: _perks(user, programme, clock.now()), {})


def _perks(user: Any, key: str, at: datetime) -> dict[str, Perk]:
    rules = _choose_rules(user, key, at) if user is not None and user.is_authenticated else None
    member = find_hinted(user_id=user.pk, programme_id=rules.id) if rules is not None else None
    if rules is None or member is None or not MEMBER_ALLOWS[member.state].earn:
        return {}
    return {perk.name: perk for perk in perks_under(rules, member_id=member.id, at=at)}


def _choose_rules(user: Any, key: str, at: datetime) -> ProgrammeRules | None:
    """Choose the programme by its rules, which a process keeps in memory: a hint costs one read, not two."""
    is_staff = bool(getattr(user, "is_staff", False))
    visible = [rules for rules in list_programme_rules() if _is_visible(rules, at, is_staff=is_staff)]
    return choose_programme(programmes=visible, key=key) if visible else None


def _is_visible(rules: ProgrammeRules, at: datetime, *, is_staff: bool) -> bool:
    phase = running(rules.phases, at)
    return phase is not None and phase.state not in hidden_states(is_staff=is_staff)


def _choose(user: Any, key: str) -> tuple[Programme | None, str]:
    """Choose the programme, and what addresses need to say it; None while no programme can be seen."""
    programmes = list_visible_programmes(is_staff=bool(getattr(user, "is_staff", False)))
    if not programmes:
        return None, ""
    chosen = choose_programme(programmes=programmes, key=key)
    return chosen, f"?{urlencode({'programme': chosen.key})}" if len(programmes) > 1 else ""


def _minor(amount: object, currency: str) -> int:
    """Turn a price as the shop writes it into minor units. Raises: InvalidOperation for what is no price.

    Parts of a minor unit are cut off: a hint may promise less than the order will bring, never more.
    """
    try:
        return int(Decimal(str(amount)).scaleb(get_currency_precision(currency)))
    except (ValueError, OverflowError) as error:
        raise InvalidOperation(f"{amount!r} is no price") from error
