"""What backstage puts into its own doors."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from backstage.management import verbs as verb
from backstage.operations import upkeep
from backstage.registry import AuditKind, Invariant, Job, audit_kinds, invariants, jobs, verbs

for kind in (
    AuditKind(name="approval_requested", sentence=_("%(by)s asked for %(object)s")),
    AuditKind(name="approval_approved", sentence=_("%(by)s approved %(object)s")),
    AuditKind(name="approval_refused", sentence=_("%(by)s refused %(object)s")),
    AuditKind(name="approval_cancelled", sentence=_("%(by)s took back %(object)s")),
    AuditKind(name="job_paused", sentence=_("%(by)s paused %(object)s")),
    AuditKind(name="api_key_made", sentence=_("%(by)s made %(object)s")),
    AuditKind(name="api_key_withdrawn", sentence=_("%(by)s withdrew %(object)s")),
    AuditKind(name="job_resumed", sentence=_("%(by)s resumed %(object)s")),
):
    audit_kinds.register(kind.name, kind)

for job in (
    Job(
        name="check_ledger",
        every=timedelta(hours=1),
        plan=upkeep.plan_check,
        work=upkeep.work_check,
        note=_("Asks the books every question that must have the answer “yes”."),
        reads_only=True,
    ),
    Job(
        name="forget_empty_runs",
        every=timedelta(days=1),
        plan=upkeep.plan_forgetting,
        work=upkeep.work_forgetting,
        note=_("Forgets runs older than a week that found nothing to do."),
    ),
):
    jobs.register(job.name, job)

invariants.register(
    "append_only_triggers",
    Invariant(
        name="append_only_triggers",
        question="Does the database itself refuse to change what is written once?",
        find=upkeep.find_missing_triggers,
    ),
)
invariants.register(
    "stored_functions",
    Invariant(
        name="stored_functions",
        question="Are the functions in the database what the code says?",
        find=upkeep.find_differing_functions,
    ),
)

for entry in (verb.RUN_JOB, verb.RUN_DUE, verb.REPLAY, verb.CHECK_LEDGER):
    verbs.register(entry.name, entry)
