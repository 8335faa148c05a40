"""What a manifest may say, and how a wrong one is named."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from promotebot.artifact.manifest import Manifest, colliding, first_manifest_command, parse_manifest
from promotebot.errors import InvalidInput

WHERE = "ml/artifacts/regime_v2/manifest.json"
ANEW = f"correct the file, or write it again: rm -- {WHERE} && promotebot manifest ml/artifacts/regime_v2 --model-file "
HEX = "ab" * 32


def document(**changes: Any) -> dict[str, Any]:
    values = {
        "schema_version": "v1",
        "model_file": "model.onnx",
        "sha256": {"model.onnx": HEX},
        "created_at": "2026-02-16",
    }
    return {**values, **changes}


def parse(value: Any) -> Manifest:
    return parse_manifest(json.dumps(value).encode(), where=WHERE)


def test_the_digest_is_of_the_canonical_model_file_and_files_only() -> None:
    pinned = f'{{"model_file":"model.onnx","sha256":{{"a/b.bin":"{HEX}","model.onnx":"{HEX}"}}}}'
    expected = "sha256:" + hashlib.sha256(pinned.encode()).hexdigest()
    files = {"model.onnx": HEX, "a/b.bin": HEX}
    assert parse(document(sha256=files)).digest == expected
    assert parse(document(sha256=dict(reversed(files.items())), notes="other", extra=1.5)).digest == expected


def test_the_full_digest_is_of_every_key_whatever_its_order_and_spaces() -> None:
    whole = document(notes="n", feature_order=["a", "b"], thresholds={"buy": 0.5, "sell": 1})
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert parse(whole).full_digest == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    spaced = json.dumps(dict(reversed(whole.items())), indent=7).replace("0.5", "5e-1")
    assert parse_manifest(spaced.encode(), where=WHERE).full_digest == parse(whole).full_digest


@pytest.mark.parametrize(
    "key", ["team", "digest", "full_digest", "model_config", "model_extra", "__dict__", "__class__"]
)
@pytest.mark.parametrize("value", [None, 0.5, {"a": [1.0]}])
def test_no_key_is_left_out_of_the_full_digest(key: str, value: Any) -> None:
    assert parse(document(**{key: value})).full_digest != parse(document()).full_digest
    assert parse(document(**{key: value})).full_digest != parse(document(**{key: 1})).full_digest


@pytest.mark.parametrize(
    "changes",
    [
        {"notes": "other"},
        {"notes": None},
        {"created_at": "2026-02-17"},
        {"git_sha": "5" * 40},
        {"feature_order": ["b", "a"]},
        {"feature_order": None},
        {"thresholds": {"buy": 1}},
        {"thresholds": {"buy": 0.1 + 0.2}},
    ],
)
def test_a_change_of_any_field_changes_the_full_digest(changes: dict[str, Any]) -> None:
    whole = document(feature_order=["a", "b"], thresholds={"buy": 1.0})
    assert parse({**whole, **changes}).full_digest != parse(whole).full_digest


def test_upper_case_hex_of_older_tools_means_the_same_digest() -> None:
    older = parse(document(sha256={"model.onnx": HEX.upper()}))
    assert older.model_sha256 == HEX
    assert older.digest == parse(document()).digest


def test_unknown_keys_are_kept() -> None:
    assert parse(document(team="quant")).model_dump()["team"] == "quant"


def test_the_feature_order_hash_is_the_older_tools() -> None:
    manifest = parse(document(feature_order=["a", "b"]))
    assert manifest.feature_order_hash == hashlib.sha256(b'["a", "b"]').hexdigest()[:16]
    assert parse(document()).feature_order_hash is None


@pytest.mark.parametrize("moment", ["2026-02-16T09:00:00Z", "2026-02-16", "2026-02-16 09:00:00.123+01:00"])
def test_a_time_of_older_tools_is_read(moment: str) -> None:
    assert parse(document(created_at=moment, created_at_utc=moment)).created_at == moment


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": "v2"}, "$.schema_version: "),
        ({"schema_version": 1}, "$.schema_version: "),
        ({"model_file": "other.onnx"}, "$: model_file 'other.onnx' is not among the files"),
        ({"model_file": 7}, "$.model_file: expected a string, found 7"),
        ({"sha256": {}}, "$.sha256: "),
        ({"sha256": []}, "$.sha256: "),
        ({"sha256": {"model.onnx": "ab"}}, '$.sha256["model.onnx"]: expected 64 hex digits'),
        ({"sha256": {"model.onnx": HEX + "\n"}}, '$.sha256["model.onnx"]: expected 64 hex digits'),
        ({"sha256": {"model.onnx": HEX, "../x": HEX}}, '$.sha256["../x"]: Path traversal not allowed'),
        ({"sha256": {"model.onnx": HEX, "/etc/passwd": HEX}}, "Path traversal not allowed (absolute path)"),
        ({"sha256": {"model.onnx": HEX, "a//b": HEX}}, "Path is not normalised"),
        ({"sha256": {"model.onnx": HEX, "a\nb": HEX}}, '$.sha256["a\\nb"]: Path has a control character'),
        ({"sha256": {"model.onnx": HEX, ".git/config": HEX}}, "Path leads into .git"),
        ({"sha256": {"model.onnx": HEX, "manifest.json": HEX}}, "a manifest cannot hold its own digest"),
        ({"sha256": {"model.onnx": HEX, "Manifest.JSON": HEX}}, "a manifest cannot hold its own digest"),
        ({"sha256": {"model.onnx": HEX, "Model.onnx": HEX}}, "are the same file on some systems"),
        ({"sha256": {"model.onnx": HEX, "data/a": HEX, "Data/b": HEX}}, "'data' and 'Data' are the same file"),
        ({"sha256": {"model.onnx": HEX, "data": HEX, "data.txt": HEX, "data/a": HEX}}, "'data' is a file, and a dir"),
        ({"created_at": None}, "$.created_at: "),
        ({"created_at": "notadateZ"}, "'notadateZ' is not a time"),
        ({"created_at_utc": "2026-02-30T00:00:00Z"}, "$.created_at_utc: "),
        ({"git_sha": "abc"}, "$.git_sha: 'abc' is not a commit"),
        ({"dataset_id": 12}, "$.dataset_id: expected a string, found 12"),
        ({"dataset_id": ""}, "$.dataset_id: "),
        ({"feature_order": "a,b"}, "$.feature_order: "),
        ({"feature_order": ["a", 1]}, "$.feature_order[1]: "),
        ({"model": "Regime Model"}, "$.model: 'Regime Model' is not a model name"),
    ],
)
def test_what_is_wrong_is_named_by_its_json_path(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(document(**changes))
    assert message in refused.value.message
    assert refused.value.where == WHERE
    assert refused.value.remedy.startswith(ANEW)
    assert "\n" not in refused.value.message + refused.value.remedy


def test_everything_wrong_is_named_at_once() -> None:
    with pytest.raises(InvalidInput, match=r"\$\.git_sha.*\$\.dataset_id"):
        parse(document(git_sha="x", dataset_id=1))


def test_a_thousand_wrong_files_are_counted_not_listed() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(document(sha256={f"f{number}": "no" for number in range(1000)}))
    assert "and 980 more" in refused.value.message
    assert len(refused.value.message) < 3000


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"null", b"\xff\xfe", b"{", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xef\xbb\xbf{}", b"[" * 100_000],
    ids=["empty", "a list", "null", "no UTF-8", "half", "NaN", "a key twice", "a mark", "deep"],
)
def test_what_is_no_json_object_is_refused_with_the_command_that_writes_one(data: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_manifest(data, where=WHERE)
    assert refused.value.where == WHERE
    assert refused.value.remedy


def test_the_remedy_names_the_model_file_the_manifest_names() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(document(model_file="nets/regime.onnx"))
    assert refused.value.remedy == f"{ANEW}nets/regime.onnx"


@pytest.mark.parametrize("name", ["$(reboot).onnx", "a b.onnx", "../x"])
def test_the_remedy_is_safe_to_paste(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(document(model_file=name))
    tail = refused.value.remedy.partition("--model-file ")[2]
    assert tail in (f"'{name}'", "model.onnx")


@pytest.mark.parametrize(
    ("change", "older"),
    [
        (lambda d: d, True),
        (lambda d: {**d, "schema_version": "v1.1"}, True),
        (lambda d: {**d, "schema_version": "v1.1", "model": "regime"}, False),
    ],
)
def test_only_older_tools_leave_out_the_model(change: Callable[[dict[str, Any]], dict[str, Any]], older: bool) -> None:
    assert parse(change(document())).from_older_tool is older


def test_collisions_are_found_through_case_and_composition_in_every_component() -> None:
    assert list(colliding(["a/x", "A/y", "b"])) == [("a", "A")]
    assert list(colliding(["caf\u00e9", "cafe\u0301"])) == [("caf\u00e9", "cafe\u0301")]
    assert list(colliding(["a/x", "a/y", "b/x"])) == []
    assert list(colliding(["a/x/1", "a/X/2", "a/X/3", "b/x", "A"])) == [("a/x", "a/X"), ("a", "A")]


def test_deep_paths_by_the_hundred_are_judged_in_little_memory() -> None:
    code = """
import resource
from promotebot.artifact.manifest import colliding, parse_manifest
from promotebot.errors import InvalidInput
resource.setrlimit(resource.RLIMIT_AS, (512 * 1024**2, 512 * 1024**2))
paths = [f"{number}/" + "a/" * 2000 + "b" for number in range(150)]
assert list(colliding(paths)) == []
files = ", ".join(f'"{path}": "{"ab" * 32}"' for path in paths)
text = '{"schema_version": "v1", "model_file": "m", "created_at": "2026-02-16", "sha256": {%s}}' % files
try:
    parse_manifest(text.encode(), where="manifest.json")
except InvalidInput as problem:
    assert "Path has over 64 components" in problem.message
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "golden", [{"rtol": 0}, {"rtol": 1.0}, {"atol": 1e-5}, {"rtol": 0.5, "atol": 1000}, {"rtol": None, "atol": 0.1}]
)
def test_tolerances_stay_the_numbers_that_were_written_and_are_part_of_the_full_digest(golden: dict[str, Any]) -> None:
    whole = document(golden=golden)
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert parse(whole).full_digest == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("golden", "says"),
    [
        ({"rtol": 1.01}, "$.golden.rtol: expected a number from 0 to 1"),
        ({"atol": -1e-9}, "$.golden.atol: expected a number from 0 to 1,000"),
        ({"atol": 1001}, "$.golden.atol: expected a number from 0 to 1,000"),
        ({"rtol": True}, "$.golden.rtol: expected a number from 0 to 1"),
        ({"rtol": "0.1"}, "$.golden.rtol: expected a number from 0 to 1"),
        ({"rtoll": 0.1}, "$.golden.rtoll"),
        ({}, "$.golden: holds neither rtol nor atol"),
        ({"rtol": None}, "$.golden: holds neither rtol nor atol"),
        (0.1, "$.golden: "),
    ],
)
def test_tolerances_are_numbers_within_bounds(golden: Any, says: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        parse(document(golden=golden))
    assert says in problem.value.message


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (["model.onnx", "test_data_set_0/input_0.pb"], "promotebot manifest d --model-file model.onnx"),
        (["clf.pkl", "train_report.json"], "promotebot manifest d --model-file clf.pkl"),
        (["a.onnx", "weights.bin"], "promotebot manifest d --model-file a.onnx"),
        (["a.onnx", "b.onnx"], "promotebot manifest d"),
        (["README.md"], "promotebot manifest d"),
    ],
)
def test_the_line_for_a_first_manifest_names_the_model_where_one_file_alone_may_be_it(
    files: list[str], line: str
) -> None:
    assert str(first_manifest_command("d", files)) == line
