"""What people read, situation by situation: each story runs the real product, step by step, in a scene of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from tests.artifact.weights import ASK, artifact, llama
from tests.demo.story import MODEL, REGISTRY, add_artifact
from tests.office import ROOT
from tests.screenshots.pairs import PAIRS
from tests.screenshots.scene import Scene, Situation

Story = Callable[[Scene], Iterator[Situation]]
POLICY = 'contacts: ["on-call: oncall@example.com"]\n'
VERIFY = ".github/workflows/verify.yml"


def promotion(scene: Scene) -> Iterator[Situation]:
    """The main job: a promotion to ACTIVE, asked for in a comment, merged and live."""
    number = scene.office.pull()
    yield scene.asks("card-dry-run", number, "/promote active --dry-run")
    yield scene.asks("card-ready", number, "/promote active")
    yield scene.asks("card-asked-twice", number, "/promote active")
    yield scene.report("report-green", number, "the gate's report on the promotion")
    scene.repository.review(number, by="bob")
    scene.office.merge(number)
    scene.office.pushed(number, PROMOTEBOT_COMMAND="announce")
    yield scene.wrote("card-merged", asked="bob merges")


def approvals(scene: Scene) -> Iterator[Situation]:
    """The policy asks for somebody else's approval."""
    office = scene.office
    office.policy("separation: {approvals: 1}\n")
    number = office.pull()
    yield scene.asks("card-waiting", number, "/promote active")
    scene.repository.review(number, by="bob")
    payload = scene.repository.workflow_run_event(
        ".github/workflows/review.yml", number, event="pull_request_review", sender="bob"
    )
    office.event("workflow_run", payload, by="bob", INPUT_COMMAND="gate")
    yield scene.wrote("card-approved", asked="bob approves")


def new_artifact(scene: Scene) -> Iterator[Situation]:
    """A pull request that brings an artifact, whose bytes somebody then changes."""
    alice = scene.person("alice")
    alice.start_branch("add-regime-v3")
    add_artifact(alice, ROOT, "regime_v2", name="regime_v3")
    alice.push()
    number = scene.repository.open_pull(author="alice", head="add-regime-v3", title="Add regime_v3").number
    yield scene.asks("card-shadow", number, "/promote shadow")
    alice.git("fetch", "--quiet", "origin", "add-regime-v3")
    alice.git("reset", "--quiet", "--hard", "FETCH_HEAD")
    model = alice.clone / "ml/artifacts/regime_v3/model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"\x00")
    alice.commit("fix: Retrain")
    alice.push()
    scene.office.gate(number)
    yield scene.wrote("card-blocked", asked="alice pushes a commit that changes the bytes")
    yield scene.report("report-red", number, "the gate's report on the changed bytes")
    yield scene.asks("answer-why", number, "/why")


def night(scene: Scene) -> Iterator[Situation]:
    """The promotion was a mistake: back, and then nothing at all."""
    office = scene.office
    number = office.pull("promotion")
    office.ask(number, "/promote active --artifact-id regime_v2_prod")
    office.merge(number)
    scene.pass_days(0.6)
    number = office.pull("incident")
    yield scene.asks("refused-no-reason", number, f"/rollback {MODEL}")
    yield scene.asks("card-rollback", number, f'/rollback {MODEL} --reason "incident 42: wrong regime"')
    yield scene.asks("card-withdrawn", number, "/withdraw")
    yield scene.asks("card-demote-active", number, f'/demote {MODEL} active --reason "incident 42: no model at all"')


def two_promotions(scene: Scene) -> Iterator[Situation]:
    """Two commands in one comment, and a base that moves meanwhile."""
    office = scene.office
    first, second = office.pull("first"), office.pull("second")
    yield scene.asks("card-two-commands", second, "/promote staging --artifact-id regime_v2_staging\n/promote active")
    office.ask(first, f'/demote {MODEL} shadow --reason "the canary is over"')
    scene.repository.merge(first, by="bob")
    scene.forget()
    office.pushed(first)
    yield scene.wrote("card-new-base", asked="bob merges another promotion of this model")


def refusals(scene: Scene) -> Iterator[Situation]:
    """Requests that are not carried out."""
    office = scene.office
    number = office.pull()
    yield scene.asks("refused-permission", number, "/promote active", by="carol")
    yield scene.asks("refused-reader", number, "/promote active", by="mallory")
    yield scene.asks("refused-unknown-model", number, "/promote active regime_clasifier")
    yield scene.asks("refused-path", number, "/promote shadow --artifact-dir ml/artifacts/../../etc")
    yield scene.asks("refused-unknown-flag", number, "/promote active --artefact-dir ml/artifacts/regime_v2")
    yield scene.asks("refused-unquoted-reason", number, f"/rollback {MODEL} --reason the canary is over")
    yield scene.asks("refused-misspelt", number, "/promot active")
    yield scene.asks("refused-nothing-before", number, f'/rollback {MODEL} --reason "incident 42"')
    office.policy("freezes: [{start: 2027-01-11T18:00, end: 2027-01-18T08:00, reason: year-end close}]\n")
    yield scene.asks("refused-freeze", office.pull("frozen"), "/promote active")


def tampered(scene: Scene) -> Iterator[Situation]:
    """The bytes are not those that the manifest names."""
    alice = scene.person("alice")
    alice.start_branch("add-regime-v3")
    add_artifact(alice, ROOT, "regime_v2", name="regime_v3", tampered=True)
    alice.push()
    number = scene.repository.open_pull(author="alice", head="add-regime-v3", title="Add regime_v3").number
    yield scene.asks("refused-bytes", number, "/promote shadow")


def other_formats(scene: Scene) -> Iterator[Situation]:
    """A model that ONNX Runtime does not open: refused, until the base's policy lets it go on unopened."""
    number = scene.office.pull("add-llm", artifact("model.gguf", llama()))
    yield scene.asks("refused-format", number, ASK)
    scene.office.policy("formats: [onnx, opaque]\n")
    yield scene.asks("card-unopened", number, ASK)


def soak(scene: Scene) -> Iterator[Situation]:
    """The policy asks for more time in the lower stage."""
    scene.office.policy("stages: {shadow: {soak: {minimum: 14d, required: true}}}\n")
    yield scene.asks("refused-soak", scene.office.pull(), "/promote active")


def questions(scene: Scene) -> Iterator[Situation]:
    """Questions, on a pull request that promotes nothing yet."""
    scene.office.policy(POLICY)
    number = scene.office.pull()
    yield scene.asks("answer-help", number, "/help")
    yield scene.asks("answer-status", number, "/status")
    yield scene.asks("answer-verify", number, "/verify")
    yield scene.asks("answer-doctor", number, "/doctor", by="bob")


def stop(scene: Scene) -> Iterator[Situation]:
    """Somebody wants nothing to be merged, and lets it go on later."""
    number = scene.office.pull()
    scene.office.ask(number, "/promote active")
    yield scene.asks("card-hold", number, "/hold the dashboards look odd", by="carol")
    yield scene.asks("card-unhold", number, "/unhold", by="bob")
    yield scene.asks("answer-stop", number, "/stop", by="carol")


def plain_issue(scene: Scene) -> Iterator[Situation]:
    """An incident is written up in a plain issue, where no branch stands behind the conversation."""
    office = scene.office
    scene.repository.actions_may_open_pulls = True
    number = office.pull("promotion")
    office.ask(number, "/promote active --artifact-id regime_v2_prod")
    office.merge(number)
    scene.pass_days(0.6)
    number = scene.repository.open_issue(author="alice", title="Wrong regimes since this morning").number
    yield scene.asks("answer-issue-status", number, "/status")
    yield scene.asks("answer-issue-promote", number, "/promote active")
    yield scene.asks("answer-issue-rollback", number, f'/rollback {MODEL} --reason "incident 42"', by="bob")


def schedule(scene: Scene) -> Iterator[Situation]:
    """The bytes of what is ACTIVE change on main; the schedule notices, and notices that it healed."""
    office = scene.office
    office.policy(POLICY)

    def watch() -> Situation:
        payload = scene.repository.schedule_event(VERIFY, "17 3 * * *")
        job = office.event("schedule", payload, PROMOTEBOT_COMMAND="verify")
        return scene.summary("summary-verify", job, "the schedule runs")

    watch()
    bob = scene.person("bob")
    bob.write("ml/artifacts/regime_v1/model.onnx", b"junk")
    bob.commit("chore: Tidy up")
    bob.git("push", "--quiet", "origin", "HEAD:main")
    watch()
    yield scene.wrote("issue-schedule", "issue", "the schedule runs")
    bob.git("revert", "--no-edit", "HEAD")
    bob.git("push", "--quiet", "origin", "HEAD:main")
    yield watch()
    yield scene.wrote("issue-healed", "issue", "the schedule runs again")


def by_hand(scene: Scene) -> Iterator[Situation]:
    """The workflow is started by hand, at night, from a phone."""
    office = scene.office
    scene.repository.actions_may_open_pulls = True
    number = office.pull("promotion")
    job = office.ask(number, "/promote active --artifact-id regime_v2_prod")
    yield scene.summary("summary-promoted", job, "the step summary of the comment's job")
    office.merge(number)
    scene.pass_days(0.6)
    job = office.dispatch(f"/rollback {MODEL}")
    yield scene.summary("summary-refused", job, f"bob starts the workflow with: /rollback {MODEL}")
    command = f'/rollback {MODEL} --reason "incident 42"'
    job = office.dispatch(command)
    yield scene.summary("summary-rollback", job, f"bob starts the workflow with: {command}")
    yield scene.wrote("card-by-hand", asked=f"bob starts the workflow with: {command}")


def hand_edit(scene: Scene) -> Iterator[Situation]:
    """Somebody edits the registry by hand."""
    registry = scene.office.registry("main").to_bytes().decode()
    edited = registry.replace('"artifact_id": "regime_v1_prod"', '"artifact_id": "regime_v9_prod"', 1)
    number = scene.office.pull("hand-edit", {REGISTRY: edited})
    scene.office.gate(number, "opened")
    yield scene.report("report-hand-edit", number, "alice edits the registry by hand")


def terminal(scene: Scene) -> Iterator[Situation]:
    """The same at a terminal."""
    alice = scene.person("alice")
    stage = ("--model", MODEL, "--stage", "active", "--artifact-dir", "ml/artifacts/regime_v2")
    yield scene.terminal("terminal-dry-run", alice, "promote", *stage, "--artifact-id", "regime_v2_prod", "--dry-run")
    yield scene.terminal("terminal-history", alice, "history", "--model", MODEL)
    yield scene.terminal("terminal-verify", alice, "verify")
    alice.write("ml/artifacts/regime_v1/model.onnx", b"junk")
    yield scene.terminal("terminal-verify-failed", alice, "verify")
    yield scene.terminal("terminal-refused", alice, "rollback", "--model", MODEL)


STORIES: Mapping[str, Story] = {
    story.__name__: story
    for story in (
        promotion,
        approvals,
        new_artifact,
        night,
        two_promotions,
        refusals,
        tampered,
        other_formats,
        soak,
        questions,
        stop,
        plain_issue,
        schedule,
        by_hand,
        hand_edit,
        terminal,
        *PAIRS,
    )
}
