"""An event's result: the closed lists of decisions and reason codes that outputs, logs and tests rely on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from promotebot.findings import Finding, Severity

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
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def exit_code(self) -> int:
        """Return the exit code of a job that ends so, where no error says another."""
        return {Outcome.REFUSED: 1, Outcome.FAILED: 4}.get(self, 0)


GATE_OUTCOMES = {"success": Outcome.PASSED, "action_required": Outcome.WAITING, "failure": Outcome.REFUSED}
"""What a conclusion of the required check makes of the job's decision."""


class Reason(str, Enum):
    """The output `reason_code`."""

    OTHER_EVENT = "other_event"
    NO_COMMAND = "no_command"
    BOT_COMMENT = "bot_comment"
    NOT_A_PULL_REQUEST = "not_a_pull_request"
    EDITED_COMMENT = "edited_comment"
    PULL_CLOSED = "pull_closed"
    FORK = "fork"
    DRAFT = "draft"
    WRONG_BASE = "wrong_base"
    PERMISSION = "permission"
    UNREADABLE_COMMAND = "unreadable_command"
    SHA_MISMATCH = "sha_mismatch"
    SHA_REQUIRED = "sha_required"
    NO_REGISTRY = "no_registry"
    INVALID_FILE = "invalid_file"
    BASE_MOVED = "base_moved"
    HAND_EDIT = "hand_edit"
    UNCLEAR = "unclear"
    RULES = "rules"
    REF_CHANGED = "ref_changed"
    COMMITTED = "committed"
    DRY_RUN = "dry_run"
    ALREADY_DONE = "already_done"
    NOTHING_TO_CHANGE = "nothing_to_change"
    HELP = "help"
    COULD_NOT_VERIFY = "could_not_verify"
    INTERNAL = "internal"
    WITHDRAWN = "withdrawn"
    NOTHING_TO_WITHDRAW = "nothing_to_withdraw"
    LABEL = "label"
    GATE = "gate"
    RECOMPUTED = "recomputed"
    LANDED = "landed"
    VERIFIED = "verified"
    MISMATCH = "mismatch"
    SHOWN = "shown"


@dataclass(frozen=True)
class Refusal:
    """A refusal, the same value at every door."""

    reason: Reason
    message: str
    remedy: str
    """The next thing to do."""
    findings: tuple[Finding, ...] = ()
    """What the rules say, where it is their refusal."""


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
    def code(self) -> int:
        """Return the exit code of the job."""
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
