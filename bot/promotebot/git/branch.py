"""A private repository fetched from a remote: commits are made in it and pushed by compare-and-swap."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import git
from git.exc import GitCommandError

from promotebot.artifact.source import Kind
from promotebot.errors import CouldNotVerify, InvalidInput, RefChanged
from promotebot.git import process
from promotebot.git.lfs_server import LfsServer
from promotebot.git.process import GitFailed, Identity, Remote, rejection
from promotebot.git.recent import RECENT, RecentRepository
from promotebot.registry.names import GitSha, parse_git_sha

MAX_REBASED = 100
"""Commits of a branch that are applied one by one."""
_NOBODY = Identity("nobody", "nobody@localhost")
_AT_ANY_TIME = datetime(2001, 1, 1, tzinfo=timezone.utc)
_NOTHING, _FILE = "000000", "100644"
"""Modes in git's trees."""


@dataclass(frozen=True)
class ChangedEntry:
    """A path that differs between two trees: its mode in the old one; its mode and object id in the new one.

    A mode and an id of zeros stand for a path that is not there.
    """

    path: str
    old_mode: str
    mode: str
    oid: str

    @property
    def is_gone(self) -> bool:
        """True when the new tree has no such path."""
        return self.mode == _NOTHING

    @property
    def is_plain(self) -> bool:
        """True when it is an ordinary file on both sides, as far as it is there: no link, not executable."""
        return {self.old_mode, self.mode} <= {_NOTHING, _FILE}


class FetchedRepository(RecentRepository):
    """A bare repository of this job's own, holding what was fetched; it commits and pushes, and never checks out."""

    @classmethod
    @contextmanager
    def fetched(
        cls,
        remote: Remote,
        refs: Mapping[str, str],
        *,
        optional: Mapping[str, str] | None = None,
        depth: int = RECENT,
    ) -> Iterator[FetchedRepository]:
        """Yield a private bare repository with the given refs (local name → remote name), blobs on demand.

        Their newest commits come along, with their trees. Where a branch left its base, whether a training commit is
        behind it, and which commit brought an event may be further back: what such a question needs is fetched then.

        Args:
            optional: refs that are left out where the remote does not have them.
            depth: commits behind each ref; 1 where nothing is asked of the history, 0 where all of it is.

        Raises:
            CouldNotVerify: when the remote does not answer or has no such ref.
        """
        with tempfile.TemporaryDirectory(prefix="promotebot-") as directory:
            try:
                # Without the hooks and settings that the machine puts into each new repository.
                bare = {**process.ISOLATED, "GIT_TEMPLATE_DIR": ""}
                repo = git.Repo.init(directory, bare=True, mkdir=False, initial_branch="none", env=bare)
            except GitCommandError as problem:
                raise GitFailed("init", problem) from None
            repository = cls(repo, remote.environment(), remote.cost, LfsServer(remote))
            try:
                repository.fetch(refs, optional=optional, depth=depth)
                yield repository
            finally:
                repository.close()

    def commit_files(
        self,
        parents: Sequence[str],
        files: Mapping[str, bytes | None],
        *,
        tree: str | None = None,
        message: str,
        author: Identity,
        when: datetime,
    ) -> GitSha:
        """Make a commit that differs in `files` only (None: taken out), and return it; no ref moves.

        Args:
            tree: the tree that it differs from; the first parent's where none is given.
        """
        with tempfile.TemporaryDirectory(prefix="promotebot-index-") as scratch:
            stamp = f"{int(when.timestamp())} +0000"
            env = {
                "GIT_INDEX_FILE": str(Path(scratch, "index")),
                "GIT_AUTHOR_NAME": author.name,
                "GIT_AUTHOR_EMAIL": author.email,
                "GIT_AUTHOR_DATE": stamp,
                "GIT_COMMITTER_NAME": author.name,
                "GIT_COMMITTER_EMAIL": author.email,
                "GIT_COMMITTER_DATE": stamp,
            }
            text = Path(scratch, "message")
            text.write_text(message, encoding="utf-8")
            self._run("read-tree", tree or parents[0], env=env)
            for path, data in files.items():
                self._stage(path, data, Path(scratch, "content"), env)
            written = self._run("write-tree", "--missing-ok", env=env).strip()
            lines = [argument for parent in parents for argument in ("-p", parent)]
            return parse_git_sha(
                self._run("commit-tree", "--no-gpg-sign", *lines, "-F", str(text), written, env=env).strip()
            )

    def _stage(self, path: str, data: bytes | None, scratch: Path, env: Mapping[str, str]) -> None:
        """Put a file's bytes into the index that `env` names, or take it out for None."""
        if data is None:
            # --force-remove wants a work tree, which a bare repository has not; mode 0 takes an entry out without one:
            # https://git-scm.com/docs/git-update-index#_using_index_info
            scratch.write_bytes(f"0 {'0' * 40}\t{path}\0".encode())
            with scratch.open("rb") as lines:
                self._run("update-index", "-z", "--index-info", env=env, stdin=lines)
            return
        scratch.write_bytes(data)
        blob = self._run("hash-object", "-w", "--no-filters", "--", str(scratch)).strip()
        self._here.add(blob)
        self._run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)

    def tips(self, refs: Sequence[str]) -> Mapping[str, str]:
        """Return where the remote's refs are at this moment: name → commit; what is not there is left out.

        Raises:
            CouldNotVerify: when the remote does not answer.
        """
        try:
            output = self._run("ls-remote", "--quiet", "origin", *refs)
        except GitFailed as problem:
            raise CouldNotVerify(
                f"cannot read {', '.join(refs)}: {problem.stderr}", remedy="run the job again"
            ) from None
        return {name: sha for sha, name in (line.split("\t", 1) for line in output.split("\n") if line)}

    def merged_tree(self, ours: str, theirs: str) -> tuple[str, list[str]]:
        """Return the tree of a merge, and the paths in which the two conflict.

        Raises:
            CouldNotVerify: when git cannot merge at all.
        """
        with suppress(InvalidInput):  # without a common history git says itself that it cannot merge them
            self._bring_for(self._both_changed(ours, theirs))
        command = ("merge-tree", "--write-tree", "--name-only", "-z", "--no-messages", ours, theirs)
        status, output, stderr = self._repo.git.execute(
            ["git", "-c", "merge.renames=false", *command],
            with_extended_output=True,
            with_exceptions=False,
            kill_after_timeout=process.TIMEOUT_SECONDS,
        )
        if status not in (0, 1):  # 1 says that there are conflicts
            raise CouldNotVerify(f"cannot merge {theirs[:7]} into {ours[:7]}: {' '.join(str(stderr).split())[:500]}")
        tree, *conflicts = str(output).split("\0")
        if not tree:  # git 2.39 ends with 1 and prints nothing for a commit that is not there
            raise CouldNotVerify(f"cannot merge {theirs[:7]} into {ours[:7]}: {' '.join(str(stderr).split())[:500]}")
        return tree, [path for path in conflicts if path]

    def rebased_tree(self, head: str, base: str) -> str | None:
        """Return the tree of *Rebase and merge*: each commit of a branch but merges, applied to the base in turn.

        None where one of them conflicts, so that the branch cannot be rebased.

        Raises:
            InvalidInput: for more commits than are tried, or one without a parent.
            CouldNotVerify: when git cannot merge at all.
        """
        self._reach_back(base, head)
        order = ("--reverse", "--topo-order", "--no-merges", f"--max-count={MAX_REBASED + 1}", "--parents")
        commits = [
            line.split() for line in self._run("rev-list", *order, "--end-of-options", head, f"^{base}").splitlines()
        ]
        if len(commits) > MAX_REBASED or any(len(shas) < 2 for shas in commits):
            raise InvalidInput(
                f"the result of rebasing the branch is unknown: it has more than {MAX_REBASED} commits, or one without "
                "a parent",
                remedy="replace its commits by one commit on the base",
            )
        tree = self.tree_id(base)
        for sha, parent in commits:
            # A cherry-pick is a merge with what stood before the commit as the common ancestor.
            onto = self.commit_files([parent], {}, tree=tree, message="", author=_NOBODY, when=_AT_ANY_TIME)
            tree, conflicts = self.merged_tree(onto, sha)
            if conflicts:
                return None
        return tree

    def tree_id(self, commit: str) -> str:
        """Return the object id of a commit's tree."""
        return self._run("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}").strip()

    def changed_entries(self, old: str, new: str) -> list[ChangedEntry]:
        """Return every path that differs between two commits' trees, as it is in the new one."""
        output = self._run("diff-tree", "-r", "-z", "--no-renames", "--end-of-options", old, new)
        # https://git-scm.com/docs/git-diff-tree#_raw_output_format
        fields = output.split("\0")
        entries = []
        for raw, path in zip(fields[::2], fields[1::2], strict=False):
            before, mode, _, oid, _ = raw.removeprefix(":").split(" ")
            entries.append(ChangedEntry(path, before, mode, oid))
        return entries

    def read_as(self, sha: str, commit: str) -> None:
        """Read a commit that was not fetched as another one with the same tree and the same parents.

        https://git-scm.com/docs/git-replace
        """
        self._run("update-ref", f"refs/replace/{sha}", commit)

    def _both_changed(self, ours: str, theirs: str) -> set[str]:
        """Return the blobs that a merge reads: of the files that both sides changed, on each side and before."""
        blobs = set()
        for base in self.merge_bases(ours, theirs):
            both = {*self.changed_paths(base, ours)} & {*self.changed_paths(base, theirs)}
            for commit in (base, ours, theirs) if both else ():
                entries = self.list_tree(commit, "", recursive=True)
                blobs |= {entry.oid for entry in entries if entry.kind is Kind.FILE and entry.path in both}
        return blobs

    def push(self, commit: str, branch: str, *, expected: str, force: bool = False) -> None:
        """Move `branch` from `expected` to `commit`, or nothing: a compare-and-swap.

        Args:
            force: also to a commit that does not continue `expected`.

        Raises:
            RefChanged: when the branch is no longer at `expected`.
            CouldNotVerify: when the push failed for another reason, in git's words.
        """
        ref = f"refs/heads/{branch}"
        if not force and not self.is_ancestor(expected, commit):
            raise InvalidInput(f"{commit[:7]} does not continue {expected[:7]}", where=branch)
        try:
            self._run("push", "--porcelain", f"--force-with-lease={ref}:{expected}", "origin", f"{commit}:{ref}")
        except GitFailed as problem:
            answer = f"{problem.output} {problem.stderr}"
            if "stale info" in answer or "fetch first" in answer or "cannot lock ref" in answer:
                raise RefChanged(
                    f"{branch} moved away from {expected[:7]}", remedy="repeat the request on the new head"
                ) from None
            raise CouldNotVerify(
                f"the push to {branch} was refused: {rejection(problem)}",
                remedy="check that the job has `permissions: contents: write` and that the branch is not protected",
            ) from None
