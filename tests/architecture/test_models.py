"""Every table keeps the rules of the house: prefixed, protected, in integers, without an order of its own."""

from datetime import UTC, datetime
from itertools import chain

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models
from django.utils.functional import Promise

from backstage.ddl import append_only_tables
from tests.architecture.house import APPS, LABELS, module_of, sources

pytestmark = pytest.mark.once

MODELS = sorted(
    chain.from_iterable(apps.get_app_config(label).get_models() for label in LABELS),
    key=lambda m: m._meta.label,
)
CONCRETE = [(model, field) for model in MODELS for field in model._meta.local_fields]


def by_name(found) -> list[str]:
    return sorted(f"{model._meta.label}.{field.name}" for model, field in found)


def test_every_app_of_ours_carries_the_prefix():
    assert {app: apps.get_app_config(f"encore_{app}").name for app in APPS} == {app: app for app in APPS}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_table_is_named_after_its_label_and_has_a_plain_id(model):
    meta = model._meta

    assert meta.db_table == f"{meta.app_label}_{meta.model_name}"
    assert isinstance(meta.pk, models.AutoField | models.BigAutoField | models.PositiveSmallIntegerField)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_table_has_no_order_of_its_own(model):
    # Ordering is inherited by every query, aggregates and deletes among them, and hides where one was needed.
    assert model._meta.ordering == []
    assert model._meta.get_latest_by is None


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_model_says_what_it_is(model):
    assert model.__doc__
    assert not model.__doc__.startswith(f"{model.__name__}(")  # Django's own, made of the fields
    assert "__str__" in vars(model)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_row_says_its_name_without_a_question_to_the_database(model):
    # A list of a hundred rows would ask a hundred times. This test has no database to ask.
    row = model(pk=7, **{field.attname: sample(field) for field in model._meta.local_concrete_fields[1:]})

    assert str(row)


def sample(field: models.Field) -> object:
    if field.remote_field is not None or isinstance(field, models.IntegerField):
        return 1
    if isinstance(field, models.DateTimeField):
        return datetime(2026, 3, 3, 12, tzinfo=UTC)
    return "gold" if isinstance(field, models.CharField | models.TextField) else field.get_default()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_saving_and_deleting_are_djangos_own(model):
    assert not {"save", "delete", "clean", "full_clean", "__init__"} & set(vars(model))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_constraints_and_indexes_carry_the_prefix(model):
    names = [rule.name for rule in (*model._meta.constraints, *model._meta.indexes)]

    assert [name for name in names if not name.startswith("encore_")] == []


def test_no_index_is_the_beginning_of_another():
    # Every insert would write both, and the longer one answers whatever the shorter one does.
    found = [
        f"{model._meta.label}: {', '.join(short)}"
        for model in MODELS
        for short in plain_indexes(model)
        for long in all_indexes(model)
        if short != long and long[: len(short)] == short
    ]

    assert found == []


def plain_indexes(model) -> set[tuple[str, ...]]:
    """The columns of the indexes that guard nothing: those of keys, and those asked for."""
    keys = {(field.attname,) for field in model._meta.local_fields if field.db_index and not field.unique}
    return keys | {
        attnames(model, row.fields) for row in model._meta.indexes if row.fields and not row.condition
    }


def all_indexes(model) -> set[tuple[str, ...]]:
    unique = [row for row in model._meta.constraints if isinstance(row, models.UniqueConstraint)]
    guards = {attnames(model, row.fields) for row in unique if row.fields and row.condition is None}
    return plain_indexes(model) | guards


def attnames(model, names) -> tuple[str, ...]:
    return tuple(model._meta.get_field(name.lstrip("-")).attname for name in names)


# Who did something is stored as three plain values, and a demo's clock is not shown to anybody.
UNSPOKEN = ("by_kind", "by_id", "by_label", "seconds")


def test_every_column_has_a_name_that_can_be_translated():
    unnamed = [
        (model, field)
        for model, field in CONCRETE
        if not field.primary_key
        and not field.name.endswith(UNSPOKEN)
        and not isinstance(field._verbose_name, Promise)
    ]

    assert by_name(unnamed) == []


def test_nothing_is_deleted_by_deleting_something_else():
    keys = [(model, field) for model, field in CONCRETE if field.remote_field is not None]

    found = [
        (model, field)
        for model, field in keys
        if field.remote_field.on_delete is not models.PROTECT and not is_user(field)
    ]

    assert by_name(found) == [
        # A chunk is a part of its run, and runs are forgotten whole.
        "encore_backstage.JobChunk.run",
    ]


def test_a_login_that_is_deleted_leaves_everything_but_itself():
    keys = [(model, field) for model, field in CONCRETE if field.remote_field is not None and is_user(field)]

    assert by_name(keys) == ["encore_commerce.Customer.user"]
    for _, field in keys:
        assert field.remote_field.on_delete is models.SET_NULL
        assert field.remote_field.related_name == "+"


def is_user(field: models.Field) -> bool:
    return field.related_model._meta.label == settings.AUTH_USER_MODEL


def test_no_table_points_at_a_table_of_somebody_else_or_of_an_app_above():
    found = [
        (model, field)
        for model, field in CONCRETE
        if field.remote_field is not None
        and not is_user(field)
        and not points_down(model, field.related_model)
    ]

    assert by_name(found) == []


def points_down(model: type[models.Model], target: type[models.Model]) -> bool:
    return target._meta.app_label in LABELS[: LABELS.index(model._meta.app_label) + 1]


def test_nothing_points_at_a_movement():
    found = [
        (model, field)
        for model, field in CONCRETE
        if field.related_model is not None and field.related_model.__name__ == "Movement"
    ]

    assert by_name(found) == []


def test_what_is_only_ever_added_to_knows_who_did_it_as_plain_values():
    tables = append_only_tables()
    told = {model._meta.db_table: {f.name for f in model._meta.local_fields} for model in MODELS}

    assert sorted(tables) == [
        "encore_backstage_auditrecord",
        "encore_coupons_giftcardmovement",
        "encore_loyalty_entry",
        "encore_loyalty_movement",
    ]
    for table in ("encore_backstage_auditrecord", "encore_coupons_giftcardmovement", "encore_loyalty_entry"):
        assert {"by_kind", "by_id"} <= told[table]


def test_points_and_money_are_whole_numbers():
    whole = (models.BigIntegerField, models.IntegerField, models.SmallIntegerField)
    found = [
        (model, field)
        for model, field in CONCRETE
        if (field.name.endswith("_minor") or "points" in field.name.split("_"))
        and not isinstance(field, whole)
        and not field.is_relation
    ]

    assert by_name(found) == []
    assert by_name((m, f) for m, f in CONCRETE if isinstance(f, models.FloatField)) == []


def test_a_moment_is_told_and_never_taken_from_the_machine():
    moments = [(model, field) for model, field in CONCRETE if isinstance(field, models.DateTimeField)]

    assert by_name((m, f) for m, f in moments if f.auto_now or f.auto_now_add or f.has_default()) == []


def test_the_ending_of_a_name_says_what_the_column_holds():
    wrong = [
        (model, field)
        for model, field in CONCRETE
        if field.name.endswith("_at") != isinstance(field, models.DateTimeField)
        or field.name.endswith("_on") != (type(field) is models.DateField)
    ]

    assert by_name(wrong) == [
        # Moments that read better so: `at` is the word of every operation, the others say which side counts.
        "encore_backstage.Approval.not_before",
        "encore_backstage.AuditRecord.at",
        "encore_backstage.JobRun.at",
        "encore_commerce.Customer.birth_date",
        "encore_loyalty.Lot.reprieved_until",
    ]


def test_who_and_when_are_there_together_or_not_at_all():
    pairs = {
        (model._meta.label, field.name.removesuffix("_by_kind"))
        for model, field in CONCRETE
        if field.name.endswith("_by_kind")
    }
    names = {(model._meta.label, field.name) for model, field in CONCRETE}

    assert {(label, deed) for label, deed in pairs if (label, f"{deed}_at") not in names} == set()
    assert {(label, deed) for label, deed in pairs if may_be_missing(label, deed)} == GUARDED
    for label, deed in GUARDED:
        rules = " ".join(str(rule.deconstruct()) for rule in apps.get_model(label)._meta.constraints)
        assert f"{deed}_at__isnull" in rules
        assert f"{deed}_by_kind" in rules


# Both or neither, and a CHECK of the table says so; the test finds the pairs by itself.
GUARDED = {("encore_backstage.Approval", "decided")}


def may_be_missing(label: str, deed: str) -> bool:
    return apps.get_model(label)._meta.get_field(f"{deed}_at").null


def test_tables_change_nothing_when_they_are_looked_at():
    modules = [module_of(path) for path in sources("models")]

    assert [module.__name__ for module in modules if hasattr(module, "receiver")] == []
