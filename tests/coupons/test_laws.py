"""Every law of coupons is kept by the operations, and found broken where a row is planted that breaks it."""

from datetime import timedelta

import pytest

from backstage.registry import invariants
from commerce.models import Customer
from coupons.models import Code, Coupon, CouponOrder, CouponUse, CouponVersion, Redemption
from coupons.operations.redemption import capture_coupons, reserve_coupons, void_coupons
from coupons.queries.laws import INVARIANTS, LAWS
from tests.coupons.shop import NOON, amount, basket, day, offer, somebody
from tests.factories.coupons import CodeBatchFactory, CodeFactory, CouponVersionFactory, SubmissionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def clean(clock):
    """Two orders of one customer, one of them used, and one given back; all is well."""
    clock.move_to(day(2))
    offer("CODE", limit_per_customer=5)
    offer("FLYER", **amount(100, lane="flyer"))
    alice = somebody()
    for reference in ("1", "2", "3"):
        reserve_coupons(basket(), codes=["CODE", "FLYER"], reference=reference, customer=alice, at=NOON)
    capture_coupons(channel="web", reference="1", at=NOON)
    void_coupons(channel="web", reference="3", at=NOON)
    assert [finding for law in LAWS for finding in law.find()] == []


def plant_version():
    first = CouponVersion.objects.order_by("id")[0]
    CouponVersionFactory(coupon=first.coupon, number=2, starts_at=NOON)


def plant_merge():
    bob = somebody("bob")
    Customer.objects.filter(name="alice").update(merged_into=bob, merged_at=NOON)


def plant_foreign_version():
    first, second = CouponVersion.objects.order_by("id")
    Redemption.objects.filter(version=first).update(version=second)


def test_a_code_of_a_coupon_or_a_batch_that_is_gone_is_found():
    code = CodeFactory()
    Code.objects.filter(id=code.id).update(coupon_id=1_000)
    lost = CodeFactory(code="SUN23456789", unique=True)
    Code.objects.filter(id=lost.id).update(batch_id=1_000)

    (law,) = (law for law in LAWS if law.name == "code_is_of_its_batch")

    assert [finding.ids for finding in law.find()] == [[code.id], [lost.id]]


def plant_strange_code():
    batch = CodeBatchFactory(coupon=Coupon.objects.first(), prefix="SUN", wanted_count=1, made_count=1)
    CodeFactory(coupon=batch.coupon, batch=batch, unique=True, code="RAIN23456789")


PLANTS = {
    "sheet_has_a_code_of_its_own": lambda: SubmissionFactory(code=Code.objects.order_by("id").first()),
    "batch_is_its_codes": lambda: CodeBatchFactory(made_count=1),
    "code_is_of_its_batch": plant_strange_code,
    "coupon_is_its_redemptions": lambda: Coupon.objects.update(used_count=3),
    "coupon_has_cost_its_redemptions": lambda: Coupon.objects.update(spent_minor=1),
    "code_is_its_redemptions": lambda: Code.objects.update(used_count=0),
    "customer_has_used_their_redemptions": lambda: CouponUse.objects.update(used_count=1),
    "redemption_stands_with_its_order": lambda: Redemption.objects.filter(state="reserved").update(
        state="captured"
    ),
    "order_is_its_redemptions": lambda: CouponOrder.objects.filter(state="captured").update(discount_minor=1),
    "redemption_is_its_lines": lambda: Redemption.objects.filter(amount_minor=200).update(by_line={"1": 199}),
    "redemption_is_of_one_coupon": plant_foreign_version,
    "one_version_at_a_time": plant_version,
    "reservations_are_written_off": lambda: CouponOrder.objects.filter(state="reserved").update(
        expires_at=day(2) - timedelta(hours=25)
    ),
}


def test_every_law_is_among_the_questions_of_check_ledger():
    assert {law.name for law in LAWS} == PLANTS.keys()
    assert {name for name, _ in invariants.items() if name.startswith("coupons.")} == {
        invariant.name for invariant in INVARIANTS
    }


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("name", sorted(PLANTS))
def test_a_planted_row_is_found(name):
    PLANTS[name]()

    found = {finding.invariant for law in LAWS for finding in law.find()}

    assert f"coupons.{name}" in found


@pytest.mark.usefixtures("clean")
def test_uses_are_compared_through_merges():
    plant_merge()

    assert {finding.invariant for law in LAWS for finding in law.find()} == {
        "coupons.customer_has_used_their_redemptions"
    }
