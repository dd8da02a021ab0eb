"""A segment is one statement, whoever is asked about and whoever brought the conditions."""

import pytest
from django.db.models import Exists, F, OuterRef, Q
from django.utils import translation

from backstage.policies import SHOP
from commerce.models import Customer, Identity, Purchase
from commerce.operations.customers import merge_customers
from commerce.policies.segments import SegmentError
from commerce.queries.segments import (
    count_segment,
    describe_segment,
    find_customers,
    list_segment,
    read_segment,
    why_not,
)
from commerce.queries.segments.conditions import CONDITIONS
from commerce.registry import Bound, Measure, SegmentCondition, measure_customers, segment_conditions
from tests.commerce.segments import AT, YEAR, bought, names_in, segment, told_of, where
from tests.factories.commerce import CustomerFactory, IdentityFactory

EVERYTHING = [
    where("spend", currency="EUR", at_least=1000, period=YEAR),
    where("orders", at_least=1),
    where("last_purchase", days_at_most=30),
    where("channel", any_of=["web"]),
    where("product", any_of=["MUG"]),
    where("brand", any_of=["Solberg"]),
    where("category", any_of=["coffee"]),
    where("top_revenue", percent=10, currency="EUR"),
    where("recency_frequency_money", currency="EUR", recency=[5], money=[4, 5]),
    where("place", places=["Oslo"]),
    where("age", at_least=18),
    where("birthday", next_days=7),
    where("attribute", name="size", any_of=["M", 1, True]),
    where("tag", any_of=["vip"]),
]


@pytest.fixture
def people(web):
    for name in ("alice", "bob", "carol"):
        bought(name)
    return {customer.name: customer for customer in Customer.objects.all()}


def test_all_conditions_together_are_one_statement(people, django_assert_num_queries):
    definition = segment(*EVERYTHING, {"match": "any", "not": True, "conditions": EVERYTHING[:6]})

    with django_assert_num_queries(1):
        assert count_segment(definition=definition, at=AT) == 0
    with django_assert_num_queries(1):
        assert list_segment(definition=definition, at=AT, limit=10) == []
    with django_assert_num_queries(2):
        answers = why_not(definition=definition, customer_id=people["bob"].pk, at=AT).answers
    assert [answer.passes for answer in answers[:5]] == [True] * 5


def test_who_is_listed_continues_after_an_id(people):
    definition = segment(where("orders", at_least=1))
    ids = sorted(customer.pk for customer in people.values())

    first = list_segment(definition=definition, at=AT, limit=2)
    rest = list_segment(definition=definition, at=AT, limit=2, after_id=first[-1].pk)

    assert [customer.pk for customer in first + rest] == ids


def test_a_segment_can_be_narrowed_by_whoever_asks(people):
    chosen = find_customers(definition=segment(where("orders", at_least=1)), at=AT)

    assert [customer.name for customer in chosen.filter(name__lt="b")] == ["alice"]
    assert chosen.exclude(name="bob").count() == 2


def test_merged_customers_count_as_one_over_any_number_of_merges(people):
    merge_customers(source=people["alice"].pk, target=people["bob"].pk, by=SHOP, at=AT)
    merge_customers(source=people["bob"].pk, target=people["carol"].pk, by=SHOP, at=AT)
    spent = where("spend", currency="EUR", at_least=3000)

    assert names_in(spent) == ["carol"]
    assert names_in(where("orders", at_most=2)) == []
    assert names_in(where("product", any_of=["MUG"], times=3)) == ["carol"]
    answer = why_not(definition=segment(spent), customer_id=people["alice"].pk, at=AT)
    assert (answer.customer_id, answer.passes) == (people["carol"].pk, True)


def test_the_survivor_of_a_merge_speaks_for_itself(db):
    oslo, bergen = (CustomerFactory(name=place, place=place) for place in ("Oslo", "Bergen"))
    merge_customers(source=oslo.pk, target=bergen.pk, by=SHOP, at=AT)

    assert names_in(where("place", places=["Oslo"])) == []
    assert names_in(where("place", places=["Bergen"])) == ["Bergen"]


def test_an_erased_customer_is_in_no_segment_and_nothing_is_told(people):
    Customer.objects.filter(name="bob").update(erased_at=AT)
    never = {**where("tag", any_of=["vip"]), "not": True}

    assert names_in(never) == ["alice", "carol"]
    answer = why_not(definition=segment(never), customer_id=people["bob"].pk, at=AT)
    assert (answer.passes, answer.is_erased, answer.answers) == (False, True, [])


def test_guests_are_nobody(web):
    bought("alice")
    Purchase.objects.update(customer=None)

    assert names_in(where("orders", at_least=1)) == []
    assert names_in(where("top_revenue", percent=100, currency="EUR")) == []


def test_a_negation_lets_in_exactly_the_others(people):
    CustomerFactory(name="never")
    unknown_age = {**where("age", at_least=18), "not": True}

    assert names_in({**where("last_purchase", days_at_most=30), "not": True}) == ["never"]
    assert names_in(unknown_age) == ["alice", "bob", "carol", "never"]
    assert names_in(where("orders", at_least=1), **{"not": True}) == ["never"]


def test_any_and_groups_combine(people):
    CustomerFactory(name="vip", tags=["vip"], place="Oslo")
    CustomerFactory(name="oslo", place="Oslo")

    assert names_in(where("tag", any_of=["vip"]), where("orders", at_least=1), match="any") == [
        "alice", "bob", "carol", "vip",
    ]  # fmt: skip
    group = {"match": "all", "conditions": [where("tag", any_of=["vip"]), where("place", places=["Oslo"])]}
    assert names_in(where("place", places=["Oslo"]), {**group, "not": True}) == ["oslo"]


def test_nobody_is_told_about_a_customer_who_does_not_exist(db):
    with pytest.raises(Customer.DoesNotExist, match="no customer with the id 7"):
        why_not(definition=segment(where("orders", at_least=1)), customer_id=7, at=AT)


def test_a_stored_condition_whose_app_is_gone_matches_nobody_and_says_so(people):
    gone = {"condition": "tier", "with": {"at_least": "gold"}}
    raw = {"conditions": [gone]}
    others = {"match": "any", "conditions": [gone, where("orders", at_least=1)]}

    counts = {
        text: count_segment(definition=read_segment(conditions=stored, allow_missing=True), at=AT)
        for text, stored in {
            "alone": raw,
            "negated": {"conditions": [{**gone, "not": True}]},
            "negated group": {**raw, "not": True},
            "beside": {"conditions": [gone, where("orders", at_least=1)]},
            "or": others,
        }.items()
    }

    assert counts == {"alone": 0, "negated": 0, "negated group": 0, "beside": 0, "or": 3}
    stored = read_segment(conditions=raw, allow_missing=True)
    (answer,) = why_not(definition=stored, customer_id=people["bob"].pk, at=AT).answers
    assert (answer.passes, answer.told) == (
        None,
        "this condition belongs to an app that is not installed; it matches nobody",
    )
    assert describe_segment(definition=stored) == "the unknown condition tier"
    with pytest.raises(SegmentError, match="no condition 'tier'"):
        read_segment(conditions=raw)


@pytest.fixture
def own_conditions(monkeypatch):
    """Let the test add conditions that nobody else sees."""
    monkeypatch.setattr(segment_conditions, "_things", dict(segment_conditions.items()))

    def add(key, measure):
        condition = SegmentCondition(
            key=key,
            label=key,
            parameters=[],
            say=lambda values: f"is {key}",
            measure=lambda values, moment: measure,
            tell=lambda values, found, moment: str(dict(found.columns)),
        )
        segment_conditions.register(key, condition)

    return add


def test_an_upper_app_adds_a_condition_as_an_expression(people, own_conditions):
    proven = Identity.objects.filter(customer=OuterRef("pk"), verified_at__isnull=False, kind="email")
    IdentityFactory(customer=people["alice"], proven=True)
    own_conditions("reachable", measure_customers(Q(Exists(proven)) | Q(name="bob")))

    assert names_in(where("reachable")) == ["alice", "bob"]
    assert names_in({**where("reachable"), "not": True}) == ["carol"]


def test_an_upper_app_adds_a_condition_as_rows_that_follow_merges(people, own_conditions):
    rows = Identity.objects.values("customer_id", length=F("pk") * 0 + 2)
    bounds = [Bound(column="total", operator=">=", value=4)]
    own_conditions("known_well", Measure(rows=rows, totals={"total": "SUM(fact.length)"}, bounds=bounds))
    merge_customers(source=people["alice"].pk, target=people["bob"].pk, by=SHOP, at=AT)

    assert names_in(where("known_well")) == ["bob"]
    assert told_of(people["carol"], where("known_well")) == (False, "{'total': 2}")


def test_a_condition_that_can_match_nobody_is_no_error(people, own_conditions):
    own_conditions("impossible", measure_customers(Q(pk__in=[])))

    assert names_in(where("impossible")) == []
    assert names_in({**where("impossible"), "not": True}) == ["alice", "bob", "carol"]


def test_amounts_and_days_read_as_in_the_readers_language(people):
    with translation.override("nb"):
        told = told_of(people["bob"], where("spend", currency="EUR", at_least=123456))[1]

    assert "10,00\xa0€" in told
    assert "1\xa0234,56\xa0€" in told


def test_commerce_registers_every_condition_that_it_has():
    registered = dict(segment_conditions.items())

    assert {condition.key: condition for condition in CONDITIONS}.items() <= registered.items()
    assert {part["condition"] for part in EVERYTHING} == {condition.key for condition in CONDITIONS}
