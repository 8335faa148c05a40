"""One git repository, read by object id, through GitPython."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import git
from git.exc import GitCommandError

from promotebot.artifact.source import LfsStore, TreeEntry
from promotebot.errors import CouldNotVerify, InvalidInput, UsageError
from promotebot.git.commands import Commands
from promotebot.git.lfs_clone import LocalLfs
from promotebot.git.listings import Listings
from promotebot.git.process import GitFailed, stderr_of
from promotebot.registry.names import GitSha, is_git_sha, parse_git_sha
from promotebot.remedies import Remedy, shell

SAYS_NO = (1, 128)
"""Exit codes of git where a name means nothing to it; ended by a signal, it has not answered."""
CHUNK = 1024 * 1024
"""Bytes."""
MAX_REMEMBERED = 16 * 1024 * 1024
"""Bytes of registries, manifests and policies that are kept for the next question about the same files."""
_LINK, _FILE_MODES = "120000", ("100644", "100755")


class Repository(Commands):
    """One git repository, read by object id; nothing is written."""

    def __init__(self, repo: git.Repo, environment: Mapping[str, str]) -> None:
        super().__init__(repo, environment)
        self._listings = Listings()
        self._commits: dict[str, GitSha] = {}
        self._ancestors: set[tuple[str, str]] = set()
        self._small_files: dict[str, bytes] = {}
        self._room = MAX_REMEMBERED

    def resolve(self, revision: str) -> GitSha | None:
        """Return the commit that a revision names, or None."""
        if revision in self._commits:
            return self._commits[revision]
        try:
            commit = parse_git_sha(
                self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
            )
        except InvalidInput:
            return None
        except GitFailed as problem:
            if problem.status not in SAYS_NO:
                raise
            return None
        self._commits[commit] = commit  # but not the revision, which may name another one tomorrow
        return commit

    def commit_id(self, revision: str) -> GitSha:
        """Return the commit that a revision names. Raises UsageError where it names none."""
        sha = self.resolve(revision)
        if sha is None and revision == "HEAD":
            raise UsageError(
                "nothing is committed here yet", where="HEAD", remedy="commit what is here, then run it again"
            )
        if sha is None:
            raise UsageError(
                f"{revision!r} names no commit here",
                remedy=Remedy("see which there are: ", shell("git", "log", "--oneline", "--all")),
            )
        return sha

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Tell whether `ancestor` is `descendant` or in its history; False for a commit that is not here."""
        if (ancestor, descendant) in self._ancestors:
            return True
        if self.resolve(ancestor) is None:
            return False
        try:
            self._run("merge-base", "--is-ancestor", ancestor, descendant)
        except GitFailed as problem:
            if problem.status != 1:
                raise
            return False
        if is_git_sha(ancestor) and is_git_sha(descendant):  # so it stays true
            self._ancestors.add((ancestor, descendant))
        return True

    def reaches(self, ancestor: str, descendant: str) -> bool | None:
        """Tell whether `ancestor` is in the history of `descendant`; None where this clone does not hold all of it."""
        if self.is_ancestor(ancestor, descendant):
            return True
        return None if self.is_shallow() else False

    def is_shallow(self) -> bool:
        """Tell whether the history ends before its beginning: https://git-scm.com/docs/shallow"""
        return self._run("rev-parse", "--is-shallow-repository").strip() == "true"

    def merge_base(self, one: str, other: str) -> GitSha:
        """Return the best common ancestor of two commits. Raises InvalidInput where there is none."""
        return self.merge_bases(one, other)[0]

    def merge_bases(self, one: str, other: str) -> list[GitSha]:
        """Return every best common ancestor of two commits. Raises InvalidInput where there is none."""
        self._reach_back(one, other)
        try:
            return [parse_git_sha(line) for line in self._run("merge-base", "--all", one, other).split()]
        except GitFailed as problem:
            if problem.status != 1:
                raise
            raise InvalidInput(
                "the branch shares no history with its base", remedy="start the branch from the base"
            ) from None

    def changed_paths(self, old: str, new: str, only: str = "") -> list[str]:
        """Return every path that differs between two commits' trees, both names of a rename.

        Args:
            only: A for paths that are new, D for those that are gone; empty for all.
        """
        flags = ["-r", "-z", "--name-only", "--no-renames", *([f"--diff-filter={only}"] if only else [])]
        output = self._run("diff-tree", *flags, "--end-of-options", old, new)
        return [path for path in output.split("\0") if path]

    def attributes(self, commit: str, paths: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return path → attribute → value as a commit's own files say, in git's words for what is not set.

        https://git-scm.com/docs/git-check-attr
        """
        with tempfile.TemporaryDirectory(prefix="promotebot-index-") as scratch, tempfile.TemporaryFile() as listed:
            env = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
            self._run("read-tree", commit, env=env)
            listed.write("".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape"))
            listed.seek(0)
            output = self._run("check-attr", "--cached", "-z", "--stdin", *names, env=env, stdin=listed)
        parts = output.split("\0")
        found: dict[str, dict[str, str]] = {path: {} for path in paths}
        for path, name, value in zip(parts[::3], parts[1::3], parts[2::3], strict=False):
            found[path][name] = value
        return found

    def list_tree(self, commit: str, path: str, recursive: bool) -> list[TreeEntry]:
        """Return the entries at or below `path` ("" for the root), trees included when recursive."""
        known = self._listings.find(commit, path, recursive)
        if known is not None:
            return known
        flags = ["-r", "-t"] if recursive else []
        where = [path] if path else []
        output = self._run(
            "--literal-pathspecs", "ls-tree", "-z", "--full-tree", *flags, "--end-of-options", commit, *where
        )
        entries = []
        for line in filter(None, output.split("\0")):
            meta, _, name = line.partition("\t")
            mode, _, oid = meta.split(" ")
            entries.append(TreeEntry(mode=mode, oid=oid, size=None, path=name))
        self._listings.keep(commit, path, recursive, entries)
        return entries

    @contextmanager
    def open_blob(self, oid: str) -> Iterator[BinaryIO]:
        """Yield a blob's bytes as a stream.

        Raises:
            CouldNotVerify: when git cannot produce it (a partial clone whose remote is gone).
        """
        running = self._repo.git.execute(["git", "cat-file", "blob", oid], as_process=True)
        try:
            yield cast(BinaryIO, running.stdout)
            while running.stdout.read(CHUNK):  # a reader may stop early; git must not die of a closed pipe
                pass
            running.wait()
        except GitCommandError as problem:
            raise CouldNotVerify(f"cannot read object {oid}: {stderr_of(problem)}") from None
        finally:
            for stream in (running.stdout, running.stderr, running.stdin):
                if stream is not None:
                    stream.close()

    def read_file(self, commit: str, path: str, *, max_bytes: int) -> bytes | None:
        """Return a file's bytes at a commit, None where there is none.

        Raises:
            InvalidInput: for a link, a submodule or a directory in its place, or more than `max_bytes`.
        """
        entries = [entry for entry in self.list_tree(commit, path, recursive=False) if entry.path == path]
        return self.read_entry(entries[0], max_bytes=max_bytes) if entries else None

    def read_entry(self, entry: TreeEntry, *, max_bytes: int) -> bytes:
        """Return the bytes of a file that `list_tree` named. Raises as `read_file` does."""
        if entry.mode not in _FILE_MODES:
            kind = "a symbolic link" if entry.mode == _LINK else "not a regular file"
            raise InvalidInput(f"is {kind}", where=entry.path, remedy="commit the file itself")
        data = self._small_files.get(entry.oid)
        if data is None:
            with self.open_blob(entry.oid) as stream:
                data = stream.read(max_bytes + 1)
            if len(data) <= min(max_bytes, self._room):
                self._small_files[entry.oid] = data
                self._room -= len(data)
        if len(data) > max_bytes:
            raise InvalidInput(f"is over the limit of {max_bytes:,} bytes", where=entry.path, remedy="make it smaller")
        return data

    def read_blobs(self, oids: Sequence[str], *, max_bytes: int) -> dict[str, bytes]:
        """Return the bytes of many blobs by their object ids, with one process for all of them.

        Args:
            max_bytes: of all blobs together; from the first one that does not fit, none is returned.

        Raises:
            CouldNotVerify: when git cannot produce one of them.
        """
        with tempfile.TemporaryFile() as names:
            self._name(oids, names)
            running = self._repo.git.execute(["git", "cat-file", "--batch"], istream=names, as_process=True)
            blobs: dict[str, bytes] = {}
            try:
                for oid in oids:
                    # https://git-scm.com/docs/git-cat-file#_batch_output
                    *_, kind, size = running.stdout.readline().decode().split(" ")
                    if kind != "blob":
                        raise CouldNotVerify(f"cannot read object {oid}: git says it is {kind or 'nothing'}")
                    max_bytes -= int(size)
                    if max_bytes < 0:
                        return blobs  # git ends when it finds its output closed
                    blobs[oid] = running.stdout.read(int(size))
                    running.stdout.read(1)
                running.wait()
            except (GitCommandError, ValueError) as problem:
                reason = stderr_of(problem) if isinstance(problem, GitCommandError) else "git ended too early"
                raise CouldNotVerify(f"cannot read objects: {reason}") from None
            finally:
                for stream in (running.stdout, running.stderr):
                    stream.close()
        return blobs

    def commits_of(self, path: str, head: str) -> list[GitSha]:
        """Return the commits in a history that changed a file, the newest first."""
        found = self._run("rev-list", "--end-of-options", head, "--", f":(top,literal){path}").split()
        return [parse_git_sha(line) for line in found]

    def changes_since(self, base: str, head: str, paths: Sequence[str]) -> bool:
        """Return whether any commit that is in the history of `head` alone changed a file at or below these paths."""
        self._reach_back(base, head)
        files = [f":(top,literal){path}" for path in paths]
        # In full: the shortened history leaves out what a merge threw away again.
        return bool(self._run("rev-list", "--full-history", "-n1", "--end-of-options", head, f"^{base}", "--", *files))

    def commits_since(self, base: str, head: str, *, limit: int) -> list[GitSha]:
        """Return the commits of `head` that `base` does not have, the newest first, `limit` at most."""
        self._reach_back(base, head)
        return [GitSha(sha) for sha in self._run("rev-list", f"--max-count={limit}", f"{base}..{head}").split()]

    def refs_below(self, folder: str) -> dict[str, str]:
        """Return the refs of this repository below a folder, `refs/…/`: the rest of their name → object id."""
        listed = self._run("for-each-ref", "--format=%(objectname) %(refname)", folder).split("\n")
        return {name.removeprefix(folder): sha for sha, name in (line.split(" ", 1) for line in listed if line)}

    def paths_of_commits(self, base: str, head: str, *, merges: bool = True) -> list[str]:
        """Return every path that any commit in the history of `head` alone changed, of a merge against each parent.

        Args:
            merges: False leaves merges out.
        """
        self._reach_back(base, head)
        flags = ("-m" if merges else "--no-merges", "-z", "--name-only", "--no-renames", "--format=")
        output = self._run("log", *flags, "--end-of-options", head, f"^{base}")
        return sorted({path.lstrip("\n") for path in output.split("\0")} - {""})

    def fork_points(self, base: str, head: str) -> list[GitSha]:
        """Return each commit of the base's history that a commit in the history of `head` alone was made on."""
        self._reach_back(base, head)
        listed = self._run("rev-list", "--boundary", "--end-of-options", head, f"^{base}").split()
        return [parse_git_sha(line.removeprefix("-")) for line in listed if line.startswith("-")]

    def messages_since(self, base: str | None, head: str, trailer: str, *, limit: int) -> list[tuple[GitSha, str]]:
        """Return the newest commits with a trailer, and their messages; without a base, of all that is here."""
        if base:
            self._reach_back(base, head)
        flags = ("-z", f"-n{limit}", "--format=%H%n%B", f"--grep=^{trailer}: ")
        output = self._run("log", *flags, "--end-of-options", head, *([f"^{base}"] if base else []))
        found = (entry.partition("\n") for entry in output.split("\0") if entry)
        return [(parse_git_sha(sha), message) for sha, _, message in found]

    def mainline_commits(
        self,
        head: str,
        paths: Sequence[str],
        *,
        ends: Callable[[GitSha], bool] | None = None,  # noqa: ARG002 - all of the history is here
    ) -> Iterator[GitSha]:
        """Yield the commits of a branch itself that changed one of some files, the newest first.

        Of a merge, that is the merge: what it brought came to the branch with it, whatever its own commits say.

        Args:
            ends: tells of a commit that no older one is asked for, where these would have to be fetched.
        """
        files = [f":(top,literal){path}" for path in paths]
        found = self._run("rev-list", "--first-parent", "--end-of-options", head, "--", *files).split()
        yield from map(parse_git_sha, found)

    def _reach_back(self, one: str, other: str) -> None:
        """Hear that the common history of two commits is asked for, where less of it may be here than there is."""

    def expect(self, oids: Collection[str], *, max_bytes: int) -> None:
        """Hear that these blobs are read soon: a repository that has them need not do anything."""

    def lfs(self, commit: str) -> LfsStore:
        """Return where git-lfs keeps the content of a commit's pointers in a clone."""
        return LocalLfs(Path(self._repo.common_dir), commit)


def paths_below(paths: Sequence[str], directory: str) -> list[str]:
    """Return those of `paths` that lie below `directory`."""
    return [path for path in paths if path.startswith(f"{directory}/")]
