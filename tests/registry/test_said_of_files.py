"""What is said of files, names and chains that are none, word for word; see `approved.py`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any, TypeVar

import pytest

from promotebot.errors import InvalidInput
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.chain import chain_breaks, event_digest, sealed
from promotebot.registry.codec import canonical_json, parse_json, stored_json
from promotebot.registry.convert import joined_bytes, split_files
from promotebot.registry.names import (
    ModelName,
    Timestamp,
    parse_artifact_path,
    parse_digest,
    parse_git_sha,
    parse_model_name,
    parse_stage,
    parse_timestamp,
    to_datetime,
    to_timestamp,
)
from promotebot.registry.split_layout import SplitModels
from tests.approved import approve, json_text, refusal_text

from .test_registry import EVENT, LEGACY, POINTER
from .test_split_layout import Files

WHERE = "some/models.json"
LONG = "x" * 300


def answer(call: Callable[[], object]) -> str:
    try:
        return str(call())
    except InvalidInput as problem:
        return refusal_text(problem)


_T = TypeVar("_T")


def each(
    inputs: Iterable[_T], call: Callable[[_T], object], shown: Callable[[_T], str] = str
) -> Iterator[tuple[str, list[str]]]:
    """What a call answers to each input."""
    for item in inputs:
        yield shown(item), [answer(partial(call, item))]


def shown(data: bytes) -> str:
    return repr(data) if len(data) <= 120 else f"{data[:40]!r}… {len(data)} bytes"


DOCUMENTS = [
    b"",
    b"{",
    b'{"a": 1,\n "b" 2}',
    b"\xef\xbb\xbf{}",
    b'{"a": "\xff"}',
    b'{"a": 1, "b": 2, "a": 3}',
    b'[{"deep": {"a": 1, "a": 2}}]',
    b"[NaN]",
    b"[-Infinity]",
    b"[1e999]",
    b"[-1e999]",
    b"[1.5]",
    b"[0.1234567890123456789]",
    b"[1e-400]",
    b"[1e-99999999999999999999]",
    b"[0e99999999999999999999]",
    b"[0.1, 1.50, -0.0, 1e2, 5e-324, 0.12345678901234568]",
    b"[123456789012345678901]",
    b"[12345678901234567890]",
    b'["\\ud800"]',
    b'["\\ud83d\\ude00"]',
    b'["\\\\ud800"]',
    b"[" * 64 + b"]" * 64,
    b"[" * 65 + b"]" * 65,
    b"[\n" * 64 + b"{}" + b"]" * 64,
    b"[[],[]," * 40 + b"1" + b"]" * 40,
    b'["[[[[]]]]\\"[["]',
    b"nul",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
    b"[[1],[2]]" + b" " * 3 + b"[" * 65,
    b'{"a": [[], [], []]}' + b"\n{" * 64,
    b"[[]," * 32 + b"[]" + b"]" * 32,
    b"[[]," * 63 + b"[]" + b"]" * 63,
    b"[[]," * 64 + b"[]" + b"]" * 64,
    b'["\\\\", "\\"[", "' + b"[" * 70 + b'"]',
    b'{"a": [{"b\\u0000": 1}]}',
    b'{"a": "\\u0000"}',
]


def test_what_is_said_of_bytes_that_are_no_json() -> None:
    approve("json", each(DOCUMENTS, partial(parse_json, where=WHERE, exact=True), shown))
    over = answer(lambda: parse_json(b"[1, 2]", where=WHERE, max_bytes=5))
    assert over == f"✗ {WHERE}: file is 6 bytes; the limit is 5"
    with pytest.raises(ValueError, match="not JSON compliant"):
        stored_json({"a": float("nan")})
    assert parse_json(b"[0.1234567890123456789, 1e-400]", where=WHERE) == [0.12345678901234568, 0.0]
    assert parse_json(b"[1,2]", where=WHERE, max_bytes=5) == [1, 2]


PLAIN = {"b": 1, "a": [True, None, "ü/\u2028"]}
VALUES: list[object] = [PLAIN, {"a": {"b": 0.5}}, [1, 2.0], (1, 2.5), {"a": ({"b": 1.0},)}, "text", 7]


def test_what_has_a_canonical_form_and_what_has_none() -> None:
    approve("canonical", each(VALUES, canonical_json, repr))
    assert stored_json({"b": "ü", "a": []}) == '{\n  "b": "ü",\n  "a": []\n}\n'.encode()


NAMES: dict[Callable[[str], object], list[str]] = {
    parse_stage: ["shadow", "Active", "prod", ""],
    parse_model_name: ["a_1", "x" * 128, "x" * 129, "A", "a\n", ""],
    parse_git_sha: ["a" * 40, "A" * 40, "a" * 39, "a" * 41, "g" * 40],
    parse_digest: ["sha256:" + "0" * 64, "sha256:" + "0" * 63, "sha512:" + "0" * 64, "0" * 64],
    parse_timestamp: [
        "2026-02-16T09:00:00Z",
        "2026-02-16T09:00:00.123456789Z",
        "2026-02-16T09:00:00.1234567890Z",
        "2026-02-16T09:00:00",
        "2026-02-16 09:00:00Z",
        "2026-02-30T09:00:00Z",
        "2026-02-16T09:00:00+00:00",
    ],
    to_datetime: ["2026-02-16T09:00:00Z", "2026-02-16T09:00:00.9Z"],
    parse_artifact_path: [
        "ml/artifacts/v1",
        "ml/.gitignore/x",
        "a" * 4096,
        "a" * 4097,
        "ü" * 2049,
        "",
        "/etc",
        "~/x",
        "C:/x",
        "c:x",
        "a/../b",
        "..",
        "a\\b",
        "a//b",
        "a/",
        "./a",
        "a/./b",
        "-a/b",
        "a/-b",
        "a/.GIT/b",
        "a\nb",
        "a\u200bb",
        "a\ud800b",
        "e\u0301",
        "ａ",  # noqa: RUF001 - full-width on purpose
        "a /b",
        "a/ b",
        "a./b",
        "/".join("a" * 64),
        "/".join("a" * 65),
        "a%2e/b",
        "a/NUL.txt/b",
        "a\udfffb",
        LONG + "/..",
    ],
}


def test_what_is_said_of_every_kind_of_word() -> None:
    def cut(text: str) -> str:
        return f"{text[:60].encode('unicode_escape').decode()}… {len(text)}"

    cases = []
    for parse, texts in NAMES.items():
        answers = [f"{case} → {lines[0][:400]}" for case, lines in each(texts, parse, cut)]
        cases.append((parse.__name__, answers))
    approve("words", cases)
    berlin = timezone(timedelta(hours=2))
    assert to_timestamp(datetime(2026, 2, 16, 11, 0, 0, 999, tzinfo=berlin)) == "2026-02-16T09:00:00Z"


def heads() -> Iterator[dict[str, Any]]:
    def model(**entry: Any) -> dict[str, Any]:
        return {"schema_version": "v1", "models": {"m": entry}}

    yield {"models": {}}
    yield {"schema_version": "v2", "models": {}}
    yield {"schema_version": "v1"}
    yield {"schema_version": "v1", "models": []}
    yield {"schema_version": "v1", "models": {}, "generated_at_utc": 5}
    yield {"schema_version": "v1", "models": {}, "generated_at_utc": "today"}
    yield {"schema_version": "v1", "models": {}, "generated_at_utc": None}
    yield {"schema_version": "v1", "layout": "single", "models": {}}
    yield {"schema_version": "v1", "layout": "split", "models": {}}
    yield {"schema_version": "v1", "layout": "split"}
    yield {"schema_version": "v1", "models": {"M": {}}}
    yield model()
    yield {"schema_version": "v1", "models": {"m": 3}}
    yield model(shadow=POINTER, active={**POINTER, "zone": "eu"}, history=[EVENT])
    yield model(history={})
    yield model(history=[3])
    yield model(active=3)
    yield model(active={"artifact_dir": "a"})
    yield model(active={**POINTER, "artifact_id": ""})
    yield model(active={**POINTER, "artifact_id": 7, "git_sha": "abc", "digest": "x", "source": "web"})
    yield model(active={**POINTER, "notes": 1, "dataset_id": "", "promoted_at_utc": "now"})
    yield model(active={**POINTER, "notes": {"long": LONG}})
    yield model(history_digest="x")
    yield model(history=[{**EVENT, "action": "delete", "to_stage": "prod", "ts_utc": 5}])
    yield model(history=[{**EVENT, "request": {"repo": "a/b", "pull": "7", "id": "", "login": "a", "head_sha": "x"}}])
    yield model(history=[EVENT, {"ts_utc": "2026-01-01T00:00:00Z"}])


def test_what_is_said_of_every_kind_of_registry() -> None:
    def read(document: object) -> str:
        def parsed() -> str:
            registry = ModelRegistry.parse(stored_json(document), where=WHERE)
            return json_text({name: entry.model_dump(mode="json") for name, entry in registry.entries.items()})

        return answer(parsed)

    approve("registries", ((json.dumps(head)[:150], [read(head)]) for head in heads()))
    assert "the top level is a list" in answer(lambda: ModelRegistry.parse(b"[]", where=WHERE))
    assert answer(lambda: ModelRegistry.parse(stored_json(LEGACY), where=WHERE).get_stage_pointer("m", "active")) == (
        f"✗ {WHERE}: unknown model 'm' | known models: other, regime_classifier"
    )
    empty = ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {}}), where=WHERE)
    assert (
        answer(lambda: empty.get_stage_pointer("m", "active")) == f"✗ {WHERE}: unknown model 'm' | known models: none"
    )


def test_where_a_chain_does_not_hold() -> None:
    chain, digest = sealed([{"n": 3}, {"n": 2}, {"n": 1}])
    assert (event_digest(chain[0]), chain[2]["previous"]) == (digest, None)
    chains: dict[str, tuple[list[dict[str, Any]], str | None]] = {
        "whole": (chain, digest),
        "no digest": (chain, None),
        "another digest": (chain, "sha256:" + "0" * 64),
        "the newest is gone": (chain[1:], digest),
        "the middle is gone": ([chain[0], chain[2]], digest),
        "the oldest is gone": (chain[:-1], digest),
        "the middle is another": ([chain[0], {**chain[1], "n": 9}, chain[2]], digest),
        "the oldest is another": ([*chain[:2], {**chain[2], "n": 9}], digest),
        "nothing, but a digest": ([], digest),
        "nothing": ([], None),
    }
    approve("chains", ((name, map(str, chain_breaks(*case))) for name, case in chains.items()))


def test_what_an_event_makes_of_a_registry_in_either_layout() -> None:
    name, event = ModelName("regime_classifier"), {**EVENT, "to_stage": "shadow", "reason": "why"}
    single = ModelRegistry.parse(stored_json({**LEGACY, "generated_at_utc": "2026-01-01T00:00:00Z"}), where=WHERE)
    index, files = split_files(single, Timestamp("2026-02-01T00:00:00Z"))
    split = ModelRegistry.parse(
        index, where=WHERE, files=Files({path.rpartition("/")[2]: data for path, data in files.items()})
    )
    cases = [("the index", [index.decode()]), ("its files", sorted(files))]
    for registry in (single, split):
        after = registry.with_event(name, event, POINTER, Stage.SHADOW)
        new = registry.with_event(ModelName("new"), event, None, Stage.STAGING)
        lines = [
            after.file_of(name),
            after.at(name),
            after.file_bytes(name).decode(),
            str(list(new)),
            str(len(new.models)),
        ]
        lines += [json_text(dict(new.raw_entry("new"))), json_text(dict(registry.raw_entry("new")))]
        lines += [json_text(dict(after.reread(name).raw_entry(name))), str("new" in registry), str("new" in new)]
        cases.append((registry.layout.value, lines))
    cases.append(("joined", [joined_bytes(split, Timestamp("2026-03-01T00:00:00Z")).decode()]))
    approve("layouts", cases)


def test_a_moment_is_stored_in_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert to_timestamp(datetime(2026, 2, 16, 9, tzinfo=timezone.utc)) == "2026-02-16T09:00:00Z"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_seal_comes_last_however_the_file_was_written() -> None:
    odd = {"history_digest": None, "history": [EVENT], "active": POINTER, "owner": "ml"}
    registry = ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {"m": odd}}))
    after = registry.with_event(ModelName("m"), {**EVENT, "to_stage": "shadow"}, POINTER, Stage.SHADOW)
    assert list(after.raw_entry("m")) == ["shadow", "staging", "active", "owner", "history", "history_digest"]


def test_a_split_model_that_its_own_loader_refuses_is_not_reread() -> None:
    files = Files({"m.json": stored_json({"active": POINTER})})
    registry = ModelRegistry.parse(b'{"schema_version": "v1", "layout": "split"}', where=WHERE, files=files)
    broken = registry.with_entry(ModelName("m"), {"active": {**POINTER, "artifact_id": 7}})
    with pytest.raises(InvalidInput, match=r"some/models/m.json: \$.active.artifact_id"):
        broken.reread("m")
    assert broken.models is not registry.models


def test_what_is_said_of_a_file_beside_the_models() -> None:
    def beside(name: str) -> list[str]:
        return list(SplitModels(Files({name: b"{}"}), WHERE))

    approve("beside", each(["README.md", "Model.json", ".json", "a.json", "a.JSON", "a.json.json"], beside))
    digits = b'{"x": 0.1234567890123456789}'
    files = Files({"a.json": b"[]", "b.json": b"{}", "c.json": b"{", "d.json": digits})
    approve("entries", each("abcd", SplitModels(files, WHERE).__getitem__))
