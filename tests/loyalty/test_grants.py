"""Purchases from before joining, counted only when the owner says so."""

import pytest

from backstage.models import AuditRecord
from backstage.policies import By
from loyalty.models import Entry
from loyalty.operations.grants import grant_older_purchases, preview_grant
from tests.loyalty.shop import NOON, OPENED, day, join, open_shop, points, tell

pytestmark = pytest.mark.django_db
CAROL = By("staff", "7", "carol")


@pytest.fixture
def club():
    return open_shop(worth_points=100, worth_minor=50)


@pytest.fixture
def bob(club):
    """A member since noon, who had bought twice before."""
    member = join("bob", club, at=NOON)
    tell("1001", who="bob", placed_at=day(-60), at=day(1))
    tell("1002", who="bob", placed_at=day(-5), at=day(1))
    return member


def test_the_preview_says_what_it_would_give_and_gives_nothing(club, bob):
    preview = preview_grant(programme_id=club.id, since=OPENED, at=NOON)

    assert (preview.purchases, preview.members, preview.points, preview.worth_minor) == (2, 1, 200, 100)
    assert Entry.objects.count() == 0


def test_granting_counts_purchases_since_the_day_given(club, bob):
    given = grant_older_purchases(programme_id=club.id, since=day(-10), at=day(2), by=CAROL)

    assert (given.purchases, given.points) == (1, 100)
    assert points(bob, day(2)) == (0, 100, 0)
    assert AuditRecord.objects.get(kind="older_purchases_granted").by_label == "carol"


def test_granting_twice_gives_once(club, bob):
    grant_older_purchases(programme_id=club.id, since=OPENED, at=day(2), by=CAROL)

    again = grant_older_purchases(programme_id=club.id, since=OPENED, at=day(3), by=CAROL)

    assert (again.purchases, again.points) == (0, 0)
    assert sum(points(bob, day(3))) == 200


def test_a_return_of_a_granted_purchase_takes_it_back(club, bob):
    grant_older_purchases(programme_id=club.id, since=OPENED, at=day(2), by=CAROL)

    tell("1002", who="bob", placed_at=day(-5), at=day(3), status="cancelled")

    assert sum(points(bob, day(3))) == 100
