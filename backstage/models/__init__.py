"""Tables of backstage."""

from backstage.models.api_keys import ApiKey
from backstage.models.approvals import Approval
from backstage.models.audit import AuditRecord
from backstage.models.clock import ClockOffset
from backstage.models.jobs import JobChunk, JobRun

__all__ = ["ApiKey", "Approval", "AuditRecord", "ClockOffset", "JobChunk", "JobRun"]
