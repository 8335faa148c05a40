"""The order of a model's features, where it is another one than expected."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest


def other_features(expected: Sequence[str], actual: Sequence[str] | None) -> str:
    """Return the first feature that is another one than expected."""
    if actual is None:
        return "the manifest names no feature_order"
    pairs = enumerate(zip_longest(expected, actual), start=1)
    number, here, there = next((number, here, there) for number, (here, there) in pairs if here != there)
    return f"feature {number} of {len(actual)} is {there or 'not there'}, expected {here or 'none'}"
