"""Rules and values of backstage, pure: no database, no clock, no settings."""

from backstage.policies.actors import SHOP, SYSTEM, By
from backstage.policies.approvals import ApprovalState
from backstage.policies.findings import Finding
from backstage.policies.jobs import Chunk, JobState, Progress

__all__ = ["SHOP", "SYSTEM", "ApprovalState", "By", "Chunk", "Finding", "JobState", "Progress"]
