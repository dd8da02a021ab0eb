"""Members: find one, see everything about them, and put things right."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from backstage import clock
from backstage.admin.base import (
    KeysetChangeList,
    KeysetModelAdmin,
    ReadOnlyModelAdmin,
    by_staff,
    display,
    in_colour,
)
from backstage.admin.pages import find_object, page_url, show_page
from backstage.admin.waiting import list_waiting
from loyalty.admin import joining, member_levels, member_plans, points
from loyalty.admin.balance_facts import read_facts
from loyalty.admin.member_tabs import TABS, show_tab
from loyalty.forms import read_moment
from loyalty.models import Member
from loyalty.operations import members
from loyalty.operations.members import NotPossible
from loyalty.policies.card_number import in_groups
from loyalty.policies.programme import UNDO_LEAVING_DAYS, MemberState
from loyalty.queries import figures, sentences
from loyalty.queries.balance import book_at, get_account, read_balance
from loyalty.queries.member_page import read_loss
from loyalty.queries.staff import find_members, list_balances

CHANGE = "encore_loyalty.change_member"
ADJUST = "encore_loyalty.adjust_points"


class MemberChangeList(KeysetChangeList):
    """A page of members with their balances, which are worked out for the whole page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        accounts = [row.account for row in self.result_list if hasattr(row, "account")]
        at = clock.now()
        balances = list_balances(accounts=accounts, at=at)
        for row in self.result_list:
            row.balance, row.seen_at = balances.get(row.pk), at


@admin.register(Member)
class MemberAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """The list of members, and a page for each."""

    empty_text = gettext_lazy(
        "No members yet. Whoever joins, or buys where everybody is enrolled, will be here with their points."
    )
    list_per_page = 50
    list_display = ("name", "card", "ready", "on_the_way", "state_label", "joined_on")
    list_display_links = ("name", "card")
    list_filter = ("state", "programme")
    search_fields = ("number",)
    search_help_text = gettext_lazy(
        "Name, e-mail, phone in any spelling, card number or order number. One hit opens at once."
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return MemberChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        return super().get_queryset(request).select_related("customer", "programme", "account")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Member], search_term: str
    ) -> tuple[QuerySet[Member], bool]:
        """Leave out those who were merged: whoever an old card or address leads to stands for them now."""
        current = queryset.filter(merged_into__isnull=True)
        return (current.filter(pk__in=find_members(search_term)) if search_term.strip() else current), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list; a search with one hit opens the member."""
        response = super().changelist_view(request, extra_context)
        changes = getattr(response, "context_data", {}).get("cl")
        if changes and changes.query and len(changes.result_list) == 1 and not changes.has_active_filters:
            return redirect(_address(changes.result_list[0].pk))
        return response

    @display(description=gettext_lazy("name"))
    def name(self, member: Member) -> str:
        return member.customer.name or _("No name")

    @display(description=gettext_lazy("card"))
    def card(self, member: Member) -> str:
        return in_groups(member.number)

    @display(description=gettext_lazy("points"))
    def ready(self, member: Any) -> str:
        return (
            "–" if member.balance is None else figures.number(member.balance.available - member.balance.debt)
        )

    @display(description=gettext_lazy("on the way"))
    def on_the_way(self, member: Any) -> str:
        return "–" if member.balance is None else figures.number(member.balance.pending)

    @display(
        description=gettext_lazy("state"),
        label={"active": "success", "paused": "warning", "left": "danger", "erased": "danger"},
    )
    def state_label(self, member: Member) -> Any:
        return in_colour(member.state, member.get_state_display())

    @display(description=gettext_lazy("member since"))
    def joined_on(self, member: Any) -> str:
        return figures.day(member.joined_at, member.programme.zone, now=member.seen_at)

    def get_urls(self) -> list[URLPattern]:
        """Add the pages and buttons of one member."""
        return [
            page_url(self, "points", require_http_methods(["GET", "HEAD", "POST"])(self.points_view)),
            page_url(self, "state", require_POST(self.state_view)),
            page_url(self, "level", require_http_methods(["GET", "HEAD", "POST"])(self.level_view)),
            page_url(self, "level_end", require_POST(self.level_end_view)),
            page_url(self, "plan", require_http_methods(["GET", "HEAD", "POST"])(self.plan_view)),
            page_url(self, "plan_deed", require_POST(self.plan_deed_view)),
            page_url(self, "plan_refund", require_http_methods(["GET", "HEAD", "POST"])(self.refund_view)),
            page_url(self, "merge", require_http_methods(["GET", "HEAD", "POST"])(self.merge_view)),
            page_url(self, "unmerge", require_POST(self.unmerge_view)),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one member: the head, and the tab that the address asks for."""
        member = find_object(self, request, object_id)
        at = clock.now()
        account = get_account(member.pk)
        book = book_at(account, at)
        balance = read_balance(book, member, at)
        return show_page(
            self,
            request,
            obj=member,
            template="encore/loyalty/admin/member.html",
            title=member.customer.name or _("No name"),
            member=member,
            card=in_groups(member.number),
            since=figures.day(member.joined_at, member.programme.zone, now=at),
            facts=read_facts(balance),
            merged_into=member.merged_into_id and _address(member.merged_into_id),
            requests=list_waiting(request, "member", member.pk),
            may_adjust=request.user.has_perm(ADJUST) and member.merged_into_id is None,
            may_change=request.user.has_perm(CHANGE) and member.merged_into_id is None,
            may_merge=request.user.has_perm(joining.MERGE) and member.merged_into_id is None,
            deeds=_deeds(member, balance, at),
            tabs=TABS,
            **show_tab(request.GET.get("tab", ""), member=member, book=book, at=at, **_place(request)),
        )

    def points_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give or take points."""
        member = self._get_permitted(request, object_id, ADJUST)
        return points.answer(self, request, member, back=_address(member.pk))

    def level_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give a level by hand, with a reason."""
        member = self._get_for_change(request, object_id)
        return member_levels.give(self, request, member, back=f"{_address(member.pk)}?tab=levels")

    def level_end_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End a level that was given by hand."""
        member = self._get_for_change(request, object_id)
        member_levels.end(request, member)
        return redirect(f"{_address(member.pk)}?tab=levels")

    def plan_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Note a payment for a plan, or begin a trial."""
        member = self._get_for_change(request, object_id)
        return member_plans.sell(self, request, member, back=f"{_address(member.pk)}?tab=plans")

    def plan_deed_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Cancel the paid membership at its end, or take that back."""
        member = self._get_for_change(request, object_id)
        member_plans.cancel_or_keep(request, member)
        return redirect(f"{_address(member.pk)}?tab=plans")

    def refund_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Note that a fee was given back."""
        member = self._get_for_change(request, object_id)
        return member_plans.refund(self, request, member, back=f"{_address(member.pk)}?tab=plans")

    def state_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Pause, resume, take out of the programme or take back."""
        member = self._get_for_change(request, object_id)
        deed = request.POST.get("deed", "")
        if deed not in DEEDS:
            raise Http404
        try:
            DEEDS[deed](member_id=member.pk, at=clock.now(), by=by_staff(request.user))
            messages.success(request, DONE[deed])
        except NotPossible:
            messages.warning(request, _("Somebody was faster, so nothing was changed."))
        return redirect(_address(member.pk))

    def merge_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Merge another member into this one, after a look at both."""
        return joining.merge(self, request, self._get_for_merge(request, object_id), address=_address)

    def unmerge_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a merged customer apart again."""
        member = self._get_for_merge(request, object_id)
        joining.unmerge(request, member)
        return redirect(f"{_address(member.pk)}?tab=person")

    def _get_for_change(self, request: HttpRequest, object_id: str) -> Member:
        return self._get_permitted(request, object_id, CHANGE)

    def _get_for_merge(self, request: HttpRequest, object_id: str) -> Member:
        return self._get_permitted(request, object_id, joining.MERGE)

    def _get_permitted(self, request: HttpRequest, object_id: str, permission: str) -> Member:
        member: Member = find_object(self, request, object_id)
        if not request.user.has_perm(permission):
            raise PermissionDenied
        return member


DEEDS = {
    "pause": members.pause,
    "resume": members.resume,
    "leave": members.leave,
    "undo_leaving": members.undo_leaving,
}
DONE = {
    "pause": gettext_lazy("Paused. The member neither earns nor spends until you resume."),
    "resume": gettext_lazy("Resumed. The member earns and spends again."),
    "leave": gettext_lazy("Taken out. You can undo this for 14 days; then the points end."),
    "undo_leaving": gettext_lazy("Taken back, as if the member had not left."),
}


def _deeds(member: Member, balance: Any, at: datetime) -> list[tuple[str, str, list[str]]]:
    """Give the changes of state that are possible now: (deed, label, what it means)."""
    pause = ("pause", _("Pause"), [_("The member neither earns nor spends, and reads “ask the shop”.")])
    resume = ("resume", _("Resume"), [_("The member earns and spends again.")])
    undo = sentences.undo_leaving(UNDO_LEAVING_DAYS)
    leave = ("leave", _("Take out of the programme"), [*_losses(read_loss(balance), member), undo])
    if member.state == MemberState.LEFT and member.left_at is not None:
        is_open = (at - member.left_at).days < UNDO_LEAVING_DAYS
        return [("undo_leaving", _("Take back"), [_("As if the member had not left.")])] if is_open else []
    return {MemberState.ACTIVE: [pause, leave], MemberState.PAUSED: [resume, leave]}.get(
        MemberState(member.state), []
    )


def _losses(lost: list[str], member: Member) -> list[str]:
    """Say whom the words are for: they are those that the member reads before leaving."""
    return [_("The member would read: “%(sentence)s”") % {"sentence": " ".join(lost)}] if lost else []


def _place(request: HttpRequest) -> dict[str, Any]:
    """Read from the address which page of a tab is wanted and which row is to be explained.

    An address that nobody could have linked to shows the first page.
    """
    before = None
    with suppress(ValueError):
        before = read_moment(request.GET.get("before", ""))
    asked = request.GET.get("why", "")
    is_id = asked.isascii() and asked.isdigit() and len(asked) < 19
    return {"before": before, "explained": int(asked) if is_id else None}


def _address(member_id: int, **query: Any) -> str:
    address = reverse("admin:encore_loyalty_member_change", args=[member_id])
    return f"{address}?{urlencode(query)}" if query else address
