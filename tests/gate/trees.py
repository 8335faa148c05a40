"""A repository's files as values, and a base whose pointers name some of them: what the gate says of changed trees."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from io import BytesIO
from typing import Any, BinaryIO

from promotebot.artifact.evidence import Evidence
from promotebot.artifact.examination import examine as examine_artifact
from promotebot.artifact.limits import Terms
from promotebot.artifact.source import Entry, FileSource, Held, Kind
from promotebot.errors import InvalidInput
from promotebot.gate.evaluate import GateResult, evaluate_gate
from promotebot.promotion.plan import Plan, plan
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import Actor, Request
from promotebot.promotion.rules.context import Facts
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.chain import sealed
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Source
from promotebot.registry.names import ArtifactPath, ModelName
from tests.artifact.conftest import StandIn
from tests.gate.sequences import LAX, SHA, Ends, directory

MODEL, OTHER, OLD = (ModelName(name) for name in ("regime", "risk", "older"))
DATASET = "ml/datasets/data_1"
START = datetime(2026, 2, 1, 9, tzinfo=timezone.utc)
Content = Mapping[str, "bytes | Kind"]
"""Path → the bytes of a file, or the kind of what is no regular file."""


@dataclass(frozen=True)
class Tree:
    """Files as values (`promotebot.artifact.source.FileSource`); directories are there by what is in them."""

    content: Content

    @property
    def description(self) -> str:
        return "values"

    def below(self, place: str) -> dict[str, bytes | Kind]:
        return {path: item for path, item in sorted(self.content.items()) if path.startswith(f"{place}/")}

    def fingerprint(self, place: str) -> str | None:
        inside = self.below(place)
        return hashlib.sha256(repr(inside).encode()).hexdigest() if inside else None

    def kind(self, path: str) -> Kind | None:
        item = self.content.get(path)
        if item is None:
            return Kind.DIRECTORY if self.below(path) else None
        return item if isinstance(item, Kind) else Kind.FILE

    def walk(self, place: str) -> Iterator[Entry]:
        directories = {path[:end] for path in self.below(place) for end in range(len(path)) if path[end] == "/"}
        for path in sorted(path for path in directories if path.startswith(f"{place}/")):
            yield Entry(path, Kind.DIRECTORY)
        for path in self.below(place):
            yield Entry(path, self.kind(path) or Kind.OTHER)

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        item = self.content.get(path)
        if not isinstance(item, bytes):
            raise InvalidInput("is not there, or no file", where=path)
        yield BytesIO(item)

    def untracked(self, directory: str, files: set[str]) -> set[str] | None:  # noqa: ARG002 - the protocol's signature
        return set()

    def expect(self, directory: str, *, max_files: int, max_bytes: int) -> None: ...

    def left_out(self, directory: str) -> set[str]:  # noqa: ARG002 - the protocol's signature
        return set()

    def held(self, directory: str) -> dict[str, Held]:  # noqa: ARG002 - the protocol's signature
        return {}

    lfs = None
    fetches_lfs = False
    fetches_stored = False

    def near(self) -> AbstractContextManager[Tree]:
        return nullcontext(self)

    def by_pointers(self) -> Tree:
        return self

    def outside_lfs(self, paths: Sequence[str]) -> list[str]:
        return list(paths)


def examine(source: FileSource, artifact_dir: ArtifactPath, terms: Terms) -> Evidence:
    """Examine values as the product does, but for the runtime, which is content with any model."""
    return examine_artifact(source, artifact_dir, opener=StandIn(), terms=terms)


def listed(files: Content) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if isinstance(data, bytes)}


def artifact(model: str, **manifest: Any) -> dict[str, bytes]:
    """The files of an artifact, by their path in its directory."""
    files = {
        "model.onnx": model.encode(),
        "test_data_set_0/input_0.pb": b"in",
        "test_data_set_0/output_0.pb": b"out",
    }
    document = {
        "schema_version": "v1.1",
        "model_file": "model.onnx",
        "sha256": listed(files),
        "created_at": "2026-01-01T00:00:00Z",
        "git_sha": SHA,
        "dataset_id": "data_1",
        "feature_order": ["a", "b", "c"],
        "threshold": 0.5,
        "labels": {"0": "calm", "1": "storm"},
        **manifest,
    }
    return {**files, "manifest.json": stored_json(document)}


def dataset(data: str) -> dict[str, bytes]:
    features = ["a", "b", "c"]
    files = {"data.parquet": data.encode()}
    document = {
        "schema_version": "v1",
        "dataset_id": "data_1",
        "created_at_utc": "2026-01-01T00:00:00Z",
        "source": "export",
        "feature_order": features,
        "feature_order_hash": hashlib.sha256(json.dumps(features).encode()).hexdigest()[:16],
        "label_columns": ["y"],
        "row_count": 100,
        "sha256": listed(files),
    }
    return {**files, "manifest.json": stored_json(document)}


def at(place: str, files: Mapping[str, bytes]) -> dict[str, bytes | Kind]:
    return {f"{place}/{name}": data for name, data in files.items()}


FILES: Content = {
    "README.md": b"hello\n",
    **at(directory("v0"), artifact("zero")),
    **at(directory("v1"), artifact("one")),
    **at(directory("v2"), artifact("two")),
    **at(directory("v3"), artifact("three")),
    **at(directory("v4"), artifact("four")),
    **at(DATASET, dataset("rows")),
}
"""Those of every base; its pointers name all of them but v3."""


@dataclass(frozen=True)
class Desk:
    """A registry over some files, on which promotions are planned one after the other."""

    registry: ModelRegistry
    files: Tree
    now: datetime = START
    base: ModelRegistry | None = None

    def promoted(self, model: ModelName, stage: Stage, name: str) -> Desk:
        """What it is after a legal promotion at a terminal."""
        done = self.asked(model, stage, name)
        assert done is not self, (model, stage, name)
        return done

    def asked(self, model: ModelName, stage: Stage, name: str) -> Desk:
        """What it is after a promotion was asked for, which the rules may refuse."""
        request = Request(
            model=model,
            stage=stage,
            artifact_dir=directory(name),
            artifact_id=f"{name}_{stage.value}",
            actor=Actor("alice", Source.CLI),
            dataset_id="data_1",
            git_sha=SHA,
            reason="a reason",
            new_model=True,
        )
        proof, now = examine(self.files, request.artifact_dir, Terms()), self.now + timedelta(minutes=1)
        facts, base = Facts(commit_reachable=True), self.base or self.registry
        made = plan(self.registry, request, proof, LAX, now, base=base, facts=facts, commit=SHA)
        return replace(self, registry=made.after, now=now) if isinstance(made, Plan) else self


@lru_cache(maxsize=1)
def base() -> Desk:
    """regime: v1 ACTIVE, v2 SHADOW · risk: v1 STAGING, v4 SHADOW · older: v0 ACTIVE, whose tool recorded no digest."""
    pointer = {"artifact_dir": directory("v0"), "artifact_id": "v0_prod", "git_sha": SHA, "dataset_id": "data_1"}
    models = {OLD: {"active": {**pointer, "promoted_at_utc": "2026-01-01T00:00:00Z"}}}
    document = {"schema_version": "v1", "generated_at_utc": "2026-01-01T00:00:00Z", "models": models}
    desk = Desk(ModelRegistry.parse(stored_json(document)), Tree(FILES))
    for model, stage, name in (
        (MODEL, Stage.SHADOW, "v1"),
        (MODEL, Stage.ACTIVE, "v1"),
        (MODEL, Stage.SHADOW, "v2"),
        (OTHER, Stage.SHADOW, "v4"),
        (OTHER, Stage.STAGING, "v1"),
    ):
        desk = desk.promoted(model, stage, name)
    return desk


def without(registry: ModelRegistry, field: str) -> ModelRegistry:
    """The registry as a tool wrote it that did not know a field of pointers."""
    document = ModelRegistry.parse(registry.to_bytes()).document
    for entry in document["models"].values():
        pointers = [entry.get(stage.value) for stage in Stage] + [
            event["pointer"] for event in entry.get("history", [])
        ]
        for pointer in filter(None, pointers):
            pointer.pop(field, None)
        if entry.get("history"):
            entry["history"], entry["history_digest"] = sealed(entry["history"])
    return ModelRegistry.parse(stored_json(document))


def judge(desk: Desk, head: ModelRegistry, files: Content, **ends: Any) -> GateResult:
    """The gate's result on a pull request from the desk's registry and files to these."""
    before, after = desk.files.content, Tree(files)
    changed = tuple(path for path in sorted({*before, *files}) if before.get(path) != files.get(path))
    whole = {"changed_paths": changed, "other_files": desk.files, **ends}
    return evaluate_gate(
        Ends(desk.registry, head, policy(), after, **whole), examine=examine, now=desk.now + timedelta(days=1)
    )


def policy() -> Policy:
    """A policy that asks for no stage before ACTIVE: what is tested here is the files."""
    return LAX
