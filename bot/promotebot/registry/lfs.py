"""Git LFS: how a pointer reads, and the lines that put the file in its place, or its content where it belongs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from promotebot.remedies import APPEND, Command, Remedy, shell

LFS_HEADER = b"version https://git-lfs.github.com/spec/v1\n"
"""https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""
POINTER_BYTES = 1024
"""The most that a pointer file may hold, by the same specification."""
_POINTER = re.compile(re.escape(LFS_HEADER) + rb"oid sha256:([0-9a-f]{64})\nsize (0|[1-9][0-9]{0,17})\n")
OUT_OF_LFS = "!filter !diff !merge"
"""Attributes that take a path out of Git LFS."""
INTO_LFS = "filter=lfs diff=lfs merge=lfs -text"
"""Attributes that put a path into Git LFS, as `git lfs track` writes them."""


@dataclass(frozen=True)
class LfsPointer:
    """What a pointer file says of the content that it stands for: its sha256 in 64 hex digits, its size in bytes."""

    sha256: str
    size: int


def is_pointer(data: bytes) -> bool:
    """Return whether a whole file is a pointer, be it one that names content or one that is broken."""
    return len(data) <= POINTER_BYTES and data.startswith(LFS_HEADER)


def parse_pointer(data: bytes) -> LfsPointer | None:
    """Return what a pointer file says; None where it is not written exactly as git-lfs writes it.

    Extensions are such a thing, too: they change what a checkout makes of the content.
    """
    match = _POINTER.fullmatch(data) if is_pointer(data) else None
    return LfsPointer(match[1].decode(), int(match[2])) if match else None


def fetched(path: str) -> Command:
    """Return the line that puts the file in the place of its pointer, in a work tree that has git-lfs."""
    return shell("git", "lfs", "pull", "--include", path)


def attributes_pattern(path: str) -> str:
    """Return the pattern that names one file in the `.gitattributes` at the root."""
    return f'"/{path}"' if " " in path else f"/{path}"


def stored_by_git(path: str) -> Command:
    """Return the line that commits a file itself instead of its pointer, in a work tree that has the file.

    `git lfs untrack` would take out a pattern that is exactly this path; most patterns are like `*.onnx`.
    https://git-scm.com/docs/gitattributes
    """
    line = shell("echo", f"{attributes_pattern(path)} {OUT_OF_LFS} -text", APPEND, ".gitattributes")
    line = line.then("git", "add", "--renormalize", "--", ".gitattributes", path)
    return line.then("git", "commit", "--message", f"fix(ml): Store {path} in git", "--", ".gitattributes", path)


def lfs_remedy(path: str) -> Remedy:
    """Return what to do about a pointer in a work tree: here, and where only git's own objects are read."""
    otherwise = "; where only git's own objects are read, commit the file itself: "
    return Remedy("fetch it: ", fetched(path), otherwise, stored_by_git(path))


def content_remedy() -> Remedy:
    """Return what to do where the content of a checkout's pointers is needed."""
    return Remedy("fetch the content: ", shell("git", "lfs", "pull"), "; actions/checkout does it with `lfs: true`")


def written_again(path: str) -> Remedy:
    """Return what to do about a pointer that git-lfs would not have written."""
    return Remedy(f"put the file itself at {path} in a clone that has git-lfs, add and commit it again")
