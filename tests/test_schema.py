"""The schema and the model judge together: what either refuses is refused, and the place is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from promotebot.artifact.manifest import Manifest
from promotebot.promotion.policy import Policy
from promotebot.schema import schema_problems, validated_model

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
GOOD = {
    "schema_version": "v1.1",
    "model_file": "model.onnx",
    "sha256": {"model.onnx": "0" * 64},
    "created_at": "2026-02-16T09:00:00Z",
}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"model_file": 3}, "$.model_file: expected a string, found 3"),
        ({"schema_version": "v9"}, '$.schema_version: expected one of "v1", "v1.1"; found "v9"'),
        ({"sha256": {}}, "$.sha256: is empty"),
        ({"sha256": []}, "$.sha256: expected an object, found a list"),
        ({"sha256": {"a b": 1}}, '$.sha256["a b"]: expected a string, found 1'),
        ({"dataset_id": ""}, "$.dataset_id: is empty"),
        ({"feature_order": ["a", None]}, "$.feature_order[1]: expected a string, found null"),
    ],
)
def test_each_way_to_break_a_schema_is_said_in_words_with_its_place(changes: dict[str, Any], line: str) -> None:
    assert schema_problems(Manifest, {**GOOD, **changes}) == [line]


def test_missing_and_unknown_keys_are_named() -> None:
    assert schema_problems(Manifest, {k: v for k, v in GOOD.items() if k != "sha256"}) == ["$.sha256: is missing"]
    (line,) = schema_problems(Policy, {"freez": []})
    assert line.startswith("$.freez: unknown key; did you mean freezes?")
    assert schema_problems(Policy, [1]) == ["$: expected an object, found a list"]


def test_what_yaml_writes_as_a_string_is_not_taken_for_a_boolean() -> None:
    assert validated_model(Policy, {"require_reason": "yes"}) == [
        '$.require_reason: expected true or false, found "yes"'
    ]


class Narrow(BaseModel):
    """A model whose schema says more than it checks."""

    model_config = ConfigDict(json_schema_extra={"maxProperties": 1})

    a: int = 0
    b: int = 0


def test_what_the_schema_alone_refuses_is_refused() -> None:
    assert validated_model(Narrow, {"a": 1}) == Narrow(a=1)
    assert validated_model(Narrow, {"a": 1, "b": 2}) == ["$: has too many keys; the most is 1"]


@given(JSON)
def test_any_document_is_judged_without_a_crash(document: Any) -> None:
    for model in (Manifest, Policy):
        result = validated_model(model, document)
        assert isinstance(result, model) or (
            isinstance(result, list) and result and all(line[0] == "$" for line in result)
        )


@given(st.dictionaries(st.sampled_from([*GOOD, "notes", "git_sha", "model"]), JSON, max_size=3))
def test_a_manifest_that_both_accept_says_what_was_written(changes: dict[str, Any]) -> None:
    document = {**GOOD, **changes}
    result = validated_model(Manifest, document)
    if isinstance(result, Manifest):
        kept = json.loads(result.model_dump_json(exclude_unset=True))
        assert {key: kept[key] for key in document} == document
