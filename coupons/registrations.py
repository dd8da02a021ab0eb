"""What coupons puts into the doors of the apps below it."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from backstage.registry import AuditKind, Job, audit_kinds, jobs
from coupons.operations.alerts import plan_watching, work_watching

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
    AuditKind(name="margin_floor_set", sentence=_("%(by)s set a floor of the margin")),
    AuditKind(name="margin_floor_ended", sentence=_("%(by)s ended a floor of the margin")),
    AuditKind(name="brand_agreement_noted", sentence=_("%(by)s noted an agreement about a brand")),
    AuditKind(name="brand_agreement_ended", sentence=_("%(by)s ended an agreement about a brand")),
    AuditKind(name="leaked_code_paused", sentence=_("%(by)s paused the code %(object)s, which had spread")),
    AuditKind(name="leaked_code_resumed", sentence=_("%(by)s made the code %(object)s good again")),
    AuditKind(
        name="code_alert_dismissed", sentence=_("%(by)s noted that the use of %(object)s is meant to be")
    ),
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
