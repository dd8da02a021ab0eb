"""The books can be looked at by whoever may, and changed by nobody; long lists are never counted."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse

from backstage.admin.base import KeysetMixin, ReadOnlyMixin
from backstage.ddl import append_only_models
from tests.architecture.house import LABELS, calls, place, sources

OURS = sorted(
    ((model, shown) for model, shown in admin.site._registry.items() if model._meta.app_label in LABELS),
    key=lambda pair: pair[0]._meta.label,
)
NAMES = [model._meta.label for model, _ in OURS]
# Written by one module each, under laws that a form knows nothing of.
BOOKS = {
    *(apps.get_model(name)._meta.label for name in append_only_models()),
    "encore_loyalty.Award",
    "encore_loyalty.EntryNote",
    "encore_loyalty.Hold",
    "encore_loyalty.Lot",
    "encore_loyalty.PointsAccount",
}
# A row for each purchase, lot, entry or run: counting them is what makes an admin slow.
ENDLESS = {
    *(apps.get_model(name)._meta.label for name in append_only_models()),
    "encore_commerce.Customer",
    "encore_commerce.Purchase",
    "encore_loyalty.Award",
    "encore_loyalty.Hold",
    "encore_loyalty.Lot",
    "encore_loyalty.Member",
}


def shown(names: set[str]):
    chosen = [pair for pair in OURS if pair[0]._meta.label in names]
    return pytest.mark.parametrize(("model", "shown"), chosen, ids=[model._meta.label for model, _ in chosen])


@pytest.mark.once
@shown(BOOKS)
def test_a_book_is_read_only_for_the_owner_too(model, shown, rf):
    request = rf.get("/")

    assert isinstance(shown, ReadOnlyMixin)
    assert not shown.has_add_permission(request)
    assert not shown.has_change_permission(request)
    assert not shown.has_delete_permission(request)


@pytest.mark.once
@shown(BOOKS)
def test_a_book_offers_no_action_that_deletes(model, shown, admin_user, rf):
    request = rf.get("/")
    request.user = admin_user

    assert "delete_selected" not in shown.get_actions(request)


@pytest.mark.once
@shown(set(NAMES))
def test_rows_of_a_book_cannot_be_changed_inside_another_page(model, shown):
    for inline in shown.inlines:
        if inline.model._meta.label in BOOKS:
            assert issubclass(inline, ReadOnlyMixin)


@pytest.mark.once
@shown(ENDLESS)
def test_a_long_list_is_never_counted(model, shown):
    assert isinstance(shown, KeysetMixin)
    assert shown.show_full_result_count is False


@pytest.mark.parametrize("model", [model for model, _ in OURS], ids=NAMES)
def test_a_list_answers_where_there_is_nothing_yet(model, admin_client, clock):
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")

    assert admin_client.get(address).status_code == 200


@pytest.mark.once
def test_every_book_can_be_looked_at():
    # A note holds what staff wrote to a member; it is shown with its entry, to whoever may see the member.
    assert set(NAMES) >= BOOKS - {"encore_loyalty.EntryNote"}
    assert set(NAMES) >= ENDLESS


# Changed in Django's own form, which hands what it has read to an operation. Every other page of ours that
# changes something has a form of its own.
FORMS_OF_DJANGO, PAGES_OF_DJANGO_TO_DELETE = {"encore_commerce.Channel"}, {"encore_commerce.Segment"}


@pytest.mark.once
def test_what_a_page_changes_is_changed_by_an_operation(admin_user, rf):
    request = rf.get("/")
    request.user = admin_user

    found = {
        model._meta.label: shown
        for model, shown in OURS
        if (shown.has_change_permission(request) and "change_view" not in vars(type(shown)))
        or (shown.has_add_permission(request) and "add_view" not in vars(type(shown)))
    }
    deleting = {model._meta.label: shown for model, shown in OURS if shown.has_delete_permission(request)}

    assert (set(found), set(deleting)) == (FORMS_OF_DJANGO, PAGES_OF_DJANGO_TO_DELETE)
    assert all("save_model" in vars(type(shown)) for shown in found.values())
    assert all("delete_model" in vars(type(shown)) for shown in deleting.values())


@pytest.mark.once
def test_no_page_saves_or_deletes_a_row_by_itself():
    found = {
        place(path, call)
        for path in sources("admin")
        for name, call in calls(path)
        if name in {"save_model", "delete_model", "save_formset", "save_related", "delete_queryset"}
    }

    assert found == set()
