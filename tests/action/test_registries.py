"""Two registries in one repository, each with jobs of its own: one comment, one answer; each gate judges its own."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from promotebot.registry import ModelRegistry
from promotebot.registry.model import Action
from tests.demo.story import REGISTRY
from tests.fake_github.people import Job
from tests.office import BOT, ROOT, Office

pytestmark = pytest.mark.thorough

FOLDER = "teams/fraud"
FRAUD = f"{FOLDER}/{REGISTRY}"
GATE = f"{FOLDER}: promotebot/gate"
MODEL = "regime_classifier"
EMPTY = json.dumps({"schema_version": "v1", "generated_at_utc": "2026-01-01T00:00:00Z", "models": {}}, indent=2) + "\n"


def artifact(folder: str, name: str, model: str = MODEL) -> dict[str, str | bytes]:
    """The sample's second model as an artifact somewhere else, which its manifest calls by a model's name."""
    source = ROOT / "ml/artifacts/regime_v2"
    files = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    manifest = {**json.loads(files[source / "manifest.json"]), "model": model}
    files[source / "manifest.json"] = json.dumps(manifest, indent=2).encode()
    return {f"{folder}/ml/artifacts/{name}/{path.relative_to(source)}": data for path, data in files.items()}


@dataclass
class Two:
    """The repository's root registry, which has regime_classifier, and that of a team."""

    office: Office

    def as_fraud(self, run: str, *arguments: object, **options: object) -> Job:
        """The job of the team's workflow for what would otherwise start the root's."""
        job = self.office.job
        environment = {"PROMOTEBOT_BASE_DIR": FOLDER, "PROMOTEBOT_PREFIX": "/fraud"}

        def scoped(payload: dict[str, object], event_name: str = "issue_comment", **more: str) -> Job:
            return job(payload, event_name, **{**environment, **more})

        self.office.job = scoped  # type: ignore[method-assign]
        try:
            done: Job = getattr(self.office, run)(*arguments, **options)
        finally:
            self.office.job = job  # type: ignore[method-assign]
        return done

    def pull(self, branch: str, files: dict[str, str | bytes]) -> int:
        """A pull request by alice from main as it is now."""
        person = self.office.person("alice")
        person.start_branch(branch)
        for path, data in files.items():
            person.write(path, data)
        person.commit(f"feat: {branch}")
        person.push()
        return self.office.repository.open_pull(author="alice", head=branch, title=branch).number

    def comment(self, number: int, body: str, *, author: str = "alice") -> tuple[Job, Job]:
        """One comment, as both workflows hear it: the jobs of the root and of the team."""
        comment = self.office.repository.comment(number, author=author, body=body)
        payload = self.office.repository.issue_comment_event(comment.id)
        environment = {"PROMOTEBOT_BASE_DIR": FOLDER, "PROMOTEBOT_PREFIX": "/fraud"}
        return self.office.job(payload), self.office.job(payload, GITHUB_RUN_ID="2", **environment)

    def gates(self, number: int) -> dict[str, str]:
        """Context → state of both gates on a pull request's head, judged now."""
        self.office.gate(number)
        self.as_fraud("gate", number)
        return self.states(number)

    def states(self, number: int) -> dict[str, str]:
        head = self.office.head(number)
        found = [s for s in self.office.repository.statuses if s.sha == head and s.context.endswith("promotebot/gate")]
        return {status.context: status.state for status in found}

    def registry(self, revision: str) -> ModelRegistry:
        return ModelRegistry.parse(self.office.repository.git.run_bytes("cat-file", "blob", f"{revision}:{FRAUD}"))


@pytest.fixture
def two(office: Office) -> Two:
    office.push("bob", "main", {FRAUD: EMPTY}, "chore: The team's registry")
    return Two(office)


def test_one_comment_has_one_answer_and_changes_one_registry(two: Two) -> None:
    number = two.pull("one", artifact(FOLDER, "v1"))
    before = two.office.head(number)
    root, fraud = two.comment(number, "/fraud promote shadow")
    assert (root.outputs["decision"], fraud.outputs["decision"]) == ("ignored", "promoted"), fraud.log
    head = two.office.head(number)
    event = two.registry(head).history[MODEL][0]
    assert (event.action, event.pointer.artifact_dir) == (Action.PROMOTE, f"{FOLDER}/ml/artifacts/v1")
    assert two.office.repository.git.run("diff", "--name-only", before, head).split() == [FRAUD]
    (card,) = two.office.comments(number)
    assert card.startswith(f"<!-- {FOLDER}: promotebot:{MODEL} -->")
    assert GATE in card.replace("\\", "")
    assert "/fraud " in card.replace("\\", ""), card
    assert two.states(number) == {GATE: "success"}
    assert two.gates(number) == {GATE: "success", "promotebot/gate": "success"}


def test_a_command_without_the_word_is_for_the_root_which_takes_nothing_of_the_teams(two: Two) -> None:
    number = two.pull("one", artifact(FOLDER, "v1"))
    before = two.office.head(number)
    root, fraud = two.comment(number, "/promote shadow")
    assert fraud.outputs["decision"] == "ignored"
    assert root.outputs["decision"] != "promoted", "the artifact is the team's"
    assert two.office.head(number) == before
    assert len(two.office.comments(number)) == 1


def test_a_hand_edit_turns_the_gate_of_its_own_registry_red_and_no_other(two: Two) -> None:
    edited = json.loads(two.office.repository.git.run_bytes("cat-file", "blob", f"main:{REGISTRY}"))
    edited["models"][MODEL]["active"]["artifact_id"] = "forged"
    number = two.pull("root", {REGISTRY: json.dumps(edited, indent=2) + "\n"})
    assert two.gates(number) == {GATE: "success", "promotebot/gate": "failure"}
    forged = {**json.loads(EMPTY), "models": {MODEL: edited["models"][MODEL]}}
    number = two.pull("fraud", {FRAUD: json.dumps(forged, indent=2) + "\n"})
    assert two.gates(number) == {GATE: "failure", "promotebot/gate": "success"}


def test_what_one_bot_decided_is_decided_for_no_other_registry(two: Two) -> None:
    """The very event that alice asked for in the team's registry, pushed into the root's by somebody else."""
    number = two.pull("one", artifact(FOLDER, "v1", model="other"))
    _, job = two.comment(number, "/fraud promote shadow")
    assert job.outputs["decision"] == "promoted", two.office.comments(number)
    branch = "one"
    team = json.loads(two.office.repository.git.run_bytes("cat-file", "blob", f"{branch}:{FRAUD}"))
    root = json.loads(two.office.repository.git.run_bytes("cat-file", "blob", f"{branch}:{REGISTRY}"))
    root["models"]["other"] = team["models"]["other"]
    carol = two.office.person("carol")
    carol.start_branch("mine", base=branch)
    carol.write(REGISTRY, json.dumps(root, indent=2, ensure_ascii=False) + "\n")
    carol.commit("chore: Take it over")
    carol.git("push", "--quiet", "origin", f"HEAD:{branch}")
    two.office.repository.refresh(two.office.hub.user("carol"))
    assert two.gates(number) == {GATE: "success", "promotebot/gate": "failure"}
    assert "promotebot did not decide it" in two.office.gate(number).summary


def test_the_same_model_in_both_registries_has_two_cards(two: Two) -> None:
    number = two.pull("one", artifact(FOLDER, "v1"))
    assert two.comment(number, "/fraud promote shadow")[1].outputs["decision"] == "promoted"
    root, fraud = two.comment(number, f"/promote staging {MODEL}")
    assert (root.outputs["decision"], fraud.outputs["decision"]) == ("promoted", "ignored"), two.office.comments(number)
    marks = {body.splitlines()[0] for body in two.office.comments(number)}
    assert marks == {f"<!-- promotebot:{MODEL} -->", f"<!-- {FOLDER}: promotebot:{MODEL} -->"}
    assert two.gates(number) == {GATE: "success", "promotebot/gate": "success"}


def test_a_head_that_another_bot_moved_is_judged_when_its_workflow_has_ended(two: Two) -> None:
    number = two.pull("one", artifact(FOLDER, "v1"))
    two.gates(number)
    two.comment(number, f"/promote staging {MODEL}")
    assert two.states(number) == {"promotebot/gate": "success"}, "nothing says yet that the team's gate passes"
    run = {"event": "issue_comment", "head_branch": "main", "head_sha": two.office.repository.git.branch("main")}
    payload = {"action": "completed", "workflow_run": {**run, "pull_requests": []}}
    job = two.as_fraud("event", "workflow_run", payload, PROMOTEBOT_COMMAND="gate")
    assert job.exit_code == 0, job.log
    assert two.states(number) == {GATE: "success", "promotebot/gate": "success"}


def test_labels_have_the_word_of_their_registry(two: Two) -> None:
    number = two.pull("one", artifact(FOLDER, "v1"))
    two.office.repository.add_label(number, "fraud:promote:shadow", by="alice")
    payload = two.office.repository.pull_request_event(
        number, action="labeled", sender="alice", label="fraud:promote:shadow"
    )
    assert two.office.event("pull_request_target", payload).outputs["decision"] == "ignored"
    job = two.as_fraud("event", "pull_request_target", payload)
    assert job.outputs["decision"] == "promoted", job.log
    job = two.as_fraud("label", number, "promote:staging")
    assert job.outputs["decision"] == "ignored"


def test_after_the_merge_each_registry_has_its_own_deployment_and_record(two: Two) -> None:
    number = two.pull("one", artifact(FOLDER, "v1"))
    two.comment(number, "/fraud promote shadow")
    two.gates(number)
    two.office.repository.merge(number, by="bob")
    payload = two.office.repository.merged_push_event(number)
    assert two.office.event("push", payload, by="bob", PROMOTEBOT_COMMAND="announce").exit_code == 0
    assert two.office.repository.deployments == {}
    job = two.as_fraud("event", "push", payload, by="bob", PROMOTEBOT_COMMAND="announce")
    assert job.exit_code == 0, job.log
    assert [one.environment for one in two.office.repository.deployments.values()] == [f"{FOLDER}: {MODEL}/shadow"]
    job = two.as_fraud("event", "push", payload, by="bob", PROMOTEBOT_COMMAND="verify")
    assert (job.exit_code, "1 model" in job.summary or MODEL in job.summary) == (0, True)


def test_the_issue_of_a_registry_that_does_not_verify_names_its_folder(two: Two) -> None:
    gone = {"artifact_dir": f"{FOLDER}/ml/artifacts/gone", "artifact_id": "gone"}
    broken = {**json.loads(EMPTY), "models": {"m": {"shadow": None, "staging": None, "active": gone, "history": []}}}
    two.office.push("bob", "main", {FRAUD: json.dumps(broken, indent=2) + "\n"}, "chore: Damage")
    schedule = two.office.repository.schedule_event(".github/workflows/verify.yml", "23 4 * * *")
    job = two.as_fraud("event", "schedule", schedule, PROMOTEBOT_COMMAND="verify")
    assert job.exit_code == 1
    assert two.office.event("schedule", schedule, PROMOTEBOT_COMMAND="verify").exit_code == 0
    (issue,) = two.office.repository.issues.values()
    assert issue.title.startswith(f"{FOLDER}: ")
    assert issue.user.login == BOT


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"PROMOTEBOT_BASE_DIR": "../x", "PROMOTEBOT_PREFIX": "/x"}, "PROMOTEBOT_BASE_DIR is not a folder"),
        ({"PROMOTEBOT_BASE_DIR": "a/.github", "PROMOTEBOT_PREFIX": "/x"}, "PROMOTEBOT_BASE_DIR is not a folder"),
        ({"PROMOTEBOT_BASE_DIR": "a: b", "PROMOTEBOT_PREFIX": "/x"}, "PROMOTEBOT_BASE_DIR is not a folder"),
        ({"PROMOTEBOT_BASE_DIR": "a\n", "PROMOTEBOT_PREFIX": "/x"}, "PROMOTEBOT_BASE_DIR is not a folder"),
        ({"PROMOTEBOT_BASE_DIR": "a" * 61, "PROMOTEBOT_PREFIX": "/x"}, "PROMOTEBOT_BASE_DIR is not a folder"),
        (
            {"PROMOTEBOT_BASE_DIR": "promotebot/hold/1/x", "PROMOTEBOT_PREFIX": "/x"},
            "PROMOTEBOT_BASE_DIR is not a folder",
        ),
        ({"PROMOTEBOT_BASE_DIR": "Promotebot", "PROMOTEBOT_PREFIX": "/x"}, "PROMOTEBOT_BASE_DIR is not a folder"),
        ({"PROMOTEBOT_BASE_DIR": FOLDER}, "two registries would answer one comment"),
    ],
)
def test_a_job_that_could_be_taken_for_anothers_does_not_start(
    two: Two, environment: dict[str, str], says: str
) -> None:
    number = two.office.pull()
    comment = two.office.repository.comment(number, author="alice", body="/promote active")
    job = two.office.job(two.office.repository.issue_comment_event(comment.id), **environment)
    assert (job.exit_code, says in job.log) == (2, True), job.log


def test_the_doctor_of_a_registry_asks_for_its_own_status_files_and_labels(two: Two) -> None:
    environment = {"PROMOTEBOT_BASE_DIR": FOLDER, "PROMOTEBOT_PREFIX": "/fraud", "PROMOTEBOT_COMMAND": "doctor"}
    schedule = two.office.repository.schedule_event(".github/workflows/verify-fraud.yml", "23 4 * * *")
    summary = two.office.event("schedule", schedule, **environment).summary.replace("\\", "").replace("&#58;", ":")
    assert f"{GATE}` is not required" in summary
    assert "fraud:promote:shadow" in summary
    assert "promote-fraud.yml" in summary


def test_a_hold_stops_the_whole_pull_request_and_is_lifted_where_it_was_made(two: Two) -> None:
    number = two.pull("one", artifact(FOLDER, "v1"))
    two.comment(number, "/fraud promote shadow")
    assert two.comment(number, "/fraud hold it drifts")[1].outputs["decision"] == "held"
    assert two.gates(number) == {GATE: "failure", "promotebot/gate": "failure"}
    two.comment(number, "/unhold")
    assert two.gates(number)[GATE] == "failure", "the root's bot does not lift what the team's recorded"
    assert two.comment(number, "/fraud unhold")[1].outputs["decision"] == "lifted"
    assert two.gates(number) == {GATE: "success", "promotebot/gate": "success"}
