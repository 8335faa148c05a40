"""GitHub fails at every request in turn, or the job dies at every step: done, refused, or safe to run again."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import product
from typing import Any
from unittest import mock

import pytest
from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection

from promotebot.cost import Cost
from promotebot.github import scoped
from promotebot.github.client import PyGithubClient
from promotebot.github.git_data import GitDataClient
from promotebot.github.rest import TIMEOUT_SECONDS, Rest
from promotebot.github.server_time import ServerTime
from promotebot.registry.names import ModelName, to_datetime
from promotebot.settings import Settings
from tests.cli.desk import BOT
from tests.cli.test_hostile_disk import NAMESPACE
from tests.cli.test_registry import MODELS
from tests.fake_github.faults import Fault
from tests.fake_github.people import Job, Runner
from tests.office import Office
from tests.sampling import sampled

pytestmark = pytest.mark.thorough

REQUESTS = 9
"""API requests of an accepted promotion; `test_the_number_of_requests_is_known` keeps it true."""
WRITES = (3, 4, 5, 6, 8)
"""Those among them that change something."""
GATEWAY = {"status": 502}
KINDS: list[dict[str, Any]] = [
    {"status": 500},
    GATEWAY,
    {"status": 403, "message": "You have exceeded a secondary rate limit.", "headers": {"Retry-After": "60"}},
    {"status": 404, "message": "Not Found"},
    {"status": 409, "message": "Conflict"},
    {"status": 422, "message": "Validation Failed"},
    {"drop": True},
    {"half": True},
    {"hangs": True},
]
EVERY = [(index, kind) for index in range(REQUESTS) for kind in KINDS]
SOME = [(index, KINDS[index % len(KINDS)]) for index in range(REQUESTS)]


@dataclass
class Nth(Fault):
    """Strikes the request that comes after `skip` others.

    Where it `hangs`, what the client would wait for its answer is over at once (`hanging`): no clock decides.
    """

    skip: int = 0
    seen: int = field(default=0)
    hangs: bool = False
    waited: list[float | None] = field(default_factory=list)
    """The seconds that the client would have waited, each time; None for ever."""

    def __post_init__(self) -> None:
        self.drop = self.drop or self.hangs

    def strikes(self, method: str, path: str) -> bool:  # noqa: ARG002 - the order counts, not the method
        if ".git/" in path:
            return False
        self.seen += 1
        return self.seen == self.skip + 1


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads are not asked again here: the tests would wait with them."""

    def connect(settings: Settings, cost: Cost, now: ServerTime) -> PyGithubClient:
        return scoped.connect(settings, retries=0, cost=cost, now=now)

    monkeypatch.setattr("promotebot.action.run._connect", connect)


def asked(office: Office) -> tuple[int, dict[str, Any]]:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body="/promote active")
    return number, office.repository.issue_comment_event(comment.id)


def check_final(office: Office, number: int) -> None:
    """What one clean run leaves: one event, a green check on the head, one comment that says so."""
    entry = office.registry(office.head(number)).entry("regime_classifier")
    assert entry is not None
    requests = [event.request.id for event in entry.history if event.request]
    assert len(requests) == len(set(requests))
    assert sum(event.request is not None and event.request.pull == number for event in entry.history) == 1
    assert office.pointer(office.head(number), "active") == "regime_v2_candidate"
    assert office.checks(office.head(number))[-1] == "success"
    comments = office.comments(number)
    assert len(comments) == 1, comments
    assert "ready for review" in comments[0]


def test_the_number_of_requests_is_known(office: Office) -> None:
    number, event = asked(office)
    office.hub.requests.clear()
    assert office.job(event).succeeded
    assert len(office.hub.requests) == REQUESTS
    assert {made.api_version for made in office.hub.requests} == {"2022-11-28"}
    assert tuple(i for i, made in enumerate(office.hub.requests) if made.writes) == WRITES
    check_final(office, number)


@contextmanager
def hanging(fault: Nth) -> Iterator[None]:
    """Where an answer does not come because of this fault, the client's own timeout ends the waiting for it."""
    answered = HTTPConnection.getresponse

    def getresponse(self: HTTPConnection) -> HTTPResponse:
        try:
            return answered(self)
        except ConnectionError:
            fault.waited.append(self.timeout)
            raise TimeoutError("timed out") from None

    with mock.patch.object(HTTPConnection, "getresponse", getresponse):
        yield


def run_with(office: Office, fault: Nth) -> Job:
    """A run that meets a fault, and the same job again without one."""
    number, event = asked(office)
    office.hub.faults.append(fault)
    with hanging(fault) if fault.hangs else nullcontext():
        first = office.job(event)
    office.hub.faults.clear()
    assert fault.waited == ([TIMEOUT_SECONDS] if fault.hangs else []), "one request hung, and was not waited for ever"
    gone = ("permission", "deleted_comment")  # a 404 there says that the user or the comment is not there
    assert first.succeeded or first.exit_code == 4 or first.outputs["reason_code"] in gone, first.log
    assert office.job(event).succeeded
    check_final(office, number)
    return first


@pytest.mark.parametrize(("index", "kind"), SOME)
def test_a_request_that_fails_is_done_without_or_safe_to_run_again(
    office: Office, index: int, kind: dict[str, Any]
) -> None:
    run_with(office, Nth("*", "", skip=index, **kind))


@pytest.mark.exhaustive
@pytest.mark.parametrize(("index", "kind"), EVERY)
def test_every_request_failing_in_every_way_is_done_without_or_safe_to_run_again(
    office: Office, index: int, kind: dict[str, Any]
) -> None:
    run_with(office, Nth("*", "", skip=index, **kind))


GIT_FAULTS: list[dict[str, Any]] = [{"status": 500}, {"status": 403}, {"drop": True}]
READS = [index for index in range(REQUESTS) if index not in WRITES]


@pytest.mark.parametrize("index", sampled(READS, 2))
def test_a_read_that_shows_what_was_is_refused_or_safe_to_run_again(office: Office, index: int) -> None:
    """A replica that lags behind: the head before the last push, the comments before ours."""
    number = office.pull()
    assert office.ask(number, "/promote active --dry-run").succeeded
    alice = office.person("alice")
    alice.git("fetch", "origin", "evaluation")
    alice.git("checkout", "evaluation")
    alice.write("ml/evaluations/more.json", "{}\n")
    tip = alice.commit("docs: More")
    alice.push()
    comment = office.repository.comment(number, author="alice", body="/promote active")
    event = office.repository.issue_comment_event(comment.id)
    office.hub.faults.append(Nth("*", "", skip=index, stale=True))
    first = office.job(event)
    office.hub.faults.clear()
    assert first.exit_code in (0, 4), first.log
    assert office.repository.git.is_ancestor(tip, office.head(number)), "nothing that was pushed is lost"
    assert office.job(event).succeeded
    check_final(office, number)


@pytest.mark.parametrize("index", WRITES)
def test_a_write_whose_answer_is_lost_is_not_done_twice(office: Office, index: int) -> None:
    run_with(office, Nth("*", "", skip=index, status=502, after=True))


@pytest.mark.parametrize(
    ("path", "fault"),
    sampled(product(["info/refs", "git-upload-pack"], GIT_FAULTS), 4),
)
def test_git_that_does_not_answer_is_could_not_verify_and_safe_to_run_again(
    office: Office, path: str, fault: dict[str, Any]
) -> None:
    number, event = asked(office)
    head = office.head(number)
    office.hub.faults.append(Fault("*", path, times=20, **fault))
    job = office.job(event)
    office.hub.faults.clear()
    assert (job.exit_code, office.head(number)) == (4, head), job.log
    assert office.job(event).succeeded
    check_final(office, number)


def test_git_that_hangs_is_given_up_and_safe_to_run_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number, event = asked(office)
    head = office.head(number)
    office.hub.faults.append(Fault("*", "info/refs", delay=30, drop=True, times=20))
    with monkeypatch.context() as patch:
        patch.setattr("promotebot.git.process.TIMEOUT_SECONDS", 1)
        job = office.job(event)
    office.hub.faults.clear()
    assert (job.exit_code, office.head(number)) == (4, head), job.log
    assert office.job(event).succeeded
    check_final(office, number)


@pytest.mark.parametrize("size", sampled(["64k", "4k", "16k", "32k"], 2))
def test_a_runner_whose_disk_is_full_promotes_nothing_or_all_of_it(office: Office, size: str) -> None:
    """Its temporary files are on a file system of this size, full at another step each time."""
    number, event = asked(office)
    runner = Runner.of(office.repository, office.scratch / "runner")
    disk = office.scratch / "disk"
    disk.mkdir()
    environment = {**runner.environment("issue_comment", event), "TMPDIR": str(disk)}
    command = [*NAMESPACE, str(disk), f"size={size}"]
    if subprocess.run(command, env=environment, capture_output=True, check=False).returncode:
        pytest.skip("mounting in a namespace of one's own is not allowed here")
    done = subprocess.run([*command, *BOT], env=environment, capture_output=True, text=True, check=False)
    ended = json.loads(done.stdout)
    assert ended["code"] == 4, ended
    assert "Traceback" not in ended["err"]
    assert office.job(event).succeeded
    check_final(office, number)


class Killed(BaseException):
    """The runner took the machine away."""


@pytest.mark.parametrize("step", sampled(range(REQUESTS), 2))
def test_a_job_that_dies_at_any_request_is_finished_by_running_it_again(
    office: Office, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    number, event = asked(office)
    made = iter(range(10**6))

    def dying(ask: Callable[..., Any]) -> Callable[..., Any]:
        def ask_or_die(self: Any, *arguments: Any, **options: Any) -> Any:
            if next(made) == step:
                raise Killed
            return ask(self, *arguments, **options)

        return ask_or_die

    with monkeypatch.context() as patch:
        for name in ("request", "graphql", "pages"):
            patch.setattr(Rest, name, dying(getattr(Rest, name)))
        with pytest.raises(Killed):
            office.job(event)
    assert office.job(event).succeeded
    check_final(office, number)


def test_a_job_that_dies_right_after_its_commit_sets_the_check_when_it_runs_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, event = asked(office)
    commit_on_branch = GitDataClient.commit_on_branch

    def dying(self: GitDataClient, *arguments: Any, **options: Any) -> None:
        commit_on_branch(self, *arguments, **options)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(GitDataClient, "commit_on_branch", dying)
        with pytest.raises(Killed):
            office.job(event)
    head = office.head(number)
    assert office.checks(head) == []
    assert office.job(event).outputs["reason_code"] == "already_done"
    assert office.head(number) == head
    check_final(office, number)


@pytest.mark.parametrize("days", [-2, 2])
def test_where_a_runners_clock_is_wrong_githubs_time_counts(office: Office, days: int) -> None:
    number, event = asked(office)
    office.now += timedelta(days=days)
    assert office.job(event).succeeded
    check_final(office, number)
    newest = office.registry(office.head(number)).history[ModelName("regime_classifier")][0]
    assert abs(to_datetime(newest.ts_utc) - office.hub.instant()) < timedelta(minutes=5)


def test_a_clock_that_jumps_back_promotes_nothing_out_of_order(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number, event = asked(office)
    office.now -= timedelta(days=2)
    with monkeypatch.context() as patch:
        patch.setattr(ServerTime, "heard", lambda *_: None)  # no answer says when it was made
        job = office.job(event)
    assert (job.exit_code, job.outputs["decision"], job.outputs["reason_code"]) == (0, "refused", "rules")
    assert "history.clock" in office.comment(number)
    assert office.job(event).succeeded
    check_final(office, number)


def many_models(office: Office, count: int) -> list[str]:
    """A split registry of models that may take any artifact, on main."""
    person = office.person("bob")
    names = [f"model_{number:02d}" for number in range(count)]
    path = person.clone / "ml/registry/models.json"
    document = json.loads(path.read_bytes())
    document["models"] |= {name: {"shadow": None, "staging": None, "active": None} for name in names}
    path.write_text(json.dumps(document, indent=2) + "\n")
    shutil.copytree(person.clone / "ml/artifacts/regime_v2", person.clone / "ml/artifacts/any")
    manifest = person.clone / "ml/artifacts/any/manifest.json"
    manifest.write_text(manifest.read_text().replace('"model":', '"made_for":'))
    assert person.promotebot("registry", "split").returncode == 0
    person.commit("chore: Many models")
    person.git("push", "--quiet", "origin", "HEAD:main")
    return names


@pytest.mark.parametrize("count", [4, pytest.param(20, marks=pytest.mark.exhaustive)])
def test_promotions_of_different_models_at_once_all_land(office: Office, count: int) -> None:
    names = many_models(office, count)
    numbers = [office.pull(name) for name in names]

    def ask(number: int, name: str) -> int:
        body = f"/promote shadow {name} --artifact-dir ml/artifacts/any"
        comment = office.repository.comment(number, author="alice", body=body)
        runner = Runner.of(office.repository, office.scratch / f"runner-{number}")
        return runner.run("issue_comment", office.repository.issue_comment_event(comment.id)).exit_code

    with ThreadPoolExecutor(max_workers=4) as pool:
        assert list(pool.map(ask, numbers, names)) == [0] * len(names)
    for number in numbers:
        office.repository.merge(number, by="bob")
    person = office.person("alice")
    done = person.promotebot("verify", "--base", f"HEAD~{count}")
    assert done.returncode == 0, done.stdout
    held = [path.name for path in (person.clone / MODELS).iterdir()]
    assert len(held) == len(names) + 1
    status = person.promotebot("status", "--format", "json").stdout
    assert status.count('"artifact_dir": "ml/artifacts/any"') == len(names)


def test_two_for_one_slot_one_lands_and_the_other_is_planned_on_it(office: Office) -> None:
    one, two = office.pull("one"), office.pull("two")
    assert office.ask(one, "/promote staging --artifact-dir ml/artifacts/regime_v1").succeeded
    assert office.ask(two, "/promote staging --artifact-dir ml/artifacts/regime_v2").succeeded
    office.repository.merge(one, by="bob")
    assert office.pushed(one).outputs["reason_code"] == "recomputed"
    office.repository.merge(two, by="bob")
    history = office.registry("main").history["regime_classifier"]
    assert [event.pointer.artifact_dir[-2:] for event in history[:2]] == ["v2", "v1"]
