"""A commit that was made here is made again by GitHub, from the same parents and with the same tree, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from promotebot.errors import CouldNotVerify, RefChanged
from promotebot.git.branch import ChangedEntry
from promotebot.git.process import Identity
from promotebot.github.git_port import MadeCommit, TreeChange
from promotebot.pulls.publish import Draft, Published, publish
from promotebot.pulls.snapshot import identity
from promotebot.registry.names import GitSha
from tests.fakes import BASE, BOT, FORK, HEAD, Commit, FakeGitData, FakeRepository, settings

REGISTRY, NOTES, MODEL = "ml/registry/models.json", "notes.txt", "v2/model.onnx"
START: Mapping[str, bytes] = {REGISTRY: b"{}", NOTES: b"one\n", "old.txt": b"old\n"}
AT_HEAD = {**START, MODEL: b"\0\xff", "old.txt": b"older\n"}
AT_BASE = {REGISTRY: b"{base}", NOTES: b"one\ntwo\n", "old.txt": b"old\n"}
MERGED = {REGISTRY: b"{both}", NOTES: b"zero\none\ntwo\n", MODEL: b"\0\xff"}
ADDED, BOTH, REBUILT = (GitSha(digit * 40) for digit in ("1", "2", "3"))
MESSAGE = "feat(ml): Promote\n\nbecause\n"


class Writer(FakeGitData):
    """GitHub's side, which notes what it is asked."""

    def __init__(self, **branches: str) -> None:
        commits: dict[str, Commit] = {
            FORK: Commit((), START),
            HEAD: Commit((FORK,), AT_HEAD),
            BASE: Commit((FORK,), AT_BASE),
        }
        super().__init__(commits, {"change": HEAD, **branches})
        self.asked: list[str] = []
        self.changes: list[TreeChange] = []

    def commit_on_branch(
        self, branch: str, *, expected: str, message: str, files: Mapping[str, bytes | None]
    ) -> MadeCommit:
        self.asked.append("commit_on_branch")
        return super().commit_on_branch(branch, expected=expected, message=message, files=files)

    def create_tree(self, base_tree: str, changes: Sequence[TreeChange]) -> str:
        self.asked.append("create_tree")
        self.changes = list(changes)
        return super().create_tree(base_tree, changes)

    def create_commit(self, message: str, *, tree: str, parents: Sequence[str]) -> MadeCommit:
        self.asked.append("create_commit")
        return super().create_commit(message, tree=tree, parents=parents)

    def move_branch(self, branch: str, sha: str, *, expected: str, force: bool = False) -> None:
        self.asked.append(f"move_branch{' by force' if force else ''}")
        super().move_branch(branch, sha, expected=expected, force=force)


@dataclass
class Job(FakeRepository):
    """What a job fetched and committed."""

    pushed: list[tuple[str, str, bool]] = field(default_factory=list)
    executable: bool = False

    def __post_init__(self) -> None:
        super().__init__(
            {
                FORK: Commit((), START),
                HEAD: Commit((FORK,), AT_HEAD),
                BASE: Commit((FORK,), AT_BASE),
                ADDED: Commit((HEAD,), {**AT_HEAD, REGISTRY: b"{head}"}),
                BOTH: Commit((HEAD, BASE), MERGED),
                REBUILT: Commit((BASE,), MERGED),
            }
        )

    def changed_entries(self, old: str, new: str) -> list[ChangedEntry]:
        mode = "100755" if self.executable else "100644"
        return [replace(entry, old_mode=mode) for entry in super().changed_entries(old, new)]

    def push(self, commit: str, branch: str, *, expected: str, force: bool = False) -> None:
        assert expected == HEAD
        self.pushed.append((commit, branch, force))

    def draft(self, commit: GitSha) -> Draft:
        return Draft(self, commit, [GitSha(p) for p in self.commits[commit].parents], MESSAGE, "change", HEAD)


def check_done(job: Job, github: FakeGitData, draft: GitSha, published: Published) -> None:
    """The branch stands at a commit like the draft, which the job reads without having fetched it."""
    sha, planned = published.sha, job.commits[draft]
    assert published.by_github
    assert github.branches["change"] == sha != draft
    assert (github.commits[sha].files, github.commits[sha].parents) == (planned.files, planned.parents)
    assert job.commits[sha] == planned
    assert job.pushed == []


def test_what_adds_to_the_branch_is_made_with_one_request() -> None:
    job, github = Job(), Writer()
    check_done(job, github, ADDED, publish(job.draft(ADDED), github))
    assert github.asked == ["commit_on_branch"]


def test_an_executable_file_is_made_with_the_mode_that_was_planned() -> None:
    job, github = Job(executable=True), Writer()
    check_done(job, github, ADDED, publish(job.draft(ADDED), github))
    assert github.asked == ["create_tree", "create_commit", "move_branch"]


def test_a_merge_names_what_github_has_and_sends_what_it_has_not() -> None:
    job, github = Job(), Writer()
    check_done(job, github, BOTH, publish(job.draft(BOTH), github))
    assert github.asked == ["create_tree", "create_commit", "move_branch"]
    sent = {change.path: (change.oid is not None, change.content) for change in github.changes}
    assert sent == {
        REGISTRY: (False, "{both}"),
        NOTES: (False, "zero\none\ntwo\n"),
        MODEL: (True, None),
        "old.txt": (False, None),
    }


def test_what_does_not_continue_the_branch_replaces_it_by_force() -> None:
    job, github = Job(), Writer()
    check_done(job, github, REBUILT, publish(job.draft(REBUILT), github))
    assert github.asked == ["create_tree", "create_commit", "move_branch by force"]


def test_a_merge_that_gives_the_bases_tree_makes_no_other() -> None:
    job, github = Job(), Writer()
    job.commits = {**job.commits, BOTH: Commit((HEAD, BASE), AT_BASE)}
    check_done(job, github, BOTH, publish(job.draft(BOTH), github))
    assert github.asked == ["create_commit", "move_branch"]


@pytest.mark.parametrize("draft", [ADDED, BOTH, REBUILT])
def test_a_branch_that_moved_meanwhile_is_not_touched(draft: GitSha) -> None:
    job, github = Job(), Writer(change=FORK)
    with pytest.raises(RefChanged, match="change moved away from"):
        publish(job.draft(draft), github)
    assert github.branches["change"] == FORK


@pytest.mark.parametrize(("draft", "moved"), [(ADDED, True), (BOTH, False)])
def test_another_tree_than_the_planned_one_is_refused(draft: GitSha, moved: bool) -> None:
    class Other(Writer):
        def create_tree(self, base_tree: str, changes: Sequence[TreeChange]) -> str:
            return super().create_tree(base_tree, changes[1:])

        def _made(self, message: str, files: Mapping[str, bytes], parents: tuple[str, ...]) -> MadeCommit:
            return super()._made(message, {**files, "more": b""}, parents)

    job, github = Job(), Other()
    with pytest.raises(CouldNotVerify, match=r"GitHub made the tree \w+ for change, and \w+ was planned"):
        publish(job.draft(draft), github)
    assert (github.branches["change"] != HEAD) is moved


def test_a_commit_on_other_parents_than_the_planned_ones_is_refused() -> None:
    class Alone(Writer):
        def _made(self, message: str, files: Mapping[str, bytes], parents: tuple[str, ...]) -> MadeCommit:
            return super()._made(message, files, parents[::-1] if len(parents) > 1 else ())

    for draft in (ADDED, BOTH):
        with pytest.raises(CouldNotVerify, match="for change on another commit"):
            publish(Job().draft(draft), Alone())


class Silent(Writer):
    """A GitHub whose answer to the request that moves the branch is lost."""

    is_done, stands_at, is_down = True, "", False

    def moves(self, branch: str, sha: str) -> None:
        self.branches[branch] = sha if self.is_done else self.branches[branch]
        self.branches[branch] = self.stands_at or self.branches[branch]
        raise CouldNotVerify("GitHub did not answer")

    def __init__(self, **settings: object) -> None:
        super().__init__()
        self.moved = self.moves
        self.__dict__.update(settings)

    def tip(self, branch: str) -> MadeCommit:
        if self.is_down:
            raise CouldNotVerify("GitHub is down")
        return super().tip(branch)


@pytest.mark.parametrize("draft", [ADDED, BOTH, REBUILT])
def test_an_answer_that_is_lost_counts_by_where_the_branch_stands(draft: GitSha) -> None:
    job, github = Job(), Silent()
    check_done(job, github, draft, publish(job.draft(draft), github))
    with pytest.raises(CouldNotVerify, match="did not answer"):
        publish(Job().draft(draft), Silent(is_done=False))
    with pytest.raises(CouldNotVerify, match="did not answer"):
        publish(Job().draft(draft), Silent(is_down=True))
    with pytest.raises(RefChanged, match="change moved away"):
        publish(Job().draft(draft), Silent(stands_at=FORK))


@pytest.mark.parametrize("limit", ["MAX_CONTENT", "MAX_PATHS"])
@pytest.mark.parametrize(("draft", "force"), [(ADDED, False), (BOTH, False), (REBUILT, True)])
def test_what_is_too_large_for_the_api_is_pushed(
    monkeypatch: pytest.MonkeyPatch, limit: str, draft: GitSha, force: bool
) -> None:
    monkeypatch.setattr(f"promotebot.pulls.publish.{limit}", 0)
    job, github = Job(), Writer()
    assert publish(job.draft(draft), github) == Published(draft, by_github=False)
    assert job.pushed == [(draft, "change", force)]
    assert github.asked == []


def test_new_bytes_that_are_no_utf_8_are_pushed() -> None:
    job = Job()
    job.commits = {**job.commits, BOTH: Commit((HEAD, BASE), {**MERGED, NOTES: b"caf\xe9\n"})}
    assert publish(job.draft(BOTH), Writer()) == Published(BOTH, by_github=False)


@pytest.mark.parametrize(
    ("server", "login", "address"),
    [
        ("https://github.com", BOT, f"41898282+{BOT}@users.noreply.github.com"),
        ("https://github.example.com:8443", BOT, f"{BOT}@users.noreply.github.example.com"),
        ("https://github.com", "acme[bot]", "acme[bot]@users.noreply.github.com"),
    ],
)
def test_who_pushes_has_the_address_that_github_links_to_the_account_where_it_is_known(
    server: str, login: str, address: str
) -> None:
    assert identity(settings(server_url=server, bot_login=login)) == Identity(login, address)
