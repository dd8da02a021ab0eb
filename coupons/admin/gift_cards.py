"""Gift cards: sold in a sentence, found by code or its last four, looked after on a page of their own.

No page shows a code but the one that answers a sale or a new code, once, to whoever did that.
"""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from backstage import clock
from backstage.admin.base import by_staff, display, in_colour
from backstage.admin.pages import OwnPagesAdmin, find_object, list_url, page_url, show_page
from commerce.models import Channel
from commerce.policies.segments.words import say_money
from coupons.admin import gift_card_pages as pages
from coupons.admin.gift_card_forms import (
    YEARS,
    ExtendForm,
    LimitForm,
    ReasonForm,
    RefundForm,
    SellForm,
)
from coupons.admin.refusals import say_refusal
from coupons.models import GiftCard, GiftCardHold, GiftCardLimit
from coupons.operations.gift_cards import caring, requests
from coupons.policies.codes import normal_code
from coupons.policies.gift_card_errors import GiftCardEndNotLater, GiftCardRefusal
from coupons.policies.gift_cards import GiftCardHoldState
from coupons.queries.gift_card_codes import find_card
from coupons.queries.gift_card_figures import list_figures
from coupons.queries.gift_card_limits import OverGiftCardLimit, find_limit
from coupons.queries.gift_cards import list_order_uses, load_books, read_book

LIMITS = "encore_coupons.change_giftcardlimit"


@admin.register(GiftCard)
class GiftCardAdmin(OwnPagesAdmin):
    """Gift cards, newest first, and a page for each."""

    empty_text = gettext_lazy("No gift card has been sold yet. Sell the first one with the button above.")
    list_display = ("code_end", "left", "last_day", "standing", "person")
    search_fields = ("last_four",)
    search_help_text = gettext_lazy(
        "The whole code, its last four, or the number of the order it was sold with."
    )
    change_list_template = "encore/coupons/admin/gift_card_list.html"
    raw_id_fields = ("buyer", "owner")

    @display(description=gettext_lazy("code ends with"))
    def code_end(self, card: GiftCard) -> str:
        return f"…{card.last_four}"

    @display(description=gettext_lazy("left"))
    def left(self, card: GiftCard) -> str:
        has_ended = read_book(card, ()).has_ended(clock.now())
        back_minor = getattr(card, "lapsed_minor", 0) or 0
        return say_money(0 if has_ended else card.balance_minor + back_minor, card.currency)

    @display(description=gettext_lazy("can be used until"))
    def last_day(self, card: GiftCard) -> str:
        return pages.say_last_day(read_book(card, ()).usable_until, card)

    @display(
        description=gettext_lazy("state"), label={"active": "success", "paused": "warning", "waiting": "info"}
    )
    def standing(self, card: GiftCard) -> Any:
        return in_colour(*pages.say_standing(card, read_book(card, ()), clock.now()))

    @display(description=gettext_lazy("for"))
    def person(self, card: GiftCard) -> str:
        return card.recipient or "–"

    def get_queryset(self, request: HttpRequest) -> QuerySet[GiftCard]:
        rows: QuerySet[GiftCard] = super().get_queryset(request)
        lapsed = GiftCardHold.objects.filter(
            card=OuterRef("pk"), state=GiftCardHoldState.OPEN, expires_at__lte=clock.now()
        )
        summed = lapsed.order_by().values("card").annotate(minor=Sum("amount_minor")).values("minor")
        return rows.annotate(lapsed_minor=Subquery(summed))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        if len(code := normal_code(text)) == 4 and (rows := queryset.filter(last_four=code)).exists():
            return rows, False
        card = find_card(text)
        return queryset.filter(pk=card.pk) if card else queryset.filter(reference=text), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """List cards below what they come to; the figures are for whoever may see cards."""
        context = {
            "figures": pages.tell_figures(list_figures(at=clock.now())),
            "may_limit": request.user.has_perm(LIMITS),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of what can be done with a card, and of the limits."""
        both = require_http_methods(["GET", "HEAD", "POST"])
        deeds = [page_url(self, name, both(self._asker(name))) for name in _FORMS]
        limits = list_url(self, "limits", both(self.limits_view))
        resume = page_url(self, "resume", require_POST(self.resume_view))
        return [limits, *deeds, resume, *super().get_urls()]

    # -- selling ---------------------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Sell a card; the answer shows its code, this once."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        channels, at = list(Channel.objects.order_by("id")), clock.now()
        form = SellForm(request.POST or None, channels=channels, today=at.date(), initial={"key": uuid4()})
        form.initial["last_day"] = at.date().replace(year=at.year + YEARS, month=12, day=31)
        if request.method == "POST" and form.is_valid() and (sold := self._sell(request, form)):
            return sold
        return self._show_form(request, form, title=_("Sell a gift card"), button=_("Sell it"))

    def _sell(self, request: HttpRequest, form: SellForm) -> HttpResponse | None:
        told, by, at = form.cleaned_data, by_staff(request.user), clock.now()
        limit_minor = find_limit(currency=told["currency"], by=by)
        if limit_minor is not None and told["amount_minor"] > limit_minor and not told["reason"].strip():
            form.add_error(
                "reason", _("This is over your limit, so somebody else looks at it first. Say why.")
            )
            return None
        try:
            issued = requests.sell_gift_card(
                amount_minor=told["amount_minor"],
                currency=told["currency"],
                key=f"staff:{told['key']}",
                expires_at=form.read_end(form.zone),
                time_zone=form.zone,
                reference=told["reference"],
                recipient=told["recipient"],
                message=told["message"],
                reason=told["reason"],
                at=at,
                by=by,
            )
        except (GiftCardRefusal, ValueError) as refusal:
            form.add_error(None, say_refusal(refusal, told["currency"]))
            return None
        if issued.is_replay:
            messages.warning(
                request, _("It was sold before, and its code was shown once. Make a new code if it is lost.")
            )
            return redirect(self.address_of(issued.card_id))
        return self._show_code(request, GiftCard.objects.get(pk=issued.card_id), issued.code)

    def _show_code(self, request: HttpRequest, card: GiftCard, code: str) -> HttpResponse:
        answer = show_page(
            self,
            request,
            obj=card,
            template="encore/coupons/admin/gift_card_code.html",
            title=_("Print this now: the code is shown once"),
            waits=card.state == "waiting",
            **pages.tell_print(card, code),
        )
        answer["Cache-Control"] = "no-store"
        return answer

    # -- one card --------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one card: what is left, what has moved, and what can be done with it."""
        card: GiftCard = find_object(self, request, object_id)
        at, book = clock.now(), load_books([card])[card.pk]
        book.settle(at)
        movements = list(card.movements.order_by("-id")[: pages.MOST_MOVEMENTS])
        return show_page(
            self,
            request,
            obj=card,
            template="encore/coupons/admin/gift_card.html",
            title=_("Gift card …%(end)s") % {"end": card.last_four},
            card=card,
            left=say_money(book.balance_minor, card.currency),
            standing=pages.say_standing(card, book, at)[1],
            facts=pages.tell_facts(card, book),
            history=pages.tell_history(card, book, movements),
            deeds=pages.tell_deeds(card) if self.may(request, "change") else [],
        )

    def resume_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let a paused card be used again."""
        card = self.get_for_change(request, object_id)
        try:
            caring.resume_gift_card(card_id=card.pk, at=clock.now(), by=by_staff(request.user))
            messages.success(request, _("It can be used again."))
        except GiftCardRefusal as refusal:
            messages.warning(request, say_refusal(refusal, card.currency))
        return redirect(self.address_of(card.pk))

    def _asker(self, name: str) -> Callable[..., HttpResponse]:
        make_form, do, said = _FORMS[name]
        meaning, button = pages.DEEDS[name]

        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            card = self.get_for_change(request, object_id)
            if name not in pages.DEEDS_OF[card.state]:
                raise Http404
            form = make_form(request.POST or None, card)
            if request.method == "POST" and form.is_valid():
                try:
                    code = do(request, card, form)
                except OverGiftCardLimit:
                    messages.success(request, _ask(request, card, name, form))
                    return redirect(self.address_of(card.pk))
                except GiftCardEndNotLater:
                    stands = {"day": pages.say_last_day(card.expires_at, card)}
                    form.add_error("last_day", _("Its last day is: %(day)s. Name a later one.") % stands)
                except GiftCardRefusal as refusal:
                    form.add_error(None, say_refusal(refusal, card.currency))
                else:
                    card.refresh_from_db()
                    if code:
                        return self._show_code(request, card, code)
                    messages.success(request, said)
                    return redirect(self.address_of(card.pk))
            return self._show_form(request, form, title=button, button=button, card=card, meaning=meaning)

        return view

    def _show_form(
        self,
        request: HttpRequest,
        form: forms.Form,
        *,
        title: Any,
        button: Any,
        card: GiftCard | None = None,
        meaning: Any = "",
    ) -> HttpResponse:
        list_address = reverse("admin:encore_coupons_giftcard_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "list_address": list_address,
            "form": form,
            "button": button,
            "meaning": meaning,
            "back": self.address_of(card.pk) if card else list_address,
        }
        status = 422 if form.is_bound and form.errors else 200
        return TemplateResponse(request, "encore/coupons/admin/gift_card_form.html", context, status=status)

    # -- limits ----------------------------------------------------------------------------------------------

    def limits_view(self, request: HttpRequest) -> HttpResponse:
        """Set up to how much one person may sell, void or refund alone."""
        if not request.user.has_perm(LIMITS):
            raise PermissionDenied
        limits: dict[str, int | None] = dict.fromkeys(
            sorted(set(Channel.objects.values_list("currency", flat=True)))
        )
        limits |= dict(GiftCardLimit.objects.values_list("currency", "alone_minor"))
        form = LimitForm(request.POST if request.method == "POST" else None, limits=limits)
        if request.method == "POST" and form.is_valid():
            done: dict[str, Any] = {"at": clock.now(), "by": by_staff(request.user)}
            for currency in limits:
                requests.set_gift_card_limit(
                    currency=currency, alone_minor=form.cleaned_data[currency], **done
                )
            messages.success(request, _("Saved."))
            return redirect("admin:encore_coupons_giftcard_changelist")
        return self._show_form(
            request,
            form,
            title=_("Limits for gift cards"),
            button=_("Save"),
            meaning=_(
                "Up to how much one person may sell, make void or give back by hand. More needs approval."
            ),
        )


# -- what each form does: made, done, said -------------------------------------------------------------------


def _done(request: HttpRequest, card: GiftCard) -> dict[str, Any]:
    return {"card_id": card.pk, "at": clock.now(), "by": by_staff(request.user)}


def _pause(request: HttpRequest, card: GiftCard, form: Any) -> str:
    caring.pause_gift_card(reason=form.cleaned_data["reason"], **_done(request, card))
    return ""


def _void(request: HttpRequest, card: GiftCard, form: Any) -> str:
    caring.void_gift_card(reason=form.cleaned_data["reason"], **_done(request, card))
    return ""


def _renew(request: HttpRequest, card: GiftCard, form: Any) -> str:
    return caring.renew_gift_card_code(reason=form.cleaned_data["reason"], **_done(request, card))


def _extend(request: HttpRequest, card: GiftCard, form: Any) -> str:
    end = form.read_end(card.time_zone)
    caring.extend_gift_card(expires_at=end, reason=form.cleaned_data["reason"], **_done(request, card))
    return ""


def _refund(request: HttpRequest, card: GiftCard, form: Any) -> str:
    requests.refund_by_hand(**_read_refund(form), **_done(request, card))
    return ""


def _read_refund(form: Any) -> dict[str, Any]:
    channel, reference = form.cleaned_data["order"]
    told = {name: form.cleaned_data[name] for name in ("refunded_minor", "reason")}
    return {"channel": channel, "reference": reference, **told}


def _ask(request: HttpRequest, card: GiftCard, name: str, form: Any) -> str:
    """Ask somebody else to approve what is over this person's limit."""
    if name == "void":
        requests.request_void(reason=form.cleaned_data["reason"], **_done(request, card))
    else:
        requests.request_refund(**_read_refund(form), **_done(request, card))
    return _("Over your limit: sent for approval. Nothing has changed yet.")


def _reason_form(data: Any, card: GiftCard) -> forms.Form:
    return ReasonForm(data)


def _extend_form(data: Any, card: GiftCard) -> forms.Form:
    return ExtendForm(data)


def _refund_form(data: Any, card: GiftCard) -> forms.Form:
    uses = [use for use in list_order_uses(card_ids=[card.pk]) if use.open_minor]
    return RefundForm(data, uses=uses, currency=card.currency)


_FORMS: dict[str, tuple[Callable[..., forms.Form], Callable[..., str], Any]] = {
    "pause": (_reason_form, _pause, gettext_lazy("Paused. Nothing new can be paid with it.")),
    "void": (_reason_form, _void, gettext_lazy("It is void.")),
    "renew": (_reason_form, _renew, ""),
    "extend": (_extend_form, _extend, gettext_lazy("Its end was moved.")),
    "refund": (_refund_form, _refund, gettext_lazy("The money is back on the card.")),
}
