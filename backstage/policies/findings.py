"""What a check of the books says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach of one invariant: the rows that break it, and how."""

    invariant: str
    ids: Sequence[int | str]
    detail: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What one invariant found; `error` when the question itself could not be asked."""

    invariant: str
    question: str
    liveness: bool
    findings: tuple[Finding, ...] = ()
    error: str = ""
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Whether the question was asked and nothing was found."""
        return not self.findings and not self.error


@dataclass(frozen=True, slots=True)
class Report:
    """The answers to every invariant, read from one state of the database."""

    answers: tuple[Answer, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        """0 clean; 1 the books are wrong, or a question could not be asked; 2 something is only late."""
        breached = [answer for answer in self.answers if not answer.is_clean]
        if any(not answer.liveness or answer.error for answer in breached):
            return 1
        return 2 if breached else 0

    @property
    def findings(self) -> list[Finding]:
        """Every finding, in the order of the invariants."""
        return [finding for answer in self.answers for finding in answer.findings]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for monitoring."""
        return {
            "exit_code": self.exit_code,
            "invariants": [
                {
                    "name": answer.invariant,
                    "question": answer.question,
                    "liveness": answer.liveness,
                    "clean": answer.is_clean,
                    "error": answer.error,
                    "seconds": round(answer.seconds, 3),
                    "findings": [
                        {"ids": list(finding.ids), "detail": finding.detail} for finding in answer.findings
                    ],
                }
                for answer in self.answers
            ],
        }
