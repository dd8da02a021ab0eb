"""One command makes a channel and the programme that small shops start with."""

from datetime import UTC, datetime

import pytest

from commerce.models import Channel
from loyalty.models import EarningRule, LotTerms, Programme, ProgrammePhase
from tests.commerce.command import encore

INIT = ("init", "--currency", "GBP", "--time-zone", "Europe/London")


@pytest.fixture(autouse=True)
def _today(db, clock):
    """Every command reads the business clock."""


def count_rows():
    return [model.objects.count() for model in (Channel, Programme, ProgrammePhase, EarningRule, LotTerms)]


def test_init_opens_a_channel_and_creates_the_default_programme():
    answer = encore(*INIT, "--live-from", "2025-07-01", "--enrolment", "automatic")

    channel, programme = Channel.objects.get(), Programme.objects.get()
    assert answer.code == 0
    assert (channel.key, channel.currency, channel.time_zone, channel.as_of_kind) == (
        "web", "GBP", "Europe/London", "time",
    )  # fmt: skip
    assert (programme.key, programme.state, programme.enrolment) == ("club", "live", "automatic")
    assert (programme.worth_points, programme.worth_minor) == (1, 100)
    # The first of July begins an hour earlier in London than in UTC.
    assert ProgrammePhase.objects.get().starts_at == datetime(2025, 6, 30, 23, tzinfo=UTC)
    rule, terms = EarningRule.objects.get(), LotTerms.objects.get()
    assert (rule.points, rule.per_minor, rule.rounding) == (1, 1000, "down")
    assert (terms.window_days, terms.clock, terms.expiry_months, terms.expiry_at_month_end) == (
        30,
        "order",
        12,
        True,
    )


def test_init_without_a_first_day_makes_a_draft_and_says_so():
    answer = encore(*INIT)

    assert answer.code == 0
    assert Programme.objects.get().state == "draft"
    assert "A draft earns nothing yet." in answer.said


def test_init_given_again_changes_nothing():
    encore(*INIT, "--live-from", "2025-07-01")
    before = count_rows()

    answer = encore(*INIT, "--live-from", "2025-07-01", "--json")

    assert answer.code == 0
    assert answer.result["channel"] == {"key": "web", "created": False}
    assert answer.result["programme"] == {"key": "club", "created": False, "state": "live"}
    assert count_rows() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--currency", "EUR"), "currency is 'GBP', you asked for 'EUR'"),
        (
            ("--channel", "store", "--enrolment", "automatic"),
            "enrolment is 'on_request', you asked for 'automatic'",
        ),
        (("--live-from", "2025-07-01"), "state is 'draft', you asked for 'live'"),
    ],
)
def test_init_refuses_what_differs_from_what_stands_and_changes_nothing(arguments, message):
    encore(*INIT)
    before = count_rows()

    answer = encore(*INIT, *arguments)

    assert answer.code == 1
    assert message in answer.complained
    assert count_rows() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--currency", "GBX"), "currency: There is no currency GBX."),
        (
            ("--time-zone", "London"),
            "time_zone: There is no time zone London. Write one such as Europe/London.",
        ),
        (("--channel", "our web"), "key: “our web” is no key."),
        (("--programme", "our club"), "key: "),
    ],
)
def test_init_names_what_does_not_exist_and_makes_nothing(arguments, message):
    answer = encore(*INIT, *arguments)

    assert answer.code == 1
    assert message in answer.complained
    assert count_rows() == [0, 0, 0, 0, 0]
