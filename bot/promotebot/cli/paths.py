"""Paths as people type them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from promotebot.registry.names import ArtifactPath, parse_artifact_path

if TYPE_CHECKING:  # it loads git, which a deployed copy may not have
    from promotebot.planning.worktree import WorkTreePaths


def typed_path(text: str) -> ArtifactPath:
    """Parse a path as a shell completes it: `./` before it and a slash behind it mean nothing.

    Raises:
        InvalidInput: for a path that is not inside the repository.
    """
    return parse_artifact_path(text.removeprefix("./").rstrip("/") or text)


def path_in(work_tree: WorkTreePaths, text: str) -> ArtifactPath:
    """Return a directory's path from the root of the repository, as TAB writes it there or where the shell is.

    A path counts from the folder that --base-dir names; without one from the root where it is there, else from the
    directory that the shell is in. An absolute path inside of the repository is that path.

    Raises:
        InvalidInput: for a path that is not inside the repository.
    """
    absolute, here = Path(text), Path().resolve()
    if absolute.is_absolute() and ".." not in absolute.parts and absolute.is_relative_to(work_tree.root):
        return typed_path(absolute.relative_to(work_tree.root).as_posix())
    given = typed_path(text)
    usual = typed_path(work_tree.from_root(given))
    is_there = work_tree.base_dir or (work_tree.root / usual).exists()
    is_here = not is_there and here.is_relative_to(work_tree.root) and (here / given).is_dir()
    return typed_path((here / given).relative_to(work_tree.root).as_posix()) if is_here else usual
