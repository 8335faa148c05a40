"""A repository's files at one state: what every source of them answers, and those of a commit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Protocol

from promotebot.errors import InvalidInput
from promotebot.registry.lfs import LfsPointer
from promotebot.remedies import Remedy, shell


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


class LfsStore(Protocol):
    """Where the content lies of which git holds Git LFS pointers. Raises CouldNotVerify where it does not answer."""

    def missing(self, pointers: Collection[LfsPointer]) -> Mapping[LfsPointer, InvalidInput]:
        """Return those whose content is not there, each with what is wrong and what to do; nothing is downloaded."""
        ...

    def fetch(self, targets: Mapping[Path, LfsPointer], seconds: float) -> Mapping[LfsPointer, InvalidInput]:
        """Write contents to new files, hashed on the way; return what is wrong with those that could not be had.

        Args:
            seconds: for all of them together, where they are far away.
        """
        ...


@dataclass(frozen=True)
class Held:
    """What git holds of a file that a checkout may give otherwise; of a Git LFS pointer, what it stands for."""

    sha256: str
    """64 hex digits."""
    in_lfs: bool


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

    def near(self) -> AbstractContextManager[FileSource]:
        """Return these files for one thread that opens many, mostly of one directory after each other."""
        ...

    def expect(self, directory: str, *, max_files: int, max_bytes: int) -> None:
        """Hear that a directory is read soon: what is far away comes at once then, as far as it keeps to the limits."""
        ...

    def untracked(self, directory: str, files: set[str]) -> set[str] | None:
        """Return those of `files` that git does not track; None where git was not asked."""
        ...

    def left_out(self, directory: str) -> set[str]:
        """Return the files that git has there and a sparse checkout keeps out of the work tree."""
        ...

    def held(self, directory: str) -> Mapping[str, Held]:
        """Return path → what git holds of the files that a checkout may give otherwise than git has them."""
        ...

    @property
    def lfs(self) -> LfsStore | None:
        """Where the content of Git LFS pointers lies; None where the content itself has to be among the files."""
        ...

    @property
    def fetches_lfs(self) -> bool:
        """Whether that content is fetched, so that models can be opened; else it is only asked for."""
        ...

    @property
    def fetches_stored(self) -> bool:
        """Whether files outside of git are read; else the store is only asked for them."""
        ...

    def by_pointers(self) -> FileSource:
        """Return the same files, proven by Git LFS pointers and manifest alone: nothing is downloaded."""
        ...

    def outside_lfs(self, paths: Sequence[str]) -> list[str]:
        """Return those of some paths where a checkout puts no content in the place of a Git LFS pointer."""
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

    def expect(self, oids: Collection[str], *, max_bytes: int) -> None:
        """Hear that these files are read soon; together they should hold no more bytes."""
        ...

    def attributes(self, commit: str, paths: Sequence[str], names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return path → attribute → value, as the commit's own files say: https://git-scm.com/docs/git-check-attr"""
        ...

    def lfs(self, commit: str) -> LfsStore:
        """Return where the content of a commit's Git LFS pointers lies."""
        ...


class GitTree:
    """A commit's files, read as objects: nothing of it is ever checked out.

    A commit never changes, so each directory is listed once, however many of its files are read.
    """

    def __init__(
        self, reader: TreeReader, commit: str, *, fetches_lfs: bool = True, fetches_stored: bool = True
    ) -> None:
        self._reader = reader
        self._commit = commit
        self._fetches_lfs = fetches_lfs
        self._fetches_stored = fetches_stored
        self._known: dict[str, TreeEntry | None] = {}
        self._listed: dict[str, list[TreeEntry]] = {}

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
        for entry in self._below(directory):
            yield Entry(entry.path, entry.kind, entry.size)

    def _below(self, directory: str) -> list[TreeEntry]:
        if directory not in self._listed:
            entries = self._reader.list_tree(self._commit, directory, recursive=True)
            self._listed[directory] = [entry for entry in entries if entry.path.startswith(f"{directory}/")]
            self._known |= {entry.path: entry for entry in self._listed[directory]}
        return self._listed[directory]

    def expect(self, directory: str, *, max_files: int, max_bytes: int) -> None:
        """Tell the reader which objects are read soon; see `FileSource.expect`."""
        files = [entry.oid for entry in self._below(directory) if entry.kind is Kind.FILE]
        self._reader.expect(files[: max_files + 1], max_bytes=max_bytes)  # the manifest beside the files that it lists

    def near(self) -> AbstractContextManager[GitTree]:
        """Return these files: git's objects are in no directory."""
        return nullcontext(self)

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

    def held(self, directory: str) -> Mapping[str, Held]:  # noqa: ARG002 - the protocol's signature
        """Return nothing: these files are what git holds."""
        return {}

    @property
    def lfs(self) -> LfsStore:
        """Return where the content of Git LFS pointers lies; see `FileSource.lfs`."""
        return self._reader.lfs(self._commit)

    @property
    def fetches_lfs(self) -> bool:
        """Return whether that content is fetched; see `FileSource.fetches_lfs`."""
        return self._fetches_lfs

    @property
    def fetches_stored(self) -> bool:
        """Return whether files outside of git are read; see `FileSource.fetches_stored`."""
        return self._fetches_stored

    def by_pointers(self) -> GitTree:
        """Return the same commit's files, of which nothing is downloaded; see `FileSource.by_pointers`."""
        return GitTree(self._reader, self._commit, fetches_lfs=False, fetches_stored=False)

    def outside_lfs(self, paths: Sequence[str]) -> list[str]:
        """Return the paths that the commit's attributes do not give to Git LFS; see `FileSource.outside_lfs`."""
        found = self._reader.attributes(self._commit, paths, ("filter",))
        return [path for path in paths if found[path].get("filter") != "lfs"]


def fetching(directory: str) -> Remedy:
    """Return the command that brings in a directory that a sparse checkout leaves out."""
    return Remedy(
        "add the directory, then run the command again: ",
        shell("git", "sparse-checkout", "add", directory),
    )


def shown(path: str) -> str:
    """Return a path as a person may read it: whatever could break a line, a table or UTF-8 is escaped."""
    return path if path.isprintable() else ascii(path)[1:-1]
