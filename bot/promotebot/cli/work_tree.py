"""The repository, registry and datasets that a command works on, from its options."""

from __future__ import annotations

import argparse
from pathlib import Path

from promotebot.artifact.dataset import DEFAULT_DIR as DATASETS_DIR
from promotebot.cli.paths import typed_path
from promotebot.errors import UsageError
from promotebot.git.checkout import NO_REPOSITORY, Checkout
from promotebot.planning.worktree import WorkTreePaths
from promotebot.promotion.policy import DEFAULT_PATH as POLICY_PATH
from promotebot.registry.names import parse_artifact_path
from promotebot.registry.registry import DEFAULT_PATH


def work_tree_of(
    options: argparse.Namespace, place: Path | None = None, *, otherwise: str = NO_REPOSITORY
) -> tuple[Checkout, WorkTreePaths]:
    """Return the repository around this directory, or at --base-dir, with the paths that the options name in it.

    Args:
        place: another directory to look around, where --base-dir does not say.
        otherwise: what to do where there is no repository.

    Raises:
        UsageError: without a repository, or or when the registry is outside of it.
        InvalidInput: for a path that no registry can hold.
    """
    start = Path(options.base_dir).resolve() if options.base_dir else place or Path()
    repository = Checkout.open(start, otherwise=otherwise)
    root = repository.root.resolve()
    base_dir = start.relative_to(root).as_posix() if options.base_dir and start != root else ""
    registry = Path(options.registry) if options.registry else root / base_dir / DEFAULT_PATH
    try:
        relative = str((registry.parent.resolve() / registry.name).relative_to(root))
    except ValueError:
        raise UsageError("the registry is outside the repository", where=str(registry)) from None
    datasets = typed_path(getattr(options, "datasets_dir", None) or DATASETS_DIR)
    return repository, WorkTreePaths(root, registry, parse_artifact_path(relative), POLICY_PATH, datasets, base_dir)
