"""A refusal, the same value at every door, and the closed list of reason codes (docs/reason-codes.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from promotebot.findings import Finding, errors_in


class Reason(str, Enum):
    """The output `reason_code`."""

    OTHER_EVENT = "other_event"
    NO_COMMAND = "no_command"
    BOT_COMMENT = "bot_comment"
    NOT_A_PULL_REQUEST = "not_a_pull_request"
    EDITED_COMMENT = "edited_comment"
    DELETED_COMMENT = "deleted_comment"
    PULL_CLOSED = "pull_closed"
    FORK = "fork"
    DRAFT = "draft"
    WRONG_BASE = "wrong_base"
    PERMISSION = "permission"
    UNREADABLE_COMMAND = "unreadable_command"
    MISSING_REASON = "missing_reason"
    SHA_MISMATCH = "sha_mismatch"
    SHA_REQUIRED = "sha_required"
    NOT_CONFIRMED = "not_confirmed"
    NO_REGISTRY = "no_registry"
    INVALID_FILE = "invalid_file"
    BASE_MOVED = "base_moved"
    HAND_EDIT = "hand_edit"
    UNCLEAR = "unclear"
    NO_ROLLBACK_TARGET = "no_rollback_target"
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
    AGAINST_GATE = "against_gate"
    VERIFIED = "verified"
    MISMATCH = "mismatch"
    SHOWN = "shown"
    HELD = "held"
    QUARANTINE = "quarantine"
    LIFTED = "lifted"
    CHECKED = "checked"


@dataclass(frozen=True)
class Refusal:
    """A refusal, the same value at every door."""

    reason: Reason
    message: str
    remedy: str
    """The next thing to do."""
    findings: tuple[Finding, ...] = ()
    """What the rules say, where it is their refusal."""
    policy_keys: tuple[str, ...] = ()
    """What it goes by in the policy, where it is none of the rules'."""


def incomplete_reason(findings: Iterable[Finding]) -> Reason:
    """Return the reason code of a request that could not be completed."""
    rules = {finding.rule for finding in errors_in(findings)}
    if "rollback.candidate" in rules:
        return Reason.NO_ROLLBACK_TARGET
    return Reason.NOTHING_TO_CHANGE if "demote.stage" in rules else Reason.UNCLEAR
