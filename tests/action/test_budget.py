"""What a job may cost: its API requests, those among them that write, and how often git asks the remote."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Response

from promotebot.artifact.runtime import ChildOpener
from promotebot.git.branch import FetchedRepository
from promotebot.planning.examiner import Examiner
from tests.cli.test_verify import dataset
from tests.fake_github import git_http
from tests.fake_github.faults import Fault
from tests.fake_github.people import Job, Person
from tests.office import Office
from tests.sampling import sampled

pytestmark = pytest.mark.thorough


@dataclass(frozen=True)
class Cost:
    """What one job asked for."""

    requests: int
    writes: int
    fetches: int
    """Connections of git: each fetch, and what git brings by itself when something is read that is not here."""


PROMOTION = Cost(requests=9, writes=5, fetches=2)
LOOKS: list[int] = []
"""One for each time that a job asked git where branches are, which brings nothing."""


@pytest.fixture(autouse=True)
def _every_job_reads_for_itself(office: Office, opener: ChildOpener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests let jobs share what was examined already."""
    assert office.hub
    monkeypatch.setattr("promotebot.action.run.Examiner", lambda **_: Examiner(opener))
    look = FetchedRepository.tips

    def counted(repository: FetchedRepository, refs: Sequence[str]) -> Mapping[str, str]:
        LOOKS.append(1)
        return look(repository, refs)

    monkeypatch.setattr(FetchedRepository, "tips", counted)


def cost(office: Office, job: Job) -> Cost:
    """What a job asked for since the last call, by what the embedded GitHub received; the summary says the same."""
    assert job.exit_code == 0, job.log
    hub = office.hub
    writes = [made for made in hub.requests if made.writes]
    connections = [made for made in hub.git_requests if made.path.endswith("/info/refs")]
    pushes = [made for made in hub.git_requests if made.path.endswith("/git-receive-pack")]
    found = Cost(len(hub.requests), len(writes), len(connections) - len(pushes) - len(LOOKS))
    reads = found.requests - found.writes
    told = f"{found.requests} API requests ({reads} reads, {found.writes} writes), {found.fetches} git fetches"
    _, is_told, took = f"\n{job.summary}".rpartition(f"\nThis job made {told}. It took ")
    assert is_told, job.summary[-200:]
    assert "s for API requests, " in took or not found.requests
    assert "s for git fetches, " in took or not found.fetches
    return found


def started(office: Office) -> None:
    office.hub.requests.clear()
    office.hub.git_requests.clear()
    LOOKS.clear()


def asked(office: Office, number: int, command: str, *, author: str = "alice") -> tuple[str, Cost]:
    """The decision about a command, and what the job cost."""
    started(office)
    job = office.ask(number, command, author=author)
    return job.outputs["decision"], cost(office, job)


def make_split(office: Office) -> None:
    """bob converts main's registry."""
    bob = office.person("bob")
    assert bob.promotebot("registry", "split").returncode == 0
    bob.commit("chore: A file for each model")
    bob.git("push", "--quiet", "origin", "HEAD:main")


def write_artifact(person: Person, name: str, files: Mapping[str, bytes], **keys: str) -> Path:
    """An artifact like regime_v2 with more files in it."""
    directory = person.clone / f"ml/artifacts/{name}"
    shutil.copytree(person.clone / "ml/artifacts/regime_v2", directory)
    manifest = json.loads((directory / "manifest.json").read_bytes()) | keys
    for file, data in files.items():
        (directory / file).write_bytes(data)
        manifest["sha256"][file] = hashlib.sha256(data).hexdigest()
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return directory


def pull_with_artifact(office: Office, files: Mapping[str, bytes], **keys: str) -> int:
    alice = office.person("alice")
    alice.start_branch("new")
    write_artifact(alice, "regime_v3", files, **keys)
    alice.commit("feat: regime_v3")
    alice.push()
    return office.repository.open_pull(author="alice", head="new", title="New").number


MANY = {f"label_{number}.txt": f"{number}\n".encode() for number in range(40)}
LARGE = {"weights.bin": os.urandom(3_000_000), "vocabulary.txt": b"word\n" * 200_000}
"""Bytes that no zlib makes smaller, and a text that is too long for GraphQL."""


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("files", [{}, MANY, LARGE], ids=["few", "many", "large"])
def test_a_promotion_costs_the_same_whatever_its_artifact_holds(
    office: Office, files: Mapping[str, bytes], split: bool
) -> None:
    """Conversation, files, role, attestation, commit, status, check run, attestation again, comment.

    By git: the commits, and all the bytes; then a look at where the branches are.
    """
    if split:
        make_split(office)
    number = pull_with_artifact(office, files)
    assert asked(office, number, "/promote shadow") == ("promoted", PROMOTION)


@pytest.mark.parametrize("command", ["/promote active", "/promote active --artifact-dir ml/artifacts/regime_v2"])
def test_a_promotion_of_what_the_base_holds_costs_no_more(office: Office, command: str) -> None:
    """The manifest, the other files, and what is ACTIVE today for the comparison come together."""
    number = office.pull()
    assert asked(office, number, command) == ("promoted", PROMOTION)


def test_a_promotion_with_a_dataset_costs_no_more(office: Office) -> None:
    bob = office.person("bob")
    dataset(bob.clone, "quotes")
    bob.commit("feat: Quotes")
    bob.push()
    number = pull_with_artifact(office, MANY, dataset_id="quotes")
    assert asked(office, number, "/promote staging") == ("promoted", PROMOTION)
    office.repository.merge(number, by="bob")
    number = office.pull("later")
    assert asked(office, number, "/promote active") == ("promoted", replace(PROMOTION, requests=9 + 1))


def test_a_promotion_fetches_as_many_bytes_of_a_large_repository_as_of_a_small_one(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, serve = [0], git_http.serve

    def counted(*arguments: Any) -> Response:
        answer = serve(*arguments)
        chunks = answer.iter_encoded()

        def count() -> Iterator[bytes]:
            for chunk in chunks:
                sent[0] += len(chunk)
                yield chunk

        answer.response = count()
        return answer

    monkeypatch.setattr(git_http, "serve", counted)

    def promoted(name: str) -> int:
        """What git brought for one promotion; the artifact's own bytes among it."""
        alice = office.person("alice")
        alice.start_branch(name)
        write_artifact(alice, name, {"weights.bin": os.urandom(300_000)})
        alice.commit(f"feat: {name}")
        alice.push()
        number = office.repository.open_pull(author="alice", head=name, title=name).number
        sent[0] = 0
        assert asked(office, number, f"/promote shadow --artifact-dir ml/artifacts/{name}")[0] == "promoted"
        return sent[0]

    small = promoted("regime_v3")
    assert small > 300_000
    others = {f"data/{number // 20}/{number}.bin": os.urandom(50_000) for number in range(400)}
    office.push("bob", "main", others, "feat: Twenty million bytes of data")
    assert promoted("regime_v4") < small + 200_000, "of twenty million"


def test_a_rollback_costs_no_more(office: Office) -> None:
    one = office.pull("one")
    assert office.ask(one, "/promote active").succeeded
    office.repository.merge(one, by="bob")
    number = office.pull("two")
    command = '/rollback regime_classifier active --reason "worse than before"'
    assert asked(office, number, command) == ("promoted", PROMOTION)


def test_a_second_promotion_of_one_pull_request_costs_two_requests_and_no_fetch_more(office: Office) -> None:
    """What the bot said of the first one, and who pushed, which is asked again while GitHub does not list it yet."""
    number = pull_with_artifact(office, MANY)
    assert asked(office, number, "/promote shadow")[0] == "promoted"
    office.hub.catch_up()
    decision, second = asked(office, number, "/promote staging --artifact-dir ml/artifacts/regime_v2")
    assert (decision, second) == ("promoted", replace(PROMOTION, requests=9 + 2))


def test_the_first_announcement_costs_twenty_requests_and_two_fetches(office: Office) -> None:
    """The branch's records, and the pushes that they name, are read again before another one is written."""
    number = pull_with_artifact(office, {})
    assert office.ask(number, "/promote shadow").outputs["decision"] == "promoted"
    office.hub.catch_up()
    office.repository.merge(number, by="bob")
    closed = office.repository.pull_request_event(number, action="closed")
    started(office)
    job = office.event("pull_request_target", closed, by="bob", PROMOTEBOT_COMMAND="announce")
    assert job.outputs["reason_code"] == "landed", job.summary
    assert cost(office, job) == Cost(requests=20, writes=5, fetches=2)


@pytest.mark.parametrize("command", ["auto", "announce"])
def test_a_push_to_a_branch_that_takes_no_promotions_ends_after_one_fetch(office: Office, command: str) -> None:
    office.pull("side")
    pushed = office.repository.push_event("side", before="0" * 40, sender="alice")
    started(office)
    job = office.event("push", pushed, PROMOTEBOT_COMMAND=command)
    assert job.outputs["decision"] == "ignored"
    assert cost(office, job) == Cost(requests=0, writes=0, fetches=1)


def test_the_soak_costs_one_request_for_each_pull_request_that_brought_a_stage(office: Office) -> None:
    for branch, stage in (("one", "staging"), ("two", "shadow")):
        number = office.pull(branch)
        command = f"/promote {stage} --artifact-dir ml/artifacts/regime_v2 --artifact-id {branch}"
        assert office.ask(number, command).outputs["decision"] == "promoted"
        office.repository.merge(number, by="bob")
    office.policy("stages: {staging: {soak: {minimum: 2d, required: true}}}\n")
    office.pass_time(timedelta(days=30))
    number = office.pull("three")
    assert asked(office, number, "/promote active") == ("promoted", replace(PROMOTION, requests=9 + 2))


@pytest.mark.parametrize(
    ("command", "author", "fetches", "more"),
    [
        ("/promote active", "mallory", 1, 0),
        ("/promote active --sha 1234567890123456789012345678901234567890", "alice", 1, 0),
        ("/promote active nothing_known", "alice", 1, 0),
        ("/promote active --git-sha 1234567890123456789012345678901234567890", "alice", 2, 1),
    ],
    ids=["role", "head", "model", "rules"],
)
def test_a_refusal_costs_five_requests_and_no_more_bytes_than_it_looks_at(
    office: Office, command: str, author: str, fetches: int, more: int
) -> None:
    """Conversation, files, role, comment, reaction; for an unknown commit, its pull requests."""
    number = office.pull()
    decision, found = asked(office, number, command, author=author)
    assert (decision, found.fetches) == ("refused", fetches)
    assert (found.requests, found.writes) == (5 + more, 2)


def test_what_was_asked_before_costs_one_request_more_to_fold_the_older_answer(office: Office) -> None:
    number = office.pull()
    assert asked(office, number, f"/promote staging --sha {'1' * 40}")[1].requests == 5
    decision, found = asked(office, number, f"/promote staging --sha {'2' * 40}")
    assert (decision, found) == ("refused", Cost(requests=5 + 1, writes=2 + 1, fetches=1))
    decision, found = asked(office, number, "/promote staging")
    fold = replace(PROMOTION, requests=PROMOTION.requests + 1, writes=PROMOTION.writes + 1)
    assert (decision, found) == ("promoted", fold)
    assert len(office.comments(number)) == 1, "the card, which answers what was refused before"


@pytest.mark.parametrize("policy", ["", "require_sha: true\n"])
@pytest.mark.parametrize("split", [False, True])
def test_the_gate_on_what_is_not_ours_costs_four_requests_and_one_fetch(
    office: Office, policy: str, split: bool
) -> None:
    """The conversation, the files, the status, the check run."""
    if policy:
        office.policy(policy)
    if split:
        make_split(office)
    number = office.pull()
    started(office)
    assert cost(office, office.gate(number)) == Cost(requests=4, writes=2, fetches=1)


def test_what_graphql_does_not_tell_comes_by_git(office: Office) -> None:
    office.hub.inject(Fault("*", "/graphql/Files", status=403, times=9))
    decision, found = asked(office, office.pull(), "/promote active")
    assert (decision, found.fetches) == ("promoted", 3)


def many_models(office: Office, count: int, *, split: bool) -> None:
    """Models on main, each with an artifact and a dataset of its own."""
    bob = office.person("bob")
    path = bob.clone / "ml/registry/models.json"
    document = json.loads(path.read_bytes())
    sample = document["models"]["regime_classifier"]["active"]
    for number in range(count):
        data = f"data_{number}"
        dataset(bob.clone, data)
        files = {"label.txt": f"{number}\n".encode()}
        write_artifact(bob, f"model_{number}", files, dataset_id=data, git_sha=sample["git_sha"])
        pointer = {key: sample[key] for key in ("git_sha", "promoted_at_utc", "actor", "source")}
        pointer |= {
            "artifact_dir": f"ml/artifacts/model_{number}",
            "artifact_id": f"model_{number}",
            "dataset_id": data,
        }
        document["models"][f"model_{number}"] = {"shadow": None, "staging": None, "active": pointer}
    path.write_text(json.dumps(document, indent=2) + "\n")
    if split:
        assert bob.promotebot("registry", "split").returncode == 0
    bob.commit("chore: Many models")
    bob.git("push", "--quiet", "origin", "HEAD:main")


EITHER_LAYOUT = [("schedule", False), ("schedule", True), ("workflow_dispatch", True), ("workflow_dispatch", False)]


@pytest.mark.parametrize(("start", "split"), sampled(EITHER_LAYOUT, 2))
def test_a_verification_of_many_models_costs_two_fetches(office: Office, start: str, split: bool) -> None:
    many_models(office, 20, split=split)
    workflow = ".github/workflows/verify.yml"
    payload = (
        office.repository.schedule_event(workflow, "17 3 * * *")
        if start == "schedule"
        else office.repository.workflow_dispatch_event(workflow, sender="bob", ref="main", inputs={})
    )
    for _ in range(2):  # the second one compares with what the first one remembered
        started(office)
        job = office.event(start, payload, PROMOTEBOT_COMMAND="verify")
        assert job.outputs["decision"] == "passed", job.summary
        assert cost(office, job).fetches == 2
