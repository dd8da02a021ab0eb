"""Partner shops: taken in by a sentence, with what a month would come to; channels, prices, months."""

from datetime import datetime
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
from backstage.admin.base import by_staff, display
from backstage.admin.pages import OwnPagesAdmin, find_object, list_url, page_url, show_page
from loyalty.admin.chosen_programme import find_chosen
from loyalty.admin.partner_forms import (
    ChannelForm,
    EndChannelForm,
    PartnerForm,
    PriceForm,
    ProgrammeForm,
    list_partner_channels,
)
from loyalty.admin.partner_words import (
    preview_price,
    say_balance,
    say_period,
    say_price,
    tell_line,
    write_month,
)
from loyalty.models import Partner, PartnerChannel, PartnerPrice
from loyalty.operations import partners as operations
from loyalty.operations.statements import close_months
from loyalty.queries.partners import has_run
from loyalty.queries.statements import find_closable, list_recent_statements, read_open_month


@admin.register(Partner)
class PartnerAdmin(OwnPagesAdmin):
    """The list of partners, and a page for each."""

    empty_text = gettext_lazy("No partner yet. Take in a shop whose customers earn and use your points.")
    list_display = ("title", "standing", "sells", "price")
    search_fields = ("name", "key")

    @display(description=gettext_lazy("name"))
    def title(self, partner: Partner) -> str:
        return partner.name

    @display(description=gettext_lazy("state"), label={"open": "success", "ended": "danger"})
    def standing(self, partner: Partner) -> tuple[str, str]:
        return ("ended", _("ended")) if partner.ended_at else ("open", _("open"))

    @display(description=gettext_lazy("channels"))
    def sells(self, partner: Partner) -> str:
        at = clock.now()
        names = sorted(claim.channel.name for claim in partner.channels.all() if _runs(claim, at))
        return ", ".join(names) or _("none now")

    @display(description=gettext_lazy("price"))
    def price(self, partner: Partner) -> str:
        at = clock.now()
        price = next((row for row in partner.prices.all() if _runs(row, at)), None)
        return say_price(price, partner.programme.currency) if price else "–"

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("programme")
        return rows.prefetch_related("channels__channel", "prices")

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of what can be done with a partner, and of the preview."""
        both = require_http_methods(["GET", "HEAD", "POST"])
        return [
            list_url(self, "preview", require_POST(self.preview_view)),
            page_url(self, "price", both(self.price_view)),
            page_url(self, "channel", both(self.channel_view)),
            page_url(self, "channel-end", both(self.channel_end_view)),
            page_url(self, "close", both(self.close_view)),
            page_url(self, "end", both(self.end_view)),
            *super().get_urls(),
        ]

    # -- taking in and changing ------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Take in a partner."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        programme = find_chosen(request)
        form = PartnerForm(request.POST or None, programme=programme)
        if "save" in request.POST and form.is_valid():
            try:
                partner = operations.open_partner(
                    programme_id=programme.pk, **form.read(), at=clock.now(), by=by_staff(request.user)
                )
            except ValidationError as error:
                form.take_over(error)
            else:
                messages.success(request, _("Taken in. Give its machines keys next."))
                return redirect(self.address_of(partner.pk))
        return self._show_form(
            request, form, _("Take in a partner"), _("Take it in"), has_channels=bool(list_partner_channels())
        )

    def price_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Agree a new price."""
        partner = self.get_for_change(request, object_id)
        form = PriceForm(request.POST or None, programme=partner.programme)
        form.begin_price(partner.prices.filter(has_run()).order_by("-starts_at").first())
        if "save" in request.POST and form.is_valid():
            told = form.read_price()
            if self._try(request, form, operations.change_partner_price, partner_id=partner.pk, **told):
                messages.success(request, _("Agreed. Points of earlier days keep the price of their day."))
                return redirect(self.address_of(partner.pk))
        return self._show_form(request, form, _("Agree a new price"), _("Agree it"), partner)

    def channel_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the partner another channel."""
        partner = self.get_for_change(request, object_id)
        form = ChannelForm(request.POST or None, programme=partner.programme)
        if "save" in request.POST and form.is_valid():
            told = form.read()
            if self._try(request, form, operations.add_partner_channel, partner_id=partner.pk, **told):
                messages.success(request, _("The channel belongs to the partner from that day on."))
                return redirect(self.address_of(partner.pk))
        return self._show_form(request, form, _("Add a channel"), _("Add it"), partner)

    def channel_end_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End a channel of the partner after a day."""
        partner = self.get_for_change(request, object_id)
        claims = partner.channels.filter(has_run()).select_related("channel")
        number = request.GET.get("claim", "")
        claim = claims.filter(pk=number).first() if number.isascii() and number.isdigit() else None
        if claim is None:
            raise Http404
        form = EndChannelForm(request.POST or None, programme=partner.programme)
        is_told = "save" in request.POST and form.is_valid()
        if is_told and self._try(
            request, form, operations.end_partner_channel, claim_id=claim.pk, **form.read()
        ):
            messages.success(request, _("It ends then. What comes back there later is the programme's."))
            return redirect(self.address_of(partner.pk))
        title = _("End “%(channel)s” with this partner") % {"channel": claim.channel.name}
        return self._show_form(request, form, title, _("End it"), partner)

    def _try(self, request: HttpRequest, form: ProgrammeForm, operate: Any, **told: Any) -> bool:
        try:
            operate(**told, at=clock.now(), by=by_staff(request.user))
        except ValidationError as error:
            form.take_over(error)
            return False
        except operations.PartnerEnded as refusal:
            form.add_error(None, str(refusal))
            return False
        return True

    def _show_form(
        self,
        request: HttpRequest,
        form: ProgrammeForm,
        title: str,
        button: str,
        partner: Partner | None = None,
        **more: Any,
    ) -> HttpResponse:
        list_address = reverse("admin:encore_loyalty_partner_changelist")
        is_price = isinstance(form, PriceForm)
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "list_address": list_address,
            "form": form,
            "button": button,
            "partner": partner,
            "programme": form.programme,
            "back": self.address_of(partner.pk) if partner else list_address,
            "preview_address": reverse("admin:encore_loyalty_partner_preview") if is_price else "",
            "preview": preview_price(form) if isinstance(form, PriceForm) and form.is_bound else None,
            "has_channels": True,
            **more,
        }
        status = 422 if form.is_bound and form.errors and "save" in request.POST else 200
        return TemplateResponse(request, "encore/loyalty/admin/partner_form.html", context, status=status)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with what a half-written price would come to in a month; it saves nothing."""
        if not (self.may(request, "add") or self.may(request, "change")):
            raise PermissionDenied
        form = PriceForm(request.POST, programme=find_chosen(request))
        return TemplateResponse(
            request, "encore/loyalty/admin/partner_preview.html", {"preview": preview_price(form)}
        )

    # -- one partner -----------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one partner: its channels and prices, this month so far, its statements."""
        partner: Partner = find_object(self, request, object_id)
        programme, at = partner.programme, clock.now()
        claims = list(
            PartnerChannel.objects.filter(has_run(), partner=partner)
            .select_related("channel")
            .order_by("starts_at", "id")
        )
        prices = list(PartnerPrice.objects.filter(has_run(), partner=partner).order_by("-starts_at"))
        month = read_open_month(partner, at=at)
        return show_page(
            self,
            request,
            obj=partner,
            template="encore/loyalty/admin/partner.html",
            partner=partner,
            price=next((say_price(row, programme.currency) for row in prices if _runs(row, at)), ""),
            claims=[(row, say_period(row, programme), _ends_later(row, at)) for row in claims],
            prices=[(say_price(row, programme.currency), say_period(row, programme)) for row in prices],
            month=write_month(month.month.on),
            lines=[tell_line(line, programme.currency) for line in month.lines],
            balance=say_balance(month.balance_minor, programme.currency),
            statements=[
                (row, write_month(row.month_on), say_balance(row.balance_minor, row.currency))
                for row in list_recent_statements(partner.pk)[::-1]
            ],
            closable=[write_month(day) for day in find_closable(partner, at=at)],
            may_change=self.may(request, "change") and partner.ended_at is None,
            may_close=self.may(request, "change"),
            may_make_keys=request.user.has_perm("encore_backstage.add_apikey") and partner.ended_at is None,
        )

    def close_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Close the months that are over, once somebody has seen which."""
        partner: Partner = super().get_for_change(request, object_id)
        at = clock.now()
        if request.method == "POST":
            closed = close_months(
                programme_id=partner.programme_id,
                until=at,
                partner_id=partner.pk,
                at=at,
                by=by_staff(request.user),
            )
            count = len(closed.statement_ids)
            said = ngettext("%(n)s month is closed.", "%(n)s months are closed.", count) % {"n": count}
            messages.success(request, said)
            return redirect(self.address_of(partner.pk))
        months = [write_month(day) for day in find_closable(partner, at=at)]
        return self._ask(
            request,
            partner,
            _("Close what is over"),
            [
                _("These months are closed: %(months)s.") % {"months": ", ".join(months)}
                if months
                else _("No month is over that is not closed yet."),
                _("A closed month never changes. What is told late stands in the next one."),
            ],
            _("Close them"),
            can=bool(months),
        )

    def end_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End the partner, once somebody has seen what that means."""
        partner = self.get_for_change(request, object_id)
        if request.method == "POST":
            operations.end_partner(partner_id=partner.pk, at=clock.now(), by=by_staff(request.user))
            messages.success(request, _("Ended. Its open months are still settled."))
            return redirect(self.address_of(partner.pk))
        says = [
            _("Its channels and prices end now, and its keys are withdrawn. It cannot be taken back."),
            _("What comes back at its channels from now on is the programme's."),
            _("Its open months are still settled."),
        ]
        return self._ask(request, partner, _("End this partner"), says, _("End it now"))

    def _ask(
        self,
        request: HttpRequest,
        partner: Partner,
        question: str,
        says: list[str],
        button: str,
        *,
        can: bool = True,
    ) -> HttpResponse:
        return show_page(
            self,
            request,
            obj=partner,
            template="encore/loyalty/admin/sure.html",
            question=question,
            says=says,
            button=button,
            can=can,
            back=self.address_of(partner.pk),
        )

    def get_for_change(self, request: HttpRequest, object_id: str) -> Partner:
        """Find a partner that has not ended."""
        partner: Partner = super().get_for_change(request, object_id)
        if partner.ended_at is not None:
            raise Http404
        return partner


def _runs(row: PartnerPrice | PartnerChannel, at: datetime) -> bool:
    return row.starts_at <= at and (row.ends_at is None or row.ends_at > at)


def _ends_later(row: PartnerChannel, at: datetime) -> bool:
    return row.ends_at is None or row.ends_at > at
