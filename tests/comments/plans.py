"""Plans of one model as comments are rendered from, and the people and places around them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from promotebot.artifact.answer import Latency, Opened, Served, Tensor
from promotebot.artifact.evidence import Evidence, ModelCard
from promotebot.artifact.manifest import Manifest
from promotebot.artifact.walls import WALLS
from promotebot.comments.comment import CommentContext
from promotebot.findings import passed
from promotebot.promotion.plan import Plan, plan
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import Actor, Request
from promotebot.promotion.rules.context import Facts
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.codec import stored_json
from promotebot.registry.model import RequestRef, Source
from promotebot.registry.names import ArtifactPath, GitSha, ModelName

MODEL = ModelName("regime_classifier")
HEAD = GitSha("1a2b3c4" + "0" * 33)
SERVER = "https://github.example"
SETTING = CommentContext(
    repo="acme/models",
    server_url=SERVER,
    head_sha=HEAD,
    requester="alice",
    request_url=f"{SERVER}/acme/models/pull/12#issuecomment-99",
    base_ref="main",
    run_url=f"{SERVER}/acme/models/actions/runs/7",
)
NOW = datetime(2026, 2, 16, 9, tzinfo=timezone.utc)


def examined(name: str, *, seed: str, p95: float = 0.31, outputs: int = 3, **manifest: Any) -> Evidence:
    """What examining a sound artifact gives; `seed` is one hex digit that its bytes are made of."""
    document = {
        "schema_version": "v1.1",
        "model_file": "model.onnx",
        "sha256": {"model.onnx": seed * 64},
        "created_at": "2026-01-01T00:00:00Z",
        "dataset_id": f"market_{name}",
        "git_sha": seed * 40,
    }
    parsed = Manifest.model_validate({**document, **manifest})
    opened = Opened(
        inputs=[Tensor(name="input", type="float32", shape=["n", 15])],
        outputs=[Tensor(name="regime_probs", type="float32", shape=["n", outputs])],
        walls=WALLS,
        served=Served(4.1, 10**8, latency_ms=Latency(runs=50, fastest=0.1, p50=0.2, p95=p95)),
    )
    return Evidence(
        ArtifactPath(f"ml/artifacts/{name}"),
        f"commit {HEAD}",
        parsed,
        parsed.digest,
        ModelCard(131_000, (("", 17),), opened),
        {"holdout_accuracy": 0.8648, "train_accuracy": float("nan")},
        (passed("artifact.digest", "1 files, every sha256 as listed"), passed("artifact.opens", "it opens")),
    )


V1, V2 = examined("regime_v1", seed="1"), examined("regime_v2", seed="2", p95=0.3224)
EMPTY = ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {}}), where="ml/registry/models.json")


def request(stage: Stage, evidence: Evidence, artifact_id: str, **values: Any) -> Request:
    manifest = evidence.manifest
    given = {
        "dataset_id": manifest.dataset_id if manifest else None,
        "git_sha": manifest.git_sha if manifest else None,
        "reason": "Shadow evaluation passed",
        "new_model": True,
        "actor": Actor("alice", Source.GITHUB),
        "ref": RequestRef(repo="acme/models", pull=12, id="comment:99#1", login="alice", head_sha=HEAD),
    }
    return Request(
        model=MODEL, stage=stage, artifact_dir=evidence.artifact_dir, artifact_id=artifact_id, **{**given, **values}
    )


def decide(registry: ModelRegistry, asked: Request, evidence: Evidence, now: datetime = NOW) -> Any:
    facts = Facts(commit_reachable=True)
    return plan(registry, asked, evidence, Policy(), now, base=registry, facts=facts, commit=HEAD)


def promoted(registry: ModelRegistry, asked: Request, evidence: Evidence, *when: int) -> ModelRegistry:
    decision = decide(registry, asked, evidence, datetime(*when, tzinfo=timezone.utc))  # type: ignore[misc,arg-type]  # a date
    assert isinstance(decision, Plan), decision
    return decision.after


@pytest.fixture(scope="module")
def registry() -> ModelRegistry:
    """regime_v1 ACTIVE for 41 days; regime_v2 ten days in SHADOW, one in STAGING."""
    after = promoted(EMPTY, request(Stage.SHADOW, V1, "regime_v1_candidate"), V1, 2025, 12, 1)
    after = promoted(after, request(Stage.ACTIVE, V1, "regime_v1_prod"), V1, 2026, 1, 6, 9)
    after = promoted(after, request(Stage.SHADOW, V2, "regime_v2_candidate"), V2, 2026, 2, 6, 9)
    return promoted(after, request(Stage.STAGING, V2, "regime_v2_staging"), V2, 2026, 2, 15, 5)


@pytest.fixture(scope="module")
def accepted(registry: ModelRegistry) -> Plan:
    origins = {"artifact_dir": "staging pointer", "artifact_id": "staging pointer", "git_sha": "manifest"}
    decision = decide(registry, request(Stage.ACTIVE, V2, "regime_v2_prod", origins=origins, new_model=False), V2)
    assert isinstance(decision, Plan)
    return decision


def row(body: str, name: str) -> list[str]:
    line = next(line for line in body.splitlines() if line.startswith(f"| {name}"))
    return [cell.strip() for cell in line.strip("|").split(" | ")][1:]
