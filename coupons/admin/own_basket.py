"""The owner's own basket in the builder: what was filled in, and what it would get, in words.

Nothing of it is saved, so nothing wrong in it keeps a coupon from being saved: what cannot be read is said
beside the result.
"""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from commerce.admin.money import to_minor
from commerce.models import Channel, Customer
from commerce.policies.segments.words import say_money, say_number
from commerce.queries.customers import find_customers_by_text
from coupons.policies.evaluation import Answer, Verdict
from coupons.queries.answer_words import say_answer
from coupons.queries.evaluation import MOST_CODES, TooManyCodes
from coupons.queries.own_basket import OwnBasket, Tried, try_own_basket
from coupons.queries.preview_words import list_kept
from coupons.queries.trim_words import read_guards, say_trim
from coupons.registry import ThoughtOf


@dataclass(slots=True)
class _Read:
    """What was filled in, as far as it can be read, and what is wrong with the rest."""

    own: OwnBasket
    problems: list[str] = field(default_factory=list)


def tell_own_basket(asked: ThoughtOf, told: dict[str, Any], zone: str) -> dict[str, Any] | None:
    """Try the basket that was filled in; None where there is none. `told` is what the form has cleaned."""
    pieces = Counter(told["basket"].splitlines())
    if not pieces:
        return None
    shop = _choose_shop(told)
    currency = told["currency"] or (shop.currency if shop else "")
    if shop is None or not currency:
        return {"problems": [_("There is no shop yet that could sell it.")]}
    read = _read(told, OwnBasket(channel=shop.key, currency=currency, pieces=pieces))
    try:
        tried = try_own_basket(asked, read.own)
    except TooManyCodes:
        read.problems.append(_("At most %(n)s codes are tried.") % {"n": MOST_CODES})
        return {"problems": read.problems}
    return _say(asked, tried, read, shop, ZoneInfo(zone))


def _choose_shop(told: dict[str, Any]) -> Channel | None:
    """Give the channel that was chosen, else the first that the coupon is for, else the first one."""
    shops = list(Channel.objects.order_by("id"))
    wanted = told.get("basket_channel") or next(iter(told.get("channels", [])), "")
    fitting = [shop for shop in shops if shop.currency == told["currency"]] or shops
    return next((shop for shop in shops if shop.key == wanted), next(iter(fitting), None))


# -- as it is read -------------------------------------------------------------------------------------------


def _read(told: dict[str, Any], own: OwnBasket) -> _Read:
    problems: list[str] = []
    prices = {}
    for line in told["basket_prices"].splitlines():
        sku, price_minor = _read_price(line, own.currency)
        if price_minor is None:
            problems.append(_("“%(line)s” is no article number with a price.") % {"line": line})
        else:
            prices[sku] = price_minor
    customer_id = _read_customer(told.get("basket_customer", ""), problems)
    shipping_minor = _read_amount(told["basket_shipping"], own.currency, problems)
    codes = told["basket_codes"].replace(",", "\n").splitlines()
    filled = OwnBasket(
        channel=own.channel,
        currency=own.currency,
        pieces=own.pieces,
        prices=prices,
        shipping_minor=shipping_minor,
        codes=[code.strip() for code in codes if code.strip()],
        customer_id=customer_id,
    )
    return _Read(filled, problems)


def _read_price(line: str, currency: str) -> tuple[str, int | None]:
    sku, _space, text = line.strip().rpartition(" ")
    try:
        price_minor = to_minor(Decimal(text.replace(",", ".")), currency)
    except (InvalidOperation, ValidationError, OverflowError):
        return sku, None
    return sku.strip(), price_minor if sku and 0 <= price_minor < 10**12 else None


def _read_amount(amount: Decimal | None, currency: str, problems: list[str]) -> int:
    try:
        return to_minor(amount or Decimal(0), currency)
    except ValidationError as error:
        problems.extend(error.messages)
        return 0


def _read_customer(text: str, problems: list[str]) -> int | None:
    """Find who buys: by number, or by what staff types else, where that is one customer."""
    text = text.strip()
    if not text:
        return None
    is_number = text.isascii() and text.isdigit() and len(text) < 19
    found = {int(text)} if is_number else find_customers_by_text(text)
    ids = list(Customer.objects.filter(pk__in=found).values_list("pk", flat=True)[:2])
    if len(ids) == 1:
        return int(ids[0])
    problems.append(
        _("“%(text)s” is not one customer. Give the number, or the whole address.") % {"text": text}
    )
    return None


# -- as it is told -------------------------------------------------------------------------------------------


def _say(asked: ThoughtOf, tried: Tried, read: _Read, shop: Channel, zone: ZoneInfo) -> dict[str, Any]:
    currency, evaluation = read.own.currency, tried.evaluation
    off = evaluation.by_line
    guards = read_guards(tried.trims)
    cuts: dict[str, list[str]] = {}
    for trim in tried.trims:
        said = say_trim(trim, _name_of(asked, tried, trim.coupon_id), guards, currency)
        cuts.setdefault(trim.key, []).append(said)
    problems = list(read.problems)
    if tried.unpriced:
        problems.append(_("Nobody knows a price of: %(names)s") % {"names": ", ".join(tried.unpriced)})
    return {
        "problems": problems,
        "shop": shop.name,
        "lines": [
            {
                "name": tried.tried.names.get(line.key, line.key),
                "pieces": say_number(line.quantity),
                "before": say_money(line.amount_minor, currency),
                "off": say_money(off[line.key], currency) if off.get(line.key) else "–",
                "after": say_money(line.amount_minor - off.get(line.key, 0), currency),
                "cuts": cuts.get(line.key, []),
            }
            for line in tried.tried.basket.lines
        ],
        "pays": _say_pays(evaluation, currency),
        "coupons": _say_coupons(asked, evaluation.answers, currency, zone),
        "kept": list_kept(tried.kept, currency),
    }


def _say_pays(evaluation: Any, currency: str) -> str:
    gaps = {
        "before": say_money(evaluation.before_minor, currency),
        "after": say_money(evaluation.to_pay_minor, currency),
    }
    return _("It costs %(after)s instead of %(before)s, postage included.") % gaps


def _name_of(asked: ThoughtOf, tried: Tried, coupon_id: int) -> str:
    names = {one.coupon_id: one.name for one in tried.evaluation.applied}
    return f"“{names.get(coupon_id, asked.offer.name)}”"


def _say_coupons(
    asked: ThoughtOf, answers: tuple[Answer, ...], currency: str, zone: ZoneInfo
) -> list[tuple[str, list[str]]]:
    """Say of each coupon what became of it, this one first; of those without a code only what counts."""
    told = [one for one in answers if one.code or one.verdict is not Verdict.REFUSED or _is(asked, one)]
    told.sort(key=lambda one: (not _is(asked, one), one.code))
    return [(_title(one), say_answer(one, currency=currency, zone=zone)) for one in told]


def _is(asked: ThoughtOf, answer: Answer) -> bool:
    return answer.coupon_id == asked.offer.coupon_id


def _title(answer: Answer) -> str:
    return " ".join(part for part in (answer.name, f"({answer.code})" if answer.code else "") if part)
