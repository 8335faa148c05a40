"""Which of a repository's registries an artifact is for, by where it stands."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from promotebot.registry.registry import DEFAULT_PATH


def registries_in(paths: Iterable[str]) -> frozenset[str]:
    """Return the folders that have a registry of their own, in its usual place."""
    end = f"/{DEFAULT_PATH}"
    return frozenset(path.removesuffix(end) for path in paths if path.endswith(end))


def is_for(directory: str, base_dir: str, registries: Collection[str]) -> bool:
    """Return whether an artifact is for the registry of a folder: no folder nearer to it has one of its own.

    Args:
        base_dir: the folder; empty for the repository's root.
        registries: the folders that have a registry of their own.
    """
    above = [base for base in {*registries, base_dir} if not base or directory.startswith(f"{base}/")]
    return bool(above) and max(above, key=len) == base_dir
