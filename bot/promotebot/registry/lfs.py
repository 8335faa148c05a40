"""Git LFS: how a pointer is recognised, and the lines that put the file in its place."""

from __future__ import annotations

from promotebot.remedies import APPEND, Command, Remedy, shell

LFS_HEADER = b"version https://git-lfs.github.com/spec/v1\n"
"""https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""
OUT_OF_LFS = "!filter !diff !merge"
"""Attributes that take a path out of Git LFS."""


def fetched(path: str) -> Command:
    """Return the line that puts the file in the place of its pointer, in a work tree that has git-lfs."""
    return shell("git", "lfs", "pull", "--include", path)


def stored_by_git(path: str) -> Command:
    """Return the line that commits a file itself instead of its pointer, in a work tree that has the file.

    `git lfs untrack` would take out a pattern that is exactly this path; most patterns are like `*.onnx`.
    https://git-scm.com/docs/gitattributes
    """
    pattern = f'"/{path}"' if " " in path else f"/{path}"
    line = shell("echo", f"{pattern} {OUT_OF_LFS} -text", APPEND, ".gitattributes")
    line = line.then("git", "add", "--renormalize", "--", ".gitattributes", path)
    return line.then("git", "commit", "--message", f"fix(ml): Store {path} in git", "--", ".gitattributes", path)


def lfs_remedy(path: str) -> Remedy:
    """Return what to do about a pointer: here, and for everybody who reads git's own objects, as the Action does."""
    otherwise = "; where only git's own objects are read, commit the file itself: "
    return Remedy("fetch it: ", fetched(path), otherwise, stored_by_git(path))
