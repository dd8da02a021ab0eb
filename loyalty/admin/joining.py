"""Two members who are one person: look at both, make them one, take them apart again."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from backstage import clock
from backstage.admin.base import by_staff
from backstage.admin.pages import show_page
from commerce.operations.customers import CustomerError, merge_customers, unmerge_customer
from commerce.registry import MergeRefusedError
from loyalty.models import Member
from loyalty.policies.card_number import in_groups
from loyalty.policies.errors import LedgerRefusal
from loyalty.queries import figures, sentences
from loyalty.queries.balance import Balance
from loyalty.queries.staff import find_members, list_balances

MERGE = "encore_commerce.change_customer"
REFUSALS = (CustomerError, MergeRefusedError, LedgerRefusal)
MOST_SHOWN = 20


def merge(
    model_admin: Any, request: HttpRequest, member: Member, *, address: Callable[..., str]
) -> HttpResponse:
    """Search the other member, show the sum of both, and merge on a POST."""
    error = ""
    if request.method == "POST":
        other = _find_other(member, request.POST.get("other", ""))
        error = _("Choose the other member first.") if other is None else _merge(request, member, other)
        if not error:
            messages.success(request, _("Merged. You can take it apart again under “Who it is”."))
            return redirect(address(member.pk))
    text = request.GET.get("q", "").strip()
    chosen = _find_other(member, request.POST.get("other") or request.GET.get("with", ""))
    found = [] if chosen or not text else list(_others(member).filter(pk__in=find_members(text))[:MOST_SHOWN])
    balances = _balances([member, *found, *([chosen] if chosen else [])])
    return show_page(
        model_admin,
        request,
        obj=member,
        template="encore/loyalty/admin/merge.html",
        status=409 if error else 200,
        title=_("Merge with another member"),
        member=member,
        back=address(member.pk),
        text=text,
        found=[_describe(other, balances[other.pk]) for other in found],
        this=_describe(member, balances[member.pk]),
        other=_describe(chosen, balances[chosen.pk]) if chosen else None,
        total=_total(balances[member.pk], balances[chosen.pk]) if chosen else "",
        error=error,
    )


def unmerge(request: HttpRequest, member: Member) -> None:
    """Let a merged customer stand by itself again, and say what is left to decide."""
    source = request.POST.get("customer", "")
    if not source.isdigit() or len(source) > 18:
        return
    try:
        undone = unmerge_customer(source=int(source), at=clock.now(), by=by_staff(request.user))
    except REFUSALS as refusal:
        messages.error(request, str(refusal))
        return
    messages.success(request, _("Taken apart. Each has their own points again."))
    for question in undone.questions:
        messages.warning(request, question)


def _merge(request: HttpRequest, member: Member, other: Member) -> str:
    """Merge the other into this one; give what stands in the way, or nothing."""
    try:
        merge_customers(
            source=other.customer_id, target=member.customer_id, at=clock.now(), by=by_staff(request.user)
        )
    except REFUSALS as refusal:
        return str(refusal)
    return ""


def _others(member: Member) -> QuerySet[Member]:
    rows = Member.objects.filter(programme_id=member.programme_id, merged_into__isnull=True)
    return rows.exclude(pk=member.pk).select_related("customer", "programme").order_by("pk")


def _find_other(member: Member, text: str) -> Member | None:
    return _others(member).filter(pk=int(text)).first() if text.isdigit() and len(text) < 19 else None


def _balances(members: list[Member]) -> dict[int, Balance]:
    rows = Member.objects.filter(pk__in=[member.pk for member in members])
    accounts = [row.account for row in rows.select_related("programme", "account")]
    return list_balances(accounts=accounts, at=clock.now())


def _describe(member: Member, balance: Balance) -> dict[str, Any]:
    return {
        "id": member.pk,
        "name": member.customer.name or _("No name"),
        "card": in_groups(member.number),
        "points": figures.number(balance.available - balance.debt),
        "has": sentences.points(balance.available - balance.debt),
        "pending": figures.number(balance.pending),
        "since": figures.day(member.joined_at, member.programme.zone, now=balance.at),
    }


def _total(this: Balance, other: Balance) -> str:
    return figures.number(this.available - this.debt + other.available - other.debt)
