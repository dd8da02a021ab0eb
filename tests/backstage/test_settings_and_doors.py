"""A developer who mistypes is told what they meant."""

from datetime import timedelta

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from backstage import apps, clock, conf, registry
from backstage.checks import check_database, check_doors, check_settings, check_time, check_transactions
from backstage.clock import ClockError
from backstage.models import ClockOffset
from backstage.registry import Registry, UnknownKey


def ids(messages) -> list[str]:
    return [message.id for message in messages]


def test_the_project_as_it_stands_passes_every_check():
    assert [message for message in run_checks() if (message.id or "").startswith("encore.")] == []


def test_a_setting_is_read_when_it_is_asked_for(settings):
    settings.ENCORE = {}
    default = conf.JOB_WORKERS.get()
    settings.ENCORE = {"JOB_WORKERS": 4}

    assert (default, conf.JOB_WORKERS.get()) == (1, 4)


@pytest.mark.parametrize("value", ["4", 4.0, True, None])
def test_a_value_of_another_type_is_refused_with_name_value_and_way_out(settings, value):
    settings.ENCORE = {"JOB_WORKERS": value}

    with pytest.raises(
        ImproperlyConfigured, match=r"ENCORE\['JOB_WORKERS'\].*must be of type int, such as 1"
    ):
        conf.JOB_WORKERS.get()
    assert ids(check_settings()) == ["encore.E003"]


def test_a_mistyped_key_is_a_warning_that_names_the_nearest(settings):
    settings.ENCORE = {"JOB_WORKER": 4}

    (message,) = check_settings()

    assert (message.id, message.hint) == ("encore.W001", "Did you mean 'JOB_WORKERS'?")


def test_settings_that_are_no_dict_are_one_clear_error(settings):
    settings.ENCORE = ["DEMO_CLOCK"]

    assert ids(check_settings()) == ["encore.E003"]


def test_a_key_belongs_to_one_app():
    with pytest.raises(ImproperlyConfigured, match="declared twice"):
        conf.declare("JOB_WORKERS", int, default=2, says="something else")

    assert conf.JOB_WORKERS.get() == 1


def test_things_come_back_by_key_and_unknown_keys_with_the_nearest():
    door: Registry[str] = Registry("color")
    door.register("red", "#f00")
    door.register("blue", "#00f")

    assert door.items() == [("blue", "#00f"), ("red", "#f00")]
    assert ("red" in door, "green" in door, len(door)) == (True, False, 2)
    with pytest.raises(
        UnknownKey, match=r"There is no color called 'bleu'\. Did you mean 'blue'\?"
    ) as refused:
        door.get("bleu")
    assert refused.value.known == ["blue", "red"]


def test_a_second_thing_under_one_key_is_a_check_error_and_the_first_stands(counting):
    registry.audit_kinds.register("counted", registry.AuditKind(name="counted", sentence="other"))

    (message,) = check_doors()

    assert message.id == "encore.E002"
    assert "audit kind 'counted'" in message.msg
    assert registry.audit_kinds.get("counted").sentence == "%(by)s counted %(object)s"


def test_local_times_are_refused(settings):
    settings.USE_TZ = False

    assert ids(check_time()) == ["encore.E006"]


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ({"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"isolation_level": 3}}, ["encore.E004"]),
        ({"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"isolation_level": 2}}, []),
        ({"ENGINE": "django.db.backends.postgresql"}, []),
        ({"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {}}, ["encore.W002"]),
        ({"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {"transaction_mode": "IMMEDIATE"}}, []),
    ],
)
def test_databases_on_which_the_books_would_break_are_named_at_the_start(monkeypatch, database, expected):
    monkeypatch.setattr("django.conf.settings.DATABASES", {"default": database})

    assert ids(check_transactions()) == expected


@pytest.mark.django_db
@pytest.mark.real_clock
def test_the_clock_of_a_demo_moves_forward_for_every_process_and_time_passes_on(settings):
    settings.ENCORE = {"DEMO_CLOCK": True}
    before = clock.now()

    moved = clock.advance(by=timedelta(days=14))
    clock.advance(by=timedelta(hours=1))

    assert timedelta(days=14) <= moved - before < timedelta(days=14, minutes=1)
    assert clock.offset() == timedelta(days=14, hours=1)
    assert clock.real_now() - before < timedelta(minutes=1)


@pytest.mark.django_db
@pytest.mark.real_clock
@pytest.mark.parametrize("by", [timedelta(0), timedelta(seconds=-1), timedelta(milliseconds=1)])
def test_the_clock_never_stands_still_or_goes_back(settings, by):
    settings.ENCORE = {"DEMO_CLOCK": True}

    with pytest.raises(ClockError, match="forward only"):
        clock.advance(by=by)
    assert not ClockOffset.objects.exists()


@pytest.mark.django_db
@pytest.mark.real_clock
def test_the_clock_of_a_real_shop_cannot_be_moved_and_costs_no_query(settings, django_assert_num_queries):
    settings.ENCORE = {}

    with pytest.raises(ClockError, match="in a demo only"):
        clock.advance(by=timedelta(days=1))
    with django_assert_num_queries(0):
        clock.now()


@pytest.mark.django_db
def test_a_moved_clock_is_refused_where_no_demo_is_declared(settings):
    ClockOffset.objects.create(seconds=60)
    settings.ENCORE = {}
    refused = ids(check_database(databases=["default"]))
    settings.ENCORE = {"DEMO_CLOCK": True}

    assert (refused, ids(check_database(databases=["default"]))) == (["encore.E005"], [])


def test_a_foreign_package_in_the_place_of_ours_is_named_with_its_path(tmp_path, monkeypatch):
    (tmp_path / "loyalty").mkdir()
    (tmp_path / "loyalty" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "loyalty", raising=False)

    with pytest.raises(
        ImproperlyConfigured, match=r"encore\.E001.*another package called 'loyalty'"
    ) as refused:
        apps.refuse_shadows()
    assert str(tmp_path / "loyalty" / "__init__.py") in str(refused.value)


def test_a_shops_own_package_is_nobodys_business_where_ours_is_not_shipped(tmp_path, monkeypatch):
    for folder in ("house/loyalty", "shop/coupons"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "shop")
    monkeypatch.syspath_prepend(tmp_path / "house")
    monkeypatch.delitem(__import__("sys").modules, "loyalty", raising=False)

    assert apps.find_shadows(tmp_path / "house") == {}
