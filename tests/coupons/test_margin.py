"""Floors and agreements hold for every basket, at checkout too; what was set is ended, never edited."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from backstage.models import AuditRecord
from commerce.operations.products import ProductSnapshot, sync_products
from coupons.models import BrandAgreement, MarginFloor, Redemption
from coupons.operations.agreements import end_agreement, note_agreement
from coupons.operations.margin import FloorOf, end_floor, set_floor
from coupons.operations.redemption import reserve_coupons
from coupons.policies.margin import CutReason, FloorScope, Remedy
from tests.coupons.shop import NOON, ask, basket, day, failed, line, offer, verdicts

pytestmark = pytest.mark.django_db
WHOLE, BEFORE = FloorOf(FloorScope.CHANNEL), day(-1)
THIN = line("mug", 2000, sku="MUG", brand="Nord", cost_minor=1400)


def floor(percent="10", of=WHOLE, at=BEFORE, **told):
    return set_floor(of=of, percent=Decimal(percent), at=at, **told)


def agree(at=BEFORE, **told):
    return note_agreement(**{"brand": "Nord", "starts_at": at, "time_zone": "Europe/Oslo", "at": at} | told)


# -- what a basket gets --------------------------------------------------------------------------------------


def test_a_basket_is_kept_above_the_floor_and_says_which_piece_gave_way():
    coupon = offer("HALF", percent=Decimal(50))
    floor()

    evaluation = ask("HALF", of=basket(THIN))

    assert (evaluation.by_line, evaluation.room_minor) == ({"mug": 444}, 0)
    assert [(cut.coupon_id, cut.key, cut.amount_minor, cut.reason) for cut in evaluation.cuts] == [
        (coupon.id, "mug", 556, CutReason.FLOOR)
    ]


def test_a_floor_that_refuses_says_so_and_another_coupon_counts_in_its_place():
    offer("HALF", percent=Decimal(50))
    offer("FIVE", percent=Decimal(5))
    floor(remedy=Remedy.REFUSE)

    evaluation = ask("HALF", "FIVE", of=basket(THIN))

    assert verdicts(evaluation) == {"HALF": "refused", "FIVE": "applied"}
    assert failed(evaluation, "HALF") == ["margin"]
    assert evaluation.discount_minor == 100


def test_a_brand_without_coupons_is_left_out_and_its_name_is_said():
    offer("HALF", percent=Decimal(50))
    agree(allows_coupons=False)

    evaluation = ask("HALF", of=basket(THIN, line("beans", 1000)))
    alone = ask("HALF", of=basket(THIN))

    assert evaluation.by_line == {"beans": 500}
    assert failed(alone, "HALF") == ["agreement"]
    (answer,) = alone.answers
    assert [check.facts for check in answer.failed] == [{"brands": "Nord"}]


def test_a_highest_discount_caps_all_coupons_together():
    offer("HALF", percent=Decimal(50), lane="one")
    offer("TEN", percent=Decimal(10), lane="two")
    agree(most_percent=Decimal(15))

    evaluation = ask("HALF", "TEN", of=basket(THIN))

    assert evaluation.by_line == {"mug": 300}
    assert {cut.reason for cut in evaluation.cuts} == {CutReason.AGREEMENT}


def test_the_combination_is_chosen_by_what_is_left_of_it_after_the_floors():
    # Alone, HALF would be the best; the floor of the mug's brand leaves less of it than of the other one.
    offer("HALF", percent=Decimal(50), skus=["MUG"])
    offer("BEANS", percent=Decimal(50), skus=["SKU-beans"])
    floor("29", of=FloorOf(FloorScope.BRAND, brand="Nord"))

    evaluation = ask("HALF", "BEANS", of=basket(THIN, line("beans", 1000)))

    assert verdicts(evaluation) == {"HALF": "better_one", "BEANS": "applied"}
    assert evaluation.discount_minor == 500


def test_costs_come_from_the_shops_products_and_unknown_ones_are_named_and_never_free():
    offer("ALL", percent=Decimal(100))
    floor("0")
    sync_products(
        [ProductSnapshot(sku="MUG", name="Mug", price_minor=1000, cost_minor=700, currency="EUR")], at=day(-2)
    )
    known = replace(THIN, cost_minor=None, quantity=Decimal(2))

    evaluation = ask("ALL", of=basket(known, line("box", 500)))

    assert evaluation.by_line == {"mug": 600, "box": 500}
    assert evaluation.unknown_costs == ("box",)


def test_limits_hold_from_their_first_moment_to_their_last(django_assert_num_queries):
    offer("HALF", percent=Decimal(50))
    floor(at=day(1))
    agree(brand="Roast", allows_coupons=False, at=day(1), ends_at=day(2))
    of = basket(THIN, line("beans", 1000, brand="roast", cost_minor=0))

    before, during, after = (ask("HALF", of=of, at=day(number)) for number in (0.5, 1.5, 2))

    assert [one.by_line for one in (before, during, after)] == [
        {"mug": 1000, "beans": 500},
        {"mug": 1000},
        {"mug": 944, "beans": 500},
    ]
    with django_assert_num_queries(2):
        ask("HALF", of=of, at=day(2))


def test_an_order_is_reserved_with_what_the_floor_has_left():
    offer("HALF", percent=Decimal(50))
    floor()

    reserve_coupons(basket(THIN), codes=["HALF"], reference="1", customer=None, at=NOON)

    assert Redemption.objects.get().by_line == {"mug": 444}


# -- what is set ---------------------------------------------------------------------------------------------


def test_setting_a_floor_again_ends_the_one_before_and_the_same_changes_nothing():
    first = floor("10")
    again = floor("10", at=day(0))
    second = floor("15", at=day(0))

    first.refresh_from_db()
    assert again.pk == first.pk
    assert (first.ends_at, second.starts_at, second.ends_at) == (day(0), day(0), None)
    assert end_floor(floor_id=second.pk, at=day(1)).ends_at == day(1)
    assert end_floor(floor_id=second.pk, at=day(2)).ends_at == day(1)
    assert list(AuditRecord.objects.order_by("id").values_list("kind", flat=True)) == [
        "margin_floor_set",
        "margin_floor_set",
        "margin_floor_ended",
    ]


@pytest.mark.parametrize("percent", ["-1", "100", "1000"])
def test_a_floor_that_cannot_be_is_refused_and_the_one_before_stands(percent):
    first = floor("10")

    with pytest.raises((ValidationError, IntegrityError)), transaction.atomic():
        floor(percent, at=day(0))

    first.refresh_from_db()
    assert (first.ends_at, MarginFloor.objects.count()) == (None, 1)


def test_two_agreements_about_a_brand_at_a_time_are_refused_beside_the_brand():
    agree(ends_at=day(10))

    for told in ({"brand": "NORD"}, {"starts_at": day(9)}, {"starts_at": day(-5), "ends_at": day(0)}):
        with pytest.raises(ValidationError) as refusal:
            agree(**told)
        assert list(refusal.value.message_dict) == ["brand"]
    agree(starts_at=day(10))

    assert BrandAgreement.objects.count() == 2


def test_an_agreement_ends_from_now_on_and_only_once():
    agreement = agree()

    with pytest.raises(ValidationError, match="passed"):
        end_agreement(agreement_id=agreement.pk, ends_at=day(-1), at=day(0))
    ended = end_agreement(agreement_id=agreement.pk, at=day(0))
    with pytest.raises(ValidationError, match="over already"):
        end_agreement(agreement_id=agreement.pk, at=day(0) + timedelta(seconds=1))

    assert ended.ends_at == day(0)


# -- the owner's pages ---------------------------------------------------------------------------------------

FLOORS, AGREEMENTS = "/admin/encore_coupons/marginfloor/", "/admin/encore_coupons/brandagreement/"


@pytest.fixture
def owner(admin_client, clock):
    clock.move_to(NOON)
    return admin_client


def test_the_owner_keeps_a_margin_and_ends_it(owner):
    answer = owner.post(
        f"{FLOORS}add/", {"percent": "12.5", "scope": "brand", "brand": "Nord", "remedy": "trim"}, follow=True
    )

    kept = MarginFloor.objects.get()
    assert "Keep at least 12.5 %: goods of Nord" in answer.content.decode()
    assert (kept.percent, kept.brand, kept.starts_at) == (Decimal("12.5"), "Nord", NOON)
    assert "goods of Nord" in owner.get(FLOORS).content.decode()
    owner.post(f"{FLOORS}{kept.pk}/end/")
    kept.refresh_from_db()
    assert kept.ends_at == NOON
    assert "End it" not in owner.get(f"{FLOORS}{kept.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"percent": "100", "scope": "channel"}, "percent"),
        ({"percent": "10", "scope": "brand"}, "brand"),
        ({"percent": "10", "scope": "coupon"}, "coupon"),
        ({"percent": "x", "scope": "channel"}, "percent"),
    ],
)
def test_what_a_floor_lacks_is_said_beside_its_gap_and_nothing_is_saved(owner, told, field):
    answer = owner.post(f"{FLOORS}add/", {"remedy": "trim", **told})

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert not MarginFloor.objects.exists()


def test_the_owner_notes_an_agreement_by_days_of_the_shop(owner):
    told = {"brand": "Nord", "allows": "most", "most_percent": "15", "starts_on": "2026-04-01"}
    answer = owner.post(f"{AGREEMENTS}add/", {**told, "ends_on": "2026-04-30"}, follow=True)

    agreement = BrandAgreement.objects.get()
    assert agreement.ends_at - agreement.starts_at == timedelta(days=30)
    assert "Nord: coupons up to 15 % off" in answer.content.decode()
    again = owner.post(f"{AGREEMENTS}add/", told)
    assert list(again.context["form"].errors) == ["brand"]
    wrong = owner.post(f"{AGREEMENTS}add/", {**told, "brand": "Roast", "ends_on": "2026-03-01"})
    assert list(wrong.context["form"].errors) == ["ends_on"]
    assert BrandAgreement.objects.count() == 1


def test_who_may_only_look_sets_nothing(client, django_user_model, clock):
    clock.move_to(NOON)
    kept = floor()
    clerk = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    client.force_login(clerk)

    assert client.get(f"{FLOORS}add/").status_code == 403
    assert client.post(f"{FLOORS}{kept.pk}/end/").status_code == 403
    kept.refresh_from_db()
    assert kept.ends_at is None
