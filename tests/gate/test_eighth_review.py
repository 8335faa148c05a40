"""What was built last, attacked: the merge queue, patterns of models, hostile data, rejections, and tokens."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from promotebot.action import merge_group
from promotebot.cli.main import main
from promotebot.gate.status import publish_verdict
from tests.action.test_evaluation import files, prepared
from tests.action.test_hold import judge_group, queued
from tests.artifact.evaluation_sets import npy, with_header
from tests.fake_github.faults import Fault
from tests.fake_github.refusals import HttpError
from tests.fake_github.scenario import Repository
from tests.gate.attacks import copy
from tests.gate.test_required import labelled, ran
from tests.office import Office

V1, V2 = "ml/artifacts/regime_v1", "ml/artifacts/regime_v2"

pytestmark = pytest.mark.thorough

REVIEW = ".github/workflows/review.yml"
ASKS = "separation: {approvals: 1}\nstages: {active: {labels: [risk-approved], checks: [unit-tests]}}\n"


def reviewed(office: Office, number: int, state: str = "APPROVED") -> None:
    office.repository.review(number, by="bob", state=state)
    payload = office.repository.workflow_run_event(REVIEW, number, event="pull_request_review", sender="bob")
    office.event("workflow_run", payload, by="bob", INPUT_COMMAND="gate")


@pytest.fixture
def ready(office: Office) -> int:
    """A promotion by alice that has the label, the check and the approval that the policy asks for."""
    office.policy(ASKS)
    number = office.pull()
    assert office.ask(number, "/promote active").succeeded
    labelled(office, number, "risk-approved")
    ran(office, number, "unit-tests")
    reviewed(office, number)
    assert office.checks(office.head(number))[-1] == "success", office.comments(number)
    return number


LOSSES: dict[str, Callable[[Office, int], object]] = {
    "the label is taken off": lambda office, number: labelled(office, number, "risk-approved", action="unlabeled"),
    "the check fails": lambda office, number: ran(office, number, "unit-tests", "failure"),
    "the check runs again": lambda office, number: ran(office, number, "unit-tests", None),
    "the approval is dismissed": lambda office, number: reviewed(office, number, "DISMISSED"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_what_a_queued_promotion_loses_takes_it_out_of_the_queue(office: Office, ready: int, loss: str) -> None:
    behind = office.pull("behind")
    office.gate(behind, "opened")
    groups = queued(office, ready, behind)
    assert [judge_group(office, ready), judge_group(office, behind)] == ["passed", "passed"]
    LOSSES[loss](office, ready)
    assert office.checks(office.head(ready))[-1] == "pending"
    assert [office.checks(group.head_sha)[-1] for group in groups] == ["failure", "failure"]
    with pytest.raises(HttpError):
        office.repository.merge_queue.land(ready)


def test_what_cannot_be_judged_while_it_is_queued_is_taken_out_of_the_queue(office: Office, ready: int) -> None:
    [group] = queued(office, ready)
    assert judge_group(office, ready) == "passed"
    office.hub.faults.append(Fault("GET", f"/issues/{ready}/labels", 500, times=9))
    assert office.gate(ready).exit_code == 4
    assert [office.checks(sha)[-1] for sha in (office.head(ready), group.head_sha)] == ["failure", "failure"]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_group_does_not_stay_green_where_the_label_went_while_it_was_judged(
    office: Office, ready: int, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    [group] = queued(office, ready)

    def slow(*arguments: Any) -> None:
        publish_verdict(*arguments)
        office.repository.remove_label(ready, "risk-approved", by="bob")
        office.hub.pass_time(10)
        if not is_known:
            office.hub.faults.append(Fault("GET", f"/issues/{ready}/labels", 500, times=9))

    monkeypatch.setattr(merge_group, "publish_verdict", slow)
    job = office.event("merge_group", office.repository.merge_group_event(ready), by="bob")
    assert job.exit_code == (1 if is_known else 4), job.log
    assert office.checks(group.head_sha) == ["success", "failure"]


# Rejections


def with_other_model(office: Office, policy: str) -> None:
    """The base has a model of its own for which mallory, who may only read, is named."""
    office.policy(policy)
    alice = office.person("alice")
    alice.start_branch("other")
    copy(alice, V1, "ml/artifacts/other", model="other_one")
    alice.commit("feat: Another model")
    alice.push()
    number = office.repository.open_pull(author="alice", head="other", title="Other").number
    job = office.ask(number, "/promote shadow other_one --artifact-dir ml/artifacts/other", author="bob")
    assert job.outputs["reason_code"] == "committed", office.comments(number)
    office.merge(number)


NAMED = "models: {'other_*': {stages: {shadow: {people: [mallory]}}}}\n"


def test_whoever_is_named_for_one_model_withdraws_no_promotion_of_another_by_rejecting_it(office: Office) -> None:
    with_other_model(office, NAMED)
    number = office.pull()
    assert office.ask(number, "/promote active regime_classifier").outputs["reason_code"] == "committed"
    before = office.head(number)
    assert office.ask(number, "/withdraw regime_classifier", author="mallory").outputs["reason_code"] == "permission"
    office.repository.actions_may_open_pulls = True
    job = office.ask(number, f'/reject other_one --artifact {V2} --reason "mine now"', author="mallory")
    assert job.outputs["decision"] == "proposed", office.answer(number)
    assert "It has the artifact for regime_classifier, whose artifacts you may not reject." in office.answer(number)
    assert office.head(number) == before
    assert office.checks(before)[-1] == "success"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("sha256:DIGEST", "Artifact directory not found"),
        ("SHA256:DIGEST", "Artifact directory not found"),
        ("DIGEST", "Artifact directory not found"),
        ("SHORT", "Artifact directory not found"),
        ("ML/artifacts/regime_v2", "Artifact directory not found"),
        ("ml/artifacts/regime_v2/", "Path is not normalised"),
        ("ml/artifacts/../artifacts/regime_v2", "Path traversal not allowed"),
        ("/ml/artifacts/regime_v2", "absolute"),
    ],
)
def test_a_rejection_names_a_directory_and_nothing_else(office: Office, given: str, said: str) -> None:
    number, registry = office.pull(), office.registry("main")
    pointer = registry.get_stage_pointer("regime_classifier", "shadow")
    digest = str(pointer.digest if pointer else "").removeprefix("sha256:")
    given = given.replace("DIGEST", digest.upper() if given.isupper() else digest).replace("SHORT", digest[:12])
    job = office.ask(number, f"/reject regime_classifier --artifact {given} --reason x")
    assert (job.outputs["decision"], len(office.repository.pulls)) == ("refused", 1)
    assert said in office.answer(number)


@pytest.mark.parametrize("target", ["regime_v2", "../../../../etc", "regime_v1/model.onnx"])
def test_a_directory_that_is_a_link_is_not_rejected_for_what_it_leads_to(office: Office, target: str) -> None:
    alice = office.person("alice")
    alice.start_branch("linked")
    (alice.clone / "ml/artifacts/link").symlink_to(target)
    alice.commit("chore: Link")
    alice.push()
    number = office.repository.open_pull(author="alice", head="linked", title="Linked").number
    job = office.ask(number, "/reject regime_classifier --artifact ml/artifacts/link --reason x")
    assert job.outputs["decision"] == "refused"
    assert len(office.repository.pulls) == 1


@pytest.mark.parametrize(
    "digest", ["sha256:ABC", "SHA256:" + "0" * 64, "sha256:" + "A" * 64, "0" * 64, "sha256:" + "0" * 12]
)
def test_a_digest_in_another_form_is_no_entry_that_silently_catches_nothing(office: Office, digest: str) -> None:
    office.policy(f"quarantine:\n  - {{digest: '{digest}', reason: x}}\n")
    number = office.pull()
    job = office.ask(number, "/promote active")
    assert job.outputs["decision"] == "refused"


def test_what_is_queued_behind_its_own_quarantine_is_not_merged(office: Office) -> None:
    promotes = office.pull("promotes")
    assert office.ask(promotes, "/promote active").outputs["reason_code"] == "committed"
    digest = office.registry("main").get_stage_pointer("regime_classifier", "shadow")
    entry = f"quarantine: [{{digest: '{digest.digest if digest else ''}', reason: wrong labels}}]\n"
    rejects = office.pull("rejects", {".github/promotion.yml": entry})
    office.gate(rejects, "opened")
    first, behind = queued(office, rejects, promotes)
    assert [judge_group(office, rejects), judge_group(office, promotes)] == ["passed", "refused"]
    assert [office.checks(group.head_sha)[-1] for group in (first, behind)] == ["success", "failure"]


# Hostile data in the pull request itself


HOSTILE = {
    "pickles": npy(np.array([{"a": 1}] * 50, dtype=object)),
    "a header that lies": with_header(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }"
    ),
    "no header": b"\x93NUMPY",
    "nothing": b"",
    "not finite": npy(np.full((50, 15), np.nan, "float32")),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_a_pull_request_puts_into_the_evaluation_set_is_neither_read_nor_in_the_way(
    office: Office, kind: str
) -> None:
    prepared(office, "accuracy: {minimum: 0}")
    theirs = files(office.scratch, first=1, others={"input.npy": HOSTILE[kind]})
    number = office.pull(files={path: data for path, data in theirs.items() if data is not None})
    assert office.ask(number, "/promote active").outputs["reason_code"] == "committed", office.comments(number)
    assert "the first 40 of 50 rows" in office.comment(number)
    assert office.gate(number).outputs["decision"] == "passed"


# Secrets

FAULTS = ("", "/pulls/1$", "/statuses", "/permission$", "/git/commits", "git-receive-pack", "git-upload-pack")
LINES = (
    "/reject regime_classifier --reason x",
    f"/reject regime_classifier --artifact {V2} --reason x",
    "/promote staging --share 9%",
    "/promote active",
    "/check 4 7",
    "/why",
)


@pytest.mark.parametrize("path", FAULTS)
def test_nothing_that_a_job_writes_anywhere_shows_its_token(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    tokens, issue = list[str](), Repository.issue_actions_token

    def issued(self: Repository, permissions: Any) -> str:
        tokens.append(issue(self, permissions))
        return tokens[-1]

    monkeypatch.setattr(Repository, "issue_actions_token", issued)
    caplog.set_level(logging.DEBUG)
    number, shown = office.pull(), list[object]()
    for line in LINES:
        if path:
            office.hub.faults = [Fault("*", path, 500, times=2)]
        shown.append(office.ask(number, line, author="bob"))
    repository = office.repository
    shown += [repository.comments, repository.statuses, repository.check_runs, repository.pulls, repository.issues]
    everything = f"{shown} {caplog.text}"
    assert tokens
    for token in tokens:
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        assert token not in everything
        assert basic not in everything


TYPED = (
    ("reject", "regime_classifier", "--artifact", V2, "--reason", "x", "--branch", "q", "--pr"),
    ("reject", "regime_classifier", "--artifact", "ml/artifacts/none", "--reason", "x"),
    ("demote", "--model", "regime_classifier", "--stage", "shadow", "--reason", "x", "--branch", "d", "--pr"),
    ("evidence", V2, "--metric", "accuracy=VALUE"),
    ("policy", "explain", "--as", "alice"),
    ("registry", "describe", "--model", "regime_classifier", "--link", "docs=nowhere"),
    ("check", V2),
    ("status",),
    ("deployed",),
    ("doctor",),
)


@pytest.mark.parametrize("where", ["", "/nowhere", ":1/"])
@pytest.mark.parametrize("typed", TYPED, ids=lambda typed: typed[0])
def test_nothing_that_a_terminal_prints_shows_the_token(
    office: Office,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    typed: tuple[str, ...],
    where: str,
) -> None:
    """The token is in the environment, and in the remote's address, as some people have it."""
    alice = office.person("alice")
    monkeypatch.chdir(alice.clone)
    secret = "ghp_" + "5ecret" * 6
    server = office.hub.server_url.replace("://", f"://alice:{secret}@")
    places = {"": f"{server}/acme/models.git", "/nowhere": f"{server}/nowhere.git"}
    alice.git("remote", "set-url", "origin", places.get(where, f"http://alice:{secret}@127.0.0.1:1/acme/models.git"))
    git = {name: value for name, value in alice.environment.items() if name.startswith("GIT_")}
    hosts = {"GITHUB_API_URL": office.hub.api_url, "GITHUB_SERVER_URL": office.hub.server_url, "NO_PROXY": "*"}
    for name, value in {**git, **hosts, "GITHUB_TOKEN": secret, "ML_PROMOTION_ACTOR": "alice@example.com"}.items():
        monkeypatch.setenv(name, value)
    for more in ((), ("--format", "json")):
        main([*typed, *more])
        shown = capfd.readouterr()
        assert shown.out + shown.err
        assert secret not in shown.out + shown.err
