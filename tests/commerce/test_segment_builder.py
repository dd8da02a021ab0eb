"""Segments are put together in sentences with gaps, and every gap keeps what was typed into it."""

import json

import pytest
from django.urls import reverse

from commerce.admin.segment_form import RowsForm
from commerce.models import Segment
from commerce.queries.segments import read_segment
from commerce.registry import segment_conditions
from tests.factories.commerce import CustomerFactory, SegmentFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

ADD = "/admin/encore_commerce/segment/add/"


def typed(*rows, **more):
    """What a browser sends: the conditions in order, and each gap under the number of its row."""
    sent = {"name": "The best", "match": "all", "condition": [key for key, _ in rows], **more}
    for number, (_, gaps) in enumerate(rows):
        sent |= {f"c{number}-{name}": value for name, value in gaps.items()}
    return sent


def save(client, *rows, **more):
    return client.post(ADD, typed(*rows, save="1", **more))


SPENT = {"currency": "eur", "at_least": "100.50", "period": "months", "period-count": "12"}


def test_a_segment_is_saved_as_it_was_put_together(admin_client):
    answer = save(
        admin_client,
        ("spend", SPENT),
        ("tag", {"any_of": "vip\n\nstaff", "not": "on"}),
        (
            "top_revenue",
            {"percent": "6", "currency": "EUR", "period": "from_to", "period-from": "2025-01-01"},
        ),
        match="any",
    )

    assert answer.status_code == 302
    segment = Segment.objects.get()
    assert (segment.name, segment.key) == ("The best", "the-best")
    assert segment.conditions == {
        "match": "any",
        "conditions": [
            {
                "condition": "spend",
                "with": {"currency": "EUR", "at_least": 10_050, "period": {"last": 12, "unit": "months"}},
            },
            {"condition": "tag", "with": {"any_of": ["vip", "staff"]}, "not": True},
            {
                "condition": "top_revenue",
                "with": {"percent": "6", "currency": "EUR", "period": {"from": "2025-01-01"}},
            },
        ],
    }


@pytest.mark.parametrize(
    "conditions",
    [
        [{"condition": "spend", "with": {"currency": "JPY", "at_least": 500, "at_most": 900}}],
        [
            {
                "condition": "orders",
                "with": {"at_least": 3, "period": {"last": 90, "unit": "days"}},
                "not": True,
            }
        ],
        [{"condition": "last_purchase", "with": {"on_or_after": "2025-12-31"}}],
        [
            {
                "condition": "recency_frequency_money",
                "with": {"currency": "EUR", "recency": [4, 5], "money": [5]},
            }
        ],
        [{"condition": "birthday", "with": {"this_month": True}}],
        [{"condition": "attribute", "with": {"name": "size", "any_of": [True, 4, 4.5, "4", "large"]}}],
        [{"condition": "attribute", "with": {"name": "height", "at_least": 1.5}}],
        [{"condition": "place", "with": {"places": ["Oslo"], "countries": ["NO"]}}],
    ],
)
def test_what_is_stored_comes_back_the_same_through_the_form(admin_client, conditions):
    definition = {"match": "all", "conditions": conditions}
    read_segment(conditions=definition)
    segment = SegmentFactory(conditions=definition)
    address = reverse("admin:encore_commerce_segment_change", args=[segment.pk])
    form = admin_client.get(address).context["form"]
    sent = {"condition": form.row_keys, "save": "1"}
    for field in form:
        value = field.value()
        if value not in (None, False, ""):
            sent[field.name] = value

    assert admin_client.post(address, sent).status_code == 302
    assert Segment.objects.get().conditions == definition


def test_every_condition_that_is_registered_has_a_row():
    form = RowsForm(rows=[key for key, _ in segment_conditions.items()])

    assert [row.key for row in form.list_rows()] == [key for key, _ in segment_conditions.items()]
    assert all(len(row.visible_fields) > 1 for row in form.list_rows())


def test_a_row_is_added_and_taken_away_and_what_was_typed_stays(admin_client):
    page = admin_client.post(
        ADD, typed(("tag", {"any_of": "vip"}), ("spend", SPENT), add="1", new_condition="orders")
    )
    form = page.context["form"]
    assert form.row_keys == ["tag", "spend", "orders"]

    page = admin_client.post(ADD, typed(("tag", {"any_of": "vip"}), ("spend", SPENT), drop="0"))
    form = page.context["form"]
    assert form.row_keys == ["spend"]
    assert (form["c0-at_least"].value(), form["c0-period"].value(), form["name"].value()) == (
        "100.50",
        "months",
        "The best",
    )
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    ("row", "field", "said"),
    [
        (("spend", {"currency": "EUR"}), "c0-at_least", "Fill in at least one of"),
        (("spend", {**SPENT, "currency": "EURO"}), "c0-currency", "at most 3"),
        (("spend", {**SPENT, "currency": "XYZ"}), "c0-currency", "three capital letters"),
        (("spend", {**SPENT, "at_least": "1.005"}), "c0-at_least", "EUR has 2 decimal places"),
        (("spend", {**SPENT, "at_least": "abc"}), "c0-at_least", "Enter a number"),
        (("spend", {**SPENT, "at_most": "5"}), "c0-at_most", "Swap the two"),
        (("spend", {**SPENT, "period-count": ""}), "c0-period", "Say how many"),
        (("orders", {"at_least": "2", "period": "from_to"}), "c0-period", "Give the first day"),
        (("top_revenue", {"currency": "EUR", "percent": "101"}), "c0-percent", "above 0 and up to 100"),
        (("tag", {}), "c0-any_of", "must be filled in"),
    ],
)
def test_what_a_gap_cannot_take_is_said_beside_it_and_nothing_is_saved(admin_client, row, field, said):
    page = save(admin_client, row)

    assert page.status_code == 422
    assert said in str(page.context["form"].errors[field])
    assert not Segment.objects.exists()


def test_a_segment_without_a_condition_would_be_everybody_and_is_refused(admin_client):
    page = save(admin_client)

    assert "Give at least one condition." in page.content.decode()
    assert not Segment.objects.exists()


def test_the_preview_counts_names_and_saves_nothing(admin_client):
    CustomerFactory(name="Anna", tags=["vip"])
    CustomerFactory(name="Bob")
    address = reverse("admin:encore_commerce_segment_preview")

    said = admin_client.post(address, typed(("tag", {"any_of": "vip"}))).content.decode()
    nobody = admin_client.post(address, typed(("tag", {"any_of": "gone"}))).content.decode()
    half = admin_client.post(address, typed(("tag", {}))).content.decode()

    assert "1 customer is in" in said
    assert "Anna" in said
    assert "Bob" not in said
    assert "Nobody fits now." in nobody
    assert "fill in its gaps" in half
    assert not Segment.objects.exists()


def test_without_a_script_a_button_shows_the_same(admin_client):
    CustomerFactory(name="Anna", tags=["vip"])

    page = admin_client.post(ADD, typed(("tag", {"any_of": "vip"}), show="1"))

    assert page.context["preview"]["count"] == 1
    assert not Segment.objects.exists()


def test_what_sentences_cannot_say_is_changed_as_text(admin_client):
    tag = {"condition": "tag", "with": {"any_of": ["vip"]}}
    groups = {"match": "all", "conditions": [{"match": "any", "conditions": [tag, tag]}]}
    segment = SegmentFactory(conditions=groups)
    address = reverse("admin:encore_commerce_segment_change", args=[segment.pk])

    page = admin_client.get(address)

    assert page.context["is_text"]
    assert json.loads(page.context["form"]["conditions"].value()) == groups
    changed = {"match": "any", "conditions": [tag]}
    admin_client.post(
        address.replace("change", "text"),
        {"name": segment.name, "key": segment.key, "conditions": json.dumps(changed), "save": "1"},
    )
    assert Segment.objects.get().conditions == changed


def test_who_may_only_look_builds_nothing(client, django_user_model):
    user = django_user_model.objects.create_user("looker", is_staff=True)
    client.force_login(user)

    for address in (ADD, reverse("admin:encore_commerce_segment_preview")):
        assert client.post(address, typed(("tag", {"any_of": "vip"}), save="1")).status_code == 403
    assert not Segment.objects.exists()
