"""Which line of the policy a rule goes by: its key, the value in force, and where the file says it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from promotebot.promotion.model_policies import ADDED, in_force, is_set, patterns_of
from promotebot.promotion.policy import Policy
from promotebot.registry.names import Stage

_STAGES = ("active", "staging", "shadow")
_ROLE = tuple(f"stages.{stage}.{key}" for stage in _STAGES for key in ("permission", "people"))
_LABELS = tuple(f"stages.{stage}.labels" for stage in _STAGES)
_CHECKS = tuple(f"stages.{stage}.checks" for stage in _STAGES)
_HOLD = tuple(f"stages.{stage}.hold_after_rollback" for stage in _STAGES)
_EVIDENCE = tuple(f"evidence.{stage}" for stage in _STAGES)
_OF_THE_STAGE = frozenset((*_ROLE, *_LABELS, *_CHECKS, *_HOLD, *_EVIDENCE))
"""Keys that count for promotions into the stage that they name alone."""
_COMPARISON = tuple(f"comparison.{key}" for key in ("agreement", "max_difference", "mean_difference", "stages"))
_LISTS = ("freezes", "windows")
"""Keys of which the general one and those of patterns count together."""
_EVALUATION = tuple(
    f"evaluation_set.{key}"
    for key in ("dataset", "stages", "rows", "seconds", "metrics", "agreement", "max_difference", "mean_difference")
)
KEYS: Mapping[str, tuple[str, ...]] = {
    "active.prior_stage": ("stages.active.require_prior_stage",),
    "artifact.executable": ("limits.may_hold",),
    "artifact.format": ("formats",),
    "artifact.limits": ("limits.file_bytes", "limits.artifact_bytes", "limits.files"),
    "artifact.opaque": ("formats",),
    "artifact.opens": ("limits.open_seconds", "limits.open_memory_bytes"),
    "artifact.serves": ("limits.open_seconds", "limits.run_seconds", "limits.open_memory_bytes"),
    "artifact.storage": ("storage", "limits.storage_seconds"),
    "artifact.waived": ("limits.may_lack",),
    "artifact.walls": ("limits.walls",),
    "comparison.agreement": ("comparison.agreement", "comparison.stages"),
    "comparison.data": _COMPARISON,
    "comparison.difference": ("comparison.max_difference", "comparison.mean_difference", "comparison.stages"),
    "dataset.exists": ("require_dataset",),
    "evaluation.data": (*_EVALUATION, "storage", "limits.storage_seconds"),
    "evaluation.difference": tuple(
        f"evaluation_set.{key}" for key in ("agreement", "max_difference", "mean_difference", "stages")
    ),
    "evaluation.metric": ("evaluation_set.metrics", "evaluation_set.stages"),
    "evidence.exists": _EVIDENCE,
    "evidence.metric": _EVIDENCE,
    "freeze": ("freezes",),
    "gate.base_ref": ("bases",),
    "gate.checks": _CHECKS,
    "gate.draft": ("drafts",),
    "gate.hold": _ROLE,
    "gate.labels": _LABELS,
    "gate.permission": _ROLE,
    "override": ("overrides",),
    "policy.changed": (*_ROLE, "separation.approvals"),
    "provenance.signature": tuple(f"signatures.{key}" for key in ("required", "keys", "identities", "trusted_root")),
    "quarantine": ("quarantine",),
    "request.confirmed": ("stages.active.confirm",),
    "request.reason": ("require_reason",),
    "request.terminal": ("terminal", "require_sha", "separation.approvals"),
    "request.share": tuple(f"stages.staging.share.{key}" for key in ("minimum", "maximum", "required")),
    "rollback.hold": _HOLD,
    "separation": ("separation.approvals",),
    **{f"signature.{part}": ("signature",) for part in ("features", "inputs", "outputs")},
    "signature.people": ("signature_people",),
    "soak.shadow": ("stages.shadow.soak.minimum", "stages.shadow.soak.required"),
    "window": ("windows",),
    "soak.staging": ("stages.staging.soak.minimum", "stages.staging.soak.required"),
}
"""Rule → the keys of the policy that it goes by; a rule that is not here is the same under every policy."""
_OF_EVERY_MODEL = frozenset({"policy.changed"})
"""Rules that ask for the strictest that the policy says of any model and stage, whatever is promoted."""


@dataclass(frozen=True)
class PolicyLine:
    """One key of the policy, as it is in force."""

    key: str
    value: str
    """As JSON."""
    line: int | None
    """1-based line of the file; None where the file does not say it, so that the default holds."""


def policy_lines(
    policy: Policy, data: bytes | None, models: Collection[str] = (), stages: Collection[Stage] = ()
) -> dict[str, list[PolicyLine]]:
    """Return rule → what the policy says for it; a rule that goes by no key of it is not there.

    Args:
        data: the policy's file, which has been read as `policy` before; None where there is none.
        models: whose patterns are shown below the general keys; none for every pattern.
        stages: those that are promoted into; none for every stage.
    """
    lines = lines_of_keys(policy, data, {key for keys in KEYS.values() for key in keys}, models)
    chosen = {
        rule: [line for key in keys if _concerns(key, stages) for line in lines[key]] for rule, keys in KEYS.items()
    }
    for rule in _OF_EVERY_MODEL:
        lines = lines_of_keys(policy, data, KEYS[rule])
        chosen[rule] = [line for key in KEYS[rule] for line in lines[key]]
    return chosen


def lines_of_keys(
    policy: Policy, data: bytes | None, keys: Collection[str], models: Collection[str] = ()
) -> dict[str, list[PolicyLine]]:
    """Return key → what the policy says there: in general, and for the patterns (see `policy_lines`)."""
    file = _File(policy, data)
    chosen = [one for one in policy.models if not models or any(one in patterns_of(n, policy.models) for n in models)]
    own = {key: [one for one in chosen if is_set(policy.models[one], key)] for key in keys}
    return {key: [file.line(key), *(file.line_of(one, key) for one in own[key])] for key in keys}


def _concerns(key: str, stages: Collection[Stage]) -> bool:
    return not stages or key not in _OF_THE_STAGE or Stage(key.split(".")[1]) in stages


def reader_of_lines(policy: Policy, data: bytes | None, model: str | None = None) -> Callable[[str], PolicyLine]:
    """Return what tells of a key, dotted, which value is in force and on which line the file says it.

    Args:
        data: the policy's file, which has been read as `policy` before; None where there is none.
        model: the one for which it is in force; None where no pattern counts.
    """
    file = _File(policy, data)
    patterns = patterns_of(model, policy.models) if model else []

    def read(key: str) -> PolicyLine:
        own = [one for one in patterns if key not in _LISTS and is_set(policy.models[one], key)]
        if not own:
            return file.line(key)
        counts = in_force(policy, [policy.models[one] for one in own])
        # Of several patterns, the one that says what is in force; soak times may take something from two.
        said = [one for one in own if _at(policy.models[one], key) == _at(counts, key)]
        if key in ADDED and not said:  # it is the general one that counts, or a part of it
            return file.line(key)
        return file.line_of((said or own)[0], key)

    return read


class _File:
    """The policy with the lines of its file."""

    def __init__(self, policy: Policy, data: bytes | None) -> None:
        self._lines = _lines(yaml.compose(data.decode("utf-8"), Loader=yaml.SafeLoader)) if data else {}
        self._document = policy.model_dump(mode="json")

    def line(self, key: str) -> PolicyLine:
        return PolicyLine(key, json.dumps(_value(self._document, key)), self._lines.get(key))

    def line_of(self, pattern: str, key: str) -> PolicyLine:
        value, place = _value(self._document["models"][pattern], key), f"models.{pattern}.{key}"
        above = place
        while above not in self._lines:  # a section that is written as null stands for its keys
            above = above.rpartition(".")[0]
        return PolicyLine(place, json.dumps(value), self._lines[above])


def _at(section: Any, key: str) -> Any:
    for name in key.split("."):
        section = None if section is None else getattr(section, name)
    return section


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
