"""What a job may cost: its API requests, those among them that write, and how often git asks the remote."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.fake_github.people import Job
from tests.office import Office


@dataclass(frozen=True)
class Cost:
    """What one job asked for."""

    requests: int
    writes: int
    git: int
    """Connections of git: the fetch of base and head, reads of what a fetch leaves out, and a push."""


class Meter:
    """Counts what a job asks the embedded GitHub for."""

    def __init__(self, office: Office) -> None:
        self.hub = office.hub
        self.hub.requests.clear()
        self.hub.git_requests.clear()

    def cost(self, job: Job) -> Cost:
        assert job.exit_code == 0, job.log
        writes = [made for made in self.hub.requests if made.method != "GET"]
        connections = [made for made in self.hub.git_requests if made.path.endswith("/info/refs")]
        return Cost(len(self.hub.requests), len(writes), len(connections))


@pytest.mark.parametrize("policy", ["", "require_sha: true\n"])
def test_the_gate_on_what_is_not_ours_costs_four_requests_and_one_fetch(office: Office, policy: str) -> None:
    """The pull request, the status, the check run, the list of comments; after the fetch, one read of our files."""
    if policy:
        office.policy(policy)
    number = office.pull()
    meter = Meter(office)
    assert meter.cost(office.gate(number)) == Cost(requests=4, writes=2, git=2)


@pytest.mark.parametrize("command", ["auto", "announce"])
def test_a_push_to_a_branch_that_takes_no_promotions_ends_after_one_fetch(office: Office, command: str) -> None:
    office.pull("side")
    pushed = office.repository.push_event("side", before="0" * 40, sender="alice")
    meter = Meter(office)
    job = office.event("push", pushed, PROMOTEBOT_COMMAND=command)
    assert job.outputs["decision"] == "ignored"
    assert meter.cost(job) == Cost(requests=0, writes=0, git=1)


def test_the_soak_costs_one_request_for_each_pull_request_that_brought_a_stage(office: Office) -> None:
    for branch, stage in (("one", "staging"), ("two", "shadow")):
        number = office.pull(branch)
        command = f"/promote {stage} --artifact-dir ml/artifacts/regime_v2 --artifact-id {branch}"
        assert office.ask(number, command).outputs["decision"] == "promoted"
        office.repository.merge(number, by="bob")
    office.policy("stages: {staging: {soak: {minimum: 2d, required: true}}}\n")
    office.now += timedelta(days=30)
    number = office.pull("three")
    meter = Meter(office)
    job = office.ask(number, "/promote active")
    assert job.outputs["decision"] == "promoted"
    cost = meter.cost(job)
    assert (cost.requests, cost.writes) == (9 + 2, 5)


def test_an_artifact_of_many_files_costs_no_request_more(office: Office) -> None:
    person = office.person("alice")
    person.start_branch("many")
    directory = person.clone / "ml/artifacts/regime_v3"
    shutil.copytree(person.clone / "ml/artifacts/regime_v2", directory)
    manifest = json.loads((directory / "manifest.json").read_bytes())
    for number in range(41 - len(manifest["sha256"])):
        (directory / f"label_{number}.txt").write_text(f"{number}\n")
        manifest["sha256"][f"label_{number}.txt"] = hashlib.sha256(f"{number}\n".encode()).hexdigest()
    assert len(manifest["sha256"]) == 41
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    person.commit("feat: regime_v3")
    person.push()
    number = office.repository.open_pull(author="alice", head="many", title="Many files").number
    meter = Meter(office)
    job = office.ask(number, "/promote shadow")
    assert job.outputs["decision"] == "promoted"
    cost = meter.cost(job)
    assert (cost.requests, cost.writes) == (9, 5)
