"""Asking the books whether they are right.

Nothing is ever repaired here: a correction is a new, reasoned entry.
"""

import logging
from collections.abc import Callable
from time import perf_counter

from django.db import transaction

from backstage.policies.findings import Answer, Finding, Report
from backstage.registry import Invariant, invariants
from backstage.transactions import read_snapshot

logger = logging.getLogger("encore.backstage")


def check_ledger(*, tell: Callable[[Answer], None] | None = None) -> Report:
    """Ask every registered invariant within one read snapshot, and return the answers.

    An invariant that cannot be asked is reported as such and counts as a breach: a broken check must not
    look clean. `tell` hears each answer as it comes.
    """
    answers = []
    with read_snapshot():
        for _name, invariant in invariants.items():
            answers.append(ask(invariant=invariant))
            if tell:
                tell(answers[-1])
    return Report(tuple(answers))


def ask(*, invariant: Invariant) -> Answer:
    """Ask one invariant; a failure of its query does not spoil the snapshot for the others."""
    started = perf_counter()
    findings: tuple[Finding, ...] = ()
    error = ""
    try:
        with transaction.atomic():
            findings = tuple(invariant.find())
    except Exception as failure:
        logger.exception("invariant %s could not be asked", invariant.name)
        error = f"{type(failure).__name__}: {failure}"
    return Answer(
        invariant=invariant.name,
        question=invariant.question,
        liveness=invariant.liveness,
        findings=findings,
        error=error,
        seconds=perf_counter() - started,
    )
