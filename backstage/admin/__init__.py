"""The admin of backstage: job runs, audit log, approvals, API keys."""

from backstage.admin.api_keys import ApiKeyAdmin
from backstage.admin.approvals import ApprovalAdmin
from backstage.admin.audit import AuditRecordAdmin
from backstage.admin.jobs import JobRunAdmin

__all__ = ["ApiKeyAdmin", "ApprovalAdmin", "AuditRecordAdmin", "JobRunAdmin"]
