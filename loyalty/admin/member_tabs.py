"""The tabs of a member's page: what happened, what was bought, who it is."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy

from commerce.models import Customer, Identity
from commerce.queries.customers import list_merged
from loyalty.admin import member_levels, member_plans
from loyalty.models import Entry, EntryNote, Member
from loyalty.policies.book import MemberBook
from loyalty.queries import figures
from loyalty.queries.actions import label_attempt, list_attempts
from loyalty.queries.history import history_of
from loyalty.queries.invited import find_way_in
from loyalty.queries.member_page import RowText, read_history
from loyalty.queries.staff import list_orders
from loyalty.queries.why import Why, why

TABS = (
    ("", gettext_lazy("What happened")),
    ("orders", gettext_lazy("Orders")),
    ("actions", gettext_lazy("Besides buying")),
    ("levels", gettext_lazy("Levels")),
    ("plans", gettext_lazy("Plan")),
    ("person", gettext_lazy("Who it is")),
)
ROWS_PER_PAGE = 20
ACTIONS_SHOWN = 50


def show_tab(
    tab: str,
    *,
    member: Member,
    book: MemberBook,
    at: datetime,
    before: datetime | None,
    explained: int | None,
) -> Mapping[str, Any]:
    """Give what the template of a tab needs, and which template that is; an unknown tab is the first."""
    read: dict[str, Callable[[], Mapping[str, Any]]] = {
        "orders": lambda: _read_orders(member, before, at),
        "actions": lambda: _read_actions(member, at),
        "levels": lambda: member_levels.read(member, at),
        "plans": lambda: member_plans.read(member, at),
        "person": lambda: _read_person(member),
    }
    if tab in read:
        return {"tab": tab, "tab_template": f"encore/loyalty/admin/member_{tab}.html", **read[tab]()}
    return {
        "tab": "",
        "tab_template": "encore/loyalty/admin/member_history.html",
        **_read_timeline(member, book, at, before, explained),
    }


def _read_timeline(
    member: Member, book: MemberBook, at: datetime, before: datetime | None, explained: int | None
) -> Mapping[str, Any]:
    """Tell the history; one row at a time is explained, for to explain is to read all that led to it."""
    page = history_of(book=book, at=at, before=before, limit=ROWS_PER_PAGE)
    rows = read_history(page, member.programme.zone, now=at)
    notes = EntryNote.objects.filter(entry_id__in=[row.row.entry_id for row in rows if row.row.entry_id])
    by_entry = {note.entry_id: note for note in notes}
    here: dict[str, Any] = {"before": before.isoformat()} if before else {}
    return {
        "rows": [
            {
                "text": row,
                "note": by_entry.get(row.row.entry_id or 0),
                "time": figures.day(row.row.at, member.programme.zone, now=at),
                "why_query": urlencode({**here, "why": row.row.entry_id}) if row.row.entry_id else "",
                "is_open": explained is not None and row.row.entry_id == explained,
            }
            for row in rows
        ],
        "why": _explain(rows, member, explained),
        "close_query": urlencode(here),
        "next_query": urlencode({"before": page.next_before.isoformat()}) if page.next_before else "",
        "is_first": before is None,
    }


def _explain(rows: list[RowText], member: Member, entry_id: int | None) -> Why | None:
    if entry_id is None or entry_id not in {row.row.entry_id for row in rows}:
        return None
    try:
        return why(entry_id=entry_id, member_id=member.pk)
    except Entry.DoesNotExist:
        return None


def _read_orders(member: Member, before: datetime | None, at: datetime) -> Mapping[str, Any]:
    orders, next_before = list_orders(member=member, before=before)
    return {
        "orders": [
            {
                "order": order,
                "address": reverse("admin:encore_commerce_purchase_change", args=[order.purchase.pk]),
                "day": figures.day(order.purchase.placed_at, member.programme.zone, now=at),
                "sold": figures.money(order.sold_minor, order.purchase.currency),
                "standing": figures.number(order.standing_points),
                "earned": figures.number(order.earned_points),
                "lines": [
                    (line, figures.money(line.sold_minor, order.purchase.currency)) for line in order.lines
                ],
            }
            for order in orders
        ],
        "next_query": urlencode({"tab": "orders", "before": next_before.isoformat()}) if next_before else "",
        "is_first": before is None,
    }


def _read_actions(member: Member, at: datetime) -> Mapping[str, Any]:
    return {
        "attempts": [
            {
                "attempt": attempt,
                "what": label_attempt(attempt),
                "day": figures.day(attempt.occurred_at, member.programme.zone, now=at),
                "points": figures.number(attempt.points),
            }
            for attempt in list_attempts(member=member, limit=ACTIONS_SHOWN)
        ]
    }


def _read_person(member: Member) -> Mapping[str, Any]:
    family = list_merged(customer_id=member.customer_id)
    identities = Identity.objects.filter(customer_id__in=family).order_by("kind", "id")
    merged = Customer.objects.filter(merged_into_id=member.customer_id).order_by("id")
    came_by = find_way_in(member_id=member.pk)
    return {
        "came_by": came_by,
        "came_by_address": reverse("admin:encore_loyalty_invitationlist_change", args=[came_by.list_id])
        if came_by
        else "",
        "customer_address": reverse("admin:encore_commerce_customer_change", args=[member.customer_id]),
        "identities": list(identities),
        "merged": list(merged),
    }
