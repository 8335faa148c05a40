"""A refusal, the same value at every door, and the closed list of reason codes (docs/reason-codes.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from promotebot.findings import Finding


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
    AGAINST_GATE = "against_gate"
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
