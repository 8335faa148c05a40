"""Files on disk, read without following a single link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import BinaryIO, NoReturn

from promotebot.artifact.source import Entry, Held, Kind, shown
from promotebot.errors import CouldNotVerify, InvalidInput

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class WorkTree:
    """Files on disk. Each is opened component by component and must be the same after reading as before.

    Where the functions that ask git are given, it says what it tracks, what a sparse checkout leaves out, and what it
    holds of files that a checkout may convert.
    """

    def __init__(
        self,
        root: Path,
        tracked: Callable[[str], set[str]] | None = None,
        left_out: Callable[[str], set[str]] | None = None,
        held: Callable[[str], Mapping[str, Held]] | None = None,
    ) -> None:
        self._root = root
        self._tracked = tracked
        self._left_out = left_out
        self._held = held
        self._near: dict[str, int] | None = None
        """The directory that was opened last, and its descriptor; None where none is kept open."""

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
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            yield file
            if _identity(before) != _identity(os.fstat(descriptor)):
                raise InvalidInput(
                    "changed while it was read", where=path, remedy="run it again when nobody writes there"
                )

    @contextmanager
    def near(self) -> Iterator[WorkTree]:
        """Return these files; the directory of the last one stays open, so that the next one costs no new descent.

        What is opened then is in the same directory as the last one, whatever its name means by now.
        """
        other = copy(self)
        other._near = {}
        try:
            yield other
        finally:
            other._leave()

    def _leave(self) -> None:
        while self._near:
            os.close(self._near.popitem()[1])

    def _descend(self, path: str, flags: int = 0) -> int:
        """Open without following a link in any component, and without waiting for a FIFO's writer."""
        directory, _, name = path.rpartition("/")
        try:
            if self._near is None:
                above = self._directory(directory)
                try:
                    return os.open(name, _FLAGS | flags, dir_fd=above)
                finally:
                    os.close(above)
            if directory not in self._near:
                self._leave()
                self._near[directory] = self._directory(directory)
            return os.open(name, _FLAGS | flags, dir_fd=self._near[directory])
        except (OSError, ValueError) as problem:
            _refuse(problem, path)

    def _directory(self, path: str) -> int:
        # O_NOFOLLOW looks at the last component only, so each is opened on its own, from the directory before it.
        current = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in path.split("/") if path else ():
            try:
                below = os.open(part, _FLAGS | os.O_DIRECTORY, dir_fd=current)
            finally:
                os.close(current)
            current = below
        return current

    def expect(self, directory: str, *, max_files: int, max_bytes: int) -> None:
        """Do nothing: the files are here."""

    def untracked(self, directory: str, files: set[str]) -> set[str] | None:
        """Return those of `files` that git does not track; None where git was not asked."""
        return files - self._tracked(directory) if self._tracked else None

    def left_out(self, directory: str) -> set[str]:
        """Return the files that a sparse checkout leaves out; nothing where git was not asked."""
        return self._left_out(directory) if self._left_out else set()

    def held(self, directory: str) -> Mapping[str, Held]:
        """Return what git holds of the files that a checkout may convert; nothing where git was not asked."""
        return self._held(directory) if self._held else {}

    @property
    def lfs(self) -> None:
        """Return None: git-lfs puts the content itself into a work tree."""
        return None

    @property
    def fetches_lfs(self) -> bool:
        """Return False: what is not here is not fetched."""
        return False

    @property
    def fetches_stored(self) -> bool:
        """Return True: what git does not have, a checkout does not have either."""
        return True

    def by_pointers(self) -> WorkTree:
        """Return this: no content of Git LFS is ever downloaded to it."""
        return self

    def outside_lfs(self, paths: Sequence[str]) -> list[str]:
        """Return all of them: a pointer that lies in a work tree was not replaced."""
        return list(paths)


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
