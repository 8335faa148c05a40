"""The words for stages that the policy has, at a terminal; it is read only where a word is no stage."""

from __future__ import annotations

import argparse
from pathlib import Path

from promotebot.cli.work_tree import work_tree_of
from promotebot.errors import UsageError
from promotebot.files import read_given
from promotebot.planning.committed import read_policy
from promotebot.promotion.aliases import NO_ALIASES, Aliases
from promotebot.promotion.policy import DEFAULT_PATH, MAX_BYTES, parse_policy


def own_words(options: argparse.Namespace, root: Path) -> Aliases:
    """Return the words of the policy at HEAD; of a copy without git, those of the policy's file in it.

    Args:
        root: of the copy.

    Raises:
        InvalidInput: for a policy that does not read.
    """
    base_dir, registry = getattr(options, "base_dir", None), getattr(options, "registry", None)
    try:
        repository, work_tree = work_tree_of(argparse.Namespace(base_dir=base_dir, registry=registry))
    except UsageError:
        path = root / DEFAULT_PATH
        if not path.is_file():
            return NO_ALIASES
        return parse_policy(read_given(path, max_bytes=MAX_BYTES, remedy="name the policy's file")).aliases
    head = repository.resolve("HEAD")
    return read_policy(repository, head, work_tree.policy_path).aliases if head else NO_ALIASES
