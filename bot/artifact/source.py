"""A repository's files at one state, from a work tree or a commit, without following a single link."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Protocol

from bot.errors import InvalidInput


class Kind(str, Enum):
    """What stands at a path."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symbolic link"
    SUBMODULE = "submodule"
    OTHER = "special file"


@dataclass(frozen=True)
class Entry:
    """One thing below a directory; `path` starts at the repository's root, size in bytes where known."""

    path: str
    kind: Kind
    size: int | None = None


class Source(Protocol):
    """The files of a repository at one state."""

    @property
    def description(self) -> str: ...

    def kind(self, path: str) -> Kind | None:
        """What stands at a path, None for nothing."""
        ...

    def walk(self, directory: str) -> Iterator[Entry]:
        """Everything below a directory, hidden and empty directories included, links not followed."""
        ...

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """A regular file's bytes."""
        ...

    def untracked(self, directory: str, files: set[str]) -> set[str]:
        """Those of `files` that git does not track."""
        ...


@dataclass(frozen=True)
class TreeEntry:
    """A line of `git ls-tree`."""

    mode: str
    oid: str
    size: int | None
    path: str

    @property
    def kind(self) -> Kind:
        return {"120000": Kind.SYMLINK, "160000": Kind.SUBMODULE, "040000": Kind.DIRECTORY}.get(self.mode, Kind.FILE)


class TreeReader(Protocol):
    """Git objects by id; `bot.git.Repository` is one."""

    def list_tree(self, commit: str, path: str, recursive: bool) -> list[TreeEntry]: ...

    def open_blob(self, oid: str) -> AbstractContextManager[BinaryIO]: ...


class GitTree:
    """A commit's files, read as objects: nothing of it is ever checked out."""

    def __init__(self, reader: TreeReader, commit: str) -> None:
        self._reader = reader
        self._commit = commit

    @property
    def description(self) -> str:
        return f"commit {self._commit}"

    def _entry(self, path: str) -> TreeEntry | None:
        return next((e for e in self._reader.list_tree(self._commit, path, recursive=False) if e.path == path), None)

    def kind(self, path: str) -> Kind | None:
        entry = self._entry(path)
        return entry.kind if entry else None

    def walk(self, directory: str) -> Iterator[Entry]:
        for entry in self._reader.list_tree(self._commit, directory, recursive=True):
            if entry.path != directory and entry.path.startswith(f"{directory}/"):
                yield Entry(entry.path, entry.kind, entry.size)

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        entry = self._entry(path)
        if entry is None or entry.kind is not Kind.FILE:
            raise InvalidInput("is not a regular file", where=path)
        with self._reader.open_blob(entry.oid) as stream:
            yield stream

    def untracked(self, directory: str, files: set[str]) -> set[str]:  # noqa: ARG002 - a commit holds only tracked files
        return set()


class WorkTree:
    """Files on disk. Each is opened component by component and must be the same after reading as before."""

    def __init__(self, root: Path, tracked: Callable[[str], set[str]] | None = None) -> None:
        self._root = root
        self._tracked = tracked

    @property
    def description(self) -> str:
        return "work tree"

    def kind(self, path: str) -> Kind | None:
        try:
            return _kind((self._root / path).lstat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def walk(self, directory: str) -> Iterator[Entry]:
        for entry in sorted(os.scandir(self._root / directory), key=lambda item: item.name):
            found = entry.stat(follow_symlinks=False)
            path = f"{directory}/{entry.name}"
            yield Entry(path, _kind(found.st_mode), found.st_size)
            if stat.S_ISDIR(found.st_mode):
                yield from self.walk(path)

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        descriptor = self._descend(path)
        with os.fdopen(descriptor, "rb") as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise InvalidInput(f"is a {_kind(before.st_mode).value}, not a regular file", where=path)
            yield file
            after = os.fstat(descriptor)
            if _identity(before) != _identity(after):
                raise InvalidInput(
                    "changed while it was read", where=path, remedy="run it again when nobody writes there"
                )

    def _descend(self, path: str) -> int:
        """Open a file without following a link in any component, and without waiting for a FIFO's writer."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        current = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        parts = path.split("/")
        try:
            for part in parts[:-1]:
                below = os.open(part, flags | os.O_DIRECTORY, dir_fd=current)
                os.close(current)
                current = below
            return os.open(parts[-1], flags, dir_fd=current)
        except OSError as problem:
            raise InvalidInput(f"cannot be opened: {problem.strerror}", where=path) from None
        finally:
            os.close(current)

    def untracked(self, directory: str, files: set[str]) -> set[str]:
        return files - self._tracked(directory) if self._tracked else set()


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return Kind.FILE
    if stat.S_ISDIR(mode):
        return Kind.DIRECTORY
    return Kind.SYMLINK if stat.S_ISLNK(mode) else Kind.OTHER


def _identity(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
