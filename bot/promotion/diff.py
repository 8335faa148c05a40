"""The dry-run diff: the registry file before and after, as reviewers and terminals read it."""

from __future__ import annotations

import difflib


def unified_diff(before: bytes, after: bytes, path: str) -> str:
    """A unified diff of two registry files; empty when they are equal. Ends in a newline otherwise."""
    old, new = (data.decode("utf-8").splitlines(keepends=True) for data in (before, after))
    return "".join(difflib.unified_diff(old, new, f"a/{path}", f"b/{path}", n=3))


def change_counts(diff: str) -> tuple[int, int]:
    """(lines added, lines removed) of a unified diff."""
    lines = diff.splitlines()[2:]
    return sum(line.startswith("+") for line in lines), sum(line.startswith("-") for line in lines)
