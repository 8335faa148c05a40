"""The differences between the model of today and the one that a promotion brings, as a reviewer weighs them."""

from __future__ import annotations

import math

from promotebot.artifact.evidence import Evidence, ModelCard
from promotebot.artifact.interface import same_tensors
from promotebot.registry.model import Pointer


def evidence_of(pointer: Pointer, *examined: Evidence | None) -> Evidence | None:
    """Return the evidence of this pointer's very bytes; of its directory where the pointer has no digest.

    A directory may hold other bytes than were promoted from it; their card must not be shown as today's.
    """
    for evidence in examined:
        if evidence is None or evidence.digest is None:
            continue
        if evidence.digest == pointer.digest or (
            pointer.digest is None and evidence.artifact_dir == pointer.artifact_dir
        ):
            return evidence
    return None


def signature_difference(ours: ModelCard | None, theirs: ModelCard | None) -> str:
    """Return the difference of inputs and outputs in a few words; empty where one of the models was not opened."""
    if ours is None or theirs is None:
        return ""
    inputs = same_tensors(ours.opened.inputs, theirs.opened.inputs)
    outputs = same_tensors(ours.opened.outputs, theirs.opened.outputs)
    if inputs and outputs:
        return "same inputs and outputs"
    return {
        (False, True): "different inputs, same outputs",
        (True, False): "same inputs, different outputs",
        (False, False): "different inputs and outputs",
    }[inputs, outputs]


def accuracy(evidence: Evidence | None, word: str) -> float | None:
    """Return an accuracy that the train report claims, between 0 and 1; it is shown, never trusted.

    Args:
        word: whose accuracy, such as `holdout`.
    """
    value = (evidence.report if evidence else {}).get(f"{word}_accuracy")
    if isinstance(value, float) and math.isfinite(value) and 0 <= value <= 1:
        return value
    return None
