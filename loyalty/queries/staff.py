"""What staff asks about members: who is this, what do they have, what did each order bring."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy

from backstage.registry import Text
from commerce.models import Purchase, PurchaseLine
from commerce.queries.customers import find_customers_by_text, list_merged, resolve_customers
from loyalty.models import Award, Member, PointsAccount
from loyalty.policies.card_number import normalise
from loyalty.policies.eligibility import NoPoints
from loyalty.queries.balance import Balance, read_balance
from loyalty.queries.books import load_books

NO_POINTS: Mapping[str, Text] = {
    NoPoints.GUEST.value: gettext_lazy("The shop did not say who bought."),
    NoPoints.NOT_MEMBER.value: gettext_lazy("The customer was no member."),
    NoPoints.NOT_LIVE.value: gettext_lazy("The programme was not live on that day."),
    NoPoints.BEFORE_JOINING.value: gettext_lazy("It was bought before the member joined."),
    NoPoints.MEMBER_NOT_ACTIVE.value: gettext_lazy("The membership was paused or had ended."),
    NoPoints.NO_EXCHANGE_RATE.value: gettext_lazy("There is no exchange rate for its currency."),
    NoPoints.NOTHING_COUNTS.value: gettext_lazy("Nothing in it counts towards points."),
    NoPoints.TOO_SMALL.value: gettext_lazy("It was too small for a point."),
}


def find_members(text: str) -> set[int]:
    """Find members by name, e-mail, phone in any spelling, card number or the shop's order number.

    Each reading of the text is tried; merges are followed, so that an old address finds whoever it belongs to
    now. Queries: at most 8, whatever is found.
    """
    text = text.strip()
    if not text:
        return set()
    found = find_customers_by_text(text)
    roots = set(resolve_customers(customer_ids=found).values())
    cards = Member.objects.filter(number=normalise(text)).values_list("customer_id", flat=True)
    roots |= set(resolve_customers(customer_ids=cards).values())
    return set(Member.objects.filter(customer_id__in=roots).values_list("id", flat=True))


def list_balances(*, accounts: Iterable[PointsAccount], at: datetime) -> dict[int, Balance]:
    """Give the balances of many members as they stand now, by member id.

    The same sums as `get_balance`, with what time has decided. The accounts bring their members and
    programmes. Queries: 3 to 5, whatever the number; 0 without accounts.
    """
    by_member = {account.member_id: account for account in accounts}
    if not by_member:
        return {}
    books = load_books(by_member.values())
    for book in books.values():
        book.settle(at)
    return {
        member_id: read_balance(book, by_member[member_id].member, at) for member_id, book in books.items()
    }


@dataclass(frozen=True, slots=True)
class AwardedLine:
    """One line of an order. `earned_points` is None for what the award does not know of."""

    key: str
    name: str
    quantity: Any
    sold_minor: int
    earned_points: int | None
    standing_points: int | None


@dataclass(frozen=True, slots=True)
class AwardedOrder:
    """An order with what it brought. Units: points; minor units of its currency.

    `reason` says in words why it brought nothing; `is_due` that its points are not worked out yet.
    """

    purchase: Purchase
    sold_minor: int
    earned_points: int
    standing_points: int
    reason: str
    is_due: bool
    lines: tuple[AwardedLine, ...]


def list_orders(
    *, member: Member, limit: int = 20, before: datetime | None = None
) -> tuple[list[AwardedOrder], datetime | None]:
    """Give a member's orders, newest first, and where the next page begins; None on the last.

    Orders of everybody who was merged into the customer count. Queries: 4.
    """
    family = list_merged(customer_id=member.customer_id)
    purchases = Purchase.objects.filter(customer_id__in=family).select_related("channel")
    if before is not None:
        purchases = purchases.filter(placed_at__lt=before)
    rows = list(purchases.order_by("-placed_at", "-id")[: limit + 1])
    shown = rows[:limit]
    awards = list_awards(purchase_ids=[row.id for row in shown], programme_id=member.programme_id)
    lines = _lines_by_purchase([row.id for row in shown])
    orders = [read_order(row, awards.get(row.id), lines.get(row.id, [])) for row in shown]
    return orders, (shown[-1].placed_at if len(rows) > limit else None)


def list_awards(*, purchase_ids: Collection[int], programme_id: int) -> dict[int, Award]:
    """Give what these purchases earned in one programme, by purchase. Queries: 1."""
    awards = Award.objects.filter(purchase_id__in=purchase_ids, programme_id=programme_id)
    return {award.purchase_id: award for award in awards}


def _lines_by_purchase(purchase_ids: Collection[int]) -> dict[int, list[PurchaseLine]]:
    by_purchase: dict[int, list[PurchaseLine]] = {}
    for line in PurchaseLine.objects.filter(purchase_id__in=purchase_ids).order_by("purchase_id", "id"):
        by_purchase.setdefault(line.purchase_id, []).append(line)
    return by_purchase


def read_order(purchase: Purchase, award: Award | None, lines: Iterable[PurchaseLine]) -> AwardedOrder:
    """Put a purchase beside its award. Queries: 0."""
    lines = list(lines)
    return AwardedOrder(
        purchase=purchase,
        sold_minor=sum(line.sold_minor for line in lines),
        earned_points=award.earned_points if award else 0,
        standing_points=award.standing_points if award else 0,
        reason=str(NO_POINTS.get(award.reason, award.reason)) if award else "",
        is_due=award is None or award.applied_revision < purchase.revision,
        lines=tuple(_read_line(line, award) for line in lines),
    )


def _read_line(line: PurchaseLine, award: Award | None) -> AwardedLine:
    earned, standing = _points_of(award.lines.get(line.key)) if award else (None, None)
    return AwardedLine(line.key, line.name or line.sku, line.quantity, line.sold_minor, earned, standing)


def _points_of(stored: Any) -> tuple[int | None, int | None]:
    return (None, None) if stored is None else (stored[0], stored[1])
