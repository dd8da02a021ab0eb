"""The admin of loyalty: members and their points, the programme, and the ledger to look at."""

from loyalty.admin.actions import ActionAttemptAdmin, ActionRuleAdmin
from loyalty.admin.campaigns import CampaignAdmin
from loyalty.admin.ledger import (
    AwardAdmin,
    EntryAdmin,
    HoldAdmin,
    LotAdmin,
    MovementAdmin,
    PointsAccountAdmin,
)
from loyalty.admin.levels import LevelAdmin
from loyalty.admin.members import MemberAdmin
from loyalty.admin.programmes import ProgrammeAdmin, TermsVersionAdmin

__all__ = [
    "ActionAttemptAdmin",
    "ActionRuleAdmin",
    "AwardAdmin",
    "CampaignAdmin",
    "EntryAdmin",
    "HoldAdmin",
    "LevelAdmin",
    "LotAdmin",
    "MemberAdmin",
    "MovementAdmin",
    "PointsAccountAdmin",
    "ProgrammeAdmin",
    "TermsVersionAdmin",
]
