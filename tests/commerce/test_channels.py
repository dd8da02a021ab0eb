"""A channel is opened with what snapshots leave unsaid."""

from datetime import UTC, datetime

import pytest

from commerce.models import Channel
from commerce.operations import ChannelError, open_channel

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)


def open_store(**told):
    usual = {
        "key": "store",
        "name": "Store",
        "kind": "store",
        "time_zone": "Europe/Oslo",
        "currency": "NOK",
        "at": AT,
    }
    return open_channel(**usual | told)


def test_a_channel_is_opened(db):
    channel = open_store(country="NO", programmes=["club"])

    assert channel == Channel.objects.get(key="store")
    assert (channel.time_zone, channel.currency, channel.country) == ("Europe/Oslo", "NOK", "NO")
    assert (channel.as_of_kind, channel.programmes, channel.created_at) == ("time", ["club"], AT)


@pytest.mark.parametrize(
    "told",
    [
        {"key": "my store"},
        {"key": ""},
        {"time_zone": "Europe"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../etc/passwd"},
        {"time_zone": ""},
        {"currency": "KRONER"},
        {"country": "Norway"},
        {"kind": "van"},
        {"as_of_kind": "when"},
    ],
)
def test_a_channel_that_cannot_be_is_refused_by_what_is_wrong_with_it(db, told):
    with pytest.raises(ChannelError, match=next(iter(told))):
        open_store(**told)

    assert not Channel.objects.exists()


def test_a_key_is_taken_once(db):
    open_store()

    with pytest.raises(ChannelError, match="choose another key"):
        open_store(name="Another")

    assert Channel.objects.get().name == "Store"
