"""Which campaigns members read about on their page."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from loyalty.operations.campaigns import create_campaign, pause_campaign, switch_on_campaign
from loyalty.operations.members import pause
from tests.loyalty.member.test_pages import text_of


@pytest.fixture
def begin(programme, clock):
    """Switch a campaign on, with a text in English and Polish."""

    def switch_on(text: str, *, ends_at: datetime | None = None, starts_at: datetime | None = None):
        campaign = create_campaign(
            programme_id=programme.id,
            name="For us",
            starts_at=starts_at or clock.at,
            ends_at=ends_at,
            public_text={"en": text, "pl": f"{text} (pl)"} if text else {},
            terms={"kind": "multiply", "factor": Decimal(2)},
            at=clock.at,
        )
        return switch_on_campaign(campaign_id=campaign.id, at=clock.at)

    return switch_on


def test_what_runs_is_read_with_its_end_and_the_soonest_end_first(her_client, programme, begin, clock):
    zone = ZoneInfo(programme.time_zone)
    begin("Double points on tea")
    begin("Happy hours", ends_at=datetime(2026, 3, 9, 13, 30, tzinfo=zone))
    begin("Double points on beans", ends_at=datetime(2026, 3, 8, tzinfo=zone))
    begin("Not yet", starts_at=clock.at + timedelta(days=1))
    begin("")

    page = text_of(her_client.get("/club/"))

    assert (
        "More points now Double points on beans until the end of March 7"
        " Happy hours until March 9, 13:30 Double points on tea" in page
    )
    assert "Not yet" not in page
    assert "For us" not in page


def test_it_is_read_in_the_members_own_language(her_client, begin):
    begin("Double points")

    assert "Double points (pl)" in text_of(her_client.get("/club/", headers={"accept-language": "pl"}))
    assert "Double points (pl)" not in text_of(her_client.get("/club/", headers={"accept-language": "nb"}))


def test_what_is_paused_is_not_promised(her_client, begin, clock):
    pause_campaign(campaign_id=begin("Double points").id, at=clock.at)

    assert "More points now" not in text_of(her_client.get("/club/"))


def test_who_cannot_earn_is_promised_nothing(her_client, alice, begin, clock):
    begin("Double points")
    pause(member_id=alice.id, at=clock.at)

    assert "More points now" not in text_of(her_client.get("/club/"))
