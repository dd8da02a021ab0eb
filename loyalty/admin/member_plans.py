"""A member's plan for staff: where it stands, what was paid, and the deeds by hand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.options import ModelAdmin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage import clock
from backstage.admin.base import by_staff
from backstage.admin.pages import show_page
from commerce.admin.money import from_minor, to_minor
from loyalty.models import Member, MembershipPeriod
from loyalty.operations.plans.cancelling import (
    OverRefund,
    RefundShrank,
    cancel_membership,
    keep_membership,
    refund_membership,
)
from loyalty.operations.plans.memberships import (
    MembershipRuns,
    PaymentReused,
    PlanNotSold,
    TrialUsed,
    WrongPrice,
    renew_membership,
    start_membership,
    start_trial,
)
from loyalty.operations.plans.rows import MembershipCancelled, MembershipOver
from loyalty.policies.plans.offer import PlanOffer
from loyalty.policies.rules import ProgrammeRules
from loyalty.queries import figures
from loyalty.queries.plans.member_section import read_held, say_parts, say_proof
from loyalty.queries.plans.memberships import Held, in_force, list_held
from loyalty.queries.plans.proof import prove
from loyalty.queries.plans.words import say_price
from loyalty.queries.programmes import rules_of

SHOWN = 30
REFUSALS = (
    MembershipCancelled,
    MembershipOver,
    MembershipRuns,
    PaymentReused,
    PlanNotSold,
    TrialUsed,
    WrongPrice,
)


class SellForm(forms.Form):
    """ "Plus, paid under number 1001", or a trial."""

    template_name = "encore/backstage/fields.html"

    plan_id = forms.TypedChoiceField(label=gettext_lazy("Plan"), coerce=int)
    is_trial = forms.BooleanField(
        label=gettext_lazy("Let the member try it, nothing is paid"), required=False
    )
    reference = forms.CharField(
        label=gettext_lazy("Number of the payment"),
        max_length=100,
        required=False,
        help_text=gettext_lazy("From your till or your payment provider. The same number counts once."),
    )

    def __init__(self, *args: Any, offers: list[PlanOffer], currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["plan_id"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (for the type checker)
        field.choices = [(offer.plan_id, f"{offer.name}, {say_price(offer, currency)}") for offer in offers]

    def clean(self) -> dict[str, Any]:
        """Demand the number of a payment, where there was one."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not cleaned.get("is_trial") and not cleaned.get("reference", "").strip():
            self.add_error("reference", _("Give the number of the payment, so that it counts once."))
        return cleaned


class RefundForm(forms.Form):
    """ "10.00 was given back in all, and it ends at once"."""

    template_name = "encore/backstage/fields.html"

    refunded = forms.DecimalField(
        label=gettext_lazy("Given back in all"), min_value=0, max_digits=12, decimal_places=3
    )
    keeps = forms.BooleanField(
        label=gettext_lazy("Let the member keep it until what was paid for is over"), required=False
    )


def read(member: Member, at: datetime) -> Mapping[str, Any]:
    """Give what the tab shows: what the member reads, what it was worth, and every payment."""
    programme, rules = member.programme, rules_of(member.programme)
    held = in_force(list_held(rules, member_ids=[member.pk]), at)
    proof = prove(held, programme=programme, at=at) if held else None
    rows = MembershipPeriod.objects.filter(membership__member=member).select_related("membership__plan")
    return {
        "held": read_held(rules, held, programme, at) if held else None,
        "proof": say_proof(proof, programme.currency) if proof else "",
        "parts": say_parts(proof, programme.currency) if proof else [],
        "may_refund": held is not None and held.fee_minor > 0,
        "is_sold": bool(rules.plans_on_sale(at)),
        "periods": [_say(row, member, at) for row in rows.order_by("-starts_at", "-id")[:SHOWN]],
    }


def _say(row: MembershipPeriod, member: Member, at: datetime) -> dict[str, Any]:
    programme = member.programme
    money = [
        figures.money(sum_minor, programme.currency) for sum_minor in (row.paid_minor, row.refunded_minor)
    ]
    return {
        "row": row,
        "since": figures.day(row.starts_at, programme.zone, now=at),
        "until": figures.last_day(row.ends_at, programme.zone, now=at),
        "perks_until": figures.last_day(row.perks_end_at, programme.zone, now=at),
        "paid": money[0],
        "refunded": money[1] if row.refunded_minor else "",
    }


def sell(model_admin: "ModelAdmin[Any]", request: HttpRequest, member: Member, *, back: str) -> HttpResponse:
    """Ask what was paid for, and note it: a new paid membership, or the next period of the one there is."""
    at, rules = clock.now(), rules_of(member.programme)
    held = in_force(list_held(rules, member_ids=[member.pk]), at)
    offers = _offers(rules, held, at)
    form = SellForm(request.POST or None, offers=offers, currency=member.programme.currency)
    if form.is_valid():
        try:
            _sell(request, form, member, held, rules, at)
            messages.success(request, _("It is noted, and holds."))
            return redirect(back)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
    return show_page(
        model_admin,
        request,
        obj=member,
        template="encore/loyalty/admin/member_plan.html",
        status=422 if form.is_bound and form.errors else 200,
        title=_("Note a payment for a plan"),
        form=form if offers else None,
        label=_("Note it"),
        back=back,
    )


def _offers(rules: ProgrammeRules, held: Held | None, at: datetime) -> list[PlanOffer]:
    """Give what can be paid for: what is on sale, or the next period of the plan that the member is in."""
    if held is None:
        return rules.plans_on_sale(at)
    offer = rules.plan_at(held.membership.plan_id, at)
    return [offer] if offer is not None and held.is_renewed else []


def _sell(
    request: HttpRequest,
    form: SellForm,
    member: Member,
    held: Held | None,
    rules: ProgrammeRules,
    at: datetime,
) -> None:
    told, done = form.cleaned_data, {"at": at, "by": by_staff(request.user)}
    offer = rules.plan_at(told["plan_id"], at)
    if offer is None:
        raise PlanNotSold(_("This plan is not on sale any more."))
    if told["is_trial"]:
        start_trial(member_id=member.pk, plan_id=offer.plan_id, at=at, by=by_staff(request.user))
        return
    paid: dict[str, Any] = {"paid_minor": offer.price_minor, "reference": told["reference"], **done}
    if held is not None:
        renew_membership(membership_id=held.membership.id, **paid)
    else:
        start_membership(member_id=member.pk, plan_id=offer.plan_id, **paid)


def cancel_or_keep(request: HttpRequest, member: Member) -> None:
    """Cancel what goes on, or keep what was cancelled: whichever the button said."""
    at = clock.now()
    held = in_force(list_held(rules_of(member.programme), member_ids=[member.pk]), at)
    try:
        if held is None:
            messages.warning(request, _("Somebody was faster, so nothing was changed."))
        elif "keep" in request.POST:
            keep_membership(membership_id=held.membership.id, at=at, by=by_staff(request.user))
            messages.success(request, _("The cancellation is taken back."))
        else:
            cancel_membership(membership_id=held.membership.id, at=at, by=by_staff(request.user))
            messages.success(request, _("Cancelled. What was paid for stays until its end."))
    except MembershipOver as refusal:
        messages.warning(request, str(refusal))


def refund(
    model_admin: "ModelAdmin[Any]", request: HttpRequest, member: Member, *, back: str
) -> HttpResponse:
    """Ask how much was given back in all, and note it."""
    at, currency = clock.now(), member.programme.currency
    held = in_force(list_held(rules_of(member.programme), member_ids=[member.pk]), at)
    if held is None:
        messages.warning(request, _("This member has no plan now."))
        return redirect(back)
    form = RefundForm(request.POST or None, initial={"refunded": from_minor(held.fee_minor, currency)})
    if form.is_valid():
        try:
            refund_membership(
                membership_id=held.membership.id,
                refunded_minor=to_minor(form.cleaned_data["refunded"], currency),
                ends_at=max(at, held.last.ends_at) if form.cleaned_data["keeps"] else None,
                at=at,
                by=by_staff(request.user),
            )
            messages.success(request, _("The refund is noted. It is not renewed."))
            return redirect(back)
        except (OverRefund, RefundShrank) as refusal:
            form.add_error("refunded", str(refusal))
        except ValidationError as error:
            form.add_error("refunded", error.messages)
    return show_page(
        model_admin,
        request,
        obj=member,
        template="encore/loyalty/admin/member_plan.html",
        status=422 if form.is_bound and form.errors else 200,
        title=_("Note a refund"),
        form=form,
        label=_("Note the refund"),
        back=back,
    )
