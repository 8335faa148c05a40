"""A repository's files at one state, from a work tree or a commit, without following a single link."""

from __future__ import annotations

import errno
import os
import shlex
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO, NoReturn, Protocol

from promotebot.errors import CouldNotVerify, InvalidInput


class Kind(str, Enum):
    """The kinds of things at a path."""

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


class FileSource(Protocol):
    """The files of a repository at one state. Its methods raise CouldNotVerify where they cannot look."""

    @property
    def description(self) -> str:
        """Return the source in words, as reports name it."""
        ...

    def fingerprint(self, directory: str) -> str | None:
        """Return a text that is equal only for equal names and bytes; None where that costs reading them."""
        ...

    def kind(self, path: str) -> Kind | None:
        """Return the kind of thing at a path, None for nothing or for something behind a link."""
        ...

    def walk(self, directory: str) -> Iterator[Entry]:
        """Yield everything below a directory, hidden and empty directories included, links not followed.

        A `.git` is yielded, but not its content, which belongs to git.
        """
        ...

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a regular file for reading; raise InvalidInput for anything else."""
        ...

    def untracked(self, directory: str, files: set[str]) -> set[str] | None:
        """Return those of `files` that git does not track; None where git was not asked."""
        ...

    def left_out(self, directory: str) -> set[str]:
        """Return the files that git has there and a sparse checkout keeps out of the work tree."""
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
        """Return the kind of thing that a mode means: https://git-scm.com/docs/git-fast-import#_filemodify"""
        # 100664: written by early versions of git, and read by all of them.
        kinds = {"120000": Kind.SYMLINK, "160000": Kind.SUBMODULE, "040000": Kind.DIRECTORY}
        return Kind.FILE if self.mode in ("100644", "100755", "100664") else kinds.get(self.mode, Kind.OTHER)


class TreeReader(Protocol):
    """Git objects by id; `promotebot.git.repository.Repository` is one."""

    def list_tree(self, commit: str, path: str, recursive: bool) -> list[TreeEntry]:
        """Return the entry at a path of a commit; with `recursive` everything below it."""
        ...

    def open_blob(self, oid: str) -> AbstractContextManager[BinaryIO]:
        """Open the content of a file by its object id."""
        ...


class GitTree:
    """A commit's files, read as objects: nothing of it is ever checked out.

    A commit never changes, so each directory is listed once, however many of its files are read.
    """

    def __init__(self, reader: TreeReader, commit: str) -> None:
        self._reader = reader
        self._commit = commit
        self._known: dict[str, TreeEntry | None] = {}

    @property
    def description(self) -> str:
        """Return the commit in words."""
        return f"commit {self._commit}"

    def fingerprint(self, directory: str) -> str | None:
        """Return git's id of the tree: two commits with the same one hold the same artifact."""
        entry = self._entry(directory)
        return f"tree {entry.oid}" if entry and entry.kind is Kind.DIRECTORY else None

    def _entry(self, path: str) -> TreeEntry | None:
        if path not in self._known:
            entries = self._reader.list_tree(self._commit, path, recursive=False)
            self._known[path] = next((entry for entry in entries if entry.path == path), None)
        return self._known[path]

    def kind(self, path: str) -> Kind | None:
        """Return the kind of thing at a path; see `FileSource.kind`."""
        entry = self._entry(path)
        return entry.kind if entry else None

    def walk(self, directory: str) -> Iterator[Entry]:
        """Yield everything below a directory; see `FileSource.walk`."""
        below = [
            entry
            for entry in self._reader.list_tree(self._commit, directory, recursive=True)
            if entry.path.startswith(f"{directory}/")
        ]
        self._known |= {entry.path: entry for entry in below}
        for entry in below:
            yield Entry(entry.path, entry.kind, entry.size)

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """Open a regular file of the commit; see `FileSource.open`."""
        entry = self._entry(path)
        if entry is None or entry.kind is not Kind.FILE:
            message = f"is a {entry.kind.value}, not a regular file" if entry else "is not there"
            raise InvalidInput(message, where=path)
        with self._reader.open_blob(entry.oid) as stream:
            yield stream

    def untracked(self, directory: str, files: set[str]) -> set[str] | None:  # noqa: ARG002 - the protocol's signature
        """Return nothing: a commit holds tracked files only."""
        return set()

    def left_out(self, directory: str) -> set[str]:  # noqa: ARG002 - the protocol's signature
        """Return nothing: a commit is whole."""
        return set()


class WorkTree:
    """Files on disk. Each is opened component by component and must be the same after reading as before.

    Where the functions that ask git are given, it says what it tracks and what a sparse checkout leaves out.
    """

    def __init__(
        self,
        root: Path,
        tracked: Callable[[str], set[str]] | None = None,
        left_out: Callable[[str], set[str]] | None = None,
    ) -> None:
        self._root = root
        self._tracked = tracked
        self._left_out = left_out

    @property
    def description(self) -> str:
        """Return the source in words."""
        return "work tree"

    def fingerprint(self, directory: str) -> str | None:  # noqa: ARG002 - the protocol's signature
        """Return None: files on disk may change at any moment."""
        return None

    def kind(self, path: str) -> Kind | None:
        """Return the kind of thing at a path; see `FileSource.kind`."""
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            part = "/".join(parts[:end])
            try:
                kind = _kind((self._root / part).lstat().st_mode)
            except (FileNotFoundError, NotADirectoryError):
                return None
            except (OSError, ValueError) as problem:
                if isinstance(problem, OSError) and problem.errno == errno.ENAMETOOLONG:
                    # Nothing can have such a name.
                    return None
                _could_not(problem, part)
            if end < len(parts) and kind is not Kind.DIRECTORY:
                return None
        return kind

    def walk(self, directory: str) -> Iterator[Entry]:
        """Yield everything below a directory; see `FileSource.walk`."""
        waiting = [directory]
        while waiting:
            current = waiting.pop()
            for path, status in self._children(current):
                yield Entry(path, _kind(status.st_mode), status.st_size)
                if stat.S_ISDIR(status.st_mode) and path.rpartition("/")[2].lower() != ".git":
                    waiting.append(path)

    def _children(self, directory: str) -> list[tuple[str, os.stat_result]]:
        # Listed through its descriptor: the name could mean another directory by now.
        descriptor = self._descend(directory, os.O_DIRECTORY)
        try:
            with os.scandir(descriptor) as entries:
                children = [(f"{directory}/{entry.name}", entry.stat(follow_symlinks=False)) for entry in entries]
        except OSError as problem:
            _could_not(problem, directory)
        finally:
            os.close(descriptor)
        return sorted(children, key=lambda item: item[0])

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """Open a regular file; raise InvalidInput, too, when it changed while it was read."""
        descriptor = self._descend(path)
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            os.close(descriptor)
            raise InvalidInput(f"is a {_kind(before.st_mode).value}, not a regular file", where=path)
        with os.fdopen(descriptor, "rb") as file:
            yield file
            if _identity(before) != _identity(os.fstat(descriptor)):
                raise InvalidInput(
                    "changed while it was read", where=path, remedy="run it again when nobody writes there"
                )

    def _descend(self, path: str, flags: int = 0) -> int:
        """Open without following a link in any component, and without waiting for a FIFO's writer."""
        # O_NOFOLLOW looks at the last component only, so each is opened on its own, from the directory before it.
        flags |= os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        parts = path.split("/")
        current = -1
        try:
            current = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            for part in parts[:-1]:
                below = os.open(part, flags | os.O_DIRECTORY, dir_fd=current)
                os.close(current)
                current = below
            return os.open(parts[-1], flags, dir_fd=current)
        except (OSError, ValueError) as problem:
            _refuse(problem, path)
        finally:
            if current >= 0:
                os.close(current)

    def untracked(self, directory: str, files: set[str]) -> set[str] | None:
        """Return those of `files` that git does not track; None where git was not asked."""
        return files - self._tracked(directory) if self._tracked else None

    def left_out(self, directory: str) -> set[str]:
        """Return the files that a sparse checkout leaves out; nothing where git was not asked."""
        return self._left_out(directory) if self._left_out else set()


def fetching(directory: str) -> str:
    """Return the commands that bring in a directory that a sparse checkout leaves out."""
    return f"git sparse-checkout add {shlex.quote(directory)} (or: git sparse-checkout disable), then run it again"


def shown(path: str) -> str:
    """Return a path as a person may read it: whatever could break a line, a table or UTF-8 is escaped."""
    return path if path.isprintable() else ascii(path)[1:-1]


def _refuse(problem: OSError | ValueError, path: str) -> NoReturn:
    """Raise InvalidInput for an error that is the file's own fault, CouldNotVerify for any other."""
    known = {
        errno.ENOENT: "is not there",
        # Nothing can have such a name.
        errno.ENAMETOOLONG: "is not there",
        errno.ELOOP: "is a symbolic link; links are not followed",
        errno.ENOTDIR: "lies behind something that is no directory; links are not followed",
        errno.ENXIO: "is a special file, not a regular file",
    }
    if isinstance(problem, OSError) and problem.errno in known:
        raise InvalidInput(known[problem.errno], where=shown(path)) from None
    _could_not(problem, path)


def _could_not(problem: OSError | ValueError, path: str) -> NoReturn:
    reason = problem.strerror if isinstance(problem, OSError) else str(problem)
    raise CouldNotVerify(
        f"cannot be read: {reason}", where=shown(path), remedy="check its permissions and the disk"
    ) from None


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return Kind.FILE
    if stat.S_ISDIR(mode):
        return Kind.DIRECTORY
    return Kind.SYMLINK if stat.S_ISLNK(mode) else Kind.OTHER


def _identity(status: os.stat_result) -> tuple[int, ...]:
    # ctime cannot be set: it changes even where somebody puts mtime back.
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
