"""The admin of backstage: job runs, audit log, approvals."""

from backstage.admin.approvals import ApprovalAdmin
from backstage.admin.audit import AuditRecordAdmin
from backstage.admin.jobs import JobRunAdmin

__all__ = ["ApprovalAdmin", "AuditRecordAdmin", "JobRunAdmin"]
