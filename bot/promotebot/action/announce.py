"""Announcements: a deployment for each stage of a model that a branch's new events changed, and the event for a CD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from promotebot.findings import Severity
from promotebot.gate.approvals import approvers_of
from promotebot.gate.origin import Origin
from promotebot.promotion.checklist import told_ticks
from promotebot.promotion.receipt import receipt_of
from promotebot.pulls.context import JobContext
from promotebot.registry.model import Action
from promotebot.registry.names import Digest, GitSha, Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.verification.report import VerifyReport

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import PullRequest

TASK = "promotebot"
FINAL = frozenset({"success", "failure", "in_progress"})
"""States of a deployment that is announced; `error` says that it could not be verified, and is tried again."""
ANNOUNCED = frozenset({"success", "in_progress"})
"""States of a deployment whose event was sent; `in_progress` waits for a service to report that it has the model."""
_EVENTS = {
    Action.PROMOTE: "promoted",
    Action.ROLLBACK: "rolled_back",
    Action.DEMOTE: "demoted",
    Action.IMPORTED: "imported",
}
_SENT = ("schema_version", "model", "stage", "action", "sha", "artifact_dir", "artifact_id", "digest", "pull", "actor")
"""At most ten: https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event"""


@dataclass(frozen=True)
class Change:
    """What a branch holds now, and the events that it got since its last announced state, oldest first by model."""

    commit: GitSha
    before: ModelRegistry | None
    """The registry of the last announced state; None where there was none."""
    after: ModelRegistry
    origins: tuple[Origin, ...]
    _approvers: dict[int, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)
    """Number of a pull request → who had approved it, as far as GitHub was asked."""

    @property
    def newest(self) -> list[Origin]:
        """The newest event of each model and stage: the only one that says what the stage holds now."""
        return list({(origin.step.model, origin.step.event.stage): origin for origin in self.origins}.values())

    @property
    def against_gate(self) -> list[Origin]:
        """The events that the gate did not let through."""
        return [origin for origin in self.origins if origin.problem]

    def approvers(self, pull: PullRequest, job: JobContext) -> tuple[str, ...]:
        """Return who had approved what a pull request brought when it was merged: what counts before counts after it.

        GitHub is asked once for each pull request, whatever the number of its events.

        Raises:
            CouldNotVerify: when GitHub does not answer.
        """
        if pull.number not in self._approvers:
            steps = [origin.step for origin in self.origins if origin.pull == pull]
            until = pull.merged_at  # None: nothing was approved to be merged
            verdicts = job.github.approvals(pull.number, pull.head_sha, until) if until else ()
            self._approvers[pull.number] = approvers_of(verdicts, steps, pull)
        return self._approvers[pull.number]

    def older(self, origin: Origin) -> list[Digest]:
        """Return the events before a newest one that the gate let through, and that are announced with it."""
        slot = (origin.step.model, origin.step.event.stage)
        same = [o for o in self.origins if (o.step.model, o.step.event.stage) == slot and not o.problem]
        return [other.step.digest for other in same if other is not origin] if origin in self.newest else []


def deploy(change: Change, report: VerifyReport | None, job: JobContext, *, confirm: bool) -> bool:
    """Record the deployments and send `repository_dispatch`, once for each event, however often it is tried.

    Only what the gate let through and what verifies is sent; anything else is a deployment that failed.

    Args:
        report: on the models with something to send; None where there is nothing.
        confirm: leave a deployment in progress until a service reports that it has the model (`action.deployed`).

    Returns:
        whether all of it is announced; False where something could not be verified, and has to be tried again.

    Raises:
        CouldNotVerify: when GitHub does not answer; what was announced by then is not announced again.
    """
    newest, states = change.newest, set()
    for origin in change.origins:
        if origin.problem:
            _deploy(origin, "failure", change, job)
        elif origin in newest and report is not None:
            state = _state(report, origin.step.model, "in_progress" if confirm else "success")
            _deploy(origin, state, change, job)
            states.add(state)
    return states <= FINAL


def _state(report: VerifyReport, model: str, verified: str) -> str:
    """Return the state of a model's deployments: what is wrong with another model does not concern it."""
    found = {finding.severity for finding in report.findings if finding.model == model}
    if Severity.ERROR in found:
        return "failure"
    return "error" if Severity.UNKNOWN in found else verified


def environment_of(model: str, stage: str) -> str:
    """Return the name of the environment that a stage of a model is on GitHub."""
    return f"{model}/{stage}"


def _deploy(origin: Origin, state: str, change: Change, job: JobContext) -> None:
    payload = _payload(origin, change, job)
    event, done = origin.step.event, _EVENTS[origin.step.event.action]
    brought = f"by #{origin.pull.number}" if origin.pull else "without a pull request"
    description = f"{event.pointer.artifact_id} {done} {brought}"
    environment, login = environment_of(origin.step.model, payload["stage"]), job.settings.bot_login
    made = job.github.deploy(
        sha=change.commit,
        environment=environment,
        task=TASK,
        description=description,
        payload=payload,
        author_login=login,
        production=event.stage is Stage.ACTIVE,
    )
    if not FINAL.isdisjoint(made.states):
        return
    # The state goes last: a job that dies before it sends the event again, which is better than never.
    if state in ANNOUNCED:
        job.github.dispatch(f"promotebot.{done}", _sent(payload))
    if state == "success" and event.stage is Stage.ACTIVE:
        job.github.retire_deployments(environment=environment, task=TASK, before=made.id, author_login=login)
    if state not in made.states:
        job.github.publish_deployment_state(made.id, state=state, description=origin.problem or description)


def _sent(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the event for a CD carries: for a candidate with a share this one in place of the action.

    GitHub takes ten keys, and the type of the event says the action, too.
    """
    keys = {*_SENT, "share"} - {"action"} if payload["share"] else _SENT
    return {key: value for key, value in payload.items() if key in keys}


def _payload(origin: Origin, change: Change, job: JobContext) -> Mapping[str, Any]:
    step, pull = origin.step, origin.pull
    event, pointer = step.event, step.event.pointer
    return {
        "schema_version": "v1",
        "model": step.model,
        "stage": event.stage.value if event.stage else None,
        "action": event.action.value,
        "sha": change.commit,
        "artifact_dir": pointer.artifact_dir,
        "artifact_id": pointer.artifact_id,
        "pull": pull.number if pull else None,
        "actor": event.actor,
        "approvers": list(change.approvers(pull, job)) if pull else [],
        **receipt_of(
            step,
            head=pull.head_sha if pull else None,
            before=change.before,
            after=change.after,
            checklist=told_ticks(origin.ticks),
        ),
        "older_events": change.older(origin),
    }
