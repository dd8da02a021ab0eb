"""Plans: drafted in a sentence with who would buy, put on sale, changed, closed, ended."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from backstage import clock
from backstage.admin.base import by_staff, display, in_colour
from backstage.admin.deeds import Deed, DeedsAdmin
from backstage.admin.pages import find_object, list_url, page_url, show_page
from loyalty.admin.announcing import call_off, say_announced, say_refusal
from loyalty.admin.campaign_view import say_when
from loyalty.admin.chosen_programme import find_chosen
from loyalty.admin.plan_form import PlanForm, open_form
from loyalty.admin.plan_view import ask_about_price, preview
from loyalty.admin.programme_calendar import tell
from loyalty.models import Plan, PlanVersion, Programme
from loyalty.operations.changes.notice import AlreadyAnnounced, NoticeTooShort, StartPassed
from loyalty.operations.plans import offers as operations
from loyalty.policies.changes.notice import first_whole_day
from loyalty.policies.changes.subjects import Subject
from loyalty.policies.plans.offer import PlanState
from loyalty.queries import figures, sentences
from loyalty.queries.changes.announcements import find_standing
from loyalty.queries.plans.member_section import level_name
from loyalty.queries.plans.results import PlanResults, get_results
from loyalty.queries.plans.words import say_benefits, say_price
from loyalty.queries.programmes import offer_of, rules_of

# What may be done from where, in the order of the buttons.
OFFERED: dict[str, tuple[str, ...]] = {
    PlanState.DRAFT.value: ("start", "discard"),
    PlanState.ON.value: ("close", "end"),
    PlanState.CLOSED.value: ("start", "end"),
    PlanState.ENDED.value: (),
}
DEEDS = {
    "start": Deed(
        operate=operations.switch_on_plan,
        said=gettext_lazy("It is on sale."),
        meaning=gettext_lazy("Members can buy it from now on."),
        label=gettext_lazy("Put it on sale"),
    ),
    "close": Deed(
        operate=operations.close_plan,
        said=gettext_lazy("Closed. Nobody new can join; who is in may renew."),
        meaning=gettext_lazy("Nobody new can join. Who is in it may renew."),
        label=gettext_lazy("Close it to new members"),
    ),
    "end": Deed(
        operate=operations.end_plan,
        said=gettext_lazy("Ended. What is paid for runs out."),
        meaning=gettext_lazy("It ends for good: nobody joins or renews. What is paid for runs out."),
        label=gettext_lazy("End it"),
    ),
    "discard": Deed(
        operate=operations.discard_plan,
        said=gettext_lazy("The draft is thrown away."),
        meaning=gettext_lazy("The draft is thrown away. Nobody has bought it."),
        label=gettext_lazy("Throw the draft away"),
    ),
}


@admin.register(Plan)
class PlanAdmin(DeedsAdmin):
    """What members can pay for, and a page for each."""

    empty_text = gettext_lazy("No plans yet. A plan is what members pay for: more points, free shipping.")
    list_display = ("title", "standing", "costs", "brings")
    search_fields = ("name",)
    named = "plan_id"
    deeds = DEEDS
    refusals = (operations.PlanStepRefused, AlreadyAnnounced)

    @display(description=gettext_lazy("name"))
    def title(self, plan: Plan) -> str:
        return plan.name

    @display(description=gettext_lazy("state"), label={"on": "success", "closed": "warning"})
    def standing(self, plan: Plan) -> Any:
        return in_colour(plan.state, plan.get_state_display())

    @display(description=gettext_lazy("costs"))
    def costs(self, plan: Plan) -> str:
        return say_price(offer_of(_standing(plan)), plan.programme.currency)

    @display(description=gettext_lazy("brings"))
    def brings(self, plan: Plan) -> str:
        return " · ".join(_say_brings(_standing(plan), plan.programme))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("programme").prefetch_related("versions__plan")

    def get_urls(self) -> list[URLPattern]:
        """Add the form and its preview, and calling off what is announced."""
        both = require_http_methods(["GET", "HEAD", "POST"])
        return [
            list_url(self, "preview", require_POST(self.preview_view)),
            list_url(self, "call_off", require_POST(self.call_off_view)),
            page_url(self, "edit", both(self.edit_view)),
            *super().get_urls(),
        ]

    # -- drafting and changing -------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Draft a plan."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        programme = find_chosen(request)
        form = _open(request, programme)
        if _is_saved(request, form) and (plan := self._save(request, form, None)):
            messages.success(request, _("Saved as a draft. Nobody can buy it until you put it on sale."))
            return redirect(self.address_of(plan.pk))
        return self._show_form(request, form, None)

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change a draft in place, or begin a new version of what is sold."""
        plan: Plan = self.get_for_change(request, object_id)
        if plan.state == PlanState.ENDED:
            raise Http404
        at, standing = clock.now(), _standing(plan)
        form = _open(request, plan.programme, before=standing, initial=PlanForm.begin(plan, standing))
        if _is_saved(request, form) and self._save(request, form, plan):
            told = find_standing(programme_id=plan.programme_id, subject=Subject.PLAN, plan_id=plan.pk, at=at)
            messages.success(request, say_announced(plan.programme, told, at) or _say_changed(plan))
            return redirect(self.address_of(plan.pk))
        return self._show_form(request, form, plan)

    def _save(self, request: HttpRequest, form: PlanForm, plan: Plan | None) -> Plan | None:
        at = clock.now()
        done: dict[str, Any] = {"at": at, "by": by_staff(request.user)}
        own, terms = form.read_own(), form.read_terms()
        before = _standing(plan) if plan is not None and plan.state != PlanState.DRAFT else None
        if form.refuse_cost(ask_about_price(form, before=before, at=at)):
            return None
        try:
            if plan is None:
                return operations.create_plan(programme_id=form.programme.pk, **own, terms=terms, **done)
            starts_at = form.starts_at(at)
            return operations.change_plan(plan_id=plan.pk, own=own, terms=terms, starts_at=starts_at, **done)
        except ValidationError as error:
            form.take_over(error)
        except operations.PlanStepRefused as refusal:
            form.add_error(None, str(refusal))
        except AlreadyAnnounced as refusal:
            form.add_error(None, say_refusal(form.programme, refusal, at))
        except NoticeTooShort as refusal:
            day = first_whole_day(refusal.earliest, form.programme.zone)
            form.offer_day(day, say_refusal(form.programme, refusal, at))
        except StartPassed as refusal:
            form.add_error("holds_from", say_refusal(form.programme, refusal, at))
        return None

    def _show_form(self, request: HttpRequest, form: PlanForm, plan: Plan | None) -> HttpResponse:
        list_address = reverse("admin:encore_loyalty_plan_changelist")
        is_sold = plan is not None and plan.state != PlanState.DRAFT
        context = {
            **self.admin_site.each_context(request),
            "title": plan.name if plan else _("Draft a plan"),
            "opts": self.opts,
            "list_address": list_address,
            "form": form,
            "button": _("Begin this as a new version") if is_sold else _("Save draft"),
            "back": self.address_of(plan.pk) if plan else list_address,
            "preview_address": reverse("admin:encore_loyalty_plan_preview"),
            "programme": form.programme,
            "is_sold": is_sold,
            # A day that is refused, or a tick that is missing, says nothing against the rest.
            "preview": preview(form, at=clock.now())
            if form.is_bound and form.errors.keys() <= {"holds_from", "is_meant"}
            else None,
        }
        status = 422 if form.is_bound and form.errors else 200
        return TemplateResponse(request, "encore/loyalty/admin/plan_form.html", context, status=status)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with what a half-written plan would bring and cost; it saves nothing."""
        if not (self.may(request, "add") or self.may(request, "change")):
            raise PermissionDenied
        form = _open(request, find_chosen(request))
        context = {"preview": preview(form, at=clock.now()) if form.is_valid() else None}
        return TemplateResponse(request, "encore/loyalty/admin/plan_preview.html", context)

    # -- one plan --------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one plan: what it costs and brings, what it has come to, and what can be done with it."""
        plan: Plan = find_object(self, request, object_id)
        versions, programme, at = list(plan.versions.order_by("-number")), plan.programme, clock.now()
        standing = find_standing(programme_id=programme.pk, subject=Subject.PLAN, plan_id=plan.pk, at=at)
        sold = _standing(plan)
        return show_page(
            self,
            request,
            obj=plan,
            template="encore/loyalty/admin/plan.html",
            plan=plan,
            costs=say_price(offer_of(sold), programme.currency),
            brings=_say_brings(sold, programme),
            announced=[tell(standing, programme, at)] if standing else [],
            results=_say_results(get_results(plan, at=at), programme),
            versions=[
                (row, say_price(offer_of(row), programme.currency), say_when(row, programme))
                for row in versions
            ],
            deeds=self.tell_deeds(OFFERED[plan.state]),
            may_change=self.may(request, "change"),
            may_edit=self.may(request, "change") and plan.state != PlanState.ENDED,
        )

    def say_refusal(self, request: HttpRequest, obj: Plan, refusal: Exception) -> str:
        """Say what is announced already, where it is that."""
        if isinstance(refusal, AlreadyAnnounced):
            return say_refusal(obj.programme, refusal, clock.now())
        return super().say_refusal(request, obj, refusal)

    def call_off_view(self, request: HttpRequest) -> HttpResponse:
        """Call off a change of a plan that is announced, before it holds."""
        if not self.may(request, "change"):
            raise PermissionDenied
        return redirect(self.address_of(call_off(request, Subject.PLAN).plan_id or 0))


def _open(request: HttpRequest, programme: Programme, **more: Any) -> PlanForm:
    typed = request.POST if request.method == "POST" else None
    return open_form(typed, programme=programme, rules=rules_of(programme), at=clock.now(), **more)


def _is_saved(request: HttpRequest, form: PlanForm) -> bool:
    return request.method == "POST" and form.is_valid() and "save" in request.POST


def _standing(plan: Plan) -> PlanVersion:
    """Give the draft, or the version that is sold, and not one that is only announced."""
    now = clock.now()
    begun = [one for one in plan.versions.all() if one.starts_at is None or one.starts_at <= now]
    return max(begun, key=lambda version: version.number)


def _say_brings(version: PlanVersion, programme: Programme) -> list[str]:
    offer = offer_of(version)
    level = level_name(rules_of(programme), offer, clock.now())
    return say_benefits(offer, programme.currency, level=level)


def _say_results(results: PlanResults, programme: Programme) -> list[tuple[Any, str]]:
    worth_minor = programme.worth_at(clock.now()).of(results.points)
    return [
        (_("Members in it now"), figures.number(results.members)),
        (_("of them trying it"), figures.number(results.trying)),
        (_("of them cancelled"), figures.number(results.cancelled)),
        (_("Not renewed so far"), figures.number(results.lapsed)),
        (_("Refunded so far"), figures.number(results.refunded)),
        (_("Fees, less refunds"), figures.money(results.fees_minor, programme.currency)),
        (
            _("Points that it added, and their worth"),
            f"{sentences.points(results.points)} · {figures.money(worth_minor, programme.currency)}",
        ),
    ]


def _say_changed(plan: Plan) -> str:
    if plan.state == PlanState.DRAFT:
        return _("Saved.")
    return _("Changed for payments from now on. What is paid for stays as it was.")
