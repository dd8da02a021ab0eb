"""A shop, a club, and alice who signs in and buys."""

from datetime import datetime

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from backstage.policies import SHOP, SYSTEM
from commerce.operations.sync import sync_purchases
from commerce.policies.snapshot import Who
from loyalty.ledger import moves
from loyalty.ledger.posting import settle
from loyalty.operations.adjustments import give_points
from loyalty.operations.awards import settle_awards
from tests.factories.commerce import ChannelFactory, line, snapshot
from tests.factories.loyalty import MemberFactory, ProgrammeFactory


@pytest.fixture
def programme(db):
    """10 points for 1.00, 14 days to return, 12 months to use; 100 points are worth 0.50."""
    return ProgrammeFactory(complete=True, key="club", name="Coffee Club", worth_points=100, worth_minor=50)


@pytest.fixture
def user(db):
    return get_user_model().objects.create_user("alice", password="a good long word")


@pytest.fixture
def alice(programme, user):
    """A member who can sign in."""
    return MemberFactory(programme=programme, customer__user=user, number="KM4K7Q2P9")


@pytest.fixture
def her_client(client, alice, user):
    client.force_login(user)
    return client


class Shop:
    """What happens to alice, through the same doors as in a real shop."""

    def __init__(self, member):
        self.member = member
        self.as_of = 0
        ChannelFactory()

    def sync(self, reference: str, at: datetime, **told):
        self.as_of += 1
        told.setdefault("placed_at", at)
        who = Who(login=self.member.customer.user_id)
        results = sync_purchases([snapshot(reference, self.as_of, who=who, **told)], at=at, by=SHOP)
        settle_awards(purchase_ids=[result.purchase_id for result in results], at=at)

    def buy(self, reference: str, at: datetime, sold_minor: int = 850, **told):
        self.sync(reference, at, lines=(line(sold_minor=sold_minor, quantity=1, **told),))

    def take_back(self, reference: str, at: datetime, *, placed_at: datetime, sold_minor: int = 850):
        returned = line(sold_minor=sold_minor, quantity=1, returned_quantity=1, returned_at=at)
        self.sync(reference, at, lines=(returned,), placed_at=placed_at)

    def give(self, points: int, at: datetime, *, message: str = "", reason: str = "goodwill"):
        self.as_of += 1
        return give_points(
            member_id=self.member.id,
            points=points,
            key=f"gift-{self.as_of}",
            reason=reason,
            message=message,
            at=at,
            by=SHOP,
        )

    def hold(self, points: int, at: datetime, *, until: datetime):
        with transaction.atomic():
            return moves.hold(
                member_id=self.member.id, points=points, key=f"hold-{at}", expires_at=until, at=at, by=SHOP
            )

    def write_down(self, at: datetime):
        """Write down what time has decided, as the jobs do."""
        with transaction.atomic():
            settle([self.member.id], at=at, by=SYSTEM)

    def capture(self, hold_id: int, at: datetime):
        with transaction.atomic():
            return moves.capture(
                member_id=self.member.id, hold_id=hold_id, key=f"capture-{hold_id}", at=at, by=SHOP
            )


@pytest.fixture
def shop(alice):
    return Shop(alice)
