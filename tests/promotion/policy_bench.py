"""A repository with artifacts of several kinds, and what the doors say about a request there under a policy."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import git
import yaml

from promotebot.artifact.answer import NotOpened, Opened, Problem
from promotebot.artifact.limits import Limits
from promotebot.artifact.manifest import parse_manifest
from promotebot.artifact.runtime import ModelOpener
from promotebot.comments.comment import contact_names
from promotebot.errors import InvalidInput
from promotebot.gate.admission import asking_refusal, request_refusal
from promotebot.gate.approvals import separation
from promotebot.gate.required import required_findings
from promotebot.git.repository import Repository
from promotebot.planning.decide import PromotionContext, decide
from promotebot.planning.examiner import Examiner
from promotebot.promotion.commands import parse_comment
from promotebot.promotion.contacts import Purpose
from promotebot.promotion.overdue import candidates
from promotebot.promotion.plan import Plan
from promotebot.promotion.policy import Policy
from promotebot.promotion.replay import Step
from promotebot.promotion.request import Actor, CommandArguments, Request
from promotebot.promotion.rules.context import Facts
from promotebot.promotion.sections import Permission
from promotebot.pulls.changeset import Changeset
from promotebot.registry.model import Action, RequestRef, Source
from promotebot.registry.names import ArtifactPath, GitSha, ModelName, Stage
from promotebot.registry.registry import ModelRegistry
from tests.artifact import weights
from tests.artifact.conftest import opened
from tests.fakes import DIGEST, HEAD, FakeGitHub, Review, diverged, pull_request, pull_snapshot, push

MODEL = ModelName("regime_classifier")
REGISTRY, POLICY = "ml/registry/models.json", ".github/promotion.yml"
V1, V2, V3, LLM, PICKLED = (
    ArtifactPath(f"ml/artifacts/{name}") for name in ("regime_v1", "regime_v2", "regime_v3", "llm_v1", "llm_v2")
)
ROLES = {"mary": Permission.MAINTAIN, "will": Permission.WRITE, "tom": Permission.TRIAGE, "alice": Permission.READ}
REF = RequestRef(repo="acme/models", pull=7, id="comment:1#1", login="alice", head_sha=GitSha("a" * 40))


class Remembering(ModelOpener):
    """Opens nothing: remembers the limits that it was given, and says that there is no kernel for `lacking`."""

    def __init__(self, *, lacking: bool = False) -> None:
        self.limits: Limits | None = None
        self._lacking = lacking

    def open(self, directory: Path, model_file: str, limits: Limits) -> Opened | NotOpened:
        self.limits = limits
        assert (directory / model_file).is_file()
        return NotOpened((Problem(message="unknown operator", lacks="operators"),)) if self._lacking else opened()


@dataclass
class Bench:
    """A bare repository with artifacts of several kinds, where requests are decided as at every door."""

    changeset: Changeset
    examiner: Examiner
    now: datetime
    """A moment after the newest event."""
    digest: str
    """Of regime_v2, which is in SHADOW."""
    registries: dict[str, ModelRegistry] = field(default_factory=dict)

    @classmethod
    def of(cls, seed: Path, scratch: Path, examiner: Examiner) -> Bench:
        """Return it with the sample repository as it starts, and more artifacts."""
        work = git.Repo.clone_from(str(seed), scratch / "work", branch="main")
        root = scratch / "work"
        digest = parse_manifest((root / V2 / "manifest.json").read_bytes(), where="manifest.json").digest
        _add_artifacts(root, digest)
        work.git.add("--all")
        work.git.execute(["git", "-c", "user.name=bob", "-c", "user.email=bob@example.com", "commit", "-qm", "more"])
        head = GitSha(work.head.commit.hexsha)
        changeset = Changeset(Repository(work, {}), head, head, REGISTRY, POLICY)
        registry = changeset.base_registry
        assert registry
        newest = registry.history[MODEL][0].ts_utc
        now = datetime.fromisoformat(str(newest).replace("Z", "+00:00")) + timedelta(minutes=1)
        return cls(changeset, examiner, now, digest, {"": registry})

    def decided(self, policy: Policy, registry: ModelRegistry, *, examine: Any = None, **asked: Any) -> Any:
        """What becomes of a request: by default the promotion of regime_v2 to ACTIVE, made at a terminal."""
        now = asked.pop("now", self.now)
        manifest = self.changeset.manifest_of(asked.get("artifact_dir", V2))
        assert manifest
        request = Request(
            model=MODEL,
            stage=Stage.ACTIVE,
            artifact_dir=V2,
            artifact_id="candidate",
            actor=Actor("alice", Source.CLI),
            dataset_id=manifest.dataset_id,
            git_sha=GitSha(manifest.git_sha) if manifest.git_sha else None,
        )
        files = self.changeset.base_files
        context = PromotionContext(registry, registry, policy, files, self.changeset.head, base_files=files)
        facts = Facts(commit_reachable=True)
        return decide(context, replace(request, **asked), lambda: facts, examine=examine or self.examiner, now=now)

    def said(self, policy: Policy, *, situation: str = "", **asked: Any) -> str:
        """What is decided, every finding, and what people watch afterwards."""
        decided = self.decided(policy, self.after(situation), **asked)
        decision = decided.decision
        lines = [f"{one.severity.value} {one.rule}: {one.message}" for one in decision.findings]
        lines += [f"watched {one.name} {one.url}" for one in decided.monitoring]
        return "\n".join([type(decision).__name__, *lines])

    def after(self, situation: str) -> ModelRegistry:
        """The registry after what a situation names: `staging:v2 staging:v1 staging<v2`, where `<` is a rollback."""
        if situation not in self.registries:
            before, _, last = situation.rpartition(" ")
            self.registries[situation] = self._changed(self.after(before), last)
        return self.registries[situation]

    def _changed(self, registry: ModelRegistry, change: str) -> ModelRegistry:
        stage, _, version = change.replace("<", ":").replace("@", ":").partition(":")
        asked: dict[str, Any] = {"stage": Stage(stage), "artifact_dir": {"v1": V1, "v2": V2}[version]}
        asked |= {"artifact_id": f"{version}_{stage}", "reason": "because"}
        if "<" in change:
            asked["action"] = Action.ROLLBACK
        if "@" in change:  # it was requested on GitHub
            asked |= {"actor": Actor("alice", Source.GITHUB), "ref": REF}
        decision = self.decided(Policy(), registry, **asked).decision
        assert isinstance(decision, Plan), decision
        return decision.after

    def opening(self, policy: Policy, *, lacking: bool = False, **asked: Any) -> str:
        """What is decided, and with which limits a model is opened."""
        opener = Remembering(lacking=lacking)
        said = self.said(policy, examine=Examiner(opener), stage=Stage.STAGING, **asked)
        return f"{said}\n{opener.limits!r}"

    def reminders(self, policy: Policy, situation: str, days: int) -> str:
        """What the schedule reminds of after so many days."""
        due = [
            (one.holding.stage.value, reminder.value)
            for one in candidates(self.after(situation), [MODEL], policy)
            if (reminder := one.due(self.now + timedelta(days=days)))
        ]
        return f"reminders: {due}"


def _add_artifacts(root: Path, digest: str) -> None:
    shutil.copytree(root / V2, root / V3)
    manifest = json.loads((root / V3 / "manifest.json").read_bytes())
    manifest["feature_order"].reverse()
    (root / V3 / "manifest.json").write_text(json.dumps(manifest))
    files = weights.artifact("model.gguf", weights.llama())
    pickled = weights.artifact("model.joblib", pickle.dumps({"weights": [1]}, protocol=0))
    files |= {path.replace(weights.LLM, PICKLED): data for path, data in pickled.items()}
    metrics = [{"name": "accuracy", "value": "0.85"}, {"name": "log_loss", "value": "0.3"}]
    claimed = {"schema_version": "v1", "artifact": digest, "claimed_by": "alice", "metrics": metrics}
    files[f"ml/evidence/{digest.removeprefix('sha256:')}.json"] = json.dumps(claimed)
    for path, data in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data.encode() if isinstance(data, str) else data)


def may(policy: Policy, login: str, stage: Stage = Stage.ACTIVE, *, model: str = MODEL) -> str:
    """What the door says to somebody who asks."""
    arguments = CommandArguments(stage, Action.PROMOTE, ModelName(model))
    github = FakeGitHub(roles=ROLES)
    refusal = asking_refusal(arguments, model, (login,), _changeset(policy), github, "promoting to")
    return f"{refusal.reason.value}: {refusal.message}" if refusal else "may ask"


def _changeset(policy: Policy) -> Changeset:
    document = policy.model_dump(mode="json", exclude_unset=True)
    files = {POLICY: yaml.safe_dump(document).encode()}
    return diverged(files, files)


def on_pull(policy: Policy, **changes: Any) -> str:
    """What the door says of a pull request."""
    snapshot = pull_snapshot(_changeset(policy), pull_request(**changes), trusted=policy)
    refusal = request_refusal(
        CommandArguments(Stage.ACTIVE, Action.PROMOTE, MODEL), ("mary",), snapshot, FakeGitHub(roles=ROLES)
    )
    return f"{refusal.reason.value}: {refusal.message}" if refusal else "may ask"


def approved(policy: Policy, step: Step, *logins: str) -> str:
    """What the gate says of a promotion that these people approved."""
    github = FakeGitHub(roles=ROLES, pulls={7: pull_request()}, pushed={"change": [push(HEAD, creates=True)]})
    github.reviews[7] = [Review(login, "APPROVED", HEAD) for login in logins]
    found = separation((step,), GitSha(HEAD), github.pulls[7], policy, github)
    return f"{found.finding.severity.value}: {found.finding.message}" if found else "needs no approval"


def required(policy: Policy, step: Step) -> str:
    """What the gate says of labels and checks, where a pull request has none."""
    findings = required_findings((step,), GitSha(HEAD), 7, policy, FakeGitHub(pulls={7: pull_request()}))
    return "\n".join(f"{one.severity.value} {one.rule}: {one.message}" for one in findings)


def step_of(bench: Bench, stage: str = "staging") -> Step:
    """The event of a promotion of regime_v2 that alice requested on GitHub."""
    registry = bench.after({"shadow": "shadow@v1"}.get(stage, f"{stage}@v2"))
    return Step(MODEL, registry.history[MODEL][0], registry, DIGEST)


def read(policy: Policy, comment: str) -> str:
    """How a comment is read."""
    try:
        return repr(parse_comment(comment, aliases=policy.aliases))
    except InvalidInput as problem:
        return problem.message


def called(policy: Policy) -> str:
    """Who is named where a request is refused."""
    return contact_names(policy.contacts, Purpose.REFUSED)
