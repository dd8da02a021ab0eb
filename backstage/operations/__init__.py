"""Changes: job runs, checks, audit records, approvals."""
