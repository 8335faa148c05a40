"""Git through GitPython: objects by id, one commit, a compare-and-swap push. The only module that runs git."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

import git
from git.exc import GitCommandError, InvalidGitRepositoryError, NoSuchPathError

from promotebot.artifact.source import TreeEntry
from promotebot.errors import CouldNotVerify, InvalidInput, RefChanged, UsageError
from promotebot.registry.names import GitSha, parse_git_sha

TIMEOUT_SECONDS = 300
SAYS_NO = (1, 128)
"""How git ends where a name means nothing to it; ended by a signal, it has not answered."""
CHUNK = 1024 * 1024
_LINK, _FILE_MODES = "120000", ("100644", "100755")
_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C.UTF-8",
}
_ISOLATED = {
    **_QUIET,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ASKPASS": "",
}


@dataclass(frozen=True)
class Remote:
    """Where to fetch from and push to. The token travels in the environment, never in an argument."""

    url: str
    token: str

    def __repr__(self) -> str:
        return f"Remote({self.url!r})"

    def environment(self) -> dict[str, str]:
        """git's own variables for configuration, so that nothing secret stands in `ps` or on disk.

        https://git-scm.com/docs/git-config#Documentation/git-config.txt-GITCONFIGCOUNT
        """
        basic = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        return {
            **_ISOLATED,
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": f"http.{self.url}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
            "GIT_CONFIG_KEY_1": "core.hooksPath",
            "GIT_CONFIG_VALUE_1": os.devnull,
        }


@dataclass(frozen=True)
class Identity:
    """Who a commit says it is from."""

    name: str
    email: str


class Repository:
    """One git repository, read by object id; the work tree is asked about, never written."""

    def __init__(self, repo: git.Repo, environment: Mapping[str, str]) -> None:
        self._repo = repo
        repo.git.update_environment(**environment)

    @classmethod
    def open(cls, directory: Path) -> Repository:
        """The repository whose work tree holds `directory`.

        Raises:
            UsageError: when there is none.
        """
        try:
            return cls(git.Repo(directory, search_parent_directories=True), _QUIET)
        except (InvalidGitRepositoryError, NoSuchPathError):
            raise UsageError(
                "not inside a git repository",
                where=str(directory),
                remedy="run it in the repository, or give --base-dir",
            ) from None

    @classmethod
    @contextmanager
    def fetched(cls, remote: Remote, refs: Mapping[str, str]) -> Iterator[Repository]:
        """A private bare repository holding the given refs (local name → remote name), blobs on demand.

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
                repository.fetch(refs)
                yield repository
            finally:
                repository.close()

    def fetch(self, refs: Mapping[str, str]) -> None:
        specs = [f"+{theirs}:{ours}" for ours, theirs in refs.items()]
        try:
            self._run("fetch", "--quiet", "--no-tags", "--filter=blob:none", "origin", *specs)
        except GitFailed as problem:
            raise CouldNotVerify(
                f"cannot fetch {', '.join(refs.values())}: {problem.said}", remedy="run the job again"
            ) from None

    def close(self) -> None:
        self._repo.close()

    @property
    def root(self) -> Path:
        """The work tree's root. Raises UsageError for a bare repository."""
        if self._repo.working_tree_dir is None:
            raise UsageError("the repository has no work tree", where=str(self._repo.git_dir))
        return Path(self._repo.working_tree_dir)

    def resolve(self, revision: str) -> GitSha | None:
        """The commit a revision names, or None."""
        try:
            return parse_git_sha(
                self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
            )
        except InvalidInput:
            return None
        except GitFailed as problem:
            if problem.status not in SAYS_NO:
                raise
            return None

    def commit_id(self, revision: str) -> GitSha:
        """Like `resolve`, for a revision that must exist."""
        sha = self.resolve(revision)
        if sha is None:
            raise UsageError(f"{revision!r} names no commit here", remedy="check it with: git log --oneline")
        return sha

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether `ancestor` is `descendant` or in its history; False for a commit that is not here."""
        if self.resolve(ancestor) is None:
            return False
        try:
            self._run("merge-base", "--is-ancestor", ancestor, descendant)
        except GitFailed as problem:
            if problem.status != 1:
                raise
            return False
        return True

    def merge_base(self, one: str, other: str) -> GitSha:
        try:
            return parse_git_sha(self._run("merge-base", one, other).split()[0])
        except GitFailed as problem:
            if problem.status != 1:
                raise
            raise InvalidInput(
                "the branch shares no history with its base", remedy="start the branch from the base"
            ) from None

    def changed_paths(self, old: str, new: str) -> list[str]:
        """Every path that differs between two commits' trees, both names of a rename."""
        output = self._run("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--end-of-options", old, new)
        return [path for path in output.split("\0") if path]

    def list_tree(self, commit: str, path: str, recursive: bool) -> list[TreeEntry]:
        """The entries at or below `path` ("" for the root), trees included when recursive."""
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
        return entries

    @contextmanager
    def open_blob(self, oid: str) -> Iterator[BinaryIO]:
        """A blob's bytes as a stream.

        Raises:
            CouldNotVerify: when git cannot produce it (a partial clone whose remote is gone).
        """
        process = self._repo.git.execute(["git", "cat-file", "blob", oid], as_process=True)
        try:
            yield cast(BinaryIO, process.stdout)
            while process.stdout.read(CHUNK):  # a reader may stop early; git must not die of a closed pipe
                pass
            process.wait()
        except GitCommandError as problem:
            raise CouldNotVerify(f"cannot read object {oid}: {_stderr(problem)}") from None
        finally:
            for stream in (process.stdout, process.stderr, process.stdin):
                if stream is not None:
                    stream.close()

    def read_file(self, commit: str, path: str, *, max_bytes: int) -> bytes | None:
        """A file's bytes at a commit, None where there is none.

        Raises:
            InvalidInput: for a link, a submodule or a directory in its place, or more than `max_bytes`.
        """
        found = [entry for entry in self.list_tree(commit, path, recursive=False) if entry.path == path]
        return self.read_entry(found[0], max_bytes=max_bytes) if found else None

    def read_entry(self, entry: TreeEntry, *, max_bytes: int) -> bytes:
        """The bytes of a file that `list_tree` named. Raises as `read_file` does."""
        if entry.mode not in _FILE_MODES:
            kind = "a symbolic link" if entry.mode == _LINK else "not a regular file"
            raise InvalidInput(f"is {kind}", where=entry.path, remedy="commit the file itself")
        with self.open_blob(entry.oid) as stream:
            data = stream.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise InvalidInput(f"is over the limit of {max_bytes:,} bytes", where=entry.path, remedy="make it smaller")
        return data

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
        """A commit that differs in `files` only (None: taken out); nobody's work tree and index is touched.

        Args:
            tree: what it differs from; the first parent's where none is given.
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
            made = self._run("write-tree", "--missing-ok", env=env).strip()
            lines = [argument for parent in parents for argument in ("-p", parent)]
            return parse_git_sha(
                self._run("commit-tree", "--no-gpg-sign", *lines, "-F", str(text), made, env=env).strip()
            )

    def _stage(self, path: str, data: bytes | None, scratch: Path, env: Mapping[str, str]) -> None:
        if data is None:
            self._run("update-index", "--force-remove", "--", path, env=env)
            return
        scratch.write_bytes(data)
        blob = self._run("hash-object", "-w", "--no-filters", "--", str(scratch)).strip()
        self._run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)

    def merged_tree(self, ours: str, theirs: str) -> tuple[str, list[str]]:
        """The tree of a merge, and the paths in which the two conflict.

        Raises:
            CouldNotVerify: when git cannot merge at all.
        """
        command = ("merge-tree", "--write-tree", "--name-only", "-z", "--no-messages", ours, theirs)
        status, output, said = self._repo.git.execute(
            ["git", "-c", "merge.renames=false", *command],
            with_extended_output=True,
            with_exceptions=False,
            kill_after_timeout=TIMEOUT_SECONDS,
        )
        if status not in (0, 1):  # 1 says that there are conflicts
            raise CouldNotVerify(f"cannot merge {theirs[:7]} into {ours[:7]}: {' '.join(str(said).split())[:500]}")
        tree, *conflicts = str(output).split("\0")
        return tree, [path for path in conflicts if path]

    def first_commit_before(self, merged: str, head: str) -> GitSha | None:
        """Where a branch stood before a pull request was merged into it as `merged`; `head` was the request's head.

        A rebase puts the request's own commits on top: the last of them has the head's message and one parent.
        """
        parents = self._run("rev-list", "--parents", "--max-count=1", "--end-of-options", merged).split()[1:]
        if not parents:
            return None
        back = 1
        if len(parents) == 1 and self._message(merged) == self._message(head):
            fork = self.merge_base(merged, head)
            count = self._run("rev-list", "--count", "--no-merges", "--end-of-options", f"{fork}..{head}").strip()
            back = max(1, int(count))
        return self.resolve(f"{merged}~{back}")

    def _message(self, commit: str) -> str:
        return self._run("log", "--max-count=1", "--format=%B", "--end-of-options", commit)

    def trailers(self, key: str, base: str, head: str) -> list[str]:
        """The values of a trailer in the commits that head has and base has not."""
        output = self._run("log", f"--format=%(trailers:key={key},valueonly)", "--end-of-options", f"{base}..{head}")
        return [line.strip() for line in output.splitlines() if line.strip()]

    def push(self, commit: str, branch: str, *, expected: str) -> None:
        """Move `branch` from `expected` to `commit`, or nothing: a compare-and-swap, never a forced update.

        Raises:
            RefChanged: when the branch is no longer at `expected`.
            CouldNotVerify: when the push failed for another reason (the text is git's).
        """
        ref = f"refs/heads/{branch}"
        if not self.is_ancestor(expected, commit):
            raise InvalidInput(f"{commit[:7]} does not continue {expected[:7]}", where=branch)
        try:
            self._run("push", "--porcelain", f"--force-with-lease={ref}:{expected}", "origin", f"{commit}:{ref}")
        except GitFailed as problem:
            said = f"{problem.output} {problem.said}"
            if "stale info" in said or "fetch first" in said or "cannot lock ref" in said:
                raise RefChanged(
                    f"{branch} moved away from {expected[:7]}", remedy="ask again on the new head"
                ) from None
            raise CouldNotVerify(
                f"the push to {branch} was refused: {_rejection(problem)}",
                remedy="check that the job has `permissions: contents: write` and that the branch is not protected",
            ) from None

    def push_new(self, commit: str, branch: str) -> None:
        """Make a branch on the remote, or nothing when it is there already and is another's.

        Raises:
            CouldNotVerify: with git's words.
        """
        ref = f"refs/heads/{branch}"
        try:
            self._run("push", "--porcelain", f"--force-with-lease={ref}:", "origin", f"{commit}:{ref}")
        except GitFailed as problem:
            if "stale info" in f"{problem.output} {problem.said}":
                return  # an earlier run of this job made it
            raise CouldNotVerify(
                f"the push to {branch} was refused: {_rejection(problem)}",
                remedy="check that the job has `permissions: contents: write`",
            ) from None

    def check_can_commit(self, branch: str | None) -> None:
        """Everything that would stop `commit_path`, asked before anything is written.

        Raises:
            UsageError: for a branch that exists or is no branch name, or when nobody is named as the committer.
        """
        if branch is not None and not self._succeeds("check-ref-format", "--branch", branch):
            raise UsageError(f"{branch!r} is not a branch name", where="--branch")
        if branch is not None and self._succeeds("show-ref", "--verify", "--quiet", f"refs/heads/{branch}"):
            raise UsageError(f"the branch {branch} exists already", where="--branch", remedy="choose another name")
        if not self._succeeds("var", "GIT_COMMITTER_IDENT"):
            raise UsageError("git does not know who commits", remedy="git config user.name and user.email")

    def commit_path(self, path: str, message: str, *, branch: str | None) -> GitSha:
        """Commit one file of the work tree and nothing else, on a new branch where one is named.

        Raises:
            CouldNotVerify: with git's words (a hook, a signature); the file stays changed and uncommitted.
        """
        try:
            if branch is not None:
                self._run("switch", "--quiet", "--create", branch)
            self._run("add", "--", path)
            self._run("commit", "--quiet", "--message", message, "--only", "--", path)
        except GitFailed as problem:
            raise CouldNotVerify(
                f"git did not commit: {problem.said}", where=path, remedy=f"git commit --only -- {path}"
            ) from None
        return self.commit_id("HEAD")

    def push_branch(self) -> str:
        """Push the branch one stands on to origin, never forced; returns its name."""
        branch = self._run("rev-parse", "--abbrev-ref", "HEAD").strip()
        if branch == "HEAD":
            raise UsageError("HEAD is on no branch", where="--push", remedy="git switch BRANCH, or give --branch NAME")
        try:
            self._run("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        except GitFailed as problem:
            raise CouldNotVerify(
                f"origin did not take {branch}: {problem.said}",
                remedy="the commit is here and was not pushed: git pull --rebase is not for a registry; "
                f"git fetch origin, undo the commit (git reset --keep HEAD^), bring {branch} up to date, promote again",
            ) from None
        return branch

    def _succeeds(self, *arguments: str) -> bool:
        try:
            self._run(*arguments)
        except GitFailed as problem:
            if problem.status not in SAYS_NO:
                raise
            return False
        return True

    def dirty_paths(self) -> list[str]:
        """Paths that differ from HEAD or are untracked, as `git status` shows them."""
        output = self._run("status", "--porcelain=v1", "-z", "--untracked-files=normal")
        return [line[3:] if line[2:3] == " " else line for line in output.split("\0") if line]

    def commits_of(self, path: str, head: str) -> list[GitSha]:
        """Commits in a history that changed a file, the newest first."""
        output = self._run("rev-list", "--end-of-options", head, "--", f":(top,literal){path}")
        return [parse_git_sha(line) for line in output.split()]

    def changed_since(self, revision: str) -> list[str]:
        """Paths whose content in the work tree is not what it is at a commit, new files included."""
        output = self._run("diff", "--name-only", "-z", "--no-renames", "--end-of-options", revision, "--")
        new = self._run("ls-files", "-z", "--full-name", "--others", "--", ":(top)")  # ignored ones, too
        return [path for path in (output + new).split("\0") if path]

    def tracked_paths(self, directory: str) -> set[str]:
        """Files below a directory of the work tree that git tracks."""
        output = self._run("ls-files", "-z", "--full-name", "--", f":(top,literal){directory}")
        return {path for path in output.split("\0") if path}

    def left_out_paths(self, directory: str) -> set[str]:
        """Files at or below a path of the work tree that a sparse checkout leaves out (git's skip-worktree bit)."""
        output = self._run("ls-files", "-t", "-z", "--full-name", "--", f":(top,literal){directory}")
        return {line[2:] for line in output.split("\0") if line.startswith("S ")}

    def user_email(self) -> str:
        """`git config user.email`, or empty."""
        try:
            return self._run("config", "--get", "user.email").strip()
        except GitFailed:
            return ""

    def _run(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        try:
            output = self._repo.git.execute(
                ["git", *arguments],
                env=dict(env) if env else None,
                strip_newline_in_stdout=False,
                kill_after_timeout=TIMEOUT_SECONDS,
            )
        except GitCommandError as problem:
            raise GitFailed(next(a for a in arguments if a[:1] != "-"), problem) from None
        return str(output)


class GitFailed(CouldNotVerify):
    """A git command did not end well: a full disk, a remote that is gone, or an answer that its caller knows."""

    def __init__(self, command: str, problem: GitCommandError) -> None:
        super().__init__(
            f"git {command} failed: {_stderr(problem)}", remedy="run it again; check the disk and the remote"
        )
        self.status = problem.status
        self.said = _stderr(problem)
        self.output = str(problem.stdout)
        """What it printed, with GitPython's noise around it."""


def paths_below(paths: Sequence[str], directory: str) -> list[str]:
    """Those of `paths` that lie in `directory`."""
    return [path for path in paths if path.startswith(f"{directory}/")]


def _stderr(problem: GitCommandError) -> str:
    """git's own words in one line, without the noise GitPython puts around them."""
    text = " ".join(str(problem.stderr).split()).removeprefix("stderr: ").strip("'")
    return text[:500] or f"git ended with {problem.status}"


def _rejection(problem: GitFailed) -> str:
    """Why the server did not take a ref, which `push --porcelain` prints on stdout; else what git says on stderr."""
    refused = [line for line in problem.output.splitlines() if line.lstrip(" '").startswith("!")]
    return " ".join(" ".join(refused).split())[:500] or problem.said
