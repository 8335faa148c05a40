"""A private repository fetched from a remote: commits are made in it and pushed by compare-and-swap."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import git
from git.exc import GitCommandError

from promotebot.errors import CouldNotVerify, InvalidInput, RefChanged
from promotebot.git import process
from promotebot.git.process import GitFailed, Identity, Remote, rejection
from promotebot.git.repository import Repository
from promotebot.registry.names import GitSha, parse_git_sha

_NO_REF = re.compile(r"couldn't find remote ref (\S+)$")
"""git's words for a ref that the remote does not have."""
_UNTRUSTED = "let GIT_SSL_CAINFO name the file with the certificate authority of the server (docs/ghes.md)"


class FetchedRepository(Repository):
    """A bare repository of this job's own, holding what was fetched; it commits and pushes, and never checks out."""

    @classmethod
    @contextmanager
    def fetched(
        cls, remote: Remote, refs: Mapping[str, str], *, optional: Mapping[str, str] | None = None
    ) -> Iterator[FetchedRepository]:
        """Yield a private bare repository with the given refs (local name → remote name), blobs on demand.

        Args:
            optional: refs that are left out where the remote does not have them.

        Raises:
            CouldNotVerify: when the remote does not answer or has no such ref.
        """
        with tempfile.TemporaryDirectory(prefix="promotebot-") as directory:
            try:
                repo = git.Repo.init(directory, bare=True, mkdir=False, initial_branch="none")
            except GitCommandError as problem:
                raise GitFailed("init", problem) from None
            repository = cls(repo, remote.environment())
            try:
                repository._run("remote", "add", "origin", remote.url)
                repository.fetch(refs, optional=optional)
                yield repository
            finally:
                repository.close()

    def fetch(self, refs: Mapping[str, str], *, optional: Mapping[str, str] | None = None) -> None:
        """Fetch refs (local name → remote name), all at once.

        Args:
            optional: refs that are left out where the remote does not have them.

        Raises:
            CouldNotVerify: when the remote does not give them.
        """
        wanted = {**refs, **(optional or {})}
        while gone := self._fetch(wanted):
            if gone in refs.values():
                raise CouldNotVerify(f"cannot fetch {gone}: the remote has no such ref", remedy="run the job again")
            wanted = {ours: theirs for ours, theirs in wanted.items() if theirs != gone}

    def _fetch(self, refs: Mapping[str, str]) -> str:
        """Fetch refs; return the first that the remote does not have, where there is one, and nothing came then."""
        with tempfile.TemporaryFile() as specs:  # a thousand refs are more than a command line takes on some systems
            self._name([f"+{theirs}:{ours}" for ours, theirs in refs.items()], specs)
            try:
                self._run("fetch", "--quiet", "--no-tags", "--filter=blob:none", "--stdin", "origin", stdin=specs)
            except GitFailed as problem:
                gone = _NO_REF.search(problem.stderr)
                if gone and gone[1] in refs.values():
                    return gone[1]
                named = ", ".join([*refs.values()][:5])
                remedy = _UNTRUSTED if "certificate" in problem.stderr else "run the job again"
                raise CouldNotVerify(f"cannot fetch {named}: {problem.stderr}", remedy=remedy) from None
        return ""

    def fetch_commit(self, sha: str) -> GitSha:
        """Return a commit by its id, fetched also when no branch has it any more, as GitHub allows.

        Raises:
            CouldNotVerify: when the remote does not give it.
        """
        self.fetch({f"refs/promotebot/commit/{sha}": sha})
        return self.commit_id(sha)

    def read_blobs(self, oids: Sequence[str], *, max_bytes: int) -> dict[str, bytes]:
        """Return many blobs' bytes; those that were left out by the fetch come with one request, not with one each."""
        self.bring(oids)
        return super().read_blobs(oids, max_bytes=max_bytes)

    def bring(self, oids: Sequence[str]) -> None:
        """Fetch blobs that the fetch left out, all at once, so that reading them asks the remote no more.

        Raises:
            CouldNotVerify: when the remote does not give them.
        """
        with tempfile.TemporaryFile() as names:
            self._name(oids, names)
            # As git itself brings them: https://git-scm.com/docs/partial-clone#_fetching_missing_objects
            lean = ("--quiet", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", "--stdin")
            self._run("fetch", *lean, "origin", stdin=names)

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
        self._run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)

    def merged_tree(self, ours: str, theirs: str) -> tuple[str, list[str]]:
        """Return the tree of a merge, and the paths in which the two conflict.

        Raises:
            CouldNotVerify: when git cannot merge at all.
        """
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

    def push(self, commit: str, branch: str, *, expected: str) -> None:
        """Move `branch` from `expected` to `commit`, or nothing: a compare-and-swap, never a forced update.

        Raises:
            RefChanged: when the branch is no longer at `expected`.
            CouldNotVerify: when the push failed for another reason, in git's words.
        """
        ref = f"refs/heads/{branch}"
        if not self.is_ancestor(expected, commit):
            raise InvalidInput(f"{commit[:7]} does not continue {expected[:7]}", where=branch)
        try:
            self._run("push", "--porcelain", f"--force-with-lease={ref}:{expected}", "origin", f"{commit}:{ref}")
        except GitFailed as problem:
            answer = f"{problem.output} {problem.stderr}"
            if "stale info" in answer or "fetch first" in answer or "cannot lock ref" in answer:
                raise RefChanged(
                    f"{branch} moved away from {expected[:7]}", remedy="ask again on the new head"
                ) from None
            raise CouldNotVerify(
                f"the push to {branch} was refused: {rejection(problem)}",
                remedy="check that the job has `permissions: contents: write` and that the branch is not protected",
            ) from None

    def push_new(self, commit: str, branch: str) -> None:
        """Make a branch on the remote; one of that name that is there already stays as it is.

        Raises:
            CouldNotVerify: with git's words.
        """
        ref = f"refs/heads/{branch}"
        try:
            self._run("push", "--porcelain", f"--force-with-lease={ref}:", "origin", f"{commit}:{ref}")
        except GitFailed as problem:
            if "stale info" in f"{problem.output} {problem.stderr}":
                return  # an earlier run of this job made it
            raise CouldNotVerify(
                f"the push to {branch} was refused: {rejection(problem)}",
                remedy="check that the job has `permissions: contents: write`",
            ) from None
