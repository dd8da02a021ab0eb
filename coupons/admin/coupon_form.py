"""The form of a coupon: a sentence with gaps. Money is typed as people write it, days are whole days."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.goods_picker import picked_field
from commerce.admin.money import from_minor, to_minor
from commerce.models import Channel, Segment
from commerce.queries.goods import name_articles
from coupons.models import Coupon, CouponVersion
from coupons.models.coupon import MAIN_LANE, CouponKindChoices, SaleGoodsChoices
from coupons.policies.codes import normal_code
from coupons.policies.kinds import CouponKind
from coupons.policies.states import CodeKind, CodeState

LANGUAGES = (
    ("en", gettext_lazy("What customers read, in English")),
    ("pl", gettext_lazy("What customers read, in Polish")),
    ("nb", gettext_lazy("What customers read, in Norwegian")),
)
ONE_CODE, MANY_CODES, NO_CODE = "one", "many", "none"
CODES = (
    (ONE_CODE, gettext_lazy("one code that everybody shares")),
    (MANY_CODES, gettext_lazy("many codes, made afterwards")),
    (NO_CODE, gettext_lazy("no code: it counts by itself")),
)
BEST, ADDS, ALONE = "best", "adds", "alone"
TOGETHER = (
    (BEST, gettext_lazy("Not together: the better one counts")),
    (ADDS, gettext_lazy("Together: it adds to coupons of other lanes")),
    (ALONE, gettext_lazy("It counts alone, or not at all")),
)
# What the start cards fill in: a beginning that only needs its numbers or goods.
CARDS: dict[str, dict[str, Any]] = {
    "percent": {"kind": "percent", "percent": "10"},
    "amount": {"kind": "amount"},
    "shipping": {"kind": "shipping", "minimum": "30"},
    "welcome": {"kind": "percent", "percent": "10", "first_order_only": True, "limit_per_customer": 1},
    "second": {"kind": "buy_get", "buy_pieces": 1, "get_pieces": 1, "percent": "100"},
    "free": {"kind": "product", "amount": "0", "pieces": 1},
}
MONEY = {"amount": "amount_minor", "most": "most_minor", "minimum": "minimum_minor", "budget": "budget_minor"}
TO_GET = ("get_category_paths", "get_brands", "get_skus")
GOODS = (
    "category_paths",
    "brands",
    "skus",
    *TO_GET,
    "except_category_paths",
    "except_brands",
    "except_skus",
)
NUMBERS = ("pieces", "buy_pieces", "get_pieces", "most_times")
LIMITS = ("limit_total", "limit_per_customer")

# In the order of the sentence: give what, on which goods, by which code, when, to whom, within which limits.
SECTIONS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (
        gettext_lazy("Give"),
        ("name", "kind", "percent", "amount", "pieces", "buy_pieces", "get_pieces", "most_times", "currency"),
    ),
    (gettext_lazy("on these goods"), (*GOODS, "sale_goods")),
    (gettext_lazy("with a code"), ("codes", "code", "is_public")),
    (gettext_lazy("in this time"), ("starts_on", "ends_on", "is_endless", "time_zone")),
    (gettext_lazy("to these orders"), ("minimum", "first_order_only", "channels", "segment_ids")),
    (gettext_lazy("within these limits"), ("most", *LIMITS, "budget")),
    (gettext_lazy("beside other coupons"), ("together", "lane")),
    (gettext_lazy("and tell customers"), tuple(f"text_{code}" for code, _label in LANGUAGES)),
    (
        gettext_lazy("Try it on your own basket"),
        (
            "basket",
            "basket_prices",
            "basket_shipping",
            "basket_codes",
            "basket_channel",
            "basket_customer",
        ),
    ),
)
_FOR_BUY_GET = {"data-encore-for": "kind=buy_get"}
ALWAYS_OPEN = {"name", "category_paths", "codes", "starts_on"}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the sentence, drawn like a small form; folded while nothing in it is filled in."""

    title: Any
    visible_fields: list[forms.BoundField]
    is_open: bool
    searches: bool = False


def _for(choice: str, widget: Any = forms.NumberInput) -> Any:
    """Show a gap only where a choice asks for it."""
    return widget(
        attrs={"data-encore-for": choice, **({"step": "any"} if widget is forms.NumberInput else {})}
    )


def _amount(label: Any, help_text: Any = "", widget: Any = None) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        help_text=help_text,
        min_value=0,
        max_digits=12,
        decimal_places=3,
        required=False,
        widget=widget or forms.NumberInput(attrs={"step": "any"}),
    )


def _count(label: Any, widget: Any = None, at_least: int = 1) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        min_value=at_least,
        max_value=1_000_000,
        required=False,
        widget=widget or forms.NumberInput,
    )


def _day(label: Any, *, required: bool = True, help_text: Any = "") -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=required, help_text=help_text, widget=widget)


class CouponForm(forms.Form):
    """What a coupon takes off, from which baskets, for whom and when."""

    name = forms.CharField(label=gettext_lazy("Name, for you"), max_length=80)
    kind = forms.ChoiceField(label=gettext_lazy("Give"), choices=CouponKindChoices.choices)
    percent = forms.DecimalField(
        label=gettext_lazy("Percent off (of the pieces that one gets: 100 is free)"),
        max_digits=5,
        decimal_places=2,
        required=False,
        widget=_for("kind=percent|buy_get"),
    )
    amount = _amount(
        gettext_lazy("Amount off, or the price of a piece (0 is free)"), widget=_for("kind=amount|product")
    )
    pieces = _count(gettext_lazy("For so many pieces (nothing: all)"), _for("kind=product"))
    buy_pieces = _count(gettext_lazy("Who buys so many pieces"), _for("kind=buy_get"))
    get_pieces = _count(gettext_lazy("gets so many cheaper, the cheapest"), _for("kind=buy_get"))
    most_times = _count(gettext_lazy("at most so often in one order"), _for("kind=buy_get"))
    currency = forms.ChoiceField(label=gettext_lazy("Currency"), required=False)
    category_paths = picked_field(
        gettext_lazy("Categories"),
        gettext_lazy("With those below them. Nothing picked in all three gaps means all goods."),
    )
    brands = picked_field(gettext_lazy("Brands"))
    skus = picked_field(gettext_lazy("Articles"))
    get_category_paths = picked_field(
        gettext_lazy("One gets of these categories"),
        gettext_lazy("Nothing picked in these three gaps means: of the goods that are bought."),
        _FOR_BUY_GET,
    )
    get_brands = picked_field(gettext_lazy("One gets of these brands"), attrs=_FOR_BUY_GET)
    get_skus = picked_field(gettext_lazy("One gets of these articles"), attrs=_FOR_BUY_GET)
    except_category_paths = picked_field(gettext_lazy("But not these categories"))
    except_brands = picked_field(gettext_lazy("But not these brands"))
    except_skus = picked_field(gettext_lazy("But not these articles"))
    sale_goods = forms.ChoiceField(label=gettext_lazy("Reduced goods"), choices=SaleGoodsChoices.choices)
    codes = forms.ChoiceField(label=gettext_lazy("Code"), choices=CODES, widget=forms.RadioSelect)
    code = forms.CharField(
        label=gettext_lazy("The code"),
        help_text=gettext_lazy("Letters and digits. Upper or lower case, spaces and dashes do not matter."),
        max_length=60,
        required=False,
        widget=_for("codes=one", forms.TextInput),
    )
    is_public = forms.BooleanField(
        label=gettext_lazy("May be told to everybody: it stands in the coupon feed"), required=False
    )
    starts_on = _day(gettext_lazy("From the beginning of"))
    ends_on = _day(gettext_lazy("Until the end of"), required=False)
    is_endless = forms.BooleanField(label=gettext_lazy("It has no end, and I know that"), required=False)
    time_zone = forms.ChoiceField(label=gettext_lazy("Whose days these are"))
    minimum = _amount(gettext_lazy("From this amount on (of the goods that it speaks of)"))
    first_order_only = forms.BooleanField(label=gettext_lazy("First order only"), required=False)
    channels = forms.MultipleChoiceField(
        label=gettext_lazy("Bought here (none ticked: everywhere)"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    segment_ids = forms.MultipleChoiceField(
        label=gettext_lazy("By customers in one of these segments (none ticked: all customers)"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    most = _amount(gettext_lazy("At most so much off one order"))
    limit_total = _count(gettext_lazy("In all at most so often"))
    limit_per_customer = _count(gettext_lazy("Each customer at most so often"))
    budget = _amount(gettext_lazy("Over when it has cost so much in all"))
    together = forms.ChoiceField(
        label=gettext_lazy("With other coupons"), choices=TOGETHER, widget=forms.RadioSelect
    )
    lane = forms.SlugField(
        label=gettext_lazy("Its lane"),
        help_text=gettext_lazy("Coupons of one lane compete, the best one counts. Lanes add up."),
        max_length=30,
        required=False,
        widget=_for("together=adds", forms.TextInput),
    )

    basket = picked_field(
        gettext_lazy("A basket to try it on"),
        gettext_lazy("Search above and put articles into it. It is not saved."),
    )
    basket_prices = forms.CharField(
        label=gettext_lazy("Other prices than the shop's, an article number and a price on each line"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    basket_shipping = _amount(gettext_lazy("Postage"))
    basket_codes = forms.CharField(
        label=gettext_lazy("Other codes that are typed, with commas between"), max_length=500, required=False
    )
    basket_channel = forms.ChoiceField(label=gettext_lazy("Bought in"), required=False)
    basket_customer = forms.CharField(
        label=gettext_lazy("By this customer: number, e-mail or phone (nothing: whoever it is meant for)"),
        max_length=100,
        required=False,
    )

    def __init__(self, *args: Any, sees_customers: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sees_customers = sees_customers
        if not sees_customers:
            del self.fields["basket_customer"]
        shops = list(Channel.objects.order_by("id"))
        self._choose("channels", [(row.key, row.name) for row in shops])
        elsewhere = [("", _("the first shop that fits")), *((row.key, row.name) for row in shops)]
        self._choose("basket_channel", elsewhere if len(shops) > 1 else [])
        self._choose(
            "segment_ids", [(str(row.pk), row.name) for row in Segment.objects.order_by("name", "id")]
        )
        begun = self.initial.get("currency", ""), self.initial.get("time_zone", "")
        currencies = _distinct([row.currency for row in shops], begun[0])
        zones = _distinct([row.time_zone for row in shops], begun[1]) or ["UTC"]
        self._offer("currency", [("", _("every currency")), *((one, one) for one in currencies)])
        self._offer("time_zone", [(one, one) for one in zones])
        for code, label in LANGUAGES:
            self.fields[f"text_{code}"] = forms.CharField(label=label, max_length=200, required=False)

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        """Offer what there is; a gap with nothing to choose is left out."""
        self._offer(name, choices)
        if not choices:
            del self.fields[name]

    def _offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (for the type checker)
        field.choices = choices

    # -- as it is shown --------------------------------------------------------------------------------------

    def sections(self) -> list[Section]:
        """Give the gaps in the parts of the sentence."""
        parts = []
        for title, names in SECTIONS:
            fields = [self[name] for name in names if name in self.fields]
            is_open = any(field.name in ALWAYS_OPEN or field.errors or field.value() for field in fields)
            parts.append(Section(title, fields, is_open, "skus" in names))
        return parts

    @property
    def asks_what_one_gets(self) -> bool:
        """Whether the kind that is chosen gives goods to whoever buys others."""
        return bool(self["kind"].value() == CouponKind.BUY_GET)

    def unfinished(self) -> "CouponForm":
        """Give the form as it is filled in, with nothing said about what is still missing."""
        initial = {name: self[name].value() for name in self.fields}
        return CouponForm(initial=initial, sees_customers=self.sees_customers)

    def name_picked(self) -> None:
        """Let what is picked stand by its name. Queries: 1; 0 where no article is picked."""
        fields = ("skus", "get_skus", "except_skus", "basket")
        told = "\n".join(self[name].value() or "" for name in fields)
        names = name_articles(set(_split(told)))
        for field in fields:
            self.fields[field].widget.names = names

    # -- as it is read ---------------------------------------------------------------------------------------

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self._read_money(cleaned)
        if cleaned.get("codes") == ONE_CODE and not normal_code(cleaned.get("code", "")):
            self.add_error("code", _("Write the code that customers type, such as BEANS20."))
        zone = ZoneInfo(cleaned.get("time_zone") or "UTC")
        if cleaned.get("starts_on"):
            cleaned["starts_at"] = _begin_of(cleaned["starts_on"], zone)
        if cleaned.get("ends_on"):
            cleaned["ends_at"] = _begin_of(cleaned["ends_on"] + timedelta(days=1), zone)
        return cleaned

    def _read_money(self, cleaned: dict[str, Any]) -> None:
        currency = cleaned.get("currency", "")
        for name, column in MONEY.items():
            typed: Decimal | None = cleaned.get(name)
            cleaned[column] = None
            if typed is None:
                continue
            if not currency and typed:
                self.add_error("currency", _("Choose the currency of the amounts."))
                return
            try:
                cleaned[column] = to_minor(typed, currency) if typed else 0
            except ValidationError as error:
                self.add_error(name, error)

    def read_own(self) -> dict[str, Any]:
        """Give the fields of the coupon itself."""
        told = self.cleaned_data
        texts = {code: told[f"text_{code}"] for code, _label in LANGUAGES if told[f"text_{code}"]}
        plain = ("name", "currency", "time_zone", "is_endless", "is_public", *LIMITS)
        return {
            **{name: told[name] for name in plain},
            "public_text": texts,
            "starts_at": told["starts_at"],
            "ends_at": told.get("ends_at"),
            "is_automatic": told["codes"] == NO_CODE,
            "budget_minor": told["budget_minor"],
        }

    def read_terms(self) -> dict[str, Any]:
        """Give the fields of its version; a gap that its kind does not ask for stays empty."""
        told = self.cleaned_data
        kind = told["kind"]
        asked = {name: told[name] if kind == CouponKind.BUY_GET else None for name in NUMBERS[1:]}
        has_percent = kind in (CouponKind.PERCENT, CouponKind.BUY_GET)
        has_amount = kind in (CouponKind.AMOUNT, CouponKind.PRODUCT)
        return {
            "kind": kind,
            "percent": told["percent"] if has_percent else None,
            "amount_minor": told["amount_minor"] if has_amount else None,
            "pieces": told["pieces"] if kind == CouponKind.PRODUCT else None,
            **asked,
            "most_minor": told["most_minor"],
            "minimum_minor": told["minimum_minor"],
            **{name: _split(told[name]) for name in GOODS},
            **({} if kind == CouponKind.BUY_GET else {name: [] for name in TO_GET}),
            "sale_goods": told["sale_goods"],
            "first_order_only": told["first_order_only"],
            "channels": told.get("channels", []),
            "segment_ids": [int(one) for one in told.get("segment_ids", [])],
            "lane": (told["lane"] or "extra") if told["together"] == ADDS else MAIN_LANE,
            "is_exclusive": told["together"] == ALONE,
        }

    def read_code(self) -> str:
        """Give the code that everybody is to share; nothing for many codes, or none."""
        return str(self.cleaned_data["code"]) if self.cleaned_data["codes"] == ONE_CODE else ""

    def take_over(self, error: ValidationError) -> None:
        """Show what the operation refuses, beside its field where there is one."""
        places = {column: name for name, column in MONEY.items()}
        places |= {"starts_at": "starts_on", "ends_at": "ends_on"}
        for name, texts in getattr(error, "message_dict", {"__all__": error.messages}).items():
            place = places.get(name, name)
            self.add_error(place if place in self.fields else None, texts)

    @classmethod
    def begin(cls, coupon: Coupon, version: CouponVersion) -> dict[str, Any]:
        """Give a stored coupon as the form shows it."""
        zone = ZoneInfo(coupon.time_zone)
        shared = coupon.codes.filter(kind=CodeKind.SHARED).exclude(state=CodeState.VOID).first()
        amounts = {**vars(version), "budget_minor": coupon.budget_minor}
        return {
            **{name: getattr(coupon, name) for name in ("name", "currency", "time_zone", "is_endless")},
            **{name: getattr(coupon, name) for name in ("is_public", *LIMITS)},
            **{name: getattr(version, name) for name in ("kind", "percent", "sale_goods", *NUMBERS)},
            **{name: getattr(version, name) for name in ("first_order_only", "channels")},
            **{name: "\n".join(getattr(version, name)) for name in GOODS},
            **{name: _from_minor(amounts[column], coupon.currency) for name, column in MONEY.items()},
            "segment_ids": [str(one) for one in version.segment_ids],
            "codes": NO_CODE if coupon.is_automatic else (ONE_CODE if shared else MANY_CODES),
            "code": str(shared) if shared else "",
            "starts_on": coupon.starts_at.astimezone(zone).date(),
            "ends_on": _last_day(coupon.ends_at, zone),
            "together": _together(version),
            "lane": "" if version.lane == MAIN_LANE else version.lane,
            **{f"text_{code}": coupon.public_text.get(code, "") for code, _label in LANGUAGES},
        }


def _together(version: CouponVersion) -> str:
    if version.is_exclusive:
        return ALONE
    return BEST if version.lane == MAIN_LANE else ADDS


def _begin_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)


def _last_day(end: datetime | None, zone: ZoneInfo) -> date | None:
    """Give the last day of an end, which is exclusive."""
    return (end - timedelta(microseconds=1)).astimezone(zone).date() if end else None


def _from_minor(minor: int | None, currency: str) -> Decimal | None:
    if minor is None:
        return None
    return from_minor(minor, currency) if currency else Decimal(minor)


def _distinct(told: list[str], begun: str) -> list[str]:
    return list(dict.fromkeys([*([begun] if begun else []), *told]))


def _split(text: str) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
