"""The demo shop's coupons: with a code, by themselves, in a batch; gift cards; and the margin they leave."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from backstage.policies import By
from commerce.policies.basket import Basket, BasketLine
from commerce.queries.customers import find_customer
from config.demo.history import ZONE, Sale
from coupons.models import Coupon
from coupons.operations.agreements import note_agreement
from coupons.operations.batches import request_batch
from coupons.operations.coupons import create_coupon, set_code, switch_on_coupon
from coupons.operations.gift_cards.issuing import issue_gift_card
from coupons.operations.gift_cards.spending import capture_gift_cards, reserve_gift_card
from coupons.operations.margin import FloorOf, set_floor
from coupons.operations.redemption import reserve_coupons
from coupons.operations.sites import add_site
from coupons.operations.submissions import prepare_submission
from coupons.policies.margin import FloorScope

CODE = "BEANS20"
BEANS: dict[str, Any] = {"kind": "percent", "percent": Decimal(20), "category_paths": ["shelf/beans"]}
THANKS: dict[str, Any] = {"kind": "amount", "amount_minor": 500, "minimum_minor": 2500}
POSTAGE: dict[str, Any] = {"kind": "shipping", "minimum_minor": 6000, "lane": "postage"}
MUGS: dict[str, Any] = {"kind": "buy_get", "buy_pieces": 2, "get_pieces": 1, "percent": Decimal(100)}
TEXTS = {
    "en": "20 % off all beans",
    "pl": "20 % taniej na całą kawę ziarnistą",
    "nb": "20 % avslag på alle bønner",
}


def open_coupons(*, opened_at: datetime, starts_at: datetime, ends_at: datetime, by: By) -> None:
    """Set up what the shop offers by code and by itself, and what every discount has to leave."""
    set_floor(of=FloorOf(FloorScope.CHANNEL), percent=Decimal(15), at=opened_at, by=by)
    note_agreement(
        brand="Keramikk Nord",
        partner="Nordic Ceramics AS",
        most_percent=Decimal(15),
        starts_at=opened_at,
        time_zone=ZONE.key,
        at=opened_at,
        by=by,
    )
    month = timedelta(days=30)
    own = {"is_public": True, "public_text": TEXTS, "starts_at": starts_at, "ends_at": ends_at}
    beans = _open("Beans, 20 % off", BEANS, own, at=opened_at, by=by, code=CODE)
    _open("Free shipping over €60", POSTAGE, {"is_automatic": True, "is_endless": True}, at=opened_at, by=by)
    thanks = _open("Thank you, €5 off", THANKS, {"ends_at": ends_at + 3 * month}, at=opened_at, by=by)
    request_batch(
        coupon_id=thanks.pk, name="Letters to regulars", count=200, prefix="TACK", at=opened_at, by=by
    )
    create_coupon(
        own=_own("Three mugs for two", {"starts_at": ends_at, "ends_at": ends_at + month}),
        terms={**MUGS, "skus": ["MUG-BLUE", "MUG-SAND"]},
        at=opened_at,
        by=by,
    )
    site = add_site(name="Kupongsiden", language="nb", title_length=40, at=opened_at, by=by)
    prepare_submission(
        site_id=site.pk,
        coupon_id=beans.pk,
        texts={"title": TEXTS["nb"], "text": "", "terms_text": ""},
        code="KUPONG20",
        at=opened_at,
        by=by,
    )


def sell_gift_cards(*, at: datetime, by: By) -> None:
    """Sell three cards, of which one is partly used."""
    sold = [(5000, "Happy birthday"), (2500, ""), (10000, "Thank you")]
    cards = [
        issue_gift_card(
            amount_minor=amount,
            currency="EUR",
            key=f"demo:{number}",
            expires_at=at + timedelta(days=730),
            time_zone=ZONE.key,
            message=message,
            at=at - timedelta(days=20),
            by=by,
        )
        for number, (amount, message) in enumerate(sold)
    ]
    told: dict[str, Any] = {"channel": "web", "reference": "gift-1"}
    reserve_gift_card(
        card=cards[0].card, amount_minor=1890, currency="EUR", key="demo:use", at=at, by=by, **told
    )
    capture_gift_cards(at=at, by=by, **told)


def take_off(sale: Sale, *, at: datetime) -> dict[str, int]:
    """Let one in three web orders of beans use the code while it runs; give what came off, by line."""
    has_beans = any(bought.article.category_path == "shelf/beans" for bought in sale.basket)
    if sale.channel != "web" or not has_beans or int(sale.reference) % 3:
        return {}
    coupon = Coupon.objects.get(codes__code=CODE)
    if not coupon.starts_at <= sale.placed_at < (coupon.ends_at or at):
        return {}
    lines = tuple(
        BasketLine(
            key=f"{number + 1}",
            amount_minor=bought.article.price_minor * bought.quantity,
            quantity=Decimal(bought.quantity),
            sku=bought.article.sku,
            brand=bought.article.brand,
            category_path=bought.article.category_path,
            cost_minor=bought.article.cost_minor * bought.quantity,
        )
        for number, bought in enumerate(sale.basket)
    )
    who = find_customer(kind="external_id", text=sale.buyer.external_id) if sale.buyer else None
    reserved = reserve_coupons(
        Basket("web", "EUR", lines),
        codes=[CODE],
        reference=sale.reference,
        customer=who.customer_id if who else None,
        at=sale.placed_at,
    )
    return dict(reserved.by_line)


def _open(
    name: str, terms: dict[str, Any], own: dict[str, Any], *, at: datetime, by: By, code: str = ""
) -> Coupon:
    coupon = create_coupon(own=_own(name, {"starts_at": at, **own}), terms=terms, at=at, by=by)
    if code:
        set_code(coupon_id=coupon.pk, code=code, at=at, by=by)
    return switch_on_coupon(coupon_id=coupon.pk, at=at, by=by)


def _own(name: str, told: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "currency": "EUR", "time_zone": ZONE.key, **told}
