"""What the shop's staff sees of orders, customers and what is wrong with them."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db.models import Model

from backstage.models import AuditRecord
from commerce.models import Channel, Customer, PossibleDuplicate, PurchaseProblem, Segment
from commerce.policies.problems import SENTENCES
from commerce.policies.refusals import ProblemKind
from tests.factories.commerce import (
    ChannelFactory,
    CustomerFactory,
    IdentityFactory,
    PossibleDuplicateFactory,
    ProductFactory,
    PurchaseFactory,
    PurchaseLineFactory,
    PurchaseProblemFactory,
    ReturnFactory,
    SegmentFactory,
    TenderFactory,
)
from tests.harness.client import StrictClient

pytestmark = pytest.mark.usefixtures("clock")

HOME = "/admin/encore_commerce/"
FACTORIES = {
    "purchase": PurchaseFactory,
    "purchaseproblem": PurchaseProblemFactory,
    "customer": CustomerFactory,
    "product": ProductFactory,
    "possibleduplicate": PossibleDuplicateFactory,
    "segment": SegmentFactory,
}


@pytest.fixture
def clerk(db):
    """Signed in as somebody who may look at everything of the shop, and change nothing."""
    user = get_user_model().objects.create_user("bob", password="bob", is_staff=True)
    looking = Permission.objects.filter(
        codename__startswith="view_", content_type__app_label="encore_commerce"
    )
    user.user_permissions.set(looking)
    client = StrictClient()
    client.force_login(user)
    return client


def found(client, name: str, text: str) -> set[str]:
    return {str(row) for row in client.get(f"{HOME}{name}/", {"q": text}).context["cl"].result_list}


@pytest.mark.parametrize("name", list(FACTORIES))
def test_a_list_takes_the_same_queries_at_one_row_and_at_twenty_and_counts_nothing(
    admin_client, name, django_assert_num_queries
):
    FACTORIES[name]()
    address = f"{HOME}{name}/"
    admin_client.get(address)
    queries = 4 if name == "purchase" else 3
    with django_assert_num_queries(queries):
        admin_client.get(address)
    for _ in range(19):
        FACTORIES[name]()

    with django_assert_num_queries(queries) as seen:
        page = admin_client.get(address)

    assert len(page.context["cl"].result_list) == 20
    assert not [query["sql"] for query in seen.captured_queries if "COUNT(" in query["sql"]]


@pytest.mark.parametrize("name", [*FACTORIES, "channel", "import"])
def test_an_empty_list_says_what_will_be_in_it(admin_client, name):
    page = admin_client.get(f"{HOME}{name}/").content.decode()

    assert "Nothing here yet." not in page
    assert "enc-empty" in page


def test_an_order_shows_its_lines_tenders_returns_and_open_problems(admin_client):
    purchase = PurchaseFactory(reference="10482")
    PurchaseLineFactory(purchase=purchase, key="1", name="Mug", returned_quantity=1)
    TenderFactory(purchase=purchase)
    ReturnFactory(purchase=purchase)
    PurchaseProblemFactory(purchase=purchase)

    page = admin_client.get(f"{HOME}purchase/{purchase.pk}/change/").content.decode()

    for said in ("Order 10482", "Mug", "Money €10.00", "€5.00", "More came back than was sold"):
        assert said in page


def test_orders_are_found_by_number_and_by_customer(admin_client):
    customer = CustomerFactory(name="alice")
    IdentityFactory(customer=customer)
    PurchaseFactory(reference="10482", customer=customer)
    PurchaseFactory(reference="10483", customer=None)

    assert found(admin_client, "purchase", "10483") == {"10483"}
    assert found(admin_client, "purchase", "Alice@Example.com") == {"10482"}
    assert found(admin_client, "customer", "10482") == {"alice"}


@pytest.mark.once
def test_every_kind_of_problem_is_told_with_its_fix():
    assert set(SENTENCES) == set(ProblemKind)


def test_a_problem_is_resolved_by_its_button_and_leaves_the_list(admin_client):
    problem = PurchaseProblemFactory(detail={"field": "who.name"})
    address = f"{HOME}purchaseproblem/{problem.pk}/"

    page = admin_client.get(f"{address}change/").content.decode()
    asked = admin_client.get(f"{address}resolve/").status_code
    admin_client.post(f"{address}resolve/")

    assert "Correct the return in the shop" in page
    assert "field: who.name" in page
    assert asked == 405
    assert PurchaseProblem.objects.get().resolved_at is not None
    assert found(admin_client, "purchaseproblem", "") == set()


@pytest.mark.parametrize(
    ("decision", "merged", "outcome"),
    [
        ("keep_first", [None, 0], "merged"),
        ("keep_second", [1, None], "merged"),
        ("different", [None, None], "different"),
    ],
)
def test_a_possible_duplicate_is_decided(admin_client, decision, merged, outcome):
    pair = PossibleDuplicateFactory()
    ids = [pair.customer_id, pair.other_id]

    admin_client.post(f"{HOME}possibleduplicate/{pair.pk}/decide/", {"decision": decision})

    targets = [Customer.objects.get(pk=pk).merged_into_id for pk in ids]
    assert targets == [None if which is None else ids[which] for which in merged]
    assert PossibleDuplicate.objects.get().outcome == outcome


def test_whoever_may_only_look_sees_no_button_and_every_post_is_refused(clerk):
    problem, pair = PurchaseProblemFactory(), PossibleDuplicateFactory()
    channel = ChannelFactory()

    pages = [
        clerk.get(f"{HOME}purchaseproblem/{problem.pk}/change/"),
        clerk.get(f"{HOME}possibleduplicate/{pair.pk}/change/"),
    ]
    answers = [
        clerk.post(f"{HOME}purchaseproblem/{problem.pk}/resolve/").status_code,
        clerk.post(f"{HOME}possibleduplicate/{pair.pk}/decide/", {"decision": "different"}).status_code,
        clerk.post(f"{HOME}channel/{channel.pk}/change/", {"name": "Mine"}).status_code,
    ]

    assert [page.status_code for page in pages] == [200, 200]
    assert not [page for page in pages if b"take it off the list" in page.content]
    assert answers == [403, 403, 403]
    assert PurchaseProblem.objects.get().resolved_at is None
    assert PossibleDuplicate.objects.get().resolved_at is None


def test_a_channel_is_opened_and_changed_with_a_trace(admin_client):
    told = {
        "name": "Shop",
        "key": "shop",
        "kind": "store",
        "currency": "nok",
        "time_zone": "Europe/Oslo",
        "country": "no",
        "as_of_kind": "time",
        "programmes": "[]",
    }

    admin_client.post(f"{HOME}channel/add/", told)
    channel = Channel.objects.get()
    admin_client.post(f"{HOME}channel/{channel.pk}/change/", told | {"name": "Store", "key": "other"})

    channel.refresh_from_db()
    assert (channel.name, channel.key, channel.currency, channel.country) == ("Store", "shop", "NOK", "NO")
    kinds = AuditRecord.objects.order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["channel_opened", "channel_changed"]
    changed = AuditRecord.objects.latest("id")
    assert (changed.by_label, changed.before, changed.after) == ("owner", {"name": "Shop"}, {"name": "Store"})


def test_a_key_that_is_taken_in_the_same_moment_is_said_and_nothing_is_stored(admin_client, monkeypatch):
    ChannelFactory(key="shop")
    SegmentFactory(key="best")
    # The look at what is taken comes before the saving; here nobody has taken it yet.
    monkeypatch.setattr(Model, "validate_unique", lambda self, exclude=None: None)
    channel = {"name": "Shop", "key": "shop", "kind": "web", "currency": "EUR", "time_zone": "UTC"}
    conditions = '{"match": "all", "conditions": [{"condition": "tag", "with": {"any_of": ["vip"]}}]}'
    segment = {"name": "The best", "key": "best", "conditions": conditions, "save": "1"}

    pages = [
        admin_client.post(f"{HOME}channel/add/", channel | {"as_of_kind": "time"}, follow=True),
        admin_client.post(f"{HOME}segment/add/text/", segment, follow=True),
    ]

    assert ["Choose another key." in page.content.decode() for page in pages] == [True, True]
    assert (Channel.objects.count(), Segment.objects.count()) == (1, 1)


def test_a_segment_is_deleted_with_a_trace(admin_client):
    segment = SegmentFactory()

    admin_client.post(f"{HOME}segment/{segment.pk}/delete/", {"post": "yes"})

    assert not Segment.objects.exists()
    assert AuditRecord.objects.get().kind == "segment_deleted"


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"currency": "XYY"}, "There is no currency XYY."),
        ({"time_zone": "Europe/Olso"}, "Write one such as Europe/Oslo."),
        ({"country": "Norway"}, "at most 2 characters"),
        ({"programmes": '{"a": 1}'}, "Write a list of keys"),
        ({"key": "no spaces"}, "valid “slug”"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_in_words(admin_client, told, error):
    right = {"name": "Shop", "key": "shop", "kind": "web", "currency": "EUR", "time_zone": "UTC"}
    right |= {"as_of_kind": "time", "programmes": "[]"}

    page = admin_client.post(f"{HOME}channel/add/", right | told).content.decode()

    assert error in page
    assert not Channel.objects.exists()


def test_a_segment_is_described_counted_and_explained(admin_client):
    alice = CustomerFactory(name="alice", tags=["vip"])
    CustomerFactory(name="bob")
    conditions = '{"match": "all", "conditions": [{"condition": "tag", "with": {"any_of": ["vip"]}}]}'

    saved = admin_client.post(
        f"{HOME}segment/add/text/",
        {"name": "The best", "key": "best", "conditions": conditions, "save": "1"},
    )
    segment = Segment.objects.get()
    page = admin_client.get(f"{HOME}segment/{segment.pk}/people/", {"q": "bob"})

    assert saved.status_code == 302
    assert page.context["count"] == 1
    assert page.context["examples"] == [alice]
    assert [(name, answer.passes) for name, answer in page.context["answers"]] == [("bob", False)]
    assert admin_client.get(f"{HOME}segment/{segment.pk}/change/").status_code == 200


@pytest.mark.parametrize(
    "conditions", ["", "[", "[]", '{"match": "all", "conditions": [{"condition": "x"}]}']
)
def test_a_segment_that_cannot_be_read_is_refused_beside_the_field(admin_client, conditions):
    told = {"name": "The best", "key": "best", "conditions": conditions, "save": "1"}

    page = admin_client.post(f"{HOME}segment/add/text/", told)

    assert page.context["form"].errors["conditions"]
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    ("name", "polish"),
    [
        ("channel", ["Nazwa", "Klucz", "Rodzaj", "Waluta", "Strefa czasowa"]),
        ("purchase", ["Zamówienie", "Klient", "Kanał", "Stan", "Złożone"]),
    ],
)
def test_a_list_is_headed_in_the_readers_language(admin_client, name, polish):
    {**FACTORIES, "channel": ChannelFactory}[name]()

    page = admin_client.get(f"{HOME}{name}/", headers={"accept-language": "pl"}).content.decode()

    head = re.sub(r"<[^>]+>", "\n", page[page.index("<thead") : page.index("</thead>")])
    assert [line.strip() for line in head.splitlines() if line.strip()] == polish
