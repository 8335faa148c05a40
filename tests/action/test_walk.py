"""The base moves under many pull requests: none waits in vain for another, and none is merged by an old green."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest

from promotebot.action.push import refresh_pulls
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.limits import Limits
from promotebot.artifact.source import FileSource
from promotebot.gate.evaluate import GateResult
from promotebot.gate.judge import evaluate_pull
from promotebot.github.client import PyGithubClient
from promotebot.github.events import Pushed
from promotebot.github.payloads import parse_event
from promotebot.promotion.places import every_place
from promotebot.pulls.context import JobContext
from promotebot.pulls.patience import Patience
from promotebot.registry import ModelRegistry
from promotebot.registry.names import ArtifactPath
from promotebot.settings import Settings
from tests.fake_github.faults import Fault
from tests.fake_github.people import Job, Runner
from tests.fakes import FakeExaminer
from tests.office import Office

pytestmark = pytest.mark.thorough

STRICTER = "require_sha: true\n"
"""A policy, so that its pull request is judged again whenever the base moves."""
V1, V2 = ("ml/artifacts/regime_v1", "ml/artifacts/regime_v2")


def policies(office: Office, *branches: str) -> list[int]:
    """Open pull requests that the gate looks at, each with a green check of the old base."""
    numbers = [office.pull(branch, {".github/promotion.yml": f"{STRICTER}# {branch}\n"}) for branch in branches]
    for number in numbers:
        office.repository.post_status(office.head(number), "promotebot/gate", "success", by="github-actions[bot]")
    return numbers


def move_main(office: Office) -> dict[str, Any]:
    """bob pushes to main: the event of that push."""
    before = office.repository.git.branch("main") or ""
    office.push("bob", "main", {"README.md": f"{before}\n"}, "docs: More")
    return office.repository.push_event("main", before=before, sender="bob")


def walk(office: Office) -> Job:
    return office.event("push", move_main(office), by="bob")


def states(office: Office, numbers: list[int]) -> list[list[str]]:
    return [office.checks(office.head(number)) for number in numbers]


JUDGED = ["success", "pending", "success"]


def test_all_are_marked_as_pending_before_the_first_is_judged(office: Office) -> None:
    numbers = policies(office, "one", "two", "three")
    office.hub.requests.clear()
    assert walk(office).exit_code == 0
    assert states(office, numbers) == [JUDGED] * 3
    posted = [status.state for status in office.repository.statuses[-6:]]
    assert posted == ["pending", "pending", "pending", "success", "success", "success"]
    writes = [made.path.rsplit("/", 1)[0] for made in office.hub.requests if made.writes]
    assert writes[:3] == ["/repos/acme/models/statuses"] * 3, "nothing is written before"
    assert office.repository.statuses[-6].description == "main moved; judging again"


@pytest.mark.parametrize("times", [1, 2])
def test_a_status_that_github_does_not_take_keeps_no_other_from_its_verdict(office: Office, times: int) -> None:
    """The first of the two is the mark, the second one the verdict."""
    one, two, three = policies(office, "one", "two", "three")
    office.hub.faults.append(Fault("POST", f"/statuses/{office.head(two)}", status=502, times=times))
    job = walk(office)
    assert (job.exit_code, job.outputs["decision"], job.outputs["reason_code"]) == (4, "failed", "could_not_verify")
    assert "1 failed, of 3 open" in job.outputs["result"]
    assert states(office, [one, three]) == [JUDGED] * 2
    assert office.checks(office.head(two)) == ["success", "success"][: 3 - times]
    assert len(office.comments(two)) == times - 1, "who waits for the verdict is told that there is none"


def test_a_request_that_fails_for_one_keeps_no_other_from_its_verdict(office: Office) -> None:
    one, two, three = policies(office, "one", "two", "three")
    office.hub.faults.append(Fault("*", f"/issues/{two}/comments", status=500, times=99))
    office.hub.faults.append(Fault("POST", f"/statuses/{office.head(two)}", drop=True, times=99))
    assert walk(office).exit_code == 4
    assert states(office, [one, three]) == [JUDGED] * 2


def test_a_defect_in_one_keeps_no_other_from_its_verdict_and_ends_the_job_as_a_defect(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = policies(office, "one", "two", "three")

    def broken(snapshot: Any, *arguments: Any, **options: Any) -> GateResult:
        if snapshot.pull.number == two:
            raise ZeroDivisionError
        return evaluate_pull(snapshot, *arguments, **options)

    monkeypatch.setattr("promotebot.action.gate.evaluate_pull", broken)
    with pytest.raises(ZeroDivisionError):  # which `cli.main` makes exit code 3
        walk(office)
    assert states(office, [one, two, three]) == [JUDGED, ["success", "pending"], JUDGED]
    assert "internal error" in office.comment(two).lower()


def test_a_branch_that_is_gone_keeps_no_other_from_its_verdict(office: Office) -> None:
    one, two, three = policies(office, "one", "two", "three")
    head = office.head(two)
    event = move_main(office)
    office.repository.git.set_ref("refs/heads/two", None)  # GitHub has not closed the pull request yet
    job = office.event("push", event, by="bob")
    assert job.exit_code == 4, job.log
    assert states(office, [one, three]) == [JUDGED] * 2
    assert office.checks(head) == ["success", "pending"]


def test_a_pull_request_that_is_closed_meanwhile_is_passed_over(office: Office) -> None:
    one, two = policies(office, "one", "two")
    event = move_main(office)

    def closed() -> None:
        office.repository.git.set_ref("refs/heads/two", None)
        office.repository.refresh(office.hub.user("alice"))

    office.hub.faults.append(Fault("GET", "/info/refs", meanwhile=closed))
    job = office.event("push", event, by="bob")
    assert (job.exit_code, office.comments(two)) == (0, []), job.log
    assert states(office, [one]) == [JUDGED]


def test_a_branch_that_moves_meanwhile_is_judged_where_it_is(office: Office) -> None:
    one, two = policies(office, "one", "two")
    event = move_main(office)
    office.push("alice", "next", {".github/promotion.yml": STRICTER, "more.md": "more\n"}, "docs: More")

    def pushed() -> None:
        office.repository.git.set_ref("refs/heads/two", office.repository.git.branch("next"))
        office.repository.refresh(office.hub.user("alice"))

    office.hub.faults.append(Fault("GET", "/info/refs", meanwhile=pushed))
    old = office.head(two)
    assert office.event("push", event, by="bob").exit_code == 0
    assert office.head(two) != old
    assert states(office, [one, two]) == [JUDGED, ["pending", "success"]]


def requests_of_a_push(office: Office, branches: list[str]) -> tuple[int, int]:
    """How many API requests, and how many git requests, a push costs with these pull requests open."""
    for branch in branches:
        office.pull(branch)
    event = move_main(office)
    office.hub.requests.clear()
    office.hub.git_requests.clear()
    assert office.event("push", event, by="bob").outputs["decision"] == "unchanged"
    fetches = [made for made in office.hub.git_requests if made.path.endswith("/info/refs")]
    return len(office.hub.requests), len(fetches)


def test_pull_requests_that_carry_nothing_of_ours_cost_two_requests_whatever_their_number(office: Office) -> None:
    """Beside the list of pull requests, one question brings the base's registry, which says what pointers name."""
    assert requests_of_a_push(office, ["one"]) == (2, 1)
    assert requests_of_a_push(office, [f"branch-{number}" for number in range(9)]) == (2, 1)


def test_what_pointers_name_is_read_once_however_many_pull_requests_are_open(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[ModelRegistry] = []

    def counted(registry: ModelRegistry) -> frozenset[str]:
        seen.append(registry)
        return every_place(registry)

    monkeypatch.setattr("promotebot.pulls.affected.every_place", counted)
    requests_of_a_push(office, ["one", "two", "three"])
    assert len(seen) == 1


class SlowExaminer(FakeExaminer):
    """Every artifact takes four minutes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def __call__(self, source: FileSource, directory: ArtifactPath, limits: Limits) -> Evidence:
        self.now += 240
        return super().__call__(source, directory, limits)


def rewritten(office: Office, branch: str, *directories: str) -> int:
    """A pull request that changes the manifest of artifacts that pointers name."""
    files: dict[str, str | bytes] = {}
    for directory in directories:
        manifest = json.loads(office.repository.git.run_bytes("cat-file", "blob", f"main:{directory}/manifest.json"))
        files[f"{directory}/manifest.json"] = json.dumps({**manifest, "threshold": 0.9})
    return office.pull(branch, files)


def test_slow_models_of_one_keep_no_other_from_its_verdict(office: Office) -> None:
    """Two artifacts take eight minutes; with a third, the five minutes of one pull request are spent."""
    person = office.person("bob")
    three = [V1, V2, "ml/artifacts/regime_v3"]
    (person.clone / V2).rename(person.clone / three[2])
    person.git("checkout", "--", V2)
    person.commit("feat: regime_v3")
    person.push()
    promotes = office.pull("promotes")
    assert office.ask(promotes, f"/promote staging --artifact-dir {three[2]}").exit_code == 0
    office.repository.merge(promotes, by="bob")
    fast, slow, other = rewritten(office, "fast", V1), rewritten(office, "slow", *three), rewritten(office, "other", V2)
    payload = move_main(office)
    runner = Runner.of(office.repository, office.scratch / "runner")
    settings = Settings.from_env(runner.environment("push", payload))
    event, examine = parse_event("push", json.dumps(payload).encode()), SlowExaminer()
    assert isinstance(event, Pushed)
    with closing(PyGithubClient.connect(settings)) as client:
        job = JobContext(
            settings,
            lambda: client,
            examine,
            lambda: office.now,
            "main",
            monotonic=lambda: examine.now,
            patience=Patience(office.hub.pass_time),
        )
        answer = refresh_pulls(event, job)
    assert answer.code == 4
    assert f"judging #{slow} took longer than 5 min" in answer.message
    assert "start the gate by hand" in office.comments(slow)[-1]
    assert sorted(examine.looked_at) == [V1, V1, V2, V2]
    verdicts = [office.repository.statuses[-1 - index].description for index in range(3)]
    assert sum("took longer" in str(verdict) for verdict in verdicts) == 1
    assert states(office, [fast, slow, other]) == [["pending", "failure"]] * 3
