"""Unordered rows come back shuffled, and wide locks are refused."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import transaction

NAMES = [f"group {letter}" for letter in "abcdefghijkl"]


@pytest.fixture
def groups(db):
    return Group.objects.bulk_create(Group(name=name) for name in NAMES)


def test_rows_without_an_order_come_back_shuffled(groups):
    names = list(Group.objects.values_list("name", flat=True))

    assert names != NAMES
    assert sorted(names) == NAMES


def test_rows_read_one_by_one_without_an_order_come_back_shuffled(groups):
    names = [group.name for group in Group.objects.iterator()]

    assert names != NAMES
    assert sorted(names) == NAMES


def test_a_slice_without_an_order_takes_any_rows(groups):
    slices = {frozenset(Group.objects.values_list("name", flat=True)[:6]) for _ in range(20)}

    assert len(slices) > 1


def test_an_order_is_kept(groups):
    assert list(Group.objects.order_by("name").values_list("name", flat=True)) == NAMES
    assert list(Group.objects.order_by("name").values_list("name", flat=True)[:2]) == NAMES[:2]


def test_a_lock_that_reaches_joined_rows_is_refused(db):
    with transaction.atomic(), pytest.raises(TypeError, match=r'of=\("self",\)'):
        list(LogEntry.objects.select_related("user").select_for_update())


def test_a_lock_that_names_its_table_is_granted(db):
    with transaction.atomic():
        entries = list(LogEntry.objects.select_related("user").select_for_update(of=("self",)))

    assert entries == []
