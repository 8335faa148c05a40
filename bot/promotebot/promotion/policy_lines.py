"""Which line of the policy a rule goes by: its key, the value in force, and where the file says it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from promotebot.promotion.policy import Policy

_ROLE = ("stages.active.permission", "stages.staging.permission", "stages.shadow.permission")
KEYS: Mapping[str, tuple[str, ...]] = {
    "active.prior_stage": ("stages.active.require_prior_stage",),
    "artifact.executable": ("limits.may_hold",),
    "artifact.format": ("formats", "models"),
    "artifact.limits": ("limits",),
    "artifact.opaque": ("formats", "models"),
    "artifact.opens": ("limits.open_seconds", "limits.open_memory_bytes"),
    "artifact.serves": ("limits.open_seconds", "limits.run_seconds", "limits.open_memory_bytes"),
    "artifact.waived": ("limits.may_lack",),
    "artifact.walls": ("limits.walls",),
    "dataset.exists": ("require_dataset",),
    "freeze": ("freezes",),
    "gate.base_ref": ("bases",),
    "gate.draft": ("drafts",),
    "gate.permission": _ROLE,
    "provenance.signature": ("signatures.required", "signatures.keys", "signatures.identities"),
    "request.reason": ("require_reason",),
    "request.terminal": ("terminal", "require_sha", "separation.approvals"),
    "rollback.hold": ("stages.active.hold_after_rollback",),
    "separation": ("separation.approvals",),
    "soak.shadow": ("stages.shadow.soak.minimum", "stages.shadow.soak.required"),
    "soak.staging": ("stages.staging.soak.minimum", "stages.staging.soak.required"),
}
"""Rule → the keys of the policy that it goes by; a rule that is not here is the same under every policy."""


@dataclass(frozen=True)
class PolicyLine:
    """One key of the policy, as it is in force."""

    key: str
    value: str
    """As JSON."""
    line: int | None
    """1-based line of the file; None where the file does not say it, so that the default holds."""


def policy_lines(policy: Policy, data: bytes | None) -> dict[str, list[PolicyLine]]:
    """Return rule → what the policy says for it; a rule that goes by no key of it is not there.

    Args:
        data: the policy's file, which has been read as `policy` before; None where there is none.
    """
    line_of = reader_of_lines(policy, data)
    return {rule: [line_of(key) for key in keys] for rule, keys in KEYS.items()}


def reader_of_lines(policy: Policy, data: bytes | None) -> Callable[[str], PolicyLine]:
    """Return what tells of a key, dotted, which value is in force and on which line the file says it.

    Args:
        data: the policy's file, which has been read as `policy` before; None where there is none.
    """
    lines = _lines(yaml.compose(data.decode("utf-8"), Loader=yaml.SafeLoader)) if data else {}
    document = policy.model_dump(mode="json")
    return lambda key: PolicyLine(key, json.dumps(_value(document, key)), lines.get(key))


def _value(document: Any, key: str) -> Any:
    for part in key.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


def _lines(node: Any, above: str = "") -> dict[str, int]:
    """Return key, with those above it → the line on which it stands."""
    found: dict[str, int] = {}
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            key = f"{above}{name.value}"
            found[key] = name.start_mark.line + 1
            found |= _lines(value, f"{key}.")
    return found
