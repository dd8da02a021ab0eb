"""What coupons puts into the doors of the apps below it."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from backstage.registry import AuditKind, Job, audit_kinds, jobs
from coupons.operations.alerts import plan_watching, work_watching
from coupons.operations.code_making import plan_making, work_making

for kind in (
    AuditKind(name="site_added", sentence=_("%(by)s added the coupon site %(object)s")),
    AuditKind(name="site_changed", sentence=_("%(by)s changed the coupon site %(object)s")),
    AuditKind(name="site_key_renewed", sentence=_("%(by)s gave the feed of %(object)s another address")),
    AuditKind(name="site_ended", sentence=_("%(by)s ended the coupon site %(object)s")),
    AuditKind(
        name="submission_prepared", sentence=_("%(by)s prepared a sheet for a coupon site: %(object)s")
    ),
    AuditKind(name="submission_changed", sentence=_("%(by)s changed a sheet for a coupon site: %(object)s")),
    AuditKind(name="submission_submitted", sentence=_("%(by)s sent a sheet to a coupon site: %(object)s")),
    AuditKind(name="submission_live", sentence=_("%(by)s noted that a coupon site shows %(object)s")),
    AuditKind(
        name="submission_to_withdraw",
        sentence=_("%(by)s noted that a coupon site has to take down %(object)s"),
    ),
    AuditKind(
        name="submission_withdrawn", sentence=_("%(by)s noted that a coupon site has taken down %(object)s")
    ),
    AuditKind(name="leaked_code_paused", sentence=_("%(by)s paused the code %(object)s, which had spread")),
    AuditKind(name="leaked_code_resumed", sentence=_("%(by)s made the code %(object)s good again")),
    AuditKind(
        name="code_alert_dismissed", sentence=_("%(by)s noted that the use of %(object)s is meant to be")
    ),
    AuditKind(name="batch_requested", sentence=_("%(by)s asked for a batch of codes: %(object)s")),
    AuditKind(name="batch_topped_up", sentence=_("%(by)s asked for more codes of %(object)s")),
    AuditKind(name="batch_paused", sentence=_("%(by)s paused the codes of %(object)s")),
    AuditKind(name="batch_resumed", sentence=_("%(by)s let the codes of %(object)s go on")),
    AuditKind(name="batch_voided", sentence=_("%(by)s made the codes of %(object)s void")),
    AuditKind(name="codes_exported", sentence=_("%(by)s took out the codes of %(object)s")),
    AuditKind(name="batch_code_bound", sentence=_("%(by)s bound the code %(object)s to a customer")),
    AuditKind(name="batch_code_ended", sentence=_("%(by)s gave the code %(object)s an end of its own")),
    AuditKind(name="batch_code_voided", sentence=_("%(by)s made the code %(object)s void")),
):
    audit_kinds.register(kind.name, kind)

jobs.register(
    "watch_codes",
    Job(
        name="watch_codes",
        every=timedelta(minutes=10),
        plan=plan_watching,
        work=work_watching,
        note=_("Raises an alert where a private or a site's code is used by many unrelated customers."),
    ),
)

jobs.register(
    "make_codes",
    Job(
        name="make_codes",
        every=timedelta(minutes=1),
        plan=plan_making,
        work=work_making,
        note=_("Makes the codes that batches lack."),
    ),
)
