"""Setting up a programme and changing what it promises."""

import pytest
from django.core.exceptions import ValidationError

from backstage.models import AuditRecord
from loyalty.models import EarningRule, ProgrammePhase
from loyalty.operations.programme import (
    StepNotAllowed,
    change_rule,
    change_settings,
    change_state,
    create_programme,
)
from loyalty.policies.programme import ProgrammeState
from loyalty.queries.programmes import get_programme_rules
from tests.loyalty.shop import NOON, OPENED, day, open_shop

pytestmark = pytest.mark.django_db


def test_the_default_programme_is_one_point_for_ten_with_thirty_days_and_twelve_months():
    programme = create_programme(key="club", name="Club", currency="EUR", time_zone="Europe/Oslo", at=NOON)

    rule, terms = programme.earning_rules.get(), programme.lot_terms.get()
    assert programme.state == "draft"
    assert (programme.worth_points, programme.worth_minor) == (1, 100)
    assert (rule.points, rule.per_minor, rule.rounding) == (1, 1000, "down")
    assert (terms.window_days, terms.clock, terms.expiry_months, terms.expiry_at_month_end) == (
        30,
        "order",
        12,
        True,
    )


def test_changing_a_rule_ends_one_version_and_starts_the_next():
    club = open_shop()

    change_rule(programme_id=club.id, points=20, at=NOON)

    versions = EarningRule.objects.order_by("version").values_list(
        "version", "points", "starts_at", "ends_at"
    )
    assert list(versions) == [(1, 10, OPENED, NOON), (2, 20, NOON, None)]
    assert AuditRecord.objects.get(kind="earningrule_version").before == {"points": 10}


def test_rules_kept_in_memory_follow_a_change_at_once():
    club = open_shop()
    before = get_programme_rules(club.id).rule_at(NOON)

    change_rule(programme_id=club.id, points=20, at=NOON)

    after = get_programme_rules(club.id).rule_at(NOON)
    assert before is not None
    assert after is not None
    assert (before.points, after.points) == (10, 20)


def test_states_follow_their_steps_and_leave_phases_behind():
    club = open_shop()

    change_state(programme_id=club.id, state=ProgrammeState.PAUSED, at=NOON)
    change_state(programme_id=club.id, state=ProgrammeState.LIVE, at=day(1))

    phases = ProgrammePhase.objects.order_by("starts_at").values_list("state", "starts_at", "ends_at")
    assert list(phases) == [("live", OPENED, NOON), ("paused", NOON, day(1)), ("live", day(1), None)]


def test_a_step_that_is_not_allowed_names_those_that_are():
    club = open_shop()

    with pytest.raises(StepNotAllowed, match="paused, closing"):
        change_state(programme_id=club.id, state=ProgrammeState.DRAFT, at=NOON)

    club.refresh_from_db()
    assert club.state == "live"


def test_an_impossible_setting_is_refused_beside_its_field():
    club = open_shop()

    with pytest.raises(ValidationError) as refusal:
        change_settings(programme_id=club.id, worth_points=0, at=NOON)

    assert list(refusal.value.message_dict) == ["worth_points"]
    club.refresh_from_db()
    assert club.worth_points == 1
