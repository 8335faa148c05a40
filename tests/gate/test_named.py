"""Which pointers name what a pull request changes, and how little is read to know it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.source import TreeEntry
from promotebot.git.branch import FetchedRepository
from promotebot.git.repository import Repository
from promotebot.promotion.places import every_place
from promotebot.pulls.named import NamedDirectories, named_directories, places_of
from promotebot.registry import ModelRegistry
from promotebot.registry.codec import stored_json
from tests.office import Office

pytestmark = pytest.mark.thorough

POLICY = ".github/promotion.yml"


@dataclass
class Files:
    """`models/` as git holds it, which remembers what was read of it (`promotebot.registry.split.ModelFiles`)."""

    content: Mapping[str, bytes]
    seen: list[str] = field(default_factory=list)

    def names(self) -> Mapping[str, str | None]:
        return {name: sha256(data).hexdigest() for name, data in self.content.items()}

    def read(self, file_name: str) -> bytes:
        self.seen.append(file_name)
        return self.content[file_name]


def entry(name: str, stage: str = "active", **pointer: Any) -> dict[str, Any]:
    return {stage: {"artifact_dir": f"ml/artifacts/{name}", "artifact_id": name, **pointer}}


def split(**models: Any) -> tuple[ModelRegistry, Files]:
    files = Files({f"{name}.json": stored_json(model) for name, model in models.items()})
    return ModelRegistry.parse(stored_json({"schema_version": "v1", "layout": "split"}), files=files), files


def single(**models: Any) -> ModelRegistry:
    return ModelRegistry.parse(stored_json({"schema_version": "v1", "models": models}))


def named(base: ModelRegistry, head: ModelRegistry, *paths: str) -> NamedDirectories:
    return named_directories(base, head, paths, POLICY)


def shown(directories: NamedDirectories) -> dict[str, list[str]]:
    return {place: [f"{n}{' own' * n.is_own}" for n in held] for place, held in directories.artifacts.items()}


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=5).map("/".join), max_size=20))
def test_a_place_is_a_changed_path_or_a_directory_above_it(paths: Collection[str]) -> None:
    parts = [path.split("/") for path in paths]
    assert places_of(paths) == {"/".join(part[:end]) for part in parts for end in range(1, len(part) + 1)}


def test_only_pointers_into_changed_directories_are_named() -> None:
    models = {"one": entry("v1"), "two": entry("v10"), "three": entry("v1", "shadow"), "four": entry("v1/inner")}
    registry = single(**models)
    assert shown(named(registry, registry, "ml/artifacts/v1/model.onnx")) == {
        "ml/artifacts/v1": ["one ACTIVE (v1)", "three SHADOW (v1)"]
    }
    assert set(shown(named(registry, registry, "ml/artifacts/v1/inner/x"))) == {
        "ml/artifacts/v1",
        "ml/artifacts/v1/inner",
    }
    assert shown(named(registry, registry, "ml/artifacts", "README.md")) == {}


def test_a_pointer_that_the_pull_request_moves_is_named_at_both_its_ends() -> None:
    before, after = single(one=entry("v1")), single(one=entry("v2"))
    paths = ("ml/artifacts/v1/model.onnx", "ml/artifacts/v2/model.onnx")
    assert shown(named(before, after, *paths)) == {
        "ml/artifacts/v1": ["one ACTIVE (v1)"],
        "ml/artifacts/v2": ["one ACTIVE (v2) own"],
    }


def test_the_dataset_of_what_is_active_is_named_and_no_other() -> None:
    registry = single(
        one=entry("v1", dataset_id="data_1"),
        two=entry("v2", "staging", dataset_id="data_1"),
        three=entry("v3", dataset_id="../artifacts/v1"),
        four=entry("v4", dataset_id="nested/data_1"),
    )
    result = named(registry, registry, "ml/datasets/data_1/manifest.json", "ml/datasets/nested/data_1")
    assert {name: [str(n) for n in held] for name, held in result.datasets.items()} == {"data_1": ["one ACTIVE (v1)"]}
    assert result.artifacts == {}


def test_every_place_is_a_directory_of_any_stage_or_the_dataset_of_what_is_active() -> None:
    registry = single(
        one={**entry("v1", dataset_id="d1"), **entry("v2", "shadow", dataset_id="d2")}, two={"active": None}
    )
    assert every_place(registry) == {"ml/artifacts/v1", "ml/artifacts/v2", "ml/datasets/d1"}


def test_no_models_file_is_read_where_only_registry_and_policy_changed() -> None:
    base, files = split(one=entry("v1"), two=entry("v2"))
    assert named(base, base, "ml/registry/models/one.json", "ml/registry/models.json", POLICY).artifacts == {}
    assert files.seen == []


def test_each_models_file_is_read_once_and_the_heads_only_where_it_differs() -> None:
    base, before = split(one=entry("v1"), two=entry("v2"), three=entry("v3"))
    head, after = split(one=entry("v1"), two=entry("v4"), three=entry("v3"))
    paths = [f"ml/artifacts/{name}/model.onnx" for name in ("v1", "v4")]
    assert shown(named(base, head, *paths)) == {
        "ml/artifacts/v1": ["one ACTIVE (v1)"],
        "ml/artifacts/v4": ["two ACTIVE (v4) own"],
    }
    assert (sorted(before.seen), after.seen) == (["one.json", "three.json", "two.json"], ["two.json"])


def test_many_models_files_come_with_one_request(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = office.person("bob")
    assert bob.promotebot("registry", "split").returncode == 0
    content = json.loads((bob.clone / "ml/registry/models/regime_classifier.json").read_bytes())
    for number in range(40):
        bob.write(f"ml/registry/models/model_{number}.json", json.dumps({**content, "number": number}))
    bob.commit("chore: Many models")
    bob.push()
    number = office.pull(files={"ml/artifacts/regime_v1/notes.txt": "added\n"})
    asked: list[int] = []
    alone: list[str] = []
    read_blobs, read_entry = FetchedRepository.read_blobs, Repository.read_entry

    def many(self: FetchedRepository, oids: list[str], *, max_bytes: int) -> dict[str, bytes]:
        asked.append(len(oids))
        return read_blobs(self, oids, max_bytes=max_bytes)

    def one(self: Repository, item: TreeEntry, *, max_bytes: int) -> bytes:
        alone.append(item.path)
        return read_entry(self, item, max_bytes=max_bytes)

    monkeypatch.setattr(FetchedRepository, "read_blobs", many)
    monkeypatch.setattr(Repository, "read_entry", one)
    assert office.gate(number).exit_code == 1
    assert asked == [25]
    assert len([path for path in alone if "/models/" in path]) == 16
    assert "model_39 ACTIVE (regime_v1_prod)" in "\n".join(office.comments(number)).replace("\\", "")
