"""The coupon builder: a sentence with gaps, goods picked by name, and what it would do to orders."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage import clock
from backstage.admin.base import by_staff
from commerce.admin.goods_picker import is_picking, pick, search
from commerce.models import Channel
from commerce.queries.goods import name_articles
from coupons.admin.coupon_codes import MAKE, address_to_make
from coupons.admin.coupon_form import CARDS, MANY_CODES, CouponForm
from coupons.admin.coupon_view import say_period
from coupons.admin.own_basket import tell_own_basket
from coupons.admin.refusals import say_refusal
from coupons.models import Coupon, CouponVersion
from coupons.models.coupon import SaleGoodsChoices
from coupons.operations import coupons as operations
from coupons.operations.shared_codes import set_code
from coupons.policies.codes import normal_code
from coupons.policies.coupon_terms import problems_of_terms
from coupons.policies.states import CouponState
from coupons.queries.coupon_preview import Told, offer_of, preview_coupon
from coupons.queries.coupon_words import say_problems
from coupons.queries.offer_words import list_terms, say_discount
from coupons.registry import ThoughtOf

SEE_CUSTOMERS = "encore_commerce.view_customer"
CARD_TITLES = {
    "percent": gettext_lazy("Percent off"),
    "amount": gettext_lazy("Amount off"),
    "shipping": gettext_lazy("Free shipping"),
    "welcome": gettext_lazy("Welcome, first order"),
    "second": gettext_lazy("Buy one, get one"),
    "free": gettext_lazy("A free product"),
}


def answer(model_admin: Any, request: HttpRequest, coupon: Coupon | None) -> HttpResponse:
    """Show the form with what it would do, and save it once nothing is wrong."""
    if request.method != "POST":
        return _begin(model_admin, request, coupon)
    form = _form(request, pick(request.POST), initial=_begun(coupon))
    shown = preview_form(form, coupon) if form.is_valid() else {}
    if "save" in request.POST and not form.errors and not _asks(request, shown):
        saved = _save(request, form, coupon)
        if saved is not None:
            messages.success(request, _say_saved(coupon))
            return _lead_on(request, form, saved)
    return _show(model_admin, request, form, coupon, shown)


def preview(request: HttpRequest) -> HttpResponse:
    """Answer with what a half-written form would do; it saves nothing."""
    number = request.POST.get("coupon", "")
    is_number = number.isascii() and number.isdigit() and len(number) < 19
    coupon = Coupon.objects.filter(pk=int(number)).first() if is_number else None
    form = _form(request, request.POST, initial=_begun(coupon))
    context = preview_form(form, coupon) if form.is_valid() else {}
    # The fragment takes the place of the tick, so it has to come back as it was.
    told = {"form": form, "is_meant": "is_meant" in request.POST, **context}
    return TemplateResponse(request, "encore/coupons/admin/coupon_preview.html", told)


def preview_form(form: CouponForm, coupon: Coupon | None) -> dict[str, Any]:
    """Work out what a valid form would do; what is wrong with its promise is said in the form."""
    own, terms = form.read_own(), form.read_terms()
    if problems := problems_of_terms(terms, currency=own["currency"]):
        form.take_over(ValidationError(say_problems(problems)))
        return {}
    at = clock.now()
    stored = {"created_at": at} if coupon is None else {"id": coupon.pk, "created_at": coupon.created_at}
    counters = {"used_count": coupon.used_count, "spent_minor": coupon.spent_minor} if coupon else {}
    row = Coupon(**own, **stored, **counters)
    version = CouponVersion(coupon=row, number=1, **terms)
    shown = tell(row, version, preview_coupon(coupon=row, version=version, code=form.read_code(), at=at))
    asked = ThoughtOf(offer_of(row, version), normal_code(form.read_code()), row.is_automatic, at)
    return {**shown, "own": tell_own_basket(asked, form.cleaned_data, row.time_zone)}


def tell(coupon: Coupon, version: CouponVersion, told: Told) -> dict[str, Any]:
    """Put a preview into the words of its fragment."""
    names = name_articles({*version.skus, *version.get_skus, *version.except_skus})
    return {
        "needs_tick": told.needs_tick,
        "preview": {
            "promise": say_discount(version, coupon.currency),
            "conditions": list_terms(coupon, version, names),
            "runs": say_period(coupon),
            "zone": coupon.time_zone,
            "sentences": told.sentences,
            "collisions": told.collisions,
            "is_sample": told.recorded.is_sample,
        },
    }


def address_of(coupon_id: int) -> str:
    """Give the address of a coupon's page."""
    return reverse("admin:encore_coupons_coupon_change", args=[coupon_id])


def _form(request: HttpRequest, *args: Any, **kwargs: Any) -> CouponForm:
    """Make the form; only who may see customers asks what one of them would get."""
    return CouponForm(*args, sees_customers=request.user.has_perm(SEE_CUSTOMERS), **kwargs)


# -- the parts -----------------------------------------------------------------------------------------------


def _say_saved(coupon: Coupon | None) -> str:
    if coupon is None:
        return _("Saved as a draft. Nobody gets it until you switch it on.")
    if coupon.state == CouponState.ON:
        return _("Changed from now on. What was redeemed before keeps its version.")
    return _("Saved.")


def _lead_on(request: HttpRequest, form: CouponForm, saved: Coupon) -> HttpResponse:
    """Lead to the coupon's page; first to the making of codes where it has to have many and has none."""
    lacks = form.cleaned_data["codes"] == MANY_CODES and not saved.batches.exists()
    if lacks and request.user.has_perm(MAKE):
        messages.info(request, _("Now say how many codes it gets, and what they look like."))
        return redirect(address_to_make(saved.pk))
    return redirect(address_of(saved.pk))


def _asks(request: HttpRequest, shown: dict[str, Any]) -> bool:
    """Tell whether something is sold below cost and nobody has said that it is meant."""
    return bool(shown.get("needs_tick")) and "save" in request.POST and not request.POST.get("is_meant")


def _begun(coupon: Coupon | None) -> dict[str, Any]:
    """Give what a stored coupon has, so that its currency and zone can be chosen whatever channels have."""
    return {} if coupon is None else {"currency": coupon.currency, "time_zone": coupon.time_zone}


def _begin(model_admin: Any, request: HttpRequest, coupon: Coupon | None) -> HttpResponse:
    """Begin with what a card fills in, or with what the coupon promises by now and what that does."""
    if coupon is None:
        form = _form(request, initial=_beginning(request.GET.get("card", "")))
        return _show(model_admin, request, form, coupon, {})
    version = coupon.versions.order_by("-number")[0]
    initial = CouponForm.begin(coupon, version)
    told = preview_coupon(coupon=coupon, version=version, code=initial["code"], at=clock.now())
    return _show(model_admin, request, _form(request, initial=initial), coupon, tell(coupon, version, told))


def _beginning(card: str) -> dict[str, Any]:
    shop = Channel.objects.order_by("id").first()
    zone = shop.time_zone if shop else "UTC"
    today = clock.now().astimezone(ZoneInfo(zone)).date()
    return {
        "name": str(CARD_TITLES[card]) if card in CARDS else "",
        "currency": shop.currency if shop else "",
        "time_zone": zone,
        "sale_goods": SaleGoodsChoices.ANY.value,
        "codes": "one",
        "together": "best",
        "starts_on": today + timedelta(days=1),
        "ends_on": today + timedelta(days=14),
        **CARDS.get(card, CARDS["percent"]),
    }


def _save(request: HttpRequest, form: CouponForm, coupon: Coupon | None) -> Coupon | None:
    done: dict[str, Any] = {"at": clock.now(), "by": by_staff(request.user)}
    try:
        with transaction.atomic():
            if coupon is None:
                saved = operations.create_coupon(own=form.read_own(), terms=form.read_terms(), **done)
            else:
                own = _own_changes(form, coupon)
                saved = operations.change_coupon(
                    coupon_id=coupon.pk, own=own, terms=form.read_terms(), **done
                )
            if code := form.read_code():
                set_code(coupon_id=saved.pk, code=code, **done)
        return saved
    except ValidationError as error:
        form.take_over(error)
    except operations.OverCouponLimit as refusal:
        form.add_error(None, f"{refusal} " + _("To ask for it, pause the coupon, change it, and ask then."))
    except operations.CouponStepRefused as refusal:
        form.add_error(None, say_refusal(refusal))
    return None


def _own_changes(form: CouponForm, coupon: Coupon) -> dict[str, Any]:
    """Give the fields of the coupon itself that differ; days are all that a form can tell of a time."""
    told = form.read_own()
    begun = CouponForm.begin(coupon, coupon.versions.order_by("-number")[0])
    for name, day in (("starts_at", "starts_on"), ("ends_at", "ends_on")):
        if form.cleaned_data[day] == begun[day] and told["time_zone"] == coupon.time_zone:
            told[name] = getattr(coupon, name)
    return {name: value for name, value in told.items() if value != getattr(coupon, name)}


def _show(
    model_admin: Any,
    request: HttpRequest,
    form: CouponForm,
    coupon: Coupon | None,
    shown: dict[str, Any],
) -> HttpResponse:
    picking, find = is_picking(request.POST), request.POST.get("find", "").strip()
    form = form.unfinished() if picking else form
    form.name_picked()
    is_on = coupon is not None and coupon.state == CouponState.ON
    asks = _asks(request, shown)
    changelist = reverse("admin:encore_coupons_coupon_changelist")
    context = {
        **model_admin.admin_site.each_context(request),
        "title": coupon.name if coupon else _("Draft a coupon"),
        "opts": model_admin.opts,
        "list_address": changelist,
        "form": form,
        "cards": [] if coupon else list(CARD_TITLES.items()),
        "button": _("Begin this as a new version now") if is_on else _("Save draft"),
        "back": address_of(coupon.pk) if coupon else changelist,
        "preview_address": reverse("admin:encore_coupons_coupon_preview"),
        "coupon": coupon,
        "is_on": is_on,
        "find": find,
        "found": search(find) if find else [],
        "has_searched": "search" in request.POST,
        "asks": asks,
        "is_meant": "is_meant" in request.POST,
        **shown,
    }
    status = 422 if form.errors or asks else 200
    return TemplateResponse(request, "encore/coupons/admin/coupon_form.html", context, status=status)
