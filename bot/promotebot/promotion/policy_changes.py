"""The difference between two policies, key by key: what becomes weaker, what becomes stricter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import yaml
from pydantic import BaseModel

from promotebot.promotion.policy import Policy


class Effect(str, Enum):
    """The effect of a change of one key, all others being equal."""

    WEAKER = "weaker"
    STRICTER = "stricter"
    OTHER = "other"
    """It allows something that was refused and refuses something that was allowed, or does neither."""

    __str__ = str.__str__


@dataclass(frozen=True)
class PolicyChange:
    """One key that two policies hold at different values."""

    key: str
    """Dotted: `stages.active.permission`."""
    before: str
    """As the file writes it, defaults included."""
    after: str
    effect: Effect

    @property
    def loosens(self) -> bool:
        """True when it may allow something that was refused: it is weaker, or cannot be ordered and decides at all."""
        cannot_be_ordered = self.effect is Effect.OTHER and DIRECTIONS[self.key] is not _never
        return self.effect is Effect.WEAKER or cannot_be_ordered


def compare_policies(base: Policy, head: Policy) -> tuple[PolicyChange, ...]:
    """Return the keys that differ, in the policy's order. A section that one side leaves out is one key."""
    return tuple(_change(key, before, after) for key, before, after in _differing(base, head, ""))


def _differing(one: BaseModel, other: BaseModel, prefix: str) -> Iterator[tuple[str, _Value, _Value]]:
    written = (one.model_dump(mode="json"), other.model_dump(mode="json"))
    for name in type(one).model_fields:
        before, after = getattr(one, name), getattr(other, name)
        if isinstance(before, BaseModel) and isinstance(after, BaseModel):
            yield from _differing(before, after, f"{prefix}{name}.")
        elif before != after:
            yield f"{prefix}{name}", _Value(before, written[0][name]), _Value(after, written[1][name])


@dataclass(frozen=True)
class _Value:
    """A key's value, to be compared, and as it is in the file."""

    parsed: Any
    stored: object

    def __str__(self) -> str:
        text: str = yaml.safe_dump(self.stored, default_flow_style=True, allow_unicode=True, width=10**9)
        return text.removesuffix("...\n").strip()


def _change(key: str, before: _Value, after: _Value) -> PolicyChange:
    is_stricter = DIRECTIONS[key]
    effect = Effect.OTHER
    if is_stricter(before.parsed, after.parsed):
        effect = Effect.STRICTER
    elif is_stricter(after.parsed, before.parsed):
        effect = Effect.WEAKER
    return PolicyChange(key, str(before), str(after), effect)


def _higher(before: Any, after: Any) -> bool:
    return bool(after > before)


def _lower(before: Any, after: Any) -> bool:
    return bool(after < before)


def _lower_number(before: Any, after: Any) -> bool:
    # None goes by the model's size, and is neither more nor less than a number.
    return None not in (before, after) and _lower(before, after)


def _more(before: Any, after: Any) -> bool:
    return set(after) > set(before)


def _fewer(before: Any, after: Any) -> bool:
    return set(after) < set(before)


def _there(before: Any, after: Any) -> bool:
    return before is None and after is not None


def _never(_before: Any, _after: Any) -> bool:
    return False


DIRECTIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "bases": _fewer,
    **{f"stages.{stage}.permission": _higher for stage in ("shadow", "staging", "active")},
    **{f"stages.{stage}.soak": _there for stage in ("shadow", "staging")},
    **{f"stages.{stage}.soak.minimum": _higher for stage in ("shadow", "staging")},
    **{f"stages.{stage}.soak.required": _higher for stage in ("shadow", "staging")},
    "stages.active.require_prior_stage": _higher,
    **{f"stages.{stage}.hold_after_rollback": _higher for stage in ("shadow", "staging", "active")},
    "require_reason": _higher,
    "require_sha": _higher,
    "require_dataset": _higher,
    "terminal": _fewer,
    "drafts": _lower,
    "separation": _there,
    "separation.approvals": _higher,
    "freezes": _more,
    "formats": _fewer,
    "models": lambda _before, _after: False,  # a pattern may take away what another one, or the general key, gives
    "signatures.required": _more,
    "signatures.keys": _fewer,
    "signatures.identities": _fewer,
    "signatures.trusted_root": lambda _before, _after: False,  # another Sigstore is neither
    "storage": _fewer,
    **{
        f"limits.{name}": _lower
        for name in ("file_bytes", "artifact_bytes", "files", "open_seconds", "run_seconds", "storage_seconds")
    },
    "limits.open_memory_bytes": _lower_number,
    "limits.may_hold": _fewer,
    "limits.may_lack": _fewer,
    "limits.walls": lambda _before, after: bool(after == "required"),  # the other of two values
    "contacts": _never,
    "schedule.labels": _never,
    "schedule.assignees": _never,
    "deployments": _never,
}
"""Key → whether its second value refuses all that its first one refuses, and more. True counts as higher than false."""
