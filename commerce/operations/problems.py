"""The list of what a person should look at."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from commerce.models import PurchaseProblem
from commerce.operations.rows import insert_rows
from commerce.policies.refusals import REFUSALS

FIELDS = ("channel", "reference", "purchase", "kind", "detail", "fingerprint", "found_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to list. `detail` holds codes, numbers and ids only.

    Two problems are the same if channel, reference, kind and `told_by` are: `told_by` is what the shop
    would change by telling something new, such as the snapshot's `as_of`, or a row number.
    """

    channel: str
    reference: str
    kind: str
    detail: dict[str, Any] = field(default_factory=dict)
    purchase_id: int | None = None
    told_by: str | int = ""

    @property
    def fingerprint(self) -> str:
        """What makes it the same problem when it is met again. The refused text is never part of it."""
        content = [self.channel, self.reference, self.kind, str(self.told_by)]
        return sha256(json.dumps(content).encode()).hexdigest()


def list_problems(*, problems: Iterable[Problem], at: datetime) -> None:
    """Put `problems` on the list; one that stands there already, resolved or not, stays as it is.

    Replay: the same problem is listed once. Queries: 1; 0 without problems.
    """
    by_fingerprint = {problem.fingerprint: problem for problem in problems}
    rows = [
        (
            problem.channel,
            problem.reference,
            problem.purchase_id,
            str(problem.kind),
            problem.detail,
            fingerprint,
            at,
        )
        for fingerprint, problem in sorted(by_fingerprint.items())
    ]
    insert_rows(PurchaseProblem, FIELDS, rows, conflict="ON CONFLICT (fingerprint) DO NOTHING")


def settle_refusals(*, references: Iterable[tuple[str, str]], at: datetime) -> int:
    """Resolve the open refusals of purchases that a later snapshot has put right; return how many there were.

    `references` are pairs of channel and reference.
    Queries: 1 for each channel; 0 without references.
    """
    by_channel: dict[str, list[str]] = {}
    for channel, reference in references:
        by_channel.setdefault(channel, []).append(reference)
    return sum(
        PurchaseProblem.objects.filter(
            channel=channel, reference__in=names, kind__in=REFUSALS, resolved_at__isnull=True
        ).update(resolved_at=at)
        for channel, names in sorted(by_channel.items())
    )


def resolve_problem(*, problem_id: int, at: datetime) -> bool:
    """Take a problem off the list; say whether it was still open."""
    open_problem = PurchaseProblem.objects.filter(id=problem_id, resolved_at__isnull=True)
    return bool(open_problem.update(resolved_at=at))
