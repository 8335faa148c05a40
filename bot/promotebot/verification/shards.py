"""Shards: the models of a registry dealt out to several jobs."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Mapping, Sequence

from promotebot.artifact.manifest import parse_manifest
from promotebot.errors import InvalidInput, UsageError
from promotebot.findings import Finding, passed
from promotebot.text import counted

MAX_SHARDS = 1000

_SHARD = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})")


def shard_of(
    names: Sequence[str],
    shard: tuple[int, int] | None,
    text: str | None,
    size_of: Callable[[str], int] = lambda _: 0,
) -> tuple[list[str], list[Finding]]:
    """Return the models of one shard, and a finding that says how many they are; all models without a shard.

    Every job deals out the same shards, whatever the file's order; `merge_reports` looks that no model is in none.

    Args:
        text: the shard as it was asked for, such as `1/4`.
        size_of: returns the bytes of what a model's stages hold, those outside of git included.
    """
    if shard is None or not names:
        return list(names), []
    chosen = _dealt({name: size_of(name) for name in sorted(names)}, shard[1])[shard[0] - 1]
    return chosen, [passed("verify.shard", f"shard {text}: {len(chosen)} of {counted(len(names), 'model')}")]


def _dealt(sizes: Mapping[str, int], count: int) -> list[list[str]]:
    """Return the models dealt out: the largest first, each to the shard that has least.

    No shard then has more than its even part and one model.
    """
    shards: list[list[str]] = [[] for _ in range(count)]
    filled = [(0, number) for number in range(count)]
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        size, number = heapq.heappop(filled)
        shards[number].append(name)
        heapq.heappush(filled, (size + sizes[name] + 1, number))
    return [sorted(shard) for shard in shards]


def stored_sizes(directory: str, manifest: bytes) -> dict[str, int]:
    """Return path → bytes of the files outside of git that a manifest names; nothing where it does not read.

    What Git LFS has is not counted by its pointers: a checkout holds the content, and a job only asks for it.
    """
    try:
        files = parse_manifest(manifest, where=directory).stored_files
    except InvalidInput:  # which is found when it is verified
        return {}
    return {f"{directory}/{name}": file.size for name, file in files.items()}


def parse_shard(text: str | None) -> tuple[int, int] | None:
    """Return the shard's number, from 1, and how many there are; None for None.

    Raises:
        UsageError: for anything but I/N with I up to N, and N up to MAX_SHARDS.
    """
    if text is None:
        return None
    match = _SHARD.fullmatch(text)
    number, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= count <= MAX_SHARDS:
        raise UsageError(f"{text!r} is not a shard", where="--shard", remedy="give I/N, such as 1/4, with I up to N")
    return number, count
