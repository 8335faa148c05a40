"""One bare git repository through git's plumbing: read, merge without a checkout, compare and swap refs."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

ZERO = "0" * 40
WEB_FLOW = ("GitHub", "noreply@github.com")

# Objects may be asked for by id and partially, as on GitHub; nobody pushes to refs/pull; nothing runs in the
# background.
CONFIG = """[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\tfsync = none
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[receive]
\thideRefs = refs/pull
\tautogc = false
[http]
\tgetanyfile = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
"""


def git_environment() -> dict[str, str]:
    """Return the environment of every git process: the machine's and the user's configuration stay out."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "SYSTEMROOT") if name in os.environ}
    return {
        **kept,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }


class GitError(Exception):
    """A git process failed; the message is its output."""

    def __init__(self, arguments: Sequence[str], code: int, output: str) -> None:
        super().__init__(f"git {arguments[0]} failed with {code}: {output.strip()}")
        self.code = code


@dataclass(frozen=True)
class Person:
    """An author or committer with the moment of writing."""

    name: str
    email: str
    when: datetime


@dataclass(frozen=True)
class Commit:
    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True)
class ChangeSize:
    """How much a head changes since it left its base; binary files have no lines."""

    commits: int = 0
    files: int = 0
    additions: int = 0
    deletions: int = 0


Method = TypeVar("Method", bound=Callable[..., Any])
OBJECT_ID = re.compile(r"[0-9a-f]{40}")
SETTLED = re.compile(r"[0-9a-f]{40}(\.\.[0-9a-f]{40}|\^\{[a-z]+\})?|--[a-z-]+")
"""What names the same objects tomorrow, and options."""
REF = re.compile(r"refs/[\w/+-]+(\.[\w/+-]+)*")
"""Of those names that mean a file, and nothing else to git."""


def settled(method: Method) -> Method:
    """Ask git once: what is said of objects by their ids does not change, but for those that are not here yet."""

    @functools.wraps(method)
    def answer(self: BareRepository, *arguments: str) -> Any:
        question = (method.__name__, *arguments)
        if question not in self.answers:
            said = method(self, *arguments)
            if said is None or not all(SETTLED.fullmatch(argument) for argument in arguments):
                return said
            self.answers[question] = said
        return self.answers[question]

    return answer  # type: ignore[return-value]  # the same signature


class BareRepository:
    """A bare repository at `git_dir`."""

    def __init__(self, git_dir: Path) -> None:
        self.git_dir = git_dir
        self.answers: dict[tuple[str, ...], Any] = {}

    @classmethod
    def create(cls, git_dir: Path, default_branch: str) -> BareRepository:
        """Make an empty repository with the settings GitHub's have."""
        for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "hooks", "info"):
            (git_dir / folder).mkdir(parents=True)
        (git_dir / "HEAD").write_text(f"ref: refs/heads/{default_branch}\n", encoding="utf-8")
        (git_dir / "config").write_text(CONFIG, encoding="utf-8")
        return cls(git_dir)

    def run(self, *arguments: str, stdin: str | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run git and return what it printed. Raises GitError."""
        return self.run_bytes(*arguments, stdin=stdin, env=env).decode("utf-8", "surrogateescape")

    def run_bytes(self, *arguments: str, stdin: str | None = None, env: Mapping[str, str] | None = None) -> bytes:
        done = subprocess.run(
            ["git", f"--git-dir={self.git_dir}", *arguments],
            input=None if stdin is None else stdin.encode("utf-8", "surrogateescape"),
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            check=False,
            env={**git_environment(), **(env or {})},
        )
        if done.returncode != 0:
            message = (done.stderr or done.stdout).decode("utf-8", "replace")
            raise GitError(arguments, done.returncode, message)
        return done.stdout

    # Reading

    def resolve(self, revision: str, kind: str = "commit") -> str | None:
        """Return the object id a revision names, peeled to `kind`, or None."""
        if not revision or revision.startswith("-"):
            return None
        if revision.startswith("refs/") and kind == "commit":
            revision = self._read_ref(revision)
        return self._peeled(f"{revision}^{{{kind}}}") if revision else None

    def _read_ref(self, ref: str) -> str:
        """Return the object id in a ref's file, "" where there is none; the ref itself where git has to be asked."""
        if not REF.fullmatch(ref) or (self.git_dir / "packed-refs").exists():
            return ref
        try:
            content = (self.git_dir / ref).read_text(encoding="utf-8").strip()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return ""
        return content if OBJECT_ID.fullmatch(content) else ref

    @settled
    def _peeled(self, wanted: str) -> str | None:
        try:
            return self.run("rev-parse", "--verify", "--quiet", "--end-of-options", wanted).strip()
        except GitError:
            return None

    def branch(self, name: str) -> str | None:
        """Return the tip of a branch, or None."""
        return self.resolve(f"refs/heads/{name}")

    def refs(self, prefix: str = "refs") -> dict[str, str]:
        """Return the object id of every full ref name below a folder."""
        files = sorted(path for path in (self.git_dir / prefix).rglob("*") if path.suffix != ".lock" and path.is_file())
        names = [path.relative_to(self.git_dir).as_posix() for path in files]
        found = {name: self._read_ref(name) for name in names}
        if (self.git_dir / "packed-refs").exists() or not all(OBJECT_ID.fullmatch(oid) for oid in found.values()):
            lines = self.run("for-each-ref", "--format=%(refname) %(objectname)", prefix).splitlines()
            found = dict(line.split(" ", 1) for line in lines)
        return found

    @settled
    def kind(self, oid: str) -> str:
        """Return what an object is: commit, tree, blob or tag."""
        return self.run("cat-file", "-t", oid).strip()

    @settled
    def blob(self, oid: str) -> bytes:
        return self.run_bytes("cat-file", "blob", oid)

    @settled
    def is_ancestor(self, older: str, newer: str) -> bool:
        try:
            self.run("merge-base", "--is-ancestor", older, newer)
        except GitError as error:
            if error.code != 1:
                raise
            return False
        return True

    @settled
    def merge_base(self, one: str, other: str) -> str | None:
        try:
            return self.run("merge-base", one, other).strip()
        except GitError:
            return None

    @settled
    def commits(self, *revisions: str) -> list[Commit]:
        """Return the commits of a range or `--no-walk` list, oldest first."""
        fields = ("%H", "%T", "%P", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%B")
        form = "--format=tformat:" + "%x00".join(fields)
        out = self.run("log", "-z", "--reverse", "--topo-order", form, *revisions, "--")
        cells = out.split("\0")[:-1]
        return [_commit(cells[i : i + len(fields)]) for i in range(0, len(cells), len(fields))]

    def commit(self, sha: str) -> Commit:
        return self.commits("--no-walk", sha)[0]

    @settled
    def change_size(self, base: str, head: str) -> ChangeSize:
        """Count what `head` has that its merge base with `base` has not."""
        start = self.merge_base(base, head)
        if start is None:
            return ChangeSize()
        commits = int(self.run("rev-list", "--count", f"{start}..{head}", "--"))
        summary = self.run("diff-tree", "-r", "-M", "--shortstat", "--end-of-options", start, head)
        counts = {word: int(count) for count, word in re.findall(r"(\d+) (file|insertion|deletion)", summary)}
        return ChangeSize(commits, counts.get("file", 0), counts.get("insertion", 0), counts.get("deletion", 0))

    # Writing

    @settled
    def merge_trees(self, ours: str, theirs: str) -> str | None:
        """Return the tree of a merge of two commits, or None when they conflict or share no history."""
        try:
            return self.run("merge-tree", "--write-tree", "--no-messages", ours, theirs).splitlines()[0]
        except GitError:
            return None

    def commit_tree(self, tree: str, parents: Sequence[str], message: str, author: Person, committer: Person) -> str:
        """Write a commit object and return its id."""
        links = [part for parent in parents for part in ("-p", parent)]
        env = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_AUTHOR_DATE": author.when.isoformat(),
            "GIT_COMMITTER_NAME": committer.name,
            "GIT_COMMITTER_EMAIL": committer.email,
            "GIT_COMMITTER_DATE": committer.when.isoformat(),
        }
        return self.run("commit-tree", tree, *links, "-F", "-", stdin=message, env=env).strip()

    def write_blob(self, data: bytes) -> str:
        """Write a blob and return its id."""
        return self.run("hash-object", "-w", "--stdin", stdin=data.decode("utf-8", "surrogateescape")).strip()

    def write_tree(self, base: str | None, changes: Sequence[tuple[str, str, str | None]]) -> str:
        """Write a tree that differs from another one in (path, mode, object id or None for gone); return its id."""
        lines = [f"{mode if oid else 0} {oid or ZERO}\t{path}\0" for path, mode, oid in changes]
        with tempfile.TemporaryDirectory() as scratch:
            env = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
            if base:
                self.run("read-tree", base, env=env)
            self.run("update-index", "-z", "--index-info", stdin="".join(lines), env=env)
            return self.run("write-tree", env=env).strip()

    def swap(self, ref: str, new: str, old: str) -> bool:
        """Move a ref from `old` to `new` (ZERO: absent); False when it was elsewhere."""
        arguments = ("-d", ref, old) if new == ZERO else (ref, new, old)
        try:
            self.run("update-ref", *arguments)
        except GitError:
            return False
        return True

    def set_ref(self, ref: str, sha: str | None) -> None:
        """Point a ref somewhere, or remove it. Nobody else writes refs/pull, so those need no lock."""
        file = self.git_dir / ref
        if not ref.startswith("refs/pull/") or (self.git_dir / "packed-refs").exists():
            self.run("update-ref", *((ref, sha) if sha else ("-d", ref)))
        elif sha is None:
            file.unlink(missing_ok=True)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_name(f"{file.name}.lock")  # what git does not take for a ref
            new.write_text(f"{sha}\n", encoding="utf-8")
            new.replace(file)

    def fetch_from(self, other: BareRepository, revision: str) -> None:
        """Copy a commit and its history from another repository on this disk."""
        quiet = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance")
        self.run("fetch", *quiet, str(other.git_dir), revision)


def _commit(cells: list[str]) -> Commit:
    sha, tree, parents, *people, message = cells
    author, committer = (
        Person(name, email, datetime.fromisoformat(when.replace("Z", "+00:00")).astimezone(timezone.utc))
        for name, email, when in (people[:3], people[3:])
    )
    return Commit(sha, tree, tuple(parents.split()), author, committer, message.rstrip("\n"))
