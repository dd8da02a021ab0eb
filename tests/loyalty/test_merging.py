"""Two customers who turn out to be one, and the other way round."""

import pytest
from django.db import transaction
from django.utils import translation

from backstage.policies import SHOP
from commerce.models import ChangedPurchase
from commerce.operations import settle_purchases
from commerce.operations.customers import merge_customers, unmerge_customer
from commerce.registry import MergeRefusedError
from loyalty.ledger import merging
from loyalty.models import Entry, Lot, Member
from loyalty.policies.errors import AlreadyMerged, MemberMerged
from loyalty.queries.figures import NO_BREAK_SPACE as NBSP
from tests.loyalty.ledger.deeds import capture, give, hold
from tests.loyalty.shop import NOON, award, customer, day, goods, join, open_shop, points, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def club():
    return open_shop()


@pytest.fixture
def alice(club):
    return join("alice", club)


@pytest.fixture
def anna(club):
    return join("anna", club)


def merge(source, target, at=NOON):
    merge_customers(source=customer(source).id, target=customer(target).id, by=SHOP, at=at)


def level_points(member):
    return sorted(
        (moment, change)
        for moment, change in Entry.objects.filter(member=member)
        .exclude(qualifying_change=0)
        .values_list("qualifying_at", "qualifying_change")
    )


def test_merging_moves_points_with_their_dates_to_the_one_who_stays(alice, anna):
    tell("1001", who="anna", placed_at=day(-20), at=day(-20))
    tell("1002", who="anna")
    dates = list(Lot.objects.filter(member=anna).order_by("id").values_list("releases_at", "expires_at"))

    merge("anna", "alice", at=NOON)

    assert points(anna) == (0, 0, 0)
    assert points(alice) == (100, 100, 0)
    twins = Lot.objects.filter(member=alice, twin_of__isnull=False).order_by("id")
    assert list(twins.values_list("releases_at", "expires_at")) == dates


def test_a_debt_moves_with_the_merge_and_is_paid_by_what_is_there(alice, anna):
    tell("1001", who="anna", placed_at=day(-20), at=day(-20))
    capture(anna, hold(anna, 100, at=day(-1)), at=day(-1))
    tell("1001", who="anna", placed_at=day(-20), at=NOON, status="cancelled")
    give(alice, 130, at=NOON)

    merge("anna", "alice", at=NOON)

    assert points(anna) == (0, 0, 0)
    assert points(alice) == (30, 0, 0)


def test_level_points_move_and_stay_in_their_periods(alice, anna):
    tell("1001", who="anna", placed_at=day(-300), at=day(-300))
    tell("1002", who="anna", placed_at=day(-2), at=day(-2))

    merge("anna", "alice")

    assert level_points(alice) == [(day(-300), 100), (day(-2), 100)]
    assert sum(change for _, change in level_points(anna)) == 0


def test_a_merge_with_points_reserved_is_refused_and_changes_nothing(alice, anna):
    give(anna, 100, at=NOON)
    hold(anna, 40, at=NOON)

    with pytest.raises(MergeRefusedError, match="40 points reserved"):
        merge("anna", "alice")

    assert points(anna) == (60, 0, 0)
    assert customer("anna").merged_into is None


def test_a_return_after_the_merge_takes_from_the_one_who_stays(alice, anna):
    purchase_id = tell("1001", who="anna")
    merge("anna", "alice", at=day(1))

    tell("1001", who="anna", at=day(2), status="cancelled")

    assert points(alice, day(2)) == (0, 0, 0)
    assert award(purchase_id).member == anna
    assert award(purchase_id).standing_points == 0


def test_purchases_after_the_merge_earn_for_the_one_who_stays(alice, anna):
    merge("anna", "alice")

    tell("1003", who="anna", at=day(1), placed_at=day(1))

    assert points(alice, day(1)) == (0, 100, 0)


def test_a_customer_who_was_no_member_becomes_one_by_the_merge(club, anna):
    tell("1001", who="anna")
    tell("1002", who="stranger")

    merge("anna", "stranger")

    stranger = Member.objects.get(customer=customer("stranger"))
    assert points(stranger) == (0, 100, 0)
    assert stranger.joined_at == anna.joined_at


def test_points_asked_of_a_merged_member_are_refused_and_name_the_other(alice, anna):
    merge("anna", "alice")

    with pytest.raises(MemberMerged) as refusal:
        give(anna, 10, at=day(1))

    assert refusal.value.into_id == alice.id
    assert points(alice, day(1)) == (0, 0, 0)


def test_taking_a_merge_apart_gives_back_what_is_left(alice, anna):
    tell("1001", who="anna", placed_at=day(-20), at=day(-20))
    give(alice, 30, at=NOON)
    merge("anna", "alice", at=NOON)

    unmerge_customer(source=customer("anna").id, by=SHOP, at=day(1))

    assert points(anna, day(1)) == (100, 0, 0)
    assert points(alice, day(1)) == (30, 0, 0)
    assert level_points(alice)[0][1] + level_points(alice)[1][1] == 0


def test_purchases_that_were_awarded_to_the_other_meanwhile_are_due_again(alice, anna):
    before = tell("1001", who="anna")
    merge("anna", "alice")
    meanwhile = tell("1002", who="anna", at=NOON)
    settle_purchases(at=NOON)
    forgotten = list(ChangedPurchase.objects.values_list("purchase_id", flat=True))

    unmerge_customer(source=customer("anna").id, by=SHOP, at=day(1))
    marked = list(ChangedPurchase.objects.values_list("purchase_id", flat=True))
    settle_purchases(at=day(1))

    assert (forgotten, marked) == ([], [meanwhile])
    assert (award(before).member, award(meanwhile).member) == (anna, anna)
    assert (points(anna, day(1)), points(alice, day(1))) == ((0, 200, 0), (0, 0, 0))


def test_what_was_spent_meanwhile_stays_and_a_person_is_asked(alice, anna):
    tell("1001", who="anna", placed_at=day(-20), at=day(-20))
    merge("anna", "alice", at=NOON)
    capture(alice, hold(alice, 70, at=day(1)), at=day(1))

    undone = unmerge_customer(source=customer("anna").id, by=SHOP, at=day(2))

    assert points(anna, day(2)) == (30, 0, 0)
    (question,) = undone.questions
    assert question == (
        f"70{NBSP}points of the merged account were spent or reserved meanwhile and stay with the other "
        "customer. Give or take points by hand if that is not right."
    )


def test_a_debt_that_stays_is_asked_about_in_the_language_of_who_takes_apart(alice, anna):
    tell("1001", who="anna", placed_at=day(-20), at=day(-20))
    capture(anna, hold(anna, 70, at=NOON), at=NOON)
    tell("1001", goods(returned_quantity=2, returned_minor=1000), who="anna", placed_at=day(-20), at=NOON)
    merge("anna", "alice", at=NOON)

    with translation.override("pl"):
        undone = unmerge_customer(source=customer("anna").id, by=SHOP, at=day(1))

    assert points(alice, day(1)) == (0, 0, 70)
    (question,) = undone.questions
    assert question == (
        f"Dług w wysokości 70{NBSP}punktów przeszedł przy połączeniu kont i zostaje u drugiego klienta. "
        "Jeśli to nie tak, przyznaj lub odbierz punkty ręcznie."
    )


def test_two_members_of_different_programmes_are_never_merged(club, alice):
    with transaction.atomic(), pytest.raises(AlreadyMerged):
        merging.merge(source_id=alice.id, target_id=alice.id, at=NOON, by=SHOP)

    assert Entry.objects.count() == 0
