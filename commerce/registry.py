"""The doors of commerce: upper apps answer to purchases and merges, and add conditions to segments."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from django.db.models import F, Q, QuerySet

from backstage.policies import By
from backstage.registry import Registry, Text
from commerce.models import Customer
from commerce.policies.basket import Basket, Reduction
from commerce.policies.segments import Moment, Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseReaction:
    """What an upper app does about purchases that changed.

    `list_due(ids)` returns those of these purchases whose revision it has not applied yet; `settle` brings it
    up to date with them. `settle` must be idempotent and must open its own transaction: it is called again
    after any crash. What becomes due without a change of the purchase is told to
    `commerce.operations.changed.mark_changed`.
    """

    name: str
    list_due: Callable[[Sequence[int]], list[int]]
    settle: Callable[[Sequence[int], datetime], None]


class OnMerge(Protocol):
    def __call__(self, *, source_id: int, target_id: int, at: datetime, by: By) -> None: ...


class OnUnmerge(Protocol):
    def __call__(self, *, source_id: int, target_id: int, at: datetime, by: By) -> list[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMergeReaction:
    """What an upper app does in the transaction of a merge or its undoing.

    `on_merge` may refuse by raising `MergeRefusedError`; then nothing is merged. `on_unmerge` returns
    sentences about what it could not take apart and a person has to decide.
    """

    name: str
    on_merge: OnMerge
    on_unmerge: OnUnmerge


class MergeRefusedError(ValueError):
    """An app cannot merge these two customers now; the message says why and what to do first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A test of one column of a measure. `missing` is what counts for a customer without any row.

    Without `missing`, a customer without a row does not pass: who never bought has no last purchase.
    """

    column: str
    operator: Literal[">=", "<=", "<", ">", "in"]
    value: Any
    missing: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a condition looks up about every customer at once.

    `rows` is a query with a column `customer_id` and whatever else the totals need; it is never run by
    itself. With `follows_merges`, the rows of a customer who was merged count for the survivor. `totals` are
    aggregates over a survivor's rows, `only_where` a test of the totals, `ranks` window functions over all
    totals that passed it: names to SQL that is understood by every database, and that never holds a value
    somebody typed. Values travel in `rows` and `bounds`. `times` names totals that are moments.

    A customer passes if all bounds hold; without bounds, if there is a row.
    """

    rows: QuerySet[Any, Any]
    totals: Mapping[str, str] = field(default_factory=dict)
    only_where: str = ""
    ranks: Mapping[str, str] = field(default_factory=dict)
    bounds: Sequence[Bound] = ()
    times: frozenset[str] = frozenset()
    follows_merges: bool = True


def measure_customers(condition: Q) -> Measure:
    """Return the measure of a fact on the customer's own row; the Q may hold Exists and other expressions.

    The survivor of a merge speaks for itself: one person has one place and one birthday.
    """
    rows = Customer.objects.filter(condition).values(customer_id=F("pk"))
    return Measure(rows=rows, follows_merges=False)


@dataclass(frozen=True, slots=True)
class Found:
    """What a measure found about one customer: totals and ranks by name, None where there was no row."""

    customer: Customer
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentCondition:
    """One way to describe customers: its gaps, its sentence, what it looks up, what it says of one customer.

    `say(values)` is the sentence ("spent at least £100.00 in the last 12 months"). `tell(values, found,
    moment)` compares one customer with it ("spent £42.10 in the last 12 months, £100.00 needed"). `values`
    has every parameter by name, read and checked.
    """

    key: str
    label: Text
    parameters: Sequence[Parameter]
    say: Callable[[Mapping[str, Any]], str]
    measure: Callable[[Mapping[str, Any], Moment], Measure]
    tell: Callable[[Mapping[str, Any], Found, Moment], str]
    at_least_one_of: Sequence[str] = ()
    exactly_one_of: Sequence[str] = ()
    ranges: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffPageSection:
    """A part that an upper app adds to staff's page about a purchase or a customer; they stand by `order`.

    `find(id)` gives what `template` shows as `section`, or None where there is nothing to say. It reads and
    never writes, with a constant number of queries.
    """

    name: str
    order: int
    template: str
    find: Callable[[int], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketReduction:
    """What an upper app takes off a basket before coupons: points that are held for it, for one.

    `find(basket, customer_id, at)` gives the reductions; it reads, never writes, with a constant number of
    queries, and does not see what others take off. `customer_id` is the survivor of merges, or None.
    """

    name: str
    find: Callable[[Basket, int | None, datetime], Sequence[Reduction]]


purchase_reactions: Registry[PurchaseReaction] = Registry("purchase reaction")
customer_merges: Registry[CustomerMergeReaction] = Registry("customer merge reaction")
segment_conditions: Registry[SegmentCondition] = Registry("segment condition")
basket_reductions: Registry[BasketReduction] = Registry("basket reduction")
purchase_page_sections: Registry[StaffPageSection] = Registry("purchase page section")
customer_page_sections: Registry[StaffPageSection] = Registry("customer page section")


def find_page_sections(
    sections: Registry[StaffPageSection], object_id: int
) -> list[tuple[str, Mapping[str, Any]]]:
    """Give what upper apps say about one object: pairs of template and content, in the order of the page."""
    ordered = sorted((section for _, section in sections.items()), key=lambda row: (row.order, row.name))
    found = [(section.template, section.find(object_id)) for section in ordered]
    return [(template, said) for template, said in found if said is not None]
