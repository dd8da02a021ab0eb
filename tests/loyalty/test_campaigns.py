"""Campaigns as the owner runs them: drafted, switched on, changed from now on, paused, ended."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from backstage.models import AuditRecord
from loyalty.models import Campaign, CampaignVersion
from loyalty.operations.campaigns import (
    CampaignStepRefused,
    change_campaign,
    create_campaign,
    discard_campaign,
    end_campaign,
    pause_campaign,
    switch_on_campaign,
)
from loyalty.queries.campaigns import Standing, standing_of
from loyalty.queries.programmes import get_programme_rules
from tests.loyalty.shop import NOON, day, open_shop

pytestmark = pytest.mark.django_db

DOUBLE = {"kind": "multiply", "factor": Decimal(2)}


@pytest.fixture
def programme():
    return open_shop()


def draft(programme, *, starts_at=NOON, terms=DOUBLE, **own) -> Campaign:
    return create_campaign(
        programme_id=programme.id, name="Double", starts_at=starts_at, terms=terms, at=NOON, **own
    )


def running(programme, at) -> list[int]:
    """Give the percents of what runs at a moment, as orders placed then will find them."""
    return [campaign.percent for campaign in get_programme_rules(programme.id).campaigns_at(at)]


def test_a_draft_gives_nothing_and_can_be_changed_in_place(programme):
    campaign = draft(programme)

    change_campaign(campaign_id=campaign.id, terms={"factor": Decimal(3)}, at=day(1))

    assert running(programme, day(2)) == []
    assert [(row.number, row.factor, row.starts_at) for row in campaign.versions.all()] == [(1, 3, None)]


def test_switched_on_it_runs_from_its_start_to_its_end_exclusive(programme):
    campaign = draft(programme, starts_at=day(2), ends_at=day(5))

    switch_on_campaign(campaign_id=campaign.id, at=day(1))

    moments = [day(1), day(2), day(5) - timedelta(microseconds=1), day(5)]
    assert [running(programme, at) for at in moments] == [[], [200], [200], []]
    campaign.refresh_from_db()
    assert [standing_of(campaign, at) for at in moments] == [
        Standing.SCHEDULED,
        Standing.RUNNING,
        Standing.RUNNING,
        Standing.ENDED,
    ]


def test_a_change_makes_a_new_version_from_now_on(programme):
    campaign = switch_on_campaign(campaign_id=draft(programme).id, at=NOON)

    change_campaign(campaign_id=campaign.id, terms={"factor": Decimal("1.5")}, at=day(3))

    assert [running(programme, at) for at in (day(2), day(3))] == [[200], [150]]
    periods = campaign.versions.order_by("number").values_list("number", "starts_at", "ends_at")
    assert list(periods) == [(1, NOON, day(3)), (2, day(3), None)]


def test_a_change_before_the_start_leaves_a_version_that_never_ran(programme):
    campaign = switch_on_campaign(campaign_id=draft(programme, starts_at=day(5)).id, at=NOON)

    change_campaign(campaign_id=campaign.id, terms={"factor": Decimal(3)}, at=day(1))

    assert [running(programme, at) for at in (day(4), day(5))] == [[], [300]]


def test_the_start_of_what_has_begun_stays(programme):
    campaign = switch_on_campaign(campaign_id=draft(programme).id, at=NOON)

    with pytest.raises(ValidationError, match="It has begun already"):
        change_campaign(campaign_id=campaign.id, own={"starts_at": day(9)}, at=day(1))

    assert Campaign.objects.get().starts_at == NOON
    assert CampaignVersion.objects.count() == 1


def test_a_pause_stops_it_and_it_goes_on_from_when_it_is_switched_on_again(programme):
    campaign = switch_on_campaign(campaign_id=draft(programme).id, at=NOON)

    pause_campaign(campaign_id=campaign.id, at=day(1))
    assert [running(programme, at) for at in (day(0.5), day(1), day(2))] == [[200], [], []]
    switch_on_campaign(campaign_id=campaign.id, at=day(2))

    assert [running(programme, at) for at in (day(0.5), day(1.5), day(2))] == [[200], [], [200]]


def test_what_is_changed_while_paused_runs_when_it_goes_on(programme):
    campaign = switch_on_campaign(campaign_id=draft(programme).id, at=NOON)
    pause_campaign(campaign_id=campaign.id, at=day(1))

    change_campaign(campaign_id=campaign.id, terms={"factor": Decimal(3)}, at=day(1))
    change_campaign(campaign_id=campaign.id, terms={"factor": Decimal(4)}, at=day(1))
    assert running(programme, day(1)) == []
    switch_on_campaign(campaign_id=campaign.id, at=day(2))

    assert [running(programme, at) for at in (day(0.5), day(2))] == [[200], [400]]
    assert campaign.versions.count() == 2


def test_what_has_ended_stays_ended(programme):
    campaign = switch_on_campaign(campaign_id=draft(programme).id, at=NOON)

    end_campaign(campaign_id=campaign.id, at=day(1))

    assert [running(programme, at) for at in (day(0.5), day(1))] == [[200], []]
    with pytest.raises(CampaignStepRefused, match="A campaign that is ended can't be switched on"):
        switch_on_campaign(campaign_id=campaign.id, at=day(2))
    with pytest.raises(CampaignStepRefused, match="can't be changed"):
        change_campaign(campaign_id=campaign.id, terms={"factor": Decimal(3)}, at=day(2))


def test_a_draft_can_be_thrown_away_and_nothing_else_can(programme):
    kept = switch_on_campaign(campaign_id=draft(programme).id, at=NOON)
    discard_campaign(campaign_id=draft(programme).id, at=NOON)

    with pytest.raises(CampaignStepRefused, match="A campaign that is on can't be thrown away"):
        discard_campaign(campaign_id=kept.id, at=NOON)

    assert Campaign.objects.get() == kept


@pytest.mark.parametrize(
    ("own", "terms", "field"),
    [
        ({}, {"kind": "multiply", "factor": Decimal(1)}, "factor"),
        ({}, {"kind": "multiply", "factor": Decimal("10.01")}, "factor"),
        ({}, {"kind": "steps"}, "steps"),
        ({}, {"kind": "steps", "steps": [[100, 0]]}, "steps"),
        ({}, {"kind": "steps", "steps": [[100, 5], [100, 6]]}, "steps"),
        ({}, {"kind": "steps", "steps": [[100, 5], [200, 5]]}, "steps"),
        ({}, {"kind": "pieces"}, "piece_points"),
        ({}, {**DOUBLE, "weekdays": [7]}, "weekdays"),
        ({}, {**DOUBLE, "from_minute": 60, "to_minute": 60}, "to_minute"),
        ({}, {**DOUBLE, "order_numbers": [0]}, "order_numbers"),
        ({}, {**DOUBLE, "cap_points": 0}, "cap_points"),
        ({"ends_at": NOON}, DOUBLE, "ends_at"),
        ({"starts_at": day(-9), "ends_at": day(-1)}, DOUBLE, "ends_at"),
        ({"name": ""}, DOUBLE, "name"),
    ],
)
def test_a_promise_that_cannot_be_kept_is_refused_beside_its_field(programme, own, terms, field):
    asked = {"name": "Double", "starts_at": NOON, **own}

    with pytest.raises(ValidationError) as refusal:
        create_campaign(programme_id=programme.id, terms=terms, at=NOON, **asked)

    assert list(refusal.value.message_dict) == [field]
    assert not Campaign.objects.exists()


def test_it_cannot_be_switched_on_for_a_time_that_has_passed(programme):
    campaign = draft(programme)

    with pytest.raises(ValidationError, match="The start has passed already"):
        switch_on_campaign(campaign_id=campaign.id, at=day(1))

    assert running(programme, day(1)) == []


def test_each_deed_is_in_the_log(programme):
    campaign = switch_on_campaign(campaign_id=draft(programme).id, at=NOON)
    change_campaign(campaign_id=campaign.id, own={"name": "Twice"}, at=NOON)
    pause_campaign(campaign_id=campaign.id, at=day(1))
    end_campaign(campaign_id=campaign.id, at=day(1))

    deeds = AuditRecord.objects.filter(object_kind="campaign").order_by("id")
    assert list(deeds.values_list("kind", flat=True)) == [
        "campaign_drafted",
        "campaign_switched_on",
        "campaign_changed",
        "campaign_paused",
        "campaign_ended",
    ]
