"""Who may switch a campaign on by themselves, who has to ask, and what can be taken back for a minute."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction

from backstage.models import Approval, AuditRecord
from backstage.operations import approvals
from backstage.policies import By
from backstage.policies.approvals import ChangeRefusedError
from loyalty.models import Campaign, CampaignLimit
from loyalty.operations.campaign_limits import set_campaign_limit
from loyalty.operations.campaign_requests import request_start
from loyalty.operations.campaign_undo import undo_ending, undo_switching_on
from loyalty.operations.campaigns import (
    CampaignStepRefused,
    OverBudgetLimit,
    change_campaign,
    create_campaign,
    discard_campaign,
    end_campaign,
    pause_campaign,
    switch_on_campaign,
)
from loyalty.operations.limits import UnknownRole
from loyalty.policies.campaign_limits import ANY_BUDGET, BudgetLimit, most_generous_budget
from loyalty.queries.campaign_limits import get_budget_limit, list_budget_limits
from loyalty.queries.programmes import get_programme_rules
from tests.loyalty.shop import NOON, day, open_shop

pytestmark = pytest.mark.django_db

DOUBLE = {"kind": "multiply", "factor": Decimal(2)}


@pytest.fixture
def programme():
    return open_shop()


@pytest.fixture
def marketers():
    return Group.objects.create(name="Marketers")


@pytest.fixture
def dave(marketers) -> By:
    """A marketer."""
    user = get_user_model().objects.create_user("dave", is_staff=True)
    user.groups.add(marketers)
    return By("staff", str(user.pk), "dave")


@pytest.fixture
def limited(programme, marketers):
    """Marketers may start campaigns of at most 10,000 points."""
    set_campaign_limit(programme_id=programme.id, group_id=marketers.id, limit=BudgetLimit(10_000), at=NOON)


def draft(programme, **own) -> Campaign:
    told = {"name": "Double", "starts_at": NOON, **own}
    return create_campaign(programme_id=programme.id, terms=DOUBLE, at=NOON, **told)


def running(programme, at) -> list[int]:
    return [campaign.percent for campaign in get_programme_rules(programme.id).campaigns_at(at)]


# -- the limit -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("budget", "may"), [(9_999, True), (10_000, True), (10_001, False), (None, False)])
def test_a_marketer_starts_what_is_within_the_limit_and_is_refused_above_it(
    programme, dave, limited, budget, may
):
    campaign = draft(programme, budget_points=budget)

    if may:
        switch_on_campaign(campaign_id=campaign.id, at=NOON, by=dave)
    else:
        with pytest.raises(OverBudgetLimit) as refusal:
            switch_on_campaign(campaign_id=campaign.id, at=NOON, by=dave)
        assert (refusal.value.budget_points, refusal.value.limit_points) == (budget, 10_000)

    assert running(programme, NOON) == ([200] if may else [])
    campaign.refresh_from_db()
    assert campaign.state == ("on" if may else "draft")


def test_a_marketer_drafts_whatever_the_limit_and_cannot_raise_what_runs_over_it(programme, dave, limited):
    campaign = draft(programme, budget_points=10_000)
    change_campaign(campaign_id=campaign.id, own={"budget_points": 99_000}, at=NOON, by=dave)
    change_campaign(campaign_id=campaign.id, own={"budget_points": 10_000}, at=NOON, by=dave)
    switch_on_campaign(campaign_id=campaign.id, at=NOON, by=dave)

    with pytest.raises(OverBudgetLimit):
        change_campaign(campaign_id=campaign.id, own={"budget_points": 10_001}, at=day(1), by=dave)

    campaign.refresh_from_db()
    assert (campaign.budget_points, campaign.versions.count()) == (10_000, 1)


def test_the_owner_and_the_shops_own_code_have_no_limit(programme, limited):
    owner = By("staff", str(get_user_model().objects.create_superuser("olga").pk), "olga")

    for by in (owner, By("shop")):
        switch_on_campaign(campaign_id=draft(programme).id, at=NOON, by=by)

    assert running(programme, NOON) == [200, 200]


def test_of_several_roles_the_most_generous_counts_and_a_removed_limit_is_everybody_elses(
    programme, marketers, dave, limited
):
    managers = Group.objects.create(name="Managers")
    get_user_model().objects.get(username="dave").groups.add(managers)
    assert get_budget_limit(programme=programme, by=dave) == BudgetLimit(10_000)

    set_campaign_limit(programme_id=programme.id, group_id=managers.id, limit=BudgetLimit(50_000), at=NOON)
    assert get_budget_limit(programme=programme, by=dave) == BudgetLimit(50_000)
    set_campaign_limit(programme_id=programme.id, group_id=managers.id, limit=ANY_BUDGET, at=NOON)
    assert get_budget_limit(programme=programme, by=dave) == ANY_BUDGET

    set_campaign_limit(programme_id=programme.id, group_id=None, limit=BudgetLimit(0), at=NOON)
    for group in (managers, marketers):
        set_campaign_limit(programme_id=programme.id, group_id=group.id, limit=None, at=NOON)
    assert get_budget_limit(programme=programme, by=dave) == BudgetLimit(0)
    assert [limit for _, limit in list_budget_limits(programme_id=programme.id)] == [BudgetLimit(0)]
    assert AuditRecord.objects.filter(kind="campaign_limit_set").count() == 6


def test_a_role_that_is_not_there_gets_no_limit(programme):
    with pytest.raises(UnknownRole):
        set_campaign_limit(programme_id=programme.id, group_id=999, limit=BudgetLimit(1), at=NOON)

    assert not CampaignLimit.objects.exists()


def test_budgets_compare_as_numbers_and_without_a_budget_nothing_bounds_it():
    assert BudgetLimit(5).allows(5)
    assert not BudgetLimit(5).allows(6)
    assert not BudgetLimit(5).allows(None)
    assert ANY_BUDGET.allows(None)
    assert most_generous_budget([]) == ANY_BUDGET
    assert most_generous_budget([BudgetLimit(5), BudgetLimit(7)]) == BudgetLimit(7)
    assert most_generous_budget([BudgetLimit(5), ANY_BUDGET]) == ANY_BUDGET


# -- asking --------------------------------------------------------------------------------------------------


def ask(campaign, by) -> Approval:
    with transaction.atomic():
        pk = request_start(campaign_id=campaign.id, reason="Spring sale", at=NOON, now=NOON, by=by)
    return Approval.objects.get(pk=pk)


def approve(approval, at=NOON) -> None:
    olga = get_user_model().objects.create_superuser("olga")
    with transaction.atomic():
        approvals.approve(
            approval_id=approval.pk, by=By("staff", str(olga.pk), "olga"), at=at, now=NOON + timedelta(days=1)
        )


def test_what_is_over_the_limit_is_asked_for_and_started_by_whoever_approves(programme, dave, limited):
    campaign = draft(programme, starts_at=day(2), budget_points=99_000)

    approval = ask(campaign, dave)
    assert running(programme, day(2)) == []
    approve(approval, at=day(1))

    assert running(programme, day(2)) == [200]
    started = AuditRecord.objects.get(kind="campaign_switched_on")
    assert started.by_label == "olga"


def test_what_was_changed_thrown_away_or_started_meanwhile_is_not_approved(programme, dave, limited):
    changed, gone, started = (draft(programme, starts_at=day(2)) for _ in range(3))
    asked = [ask(campaign, dave) for campaign in (changed, gone, started)]
    change_campaign(campaign_id=changed.id, terms={"factor": Decimal(9)}, at=NOON)
    discard_campaign(campaign_id=gone.id, at=NOON)
    switch_on_campaign(campaign_id=started.id, at=NOON)
    olga = By("staff", str(get_user_model().objects.create_superuser("olga").pk), "olga")

    for approval, said in zip(asked, ("changed meanwhile", "thrown away", "switched on"), strict=True):
        with pytest.raises(ChangeRefusedError, match=said), transaction.atomic():
            approvals.approve(approval_id=approval.pk, by=olga, at=day(1), now=NOON + timedelta(days=1))

    assert running(programme, day(2)) == [200]
    assert {row.state for row in Approval.objects.all()} == {"waiting"}


# -- taking back ---------------------------------------------------------------------------------------------


def test_a_start_that_was_a_mistake_is_a_draft_again_before_it_begins_and_a_pause_after(programme):
    scheduled, begun = draft(programme, starts_at=day(2)), draft(programme)
    for campaign in (scheduled, begun):
        switch_on_campaign(campaign_id=campaign.id, at=NOON)

    later = NOON + timedelta(seconds=30)
    states = [undo_switching_on(campaign_id=campaign.id, at=later).state for campaign in (scheduled, begun)]

    assert states == ["draft", "paused"]
    assert [running(programme, at) for at in (NOON, later, day(2))] == [[200], [], []]
    switch_on_campaign(campaign_id=scheduled.id, at=day(1))
    assert running(programme, day(2)) == [200]
    with pytest.raises(CampaignStepRefused):
        discard_campaign(campaign_id=begun.id, at=day(1))


def test_an_end_that_was_a_mistake_goes_on_within_a_minute_and_not_after_it(programme):
    campaign = switch_on_campaign(campaign_id=draft(programme).id, at=NOON)
    end_campaign(campaign_id=campaign.id, at=day(1))

    undo_ending(campaign_id=campaign.id, at=day(1) + timedelta(seconds=60))

    assert [running(programme, at) for at in (day(1), day(1) + timedelta(seconds=60), day(2))] == [
        [],
        [200],
        [200],
    ]
    end_campaign(campaign_id=campaign.id, at=day(3))
    with pytest.raises(CampaignStepRefused, match="ended for more than a minute"):
        undo_ending(campaign_id=campaign.id, at=day(3) + timedelta(seconds=61))
    assert Campaign.objects.get(id=campaign.id).state == "ended"


def test_what_was_paused_when_it_ended_is_paused_again(programme):
    campaign = switch_on_campaign(campaign_id=draft(programme).id, at=NOON)
    pause_campaign(campaign_id=campaign.id, at=day(1))
    end_campaign(campaign_id=campaign.id, at=day(2))

    undo_ending(campaign_id=campaign.id, at=day(2))

    campaign.refresh_from_db()
    assert (campaign.state, campaign.paused_at, campaign.ended_at) == ("paused", day(1), None)
    assert running(programme, day(2)) == []
