"""An event's result: the closed lists of decisions and reason codes that outputs, logs and tests rely on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from promotebot.findings import Finding, Severity
from promotebot.gate.refusal import Reason

RESULT_VERSION = "v1"


class Outcome(str, Enum):
    """The output `decision`."""

    IGNORED = "ignored"
    PROMOTED = "promoted"
    PLANNED = "planned"
    UNCHANGED = "unchanged"
    WITHDRAWN = "withdrawn"
    PASSED = "passed"
    WAITING = "waiting"
    HELPED = "helped"
    HELD = "held"
    PROPOSED = "proposed"
    LIFTED = "lifted"
    CHECKED = "checked"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def exit_code(self) -> int:
        """Return the exit code of a job that ends so, where no error says another."""
        return {Outcome.REFUSED: 1, Outcome.FAILED: 4}.get(self, 0)


GATE_OUTCOMES = {"success": Outcome.PASSED, "action_required": Outcome.WAITING, "failure": Outcome.REFUSED}
"""What a conclusion of the required check makes of the job's decision."""


@dataclass(frozen=True)
class Answer:
    """What one event or one command of it led to."""

    outcome: Outcome
    reason: Reason
    message: str = ""
    commit_sha: str = ""
    comment_url: str = ""
    summary: str = ""
    """Markdown for the step summary: the comment's full text."""
    exit_code: int | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """Return whether nothing was refused and nothing failed."""
        return self.outcome not in (Outcome.REFUSED, Outcome.FAILED)

    @property
    def code(self) -> int:
        """Return the exit code of a job that has to give a verdict; see `router.exit_code` for the others."""
        return self.outcome.exit_code if self.exit_code is None else self.exit_code

    def result(self) -> dict[str, Any]:
        """Return the output `result`: a JSON object with its schema version."""
        return {
            "schema_version": RESULT_VERSION,
            "decision": self.outcome.value,
            "reason_code": self.reason.value,
            "message": self.message,
            "commit_sha": self.commit_sha or None,
            "comment_url": self.comment_url or None,
            **self.details,
        }


def finding_details(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return the part of `result` that lists what rules found; passes are left out, since there are dozens of them."""
    return {"findings": [f.model_dump(mode="json") for f in findings if f.severity is not Severity.PASS]}
