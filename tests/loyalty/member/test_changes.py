"""What members read of changes that are to come, and of the end of the club."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils.translation import override

from loyalty.models import Announcement
from loyalty.operations.changes.cancelling import cancel_announcement
from loyalty.operations.changes.closing import close_programme
from loyalty.operations.changes.text import publish_terms
from loyalty.operations.plans.offers import change_plan
from loyalty.operations.programme import add_product_group, change_rule, change_settings, change_terms
from loyalty.operations.tiers.schemes import save_scheme, switch_off_levels, switch_on_levels
from loyalty.policies.tiers.terms import TierPlan
from loyalty.queries.changes.words import list_announced_pairs
from tests.factories.loyalty import LONG_AGO
from tests.loyalty.levels import level_ids, switch_on
from tests.loyalty.member.test_pages import text_of
from tests.loyalty.plan_shop import pay, sell


def page(client) -> str:
    return text_of(client.get("/club/"))


def test_a_change_is_told_from_its_announcement_on_until_it_holds(her_client, programme, clock):
    change_rule(programme_id=programme.id, points=5, starts_at=clock.at + timedelta(days=30), at=clock.at)

    told = (
        "What changes From April 2, 12:00 on You get 5 points for every €1.00 that you spend. "
        "Until then: You get 10 points for every €1.00 that you spend."
    )
    assert told in page(her_client)
    clock.advance(days=29)
    assert told in page(her_client)
    clock.advance(days=1)
    assert "What changes" not in page(her_client)
    assert "You get 5 points for every €1.00" in text_of(her_client.get("/club/how-it-works/"))


def test_what_is_called_off_is_told_no_more(her_client, programme, clock):
    change_rule(programme_id=programme.id, points=5, starts_at=clock.at + timedelta(days=30), at=clock.at)

    cancel_announcement(announcement_id=Announcement.objects.get().id, at=clock.at)

    assert "What changes" not in page(her_client)


def test_changes_of_certain_goods_name_them(her_client, programme, clock):
    group = add_product_group(programme_id=programme.id, name="Shoes", brands=["Aker"], at=clock.at)
    change_terms(
        programme_id=programme.id,
        product_group_id=group.id,
        window_days=60,
        starts_at=clock.at + timedelta(days=30),
        at=clock.at,
    )

    assert "From April 2, 12:00 on (Shoes) Points are ready 60 days after you order" in page(her_client)


def test_a_new_worth_is_told_and_the_worth_of_points_follows_on_its_day(her_client, shop, programme, clock):
    shop.give(1000, clock.at)
    change_settings(
        programme_id=programme.id, worth_minor=40, starts_at=clock.at + timedelta(days=30), at=clock.at
    )

    assert "Worth €5.00 off a later order" in page(her_client)
    assert "100 points are worth €0.40 off a later order." in page(her_client)
    clock.advance(days=30)
    assert "Worth €4.00 off a later order" in page(her_client)


SILVER = TierPlan("Silver", 30_000, Decimal("1.25"), ({"kind": "free_shipping", "number": 5000},))
GOLD = TierPlan("Gold", 100_000, Decimal(2))


def change_levels(programme, clock, *tiers, settings=None, **told) -> None:
    """Announce levels for in 30 days."""
    ids = level_ids(switch_on(programme, SILVER, GOLD, at=LONG_AGO))
    same = [replace(plan, level_id=ids.get(plan.name)) for plan in tiers]
    save_scheme(programme_id=programme.id, rules=settings or {}, tiers=same, at=clock.at)
    switch_on_levels(programme_id=programme.id, starts_at=clock.at + timedelta(days=30), at=clock.at)


def test_a_dearer_level_and_a_lost_benefit_are_told_with_what_is_until_then(her_client, programme, clock):
    change_levels(programme, clock, replace(SILVER, perks=()), replace(GOLD, threshold=120_000))

    told = (
        "What changes From April 2, 12:00 on "
        "Silver: not any more. Until then: Silver: Free shipping from €50.00 on "
        "Gold: from €1,200.00 in the last 12 months on "
        "Until then: Gold: from €1,000.00 in the last 12 months on"
    )
    assert told in page(her_client)
    cancel_announcement(announcement_id=Announcement.objects.get().id, at=clock.at)
    assert "What changes" not in page(her_client)


def test_a_level_that_goes_and_harsher_rules_are_told(her_client, programme, clock):
    rules = {"window": "calendar", "fall": "earned", "grace_days": 0, "notice_days": 1}
    change_levels(programme, clock, GOLD, TierPlan("Platinum", 200_000, Decimal(3)), settings=rules)

    told = page(her_client)
    for then, now in (
        ("There is no level Silver any more.", "Silver: from €300.00 in the last 12 months on"),
        ("Gold: from €1,000.00 in a calendar year on", "Gold: from €1,000.00 in the last 12 months on"),
        (
            "A level lasts to the end of the next year.",
            "A level lasts 12 months from the day on which it was reached.",
        ),
        (
            "Who has not earned it again then goes to the level that they have earned.",
            "Who has not earned it again then goes one level down.",
        ),
        (
            "There are no days of grace.",
            "There are 30 days of grace: what is bought in them still counts.",
        ),
        (
            "You read 1 day before that you are about to lose a level.",
            "You read 30 days before that you are about to lose a level.",
        ),
    ):
        assert then in told
        assert f"Until then: {now}" in told
    assert "Platinum: from €2,000.00 in a calendar year on" in told


def test_the_end_of_levels_is_told_and_they_are_gone_on_their_day(her_client, shop, programme, clock):
    switch_on(programme, SILVER, GOLD, at=LONG_AGO)
    shop.buy("1", clock.at, 30_000)
    switch_off_levels(programme_id=programme.id, starts_at=clock.at + timedelta(days=30), at=clock.at)

    told = "There are no levels any more. Until then: There are the levels Silver, Gold."
    assert told in page(her_client)
    assert "Your level: Silver It is yours until April 2." in page(her_client)
    clock.advance(days=30)
    assert "What changes" not in page(her_client)
    assert "Your level" not in page(her_client)


def test_a_dearer_plan_is_told_with_what_it_costs_until_then(her_client, alice, programme, clock):
    plan = sell(programme, at=clock.at, trial_days=0)
    pay(plan, alice, at=clock.at)
    level = switch_on(programme, SILVER, at=clock.at).tiers.get().level_id
    change_plan(
        plan_id=plan.id,
        terms={"price_minor": 3900, "grace_days": 0, "trial_days": 14, "level_id": level},
        starts_at=clock.at + timedelta(days=30),
        at=clock.at,
    )

    told = (
        "What changes From April 2, 12:00 on (Plus) €39.00 a year · The level “Silver” "
        "Until then: €29.00 a year "
        "It has to be renewed by its last day. Until then: It can be renewed for 7 days after its end. "
        "It can be tried for 14 days. Until then: There is no trial."
    )
    assert told in page(her_client)
    clock.advance(days=30)
    assert "What changes" not in page(her_client)


def test_a_benefit_that_a_plan_loses_is_named(her_client, alice, programme, clock):
    plan = sell(programme, at=clock.at, perks=[{"kind": "free_returns"}, {"kind": "priority_help"}])
    pay(plan, alice, at=clock.at)
    change_plan(
        plan_id=plan.id,
        terms={"perks": [{"kind": "priority_help"}]},
        starts_at=clock.at + timedelta(days=30),
        at=clock.at,
    )

    assert "From April 2, 12:00 on (Plus) Free returns: not any more." in page(her_client)
    assert "Until then" not in page(her_client)


def test_new_terms_are_told_and_can_be_read_before_they_hold(her_client, alice, programme, clock):
    publish_terms(programme_id=programme.id, text="Old <b>terms</b>.", at=clock.at)
    publish_terms(
        programme_id=programme.id,
        text="New <b>terms</b>.",
        starts_at=clock.at + timedelta(days=30),
        at=clock.at,
    )

    assert "From April 2, 12:00 on The club has new terms. Read the new terms" in page(her_client)
    how = her_client.get("/club/how-it-works/").content.decode()
    assert how.index("Old &lt;b&gt;terms&lt;/b&gt;.") < how.index("New &lt;b&gt;terms&lt;/b&gt;.")
    assert "They hold from April 2, 12:00 on." in text_of(her_client.get("/club/how-it-works/"))
    clock.advance(days=30)
    assert "The club has new terms." not in page(her_client)
    assert "New &lt;b&gt;terms&lt;/b&gt;." in her_client.get("/club/how-it-works/").content.decode()


def test_the_end_of_the_club_stands_at_the_very_top_above_every_other_notice(
    her_client, shop, programme, clock
):
    shop.buy("1", clock.at - timedelta(days=20))
    held = shop.hold(80, clock.at, until=clock.at + timedelta(days=1))
    shop.capture(held.entry_id, clock.at)
    shop.take_back("1", clock.at, placed_at=clock.at - timedelta(days=20))

    close_programme(programme_id=programme.id, last_day=date(2026, 3, 31), at=clock.at)

    said = page(her_client)
    assert said.index("The club ends on March 31. Points can be used until then.") < said.index(
        "You have −80 points"
    )
    assert "What changes" not in said
    rules = text_of(her_client.get("/club/how-it-works/"))
    assert "100 points are worth €0.50 off a later order." in rules
    assert "for every €1.00 that you spend" not in rules
    clock.advance(days=29)
    assert "The club ends on" not in page(her_client)


def test_a_guest_reads_of_the_end_before_being_told_that_nobody_joins(client, programme, clock):
    close_programme(programme_id=programme.id, last_day=date(2026, 3, 31), at=clock.at)

    said = page(client)

    assert said.index("The club ends on March 31.") < said.index("The club takes no new members")
    assert "Sign in to join" not in said


def test_what_would_hold_only_after_the_end_is_not_told(her_client, programme, clock):
    close_programme(programme_id=programme.id, last_day=date(2026, 3, 31), at=clock.at)

    change_rule(programme_id=programme.id, points=5, starts_at=clock.at + timedelta(days=30), at=clock.at)

    assert "What changes" not in page(her_client)


def test_after_the_end_the_club_has_closed_also_before_a_job_has_run(her_client, programme, clock):
    close_programme(programme_id=programme.id, last_day=date(2026, 3, 31), at=clock.at)

    clock.advance(days=29)

    assert "The club has closed." in page(her_client)


@pytest.mark.parametrize("language", ["en", "pl", "nb"])
def test_every_part_of_a_change_has_its_two_sentences_in_every_language(programme, clock, language):
    later = clock.at + timedelta(days=30)
    change_rule(
        programme_id=programme.id,
        points=5,
        per_minor=200,
        counts_tax=False,
        counts_shipping=True,
        rounding="up",
        starts_at=later,
        at=clock.at,
    )
    change_terms(
        programme_id=programme.id,
        window_days=30,
        clock="delivery",
        missing_fact_days=60,
        expiry_kind="calendar_day",
        expiry_months=6,
        starts_at=later,
        at=clock.at,
    )
    change_settings(
        programme_id=programme.id,
        worth_points=200,
        reprieve_days=7,
        debt_policy="let_go",
        combination="add_up",
        notice_days=60,
        starts_at=later,
        at=clock.at,
    )

    with override(language):
        pairs = [
            pair
            for announcement in Announcement.objects.select_related("programme").order_by("id")
            for pair in list_announced_pairs(announcement)
        ]

    assert len(pairs) == 4 + 3 + 5
    assert all(now and then and now != then for now, then in pairs)
