"""In whatever order, how often and together with what else snapshots arrive, the purchase ends the same."""

from datetime import UTC, datetime
from decimal import Decimal

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from commerce.models import Identity, Purchase, PurchaseLine, Return, Tender
from commerce.operations import sync_purchases
from commerce.policies.changes import returned_minor
from commerce.policies.returns import find_over_return
from commerce.policies.snapshot import Who
from tests.factories.commerce import line, snapshot, tender

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
REFERENCES = ("1", "2")


@some.composite
def lines(draw):
    key = draw(some.sampled_from(["a", "b", "c"]))
    quantity = draw(some.integers(0, 3))
    sold = draw(some.integers(0, 1000))
    # Now and then more comes back than was sold: such a snapshot must leave no trace in any order.
    back = draw(some.integers(0, quantity + 1)) if draw(some.booleans()) else 0
    amount = draw(some.none() | some.integers(0, sold + 20))
    return line(key, quantity=quantity, sold_minor=sold, returned_quantity=back, returned_minor=amount)


@some.composite
def snapshots(draw, as_of):
    return snapshot(
        draw(some.sampled_from(REFERENCES)),
        as_of,
        status=draw(some.sampled_from(["placed", "paid", "cancelled"])),
        who=Who(external_id=draw(some.sampled_from(["", "7", "8"]))),
        refunded_minor=draw(some.integers(0, 30)),
        codes=draw(some.lists(some.sampled_from(["SPRING", "MUGS"]), max_size=3)),
        lines=draw(some.lists(lines(), max_size=3, unique_by=lambda one: one.key)),
        tenders=[tender(amount_minor=draw(some.integers(0, 500)))] if draw(some.booleans()) else [],
    )


@some.composite
def arrivals(draw):
    """A history with distinct `as_of`, and the batches in which it arrives, shuffled and repeated."""
    history = [draw(snapshots(as_of)) for as_of in range(1, draw(some.integers(2, 6)))]
    repeated = history + draw(some.lists(some.sampled_from(history), max_size=4))
    order = draw(some.permutations(repeated))
    cut = draw(some.integers(0, len(order)))
    return history, [order[:cut], order[cut:]]


def expected(history, reference):
    """Return what must be stored, from the history alone: the newest state, and the newest name."""
    told = [
        one
        for one in sorted(history, key=lambda one: one.as_of)
        if one.reference == reference and not find_over_return(one.lines, refunded_minor=one.refunded_minor)
    ]
    if not told:
        return None
    newest = told[-1]
    names = [one.who.external_id for one in told if one.who.external_id]
    return {
        "as_of": newest.as_of,
        "status": newest.status,
        "customer": names[-1] if names else None,
        "refunded": newest.refunded_minor,
        "codes": sorted(set(newest.codes)),
        "lines": {
            one.key: (one.quantity, one.sold_minor, one.returned_quantity, one.returned_minor)
            for one in newest.lines
        },
        "tenders": {one.kind: one.amount_minor for one in newest.tenders if one.amount_minor},
    }


def stored(reference, told_keys):
    purchase = Purchase.objects.filter(reference=reference).first()
    if purchase is None:
        return None
    owner = Identity.objects.filter(customer=purchase.customer_id).first()
    rows = PurchaseLine.objects.filter(purchase=purchase)
    return {
        "as_of": purchase.as_of,
        "status": purchase.status,
        "customer": owner and owner.value,
        "refunded": purchase.refunded_minor,
        "codes": purchase.codes,
        "lines": {
            row.key: (row.quantity, row.sold_minor, row.returned_quantity, row.returned_minor)
            for row in rows
            # A line that was removed again holds nothing; in another order it was never there.
            if row.key in told_keys or row.sold_minor or row.quantity or row.returned_minor
        },
        "tenders": {
            row.kind: row.amount_minor for row in Tender.objects.filter(purchase=purchase) if row.amount_minor
        },
    }


def steps_by_line(purchase):
    sums = {}
    for step in Return.objects.filter(purchase=purchase):
        quantity, amount = sums.get(step.line_key, (Decimal(0), 0))
        sums[step.line_key] = (quantity + step.quantity, amount + step.amount_minor)
    return {key: value for key, value in sums.items() if value != (0, 0)}


def returned_by_line(purchase):
    sums = {"": (Decimal(0), purchase.refunded_minor)}
    for row in PurchaseLine.objects.filter(purchase=purchase):
        amount = returned_minor(
            sold_minor=row.sold_minor,
            quantity=row.quantity,
            returned_quantity=row.returned_quantity,
            returned_minor=row.returned_minor,
        )
        sums[row.key] = (row.returned_quantity, amount)
    return {key: value for key, value in sums.items() if value != (0, 0)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arriving=arrivals())
def test_any_order_with_repetitions_ends_in_the_newest_state(web, arriving):
    history, batches = arriving
    with transaction.atomic():
        for batch in batches:
            sync_purchases(batch, at=AT)

        for reference in REFERENCES:
            must = expected(history, reference)
            assert stored(reference, must["lines"] if must else ()) == must
        for purchase in Purchase.objects.order_by("id"):
            assert steps_by_line(purchase) == returned_by_line(purchase)
        before = set(Purchase.objects.values_list("reference", "revision"))
        sync_purchases(history, at=AT)
        assert set(Purchase.objects.values_list("reference", "revision")) == before
        transaction.set_rollback(True)
