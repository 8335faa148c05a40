"""Requests that a door answered without deciding an event, and the event that somebody then writes in their name.

The forged event is the one that the bot would have written: planned by the product itself, for the same request, at the
same moment, on the same commit, with a whole chain. Only the bot's own word for it is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import git

from promotebot.gate.attestation import attestation_context, description_of
from promotebot.git.repository import Repository
from promotebot.planning.decide import PromotionContext, decide
from promotebot.planning.examiner import Examiner
from promotebot.promotion.plan import Plan
from promotebot.promotion.replay import Step
from promotebot.promotion.request import Actor, Request
from promotebot.promotion.rules.context import Facts
from promotebot.pulls.changeset import Changeset
from promotebot.registry.model import RequestRef, Source
from promotebot.registry.names import ArtifactPath, GitSha, ModelName, Stage
from promotebot.registry.registry import ModelRegistry
from tests.fake_github.people import Job
from tests.office import BOT, Office

MODEL = ModelName("regime_classifier")
REGISTRY, POLICY = "ml/registry/models.json", ".github/promotion.yml"
V1, V2 = (ArtifactPath(f"ml/artifacts/regime_{version}") for version in ("v1", "v2"))


@dataclass(frozen=True)
class Asked:
    """A request as an event names it, and the pull request that it was made on."""

    pull: int
    id: str
    login: str
    head_sha: str

    @property
    def ref(self) -> RequestRef:
        named = {"repo": "acme/models", "pull": self.pull, "id": self.id, "login": self.login}
        return RequestRef.model_validate({**named, "head_sha": self.head_sha})


def head_of(office: Office, number: int) -> str:
    """The head of a pull request; the base's tip for an issue, which has none."""
    pull = office.repository.pulls.get(number)
    return pull.head_sha if pull else str(office.repository.git.branch("main"))


def say(office: Office, number: int, body: str, *, author: str = "alice", line: int = 1) -> tuple[Asked, Job]:
    """Somebody comments, and the job answers."""
    head = head_of(office, number)
    comment = office.repository.comment(number, author=author, body=body)
    asked = Asked(number, f"comment:{comment.id}#{line}", author, head)
    return asked, office.job(office.repository.issue_comment_event(comment.id))


def run(
    office: Office, number: int, event: str, payload: Mapping[str, Any], *, by: str = "alice", **environment: str
) -> tuple[Asked, Job]:
    """Somebody starts a run, and the job answers."""
    head, started = head_of(office, number), office.repository.start_run(event, actor=by)
    job = office.job(dict(payload), event, GITHUB_RUN_ID=str(started.id), **environment)
    return Asked(number, f"run:{started.id}#1", by, head), job


def forged(office: Office, asked: Asked | None, onto: ModelRegistry | None = None, **changes: Any) -> Plan:
    """The plan of the event that a request would have become; without one, of an event made at a terminal.

    `onto` is the registry to go on from, the base's where none is given; `changes` are of the request, by default the
    promotion of regime_v2 to ACTIVE.
    """
    bare = Repository(git.Repo(office.repository.git_dir), {})
    main = GitSha(office.repository.git.branch("main") or "")
    changeset = Changeset(bare, main, GitSha(asked.head_sha) if asked else main, REGISTRY, POLICY)
    base = changeset.base_registry
    assert base
    manifest = changeset.manifest_of(changes.get("artifact_dir", V2))
    assert manifest
    source = Source.GITHUB if asked else Source.CLI
    request = Request(
        model=MODEL,
        stage=Stage.ACTIVE,
        artifact_dir=V2,
        artifact_id="regime_v2_candidate",
        actor=Actor(asked.login if asked else "alice", source),
        dataset_id=manifest.dataset_id,
        git_sha=GitSha(manifest.git_sha or ""),
        reason=f"#{asked.pull}: {office.repository.issue(asked.pull).title}" if asked else "at a terminal",
        ref=asked.ref if asked else None,
    )
    context = PromotionContext(onto or base, base, changeset.policy, changeset.base_files, changeset.head)
    facts = Facts(commit_reachable=True)
    decided = decide(context, replace(request, **changes), lambda: facts, examine=Examiner(), now=office.now)
    assert isinstance(decided.decision, Plan), decided.decision
    bare.close()
    return decided.decision


def push(office: Office, number: int, plan: Plan, *, by: str = "carol") -> str:
    """Somebody puts a plan's registry on the branch of a pull request, on main as it is now; the head is returned."""
    files = {REGISTRY: plan.after.to_bytes()}
    office.push(by, office.repository.pull(number).head_ref, files, "chore: As asked", force=True)
    return office.head(number)


def vouch(office: Office, plan: Plan, *, by: str = BOT, state: str = "success") -> None:
    """Somebody posts the status that attests the event, which counts for something if the bot does."""
    ref, context = plan.event.request, attestation_context(plan.digest)
    assert ref
    office.hub.add_user(by)
    step = Step(plan.request.model, plan.event, plan.before, plan.digest)
    office.repository.post_status(ref.head_sha, context, state, by=by, description=description_of(step, ref))


def said(office: Office, number: int) -> str:
    """All that the bot said on a pull request, as it is read."""
    return "\n".join(office.comments(number)).replace("\\", "")


def refused(office: Office, number: int, *says: str) -> None:
    """The gate looks at the pull request as it is: red, as a status and as a decision, with these words."""
    job = office.gate(number)
    assert (job.exit_code, job.outputs["decision"]) == (1, "refused"), job.summary
    assert office.checks(office.head(number))[-1] == "failure"
    assert [word for word in says if word not in said(office, number)] == []
