"""Find the goods that a cancellation means, where it names the customer and the article but not the purchase.

Source: how people return things. What comes back is most likely what was bought last, and the shop gives back
what was paid for it, whatever it costs today.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class CancelledGoods:
    """One position of a document that cancels: `quantity` of an article came back at `cancelled_at`.

    `key` tells the positions of one document apart. An empty `external_id` is a guest, whose purchases cannot
    be found.
    """

    reference: str
    key: str
    sku: str
    quantity: int
    external_id: str
    cancelled_at: datetime


@dataclass(frozen=True, slots=True)
class KeptLine:
    """A line of which the customer still has `kept`."""

    line_id: int
    key: str
    purchase_id: int
    reference: str
    customer_id: int
    sku: str
    placed_at: datetime
    kept: int | Decimal


@dataclass(frozen=True, slots=True)
class Taken:
    """So much of a line came back with one position of a cancellation."""

    goods: CancelledGoods
    line: KeptLine
    quantity: int | Decimal


def match_cancellations(
    goods: Iterable[CancelledGoods], *, customers: dict[str, int], lines: Sequence[KeptLine]
) -> list[Taken]:
    """Take the goods from the same customer's purchases of that article, the newest first, across prices.

    `customers` leads from external ids to the customers whose `lines` are given. Only what was bought before
    the cancellation can come back by it. What finds nothing is left out of the answer: it takes from nobody.
    Purchases of the same minute are told apart by their references and not by our ids, so that the answer
    does not depend on the order in which we heard of them.
    """
    shelves: dict[tuple[int, str], list[KeptLine]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: (line.placed_at, line.reference, line.key), reverse=True):
        shelves[line.customer_id, line.sku].append(line)
    kept = {line.line_id: line.kept for line in lines}
    taken = []
    for item in sorted(goods, key=lambda item: item.cancelled_at):
        missing: int | Decimal = item.quantity
        for line in shelves.get((customers.get(item.external_id, 0), item.sku), ()):
            quantity = min(missing, kept[line.line_id]) if line.placed_at <= item.cancelled_at else 0
            if quantity:
                taken.append(Taken(item, line, quantity))
                kept[line.line_id] -= quantity
                missing -= quantity
            if not missing:
                break
    return taken
