"""The split layout: one file per model, read when it is asked for; converting loses nothing."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import InvalidInput
from promotebot.promotion.replay import Replayed, replay
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.codec import stored_json
from promotebot.registry.convert import joined_bytes, split_files
from promotebot.registry.names import ModelName, Timestamp
from promotebot.registry.registry import Layout
from promotebot.registry.store import StoredRegistry

POINTER = {"artifact_dir": "ml/artifacts/v1", "artifact_id": "v1"}
EVENT = {"ts_utc": "2026-02-16T09:00:00Z", "to_stage": "active", "pointer": POINTER}
ENTRY = {"shadow": None, "staging": None, "active": POINTER, "history": [EVENT]}
INDEX = {"schema_version": "v1", "layout": "split", "team": "quant"}
NOW = Timestamp("2026-11-01T00:00:00Z")


@dataclass
class Files:
    """`models/` in memory, which remembers what was read of it."""

    content: Mapping[str, bytes]
    read_names: list[str] = field(default_factory=list)

    def names(self) -> Mapping[str, str | None]:
        return dict.fromkeys(self.content)

    def read(self, file_name: str) -> bytes:
        self.read_names.append(file_name)
        return self.content[file_name]


def files(**models: Any) -> Files:
    return Files({f"{name}.json": stored_json(entry) for name, entry in models.items()})


def registry(beside: Files, index: Any = INDEX) -> ModelRegistry:
    return ModelRegistry.parse(stored_json(index), files=beside)


def test_only_the_model_that_is_asked_for_is_read() -> None:
    beside = files(one=ENTRY, two=ENTRY)
    read = registry(beside)
    assert list(read) == ["one", "two"]
    assert "two" in read
    assert beside.read_names == []
    pointer = read.get_stage_pointer("one", "active")
    assert pointer is not None
    assert pointer.artifact_id == "v1"
    assert read.history["one"][0].to_stage is Stage.ACTIVE
    assert beside.read_names == ["one.json"]
    assert (list(read.history), len(read.history)) == (["one", "two"], 2)
    assert read.pointers("one")[Stage.ACTIVE] == pointer
    assert read.pointers("two")[Stage.SHADOW] is None
    assert beside.read_names == ["one.json", "two.json"]


def test_pointers_of_every_model_are_read_without_keeping_or_checking_a_history() -> None:
    broken = {**ENTRY, "history": [{"x": "y" * 20_000}] * 5}
    read = registry(files(**{f"m{number}": broken for number in range(100)}))
    assert read.pointers("m0")[Stage.ACTIVE]  # so that nothing is loaded for the first time below
    tracemalloc.start()
    try:
        assert all(read.pointers(name)[Stage.ACTIVE] for name in read)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000, "of ten million"
    assert read.pointers("nobody") == dict.fromkeys(Stage)


def test_a_promotion_reads_and_writes_its_own_models_file_only() -> None:
    beside = files(one=ENTRY, two=b"not even JSON".decode())
    before = registry(beside)
    after = before.with_event(ModelName("one"), {**EVENT, "to_stage": "shadow"}, POINTER, Stage.SHADOW)
    assert after.file_of("one") == "ml/registry/models/one.json"
    assert json.loads(after.file_bytes("one"))["shadow"] == POINTER
    assert after.reread("one").entries[ModelName("one")].shadow is not None
    assert after.to_bytes() == before.to_bytes()
    assert beside.read_names == ["one.json"]


def test_a_new_model_gets_a_file_of_its_own() -> None:
    after = registry(files()).with_event(ModelName("new"), {**EVENT, "to_stage": "shadow"}, POINTER, Stage.SHADOW)
    assert list(after) == ["new"]
    assert len(after.models) == 1
    assert after.file_of("new") == "ml/registry/models/new.json"


def test_an_entry_that_is_wrong_names_its_file_and_place_in_it() -> None:
    read = registry(files(one={**ENTRY, "active": {"artifact_dir": "../x", "artifact_id": "a"}}))
    with pytest.raises(InvalidInput) as caught:
        _ = read.entries[ModelName("one")]
    assert caught.value.where == "ml/registry/models/one.json"
    assert "$.active.artifact_dir" in caught.value.message


@pytest.mark.parametrize("name", ["README.md", "UPPER.json", "a-b.json", "models", "..json"])
def test_nothing_but_models_may_stand_beside_them(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"may be here|not a model name"):
        registry(Files({name: b"{}"}))


@pytest.fixture
def on_disk(tmp_path: Path) -> Path:
    """An index with the models `one` and `two` beside it."""
    (tmp_path / "models").mkdir()
    for name in ("one", "two"):
        (tmp_path / f"models/{name}.json").write_bytes(stored_json(ENTRY))
    (tmp_path / "models.json").write_bytes(stored_json(INDEX))
    return tmp_path / "models.json"


def test_who_asks_for_all_models_is_told_what_else_stands_among_them(on_disk: Path) -> None:
    read = ModelRegistry.load(on_disk)
    assert (list(read), "two" in read, "three" in read) == (["one", "two"], True, False)
    (on_disk.parent / "models/README.md").write_bytes(b"Models")
    assert ModelRegistry.load(on_disk).get_stage_pointer("one", "active")
    with pytest.raises(InvalidInput, match="files may be here"):
        list(ModelRegistry.load(on_disk))
    with pytest.raises(InvalidInput, match="files may be here"):
        ModelRegistry.load(on_disk).get_stage_pointer("three", "active")


def test_who_writes_is_told_what_else_stands_among_the_models(on_disk: Path) -> None:
    (on_disk.parent / "models/README.md").write_bytes(b"Models")
    with pytest.raises(InvalidInput, match="files may be here"):
        StoredRegistry(on_disk).read(check_models=False)


@pytest.mark.parametrize("name", ["", ".", "..", "../models", "../../secret", "one.json", "ONE", "one\n", "x" * 300])
def test_what_is_no_models_name_is_looked_for_nowhere(on_disk: Path, name: str) -> None:
    (on_disk.parent.parent / "secret.json").write_bytes(stored_json(ENTRY))
    read = ModelRegistry.load(on_disk)
    assert name not in read
    assert 1 not in read
    assert read.raw_entry(name) == {}
    assert read.raw_pointers(name) == dict.fromkeys(Stage)


def test_links_in_the_place_of_models_are_followed_for_no_name(on_disk: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.json").write_bytes(stored_json(ENTRY))
    (tmp_path / "models/three.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(InvalidInput, match="symbolic link"):
        ModelRegistry.load(on_disk).get_stage_pointer("three", "active")
    (tmp_path / "models").rename(tmp_path / "others")
    assert "one" not in ModelRegistry.load(on_disk)
    (tmp_path / "models").symlink_to(tmp_path / "others")
    with pytest.raises(InvalidInput, match="symbolic link"):
        ModelRegistry.load(on_disk).get_stage_pointer("one", "active")


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({**INDEX, "layout": "sharded"}, "update promotebot|expected 'split'"),
        ({**INDEX, "layout": None}, "expected 'split'"),
        ({**INDEX, "models": {}}, "is there too"),
    ],
)
def test_an_index_that_two_readers_could_read_differently_is_refused(index: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        registry(files(), index)


def test_a_split_index_without_its_files_is_not_taken_for_an_empty_registry() -> None:
    with pytest.raises(InvalidInput, match="in separate files"):
        ModelRegistry.parse(stored_json(INDEX))


def test_a_model_file_must_hold_an_object() -> None:
    with pytest.raises(InvalidInput, match="expected one model"):
        _ = dict(registry(files(one=[1])).entries)


def test_a_split_registry_loads_from_disk_and_follows_no_link(tmp_path: Path) -> None:
    index = tmp_path / "models.json"
    index.write_bytes(stored_json(INDEX))
    assert list(ModelRegistry.load(index)) == []
    (tmp_path / "models").mkdir()
    (tmp_path / "models/one.json").write_bytes(stored_json(ENTRY))
    (tmp_path / "models/.one.json-x7").write_bytes(b"half")
    assert list(ModelRegistry.load(index)) == ["one"]
    (tmp_path / "models/two.json").symlink_to("one.json")
    with pytest.raises(InvalidInput, match="symbolic link"):
        _ = dict(ModelRegistry.load(index).entries)
    (tmp_path / "models").rename(tmp_path / "elsewhere")
    (tmp_path / "models").symlink_to("elsewhere")
    with pytest.raises(InvalidInput, match="symbolic link"):
        list(ModelRegistry.load(index))


NAMES = st.text("abc_1", min_size=1, max_size=4)
EXTRA = st.dictionaries(st.sampled_from(["owner", "$note", "zone"]), st.text() | st.integers(-9, 9), max_size=2)


@given(st.dictionaries(NAMES, EXTRA, max_size=4), EXTRA)
def test_splitting_and_joining_gives_the_same_registry(models: dict[str, Any], extra: dict[str, Any]) -> None:
    document = {
        "schema_version": "v1",
        **extra,
        "models": {name: {**ENTRY, **models[name]} for name in sorted(models)},
    }
    single = ModelRegistry.parse(stored_json(document))
    index, content = split_files(single, NOW)
    split = ModelRegistry.parse(index, files=Files({Path(path).name: data for path, data in content.items()}))
    assert split.layout is Layout.SPLIT
    assert replay(single, split) == Replayed(())
    assert replay(split, single) == Replayed(())
    assert joined_bytes(split, NOW) == single.to_bytes()


def test_a_conversion_that_loses_an_event_is_no_promotion() -> None:
    single = ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {"one": ENTRY}}))
    index, _ = split_files(single, NOW)
    lost = ModelRegistry.parse(index, files=files(one={**ENTRY, "history": []}))
    assert not isinstance(replay(single, lost), Replayed)
    gone = ModelRegistry.parse(index, files=files())
    assert not isinstance(replay(single, gone), Replayed)


def test_the_package_gives_its_records_and_nothing_else() -> None:
    import promotebot.registry

    assert promotebot.registry.Pointer.__name__ == "Pointer"
    with pytest.raises(AttributeError, match="has no attribute 'Nope'"):
        _ = promotebot.registry.Nope


def test_an_entry_is_in_the_entries_without_being_read() -> None:
    beside = files(one=ENTRY)
    read = registry(beside)
    assert ModelName("one") in read.entries
    assert len(read.entries) == 1
    assert beside.read_names == []


def test_a_stage_that_is_no_text_is_refused() -> None:
    event = {**EVENT, "to_stage": 3}
    with pytest.raises(InvalidInput, match="to_stage"):
        _ = registry(files(one={**ENTRY, "history": [event]})).entries[ModelName("one")]
