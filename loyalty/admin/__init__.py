"""The admin of loyalty: members and their points, the programme, and the ledger to look at."""

from loyalty.admin.actions import ActionAttemptAdmin, ActionRuleAdmin
from loyalty.admin.campaigns import CampaignAdmin
from loyalty.admin.invitations import InvitationListAdmin
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
from loyalty.admin.outside import OutsideProgrammeAdmin
from loyalty.admin.partners import PartnerAdmin
from loyalty.admin.plans import PlanAdmin
from loyalty.admin.programmes import ProgrammeAdmin, TermsVersionAdmin
from loyalty.admin.statements import PartnerStatementAdmin
from loyalty.admin.transfers import (
    IncomingTransferAdmin,
    ReceivedFileAdmin,
    TransferAdmin,
    TransferFileAdmin,
)

__all__ = [
    "ActionAttemptAdmin",
    "ActionRuleAdmin",
    "AwardAdmin",
    "CampaignAdmin",
    "EntryAdmin",
    "HoldAdmin",
    "IncomingTransferAdmin",
    "InvitationListAdmin",
    "LevelAdmin",
    "LotAdmin",
    "MemberAdmin",
    "MovementAdmin",
    "OutsideProgrammeAdmin",
    "PartnerAdmin",
    "PartnerStatementAdmin",
    "PlanAdmin",
    "PointsAccountAdmin",
    "ProgrammeAdmin",
    "ReceivedFileAdmin",
    "TermsVersionAdmin",
    "TransferAdmin",
    "TransferFileAdmin",
]
