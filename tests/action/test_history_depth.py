"""How much of a repository with many commits a job fetches: the newest hundred, and all where a rule asks for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from promotebot.git.branch import FetchedRepository
from promotebot.git.recent import RECENT
from tests.action.test_budget import pull_with_artifact
from tests.fake_github.people import Job
from tests.office import Office

pytestmark = pytest.mark.thorough

COMMITS = 600
"""On main, after those of the seed."""


@dataclass(frozen=True)
class Fetched:
    """What the fetches of a job brought."""

    fetches: int
    objects: int
    commits: int
    kilobytes: int


@pytest.fixture
def long_ago(office: Office) -> str:
    """main's commit before it got many more; each of them changes one of fifty files in ten folders."""
    git, before = office.repository.git, office.repository.git.run("rev-parse", "main").strip()
    stamp, lines = int(office.now.timestamp()) - COMMITS, []
    for number in range(COMMITS):
        who, path, text = (
            f"bob <bob@example.com> {stamp + number} +0000",
            f"code/{number % 10}/{number % 50}.py",
            number,
        )
        start = [f"from {before}"] if number == 0 else []
        message = f"feat: Change {number}"
        lines += [f"commit refs/heads/main\ncommitter {who}\ndata {len(message)}\n{message}", *start]
        lines += [f"M 100644 inline {path}\ndata {len(str(text))}\n{text}", ""]
    git.run("-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", stdin="\n".join(lines))
    office.repository.refresh(office.hub.user("bob"))
    return before


@pytest.fixture
def brought(office: Office, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """Objects, commits and kilobytes of each private repository that a job used."""
    seen: list[tuple[int, int, int]] = []
    close = FetchedRepository.close

    def counted(repository: FetchedRepository) -> None:
        told = dict(re.findall(r"(\S+): (\d+)", repository._run("count-objects", "-v")))
        kinds = repository._run("cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split()
        packs = sum(path.stat().st_size for path in Path(repository._repo.git_dir).rglob("*.pack"))
        seen.append((int(told["in-pack"]), kinds.count("commit"), -(-packs // 1024)))
        close(repository)

    monkeypatch.setattr(FetchedRepository, "close", counted)
    assert office
    return seen


def fetched(job: Job, brought: list[tuple[int, int, int]]) -> Fetched:
    assert job.exit_code == 0, job.log
    told = re.search(r"(\d+) git fetches", job.summary)
    objects, commits, size = (sum(column) for column in zip(*brought, strict=True)) if brought else (0, 0, 0)
    brought.clear()
    return Fetched(int(told[1]) if told else 0, objects, commits, size)


def push_code(office: Office, command: str) -> Job:
    before = office.repository.git.run("rev-parse", "main").strip()
    office.push("bob", "main", {"code/new.py": "1\n"}, "feat: New")
    pushed = office.repository.push_event("main", before=before, sender="bob")
    return office.event("push", pushed, PROMOTEBOT_COMMAND=command)


def test_history_is_fetched_as_deep_as_a_rule_asks(
    office: Office, long_ago: str, brought: list[tuple[int, int, int]]
) -> None:
    assert long_ago
    ignored = fetched(office.ask(office.pull("talk"), "Thanks, this looks good to me."), brought)
    assert ignored == Fetched(0, 0, 0, 0)

    gate = fetched(office.gate(office.pull("other")), brought)
    assert (gate.fetches, gate.commits) == (1, RECENT + 1), "main's newest commits, and the branch's own"

    trained = office.repository.git.run("rev-parse", "main~20").strip()
    recent = pull_with_artifact(office, {}, git_sha=trained)
    job = office.ask(recent, "/promote shadow")
    assert job.outputs["decision"] == "promoted", job.summary
    lean = fetched(job, brought)
    assert (lean.fetches, lean.commits) == (2, RECENT + 1 + 1), "and the bot's own commit"

    old = office.pull("old")
    job = office.ask(old, "/promote active --artifact-dir ml/artifacts/regime_v2")
    assert job.outputs["decision"] == "promoted", job.summary
    deep = fetched(job, brought)
    assert deep.fetches == 3
    assert deep.commits >= COMMITS
    assert deep.objects > 4 * lean.objects


def test_a_training_commit_that_nobody_has_is_looked_for_in_the_whole_history(
    office: Office, long_ago: str, brought: list[tuple[int, int, int]]
) -> None:
    assert long_ago
    job = office.ask(office.pull("old"), f"/promote active --git-sha {'1' * 40}")
    assert job.outputs["decision"] == "refused"
    assert "git_sha.ancestor" in job.outputs["result"]
    assert fetched(job, brought).fetches == 3


def test_a_branch_that_left_its_base_long_ago_is_judged_with_one_fetch_more(
    office: Office, long_ago: str, brought: list[tuple[int, int, int]]
) -> None:
    git = office.repository.git
    git.run("branch", "stale", long_ago)
    office.repository.refresh(office.hub.user("alice"))
    tree = git.run("rev-parse", f"{long_ago}^{{tree}}").strip()
    who = ["-c", "user.name=alice", "-c", "user.email=alice@example.com"]
    commit = git.run(*who, "commit-tree", tree, "-p", long_ago, "-m", "docs: Late").strip()
    git.run("update-ref", "refs/heads/stale", commit)
    office.repository.refresh(office.hub.user("alice"))
    number = office.repository.open_pull(author="alice", head="stale", title="Late").number
    found = fetched(office.gate(number), brought)
    assert found.fetches == 2
    assert office.checks(office.head(number)) == ["success"]


def test_a_push_to_the_base_costs_one_fetch_however_long_its_history_is(
    office: Office, long_ago: str, brought: list[tuple[int, int, int]]
) -> None:
    assert long_ago
    for number in range(3):
        office.pull(f"open_{number}")
    found = fetched(push_code(office, "auto"), brought)
    assert found.fetches == 1
    assert found.commits <= RECENT + 4


def test_what_a_merge_brought_is_announced_without_the_older_history(
    office: Office, long_ago: str, brought: list[tuple[int, int, int]]
) -> None:
    """The registry changed before all of those commits, which is what the oldest one that was fetched says."""
    assert long_ago
    trained = office.repository.git.run("rev-parse", "main~20").strip()
    number = pull_with_artifact(office, {}, git_sha=trained)
    assert office.ask(number, "/promote shadow").outputs["decision"] == "promoted"
    push_code(office, "announce")  # since then it is known what the branch held
    brought.clear()
    job = office.merge(number)
    assert job.outputs["reason_code"] == "landed", job.summary
    assert fetched(job, brought).commits <= 2 * RECENT
