"""What loyalty puts into the doors of the apps below it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from backstage.policies import By
from backstage.registry import (
    ApiScope,
    ApprovalKind,
    AuditKind,
    Job,
    KeyOwner,
    api_scopes,
    approval_kinds,
    audit_kinds,
    invariants,
    jobs,
    key_owners,
    verbs,
)
from commerce.registry import (
    CustomerMergeReaction,
    PurchaseReaction,
    StaffPageSection,
    customer_merges,
    customer_page_sections,
    purchase_page_sections,
    purchase_reactions,
    segment_conditions,
)
from loyalty.ledger import due
from loyalty.management.backtest_verb import BACKTEST
from loyalty.management.forecast_verb import FORECAST
from loyalty.management.init_verb import INIT
from loyalty.management.transfer_verb import TRANSFER
from loyalty.operations.actions import plan_occasions, work_occasions
from loyalty.operations.adjustments import apply_adjustment
from loyalty.operations.awards import settle_awards
from loyalty.operations.campaign_requests import apply_start
from loyalty.operations.changes.closing import plan_closing, work_closing
from loyalty.operations.changes.requests import apply_settings
from loyalty.operations.changes.settings import plan_taking_up, work_taking_up
from loyalty.operations.changes.winding_up import plan_winding_up, work_winding_up
from loyalty.operations.invitations import plan_invitations, work_invitations
from loyalty.operations.members import plan_forfeiting, work_forfeiting
from loyalty.operations.merges import merge_memberships, unmerge_memberships
from loyalty.operations.partners import OWNER_KIND
from loyalty.operations.plans.renewing import plan_renewing, work_renewing
from loyalty.operations.received_files import plan_rows, work_rows
from loyalty.operations.statements import plan_closing_months, work_closing_months
from loyalty.operations.tiers import upkeep as tier_upkeep
from loyalty.operations.transfer_files import plan_transfer_files, work_transfer_files
from loyalty.queries import (
    action_laws,
    campaign_laws,
    invitation_laws,
    member_page,
    partner_laws,
    staff_sections,
    transfer_laws,
)
from loyalty.queries.adjustments import APPROVAL_KIND, describe_adjustment, find_adjustment
from loyalty.queries.campaign_requests import APPROVAL_KIND as START_KIND
from loyalty.queries.campaign_requests import describe_start, find_start
from loyalty.queries.changes.laws import INVARIANTS as CHANGE_INVARIANTS
from loyalty.queries.changes.member_section import find_changes
from loyalty.queries.changes.requests import APPROVAL_KIND as SETTINGS_KIND
from loyalty.queries.changes.requests import describe_settings, find_settings
from loyalty.queries.due import list_purchases_to_settle
from loyalty.queries.exchange_page import find_exchange
from loyalty.queries.invariants import INVARIANTS
from loyalty.queries.partners import list_key_owners, name_partner
from loyalty.queries.plans.laws import INVARIANTS as PLAN_INVARIANTS
from loyalty.queries.plans.member_section import find_plan_section
from loyalty.queries.tiers.laws import INVARIANTS as TIER_INVARIANTS
from loyalty.queries.tiers.member_section import find_level_section
from loyalty.queries.tiers.segment_condition import LEVEL
from loyalty.registry import EarningTrigger, MemberPageSection, earning_triggers, member_page_sections


def _settle(purchase_ids: Sequence[int], at: datetime) -> None:
    settle_awards(purchase_ids=purchase_ids, at=at)


purchase_reactions.register(
    "loyalty.awards",
    PurchaseReaction(name="loyalty.awards", list_due=list_purchases_to_settle, settle=_settle),
)

customer_merges.register(
    "loyalty.memberships",
    CustomerMergeReaction(
        name="loyalty.memberships", on_merge=merge_memberships, on_unmerge=unmerge_memberships
    ),
)

for kind in (
    AuditKind(name="programme_created", sentence=_("%(by)s created %(object)s")),
    AuditKind(name="programme_state", sentence=_("%(by)s changed the state of %(object)s")),
    AuditKind(name="programme_closing", sentence=_("%(by)s announced the end of %(object)s")),
    AuditKind(name="terms_published", sentence=_("%(by)s published new terms of %(object)s")),
    AuditKind(name="change_called_off", sentence=_("%(by)s called off an announced change of %(object)s")),
    AuditKind(name="programme_settings", sentence=_("%(by)s changed the settings of %(object)s")),
    AuditKind(name="earningrule_version", sentence=_("%(by)s changed what %(object)s gives")),
    AuditKind(name="lotterms_version", sentence=_("%(by)s changed the window or expiry of %(object)s")),
    AuditKind(name="product_group_added", sentence=_("%(by)s added a product group to %(object)s")),
    AuditKind(name="exchange_rate_added", sentence=_("%(by)s added an exchange rate to %(object)s")),
    AuditKind(name="member_joined", sentence=_("%(by)s enrolled %(object)s")),
    AuditKind(name="member_left", sentence=_("%(by)s took %(object)s out of the programme")),
    AuditKind(name="member_came_back", sentence=_("%(by)s took %(object)s back")),
    AuditKind(name="member_paused", sentence=_("%(by)s paused %(object)s")),
    AuditKind(name="member_resumed", sentence=_("%(by)s resumed %(object)s")),
    AuditKind(name="older_purchases_granted", sentence=_("%(by)s counted older purchases in %(object)s")),
    AuditKind(name="campaign_drafted", sentence=_("%(by)s drafted %(object)s")),
    AuditKind(name="campaign_changed", sentence=_("%(by)s changed %(object)s")),
    AuditKind(name="campaign_switched_on", sentence=_("%(by)s switched %(object)s on")),
    AuditKind(name="campaign_paused", sentence=_("%(by)s paused %(object)s")),
    AuditKind(name="campaign_ended", sentence=_("%(by)s ended %(object)s")),
    AuditKind(name="campaign_discarded", sentence=_("%(by)s threw %(object)s away")),
    AuditKind(name="action_rule_drafted", sentence=_("%(by)s drafted %(object)s")),
    AuditKind(name="action_rule_changed", sentence=_("%(by)s changed %(object)s")),
    AuditKind(name="action_rule_switched_on", sentence=_("%(by)s switched %(object)s on")),
    AuditKind(name="action_rule_paused", sentence=_("%(by)s paused %(object)s")),
    AuditKind(name="action_rule_ended", sentence=_("%(by)s ended %(object)s")),
    AuditKind(name="action_rule_discarded", sentence=_("%(by)s threw %(object)s away")),
    AuditKind(name="action_withdrawn", sentence=_("%(by)s took back what an action had brought %(object)s")),
    AuditKind(name="campaign_taken_back", sentence=_("%(by)s took back what was just done with %(object)s")),
    AuditKind(
        name="campaign_limit_set",
        sentence=_("%(by)s set with which budgets staff may switch campaigns on in %(object)s"),
    ),
    AuditKind(name="plan_drafted", sentence=_("%(by)s drafted %(object)s")),
    AuditKind(name="plan_changed", sentence=_("%(by)s changed %(object)s")),
    AuditKind(name="plan_switched_on", sentence=_("%(by)s put %(object)s on sale")),
    AuditKind(name="plan_closed", sentence=_("%(by)s closed %(object)s to new members")),
    AuditKind(name="plan_ended", sentence=_("%(by)s ended %(object)s")),
    AuditKind(name="plan_discarded", sentence=_("%(by)s threw %(object)s away")),
    AuditKind(name="plan_started", sentence=_("%(by)s started a paid membership of %(object)s")),
    AuditKind(name="plan_trial_started", sentence=_("%(by)s started a trial of a plan for %(object)s")),
    AuditKind(name="plan_renewed", sentence=_("%(by)s renewed the paid membership of %(object)s")),
    AuditKind(name="plan_cancelled", sentence=_("%(by)s cancelled the paid membership of %(object)s")),
    AuditKind(
        name="plan_kept", sentence=_("%(by)s took back that the paid membership of %(object)s was cancelled")
    ),
    AuditKind(name="plan_refunded", sentence=_("%(by)s noted a refund of the paid membership of %(object)s")),
    AuditKind(name="levels_drafted", sentence=_("%(by)s drafted the levels of %(object)s")),
    AuditKind(name="levels_switched_on", sentence=_("%(by)s switched on the levels of %(object)s")),
    AuditKind(name="levels_switched_off", sentence=_("%(by)s switched off the levels of %(object)s")),
    AuditKind(name="levels_discarded", sentence=_("%(by)s threw away the drafted levels of %(object)s")),
    AuditKind(name="invitation_list_drafted", sentence=_("%(by)s drafted %(object)s")),
    AuditKind(name="invitation_list_changed", sentence=_("%(by)s changed %(object)s")),
    AuditKind(name="invitation_list_switched_on", sentence=_("%(by)s switched %(object)s on")),
    AuditKind(name="invitation_list_paused", sentence=_("%(by)s paused %(object)s")),
    AuditKind(name="invitation_list_ended", sentence=_("%(by)s ended %(object)s")),
    AuditKind(name="invitation_list_discarded", sentence=_("%(by)s threw %(object)s away")),
    AuditKind(name="invitation_withdrawn", sentence=_("%(by)s withdrew %(object)s")),
    AuditKind(
        name="invitation_links_exported", sentence=_("%(by)s took the links of %(object)s out in a file")
    ),
    AuditKind(name="level_granted", sentence=_("%(by)s gave %(object)s a level")),
    AuditKind(name="level_withdrawn", sentence=_("%(by)s ended a level that %(object)s had been given")),
    AuditKind(name="partner_opened", sentence=_("%(by)s took in %(object)s")),
    AuditKind(name="partner_channel_added", sentence=_("%(by)s gave a channel to %(object)s")),
    AuditKind(name="partner_channel_ended", sentence=_("%(by)s took a channel from %(object)s")),
    AuditKind(name="partner_price_agreed", sentence=_("%(by)s agreed a price with %(object)s")),
    AuditKind(name="partner_ended", sentence=_("%(by)s ended %(object)s")),
    AuditKind(name="outside_opened", sentence=_("%(by)s took in %(object)s")),
    AuditKind(name="outside_rate_set", sentence=_("%(by)s set a rate of %(object)s")),
    AuditKind(name="outside_rate_stopped", sentence=_("%(by)s stopped a rate of %(object)s")),
    AuditKind(name="outside_ended", sentence=_("%(by)s ended %(object)s")),
    AuditKind(name="transfer_file_made", sentence=_("%(by)s made %(object)s")),
    AuditKind(name="transfer_file_received", sentence=_("%(by)s received %(object)s")),
    AuditKind(name="partner_month_closed", sentence=_("%(by)s closed %(object)s")),
    AuditKind(name="points_given", sentence=_("%(by)s gave points to %(object)s")),
    AuditKind(name="points_taken", sentence=_("%(by)s took points from %(object)s")),
    AuditKind(
        name="adjustment_limit_set",
        sentence=_("%(by)s set how many points staff may give and take by hand in %(object)s"),
    ),
):
    audit_kinds.register(kind.name, kind)


for trigger in (
    EarningTrigger(name="sign_up", label=_("joining"), is_told=False),
    EarningTrigger(name="birthday", label=_("your birthday"), is_told=False),
    EarningTrigger(name="anniversary", label=_("another year in the club"), is_told=False),
    EarningTrigger(name="review", label=_("a review, whatever its stars")),
    EarningTrigger(name="share", label=_("telling others about us")),
    EarningTrigger(name="survey", label=_("answering our questions")),
    EarningTrigger(name="newsletter", label=_("reading our news")),
    EarningTrigger(name="event", label=_("something of the shop's own")),
):
    earning_triggers.register(trigger.name, trigger)


def _adjust(payload: Mapping[str, Any], at: datetime, by: By) -> None:
    apply_adjustment(payload=payload, at=at, by=by)


approval_kinds.register(
    APPROVAL_KIND,
    ApprovalKind(
        name=APPROVAL_KIND,
        describe=describe_adjustment,
        apply=_adjust,
        template="encore/loyalty/admin/approval_adjustment.html",
        find=find_adjustment,
        private=frozenset({"message", "note"}),
    ),
)


def _change_settings(payload: Mapping[str, Any], at: datetime, by: By) -> None:
    apply_settings(payload=payload, at=at, by=by)


approval_kinds.register(
    SETTINGS_KIND,
    ApprovalKind(
        name=SETTINGS_KIND,
        describe=describe_settings,
        apply=_change_settings,
        template="encore/loyalty/admin/approval_settings.html",
        find=find_settings,
    ),
)


def _start_campaign(payload: Mapping[str, Any], at: datetime, by: By) -> None:
    apply_start(payload=payload, at=at, by=by)


approval_kinds.register(
    START_KIND,
    ApprovalKind(
        name=START_KIND,
        describe=describe_start,
        apply=_start_campaign,
        template="encore/loyalty/admin/approval_campaign.html",
        find=find_start,
    ),
)

segment_conditions.register(LEVEL.key, LEVEL)

_plan_release, _work_release = due.job(due.RELEASE)
_plan_expiry, _work_expiry = due.job(due.EXPIRE)

for job in (
    Job(
        name="void_stale_holds",
        every=timedelta(minutes=5),
        plan=due.plan_stale_holds,
        work=due.work_stale_holds,
        note=_("Gives points back whose reservation has timed out."),
    ),
    Job(
        name="release_due_points",
        every=timedelta(hours=1),
        plan=_plan_release,
        work=_work_release,
        note=_("Makes points ready whose return window is over."),
    ),
    Job(
        name="expire_due_points",
        every=timedelta(hours=1),
        plan=_plan_expiry,
        work=_work_expiry,
        note=_("Ends points whose date has come."),
    ),
    Job(
        name="grant_occasion_points",
        every=timedelta(hours=1),
        plan=plan_occasions,
        work=work_occasions,
        note=_("Gives points for birthdays and anniversaries, also those of the last week."),
    ),
    Job(
        name="send_invitations",
        every=timedelta(minutes=5),
        plan=plan_invitations,
        work=work_invitations,
        note=_("Invites customers whom a list has chosen; lists that go on choosing do so once a day."),
    ),
    Job(
        name="forfeit_left_members",
        every=timedelta(days=1),
        plan=plan_forfeiting,
        work=work_forfeiting,
        note=_("Ends the points of members who left more than 14 days ago."),
    ),
    Job(
        name="requalify_tiers",
        every=timedelta(days=1),
        plan=tier_upkeep.plan_requalifying,
        work=tier_upkeep.work_requalifying,
        note=_("Tests levels whose day has come, and gives those that have been earned."),
    ),
    Job(
        name="warn_tier_loss",
        every=timedelta(days=1),
        plan=tier_upkeep.plan_warning,
        work=tier_upkeep.work_warning,
        note=_("Tells members what they lack to keep their level, before they lose it."),
    ),
    Job(
        name="close_programmes",
        every=timedelta(days=1),
        plan=plan_closing,
        work=work_closing,
        note=_("Writes down which programmes have closed."),
    ),
    Job(
        name="wind_up_programmes",
        every=timedelta(hours=1),
        plan=plan_winding_up,
        work=work_winding_up,
        note=_(
            "Before a programme closes, makes points ready that would come too late; after it, ends them."
        ),
    ),
    Job(
        name="renew_memberships",
        every=timedelta(days=1),
        plan=plan_renewing,
        work=work_renewing,
        note=_("Writes down which paid memberships were not renewed, or have ended."),
    ),
    Job(
        name="make_transfer_files",
        every=timedelta(days=1),
        plan=plan_transfer_files,
        work=work_transfer_files,
        note=_("Puts the exchanges that wait into one file for each outside programme."),
    ),
    Job(
        name="read_transfer_files",
        every=timedelta(minutes=1),
        plan=plan_rows,
        work=work_rows,
        note=_("Takes in what outside programmes answer and send, row by row."),
    ),
    Job(
        name="close_partner_months",
        every=timedelta(days=1),
        plan=plan_closing_months,
        work=work_closing_months,
        note=_("Closes the months of partners that have been over for three days."),
    ),
    Job(
        name="take_up_settings",
        every=timedelta(hours=1),
        plan=plan_taking_up,
        work=work_taking_up,
        note=_("Writes down announced settings whose day has come."),
    ),
):
    jobs.register(job.name, job)

purchase_page_sections.register(
    "loyalty.awards",
    StaffPageSection(
        name="loyalty.awards",
        order=100,
        template="encore/loyalty/admin/section_awards.html",
        find=staff_sections.find_awards,
    ),
)
customer_page_sections.register(
    "loyalty.memberships",
    StaffPageSection(
        name="loyalty.memberships",
        order=100,
        template="encore/loyalty/admin/section_memberships.html",
        find=staff_sections.find_memberships,
    ),
)

for section in (
    MemberPageSection(
        name="changes",
        order=700,
        template="encore/loyalty/sections/changes.html",
        find=find_changes,
    ),
    MemberPageSection(
        name="level",
        order=702,
        template="encore/loyalty/sections/level.html",
        find=find_level_section,
    ),
    MemberPageSection(
        name="offers",
        order=700,
        template="encore/loyalty/sections/offers.html",
        find=member_page.find_offers,
    ),
    MemberPageSection(
        name="plan",
        order=703,
        template="encore/loyalty/sections/plan.html",
        find=find_plan_section,
    ),
    MemberPageSection(
        name="ways",
        order=705,
        template="encore/loyalty/sections/ways.html",
        find=member_page.find_ways,
    ),
    MemberPageSection(
        name="exchange",
        order=708,
        template="encore/loyalty/sections/exchange.html",
        find=find_exchange,
    ),
    MemberPageSection(
        name="card", order=710, template="encore/loyalty/sections/card.html", find=member_page.find_card
    ),
    MemberPageSection(
        name="history",
        order=800,
        template="encore/loyalty/sections/history.html",
        find=member_page.find_history,
    ),
    MemberPageSection(
        name="help", order=900, template="encore/loyalty/sections/help.html", find=member_page.find_help
    ),
):
    member_page_sections.register(section.name, section)

for verb in (BACKTEST, FORECAST, INIT, TRANSFER):
    verbs.register(verb.name, verb)

for scope in (
    ApiScope(name="balance", label=_("asking for balances")),
    ApiScope(name="spending", label=_("reserving and using points")),
):
    api_scopes.register(scope.name, scope)
key_owners.register(
    OWNER_KIND,
    KeyOwner(name=OWNER_KIND, label=_("partner"), list_owners=list_key_owners, name_owner=name_partner),
)

for invariant in (
    *INVARIANTS,
    *action_laws.INVARIANTS,
    *campaign_laws.INVARIANTS,
    *PLAN_INVARIANTS,
    *partner_laws.INVARIANTS,
    *transfer_laws.INVARIANTS,
    *CHANGE_INVARIANTS,
    *TIER_INVARIANTS,
    *invitation_laws.INVARIANTS,
):
    invariants.register(invariant.name, invariant)
