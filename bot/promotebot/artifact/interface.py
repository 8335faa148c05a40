"""The differences between two models as a service sees them: inputs, outputs, and the order of features.

Rules and cards compare by these functions alone, so that a card never calls the same what a rule refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from promotebot.artifact.answer import Tensor
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.features import other_features

INPUTS, OUTPUTS, FEATURES = "inputs", "outputs", "features"
MAX_CHANGES = 3
"""In one message; further ones are counted."""


def interface_changes(before: Evidence, after: Evidence) -> dict[str, list[str] | None]:
    """Return what differs in words, by `INPUTS`, `OUTPUTS` and `FEATURES`; an empty list where nothing does.

    None stands for what nobody can tell, as one of the two was not opened. Left out is what neither of them has, and
    what the model after has not because it could not be opened: a finding of its own says that.
    """
    found: dict[str, list[str] | None] = {}
    ours, theirs = after.card, before.card
    if ours and theirs:
        found[INPUTS] = tensor_changes("input", theirs.opened.inputs, ours.opened.inputs)
        found[OUTPUTS] = tensor_changes("output", theirs.opened.outputs, ours.opened.outputs)
    elif ours or (after.unopened and not before.unopened):
        found |= {INPUTS: None, OUTPUTS: None}
    order = before.manifest.feature_order if before.manifest else None
    if order is not None:
        new = after.manifest.feature_order if after.manifest else None
        found[FEATURES] = [] if order == new else [other_features(order, new)]
    return found


def same_tensors(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> bool:
    """Return whether names, element types and shapes are the same; symbolic sizes may have other names.

    An exporter numbers them anew each time: `unk__214` and `unk__318` say nothing by their names.
    """
    return _numbered(ours) == _numbered(theirs)


def tensor_changes(kind: str, before: Sequence[Tensor], after: Sequence[Tensor]) -> list[str]:
    """Return where tensors differ, by their places; empty where `same_tensors` holds.

    Args:
        kind: `input` or `output`.
    """
    pairs = zip_longest(zip(before, _numbered(before), strict=True), zip(after, _numbered(after), strict=True))
    found = []
    for number, (old, new) in enumerate(pairs, start=1):
        if old is None or new is None or old[1] != new[1]:
            is_now, was = (f"{one[0].name} {one[0]}" if one else "" for one in (new, old))
            changed = f"is {is_now}, was {was}" if is_now and was else f"is new: {is_now}" if new else f"is gone: {was}"
            found.append(f"{kind} {number} {changed}")
    more = len(found) - MAX_CHANGES
    return found[:MAX_CHANGES] + ([f"and {more} more"] if more > 0 else [])


def _numbered(tensors: Iterable[Tensor]) -> list[tuple[str, str, tuple[int | str, ...]]]:
    """Return (name, element type, shape) of each, symbolic sizes numbered in the order in which they come up."""
    seen: dict[str, str] = {}
    return [
        (
            tensor.name,
            tensor.type,
            tuple(size if isinstance(size, int) else seen.setdefault(size, f"?{len(seen)}") for size in tensor.shape),
        )
        for tensor in tensors
    ]
