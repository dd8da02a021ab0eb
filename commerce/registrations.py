"""What commerce puts into the doors of backstage."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from backstage.registry import (
    ApiScope,
    AuditKind,
    Job,
    KeyOwner,
    api_scopes,
    audit_kinds,
    jobs,
    key_owners,
    verbs,
)
from commerce.management.import_verb import IMPORT
from commerce.operations import upkeep
from commerce.queries.key_owners import list_channels, name_channel
from commerce.queries.segments.conditions import CONDITIONS
from commerce.registry import segment_conditions

for kind in (
    AuditKind(name="channel_opened", sentence=_("%(by)s opened %(object)s")),
    AuditKind(name="channel_changed", sentence=_("%(by)s changed %(object)s")),
    AuditKind(name="segment_saved", sentence=_("%(by)s saved %(object)s")),
    AuditKind(name="segment_deleted", sentence=_("%(by)s deleted %(object)s")),
    AuditKind(name="purchase_entered", sentence=_("%(by)s entered %(object)s")),
    AuditKind(name="customers_merged", sentence=_("%(by)s merged %(object)s into another customer")),
    AuditKind(name="customers_unmerged", sentence=_("%(by)s took %(object)s apart again")),
    AuditKind(name="identity_verified", sentence=_("%(by)s noted that %(object)s has proven an address")),
    AuditKind(
        name="purchases_claimed",
        sentence=_("%(by)s handed %(object)s what was bought under a proven address"),
    ),
):
    audit_kinds.register(kind.name, kind)

jobs.register(
    "settle_purchases",
    Job(
        name="settle_purchases",
        every=timedelta(minutes=1),
        plan=upkeep.plan_settling,
        work=upkeep.work_settling,
        note=_("Finds purchases that changed without points and others hearing of it, and catches up."),
    ),
)

for condition in CONDITIONS:
    segment_conditions.register(condition.key, condition)

verbs.register(IMPORT.name, IMPORT)

api_scopes.register("purchases", ApiScope(name="purchases", label=_("telling orders and returns")))
key_owners.register(
    "channel",
    KeyOwner(name="channel", label=_("channel"), list_owners=list_channels, name_owner=name_channel),
)
