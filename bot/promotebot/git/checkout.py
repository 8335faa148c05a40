"""The work tree that a person stands in: the state of its files, and commits made there."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import git
from git.exc import InvalidGitRepositoryError, NoSuchPathError

from promotebot.artifact.source import Held
from promotebot.errors import CouldNotVerify, UsageError
from promotebot.git.process import QUIET, GitFailed
from promotebot.git.repository import CHUNK, SAYS_NO, Repository
from promotebot.registry.lfs import POINTER_BYTES, parse_pointer
from promotebot.registry.names import GitSha, is_git_sha
from promotebot.remedies import Remedy, again, shell

_LINE_ENDINGS, _FILTERS = ("text", "eol", "crlf"), ("ident", "filter", "working-tree-encoding")
"""Attributes by which a checkout converts a file: https://git-scm.com/docs/gitattributes"""
_ON_GITHUB = re.compile(
    r"(?:\w+://)?(?:[^@/]*@)?(?P<host>(?:[\w-]+\.)*github(?:\.[\w-]+)+)[:/](?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?"
)
NO_REPOSITORY = "run it in the repository, or give --base-dir"


def _after_push(branch: str, stderr: str) -> Remedy:
    """Return what to do about a commit that was not pushed: origin has newer commits, or did not take it at all."""
    if "fetch first" not in stderr and "non-fast-forward" not in stderr:
        return Remedy("push it when origin takes it: ", shell("git", "push", "origin", f"HEAD:refs/heads/{branch}"))
    # The history of a registry is a chain: an event is made again on the newest one, and never merged as text.
    back = shell("git", "reset", "--keep", "HEAD^").then("git", "pull", "--ff-only", "origin", branch)
    return Remedy("do not rebase a registry commit: take it back, ", back, ", then promote again: ", again())


class Checkout(Repository):
    """A repository with a work tree. Files are asked about; only `commit_path` and `push_branch` change anything."""

    @classmethod
    def open(cls, directory: Path, *, otherwise: str = NO_REPOSITORY) -> Checkout:
        """Return the repository whose work tree holds `directory`.

        Args:
            otherwise: what to do where there is none.

        Raises:
            UsageError: when there is none.
        """
        try:
            return cls(git.Repo(directory, search_parent_directories=True), QUIET)
        except (InvalidGitRepositoryError, NoSuchPathError):
            raise UsageError("not inside a git repository", where=str(directory), remedy=otherwise) from None

    @property
    def root(self) -> Path:
        """The work tree's root. Raises UsageError for a bare repository."""
        if self._repo.working_tree_dir is None:
            remedy = "run it in a clone that has one"
            raise UsageError("the repository has no work tree", where=str(self._repo.git_dir), remedy=remedy)
        return Path(self._repo.working_tree_dir)

    def default_branch(self) -> str:
        """Return the default branch: as origin says, else as the clone recorded it, else the branch one stands on.

        Empty where nothing of that is known.
        """
        for arguments in (
            ("ls-remote", "--symref", "origin", "HEAD"),  # a default branch that was renamed is known to origin alone
            ("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD"),
            ("symbolic-ref", "--quiet", "HEAD"),
        ):
            with suppress(GitFailed):
                match = re.search(r"refs/(?:heads|remotes/origin)/(\S+)", self._run(*arguments))
                if match:
                    return match[1]
        return ""

    def origin_head(self) -> GitSha | None:
        """Return the tip of origin's default branch as the clone knows it; None where it does not."""
        with suppress(GitFailed):
            return GitSha(self._run("rev-parse", "--verify", "--quiet", "refs/remotes/origin/HEAD^{commit}").strip())
        return None

    def origin_url(self) -> str:
        """Return origin's address as the clone has it, empty where it has none; no rewriting puts a token into it."""
        with suppress(GitFailed):
            return self._run("config", "--get", "remote.origin.url").strip()
        return ""

    def check_can_commit(self, branch: str | None, *, push: bool = False) -> None:
        """Check everything that would stop `commit_path`, and `push_branch` where asked, before anything is written.

        Raises:
            UsageError: for a branch that exists or is no branch name, when nobody is named as the committer, and for
                a push from no branch or to no origin.
        """
        if push and not self.origin_url():
            out = Remedy("omit --push: ", again(push=False, pr=False), "; or add the remote")
            raise UsageError("there is no remote origin", where="--push", remedy=out)
        if push and branch is None and not self.branch():
            name = f"promote/{self.commit_id('HEAD')[:7]}"
            raise UsageError("HEAD is on no branch", where="--push", remedy=Remedy("name one: ", again(branch=name)))
        if branch is not None and not self._succeeds("check-ref-format", "--branch", branch):
            raise UsageError(f"{branch!r} is not a branch name", where="--branch")
        if branch is not None and self._succeeds("show-ref", "--verify", "--quiet", f"refs/heads/{branch}"):
            raise UsageError(
                f"the branch {branch} exists already", where="--branch", remedy="choose another name for the branch"
            )
        if not self._succeeds("var", "GIT_COMMITTER_IDENT"):
            raise UsageError("git does not know who commits", remedy="set git's user.name and user.email")

    def commit_path(self, path: str, message: str, *, branch: str | None) -> GitSha:
        """Commit one file of the work tree and nothing else, on a new branch where one is named; return the commit.

        Raises:
            CouldNotVerify: with git's words (a hook, a signature); the file stays changed and uncommitted.
        """
        try:
            if branch is not None:
                self._run("switch", "--quiet", "--create", branch)
            self._run("add", "--", path)
            self._run("commit", "--quiet", "--message", message, "--only", "--", path)
        except GitFailed as problem:
            line = shell("git", "commit", "--only", "--message", message.splitlines()[0], "--", path)
            remedy = Remedy("fix that, then commit it: ", line)
            raise CouldNotVerify(f"git did not commit: {problem.stderr}", where=path, remedy=remedy) from None
        return self.commit_id("HEAD")

    def message(self, revision: str) -> str:
        """Return the message of a commit."""
        return self._run("show", "--no-patch", "--format=%B", "--end-of-options", revision).strip()

    def switch_to(self, start: str) -> bool:
        """Go to a branch, or to a commit without one; return whether git did, which overwrites no change."""
        try:
            self._run("switch", "--quiet", *(["--detach"] if is_git_sha(start) else []), start)
        except GitFailed:
            return False
        return True

    def push_branch(self) -> str:
        """Push the branch one stands on to origin, never forced; return its name.

        Raises:
            UsageError: when HEAD is on no branch.
            CouldNotVerify: with git's words when origin did not take it; the commit stays where it is.
        """
        branch = self.branch()
        if not branch:
            raise UsageError("HEAD is on no branch", where="--push", remedy="give the branch's name with --branch")
        try:
            self._run("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        except GitFailed as problem:
            message = f"the commit exists locally, but origin did not accept {branch}: {problem.stderr}"
            raise CouldNotVerify(message, remedy=_after_push(branch, problem.stderr)) from None
        return branch

    def branch(self) -> str:
        """Return the branch that HEAD is on; empty where it is on none."""
        with suppress(GitFailed):
            return self._run("symbolic-ref", "--quiet", "--short", "HEAD").strip()
        return ""

    def compare_url(self, branch: str) -> str:
        """Return the page that opens a pull request from a branch; empty where origin is not on GitHub."""
        match = _ON_GITHUB.fullmatch(self.origin_url())
        return f"https://{match['host']}/{match['name']}/compare/{quote(branch)}?expand=1" if match else ""

    def _succeeds(self, *arguments: str) -> bool:
        """Tell whether git answers yes. Raises GitFailed when it answers neither yes nor no."""
        try:
            self._run(*arguments)
        except GitFailed as problem:
            if problem.status not in SAYS_NO:
                raise
            return False
        return True

    def dirty_paths(self) -> list[str]:
        """Return the paths that differ from HEAD or are untracked, as `git status` shows them.

        An entry's path stands behind two letters and a blank, the old name of a rename alone after it:
        https://git-scm.com/docs/git-status#_porcelain_format_version_1
        """
        output = self._run("status", "--porcelain=v1", "-z", "--untracked-files=normal")
        return [line[3:] if line[2:3] == " " else line for line in output.split("\0") if line]

    def changed_since(self, revision: str) -> list[str]:
        """Return the paths whose content in the work tree is not what it is at a commit, new files included."""
        output = self._run("diff", "--name-only", "-z", "--no-renames", "--end-of-options", revision, "--")
        new = self._run("ls-files", "-z", "--full-name", "--others", "--", ":(top)")  # ignored ones, too
        return [path for path in (output + new).split("\0") if path]

    @cached_property
    def _is_shallow(self) -> bool:
        return super().is_shallow()

    def is_shallow(self) -> bool:
        """Tell whether the history ends before its beginning; git is asked once, as nothing is fetched here."""
        return self._is_shallow

    def tracked_paths(self, directory: str) -> set[str]:
        """Return the files below a directory of the work tree that git tracks."""
        output = self._run("ls-files", "-z", "--full-name", "--", f":(top,literal){directory}")
        return {path for path in output.split("\0") if path}

    def left_out_paths(self, directory: str) -> set[str]:
        """Return the files at or below a path that a sparse checkout leaves out of the work tree.

        `ls-files -t` marks them with S, for git's skip-worktree bit: https://git-scm.com/docs/git-sparse-checkout
        """
        output = self._run("ls-files", "-t", "-z", "--full-name", "--", f":(top,literal){directory}")
        return {line[2:] for line in output.split("\0") if line.startswith("S ")}

    def held(self, directory: str) -> dict[str, Held]:
        """Return path → what git holds of the files below a directory that a checkout may give otherwise."""
        listed = self._run("ls-files", "--stage", "-z", "--full-name", "--", f":(top,literal){directory}")
        blobs = {
            path: meta.split(" ")[1] for meta, _, path in (line.partition("\t") for line in listed.split("\0")) if path
        }
        held = {}
        for path in self._converted([*blobs]):
            with self.open_blob(blobs[path]) as stream:
                beginning = stream.read(POINTER_BYTES + 1)
                pointer = parse_pointer(beginning)
                hasher = hashlib.sha256(beginning)
                while chunk := stream.read(CHUNK):
                    hasher.update(chunk)
            held[path] = Held(pointer.sha256, True) if pointer else Held(hasher.hexdigest(), False)
        return held

    @cached_property
    def _converts_everything(self) -> bool:
        """Return whether this clone converts line endings whatever the attributes say; git is asked once."""
        with suppress(GitFailed):
            return self._run("config", "--get", "core.autocrlf").strip() in ("true", "input")
        return False

    def _converted(self, paths: Sequence[str]) -> list[str]:
        """Return the paths that a checkout may convert, by their attributes or by this clone's configuration."""
        if self._converts_everything:
            return [*paths]
        with tempfile.TemporaryFile() as listed:
            listed.write("".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape"))
            listed.seek(0)
            fields = self._run("check-attr", "-z", "--stdin", *_LINE_ENDINGS, *_FILTERS, stdin=listed).split("\0")
        found: dict[str, dict[str, str]] = {path: {} for path in paths}
        for path, name, value in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
            found[path][name] = value

        def is_converted(attributes: Mapping[str, str]) -> bool:
            names = _FILTERS if attributes["text"] == "unset" else (*_LINE_ENDINGS, *_FILTERS)
            return any(attributes[name] not in ("unset", "unspecified") for name in names)

        return [path for path in paths if is_converted(found[path])]

    def tags(self) -> list[tuple[str, GitSha, str, str]]:
        """Return (name, commit, time, tagger's address) of every tag; a tag of something else than a commit is none."""
        types = ("objecttype", "*objecttype", "objectname", "*objectname")
        fields = ("refname:lstrip=2", *types, "creatordate:iso-strict", "taggeremail:trim")
        pattern = "%00".join(f"%({field})" for field in fields)
        found = list[tuple[str, GitSha, str, str]]()
        for line in self._run("for-each-ref", f"--format={pattern}%00", "refs/tags/").split("\0\n")[:-1]:
            name, kind, peeled_kind, oid, peeled, time, tagger = line.split("\0")
            # Only a tag of a tag has to be asked for, which git peels to its end since 2.45.
            is_commit = (peeled_kind or kind) == "commit"
            commit = GitSha(peeled or oid) if is_commit else self.resolve(peeled or oid)
            if commit is not None:
                found.append((name, commit, time, tagger))
        return found

    def user_email(self) -> str:
        """Return `git config user.email`, or empty."""
        try:
            return self._run("config", "--get", "user.email").strip()
        except GitFailed:
            return ""
