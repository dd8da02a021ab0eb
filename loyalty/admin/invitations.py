"""Invitations: a list is drafted with who it would reach beside it, switched on, watched, paused, ended."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, URLPattern, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from backstage import clock
from backstage.admin.base import by_staff, display, in_colour
from backstage.admin.deeds import Deed, DeedsAdmin
from backstage.admin.pages import find_object, list_url, page_url, show_page
from backstage.operations.jobs import run_job
from commerce.policies.segments import Definition, SegmentError
from commerce.queries.segments import count_segment, describe_segment, read_segment
from loyalty.admin import invitation_builder, who_may_join
from loyalty.admin.chosen_programme import find_chosen
from loyalty.admin.invitation_builder import preview_chosen, read_id
from loyalty.admin.invitation_view import lay_out_funnel
from loyalty.models import Invitation, InvitationList
from loyalty.operations import invitation_lists as operations
from loyalty.operations.invitations import CannotWithdraw, note_export, withdraw_invitation
from loyalty.policies.invitations import ListState
from loyalty.queries import figures
from loyalty.queries.invitation_words import STANDINGS, public_text
from loyalty.queries.invitations import Funnel, list_funnels
from loyalty.queries.invited import Answer, find_links, list_answers, list_invited_page, write_links

ROWS_PER_PAGE = 50
# More than that are invited by the job and not while somebody waits for a page.
MOST_AT_ONCE = 2_000
# What may be done from where, in the order of the buttons.
OFFERED: dict[str, tuple[str, ...]] = {
    ListState.DRAFT.value: ("start", "discard"),
    ListState.ON.value: ("pause", "end"),
    ListState.PAUSED.value: ("start", "end"),
    ListState.ENDED.value: (),
}
DEEDS = {
    "start": Deed(
        operate=operations.switch_on_invitation_list,
        said=gettext_lazy("It is switched on. Everybody in it is being invited; take their links out below."),
        meaning=gettext_lazy(
            "Everybody in the segment is invited. What the list says stays as it is from then on."
        ),
        label=gettext_lazy("Start now"),
    ),
    "pause": Deed(
        operate=operations.pause_invitation_list,
        said=gettext_lazy("Paused. Nobody is invited and nobody joins until you switch it on again."),
        meaning=gettext_lazy(
            "Nobody is invited and nobody joins with its links until you switch it on again."
        ),
        label=gettext_lazy("Pause"),
    ),
    "end": Deed(
        operate=operations.end_invitation_list,
        said=gettext_lazy("Ended. Its links let nobody in any more."),
        meaning=gettext_lazy("It ends for good: its links let nobody in any more. Who has joined stays."),
        label=gettext_lazy("End it"),
    ),
    "discard": Deed(
        operate=operations.discard_invitation_list,
        said=gettext_lazy("The draft is thrown away."),
        meaning=gettext_lazy("The draft is thrown away. It has invited nobody."),
        label=gettext_lazy("Throw the draft away"),
    ),
}


@admin.register(InvitationList)
class InvitationListAdmin(DeedsAdmin):
    """The lists with how far each has come, and a page for each."""

    empty_text = gettext_lazy(
        "Nobody is invited yet. Look at “Who may join” to see whom it would be worth to invite."
    )
    list_display = ("name", "standing", "progress")
    list_select_related = ("programme",)
    search_fields = ("name",)
    change_list_template = "encore/loyalty/admin/invitation_lists.html"
    named = "list_id"
    deeds = DEEDS
    refusals = (operations.ListStepRefused,)

    @display(description=gettext_lazy("state"), label={"on": "success", "paused": "warning"})
    def standing(self, row: InvitationList) -> Any:
        return in_colour(row.state, row.get_state_display())

    @display(description=gettext_lazy("invited → opened → joined"))
    def progress(self, row: InvitationList) -> str:
        bars = lay_out_funnel(getattr(row, "funnel", Funnel()))
        numbers = " → ".join(bar["number"] for bar in bars)
        return format_html(
            '{} <svg class="enc-funnel" viewBox="0 0 100 9" preserveAspectRatio="none" aria-hidden="true">'
            '<rect width="{}" height="2"></rect><rect y="3" width="{}" height="2"></rect>'
            '<rect y="6" width="{}" height="2"></rect></svg>',
            numbers,
            *(bar["width"] for bar in bars),
        )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Count the invitations of all lists on the page at once."""
        answer = super().changelist_view(request, extra_context)
        shown = getattr(answer, "context_data", None) or {}
        if "cl" in shown:
            rows = shown["cl"].result_list
            funnels = list_funnels(list_ids=[row.pk for row in rows], at=clock.now())
            for row in rows:
                row.funnel = funnels.get(row.pk, Funnel())
        return answer

    def get_urls(self) -> list[URLPattern]:
        """Add the form and its previews, who may join, the links, and withdrawing."""
        both = require_http_methods(["GET", "HEAD", "POST"])
        return [
            list_url(self, "preview", require_POST(self.preview_view)),
            list_url(self, "who", both(self.who_view)),
            list_url(self, "who/preview", require_POST(self.who_preview_view)),
            page_url(self, "edit", both(self.edit_view)),
            page_url(self, "links", require_POST(self.links_view)),
            page_url(self, "withdraw", require_POST(self.withdraw_view)),
            *super().get_urls(),
        ]

    # -- who may join ----------------------------------------------------------------------------------------

    def who_view(self, request: HttpRequest) -> HttpResponse:
        """Show the curve of the revenue, propose whom to invite, and say whom the programme takes."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return who_may_join.answer(self, request, find_chosen(request))

    def who_preview_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with the portrait of so many per cent; it saves nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return who_may_join.preview(request, find_chosen(request))

    # -- drafting and changing -------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Draft a list; an address may name its segment."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return invitation_builder.answer(self, request, None, find_chosen(request))

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change a draft."""
        drafted: InvitationList = self.get_for_change(request, object_id)
        if drafted.state != ListState.DRAFT:
            raise Http404
        return invitation_builder.answer(self, request, drafted, drafted.programme)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with who would be invited by a half-written form; it saves nothing."""
        if not (self.may(request, "add") or self.may(request, "change")):
            raise PermissionDenied
        return invitation_builder.preview(request, find_chosen(request))

    # -- one list --------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one list: whom it invites, how far it has come, and why somebody is not on it."""
        row: InvitationList = find_object(self, request, object_id)
        at, text = clock.now(), request.GET.get("q", "").strip()
        is_draft = row.state == ListState.DRAFT
        funnel = list_funnels(list_ids=[row.pk], at=at).get(row.pk, Funnel())
        may_change = self.may(request, "change")
        page = list_invited_page(
            invitation_list=row, at=at, after_id=read_id(request.GET.get("after", "")), limit=ROWS_PER_PAGE
        )
        return show_page(
            self,
            request,
            obj=row,
            template="encore/loyalty/admin/invitation_list.html",
            row=row,
            preview=preview_chosen(row.programme, str(row.segment_id)) if is_draft else None,
            sentence="" if is_draft else _describe(row),
            greeting=public_text(row.greeting),
            text_shown=public_text(row.text),
            funnel=funnel,
            bars=lay_out_funnel(funnel),
            waiting=max(0, funnel.chosen - funnel.invited - funnel.withdrawn),
            deeds=self.tell_deeds(OFFERED[row.state]),
            may_change=may_change,
            links=find_links(invitation_list=row, at=at).exists() if row.state == ListState.ON else False,
            invited=[(one, STANDINGS[one.standing], _day(one.invitation.sent_at, row, at)) for one in page],
            next_id=page[-1].invitation.pk if len(page) == ROWS_PER_PAGE else None,
            text=text,
            answers=[
                (answer, STANDINGS[answer.invited.standing] if answer.invited else "")
                for answer in _ask(row, text, at)
            ],
        )

    def links_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Hand out the links of everybody who is invited and has not joined, as a file; the log notes it."""
        row: InvitationList = self.get_for_change(request, object_id)
        at = clock.now()
        try:
            reverse("encore_loyalty:invitation", args=["x"])
        except NoReverseMatch:
            messages.error(
                request,
                _("The members' pages are not mounted here, so there are no links. Ask your developer."),
            )
            return redirect(self.address_of(row.pk))
        count = find_links(invitation_list=row, at=at).count()
        note_export(list_id=row.pk, count=count, at=at, by=by_staff(request.user))

        def address(token: str) -> str:
            return request.build_absolute_uri(reverse("encore_loyalty:invitation", args=[token]))

        lines = write_links(invitation_list=row, at=at, address=address)
        answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="invitations-{row.pk}.csv"'
        answer["Cache-Control"] = "no-store"
        return answer

    def withdraw_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take one invitation back."""
        row: InvitationList = self.get_for_change(request, object_id)
        number = read_id(request.POST.get("invitation", ""))
        if not Invitation.objects.filter(pk=number, invitation_list=row).exists():
            raise Http404
        try:
            withdraw_invitation(invitation_id=number, at=clock.now(), by=by_staff(request.user))
            messages.success(request, _("Withdrawn. Its link lets nobody in any more."))
        except CannotWithdraw:
            messages.warning(request, _("It was used already, or withdrawn before. Nothing was changed."))
        return redirect(self.address_of(row.pk))

    def follow_up(self, request: HttpRequest, pk: int) -> None:
        """Run the job at once for a list that begins and is small, so that nobody waits for its next run."""
        row = InvitationList.objects.get(pk=pk)
        if row.state != ListState.ON or row.asked_at is not None:
            return
        definition = _definition(row)
        if count_segment(definition=definition, at=clock.now()) <= MOST_AT_ONCE:
            run_job(name="send_invitations", at=clock.now(), by=by_staff(request.user))


def _ask(row: InvitationList, text: str, at: datetime) -> list[Answer]:
    """Say why those whom a text finds are invited or not; nothing where the segment cannot be read."""
    try:
        definition = _definition(row)
    except (ValidationError, SegmentError):
        return []
    return list_answers(invitation_list=row, definition=definition, text=text, at=at) if text else []


def _definition(row: InvitationList) -> Definition:
    if row.state == ListState.DRAFT:
        return operations.read_conditions(row.segment_id)
    return read_segment(conditions=row.conditions, allow_missing=True)


def _describe(row: InvitationList) -> str:
    try:
        return describe_segment(definition=_definition(row))
    except SegmentError as error:
        return _("Cannot be read: %(problem)s") % {"problem": error}


def _day(at: Any, row: InvitationList, now: Any) -> str:
    return "" if at is None else figures.day(at, row.programme.zone, now=now)
