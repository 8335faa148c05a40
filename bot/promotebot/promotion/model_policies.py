"""What the policy says for some models alone: a model's name, or a pattern of names, and the keys that differ there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer

from promotebot.artifact.identities import SignerIdentity
from promotebot.artifact.limits import Formats, ModelLimits, Places, lies_within, narrowest_places
from promotebot.artifact.signers import MAX_SIGNERS, SignerKey
from promotebot.promotion.evaluation_policy import EvaluationSet, strictest_evaluation
from promotebot.promotion.freezes import Freeze
from promotebot.promotion.patterns import MAX_PATTERNS, Pattern
from promotebot.promotion.people import People
from promotebot.promotion.sections import (
    SIGNATURE_POLICIES,
    ComparisonPolicy,
    Section,
    Separation,
    SignaturePolicy,
    Soak,
    Stages,
)
from promotebot.promotion.thresholds import EvidencePolicy, strictest_evidence
from promotebot.promotion.windows import Window, strictest_windows
from promotebot.registry.names import Stage

GENERAL_ONLY: Mapping[str, str] = {
    "bases": "it is about branches, not about models",
    "drafts": "it is about pull requests, which may carry several models",
    "aliases": "a command is read before anybody knows its model",
    "quarantine": "each entry names its model",
    "signatures.trusted_root": "it vouches for all identities",
    "limits.open_memory_bytes": "memory that goes by the model's size is neither more nor less than a number",
    "monitoring": "it refuses nothing",
    "contacts": "it refuses nothing",
    "schedule": "it refuses nothing",
    "overrides": "each entry may name its models",
    "reminders": "it refuses nothing",
    "deployments": "it refuses nothing",
    "models": "a pattern holds no other patterns",
}
"""Key of the policy → why it cannot be another one for some models."""


class ModelSignatures(Section):
    """More stages that need a signature, and fewer people who may make it."""

    required: tuple[Stage, ...] = ()
    keys: Annotated[tuple[SignerKey, ...], Field(max_length=MAX_SIGNERS)] = ()
    identities: Annotated[tuple[SignerIdentity, ...], Field(max_length=MAX_SIGNERS)] = ()


class ModelPolicy(Section):
    """The keys that may differ for some models; what is not written here is as in general, whatever its default."""

    stages: Stages = Stages()
    require_reason: bool = False
    require_sha: bool = False
    require_dataset: bool = False
    terminal: tuple[Stage, ...] = tuple(Stage)
    separation: Separation | None = None
    freezes: tuple[Freeze, ...] = ()
    """They hold beside the general ones."""
    windows: Annotated[tuple[Window, ...], Field(max_length=100)] = ()
    """A stage is open only where both these and the general ones are."""
    formats: Formats = ("onnx",)
    evidence: EvidencePolicy = EvidencePolicy()
    signature: SignaturePolicy = "refuse"
    signature_people: People | None = None
    comparison: ComparisonPolicy = ComparisonPolicy()
    signatures: ModelSignatures = ModelSignatures()
    storage: Places = ()
    """What the general ones name, or a part of it."""
    limits: ModelLimits = ModelLimits()
    evaluation_set: EvaluationSet | None = None


def _allowed(given: Any) -> Any:
    refused = [key for key in GENERAL_ONLY if _is_written(given, key)]
    if refused:
        raise ValueError(f"{refused[0]} cannot be set for some models alone: {GENERAL_ONLY[refused[0]]}")
    return given


def _is_written(given: Any, key: str) -> bool:
    name, _, rest = key.partition(".")
    if not isinstance(given, dict) or name not in given:
        return False
    return not rest or _is_written(given[name], rest)


def _as_written(models: Mapping[str, ModelPolicy]) -> dict[str, Any]:
    # A key at its default says something here, and one that is left out says nothing.
    return {pattern: one.model_dump(mode="json", exclude_unset=True) for pattern, one in models.items()}


Models = Annotated[
    Mapping[Pattern, Annotated[ModelPolicy, BeforeValidator(_allowed)]],
    Field(max_length=MAX_PATTERNS),
    PlainSerializer(_as_written, return_type=dict[str, Any]),
]
_PolicyT = TypeVar("_PolicyT", bound=BaseModel)


def _strictest_soak(values: Sequence[Soak | None]) -> Soak | None:
    asked = [soak for soak in values if soak]
    if not asked:
        return None
    longest = max(asked, key=lambda soak: soak.minimum)
    return longest.model_copy(update={"required": any(soak.required for soak in asked)})


def _shortest(values: Sequence[timedelta | None]) -> timedelta | None:
    return min((value for value in values if value is not None), default=None)


def _most_approvals(values: Sequence[Separation | None]) -> Separation | None:
    return max(filter(None, values), key=lambda one: one.approvals, default=None)


def _strictest_signature(values: Sequence[SignaturePolicy]) -> SignaturePolicy:
    return max(values, key=SIGNATURE_POLICIES.index)


def _highest(values: Sequence[Any]) -> Any:
    return max((value for value in values if value is not None), default=None)


def _lowest(values: Sequence[Any]) -> Any:
    return min((value for value in values if value is not None), default=None)


def _in_all(values: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(one for one in values[0] if all(one in other for other in values))


def _in_all_lists(values: Sequence[tuple[Any, ...] | None]) -> tuple[Any, ...] | None:
    named = [value for value in values if value is not None]
    return _in_all(named) if named else None


def _in_any(values: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(one for value in values for one in value))


def _required_first(values: Sequence[str]) -> str:
    return "required" if "required" in values else values[0]


_LIMITS: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    **{f"limits.{name}": min for name in ModelLimits.model_fields if name not in ("walls", "may_lack", "may_hold")},
    "limits.walls": _required_first,
    "limits.may_lack": _in_all,
    "limits.may_hold": _in_all,
}
STRICTEST: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    **{f"stages.{stage}.permission": max for stage in Stage},
    **{f"stages.{stage}.people": _in_all for stage in Stage},
    **{f"stages.{stage}.{key}": _in_any for stage in Stage for key in ("labels", "checks")},
    **{f"stages.{stage}.soak": _strictest_soak for stage in (Stage.SHADOW, Stage.STAGING)},
    **{f"stages.{stage}.hold_after_rollback": any for stage in Stage},
    "stages.staging.share.minimum": max,
    "stages.staging.share.maximum": min,
    "stages.staging.share.required": any,
    "stages.active.require_prior_stage": any,
    "stages.active.confirm": _shortest,
    "require_reason": any,
    "require_sha": any,
    "require_dataset": any,
    "terminal": _in_all,
    "separation": _most_approvals,
    "freezes": _in_any,
    "formats": _in_all,
    **{f"evidence.{stage}": strictest_evidence for stage in Stage},
    "signature": _strictest_signature,
    "signature_people": _in_all_lists,
    "comparison.agreement": _highest,
    "comparison.max_difference": _lowest,
    "comparison.mean_difference": _lowest,
    "comparison.stages": _in_any,
    "windows": strictest_windows,
    "signatures.required": _in_any,
    "signatures.keys": _in_all,
    "signatures.identities": _in_all,
    "storage": narrowest_places,
    **_LIMITS,
    "evaluation_set": strictest_evaluation,
}
"""Key that may differ for some models → what the values of several patterns come to: the strictest of them."""
NARROWED: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    key: STRICTEST[key] for key in ("signatures.keys", "signatures.identities", "storage")
}
"""Lists that may name for some models only what the general one names, too."""
ADDED = frozenset({"freezes", "windows", "signatures.required", *NARROWED, *_LIMITS})
"""Keys that hold beside the general one instead of replacing it: what that one refuses, no pattern allows."""


def patterns_of(name: str, models: Mapping[str, ModelPolicy]) -> list[str]:
    """Return the patterns that name a model, in the policy's order."""
    return [pattern for pattern in models if fnmatchcase(name, pattern)]


def is_set(section: BaseModel, key: str) -> bool:
    """Return whether a dotted key is written in a section, be it at its default."""
    name, _, rest = key.partition(".")
    if name not in section.model_fields_set:
        return False
    below = getattr(section, name)
    return not rest or below is None or is_set(below, rest)  # a section that is null says so of all its keys


def value_at(section: BaseModel, key: str) -> Any:
    """Return the value of a dotted key."""
    for name in key.split("."):
        section = getattr(section, name)
    return section


def check_narrow(general: BaseModel, models: Mapping[str, ModelPolicy]) -> None:
    """Raise ValueError for a pattern that names more than the general list: it would count for nothing."""
    for pattern, one in models.items():
        for key, strictest in NARROWED.items():
            own = value_at(one, key)
            kept = strictest([value_at(general, key), own])
            lost = next((value for value in own if not _is_kept(value, kept)), None)
            if lost is not None:
                message = f"models.{pattern}.{key}: {_named(lost)} is not in the general list, which it only narrows"
                raise ValueError(message)


def _is_kept(value: Any, kept: Sequence[Any]) -> bool:
    return lies_within(value, kept) if isinstance(value, str) else value in kept


def _named(value: Any) -> str:
    return str(value if isinstance(value, str) else getattr(value, "name", None) or value.identity)


def in_force(general: _PolicyT, chosen: Sequence[ModelPolicy]) -> _PolicyT:
    """Return a policy with what patterns say in place of its own keys, the strictest where several say something."""
    for key, strictest in STRICTEST.items():
        values = [value_at(one, key) for one in chosen if is_set(one, key)]
        if values:
            values += [value_at(general, key)] if key in ADDED else []
            general = _with(general, key, strictest(values))
    return general


def strictest_of(policies: Sequence[_PolicyT]) -> _PolicyT:
    """Return the first policy with each key that may differ for some models as the strictest of these has it."""
    first = policies[0]
    for key, strictest in STRICTEST.items() if len(policies) > 1 else ():
        first = _with(first, key, strictest([value_at(one, key) for one in policies]))
    return first


def _with(section: _PolicyT, key: str, value: Any) -> _PolicyT:
    name, _, rest = key.partition(".")
    return section.model_copy(update={name: _with(getattr(section, name), rest, value) if rest else value})
