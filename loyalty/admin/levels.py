"""Levels: drafted in sentences, with who would have which, switched on, changed by a new version, off."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from backstage import clock
from backstage.admin.base import by_staff, display, in_colour
from backstage.admin.pages import OwnPagesAdmin, find_object, list_url, page_url, show_page
from loyalty.admin.announcing import call_off, say_announced, say_refusal
from loyalty.admin.chosen_programme import find_chosen
from loyalty.admin.level_change import HoldsFromForm, find_meaning
from loyalty.admin.level_form import LevelForm
from loyalty.admin.level_view import (
    ANNOUNCED,
    DRAFT,
    ON,
    STATES,
    ask_whether_meant,
    find_problems,
    preview_form,
    say_preview,
    say_when,
    state_of,
)
from loyalty.admin.programme_calendar import tell
from loyalty.admin.programme_forms import find_start
from loyalty.models import Programme, TierScheme
from loyalty.operations.changes.notice import AlreadyAnnounced, NoticeTooShort, StartPassed
from loyalty.operations.tiers import schemes as operations
from loyalty.policies.changes.subjects import Subject
from loyalty.queries.changes.announcements import find_standing, list_standing_of
from loyalty.queries.tiers.preview import preview_levels
from loyalty.queries.tiers.schemes import find_draft, find_running, get_scheme
from loyalty.queries.tiers.words import say_course


@admin.register(TierScheme)
class LevelAdmin(OwnPagesAdmin):
    """The versions of the levels, and a page for each."""

    empty_text = gettext_lazy("There are no levels yet. Three are proposed to you: they only need names.")
    list_display = ("title", "levels", "standing", "since")
    change_list_template = "encore/loyalty/admin/level_list.html"

    @display(description=gettext_lazy("levels"))
    def title(self, scheme: TierScheme) -> str:
        return f"{scheme.programme.name}, {scheme}"

    @display(description=gettext_lazy("from the lowest up"))
    def levels(self, scheme: TierScheme) -> str:
        ordered = sorted(scheme.tiers.all(), key=lambda tier: tier.threshold)
        return " · ".join(tier.name or _("without a name") for tier in ordered)

    @display(description=gettext_lazy("state"), label={ON: "success", DRAFT: "warning", ANNOUNCED: "warning"})
    def standing(self, scheme: TierScheme) -> Any:
        state = state_of(scheme)
        return in_colour(state, STATES[state])

    @display(description=gettext_lazy("when"))
    def since(self, scheme: TierScheme) -> str:
        return say_when(scheme)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("programme").prefetch_related("tiers")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show above the list what is announced."""
        at = clock.now()
        announced = [tell(one, one.programme, at) for one in list_standing_of(subject=Subject.LEVELS, at=at)]
        told = {"announced": announced, "may_change": self.may(request, "change")}
        return super().changelist_view(request, {**(extra_context or {}), **told})

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of what can be done with levels, and of the preview."""
        deeds = [
            page_url(self, "start", require_POST(self._dater(operations.switch_on_levels, _STARTED))),
            page_url(self, "stop", require_POST(self._dater(operations.switch_off_levels, _STOPPED))),
            page_url(self, "discard", require_POST(self.discard_view)),
        ]
        edit = page_url(self, "edit", require_http_methods(["GET", "HEAD", "POST"])(self.edit_view))
        return [
            list_url(self, "preview", require_POST(self.preview_view)),
            list_url(self, "call_off", require_POST(self.call_off_view)),
            *deeds,
            edit,
            *super().get_urls(),
        ]

    # -- drafting --------------------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Draft levels: the draft that there is, a copy of what runs, or the three that shops begin with."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        programme = find_chosen(request)
        draft = find_draft(programme.pk)
        standing = draft or find_running(programme.pk, at=clock.now())
        return self._answer(request, programme, standing, draft)

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change the draft, or draft a new version from this one."""
        scheme: TierScheme = self.get_for_change(request, object_id)
        return self._answer(request, scheme.programme, scheme, find_draft(scheme.programme_id))

    def _answer(
        self,
        request: HttpRequest,
        programme: Programme,
        base: TierScheme | None,
        draft: TierScheme | None,
    ) -> HttpResponse:
        if request.method == "POST":
            form = LevelForm(request.POST, programme=programme)
            if form.is_valid() and "save" in request.POST and (saved := self._save(request, form)):
                messages.success(
                    request, _("Saved as a draft. Nobody has these levels until you switch them on.")
                )
                return redirect(self.address_of(saved.pk))
        else:
            initial = LevelForm.begin(base, programme.currency) if base else LevelForm.propose()
            form = LevelForm(initial=initial, programme=programme)
        return self._show_form(request, form, draft)

    def _save(self, request: HttpRequest, form: LevelForm) -> TierScheme | None:
        try:
            tiers, rules = form.read_tiers(), form.read_rules()
            if find_problems(form, tiers) or form.refuse_cost(ask_whether_meant(form)):
                return None
            return operations.save_scheme(
                programme_id=form.programme.pk,
                rules=rules,
                tiers=tiers,
                at=clock.now(),
                by=by_staff(request.user),
            )
        except ValidationError as error:
            form.take_over(error)
        return None

    def _show_form(self, request: HttpRequest, form: LevelForm, draft: TierScheme | None) -> HttpResponse:
        list_address = reverse("admin:encore_loyalty_tierscheme_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Draft the levels"),
            "opts": self.opts,
            "list_address": list_address,
            "form": form,
            "back": self.address_of(draft.pk) if draft else list_address,
            "preview_address": reverse("admin:encore_loyalty_tierscheme_preview"),
            "programme": form.programme,
            "preview": preview_form(form) if form.is_bound and form.is_valid() else None,
        }
        status = 422 if form.is_bound and form.errors else 200
        return TemplateResponse(request, "encore/loyalty/admin/level_form.html", context, status=status)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with what half-written levels would mean; it saves nothing."""
        if not (self.may(request, "add") or self.may(request, "change")):
            raise PermissionDenied
        form = LevelForm(request.POST, programme=find_chosen(request))
        context = {"preview": preview_form(form) if form.is_valid() else None}
        return TemplateResponse(request, "encore/loyalty/admin/level_preview.html", context)

    # -- one version -----------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one version: its levels, who has them, and what can be done with it."""
        return self._show(request, find_object(self, request, object_id))

    def _show(self, request: HttpRequest, row: TierScheme, form: HoldsFromForm | None = None) -> HttpResponse:
        """Show a version; with the form of a day that was refused, that too."""
        at, state, scheme = clock.now(), state_of(row), get_scheme(row)
        standing = find_standing(programme_id=row.programme_id, subject=Subject.LEVELS, at=at)
        dated = {DRAFT: "start", ON: "stop"}.get(state)
        meaning = None
        if dated and standing is None:
            meaning = find_meaning(row.programme, scheme if state == DRAFT else None, form)
        return show_page(
            self,
            request,
            obj=row,
            template="encore/loyalty/admin/level.html",
            status=422 if form is not None and form.errors else 200,
            scheme=row,
            state=STATES[state],
            when=say_when(row),
            course=say_course(scheme),
            preview=say_preview(
                preview_levels(programme=row.programme, scheme=scheme, at=at), scheme, row.programme
            ),
            announced=[tell(standing, row.programme, at)] if standing else [],
            dated=dated,
            meaning=meaning,
            explains=_EXPLAINS.get(dated or ""),
            may_discard=state == DRAFT,
            may_change=self.may(request, "change"),
        )

    def _dater(self, operate: Callable[..., TierScheme], said: Any) -> Callable[..., HttpResponse]:
        """Switch levels on or off, now or from a day on that is refused beside its field."""

        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            scheme: TierScheme = self.get_for_change(request, object_id)
            at, form = clock.now(), HoldsFromForm(request.POST)
            if not form.is_valid():
                return self._show(request, scheme, form)
            starts_at = find_start(scheme.programme, form.cleaned_data["holds_from"], at)
            try:
                operate(
                    programme_id=scheme.programme_id, starts_at=starts_at, at=at, by=by_staff(request.user)
                )
            except operations.TiersRefused as refusal:
                messages.error(request, " ".join(refusal.messages))
            except operations.LevelsUnknown:
                messages.warning(request, _("Somebody was faster, so nothing was changed."))
            except AlreadyAnnounced as refusal:
                messages.warning(request, say_refusal(scheme.programme, refusal, at))
            except (NoticeTooShort, StartPassed) as refusal:
                form.add_error("holds_from", say_refusal(scheme.programme, refusal, at))
                return self._show(request, scheme, form)
            else:
                told = find_standing(programme_id=scheme.programme_id, subject=Subject.LEVELS, at=at)
                messages.success(request, say_announced(scheme.programme, told, at) or said)
            return redirect(self.address_of(scheme.pk))

        return view

    def discard_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Throw the draft away."""
        scheme: TierScheme = self.get_for_change(request, object_id)
        try:
            operations.discard_scheme(
                programme_id=scheme.programme_id, at=clock.now(), by=by_staff(request.user)
            )
            messages.success(request, _("The draft is thrown away."))
        except operations.LevelsUnknown:
            messages.warning(request, _("Somebody was faster, so nothing was changed."))
        return redirect("admin:encore_loyalty_tierscheme_changelist")

    def call_off_view(self, request: HttpRequest) -> HttpResponse:
        """Call off what is announced for levels, before it holds."""
        if not self.may(request, "change"):
            raise PermissionDenied
        call_off(request, Subject.LEVELS)
        return redirect("admin:encore_loyalty_tierscheme_changelist")


_STARTED = gettext_lazy("The levels are switched on.")
_STOPPED = gettext_lazy("The levels are switched off. Nobody has one now.")
_EXPLAINS = {
    "start": (
        gettext_lazy(
            "From then on members have these levels. Who has one keeps it until its test; who has earned a "
            "higher one gets it at once, in a large club within a day."
        ),
        gettext_lazy("Switch on"),
    ),
    "stop": (
        gettext_lazy(
            "From then on nobody has a level. Members have theirs back when you switch levels on again."
        ),
        gettext_lazy("Switch off"),
    ),
}
