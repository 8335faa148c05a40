"""Shards: the models of a registry dealt out to several jobs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from promotebot.errors import UsageError
from promotebot.findings import Finding, passed
from promotebot.text import counted

MAX_SHARDS = 1000

_SHARD = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})")


def shard_of(names: Sequence[str], shard: tuple[int, int] | None, text: str | None) -> tuple[list[str], list[Finding]]:
    """Return the models of one shard, and a finding that says how many they are; all models without a shard.

    The sorted names are dealt out in turns, so that every job has the same shards whatever the file's order.

    Args:
        text: the shard as it was asked for, such as `1/4`.
    """
    if shard is None:
        return list(names), []
    chosen = [name for index, name in enumerate(sorted(names)) if index % shard[1] == shard[0] - 1]
    if not names:
        return [], []
    return chosen, [passed("verify.shard", f"shard {text}: {len(chosen)} of {counted(len(names), 'model')}")]


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
