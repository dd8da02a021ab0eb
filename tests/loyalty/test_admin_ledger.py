"""The ledger in the admin: to look at, never to change."""

import pytest

from backstage.policies import SHOP
from loyalty.models import Entry, Lot, Movement, PointsAccount
from loyalty.operations.adjustments import give_points

pytestmark = pytest.mark.usefixtures("clock")
LEDGER = ["lot", "entry", "movement", "hold", "pointsaccount", "award"]


def give(member, count: int) -> None:
    for number in range(count):
        give_points(member_id=member.pk, points=10, key=f"gift-{number}", reason="goodwill", by=SHOP)


@pytest.mark.parametrize("name", LEDGER)
def test_a_list_takes_the_same_queries_at_one_row_and_at_many_and_counts_nothing(
    admin_client, alice, name, django_assert_num_queries
):
    address = f"/admin/encore_loyalty/{name}/"
    give(alice, 1)
    admin_client.get(address)
    with django_assert_num_queries(3):
        admin_client.get(address)
    give(alice, 21)

    with django_assert_num_queries(3) as seen:
        admin_client.get(address)

    assert not [query["sql"] for query in seen.captured_queries if "COUNT(" in query["sql"]]


@pytest.mark.parametrize("model", [Lot, Entry, Movement, PointsAccount])
def test_a_row_of_the_ledger_can_be_looked_at_and_not_be_added_changed_or_deleted(admin_client, alice, model):
    give(alice, 1)
    row = model.objects.order_by("pk").first()
    before = list(model.objects.values())
    address = f"/admin/encore_loyalty/{model._meta.model_name}/"

    answers = [
        admin_client.get(f"{address}{row.pk}/change/").status_code,
        admin_client.post(f"{address}{row.pk}/change/", {"points": "1"}).status_code,
        admin_client.post(f"{address}{row.pk}/delete/", {"post": "yes"}).status_code,
        admin_client.post(f"{address}add/", {}).status_code,
    ]

    assert answers == [200, 403, 403, 403]
    assert list(model.objects.values()) == before


def test_a_search_takes_a_member_or_the_number_of_a_row(admin_client, alice, bob):
    give(alice, 2)
    give(bob, 1)
    entry = Entry.objects.filter(member=bob).order_by("id").first()

    def found(text: str) -> set[int]:
        changes = admin_client.get("/admin/encore_loyalty/entry/", {"q": text}).context["cl"]
        return {row.pk for row in changes.result_list}

    assert found("alice") == set(Entry.objects.filter(member=alice).values_list("pk", flat=True))
    assert found(f"#{entry.pk}") == {entry.pk}
    assert found("#x") == set()
