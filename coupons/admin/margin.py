"""Margin: the floors that discounts keep, and what was agreed about brands."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, by_staff, column, display, in_colour
from backstage.admin.pages import find_object, page_url, show_page
from coupons.admin.margin_forms import AgreementForm, FloorForm, list_brands
from coupons.models import BrandAgreement, MarginFloor
from coupons.operations.agreements import end_agreement, note_agreement
from coupons.operations.margin import end_floor, set_floor
from coupons.policies.margin import FloorScope, Remedy
from coupons.queries.margin_words import say_agreement, say_days, say_of, say_share


class MarginAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """What floors and agreements share: a list, a form for a new one, a page with its end."""

    add_title: Any = ""
    ended_text: Any = ""
    form_class: Any = None

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let one be added: not by Django's form, but by the one below."""
        return bool(request.user.has_perm(f"encore_coupons.add_{self.opts.model_name}"))

    def get_urls(self) -> list[URLPattern]:
        """Add the address at which one is ended."""
        return [page_url(self, "end", require_POST(self.end_view)), *super().get_urls()]

    def ask(self, request: HttpRequest) -> HttpResponse:
        """Ask for a new one, and set it once nothing is wrong."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = self.form_class(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                row = self.set_up(form, at=clock.now(), by=by_staff(request.user))
            except ValidationError as error:
                form.take_over(error)
            else:
                messages.success(request, _("Saved. It holds for every basket from now on."))
                return redirect(self.address_of(row.pk))
        back = reverse(f"admin:encore_coupons_{self.opts.model_name}_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": self.add_title,
            "opts": self.opts,
            "list_address": back,
            "back": back,
            "form": form,
            "brands": list_brands(),
        }
        status = 422 if form.is_bound and form.errors else 200
        return TemplateResponse(request, "encore/coupons/admin/margin_form.html", context, status=status)

    def show(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show one, and offer to end it."""
        row = find_object(self, request, object_id)
        is_over = row.ends_at is not None and row.ends_at <= clock.now()
        return show_page(
            self,
            request,
            obj=row,
            template="encore/coupons/admin/margin.html",
            heading=self.say(row),
            rows=self.tell(row),
            may_end=not is_over and self._may_change(request),
        )

    def end_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End one from now on."""
        row = find_object(self, request, object_id)
        if not self._may_change(request):
            raise PermissionDenied
        try:
            self.end(row, at=clock.now(), by=by_staff(request.user))
            messages.success(request, self.ended_text)
        except ValidationError as error:
            messages.warning(request, " ".join(error.messages))
        return redirect(self.address_of(row.pk))

    def address_of(self, row_id: int) -> str:
        """Give the address of one's page."""
        return reverse(f"admin:encore_coupons_{self.opts.model_name}_change", args=[row_id])

    def _may_change(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(f"encore_coupons.change_{self.opts.model_name}"))

    # What each says for itself.

    def set_up(self, form: Any, **done: Any) -> Any:
        """Carry out what the form asks."""
        raise NotImplementedError

    def end(self, row: Any, **done: Any) -> None:
        """End one."""
        raise NotImplementedError

    def say(self, row: Any) -> str:
        """Say it in a sentence."""
        raise NotImplementedError

    def tell(self, row: Any) -> list[tuple[str, str]]:
        """Tell the rest, as labels and texts."""
        raise NotImplementedError


@admin.register(MarginFloor)
class MarginFloorAdmin(MarginAdmin):
    """The floors of the margin."""

    empty_text = gettext_lazy(
        "No floors yet. A floor keeps coupons from taking more off than your margin can bear."
    )
    add_title = gettext_lazy("Keep a margin")
    ended_text = gettext_lazy("Ended. Discounts are not held to it any more.")
    form_class = FloorForm
    list_display = ("kept", "of", "standing")
    list_select_related = ("coupon",)

    @display(description=gettext_lazy("keeps at least"))
    def kept(self, floor: MarginFloor) -> str:
        return say_share(floor.percent)

    @display(description=gettext_lazy("of"))
    def of(self, floor: MarginFloor) -> str:
        return say_of(floor)

    @display(description=gettext_lazy("state"), label={"on": "success"})
    def standing(self, floor: MarginFloor) -> Any:
        return in_colour("ended", _("Ended")) if floor.ends_at else in_colour("on", _("In force"))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Set a floor."""
        return self.ask(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show a floor."""
        return self.show(request, object_id)

    def set_up(self, form: FloorForm, **done: Any) -> MarginFloor:
        told = form.cleaned_data
        return set_floor(of=form.read_of(), percent=told["percent"], remedy=Remedy(told["remedy"]), **done)

    def end(self, row: MarginFloor, **done: Any) -> None:
        end_floor(floor_id=row.pk, **done)

    def say(self, row: MarginFloor) -> str:
        gaps = {"share": say_share(row.percent), "of": say_of(row)}
        return _("Keep at least %(share)s: %(of)s") % gaps

    def tell(self, row: MarginFloor) -> list[tuple[str, str]]:
        costs = _("Goods whose cost nobody has told are left out, and named at checkout and here.")
        return [
            (_("Where it would be less"), str(row.get_remedy_display())),
            (_("From"), date_format(row.starts_at, "DATETIME_FORMAT")),
            (_("Until"), date_format(row.ends_at, "DATETIME_FORMAT") if row.ends_at else _("you end it")),
            (_("Unknown cost"), costs),
            *([(_("Counts too"), _("What points earned with the order cost."))] if _is_whole(row) else []),
        ]


def _is_whole(row: MarginFloor) -> bool:
    return row.scope == FloorScope.CHANNEL


@admin.register(BrandAgreement)
class BrandAgreementAdmin(MarginAdmin):
    """What was agreed with distributors."""

    empty_text = gettext_lazy(
        "No agreements yet. An agreement keeps coupons from a brand, or caps what they take off its goods."
    )
    add_title = gettext_lazy("Note an agreement about a brand")
    ended_text = gettext_lazy("Ended. Coupons are not held to it any more.")
    form_class = AgreementForm
    list_display = (column("brand", gettext_lazy("brand")), "agreed", "days", "standing")
    search_fields = ("brand",)

    @display(description=gettext_lazy("agreed"))
    def agreed(self, agreement: BrandAgreement) -> str:
        return say_agreement(agreement)

    @display(description=gettext_lazy("when"))
    def days(self, agreement: BrandAgreement) -> str:
        return say_days(agreement)

    @display(description=gettext_lazy("state"), label={"on": "success", "coming": "info"})
    def standing(self, agreement: BrandAgreement) -> Any:
        at = clock.now()
        if agreement.ends_at is not None and agreement.ends_at <= at:
            return in_colour("ended", _("Ended"))
        return (
            in_colour("coming", _("To come")) if agreement.starts_at > at else in_colour("on", _("In force"))
        )

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Note an agreement."""
        return self.ask(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show an agreement."""
        return self.show(request, object_id)

    def set_up(self, form: AgreementForm, **done: Any) -> BrandAgreement:
        return note_agreement(**form.read(), **done)

    def end(self, row: BrandAgreement, **done: Any) -> None:
        end_agreement(agreement_id=row.pk, **done)

    def say(self, row: BrandAgreement) -> str:
        return f"{row.brand}: {say_agreement(row)}"

    def tell(self, row: BrandAgreement) -> list[tuple[str, str]]:
        told = [(_("When"), say_days(row)), (_("Agreed with"), row.partner), (_("Note"), row.note)]
        return [(label, text) for label, text in told if text]
