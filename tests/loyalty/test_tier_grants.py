"""Levels that staff or a plan gives: beside what is earned, the best counts."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from backstage.models import AuditRecord
from loyalty.models import TierHolding
from loyalty.operations.tiers.grants import GrantUnknown, LevelUnknown, end_granted_tier, grant_tier
from loyalty.policies.tiers.scheme import LevelSource
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.tiers.levels import find_level, get_levels, list_tiers
from tests.factories.loyalty import TierFactory, TierSchemeFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
PLAN = {"source": LevelSource.PLAN, "source_key": "membership:7"}


def day(number: float) -> datetime:
    return NOON + timedelta(days=number)


@pytest.fixture
def scheme(programme):
    scheme = TierSchemeFactory(programme=programme)
    TierFactory(scheme=scheme, level_id=1, name="Silver", threshold=30_000)
    TierFactory(scheme=scheme, level_id=2, name="Gold", threshold=100_000, factor="1.50")
    return scheme


def level(member, at) -> str | None:
    tier = find_level(get_programme_rules(member.programme_id), member_id=member.id, at=at)
    return tier.name if tier else None


def test_a_level_that_staff_gives_holds_from_then_on_with_its_reason(scheme, alice):
    held = grant_tier(member_id=alice.id, level_id=2, source=LevelSource.HAND, note="Wedding", at=NOON)

    assert (held.note, held.begin_reason, held.ends_at) == ("Wedding", "granted", None)
    assert [level(alice, day(n)) for n in (-1, 0, 400)] == [None, "Gold", "Gold"]
    assert AuditRecord.objects.get(kind="level_granted").reason == ""


def test_staff_has_to_say_why(scheme, alice):
    with pytest.raises(ValidationError) as refusal:
        grant_tier(member_id=alice.id, level_id=2, source=LevelSource.HAND, at=NOON)

    assert refusal.value.message_dict == {"note": ["Say why, so that whoever asks later can be told."]}
    assert not TierHolding.objects.exists()


def test_what_a_plan_gave_ends_when_it_says_and_a_cancellation_can_be_taken_back(scheme, alice):
    grant_tier(member_id=alice.id, level_id=2, **PLAN, at=NOON)
    end_granted_tier(member_id=alice.id, **PLAN, ends_at=day(30), at=day(10))

    assert [level(alice, day(n)) for n in (29, 30)] == ["Gold", None]

    grant_tier(member_id=alice.id, level_id=2, **PLAN, at=day(20))

    assert [level(alice, day(n)) for n in (29, 30, 400)] == ["Gold", "Gold", "Gold"]
    assert TierHolding.objects.count() == 1


def test_after_its_end_a_plan_gives_a_level_anew(scheme, alice):
    grant_tier(member_id=alice.id, level_id=2, **PLAN, ends_at=day(30), at=NOON)
    grant_tier(member_id=alice.id, level_id=2, **PLAN, ends_at=day(90), at=day(60))

    assert [level(alice, day(n)) for n in (29, 30, 59, 60, 90)] == ["Gold", None, None, "Gold", None]


def test_another_level_under_the_same_key_takes_the_place_of_the_first(scheme, alice):
    grant_tier(member_id=alice.id, level_id=2, **PLAN, at=NOON)
    grant_tier(member_id=alice.id, level_id=1, **PLAN, at=day(5))

    assert [level(alice, day(n)) for n in (4, 5)] == ["Gold", "Silver"]


def test_of_several_levels_the_best_counts(scheme, alice, bob):
    grant_tier(member_id=alice.id, level_id=2, **PLAN, ends_at=day(30), at=NOON)
    grant_tier(member_id=alice.id, level_id=1, source=LevelSource.HAND, note="Loyal", at=NOON)

    assert [level(alice, day(n)) for n in (1, 30)] == ["Gold", "Silver"]
    assert level(bob, day(1)) is None


def test_while_levels_are_off_nobody_has_one(scheme, alice):
    grant_tier(member_id=alice.id, level_id=2, **PLAN, at=NOON)
    scheme.ends_at = day(10)
    scheme.save()
    rules = get_programme_rules(alice.programme_id)

    assert [level(alice, day(n)) for n in (9, 10)] == ["Gold", None]
    assert [tier.name for tier in list_tiers(rules, at=day(9))] == ["Silver", "Gold"]
    assert list_tiers(rules, at=day(10)) == ()


def test_a_level_that_the_programme_never_had_cannot_be_given(scheme, alice):
    with pytest.raises(LevelUnknown):
        grant_tier(member_id=alice.id, level_id=3, **PLAN, at=NOON)

    assert not TierHolding.objects.exists()


def test_what_does_not_last_any_more_cannot_be_ended(scheme, alice):
    grant_tier(member_id=alice.id, level_id=2, **PLAN, ends_at=day(30), at=NOON)

    with pytest.raises(GrantUnknown):
        end_granted_tier(member_id=alice.id, **PLAN, at=day(30))

    assert TierHolding.objects.get().ends_at == day(30)


def test_levels_of_many_members_and_moments_are_one_question(scheme, alice, bob, django_assert_num_queries):
    grant_tier(member_id=alice.id, level_id=2, **PLAN, at=NOON)
    rules = get_programme_rules(alice.programme_id)

    with django_assert_num_queries(1):
        found = get_levels(rules, [(alice.id, day(1)), (alice.id, day(-1)), (bob.id, day(1))])

    assert {key: tier.level.percent for key, tier in found.items()} == {(alice.id, day(1)): 150}
