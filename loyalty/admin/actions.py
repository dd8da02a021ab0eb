"""Points for actions: drafted in a sentence, with what they would cost, switched on, changed, ended."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, by_staff, column, display, in_colour
from backstage.admin.deeds import Deed, DeedsAdmin
from backstage.admin.pages import find_object, list_url, page_url, show_page
from loyalty.admin.action_form import CARDS, ActionForm
from loyalty.admin.campaign_view import say_when
from loyalty.admin.chosen_programme import find_chosen
from loyalty.models import ActionAttempt, ActionRule, ActionVersion, Programme
from loyalty.operations import action_rules as operations
from loyalty.policies.actions import ActionState
from loyalty.queries import figures, sentences
from loyalty.queries.actions import count_a_month, label_kind
from loyalty.registry import earning_triggers

# A rule that would give more than so many times what all others give asks whether it is meant.
MUCH_MORE, MUCH_MINOR = 10, 50_000
# What may be done from where, in the order of the buttons.
OFFERED: dict[str, tuple[str, ...]] = {
    ActionState.DRAFT.value: ("start", "discard"),
    ActionState.ON.value: ("pause", "end"),
    ActionState.PAUSED.value: ("start", "end"),
    ActionState.ENDED.value: (),
}
DEEDS = {
    "start": Deed(
        operate=operations.switch_on_action_rule,
        said=gettext_lazy("It is switched on."),
        meaning=gettext_lazy("What is done from now on brings points."),
        label=gettext_lazy("Start now"),
    ),
    "pause": Deed(
        operate=operations.pause_action_rule,
        said=gettext_lazy("Paused. It gives nothing until you switch it on again."),
        meaning=gettext_lazy("What is done from now on brings nothing, until you switch it on again."),
        label=gettext_lazy("Pause"),
    ),
    "end": Deed(
        operate=operations.end_action_rule,
        said=gettext_lazy("Ended. What it gave stays given."),
        meaning=gettext_lazy("It ends for good. What it gave stays given."),
        label=gettext_lazy("End it"),
    ),
    "discard": Deed(
        operate=operations.discard_action_rule,
        said=gettext_lazy("The draft is thrown away."),
        meaning=gettext_lazy("The draft is thrown away. It has given nothing."),
        label=gettext_lazy("Throw the draft away"),
    ),
}


@admin.register(ActionRule)
class ActionRuleAdmin(DeedsAdmin):
    """What brings points besides buying, and a page for each."""

    empty_text = gettext_lazy("Nothing but buying brings points yet. Start with a welcome or a birthday.")
    list_display = ("title", "what", "standing", "gives")
    search_fields = ("name",)
    named = "rule_id"
    deeds = DEEDS
    refusals = (operations.ActionStepRefused,)

    @display(description=gettext_lazy("name"))
    def title(self, rule: ActionRule) -> str:
        return rule.name

    @display(description=gettext_lazy("for"))
    def what(self, rule: ActionRule) -> str:
        return label_kind(rule)

    @display(description=gettext_lazy("state"), label={"on": "success", "paused": "warning"})
    def standing(self, rule: ActionRule) -> Any:
        return in_colour(rule.state, rule.get_state_display())

    @display(description=gettext_lazy("gives"))
    def gives(self, rule: ActionRule) -> str:
        return say_gives(max(rule.versions.all(), key=lambda version: version.number))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("versions")

    def get_urls(self) -> list[URLPattern]:
        """Add the form and its preview."""
        both = require_http_methods(["GET", "HEAD", "POST"])
        return [
            list_url(self, "preview", require_POST(self.preview_view)),
            page_url(self, "edit", both(self.edit_view)),
            *super().get_urls(),
        ]

    # -- drafting and changing -------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Draft a rule, from a card that fills in a beginning."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        programme = find_chosen(request)
        if request.method == "POST":
            form = ActionForm(request.POST, programme=programme)
            if form.is_valid() and "save" in request.POST and (rule := self._save(request, form, None)):
                messages.success(request, _("Saved as a draft. It gives nothing until you switch it on."))
                return redirect(self.address_of(rule.pk))
        else:
            card = request.GET.get("card", "")
            name = str(earning_triggers.get(card).label) if card in CARDS else ""
            form = ActionForm(
                initial={"name": name[:1].upper() + name[1:], **CARDS.get(card, {})}, programme=programme
            )
        return self._show_form(request, form, None)

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change a draft in place, or begin a new version of what is switched on."""
        rule: ActionRule = self.get_for_change(request, object_id)
        if rule.state == ActionState.ENDED:
            raise Http404
        if request.method == "POST":
            form = ActionForm(request.POST, programme=rule.programme)
            if form.is_valid() and "save" in request.POST and self._save(request, form, rule):
                messages.success(request, _say_changed(rule))
                return redirect(self.address_of(rule.pk))
        else:
            newest = rule.versions.order_by("-number")[0]
            form = ActionForm(initial=ActionForm.begin(rule, newest), programme=rule.programme)
        return self._show_form(request, form, rule)

    def _save(self, request: HttpRequest, form: ActionForm, rule: ActionRule | None) -> ActionRule | None:
        done: dict[str, Any] = {"at": clock.now(), "by": by_staff(request.user)}
        own, what, terms = form.read_own(), form.read_what(), form.read_terms()
        if form.refuse_cost(_ask_about_cost(form)):
            return None
        try:
            if rule is None:
                return operations.create_action_rule(
                    programme_id=form.programme.pk, **own, **what, terms=terms, **done
                )
            changes = {**own, **(what if rule.state == ActionState.DRAFT else {})}
            return operations.change_action_rule(rule_id=rule.pk, own=changes, terms=terms, **done)
        except ValidationError as error:
            form.take_over(error)
        except operations.ActionStepRefused as refusal:
            form.add_error(None, str(refusal))
        return None

    def _show_form(self, request: HttpRequest, form: ActionForm, rule: ActionRule | None) -> HttpResponse:
        list_address = reverse("admin:encore_loyalty_actionrule_changelist")
        is_on = rule is not None and rule.state == ActionState.ON
        context = {
            **self.admin_site.each_context(request),
            "title": rule.name if rule else _("Draft points for an action"),
            "opts": self.opts,
            "list_address": list_address,
            "form": form,
            "cards": [] if rule else [(name, earning_triggers.get(name).label) for name in CARDS],
            "button": _("Begin this as a new version now") if is_on else _("Save draft"),
            "back": self.address_of(rule.pk) if rule else list_address,
            "preview_address": reverse("admin:encore_loyalty_actionrule_preview"),
            "programme": form.programme,
            "is_on": is_on,
            "preview": _preview(form) if form.is_bound and form.is_valid() else None,
        }
        status = 422 if form.is_bound and form.errors else 200
        return TemplateResponse(request, "encore/loyalty/admin/action_form.html", context, status=status)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with what a half-written form would cost; it saves nothing."""
        if not (self.may(request, "add") or self.may(request, "change")):
            raise PermissionDenied
        form = ActionForm(request.POST, programme=find_chosen(request))
        context = {"preview": _preview(form) if form.is_valid() else None}
        return TemplateResponse(request, "encore/loyalty/admin/action_preview.html", context)

    # -- one rule --------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one rule: what it gives, what was done, and what can be done with it."""
        rule: ActionRule = find_object(self, request, object_id)
        versions = list(rule.versions.order_by("-number"))
        attempts = ActionAttempt.objects.filter(programme=rule.programme, kind=rule.kind, event=rule.event)
        return show_page(
            self,
            request,
            obj=rule,
            template="encore/loyalty/admin/action.html",
            rule=rule,
            what=label_kind(rule),
            gives=say_gives(versions[0]),
            versions=[(row, say_gives(row), say_when(row, rule.programme)) for row in versions],
            attempts=[
                (row, figures.day(row.occurred_at, rule.programme.zone, now=clock.now()))
                for row in attempts.select_related("member").order_by("-id")[:20]
            ],
            deeds=self.tell_deeds(OFFERED[rule.state]),
            may_change=self.may(request, "change"),
            may_edit=self.may(request, "change") and rule.state != ActionState.ENDED,
        )


@admin.register(ActionAttempt)
class ActionAttemptAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """What members did, with points or the reason for none; to look at."""

    empty_text = gettext_lazy("Nothing has been told yet.")
    list_display = (
        column("member", gettext_lazy("member")),
        column("kind", gettext_lazy("for")),
        column("source", gettext_lazy("source")),
        column("points", gettext_lazy("points")),
        column("reason", gettext_lazy("why nothing")),
        column("occurred_at", gettext_lazy("done at")),
    )
    list_select_related = ("member",)
    search_fields = ("source__exact",)


def say_gives(version: ActionVersion) -> str:
    """Say what a version gives, and how often."""
    points = sentences.points(version.points)
    if version.cap_times is None:
        return points
    gaps = {"points": points, "times": version.cap_times, "period": version.get_cap_period_display()}
    sentence = ngettext(
        "%(points)s, at most %(times)s time %(period)s",
        "%(points)s, at most %(times)s times %(period)s",
        version.cap_times,
    )
    return sentence % gaps


def _preview(form: ActionForm) -> dict[str, Any]:
    """Say what it would give in a month, from what is recorded."""
    rule = ActionRule(name=form.cleaned_data["name"], **form.read_what())
    version = ActionVersion(rule=rule, **form.read_terms())
    times = _times(form)
    told: dict[str, Any] = {"promise": say_gives(version), "what": label_kind(rule), "cost": ""}
    if times is not None:
        points = times * version.points
        told["times"] = ngettext(
            "About %(n)s time a month, by what is recorded.",
            "About %(n)s times a month, by what is recorded.",
            times,
        ) % {"n": figures.number(times)}
        told["cost"] = _("About %(points)s a month, worth %(worth)s.") % {
            "points": sentences.points(points),
            "worth": _worth(form.programme, points),
        }
    return told


def _times(form: ActionForm) -> int | None:
    return count_a_month(programme_id=form.programme.pk, at=clock.now(), **form.read_what())


def _ask_about_cost(form: ActionForm) -> str:
    """Ask where a rule would cost so much that a digit too many is likely; nothing where it does not."""
    times = _times(form) or 1
    points = times * form.cleaned_data["points"]
    worth = form.programme.worth_at(clock.now())
    if worth.of(points) < MUCH_MINOR and worth.of(form.cleaned_data["points"]) < MUCH_MINOR // MUCH_MORE:
        return ""
    return _("That is about %(points)s a month, worth %(worth)s. Tick here if it is meant to be.") % {
        "points": sentences.points(points),
        "worth": _worth(form.programme, points),
    }


def _worth(programme: Programme, points: int) -> str:
    return figures.money(programme.worth_at(clock.now()).of(points), programme.currency)


def _say_changed(rule: ActionRule) -> str:
    if rule.state == ActionState.ON:
        return _("Changed from now on. What was done before keeps what it brought.")
    return _("Saved.")
