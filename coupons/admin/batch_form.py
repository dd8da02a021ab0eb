"""The form of a batch: "make 5,000 codes of 8 letters beginning with SUN-, each once, until 31 May"."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from coupons.models import Coupon
from coupons.policies.code_text import LEAST_PLACES, LONGEST_PREFIX, MOST_CODES, MOST_PLACES, places_for
from coupons.policies.states import CouponState

# What an operation calls a gap, by what the form calls it.
GAPS = {"wanted_count": "count", "prefix": "begins", "random_places": "places", "ends_at": "last_day"}
# So many coupons are offered, the newest first.
MOST_COUPONS = 200


def end_of_day(day: date | None, coupon: Coupon) -> datetime | None:
    """Give the moment after a day of the coupon's own zone; codes are good until the end of that day."""
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=ZoneInfo(coupon.time_zone))


def list_coupons() -> list[Coupon]:
    """Give the coupons that codes can be made for."""
    coupons = Coupon.objects.exclude(state=CouponState.ENDED).filter(is_automatic=False)
    return list(coupons.order_by("-id")[:MOST_COUPONS])


class BatchForm(forms.Form):
    """How many codes, how long, how they begin, until when, and of which coupon."""

    template_name = "encore/backstage/fields.html"

    count = forms.IntegerField(
        label=gettext_lazy("Make so many codes"), min_value=1, max_value=MOST_CODES, initial=100
    )
    places = forms.IntegerField(
        label=gettext_lazy("of so many random letters and digits (nothing: as many as are safe)"),
        min_value=LEAST_PLACES,
        max_value=MOST_PLACES,
        required=False,
    )
    begins = forms.CharField(
        label=gettext_lazy("beginning with (nothing: no beginning)"),
        max_length=LONGEST_PREFIX + 4,
        required=False,
    )
    last_day = forms.DateField(
        label=gettext_lazy("each good once, until the end of (nothing: as long as the coupon)"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        required=False,
    )
    coupon = forms.TypedChoiceField(label=gettext_lazy("for the coupon"), coerce=int)
    name = forms.CharField(
        label=gettext_lazy("Name of the batch, for you"),
        help_text=gettext_lazy("For example: flyers in May."),
        max_length=80,
    )
    request_key = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, coupons: list[Coupon], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.coupons = {coupon.pk: coupon for coupon in coupons}
        field = self.fields["coupon"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (for the type checker)
        field.choices = [(coupon.pk, coupon.name) for coupon in coupons]
        # A double click sends one form twice; its key makes it one batch.
        self.fields["request_key"].initial = uuid4().hex

    @property
    def chosen(self) -> Coupon:
        """The coupon that was chosen."""
        return self.coupons[self.cleaned_data["coupon"]]

    def read(self) -> dict[str, Any]:
        """Give what `request_batch` is told."""
        told = self.cleaned_data
        return {
            "coupon_id": told["coupon"],
            "name": told["name"],
            "count": told["count"],
            "prefix": told["begins"],
            "places": told["places"] or places_for(count=told["count"]),
            "ends_at": end_of_day(told["last_day"], self.chosen),
            "request_key": told["request_key"],
        }

    def take_over(self, error: ValidationError) -> None:
        """Show what an operation refuses, beside its gap where there is one."""
        for name, texts in error.message_dict.items():
            gap = GAPS.get(name, name)
            self.add_error(gap if gap in self.fields else None, texts)


class TopUpForm(forms.Form):
    """How many more codes a batch gets; `seen_count` is how many it had when the page was shown."""

    template_name = "encore/backstage/fields.html"

    more = forms.IntegerField(label=gettext_lazy("Make so many more"), min_value=1, max_value=MOST_CODES)
    seen_count = forms.IntegerField(widget=forms.HiddenInput)


class CodeForm(forms.Form):
    """One code of a batch: whom it is bound to, and until when it is good."""

    template_name = "encore/backstage/fields.html"

    customer = forms.IntegerField(
        label=gettext_lazy("Good for this customer only, by number (nothing: for anybody)"),
        min_value=1,
        required=False,
    )
    last_day = forms.DateField(
        label=gettext_lazy("Good until the end of (nothing: as long as its batch)"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        required=False,
    )

    def say_no_customer(self) -> None:
        """Say that nobody has this number."""
        self.add_error("customer", _("No customer has this number. Find them in the list of customers."))
