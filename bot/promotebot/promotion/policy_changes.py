"""The difference between two policies, key by key: what becomes weaker, what becomes stricter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any

import yaml
from pydantic import BaseModel

from promotebot.promotion.model_policies import ADDED, STRICTEST, is_set, value_at
from promotebot.promotion.policy import Policy
from promotebot.promotion.sections import SIGNATURE_POLICIES
from promotebot.promotion.thresholds import same_numbers, strictest_metrics
from promotebot.promotion.windows import strictest_windows

AS_IN_GENERAL = "as in general"
"""The value of a key that a pattern does not set."""


class PolicyEdit(IntEnum):
    """What a branch does with the policy; more asks for more approvals."""

    NONE = 0
    CHANGE = 1
    LIFT = 2
    """It takes something out of quarantine."""


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
        # Every key that may differ for some models decides something.
        cannot_be_ordered = self.effect is Effect.OTHER and DIRECTIONS.get(self.key) is not _never
        return self.effect is Effect.WEAKER or cannot_be_ordered


def compare_policies(base: Policy, head: Policy) -> tuple[PolicyChange, ...]:
    """Return the keys that differ, in the policy's order. A section that one side leaves out is one key."""
    changes = [_change(key, before, after) for key, before, after in _differing(base, head, "")]
    at = next((at for at, change in enumerate(changes) if change.key == "models"), None)
    if at is not None:
        own = [*_of_models(base, head)]
        # What nothing can be said of is a pattern without a key, or the order of patterns.
        changes[at : at + 1] = own or [changes[at]]
    return tuple(changes)


def _of_models(base: Policy, head: Policy) -> Iterator[PolicyChange]:
    """Yield each key of each pattern that differs."""
    for pattern in dict.fromkeys([*base.models, *head.models]):
        for key in STRICTEST:
            before, after = _of_pattern(base, pattern, key), _of_pattern(head, pattern, key)
            if before == after:
                continue
            if before and after:
                effect = _effect_for_models(key, before.parsed, after.parsed)
            else:
                effect = _set_or_unset(base, head, pattern, key)
            was, will = (str(value) if value else AS_IN_GENERAL for value in (before, after))
            yield PolicyChange(f"models.{pattern}.{key}", was, will, effect)


def _of_pattern(policy: Policy, pattern: str, key: str) -> _Value | None:
    """Return the value of a key that a pattern sets; None where the general one holds."""
    one = policy.models.get(pattern)
    if one is None or not is_set(one, key):
        return None
    stored: Any = one.model_dump(mode="json", exclude_unset=True)
    for name in key.split("."):
        stored = stored[name]
    return _Value(value_at(one, key), stored)


def _set_or_unset(base: Policy, head: Policy, pattern: str, key: str) -> Effect:
    """Return the effect of setting a key for a pattern, or of leaving it out again, which is the mirror of it.

    The models had the general value before. Where another pattern may name them and sets the key, too, the strictest
    counts: then one that is as strict as the general one may make it stricter, and a weaker one weakens nothing for
    sure, but may have kept the value of the other one from counting.
    """
    is_added = _of_pattern(base, pattern, key) is None
    without, having = (base, head) if is_added else (head, base)
    value = _of_pattern(having, pattern, key)
    if key in ADDED:  # it refuses what it refuses beside the general one, and allows nothing
        return Effect.STRICTER if is_added else Effect.WEAKER
    general = value_at(without, key)
    effect = _effect_for_models(key, general, value.parsed if value else None)
    is_shared = any(_of_pattern(one, other, key) for one in (base, head) for other in one.models if other != pattern)
    is_equal = effect is Effect.OTHER and _is_within(key, general, value.parsed if value else None)
    if is_shared and is_equal:
        effect = Effect.STRICTER
    elif is_shared and effect is Effect.WEAKER:
        effect = Effect.OTHER
    return effect if is_added else _MIRRORED[effect]


_MIRRORED = {Effect.WEAKER: Effect.STRICTER, Effect.STRICTER: Effect.WEAKER, Effect.OTHER: Effect.OTHER}


def _effect_for_models(key: str, before: Any, after: Any) -> Effect:
    is_stricter, is_weaker = _is_within(key, before, after), _is_within(key, after, before)
    if is_stricter is is_weaker:
        return Effect.OTHER
    return Effect.STRICTER if is_stricter else Effect.WEAKER


def _is_within(key: str, less: Any, more: Any) -> bool:
    """Return whether the strictest of two values is the second one, or both mean the same."""
    strictest, alone = STRICTEST[key]([less, more]), STRICTEST[key]([more])
    return set(strictest) == set(alone) if isinstance(alone, tuple) else bool(strictest == alone)


def _differing(one: BaseModel, other: BaseModel, prefix: str) -> Iterator[tuple[str, _Value, _Value]]:
    written = (one.model_dump(mode="json"), other.model_dump(mode="json"))
    for name in type(one).model_fields:
        before, after = getattr(one, name), getattr(other, name)
        if isinstance(before, BaseModel) and isinstance(after, BaseModel):
            yield from _differing(before, after, f"{prefix}{name}.")
        elif before != after or written[0][name] != written[1][name]:  # equal sections may be written differently
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


def _asks_more(before: Any, after: Any) -> bool:
    return after is not None and (before is None or bool(after > before))


def _asks_more_of_metrics(before: Any, after: Any) -> bool:
    return before != after and same_numbers(strictest_metrics([before, after]), after)


def _there(before: Any, after: Any) -> bool:
    return before is None and after is not None


def _open_for_less(before: Any, after: Any) -> bool:
    """Return whether every stage is open in fewer windows, or in some where it was always open."""
    was, will = {*strictest_windows([before])}, {*strictest_windows([after])}
    return was != will and {*strictest_windows([before, after])} == will


def _allows_less(before: Any, after: Any) -> bool:
    return after is not None and (before is None or after < before)


def _never(_before: Any, _after: Any) -> bool:
    return False


DIRECTIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "bases": _fewer,
    **{f"stages.{stage}.permission": _higher for stage in ("shadow", "staging", "active")},
    **{f"stages.{stage}.people": _fewer for stage in ("shadow", "staging", "active")},
    **{f"stages.{stage}.{key}": _more for stage in ("shadow", "staging", "active") for key in ("labels", "checks")},
    **{f"stages.{stage}.soak": _there for stage in ("shadow", "staging")},
    **{f"stages.{stage}.soak.minimum": _higher for stage in ("shadow", "staging")},
    **{f"stages.{stage}.soak.required": _higher for stage in ("shadow", "staging")},
    "stages.staging.share.minimum": _higher,
    "stages.staging.share.maximum": _lower,
    "stages.staging.share.required": _higher,
    "stages.active.require_prior_stage": _higher,
    "stages.active.confirm": _there,  # neither more time nor less is stricter
    **{f"stages.{stage}.hold_after_rollback": _higher for stage in ("shadow", "staging", "active")},
    "require_reason": _higher,
    "require_sha": _higher,
    "require_dataset": _higher,
    "aliases": lambda _before, _after: False,  # a word that means another stage may mislead whoever writes it
    "terminal": _fewer,
    "drafts": _lower,
    "separation": _there,
    "separation.approvals": _higher,
    "freezes": _more,
    "windows": _open_for_less,
    "formats": _fewer,
    **{f"evidence.{stage}": _there for stage in ("shadow", "staging", "active")},
    **{f"evidence.{stage}.duration": _asks_more for stage in ("shadow", "staging", "active")},
    **{f"evidence.{stage}.rows": _asks_more for stage in ("shadow", "staging", "active")},
    **{f"evidence.{stage}.slices": _more for stage in ("shadow", "staging", "active")},
    **{f"evidence.{stage}.metrics": _asks_more_of_metrics for stage in ("shadow", "staging", "active")},
    "quarantine": _more,
    "signature": lambda before, after: SIGNATURE_POLICIES.index(after) > SIGNATURE_POLICIES.index(before),
    "signature_people": lambda before, after: after is not None and (before is None or _fewer(before, after)),
    "comparison.agreement": _asks_more,
    "comparison.max_difference": _allows_less,
    "comparison.mean_difference": _allows_less,
    "comparison.stages": _more,
    "evaluation_set": _there,
    "evaluation_set.agreement": _asks_more,
    "evaluation_set.max_difference": _allows_less,
    "evaluation_set.mean_difference": _allows_less,
    "evaluation_set.stages": _more,
    "evaluation_set.dataset": lambda _before, _after: False,  # nobody knows which data is the harder one
    "evaluation_set.rows": lambda _before, _after: False,  # on other rows a model may be better or worse
    "evaluation_set.seconds": _lower,
    "evaluation_set.metrics": _asks_more_of_metrics,
    "overrides": _fewer,
    "models": lambda _before, _after: False,  # no key of a pattern differs: another pattern, or another order
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
    "monitoring": _never,
    "contacts": _never,
    "schedule.labels": _never,
    "schedule.assignees": _never,
    **{f"reminders.{key}": _never for key in ("soaked", "shadow", "staging")},
    "deployments": _never,
}
"""Key → whether its second value refuses all that its first one refuses, and more. True counts as higher than false."""
