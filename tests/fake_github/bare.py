"""One bare git repository through git's plumbing: read, merge without a checkout, compare and swap refs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

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
    """The environment of every git process: the machine's and the user's configuration stay out."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "SYSTEMROOT") if name in os.environ}
    return {
        **kept,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }


class GitError(Exception):
    """A git process failed; the message is what it said."""

    def __init__(self, arguments: Sequence[str], code: int, said: str) -> None:
        super().__init__(f"git {arguments[0]} failed with {code}: {said.strip()}")
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
class ChangedFile:
    """A file of a diff; `patch` is None for binary content."""

    path: str
    status: str
    blob: str
    additions: int
    deletions: int
    previous: str | None
    patch: str | None


STATUS_WORDS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}


class BareRepository:
    """A bare repository at `git_dir`."""

    def __init__(self, git_dir: Path) -> None:
        self.git_dir = git_dir

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
            said = (done.stderr or done.stdout).decode("utf-8", "replace")
            raise GitError(arguments, done.returncode, said)
        return done.stdout

    def succeeds(self, *arguments: str) -> bool:
        """Whether git answers yes (0) rather than no (1)."""
        try:
            self.run(*arguments)
        except GitError as error:
            if error.code != 1:
                raise
            return False
        return True

    # Reading

    def resolve(self, revision: str, kind: str = "commit") -> str | None:
        """The object id a revision names, peeled to `kind`, or None."""
        if not revision or revision.startswith("-"):
            return None
        try:
            wanted = f"{revision}^{{{kind}}}"
            return self.run("rev-parse", "--verify", "--quiet", "--end-of-options", wanted).strip()
        except GitError:
            return None

    def branch(self, name: str) -> str | None:
        """The tip of a branch, or None."""
        return self.resolve(f"refs/heads/{name}")

    def refs(self, prefix: str = "refs/") -> dict[str, tuple[str, str]]:
        """Full ref name → (object id, object type), sorted by name."""
        lines = self.run("for-each-ref", "--format=%(refname) %(objectname) %(objecttype)").splitlines()
        rows = (line.split(" ") for line in lines)
        return {name: (sha, kind) for name, sha, kind in rows if name.startswith(prefix)}

    def object_type(self, sha: str) -> str | None:
        try:
            return self.run("cat-file", "-t", sha).strip()
        except GitError:
            return None

    def empty_tree(self) -> str:
        """The id of the tree without entries, to compare a first commit with."""
        return self.run("mktree", stdin="").strip()

    def is_ancestor(self, older: str, newer: str) -> bool:
        return self.succeeds("merge-base", "--is-ancestor", older, newer)

    def merge_base(self, one: str, other: str) -> str | None:
        try:
            return self.run("merge-base", one, other).strip()
        except GitError:
            return None

    def commits(self, *revisions: str) -> list[Commit]:
        """Commits of a range or `--no-walk` list, oldest first."""
        fields = ("%H", "%T", "%P", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%B")
        form = "--format=tformat:" + "%x00".join(fields)
        out = self.run("log", "-z", "--reverse", "--topo-order", form, *revisions, "--")
        cells = out.split("\0")[:-1]
        return [_commit(cells[i : i + len(fields)]) for i in range(0, len(cells), len(fields))]

    def commit(self, sha: str) -> Commit:
        return self.commits("--no-walk", sha)[0]

    def changed_files(self, base: str, head: str) -> list[ChangedFile]:
        """The files that differ between two trees or commits, with the patch of each."""
        trees = ("-r", "-M", "--end-of-options", base, head)
        raw = self.run("diff-tree", "-z", "--raw", "--no-abbrev", *trees)
        counts = self.run("diff-tree", "-z", "--numstat", *trees)
        patches = _split_patches(self.run("diff-tree", "-p", "--full-index", *trees))
        files = []
        rows = zip(_raw_rows(raw), _numstat_rows(counts), strict=True)
        for (letter, blob, previous, path), (added, removed) in rows:
            patch = next(patches)
            if letter == "T":  # a file that became a link is shown as a removal and an addition
                next(patches)
            files.append(ChangedFile(path, STATUS_WORDS[letter], blob, added, removed, previous, patch))
        return files

    # Writing

    def merge_trees(self, ours: str, theirs: str) -> str | None:
        """The tree of a merge of two commits, or None when they conflict or share no history."""
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

    def swap(self, ref: str, new: str, old: str) -> bool:
        """Move a ref from `old` to `new` (ZERO: absent); False when it was elsewhere."""
        arguments = ("-d", ref, old) if new == ZERO else (ref, new, old)
        try:
            self.run("update-ref", *arguments)
        except GitError:
            return False
        return True

    def set_ref(self, ref: str, sha: str | None) -> None:
        """Point a ref of our own (refs/pull) somewhere, or remove it."""
        self.run("update-ref", *((ref, sha) if sha else ("-d", ref)))

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


def _raw_rows(out: str) -> Iterator[tuple[str, str, str | None, str]]:
    cells = iter(out.split("\0")[:-1])
    for head in cells:
        _old_mode, _new_mode, old, new, status = head.lstrip(":").split(" ")
        letter = status[0]
        first = next(cells)
        if letter in "RC":
            yield letter, new, first, next(cells)
        else:
            yield letter, old if letter == "D" else new, None, first


def _numstat_rows(out: str) -> Iterator[tuple[int, int]]:
    cells = iter(out.split("\0")[:-1])
    for cell in cells:
        added, removed, path = cell.split("\t", 2)
        if not path:  # a rename: the two names follow as cells of their own
            next(cells)
            next(cells)
        yield (0, 0) if added == "-" else (int(added), int(removed))


def _split_patches(out: str) -> Iterator[str | None]:
    """Cut a diff at its `diff --git` lines; a line of content never starts with those words."""
    for part in ("\n" + out).split("\ndiff --git ")[1:]:
        start = part.find("\n@@ ")
        yield part[start + 1 :].rstrip("\n") if start >= 0 else None
