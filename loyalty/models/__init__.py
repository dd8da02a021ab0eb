"""Tables of the loyalty app.

Design overview. A `Programme` decides; its rules are versions (`EarningRule`, `LotTerms`) that are never
edited, so that what was promised can always be shown. A `Member` is one customer in one programme and owns
one `PointsAccount`, which is the lock and the cache of the sums. Points live in a `Lot`; an `Entry` is one
business fact; a `Movement` says how many points of which lot changed from which state to which. Entries and
movements are append-only, and the counters of lots and accounts are always computed from them. An `Award` is
what one purchase earned in one programme and still stands for. A `Campaign` adds to that for a while; its
promises are versions too, and `CampaignUse` counts what each member got from it. An `ActionRule` gives
points for what members do besides buying, by versions as well; an `ActionAttempt` is one such deed and what
became of it. An `Announcement` is what members are told of a change before it holds. A `TierScheme` is one
version of the levels, each a `Tier`; a `TierHolding` says who has which level from when to when, a
`TierNotice` what they were told before they lose it. A `Plan` is what members can pay for, by a
`PlanVersion` as well; a `PaidMembership` says who is in one, each `MembershipPeriod` what was paid for.
A `Partner` owns channels and pays by prices, both for periods; a `PartnerStatement` settles one month of it,
line by line, and `StatementEntry` says from which entries. An `InvitationList` asks the customers of a
segment to join, each by an `Invitation`; an `InvitationGuest` came with somebody's link. An
`OutsideProgramme` is somebody else's scheme: a `Transfer` takes points there by a `TransferFile`, an
`IncomingTransfer` brings some from there by a `ReceivedFile`.
"""

from loyalty.models.actions import ActionAttempt, ActionRule, ActionVersion
from loyalty.models.adjustments import AdjustmentLimit, AdjustmentTally
from loyalty.models.announcement import Announcement
from loyalty.models.award import Award
from loyalty.models.campaign import Campaign, CampaignLimit, CampaignUse, CampaignVersion
from loyalty.models.invitations import Invitation, InvitationGuest, InvitationList
from loyalty.models.ledger import Entry, EntryNote, Hold, Lot, Movement, PointsAccount
from loyalty.models.member import Member, TermsVersion
from loyalty.models.outside import OutsideAccount, OutsideProgramme, OutsideRate
from loyalty.models.partner import Partner, PartnerChannel, PartnerPrice
from loyalty.models.plans import MembershipPeriod, PaidMembership, Plan, PlanVersion
from loyalty.models.programme import (
    EarningRule,
    ExchangeRate,
    LotTerms,
    ProductGroup,
    Programme,
    ProgrammePhase,
)
from loyalty.models.statement import PartnerStatement, StatementEntry, StatementLine
from loyalty.models.tiers import Tier, TierHolding, TierNotice, TierScheme
from loyalty.models.transfer import (
    IncomingTransfer,
    ReceivedFile,
    ReceivedRow,
    Transfer,
    TransferFile,
)

__all__ = [
    "ActionAttempt",
    "ActionRule",
    "ActionVersion",
    "AdjustmentLimit",
    "AdjustmentTally",
    "Announcement",
    "Award",
    "Campaign",
    "CampaignLimit",
    "CampaignUse",
    "CampaignVersion",
    "EarningRule",
    "Entry",
    "EntryNote",
    "ExchangeRate",
    "Hold",
    "IncomingTransfer",
    "Invitation",
    "InvitationGuest",
    "InvitationList",
    "Lot",
    "LotTerms",
    "Member",
    "MembershipPeriod",
    "Movement",
    "OutsideAccount",
    "OutsideProgramme",
    "OutsideRate",
    "PaidMembership",
    "Partner",
    "PartnerChannel",
    "PartnerPrice",
    "PartnerStatement",
    "Plan",
    "PlanVersion",
    "PointsAccount",
    "ProductGroup",
    "Programme",
    "ProgrammePhase",
    "ReceivedFile",
    "ReceivedRow",
    "StatementEntry",
    "StatementLine",
    "TermsVersion",
    "Tier",
    "TierHolding",
    "TierNotice",
    "TierScheme",
    "Transfer",
    "TransferFile",
]
