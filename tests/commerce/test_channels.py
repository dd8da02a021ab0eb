"""A channel is opened with what snapshots leave unsaid, and may change what it leaves unsaid."""

from datetime import UTC, datetime

import pytest

from backstage.models import AuditRecord
from backstage.policies import By
from commerce.models import Channel
from commerce.operations import ChannelError, change_channel, open_channel

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
CAROL = By("staff", "7", "Carol")


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
        {"key": None},
        {"name": "x" * 201},
        {"programmes": [7]},
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

    with pytest.raises(ChannelError, match=r"key: There is a channel store already\. Choose another key\."):
        open_store(name="Another")

    assert Channel.objects.get().name == "Store"


def test_a_channel_is_changed_with_what_it_was_and_is_in_the_log(db):
    channel = open_store(programmes=["club"])

    change_channel(channel_id=channel.pk, name="Old Town", currency="NOK", programmes=[], at=AT, by=CAROL)

    channel.refresh_from_db()
    assert (channel.name, channel.currency, channel.programmes) == ("Old Town", "NOK", [])
    record = AuditRecord.objects.get(kind="channel_changed")
    assert record.before == {"name": "Store", "programmes": ["club"]}
    assert record.after == {"name": "Old Town", "programmes": []}
    assert (record.by_label, record.object_id, record.at) == ("Carol", str(channel.pk), AT)


def test_a_change_to_what_is_so_already_leaves_no_trace(db):
    channel = open_store()

    change_channel(channel_id=channel.pk, name="Store", kind="store", at=AT, by=CAROL)

    assert not AuditRecord.objects.filter(kind="channel_changed").exists()


def test_a_change_that_cannot_be_names_every_field_and_changes_none(db):
    channel = open_store()

    with pytest.raises(ChannelError) as refusal:
        change_channel(
            channel_id=channel.pk, name=" ", currency="nok", country="NO", time_zone="Europe/Olso", by=CAROL
        )

    assert refusal.value.problems == {
        "name": "Write a name of at most 200 characters.",
        "time_zone": "There is no time zone Europe/Olso. Write one such as Europe/Oslo.",
        "currency": "There is no currency nok. Write a code such as EUR.",
    }
    channel.refresh_from_db()
    assert (channel.name, channel.country) == ("Store", "")
    assert not AuditRecord.objects.filter(kind="channel_changed").exists()
