"""Every row lock of the app, in the global order.

Purchase → award → transfers → accounts by member → lots → campaigns.

A programme's row is locked only to change its rules, by transactions that lock nothing else but a campaign,
a rule for an action or a plan. Paid memberships have no lock of their own: the member's account is theirs.

Each kind is locked in one statement by ascending id, and nothing earlier in the order is locked afterwards.
`no_key=True`, because a plain FOR UPDATE would block the key check of every insert that points at the row. A
member's account is the lock of all their lots and holds. On SQLite, where a transaction that writes is alone
(IMMEDIATE), these are plain reads.
"""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from django.db import connection

from backstage.plain_sql import Columns, among, for_update, listed, within
from loyalty.models import (
    ActionRule,
    Award,
    Campaign,
    InvitationList,
    Lot,
    OutsideProgramme,
    Plan,
    PointsAccount,
    Programme,
    Transfer,
)
from loyalty.policies.book import Account
from loyalty.policies.settlement import AwardState

# In the order in which `AwardState` has them.
AWARD_COLUMNS = tuple(field.name for field in fields(AwardState))
_AWARD = Columns(Award, *AWARD_COLUMNS)
_ACCOUNT = Columns(PointsAccount, *Account._fields)
_CAMPAIGN = Columns(Campaign)


def lock_programme(programme_id: int) -> Programme:
    """Lock one programme, so that two changes of its rules follow each other. Raises:
    Programme.DoesNotExist.
    """
    return Programme.objects.select_for_update(no_key=True).get(id=programme_id)


def lock_campaign(campaign_id: int) -> Campaign:
    """Lock one campaign, to change it. The programme comes first. Raises: Campaign.DoesNotExist."""
    return Campaign.objects.select_for_update(no_key=True).get(id=campaign_id)


def lock_action_rule(rule_id: int) -> ActionRule:
    """Lock one rule for an action, to change it; the programme comes first.

    Raises: ActionRule.DoesNotExist.
    """
    return ActionRule.objects.select_for_update(no_key=True).get(id=rule_id)


def lock_plan(plan_id: int) -> Plan:
    """Lock one plan, to change it; the programme comes first. Raises: Plan.DoesNotExist."""
    return Plan.objects.select_for_update(no_key=True).get(id=plan_id)


def lock_invitation_list(list_id: int) -> InvitationList:
    """Lock one list of invitations, to change it; nothing is locked beside it.

    Raises: InvitationList.DoesNotExist.
    """
    return InvitationList.objects.select_for_update(no_key=True).get(id=list_id)


def lock_outside(outside_id: int) -> OutsideProgramme:
    """Lock one outside programme, so that a day makes one file. Raises: OutsideProgramme.DoesNotExist."""
    return OutsideProgramme.objects.select_for_update(no_key=True).get(id=outside_id)


def lock_transfers(transfer_ids: Iterable[int]) -> dict[int, Transfer]:
    """Lock transfers by ascending id, to write down their answers; the accounts come after."""
    rows = Transfer.objects.select_for_update(no_key=True).filter(id__in=set(transfer_ids))
    return {row.id: row for row in rows.order_by("id")}


def lock_campaigns(campaign_ids: Iterable[int]) -> list[Campaign]:
    """Lock the counters of campaigns by ascending id, to give points from them. Nothing is locked after."""
    return _CAMPAIGN.load(f"WHERE {among('id')} ORDER BY id {for_update()}", [listed(set(campaign_ids))])


def lock_awards(*, programme_id: int, purchase_ids: Iterable[int]) -> dict[int, AwardState]:
    """Lock the awards of these purchases in one programme; give them by purchase id. The purchases come
    first.
    """
    of_these, value = within("purchase_id", set(purchase_ids))
    rows = _AWARD.read(
        f"WHERE programme_id = %s AND {of_these} ORDER BY id {for_update()}", [programme_id, value]
    )
    awards = [AwardState(*row) for row in rows]
    return {award.purchase_id: award for award in awards}


def lock_accounts(member_ids: Iterable[int]) -> dict[int, Account]:
    """Lock the accounts of these members by ascending member id; give them by member id."""
    of_these, value = within("member_id", set(member_ids))
    rows = _ACCOUNT.read(f"WHERE {of_these} ORDER BY member_id {for_update()}", [value])
    return {row[0]: Account(*row) for row in rows}


def lock_due_accounts(lo: int, hi: int, due: str, values: list[Any]) -> list[int]:
    """Lock the accounts without debt of one range of members that have lots which are `due`; give the member
    ids.

    In SQL of its own, because the condition is the one that the job's statements share.
    """
    account, lot = PointsAccount._meta.db_table, Lot._meta.db_table
    lock = connection.ops.for_update_sql(no_key=True) if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT member_id FROM {account} WHERE debt = 0 AND member_id BETWEEN %s AND %s AND member_id IN"
            f" (SELECT lot.member_id FROM {lot} AS lot WHERE {due} AND lot.member_id BETWEEN %s AND %s)"
            f" ORDER BY member_id {lock}",
            [lo, hi, *values, lo, hi],
        )
        return [member_id for (member_id,) in cursor.fetchall()]
