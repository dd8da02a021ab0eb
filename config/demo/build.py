"""Makes the demo's shop by living its past day by day, through the operations and jobs that a real shop
uses.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

from backstage import clock
from backstage.operations.jobs import run_job
from backstage.policies import By
from commerce.models import Channel, Customer, Identity, Purchase
from commerce.operations.channels import open_channel
from commerce.operations.products import ProductSnapshot, sync_products
from commerce.operations.sync import sync_purchases
from commerce.policies.snapshot import LineSnapshot, Snapshot, TenderSnapshot, Who
from config.demo.coupons import open_coupons, sell_gift_cards, take_off
from config.demo.deeds import birth_date_of, reward_deeds, tell_deeds
from config.demo.goods import ARTICLES
from config.demo.history import ZONE, Bought, Buyer, Day, Sale, make_days
from config.demo.invitations import invite_the_best
from config.demo.levels import open_levels
from config.demo.memberships import join_some, open_plan
from config.demo.neighbours import (
    exchange_some,
    live_with_neighbours,
    open_neighbours,
    use_points_there,
)
from config.demo.offers import open_campaigns
from loyalty.models import Member, Programme
from loyalty.operations.adjustments import give_points, request_adjustment
from loyalty.operations.awards import settle_awards
from loyalty.operations.limits import set_limit
from loyalty.operations.members import enrol, leave, pause
from loyalty.operations.programme import add_product_group, change_terms, create_programme
from loyalty.operations.spending import reserve_points, spend_reserved
from loyalty.policies.adjustments import Adjustment, Deed, Limit
from loyalty.policies.errors import NotEnoughPoints
from loyalty.queries import get_balance

STORY = By("demo", label="Demo")
LOGINS = {"owner": "owner-demo", "clerk": "clerk-demo", "member": "member-demo"}
NIGHTLY_JOBS = (
    "void_stale_holds",
    "release_due_points",
    "expire_due_points",
    "grant_occasion_points",
    "requalify_tiers",
    "warn_tier_loss",
    "renew_memberships",
)
WINDOW_DAYS = 14


@dataclass(frozen=True, slots=True)
class Size:
    """How large the demo's shop is. `days` end yesterday."""

    buyers: int = 260
    days: int = 240
    orders_a_day: float = 10.0
    seed: int = 7


def build(size: Size, *, on_day: Callable[[date], None]) -> None:
    """Make logins, channels and programme, then live the shop's days one by one.

    Time: every deed is told the moment it happens at in the story, so pending, ready and expired points come
    about as they would have. The business clock ends where the machine's is.
    """
    last_day = clock.now().astimezone(ZONE).date() - timedelta(days=1)
    opened_at = _at(last_day - timedelta(days=size.days), 0)
    _make_logins()
    programme = _make_shop(opened_at)
    open_levels(programme, opened_at=opened_at, by=STORY)
    open_campaigns(programme, opened_at=opened_at, ends_at=_at(last_day, 0), by=STORY)
    reward_deeds(programme, at=opened_at, by=STORY)
    open_coupons(
        opened_at=opened_at,
        starts_at=_at(last_day - timedelta(days=30), 0),
        ends_at=_at(last_day + timedelta(days=10), 0),
        by=STORY,
    )
    open_neighbours(programme, opened_at=opened_at, by=STORY)
    days = make_days(
        seed=size.seed,
        last_day=last_day,
        days=size.days,
        buyers=size.buyers,
        orders_a_day=size.orders_a_day,
    )
    for day in days:
        _live(programme, day, last_day)
        on_day(day.on)
    _finish(programme, _at(last_day, 23))
    invite_the_best(programme, at=_at(last_day, 23), by=STORY)


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=ZONE).astimezone(UTC)


# -- the shop ------------------------------------------------------------------------------------------------


def _make_logins() -> None:
    users = get_user_model().objects
    users.create_superuser("owner", "owner@kaffe.example", LOGINS["owner"])
    clerk = users.create_user("clerk", "clerk@kaffe.example", LOGINS["clerk"], is_staff=True)
    clerks, _ = Group.objects.get_or_create(name="Clerks")
    ours = Permission.objects.filter(content_type__app_label__in=["encore_loyalty", "encore_commerce"])
    clerks.permissions.set(ours.filter(Q(codename__startswith="view_") | Q(codename="adjust_points")))
    clerk.groups.add(clerks)
    users.create_user("member", "buyer1@kaffe.example", LOGINS["member"], first_name="Anna")


def _make_shop(opened_at: datetime) -> Programme:
    for key, name, kind in (
        ("web", "Kaffe & Co web shop", "web"),
        ("store", "Kaffe & Co Grünerløkka", "store"),
    ):
        open_channel(
            key=key, name=name, kind=kind, time_zone=ZONE.key, currency="EUR", country="NO", at=opened_at
        )
    sync_products(
        [
            ProductSnapshot(
                sku=article.sku,
                name=article.name,
                brand=article.brand,
                category_path=article.category_path,
                price_minor=article.price_minor,
                cost_minor=article.cost_minor,
                currency="EUR",
                stock=40,
            )
            for article in ARTICLES
        ],
        at=opened_at,
    )
    programme = create_programme(
        key="club",
        name="Kaffe Club",
        currency="EUR",
        time_zone=ZONE.key,
        live_from=opened_at,
        settings={"worth_points": 100, "worth_minor": 50},
        rule={"points": 10, "per_minor": 100},
        terms={"window_days": WINDOW_DAYS, "expiry_months": 6},
        at=opened_at,
        by=STORY,
    )
    machines = add_product_group(
        programme_id=programme.id, name="Machines", category_paths=["machines"], at=opened_at, by=STORY
    )
    change_terms(
        programme_id=programme.id, product_group_id=machines.id, window_days=30, at=opened_at, by=STORY
    )
    open_plan(programme, at=opened_at, by=STORY)
    clerks = Group.objects.get(name="Clerks")
    for role, limit in ((clerks.pk, Limit(points_per_day=200)), (None, Limit(points_per_act=4000))):
        set_limit(programme_id=programme.id, group_id=role, limit=limit, at=opened_at, by=STORY)
    return programme


# -- its days ------------------------------------------------------------------------------------------------


def _live(programme: Programme, day: Day, last_day: date) -> None:
    evening = _at(day.on, 22)
    for sale in day.placed:
        sale.off = take_off(sale, at=evening)
    story = [_snapshot(sale, day.on) for sale in (*day.placed, *day.changed)]
    results = sync_purchases(story, at=evening, by=STORY)
    known = _find_customers(day.placed)
    joined = [
        customer_id
        for sale, customer_id in known
        if sale.buyer is not None and sale.buyer.joins and not sale.buyer.has_joined
        if _join(programme, sale, customer_id, evening, last_day)
    ]
    ids = [result.purchase_id for result in results if result.purchase_id is not None]
    settle_awards(purchase_ids=ids, at=evening, by=STORY)
    tell_deeds(programme, known, joined=joined, at=evening, by=STORY)
    buyers = [sale.buyer for sale in day.placed if sale.buyer is not None and sale.buyer.has_joined]
    live_with_neighbours(buyers, day.on, evening, STORY)
    if buyers and day.on.day % 2 == 0:
        # The demo's own member comes first, so that her page has something to prove.
        chosen = min(buyers, key=lambda buyer: buyer.external_id != "K1001")
        join_some(_member(programme, chosen.external_id), on_day=day.on.day, at=evening, by=STORY)
    if day.on.day % 5 == 0:
        _spend_some(programme, day, evening)
    if day.on.day % 7 == 0 and buyers:
        key = f"bakery:{day.on.isoformat()}"
        use_points_there(
            _member(programme, buyers[-1].external_id), key=key, points=250, at=evening, by=STORY
        )
    for name in NIGHTLY_JOBS:
        run_job(name=name, at=evening + timedelta(hours=3))


def _snapshot(sale: Sale, on: date) -> Snapshot:
    """Tell an order as the shop knows it at the end of that day."""
    is_cancelled = sale.cancelled_on is not None and sale.cancelled_on <= on
    returned = sale.returned_line if sale.returned_on is not None and sale.returned_on <= on else None
    lines = [
        _line(number, bought, off=sale.off.get(f"{number + 1}", 0), is_returned=number == returned)
        for number, bought in enumerate(sale.basket)
    ]
    if sale.channel == "web":
        lines.append(
            LineSnapshot(key="shipping", sku="", name="Shipping", quantity=1, sold_minor=490, is_goods=False)
        )
    return Snapshot(
        channel=sale.channel,
        reference=sale.reference,
        as_of=sale.placed_at if on == sale.placed_at.astimezone(ZONE).date() else _at(on, 12),
        who=_who(sale.buyer),
        currency="EUR",
        placed_at=sale.placed_at,
        paid_at=sale.placed_at,
        status="cancelled" if is_cancelled else "paid",
        lines=tuple(lines),
        tenders=(TenderSnapshot(kind="money", amount_minor=sum(line.sold_minor for line in lines)),),
    )


def _line(number: int, bought: Bought, *, off: int, is_returned: bool) -> LineSnapshot:
    article = bought.article
    sold_minor = article.price_minor * bought.quantity - off
    return LineSnapshot(
        key=f"{number + 1}",
        sku=article.sku,
        name=article.name,
        quantity=bought.quantity,
        sold_minor=sold_minor,
        tax_minor=sold_minor - round(sold_minor / Decimal("1.25")),
        cost_minor=article.cost_minor * bought.quantity,
        brand=article.brand,
        category_path=article.category_path,
        returned_quantity=bought.quantity if is_returned else 0,
    )


def _who(buyer: Buyer | None) -> Who:
    if buyer is None:
        return Who()
    return Who(
        external_id=buyer.external_id, email=buyer.email, name=buyer.name, verified=frozenset({"email"})
    )


def _find_customers(placed: Iterable[Sale]) -> list[tuple[Sale, int]]:
    """Give the day's orders whose buyer the shop knows, with the customer."""
    by_reference = {sale.reference: sale for sale in placed}
    rows = Purchase.objects.filter(reference__in=by_reference, customer_id__isnull=False).order_by("id")
    return [(by_reference[reference], who) for reference, who in rows.values_list("reference", "customer_id")]


def _join(programme: Programme, sale: Sale, customer_id: int, at: datetime, last_day: date) -> bool:
    """Enrol a buyer with the order that made them join, and ask for their birthday."""
    if sale.buyer is None or sale.buyer.has_joined:
        return False
    purchase = Purchase.objects.get(channel__key=sale.channel, reference=sale.reference)
    born = birth_date_of(sale.buyer.number, last_day)
    Customer.objects.filter(id=customer_id).update(birth_date=born)
    enrol(customer_id=customer_id, programme_id=programme.id, purchase_id=purchase.id, at=at, by=STORY)
    sale.buyer.has_joined = True
    return True


def _spend_some(programme: Programme, day: Day, at: datetime) -> None:
    """Let a few of today's members spend 500 points at the till: reserved, then spent."""
    buyers = {sale.buyer.number: sale.buyer for sale in day.placed if sale.buyer and sale.buyer.has_joined}
    for buyer in list(buyers.values())[:3]:
        member = _member(programme, buyer.external_id)
        key = f"till:{day.on.isoformat()}"
        try:
            with transaction.atomic():
                held = reserve_points(
                    member_id=member.id,
                    points=500,
                    key=f"{key}:hold",
                    expires_at=at + timedelta(hours=1),
                    reference=key,
                    at=at,
                    by=STORY,
                )
                spend_reserved(member_id=member.id, hold_id=held.entry_id, key=key, at=at, by=STORY)
        except NotEnoughPoints:
            continue


def _member(programme: Programme, external_id: str) -> Member:
    identity = Identity.objects.filter(kind="external_id", value=external_id).order_by("id")[0]
    return Member.objects.get(programme=programme, customer_id=identity.customer_id)


# -- what a newcomer should find -----------------------------------------------------------------------------


def _finish(programme: Programme, at: datetime) -> None:
    """Give the demo's own member a login, and leave some members in rarer states."""
    anna = _member(programme, "K1001")
    Customer.objects.filter(id=anna.customer_id).update(user=get_user_model().objects.get(username="member"))
    clerk = By("staff", str(get_user_model().objects.get(username="clerk").pk), "clerk")
    give_points(
        member_id=anna.id,
        points=50,
        key="demo:goodwill",
        reason="goodwill",
        message="Sorry the coffee was cold",
        at=at,
        by=clerk,
    )
    wish = Adjustment(
        deed=Deed.GIVE,
        member_id=anna.id,
        points=500,
        key="demo:wish",
        reason="lost_receipt",
        message="For the grinder that you bought",
        note="She showed me the card payment; the till had no paper",
    )
    request_adjustment(adjustment=wish, at=at, now=clock.real_now(), by=clerk)
    exchange_some(programme, anna, at=at, by=STORY)
    sell_gift_cards(at=at, by=STORY)
    others = Member.objects.filter(programme=programme).exclude(id=anna.id).order_by("id")
    pause(member_id=others[3].id, at=at, by=STORY)
    leave(member_id=others[5].id, at=at, by=STORY)
    _leave_a_debt(programme, list(others[8:60]), at)


def _leave_a_debt(programme: Programme, members: list[Member], at: datetime) -> None:
    """Let one member spend what is ready and then send an old order back."""
    for member in members:
        ready = get_balance(member_id=member.id, at=at).available
        purchase = Purchase.objects.filter(
            customer_id=member.customer_id, channel__key="web", status="paid", placed_at__gte=member.joined_at
        )
        if ready and (order := purchase.order_by("placed_at").first()):
            with transaction.atomic():
                held = reserve_points(
                    member_id=member.id,
                    points=ready,
                    key="demo:all",
                    expires_at=at + timedelta(hours=1),
                    at=at,
                    by=STORY,
                )
                spend_reserved(member_id=member.id, hold_id=held.entry_id, key="demo:spent", at=at, by=STORY)
            _cancel(order, at)
            return


def _cancel(purchase: Purchase, at: datetime) -> None:
    snapshot = Snapshot(
        channel=Channel.objects.get(id=purchase.channel_id).key,
        reference=purchase.reference,
        as_of=at,
        who=Who(),
        currency=purchase.currency,
        placed_at=purchase.placed_at,
        paid_at=purchase.paid_at,
        status="cancelled",
        lines=tuple(
            LineSnapshot(
                key=line.key,
                sku=line.sku,
                name=line.name,
                quantity=line.quantity,
                sold_minor=line.sold_minor,
                tax_minor=line.tax_minor,
                cost_minor=line.cost_minor,
                brand=line.brand,
                category_path=line.category_path,
                is_goods=line.is_goods,
            )
            for line in purchase.lines.order_by("key")
        ),
    )
    sync_purchases([snapshot], at=at, by=STORY)
    settle_awards(purchase_ids=[purchase.id], at=at, by=STORY)
