"""The night's work is cut into chunks of some thousand lots, not of one member."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from backstage.policies import SYSTEM, Chunk
from loyalty.ledger import due, posting
from loyalty.policies.requests import Accrue, Part
from loyalty.policies.terms import LotDates
from tests.factories.loyalty import MemberFactory

EARNED_AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
READY_AT = EARNED_AT + timedelta(days=14)


def earn(member, lots):
    requests = [
        Accrue(
            member_id=member.id,
            key=f"purchase:{number}:1",
            reason="purchase",
            parts=(Part(5, LotDates(READY_AT, None, "", None)),),
            earned_at=EARNED_AT,
            source_kind="purchase",
            source_id=number,
        )
        for number in range(1, lots + 1)
    ]
    with transaction.atomic():
        posting.post(requests, at=EARNED_AT, by=SYSTEM)


@pytest.fixture
def chunks_of_four_lots(monkeypatch):
    monkeypatch.setitem(due.LOTS_PER_CHUNK, connection.vendor, 4)


@pytest.mark.django_db
def test_members_share_a_chunk_until_it_is_full(programme, chunks_of_four_lots):
    members = [MemberFactory(programme=programme) for _ in range(5)]
    for member in members:
        earn(member, lots=2)

    chunks = due.plan(due.RELEASE, READY_AT)

    first = members[0].id
    assert chunks == [
        Chunk(first, first + 1, 4),
        Chunk(first + 2, first + 3, 4),
        Chunk(first + 4, first + 4, 2),
    ]


@pytest.mark.django_db
def test_a_member_is_never_cut_in_two(programme, chunks_of_four_lots):
    big, small = MemberFactory(programme=programme), MemberFactory(programme=programme)
    earn(big, lots=9)
    earn(small, lots=1)

    chunks = due.plan(due.RELEASE, READY_AT)

    assert chunks == [Chunk(big.id, big.id, 9), Chunk(small.id, small.id, 1)]
