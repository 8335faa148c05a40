"""ModelRegistry: reading old and new files, changing one model, the chain."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import InvalidInput
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.chain import chain_breaks, event_digest, sealed
from promotebot.registry.codec import stored_json
from promotebot.registry.names import ModelName

POINTER = {"artifact_dir": "ml/artifacts/regime_v1", "artifact_id": "regime_v1_prod"}
EVENT = {"ts_utc": "2026-02-16T09:00:00Z", "to_stage": "active", "pointer": POINTER}
LEGACY = {
    "schema_version": "v1",
    "team": "quant",
    "models": {
        "other": {"x": 0.5, "shadow": None, "staging": None, "active": None, "history": []},
        "regime_classifier": {"owner": "ml", "shadow": None, "active": {**POINTER, "zone": "eu"}, "history": [EVENT]},
    },
}


def registry(document: Any = LEGACY) -> ModelRegistry:
    return ModelRegistry.parse(stored_json(document))


def test_a_file_of_an_older_tool_loads(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.write_bytes(stored_json(LEGACY))
    loaded = ModelRegistry.load(path)
    pointer = loaded.get_stage_pointer("regime_classifier", "active")
    assert pointer is not None
    assert pointer.artifact_id == "regime_v1_prod"
    assert ModelRegistry.load(str(path)).history["regime_classifier"][0].to_stage is Stage.ACTIVE
    assert loaded.get_stage_pointer("regime_classifier", Stage.STAGING) is None


def test_an_unknown_stage_or_model_is_an_error_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="shadow, staging, active"):
        registry().get_stage_pointer("regime_classifier", "production")
    with pytest.raises(InvalidInput, match="other, regime_classifier"):
        registry().get_stage_pointer("nope", "active")


def test_a_change_keeps_unknown_keys_and_touches_nothing_else() -> None:
    before = registry()
    after = before.with_event(ModelName("regime_classifier"), {**EVENT, "to_stage": "shadow"}, POINTER, Stage.SHADOW)
    document = json.loads(after.to_bytes())
    assert document["team"] == "quant"
    assert list(document["models"]) == ["other", "regime_classifier"]
    assert document["models"]["other"] == LEGACY["models"]["other"]  # type: ignore[index]
    entry = document["models"]["regime_classifier"]
    assert entry["owner"] == "ml"
    assert entry["active"]["zone"] == "eu"
    assert entry["shadow"] == POINTER
    assert before.to_bytes() == stored_json(LEGACY)


def test_what_is_said_of_a_model_before_its_stages_stays_there() -> None:
    said = {"owner": "ml", "description": "regimes", **LEGACY["models"]["regime_classifier"]}  # type: ignore[index]
    name = ModelName("regime_classifier")
    after = registry().with_entry(name, said).with_event(name, {**EVENT, "to_stage": "shadow"}, POINTER, Stage.SHADOW)
    keys = list(after.raw_entry(name))
    assert keys[:5] == ["owner", "description", "shadow", "staging", "active"]
    assert keys[-2:] == ["history", "history_digest"]


def test_the_first_promotion_seals_the_events_an_older_tool_wrote() -> None:
    after = registry().with_event(
        ModelName("regime_classifier"), {**EVENT, "to_stage": "shadow"}, POINTER, Stage.SHADOW
    )
    entry = after.raw_entry("regime_classifier")
    assert chain_breaks(entry["history"], entry["history_digest"]) == []
    assert entry["history"][1]["previous"] is None
    assert entry["history"][0]["previous"] == event_digest(entry["history"][1])


events = st.lists(
    st.fixed_dictionaries(
        {
            "ts_utc": st.just("2026-02-16T09:00:00Z"),
            "n": st.integers(0, 9),
            "why": st.text(st.characters(codec="utf-8"), max_size=5),
        }
    ),
    min_size=1,
    max_size=6,
)


@given(events, st.data())
def test_any_edit_of_an_event_that_does_not_rehash_the_chain_is_found(
    history: list[dict[str, Any]], data: st.DataObject
) -> None:
    chain, digest = sealed(history)
    assert chain_breaks(chain, digest) == []
    edited = copy.deepcopy(chain)
    index = data.draw(st.integers(0, len(edited) - 1))
    kind = data.draw(st.sampled_from(["edit", "drop", "swap", "add"]))
    if kind == "edit":
        edited[index]["n"] += 1
    elif kind == "drop":
        del edited[index]
    elif kind == "swap" and len(edited) > 1:
        edited[index - 1], edited[index] = edited[index], edited[index - 1]
    else:
        edited.insert(index, {"ts_utc": "2026-02-16T09:00:00Z", "n": 1, "why": "", "previous": None})
    assert chain_breaks(edited, digest)


def test_sealing_a_sealed_chain_changes_nothing() -> None:
    chain, digest = sealed([{"a": 1}, {"a": 2}])
    assert sealed(chain) == (chain, digest)


def test_a_digest_without_events_is_a_break() -> None:
    assert chain_breaks([], None) == []
    assert chain_breaks([], "sha256:" + "0" * 64)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "the top level is a list"),
        ({"models": {}}, "schema_version is None"),
        ({"schema_version": "v9", "models": {}}, "reads v1"),
        ({"schema_version": "v1"}, "$.models is missing"),
        (
            {
                "schema_version": "v1",
                "models": [],
            },
            "$.models is missing or not an object",
        ),
        ({"schema_version": "v1", "models": {"name\n": {}}}, "not a model name"),
        ({"schema_version": "v1", "models": {}, "generated_at_utc": 5}, "generated_at_utc"),
        (
            {"schema_version": "v1", "models": {"m": {"active": {"artifact_dir": "a", "artifact_id": 7}}}},
            "$.models.m.active.artifact_id",
        ),
        (
            {"schema_version": "v1", "models": {"m": {"active": {"artifact_dir": "../a", "artifact_id": "x"}}}},
            "Path traversal not allowed",
        ),
        ({"schema_version": "v1", "models": {"m": {"active": {"artifact_id": "x"}}}}, "$.models.m.active.artifact_dir"),
        ({"schema_version": "v1", "models": {"m": {"active": {**POINTER, "git_sha": "abc"}}}}, "not a commit"),
        (
            {"schema_version": "v1", "models": {"m": {"history": [{**EVENT, "ts_utc": "2026-99-99T00:00:00Z"}]}}},
            "$.models.m.history[0].ts_utc",
        ),
        (
            {"schema_version": "v1", "models": {"m": {"history": [{**EVENT, "to_stage": "prod"}]}}},
            "not one of: shadow, staging, active",
        ),
        ({"schema_version": "v1", "models": {"m": {"history": {}}}}, "$.models.m.history"),
        ({"schema_version": "v1", "models": {"m": 3}}, "$.models.m"),
    ],
)
def test_what_is_not_a_registry_is_refused_with_the_place(document: Any, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        registry(document)
    assert says in str(caught.value)
    assert "ml/registry/models.json" in str(caught.value) or "name" in str(caught.value)


def test_a_missing_registry_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="registry not found"):
        ModelRegistry.load(tmp_path / "models.json")


def test_a_linked_registry_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_bytes(stored_json(LEGACY))
    (tmp_path / "models.json").symlink_to("real.json")
    with pytest.raises(InvalidInput, match="symbolic link"):
        ModelRegistry.load(tmp_path / "models.json")
