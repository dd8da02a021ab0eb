"""A coupon's life: drafted, switched on, changed, paused, ended, and never edited once it has begun."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from backstage.models import AuditRecord
from coupons.models import Code, Coupon, CouponVersion
from coupons.operations.coupons import (
    CouponStepRefused,
    change_coupon,
    create_coupon,
    discard_coupon,
    end_coupon,
    pause_coupon,
    set_code,
    switch_on_coupon,
)
from coupons.operations.redemption import reserve_coupons
from coupons.operations.shared_codes import add_code, void_code
from coupons.queries.standings import standing_of
from tests.coupons.shop import NOON, OPENED, amount, ask, basket, counts, day, offer, verdicts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_are_right")]

STEPS = {
    "change": lambda coupon, at: change_coupon(coupon_id=coupon.id, own={"name": "Other"}, at=at),
    "switch_on": lambda coupon, at: switch_on_coupon(coupon_id=coupon.id, at=at),
    "pause": lambda coupon, at: pause_coupon(coupon_id=coupon.id, at=at),
    "end": lambda coupon, at: end_coupon(coupon_id=coupon.id, at=at),
    "discard": lambda coupon, at: discard_coupon(coupon_id=coupon.id, at=at),
    "set_code": lambda coupon, at: set_code(coupon_id=coupon.id, code="OTHER", at=at),
}
ALLOWED = {
    "draft": {"change", "switch_on", "discard", "set_code"},
    "on": {"change", "pause", "end", "set_code"},
    "paused": {"change", "switch_on", "end", "set_code"},
    "ended": set(),
}


def bring_to(state: str) -> Coupon:
    coupon = offer("CODE", on=state != "draft")
    if state == "paused":
        coupon = pause_coupon(coupon_id=coupon.id, at=NOON)
    if state == "ended":
        coupon = end_coupon(coupon_id=coupon.id, at=NOON)
    return coupon


def rows() -> tuple[list, list, list]:
    """All that there is of coupons, as the database has it."""
    return tuple(list(model.objects.order_by("id").values()) for model in (Coupon, CouponVersion, Code))


@pytest.mark.parametrize("state", ALLOWED)
@pytest.mark.parametrize("step", STEPS)
def test_each_step_is_allowed_from_where_it_makes_sense_and_refused_from_elsewhere(state, step):
    coupon = bring_to(state)
    before = rows()

    if step in ALLOWED[state]:
        STEPS[step](coupon, day(1))
        return
    with pytest.raises(CouponStepRefused) as refused:
        STEPS[step](coupon, day(1))
    assert refused.value.state == state
    assert rows() == before


def test_what_a_coupon_is_doing_is_its_state_and_the_clock():
    scheduled = offer("LATER", starts_at=day(1), ends_at=day(3))

    assert [str(standing_of(scheduled, day(n))) for n in (0, 1, 2.9, 3)] == [
        "scheduled",
        "running",
        "running",
        "ended",
    ]
    assert standing_of(offer("DRAFT", on=False), NOON) == "draft"
    assert standing_of(bring_to("paused"), NOON) == "paused"


def test_a_draft_is_changed_in_place_and_thrown_away_without_a_trace():
    coupon = offer("CODE", on=False)

    change_coupon(coupon_id=coupon.id, own={"limit_total": 5}, terms={"percent": Decimal(30)}, at=NOON)
    set_code(coupon_id=coupon.id, code="other", at=NOON)
    assert [(row.number, row.percent, row.starts_at) for row in coupon.versions.all()] == [(1, 30, None)]
    assert [code.code for code in coupon.codes.all()] == ["OTHER"]

    discard_coupon(coupon_id=coupon.id, at=NOON)
    assert rows() == ([], [], [])


def test_a_change_of_what_runs_is_a_new_version_from_now_on():
    coupon = offer("CODE")

    change_coupon(coupon_id=coupon.id, terms={"percent": Decimal(10)}, at=NOON)

    periods = coupon.versions.order_by("number").values_list("number", "percent", "starts_at", "ends_at")
    assert list(periods) == [(1, 20, OPENED, NOON), (2, 10, NOON, None)]
    assert ask("CODE", at=NOON).discount_minor == 100


def test_a_change_before_the_start_replaces_what_never_ran():
    coupon = offer("CODE", starts_at=day(5))

    change_coupon(coupon_id=coupon.id, terms={"percent": Decimal(10)}, at=NOON)

    periods = coupon.versions.order_by("number").values_list("number", "starts_at", "ends_at")
    assert list(periods) == [(1, day(5), day(5)), (2, day(5), None)]
    assert ask("CODE", at=day(5)).discount_minor == 100


def test_a_change_of_what_is_paused_waits_until_it_goes_on():
    coupon = bring_to("paused")

    change_coupon(coupon_id=coupon.id, terms={"percent": Decimal(10)}, at=day(1))
    assert verdicts(ask("CODE", at=day(1))) == {"CODE": "refused"}
    switch_on_coupon(coupon_id=coupon.id, at=day(2))

    assert ask("CODE", at=day(2)).discount_minor == 100
    assert list(coupon.versions.order_by("number").values_list("number", "starts_at", "ends_at")) == [
        (1, OPENED, NOON),
        (2, day(2), None),
    ]


@pytest.mark.parametrize(
    ("own", "terms", "field"),
    [
        ({"is_endless": False}, {}, "ends_at"),
        ({"ends_at": day(1)}, {}, "ends_at"),
        ({"ends_at": OPENED, "is_endless": False}, {}, "ends_at"),
        ({"ends_at": NOON, "is_endless": False}, {}, "ends_at"),
        ({"starts_at": day(1)}, {}, "starts_at"),
        ({"currency": "USD"}, {}, "currency"),
        ({"limit_total": 0}, {}, "limit_total"),
        ({"limit_total": 1}, {}, "limit_total"),
        ({"budget_minor": 399}, {}, "budget_minor"),
        ({}, {"percent": Decimal(0)}, "percent"),
        ({}, {"percent": Decimal(101)}, "percent"),
        ({}, {"kind": "amount"}, "amount_minor"),
        ({}, {"kind": "product"}, "amount_minor"),
        ({}, {"kind": "buy_get"}, "buy_pieces"),
        ({}, {"kind": "buy_get", "buy_pieces": 2}, "get_pieces"),
        ({}, {"most_minor": 0}, "most_minor"),
        ({}, {"minimum_minor": -1}, "minimum_minor"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(own, terms, field):
    coupon = offer("CODE")
    for reference in ("1", "2"):
        reserve_coupons(basket(), codes=["CODE"], reference=reference, at=NOON)

    with pytest.raises(ValidationError) as refused:
        change_coupon(coupon_id=coupon.id, own=own, terms=terms, at=NOON)

    assert field in refused.value.message_dict
    assert counts(coupon) == (2, 400)
    assert coupon.versions.count() == 1


def test_money_needs_a_currency():
    with pytest.raises(ValidationError) as refused:
        offer("CODE", currency="", **amount(100))
    assert "currency" in refused.value.message_dict
    assert not Coupon.objects.exists()

    offer("PERCENT", currency="")
    assert ask("PERCENT", of=basket(currency="SEK")).discount_minor == 200


def test_a_new_shared_code_makes_the_old_one_void_for_good():
    coupon = offer("OLD")

    set_code(coupon_id=coupon.id, code="NEW", at=NOON)

    assert verdicts(ask("OLD", "NEW")) == {"OLD": "refused", "NEW": "applied"}
    with pytest.raises(ValidationError):
        set_code(coupon_id=offer("THIRD").id, code="old", at=NOON)
    assert set_code(coupon_id=coupon.id, code="n-e-w", at=NOON).code == "NEW"
    assert coupon.codes.count() == 2


@pytest.mark.parametrize("code", ["", "AB", "ÄÖÜ", "A" * 41, "BEANS!20"])
def test_a_code_that_cannot_be_typed_is_refused(code):
    coupon = offer("CODE")

    with pytest.raises(ValidationError) as refused:
        set_code(coupon_id=coupon.id, code=code, at=NOON)

    assert list(refused.value.message_dict) == ["code"]
    assert [row.code for row in coupon.codes.all()] == ["CODE"]


def test_a_single_code_may_be_made_void():
    coupon = offer("SHARED")
    single = add_code(coupon_id=coupon.id, code="SINGLE", ends_at=day(1), at=NOON)
    assert ask("SINGLE").discount_minor == 200

    void_code(code_id=single.id, at=NOON)
    void_code(code_id=single.id, at=NOON)

    assert ask("SINGLE").discount_minor == 0
    assert AuditRecord.objects.filter(kind="coupon_code_voided").count() == 1


def test_every_step_is_in_the_log():
    coupon = create_coupon(
        own={"name": "Beans", "time_zone": "Europe/Oslo", "starts_at": NOON, "ends_at": day(9)},
        terms={"kind": "percent", "percent": Decimal(5)},
        at=NOON,
    )
    set_code(coupon_id=coupon.id, code="CODE", at=NOON)
    for hours, step in enumerate(("switch_on", "change", "pause", "switch_on", "end")):
        STEPS[step](coupon, NOON + timedelta(hours=hours))

    assert list(AuditRecord.objects.order_by("id").values_list("kind", flat=True)) == [
        "coupon_drafted",
        "coupon_code_set",
        "coupon_switched_on",
        "coupon_changed",
        "coupon_paused",
        "coupon_switched_on",
        "coupon_ended",
    ]
