"""What a service was built for, compared with what a model takes and gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promotebot import load_artifact
from promotebot.artifact.header import Value
from promotebot.artifact.signature import Signature, differences, read_signature, signature_of
from promotebot.errors import CouldNotVerify, InvalidInput

ROOT = Path(__file__).resolve().parents[2]
V1 = ROOT / "ml/artifacts/regime_v1"
INPUT, OUTPUT = Value(name="x", type="float32", shape=["n", 15]), Value(name="y", type="float32", shape=["n", 3])
MODEL = Signature(inputs=[INPUT], outputs=[OUTPUT], feature_order=["a", "b"])


def test_the_signature_of_the_sample_is_read_from_its_file_and_its_manifest() -> None:
    artifact = load_artifact(V1)
    signature = signature_of(artifact)
    assert signature.inputs == [Value(name="input", type="float32", shape=["n", 15])]
    assert signature.outputs == [Value(name="regime_probs", type="float32", shape=["n", 3])]
    assert signature.feature_order == list(artifact.manifest.feature_order or ())
    assert differences(signature, signature) == []


@pytest.mark.parametrize(
    ("shape", "is_expected"),
    [
        (["n", 15], True),
        (["batch", 15], True),
        ([None, 15], True),
        ([None, None], True),
        (None, True),
        (["n", 16], False),
        (["n", "m"], False),
        ([1, 15], False),
        (["n"], False),
        (["n", 15, 1], False),
        ([], False),
    ],
)
def test_a_number_is_one_size_a_text_any_size_and_null_is_not_compared(shape: Any, is_expected: bool) -> None:
    assert Value(name="x", type="float32", shape=shape).accepts(INPUT) is is_expected


def test_a_model_that_does_not_say_its_shape_is_not_what_has_one() -> None:
    assert not INPUT.accepts(Value(name="x", type="float32"))
    assert Value(name="x", type="float32").accepts(Value(name="x", type="float32"))


def value(name: str, *shape: int | str, of: str = "float32") -> Value:
    return Value(name=name, type=of, shape=list(shape))


@pytest.mark.parametrize(
    ("actual", "said"),
    [
        ({"inputs": [value("x", "n", 16)]}, "input 1 is x float32[n,16], expected x float32[n,15]"),
        ({"inputs": [value("x", "n", 15, of="int64")]}, "input 1 is x int64[n,15], expected x float32[n,15]"),
        ({"inputs": [value("z", "n", 15)]}, "input 1 is z float32[n,15], expected x float32[n,15]"),
        ({"inputs": []}, "input 1 is not there, expected x float32[n,15]"),
        ({"outputs": [OUTPUT, INPUT]}, "output 2 is x float32[n,15], expected none"),
        ({"feature_order": ["b", "a"]}, "feature 1 of 2 is b, expected a"),
        ({"feature_order": ["a"]}, "feature 2 of 1 is not there, expected b"),
        ({"feature_order": ["a", "b", "c"]}, "feature 3 of 3 is c, expected none"),
        ({"feature_order": None}, "the manifest names no feature_order"),
    ],
)
def test_each_difference_is_said(actual: dict[str, Any], said: str) -> None:
    assert differences(MODEL, MODEL.model_copy(update=actual)) == [said]


def test_what_is_not_expected_is_not_compared() -> None:
    assert differences(Signature(outputs=[OUTPUT]), MODEL) == []
    many = [Value(name=f"x{number}", type="int64") for number in range(9)]
    found = differences(Signature(inputs=many), MODEL)
    assert (len(found), found[-1]) == (6, "and 4 more")


def test_a_file_a_manifest_and_a_document_say_what_is_expected(tmp_path: Path) -> None:
    file = tmp_path / "signature.json"
    file.write_text(signature_of(load_artifact(V1)).model_dump_json(exclude_none=True))
    assert read_signature(file) == read_signature(str(file)) == signature_of(load_artifact(V1))
    assert read_signature(json.loads(file.read_bytes())) == read_signature(file)
    of_manifest = read_signature(V1 / "manifest.json")
    assert of_manifest == Signature(feature_order=signature_of(load_artifact(V1)).feature_order)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({}, "expects nothing, so that every model would do"),
        ({"inputs": None}, "expects nothing, so that every model would do"),
        ({"input": []}, r"\$.input: "),
        ({"inputs": [{"name": "x"}]}, r"\$.inputs\[0\].type"),
        ({"inputs": [{"name": "x", "type": "float32", "rank": 2}]}, r"\$.inputs\[0\].rank"),
        ({"inputs": [{"name": "x", "type": "float32", "shape": [1.5]}]}, r"\$.inputs\[0\].shape"),
        ({"feature_order": "a,b"}, r"\$.feature_order"),
    ],
)
def test_what_could_be_misread_expects_nothing_and_is_refused(document: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as refused:
        read_signature(document)
    assert refused.value.remedy
    assert refused.value.where == "expect_signature"


def test_a_manifest_without_an_order_of_features_expects_nothing(tmp_path: Path) -> None:
    document = json.loads((V1 / "manifest.json").read_bytes())
    del document["feature_order"]
    (tmp_path / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(InvalidInput, match="expects nothing"):
        read_signature(tmp_path / "manifest.json")


def test_a_file_that_is_not_there_or_does_not_read_is_no_expectation(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is not there"):
        read_signature(tmp_path / "gone.json")
    with pytest.raises(CouldNotVerify, match="cannot be read"):
        read_signature(tmp_path)
    with pytest.raises(CouldNotVerify, match="cannot be read"):
        read_signature("")  # a variable that was not set
    (tmp_path / "twice.json").write_text('{"inputs": [], "inputs": []}')
    with pytest.raises(InvalidInput, match="given twice"):
        read_signature(tmp_path / "twice.json")
