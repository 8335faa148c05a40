"""Legal sequences of promotions, made by the product's own plan, for tests that then tell the gate lies about them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st

from promotebot.artifact.evidence import Evidence
from promotebot.artifact.limits import Limits
from promotebot.artifact.manifest import Manifest
from promotebot.artifact.source import FileSource as Files
from promotebot.findings import passed
from promotebot.gate.evaluate import GateResult, evaluate_gate
from promotebot.planning.decide import FirstDigest
from promotebot.planning.examiner import Examine
from promotebot.promotion.plan import Plan, plan
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.request import Actor, Request
from promotebot.promotion.rollback import candidates, rollback_id
from promotebot.promotion.rules.context import Facts
from promotebot.pulls.named import places_of
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Action, RequestRef, Source
from promotebot.registry.names import ArtifactPath, GitSha, ModelName, parse_artifact_path

MODEL, OTHER, OLD, NEW = (ModelName(name) for name in ("regime", "risk", "older", "newcomer"))
SHA, BASE = GitSha("5" * 40), GitSha("b" * 40)
START = datetime(2026, 2, 1, 9, tzinfo=timezone.utc)
DIGITS = {"v1": "1", "v2": "2", "v3": "3", "fresh": "f"}
TUNED = "_tuned"
"""Ends the name of an artifact with another one's bytes under a manifest of its own."""
LEGACY = {
    "shadow": None,
    "active": {"artifact_dir": "ml/artifacts/v0", "artifact_id": "v0_prod", "git_sha": SHA, "dataset_id": "data_1"},
    "owner": "written by an older tool",
}
"""A pointer that no event put there, and a key that nobody here knows."""
POLICIES = [Policy(), parse_policy(b"require_reason: true\ncontacts: [someone]\n")]
LAX = parse_policy(b"stages: {active: {permission: read, require_prior_stage: false, hold_after_rollback: false}}\n")


def directory(name: str) -> ArtifactPath:
    return parse_artifact_path(f"ml/artifacts/{name}")


def manifest_of(name: str) -> dict[str, Any]:
    """The manifest of an artifact, whose bytes are told by its name."""
    return {
        "schema_version": "v1.1",
        "model_file": "m.onnx",
        "sha256": {"m.onnx": DIGITS.get(name.removesuffix(TUNED), "0") * 64},
        "created_at": "2026-01-01T00:00:00Z",
        "git_sha": SHA,
        "feature_order": ("b", "a") if name.endswith(TUNED) else ("a", "b"),
    }


def examine(source: Files, artifact_dir: ArtifactPath, limits: Limits) -> Evidence:
    """Every artifact is well, and what it is is told by its name (`promotebot.planning.examiner.Examine`)."""
    manifest = Manifest.model_validate(manifest_of(artifact_dir.rpartition("/")[2]))
    finding = passed("artifact.digest", "every file is what the manifest says", where=artifact_dir)
    return Evidence(artifact_dir, "commit", manifest, manifest.digest, findings=(finding,))


@dataclass(frozen=True)
class Ends:
    """A pull request's two ends as values (`promotebot.gate.evaluate.Ends`)."""

    base_registry: ModelRegistry | None
    head_registry: ModelRegistry | None
    policy: Policy
    head_files: Files
    base: GitSha = BASE
    fork_point: GitSha = BASE
    registry_path: str = "ml/registry/models.json"
    policy_path: str = ".github/promotion.yml"
    has_conflict: bool = False
    changed_paths: tuple[str, ...] = ()
    other_files: Files | None = None
    """The base's, where they are not the head's."""
    fork: Files | None = None
    """The fork point's, where they are not the base's."""
    carried: str | None = None
    newly: tuple[str, ...] = ()

    @property
    def base_files(self) -> Files:
        return self.other_files or self.head_files

    @property
    def fork_files(self) -> Files:
        return self.fork or self.base_files

    def changes(self, directory: str) -> bool:
        return directory in places_of(self.changed_paths) and self.base_files.kind(directory) is not None

    def restored_to(self, commit: str, directory: str) -> None:  # noqa: ARG002 - the Protocol's
        return None

    def carried_into(self, directories: Collection[str]) -> str | None:  # noqa: ARG002 - the protocol's signature
        return self.carried

    def rebased(self) -> None:
        return None

    def merged_paths(self) -> tuple[str, ...]:
        return tuple(path for path in self.changed_paths if self.head_files.kind(path) is not None)

    def converted(self, places: Collection[str]) -> tuple[str, ...]:  # noqa: ARG002 - the Protocol's
        return ()

    def newly_converted(self, directories: Collection[str]) -> tuple[str, ...]:
        return tuple(path for path in self.newly if path.rpartition("/")[0] in directories)

    def first_digest(self, examine: Examine) -> FirstDigest:  # noqa: ARG002 - the Protocol's
        return lambda *_: None

    def reachable(self, commit: str | None) -> bool | None:
        return commit == SHA


@dataclass(frozen=True)
class Move:
    """What somebody asks for, so many minutes after what was asked before."""

    model: ModelName
    action: Action
    stage: Stage
    artifact: str = "v1"
    source: Source = Source.CLI
    minutes: int = 1


@dataclass
class Desk:
    """Plans one move after the other, each on what the ones before it made; what the rules refuse is not done."""

    registry: ModelRegistry
    policy: Policy
    now: datetime = START
    asked: int = 0
    base: ModelRegistry | None = None
    """What the rules trust; the registry itself while every move is merged before the next."""
    pull: int = 7
    """Where whatever is asked on GitHub is asked."""

    def make(self, move: Move) -> bool:
        """Whether the move was legal and changed something."""
        self.now += timedelta(minutes=move.minutes)
        self.asked += 1
        request = self._request(move)
        if request is None:
            return False
        proof = examine(None, request.artifact_dir, Limits())  # type: ignore[arg-type]  # it looks at the name only
        if move.action is Action.DEMOTE:
            proof = Evidence(request.artifact_dir, "commit")
        base = self.base or self.registry
        facts = Facts(commit_reachable=request.git_sha == SHA)
        decision = plan(self.registry, request, proof, self.policy, self.now, base=base, facts=facts, commit=SHA)
        if isinstance(decision, Plan):
            self.registry = decision.after
        return isinstance(decision, Plan)

    def must(self, move: Move) -> None:
        assert self.make(move), move

    def _request(self, move: Move) -> Request | None:
        entry = self.registry.entry(move.model)
        place, artifact_id = directory(move.artifact), f"{move.artifact}_{move.stage.value}"
        if move.action is not Action.PROMOTE:
            if entry is None:
                return None
            back = [p for p in candidates(entry, move.stage).pointers if p.digest]
            pointer = back[0] if move.action is Action.ROLLBACK and back else entry.pointer(move.stage)
            if pointer is None or (move.action is Action.ROLLBACK and not back):
                return None
            place = parse_artifact_path(pointer.artifact_dir)
            artifact_id = pointer.artifact_id if move.action is Action.DEMOTE else rollback_id(pointer.artifact_id)
        named = {
            "repo": "acme/models",
            "pull": self.pull,
            "id": f"comment:{self.asked}#1",
            "login": "alice",
            "head_sha": SHA,
        }
        return Request(
            model=move.model,
            stage=move.stage,
            artifact_dir=place,
            artifact_id=artifact_id,
            actor=Actor("alice", move.source),
            action=move.action,
            dataset_id="data_1",
            git_sha=SHA,
            reason=f"for reason {self.asked}",
            notes="a note" if move.minutes % 2 else None,
            new_model=True,
            ref=RequestRef.model_validate(named) if move.source is Source.GITHUB else None,
        )


@dataclass(frozen=True)
class Sequence:
    """A base with all the states it has been in, and a head some legal promotions above it.

    The two newest events of `MODEL` are the head's own: "fresh" to shadow, then from there to staging.
    """

    states: tuple[ModelRegistry, ...]
    head: ModelRegistry
    policy: Policy
    now: datetime
    files: Files = field(repr=False)

    @property
    def base(self) -> ModelRegistry:
        return self.states[-1]

    def new(self, model: str = MODEL) -> int:
        """How many of a model's events the head adds."""
        return len(self.head.raw_history(model)) - len(self.base.raw_history(model))

    def document(self) -> Any:
        """The head's file, decoded anew: to be changed."""
        return ModelRegistry.parse(self.head.to_bytes()).document

    def judge(self, head: ModelRegistry) -> GateResult:
        return evaluate_gate(Ends(self.base, head, self.policy, self.files), examine=examine, now=self.now)

    def desk(self, policy: Policy | None = None) -> Desk:
        """To promote more on top of the head."""
        return Desk(self.head, policy or self.policy, self.now, 1000, self.base)


MOVES = st.builds(
    Move,
    model=st.sampled_from([MODEL, OTHER, OLD]),
    action=st.sampled_from([Action.PROMOTE, Action.PROMOTE, Action.PROMOTE, Action.ROLLBACK, Action.DEMOTE]),
    stage=st.sampled_from(Stage),
    artifact=st.sampled_from(["v1", f"v1{TUNED}", "v2", "v3"]),
    source=st.sampled_from(Source),
    minutes=st.integers(1, 20_000),
)
STARTS = [
    Move(model, Action.PROMOTE, stage, artifact)
    for model in (MODEL, OTHER)
    for artifact, stage in (("v1", Stage.SHADOW), ("v1", Stage.ACTIVE), ("v2", Stage.STAGING))
]
"""Every base holds two models that have been up and down a little."""


@lru_cache(maxsize=1)
def started() -> tuple[Desk, tuple[ModelRegistry, ...]]:
    """What every base begins with, planned once."""
    document = {"schema_version": "v1", "generated_at_utc": "2026-01-01T00:00:00Z", "models": {OLD: LEGACY}}
    desk = Desk(ModelRegistry.parse(stored_json(document)), Policy())
    first = desk.registry
    return desk, (first, *[desk.registry for move in STARTS if desk.make(move)])


@st.composite
def sequences(draw: st.DrawFn, files: Files) -> Sequence:
    """Any legal sequence: a history of merged moves, and a head of moves that are judged by that base."""
    policy = draw(st.sampled_from(POLICIES))
    desk, states = replace(started()[0]), list(started()[1])
    states += [desk.registry for move in draw(st.lists(MOVES, max_size=6)) if desk.make(move)]
    desk.base, desk.policy = desk.registry, policy
    for move in draw(st.lists(MOVES, max_size=3)):
        desk.make(move)
    source = draw(st.sampled_from(Source))
    desk.must(Move(MODEL, Action.PROMOTE, Stage.SHADOW, "fresh", source))
    desk.must(Move(MODEL, Action.PROMOTE, Stage.STAGING, "fresh", source))
    return Sequence(tuple(states), desk.registry, policy, desk.now, files)
