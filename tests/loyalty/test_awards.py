"""From purchase to points."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.models import ChangedPurchase, Purchase
from commerce.operations import settle_purchases
from commerce.queries.customers import find_customer
from loyalty.models import Award, Entry, Lot, Movement
from loyalty.operations.awards import settle_awards
from loyalty.operations.members import enrol, leave, pause
from loyalty.operations.programme import add_exchange_rate, add_product_group, change_rule, change_terms
from loyalty.policies.programme import DebtPolicy
from loyalty.queries.due import list_purchases_to_settle
from tests.loyalty.ledger.deeds import capture, hold
from tests.loyalty.shop import (
    NOON,
    OPENED,
    award,
    customer,
    day,
    gift_card,
    goods,
    join,
    open_shop,
    points,
    tell,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def club():
    return open_shop()


@pytest.fixture
def alice(club):
    return join("alice", club)


def test_a_purchase_gives_points_that_wait_for_the_return_window(alice):
    purchase_id = tell("1001", goods(sold_minor=850))

    assert points(alice) == (0, 85, 0)
    assert points(alice, day(15)) == (85, 0, 0)
    assert award(purchase_id).lines["1"][:2] == [85, 85]


def test_telling_the_same_order_again_gives_nothing_more(alice):
    purchase_id = tell()

    tell(at=NOON)
    settle_awards(purchase_ids=[purchase_id, purchase_id], at=day(1))

    assert points(alice) == (0, 100, 0)
    assert Entry.objects.count() == 1


def test_the_entry_of_an_award_keeps_the_sum_that_made_it(alice, club):
    tell("1001", goods(sold_minor=850), tenders=(gift_card(250),))

    entry = Entry.objects.get()

    assert entry.explanation == {
        "rule": club.earning_rules.get().id,
        "counted_minor": 850,
        "sold_minor": 850,
        "paid_otherwise_minor": 250,
        "points": 60,
        "currency": "EUR",
        "rate": "1",
        "lines": {str(club.lot_terms.get().id): 60},
    }


def test_what_is_paid_with_a_gift_card_earns_nothing(alice):
    tell("1001", goods(sold_minor=1000), tenders=(gift_card(1000),))

    assert points(alice) == (0, 0, 0)


def test_shipping_earns_only_where_the_rule_says_so(alice, club):
    shipping = goods("shipping", 500, is_goods=False)
    tell("1001", goods(), shipping, placed_at=day(-2), at=day(-2))
    change_rule(programme_id=club.id, counts_shipping=True, at=day(-1))
    tell("1002", goods(), shipping)

    earned = dict(Award.objects.values_list("purchase__reference", "earned_points"))

    assert earned == {"1001": 100, "1002": 150}


def test_a_returned_line_takes_back_exactly_what_it_earned(alice):
    tell("1001", goods("1", 1000), goods("2", 500))

    tell("1001", goods("1", 1000), goods("2", 500, returned_quantity=2), at=day(1))

    assert points(alice, day(1)) == (0, 100, 0)
    assert Entry.objects.get(key__endswith=":2").reason == "returned"


def test_many_small_refunds_add_up_to_what_was_earned_and_never_more(alice):
    for part in range(11):
        tell("1001", goods("1", 1000, returned_minor=part * 100), at=day(part / 10))

    revoked = sum(Movement.objects.filter(to_state=6).values_list("points", flat=True))

    assert points(alice, day(2)) == (0, 0, 0)
    assert revoked == 100


def test_a_return_undone_is_a_new_lot(alice):
    tell()
    tell("1001", goods(returned_quantity=2), at=day(1))
    tell("1001", goods(), at=day(2))

    lots = list(Lot.objects.order_by("id").values_list("issued", "pending", "revoked"))

    assert lots == [(100, 0, 100), (100, 100, 0)]


def test_a_cancelled_order_stands_for_nothing_and_comes_back_whole(alice):
    tell()
    tell(status="cancelled", at=day(1))
    cancelled = points(alice, day(1))
    tell(at=day(2))

    assert cancelled == (0, 0, 0)
    assert points(alice, day(2)) == (0, 100, 0)


def test_a_return_uses_the_rule_of_its_purchase_not_the_one_of_today(alice, club):
    tell("1001", goods(sold_minor=1000))
    change_rule(programme_id=club.id, points=20, at=day(1))

    tell("1001", goods(sold_minor=1000, returned_quantity=1), at=day(2))

    assert points(alice, day(2)) == (0, 50, 0)


def test_a_price_corrected_upwards_grants_the_difference_under_the_old_rule(alice, club):
    tell("1001", goods(sold_minor=1000))
    change_rule(programme_id=club.id, points=20, at=day(1))

    tell("1001", goods(sold_minor=1500), at=day(2))

    assert points(alice, day(2)) == (0, 150, 0)


def test_a_refund_without_a_line_is_spread_over_what_is_kept(alice):
    tell("1001", goods("1", 1000), goods("2", 1000, returned_quantity=2))

    tell("1001", goods("1", 1000), goods("2", 1000, returned_quantity=2), refunded_minor=400, at=day(1))

    assert points(alice, day(1)) == (0, 60, 0)


def test_points_spent_before_the_return_become_a_debt_that_the_next_points_fill(alice, club):
    from_earlier = tell("1001", goods(), placed_at=day(-30), at=day(-30))
    spend_all(alice, 100)
    tell("1001", goods(), placed_at=day(-30), status="cancelled", at=day(1))
    in_debt = points(alice, day(1))
    tell("1002", goods(sold_minor=1500), placed_at=day(2), at=day(2))

    assert in_debt == (0, 0, 100)
    assert points(alice, day(2)) == (0, 150, 100)
    assert points(alice, day(17)) == (50, 0, 0)
    assert award(from_earlier).standing_points == 0


def test_a_programme_that_lets_go_makes_no_debt(club):
    open_again = club
    open_again.debt_policy = DebtPolicy.LET_GO.value
    open_again.save()
    alice = join("alice", open_again)
    tell("1001", goods(), placed_at=day(-30), at=day(-30))
    spend_all(alice, 100)

    tell("1001", goods(), placed_at=day(-30), status="cancelled", at=day(1))

    assert points(alice, day(1)) == (0, 0, 0)
    assert Entry.objects.get(reason="cancelled").let_go_points == 100


def test_other_purchases_points_on_their_way_are_not_touched_by_a_return(alice):
    tell("1001", goods(), placed_at=day(-30), at=day(-30))
    spend_all(alice, 100)
    tell("1002", goods())

    tell("1001", goods(), placed_at=day(-30), status="cancelled", at=day(1))

    assert points(alice, day(1)) == (0, 100, 100)


def test_a_guest_earns_nothing_and_the_award_says_why(club):
    purchase_id = tell(who="")

    assert award(purchase_id).reason == "guest"
    assert award(purchase_id).member is None


def test_a_customer_who_is_no_member_earns_nothing_and_the_award_says_why(club):
    purchase_id = tell(who="stranger")

    assert award(purchase_id).reason == "not_member"


def test_where_the_programme_enrols_by_itself_the_first_purchase_makes_a_member():
    club = open_shop(enrolment="automatic")
    tell(who="stranger")

    member = club.members.get()

    assert (member.joined_at, member.joined_by_request) == (NOON, False)
    assert points(member) == (0, 100, 0)


def test_automatic_members_earn_for_a_purchase_that_arrives_late():
    club = open_shop(enrolment="automatic")
    tell("1002", who="stranger")

    tell("1001", who="stranger", placed_at=day(-5), at=day(1))

    assert points(club.members.get(), day(1)) == (0, 200, 0)


def test_the_order_that_led_to_joining_counts_and_earlier_ones_do_not(club):
    tell("1001", who="bob", placed_at=day(-2), at=day(-2))
    joining = tell("1002", who="bob", placed_at=day(-1), at=day(-1))

    bob = join("bob", club, at=NOON, purchase_id=joining)

    assert points(bob) == (0, 100, 0)
    assert award(joining).member == bob


def test_purchases_within_the_backdate_window_count_on_joining():
    club = open_shop(backdate_days=3)
    tell("1001", who="bob", placed_at=day(-4), at=day(-4))
    tell("1002", who="bob", placed_at=day(-2), at=day(-2))

    bob = join("bob", club, at=NOON)

    assert points(bob) == (0, 100, 0)


def test_purchases_that_joining_makes_due_are_found_by_the_next_run_and_not_only_by_the_sweep():
    club = open_shop(backdate_days=3)
    purchase_id = tell("1001", who="bob", placed_at=day(-2), at=day(-2))
    settle_purchases(at=NOON)
    forgotten = list(ChangedPurchase.objects.values_list("purchase_id", flat=True))

    enrol(customer_id=customer("bob").id, programme_id=club.id, at=NOON)

    assert forgotten == []
    assert ChangedPurchase.objects.get().purchase_id == purchase_id


def test_a_purchase_from_before_joining_earns_nothing_when_it_arrives_later(club):
    bob = join("bob", club, at=NOON)

    purchase_id = tell(who="bob", placed_at=day(-1), at=day(1))

    assert points(bob, day(1)) == (0, 0, 0)
    assert award(purchase_id).reason == "before_joining"


def test_a_purchase_placed_before_the_programme_was_live_earns_nothing(alice):
    purchase_id = tell(placed_at=OPENED.replace(year=OPENED.year - 1))

    assert award(purchase_id).reason == "not_live"


@pytest.mark.parametrize("deed", [pause, leave])
def test_a_member_who_is_not_active_earns_nothing(alice, deed):
    deed(member_id=alice.id, at=day(-1))

    purchase_id = tell()

    assert award(purchase_id).reason == "member_not_active"
    assert points(alice) == (0, 0, 0)


def test_a_foreign_currency_without_a_rate_earns_nothing_and_with_one_its_worth(alice, club):
    unknown = tell("1001", goods(sold_minor=1000), currency="NOK")
    add_exchange_rate(programme_id=club.id, currency="JPY", rate="0.006", starts_at=OPENED, at=day(-1))
    tell("1002", goods(sold_minor=5000), currency="JPY")

    assert award(unknown).reason == "no_exchange_rate"
    assert points(alice) == (0, 300, 0)


def test_an_order_too_small_for_a_point_says_so(alice):
    purchase_id = tell("1001", goods(sold_minor=9))

    assert award(purchase_id).reason == "too_small"


def test_a_purchase_corrected_to_another_customer_moves_its_points(alice, club):
    bob = join("bob", club)
    tell(who="alice")

    tell(who="bob", at=day(1))

    assert points(alice, day(1)) == (0, 0, 0)
    assert points(bob, day(1)) == (0, 100, 0)


def test_a_snapshot_without_a_customer_un_assigns_nobody(alice):
    tell(who="alice")

    tell("1001", goods(sold_minor=2000), who="", at=day(1))

    assert points(alice, day(1)) == (0, 200, 0)


def test_coming_back_to_a_customer_uses_the_facts_of_the_first_time(alice, club):
    bob = join("bob", club)
    tell(who="alice")
    tell(who="bob", at=day(1))
    change_rule(programme_id=club.id, points=99, at=day(2))

    tell(who="alice", at=day(3))

    assert points(alice, day(3)) == (0, 100, 0)
    assert points(bob, day(3)) == (0, 0, 0)


def test_goods_with_a_window_of_their_own_make_a_lot_of_their_own(alice, club):
    group = add_product_group(programme_id=club.id, name="Made to order", skus=["A2"], at=OPENED)
    change_terms(programme_id=club.id, product_group_id=group.id, window_days=60, at=OPENED)

    tell("1001", goods("1", 1000), goods("2", 500))

    assert points(alice, day(20)) == (100, 50, 0)
    assert points(alice, day(61)) == (150, 0, 0)
    assert Entry.objects.filter(kind=1).count() == 1


def test_a_return_takes_from_the_lot_of_its_own_window_first(alice, club):
    group = add_product_group(programme_id=club.id, name="Made to order", skus=["A2"], at=OPENED)
    change_terms(programme_id=club.id, product_group_id=group.id, window_days=60, at=OPENED)
    tell("1001", goods("1", 1000), goods("2", 500))

    tell("1001", goods("1", 1000), goods("2", 500, returned_quantity=2), at=day(20))

    assert points(alice, day(20)) == (100, 0, 0)


def test_points_wait_for_the_payment_where_the_window_starts_there():
    club = open_shop(terms={"clock": "payment"})
    alice = join("alice", club)
    tell()
    waiting = points(alice, day(30))
    tell(paid_at=day(31), at=day(31))

    assert waiting == (0, 100, 0)
    assert points(alice, day(44)) == (0, 100, 0)
    assert points(alice, day(46)) == (100, 0, 0)


def test_a_delivery_that_is_never_told_is_replaced_by_the_order_date_plus_90_days():
    club = open_shop(terms={"clock": "delivery"})
    alice = join("alice", club)

    tell()

    assert points(alice, day(100)) == (0, 100, 0)
    assert points(alice, day(105)) == (100, 0, 0)


def test_a_change_of_the_settings_never_touches_issued_lots(alice, club):
    tell()
    before = Lot.objects.values("releases_at", "expires_at").get()

    change_terms(programme_id=club.id, window_days=99, expiry_months=1, at=day(1))

    assert Lot.objects.values("releases_at", "expires_at").get() == before


def test_level_points_are_dated_by_the_purchase_that_a_return_corrects(alice):
    tell()
    tell("1001", goods(returned_quantity=1), at=day(40))

    changes = Entry.objects.exclude(qualifying_change=0).order_by("id")

    assert list(changes.values_list("qualifying_change", "qualifying_at")) == [(100, NOON), (-50, NOON)]


def test_purchases_behind_their_award_are_found_until_they_are_settled(alice):
    purchase_id = tell()
    Purchase.objects.filter(id=purchase_id).update(revision=2)

    found = list_purchases_to_settle([purchase_id])
    settle_awards(purchase_ids=found, at=day(1))

    assert found == [purchase_id]
    assert list_purchases_to_settle([purchase_id]) == []


def test_settling_costs_the_same_number_of_queries_for_one_purchase_and_for_twenty(alice):
    ids = [tell(f"{number}") for number in range(21)]

    def cost(purchase_ids):
        Purchase.objects.filter(id__in=purchase_ids).update(revision=2)
        with CaptureQueriesContext(connection) as queries:
            settle_awards(purchase_ids=purchase_ids, at=day(1))
        return len(queries)

    assert cost(ids[:1]) == cost(ids[1:])


def test_a_member_number_read_out_at_the_till_finds_the_member(alice):
    number = alice.number

    found = find_customer(kind="member_number", text=f" {number[:3].lower()} {number[3:6]}-{number[6:]} ")

    assert found is not None
    assert found.customer_id == customer("alice").id
    assert not found.can_be_shown


def spend_all(member, amount):
    """Reserve and spend points at noon."""
    capture(member, hold(member, amount, at=NOON), at=NOON)
