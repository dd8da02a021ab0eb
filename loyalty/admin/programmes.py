"""The programme: what it gives, how long points live, and the life that it is in."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, by_staff, display, in_colour
from backstage.admin.pages import find_object, page_url, show_page
from backstage.admin.waiting import list_waiting
from loyalty.admin.consequences import say_rule, say_terms
from loyalty.admin.new_programme_form import ProgrammeForm
from loyalty.admin.programme_calendar import list_calendar
from loyalty.admin.programme_change import Change, answer
from loyalty.admin.programme_changes import CHANGES
from loyalty.models import (
    Announcement,
    EarningRule,
    ExchangeRate,
    LotTerms,
    ProductGroup,
    Programme,
    TermsVersion,
)
from loyalty.models.programme import ProgrammeStateChoices
from loyalty.operations.changes.cancelling import CannotCancel, cancel_announcement
from loyalty.operations.programme import StepNotAllowed, change_state, create_programme
from loyalty.policies.programme import PROGRAMME_STEPS, ProgrammeState
from loyalty.queries import figures
from loyalty.queries.campaign_limits import list_budget_limits, say_budget_limit
from loyalty.queries.changes.words import say_end
from loyalty.queries.limits import list_limits, say_limit
from loyalty.queries.member_page import read_example, read_rules
from loyalty.queries.programmes import get_programme_rules

CHANGE = "encore_loyalty.change_programme"
ADD = "encore_loyalty.add_programme"
MEANS = {
    ProgrammeState.DRAFT: gettext_lazy("Nobody sees it, and nothing is earned."),
    ProgrammeState.STAFF_ONLY: gettext_lazy("Only staff sees it. Orders earn already, so you can try it."),
    ProgrammeState.LIVE: gettext_lazy("Everybody can join, earn and spend."),
    ProgrammeState.PAUSED: gettext_lazy(
        "Nobody joins, earns or spends. Points stay, and their dates run on."
    ),
    ProgrammeState.CLOSING: gettext_lazy("Nobody joins or earns; members can still use their points."),
    ProgrammeState.CLOSED: gettext_lazy("Nobody earns or spends any more. This cannot be taken back."),
}
STEPS = {
    ProgrammeState.DRAFT: gettext_lazy("Back to draft"),
    ProgrammeState.STAFF_ONLY: gettext_lazy("Try it with staff"),
    ProgrammeState.LIVE: gettext_lazy("Switch on"),
    ProgrammeState.PAUSED: gettext_lazy("Pause"),
}


@admin.register(Programme)
class ProgrammeAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """The programmes of the shop, mostly one, and a page for each."""

    empty_text = gettext_lazy(
        "No programme yet. Add one: it needs a name, a currency and what an order gives."
    )
    list_display = ("name", "state_label", "currency", "worth")

    @display(
        description=gettext_lazy("state"),
        label={"live": "success", "paused": "warning", "closing": "warning", "closed": "danger"},
    )
    def state_label(self, programme: Programme) -> Any:
        state = programme.state_at(clock.now()).value
        return in_colour(state, ProgrammeStateChoices(state).label)

    @display(description=gettext_lazy("worth of points"))
    def worth(self, programme: Programme) -> str:
        worth = programme.worth_at(clock.now())
        return f"{figures.number(worth.points)} = {figures.money(worth.minor, programme.currency)}"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let a programme be added: not by Django's form, but by the one below."""
        return bool(request.user.has_perm(ADD))

    def get_urls(self) -> list[URLPattern]:
        """Add one address for each thing that can be changed."""
        both = require_http_methods(["GET", "HEAD", "POST"])
        changes = [page_url(self, name, both(self._changer(change))) for name, change in CHANGES.items()]
        deeds = [
            page_url(self, "state", require_POST(self.state_view)),
            page_url(self, "call_off", require_POST(self.call_off_view)),
        ]
        return [*deeds, *changes, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Create a programme as a draft, with its first rule and terms."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ProgrammeForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            programme = self._create(request, form)
            if programme is not None:
                messages.success(request, _("Created as a draft. Look at what it gives, then switch it on."))
                return redirect(_address(programme.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Add a programme"),
            "opts": self.opts,
            "list_address": reverse("admin:encore_loyalty_programme_changelist"),
            "form": form,
            "button": _("Create it as a draft"),
            "back": reverse("admin:encore_loyalty_programme_changelist"),
        }
        status = 422 if form.errors else 200
        return TemplateResponse(request, "encore/loyalty/admin/programme_form.html", context, status=status)

    def _create(self, request: HttpRequest, form: ProgrammeForm) -> Programme | None:
        """Create what the form says; a key that is taken is said beside the form."""
        try:
            with transaction.atomic():
                return create_programme(**form.read(), at=clock.now(), by=by_staff(request.user))
        except ValidationError as error:
            form.take_over(error)
        except IntegrityError:
            form.add_error("key", _("There is a programme with this key already. Choose another."))
        return None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one programme: what it does now, its life, and the versions of its rules."""
        programme = find_object(self, request, object_id)
        at = clock.now()
        rules = get_programme_rules(programme.pk)
        state = programme.state_at(at)
        return show_page(
            self,
            request,
            obj=programme,
            template="encore/loyalty/admin/programme.html",
            programme=programme,
            means=MEANS[state],
            says=read_rules(rules, programme, at),
            example=read_example(rules, programme, at),
            state_label=ProgrammeStateChoices(state.value).label,
            end=say_end(programme, now=at),
            steps=[
                (step.value, STEPS[step], MEANS[step])
                for step in PROGRAMME_STEPS[state]
                if step is not ProgrammeState.CLOSING
            ],
            may_close=ProgrammeState.CLOSING in PROGRAMME_STEPS[state],
            announced=list_calendar(programme, at),
            requests=list_waiting(request, "programme", programme.pk),
            may_change=request.user.has_perm(CHANGE),
            earning_rules=[
                (row, say_rule(row.points, row.per_minor, programme), *_period(row, programme, at))
                for row in _versions(EarningRule, programme)
            ],
            lot_terms=[
                (row, say_terms(row), *_period(row, programme, at))
                for row in _versions(LotTerms, programme).select_related("product_group")
            ],
            groups=list(ProductGroup.objects.filter(programme=programme).order_by("id")),
            limits=[(role, list(say_limit(limit))) for role, limit in list_limits(programme_id=programme.pk)],
            budget_limits=[
                (role, say_budget_limit(limit))
                for role, limit in list_budget_limits(programme_id=programme.pk)
            ],
            rates=list(
                ExchangeRate.objects.filter(programme=programme).order_by("-starts_at", "currency")[:50]
            ),
        )

    def state_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take the programme a step on."""
        programme = self._get_for_change(request, object_id)
        wanted = request.POST.get("state", "")
        if wanted not in set(ProgrammeState):
            raise Http404
        state = ProgrammeState(wanted)
        try:
            change_state(programme_id=programme.pk, state=state, at=clock.now(), by=by_staff(request.user))
            messages.success(request, MEANS[state])
        except StepNotAllowed as refusal:
            messages.warning(request, str(refusal))
        return redirect(_address(programme.pk))

    def call_off_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Call off what is announced for the programme, before it holds."""
        programme = self._get_for_change(request, object_id)
        text = request.POST.get("announcement", "")
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
        if not Announcement.objects.filter(pk=number, programme=programme).exists():
            raise Http404
        try:
            cancel_announcement(announcement_id=number, at=clock.now(), by=by_staff(request.user))
            messages.success(request, _("Called off. Everything stays as it is."))
        except CannotCancel:
            messages.warning(
                request, _("It holds already, or was called off before. Make a new change instead.")
            )
        return redirect(_address(programme.pk))

    def _changer(self, change: Change) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            programme = self._get_for_change(request, object_id)
            return answer(self, request, programme, change, back=_address(programme.pk))

        return view

    def _get_for_change(self, request: HttpRequest, object_id: str) -> Programme:
        programme: Programme = find_object(self, request, object_id)
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        return programme


@admin.register(TermsVersion)
class TermsVersionAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """The club's terms, each version as members accepted it."""

    empty_text = gettext_lazy("No terms yet. Without any, members join without agreeing to something.")
    list_display = ("number", "programme", "starts_at")
    list_select_related = ("programme",)


def _versions(model: Any, programme: Programme) -> Any:
    return model.objects.filter(programme=programme).order_by("-starts_at", "-version")


def _period(version: Any, programme: Programme, at: datetime) -> tuple[str, str]:
    """Say from when and until when a version runs, in the programme's days, or why it does not."""
    since = date_format(version.starts_at.astimezone(programme.zone), "DATE_FORMAT")
    if version.ends_at == version.starts_at:
        return since, _("called off")
    if version.ends_at is not None:
        return since, date_format(version.ends_at.astimezone(programme.zone), "DATE_FORMAT")
    return since, _("runs now") if version.starts_at <= at else _("announced")


def _address(programme_id: int) -> str:
    return reverse("admin:encore_loyalty_programme_change", args=[programme_id])
