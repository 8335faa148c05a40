"""The service's door: what a stage's pointer pins, or an error; from a checkout, a copy, or what `fetch` wrote."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import promotebot
from promotebot.artifact.loading import fetch, load, make_bundle
from promotebot.artifact.manifest import parse_manifest
from promotebot.artifact.signature import signature_of
from promotebot.cli.main import main
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.registry import ModelRegistry
from tests.storage.memory import Memory

from .signing import sign

ROOT = Path(__file__).resolve().parents[2]
MODEL, V1, V2 = "regime_classifier", "ml/artifacts/regime_v1", "ml/artifacts/regime_v2"
INDEX = "ml/registry/models.json"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sample's files as they are deployed: without git."""
    shutil.copytree(ROOT / "ml", tmp_path / "copy/ml")
    return tmp_path / "copy"


def edit(copy: Path, **changes: object) -> None:
    """Change the pointer of ACTIVE; None takes a key away."""
    document = json.loads((copy / INDEX).read_bytes())
    pointer = document["models"][MODEL]["active"]
    for key, value in changes.items():
        pointer.pop(key) if value is None else pointer.update({key: value})
    (copy / INDEX).write_text(json.dumps(document))


def test_the_files_that_the_pointer_pins_are_loaded(copy: Path) -> None:
    artifact = promotebot.load(MODEL, "active", base_dir=copy)
    pointer = ModelRegistry.load(copy / INDEX).get_stage_pointer(MODEL, "active")
    assert pointer
    assert (artifact.path, artifact.manifest.digest) == (copy / V1, pointer.digest)
    assert artifact.model_path.is_file()
    assert load(MODEL, "active", registry=copy / INDEX, base_dir=copy) == artifact


def exchange(copy: Path) -> None:
    shutil.rmtree(copy / V1)
    shutil.copytree(copy / V2, copy / V1)


def spoil(copy: Path) -> None:
    (copy / V1 / "model.onnx").write_bytes(b"x")


def remeaning(copy: Path) -> None:
    """Another meaning of the same bytes, after the manifest was pinned."""
    manifest = copy / V1 / "manifest.json"
    edit(copy, manifest_digest=promotebot.load_artifact(copy / V1).manifest.full_digest)
    manifest.write_text(json.dumps({**json.loads(manifest.read_bytes()), "threshold": 2}))


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (exchange, "the files are sha256:"),
        (spoil, "the manifest says sha256:"),
        (remeaning, "and that of regime_v1_prod is sha256:"),
        (lambda copy: (copy / V1 / "manifest.json").unlink(), "is not there"),
        (lambda copy: edit(copy, artifact_dir=V2), "the files are sha256:"),
        (lambda copy: edit(copy, artifact_dir="ml/artifacts/gone"), "Artifact directory not found"),
        (lambda copy: edit(copy, artifact_dir="../copy/ml/artifacts/regime_v1"), "artifact_dir"),
    ],
)
def test_anything_else_is_refused_and_no_remedy_blesses_it(
    copy: Path, tmp_path: Path, break_it: Callable[[Path], object], says: str
) -> None:
    break_it(copy)
    doors: list[Callable[[], object]] = [
        lambda: load(MODEL, "active", base_dir=copy),
        lambda: fetch(MODEL, "active", tmp_path / "to", base_dir=copy),
    ]
    for door in doors:
        with pytest.raises(InvalidInput) as refused:
            door()
        assert says in str(refused.value)
        assert "promotebot manifest" not in refused.value.remedy
    assert [path.name for path in tmp_path.iterdir()] == ["copy"], "nothing is written"


def test_a_pointer_that_pins_nothing_is_no_proof(copy: Path) -> None:
    edit(copy, digest=None)
    with pytest.raises(InvalidInput, match="has no digest"):
        load(MODEL, "active", base_dir=copy)
    with pytest.raises(InvalidInput, match="unknown model 'nope'"):
        load("nope", "active", base_dir=copy)


def test_a_stage_that_holds_nothing_is_refused_with_the_line_that_shows_what_there_is(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(copy)
    with pytest.raises(InvalidInput, match="STAGING of regime_classifier holds nothing") as refused:
        load(MODEL, "staging")
    program, *arguments = shlex.split(refused.value.remedy)
    assert (program, main(arguments)) == ("promotebot", 0)
    assert "regime_v1_prod" in capsys.readouterr().out


def of_day(copy: Path, *, generated: str | None, event: str | None) -> None:
    """Let the registry record these moments; None for none."""
    document = json.loads((copy / INDEX).read_bytes())
    del document["generated_at_utc"]
    document |= {"generated_at_utc": generated} if generated else {}
    history = document["models"][MODEL]["history"]
    history[0]["ts_utc"] = event or "gone"
    document["models"][MODEL]["history"] = history if event else []
    (copy / INDEX).write_text(json.dumps(document))


LONG, SHORT = timedelta(days=36_500), timedelta(days=30)


@pytest.mark.parametrize(
    ("generated", "event", "max_age", "says"),
    [
        (
            "2020-01-01T00:00:00Z",
            "2019-01-01T00:00:00Z",
            SHORT,
            "its newest record is from 2020-01-01T00:00:00Z",
        ),
        (
            "2019-01-01T00:00:00Z",
            "2020-01-01T00:00:00Z",
            SHORT,
            "its newest record is from 2020-01-01T00:00:00Z",
        ),
        (None, "2020-01-01T00:00:00.5Z", SHORT, "at most 30 d is allowed"),
        (
            "2999-01-01T00:00:00Z",
            "2020-01-01T00:00:00Z",
            LONG,
            "is from 2999-01-01T00:00:00Z, but the clock of this machine",
        ),
        (None, None, LONG, "has neither generated_at_utc nor an event"),
    ],
)
def test_a_registry_that_is_too_old_or_may_be_is_refused_where_somebody_asks_for_it(
    copy: Path, tmp_path: Path, generated: str | None, event: str | None, max_age: timedelta, says: str
) -> None:
    of_day(copy, generated=generated, event=event)
    assert load(MODEL, "active", base_dir=copy)
    for door in (partial(load, MODEL, "active"), partial(fetch, MODEL, "active", tmp_path / "to")):
        with pytest.raises((InvalidInput, CouldNotVerify), match=says) as refused:
            door(base_dir=copy, max_age=max_age)
        assert refused.value.where == str(copy / INDEX)
        assert refused.value.remedy
    assert not (tmp_path / "to").exists()


def test_what_was_promoted_long_ago_is_not_old_where_the_registry_is_not(copy: Path) -> None:
    edit(copy, promoted_at_utc="2020-01-01T00:00:00Z")
    of_day(copy, generated="2020-01-01T00:00:00Z", event="2020-01-02T00:00:00Z")
    assert load(MODEL, "active", base_dir=copy, max_age=LONG)


def test_a_copy_is_as_old_as_what_it_was_copied_from(copy: Path, tmp_path: Path) -> None:
    of_day(copy, generated="2020-03-01T00:00:00Z", event="2020-01-01T00:00:00Z")
    fetch(MODEL, "active", tmp_path / "to", base_dir=copy, max_age=LONG)
    with pytest.raises(InvalidInput, match="is from 2020-03-01T00:00:00Z"):
        load(MODEL, "active", base_dir=tmp_path / "to", max_age=SHORT)


def test_a_model_that_takes_anything_else_than_the_service_was_built_for_is_refused(copy: Path, tmp_path: Path) -> None:
    built_for = signature_of(load(MODEL, "active", base_dir=copy)).model_dump()
    assert load(MODEL, "active", base_dir=copy, expect_signature=built_for)
    built_for["inputs"][0]["shape"][1] = 16
    edit(copy, manifest_digest=promotebot.load_artifact(copy / V1).manifest.full_digest)
    for expected, says in (
        (built_for, r"input 1 is input float32\[n,15\], expected input float32\[n,16\]"),
        ({"feature_order": ["return_1m"]}, "feature 2 of 15 is return_5m, expected none"),
    ):
        for door in (partial(load, MODEL, "active"), partial(fetch, MODEL, "active", tmp_path / "to")):
            with pytest.raises(InvalidInput, match=says) as refused:
                door(base_dir=copy, expect_signature=expected)
            assert refused.value.where == str(copy / V1 / "model.onnx")
            assert "built for it" in refused.value.remedy
    assert [path.name for path in tmp_path.iterdir()] == ["copy"], "nothing is written"


def test_an_order_of_features_counts_only_where_the_pointer_pins_it(copy: Path) -> None:
    order = copy / V1 / "manifest.json"
    assert load(MODEL, "active", base_dir=copy, expect_signature=order)
    edit(copy, feature_order_hash=None)
    with pytest.raises(InvalidInput, match="pins no order of features"):
        load(MODEL, "active", base_dir=copy, expect_signature=order)
    edit(copy, manifest_digest=promotebot.load_artifact(copy / V1).manifest.full_digest)
    assert load(MODEL, "active", base_dir=copy, expect_signature=order)


def test_a_file_that_is_no_model_has_no_inputs_that_could_be_compared(copy: Path) -> None:
    (copy / V1 / "model.onnx").write_bytes(b"of another kind")
    manifest = copy / V1 / "manifest.json"
    sha256 = hashlib.sha256(b"of another kind").hexdigest()
    document = json.loads(manifest.read_bytes())
    manifest.write_text(json.dumps({**document, "sha256": {**document["sha256"], "model.onnx": sha256}}))
    edit(copy, digest=promotebot.load_artifact(copy / V1).manifest.digest)
    with pytest.raises(CouldNotVerify, match="inputs and outputs cannot be read: ") as unknown:
        load(MODEL, "active", base_dir=copy, expect_signature={"inputs": []})
    assert "feature_order" in unknown.value.remedy
    assert load(MODEL, "active", base_dir=copy, expect_signature=manifest)


def test_the_terminal_asks_the_same(copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    of_day(copy, generated="2020-03-01T00:00:00Z", event="2020-01-01T00:00:00Z")
    (tmp_path / "other.json").write_text('{"outputs": [{"name": "y", "type": "int64"}]}')
    words = ["fetch", MODEL, "active", "--to", str(tmp_path / "to"), "--base-dir", str(copy)]
    for asked, code, says in (
        (["--max-age", "30d"], 1, "its newest record is from 2020-03-01T00:00:00Z"),
        (["--max-age", ""], 2, "--max-age: '' is not a duration"),
        (["--max-age", "a week"], 2, "Next: give a number of days, hours or minutes"),
        (["--expect-signature", ""], 4, "cannot be read"),
        (
            ["--expect-signature", f"{tmp_path}/other.json"],
            1,
            "output 1 is regime_probs float32[n,3], expected y int64",
        ),
    ):
        assert main([*words, *asked]) == code
        assert says in capsys.readouterr().err
    assert not (tmp_path / "to").exists()
    assert main([*words, "--max-age", "9999d", "--expect-signature", str(copy / V1 / "manifest.json")]) == 0
    assert "model.onnx" in capsys.readouterr().out


def test_what_is_fetched_loads_without_the_rest_of_the_repository(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "deep/model"
    assert main(["fetch", MODEL, "active", "--to", str(to), "--base-dir", str(copy)]) == 0
    shown = capsys.readouterr().out
    shutil.rmtree(copy)
    artifact = load(MODEL, "active", base_dir=to)
    assert str(artifact.model_path) in shown
    assert f'promotebot.load("{MODEL}", "active", base_dir="{to}")' in shown
    assert list(ModelRegistry.load(to / INDEX)) == [MODEL]
    assert sorted(path.name for path in to.parent.iterdir()) == ["model"]
    exchange_file = artifact.path / "manifest.json"
    exchange_file.write_text("{}")
    with pytest.raises(InvalidInput):
        load(MODEL, "active", base_dir=to)


def test_a_directory_that_holds_something_is_left_alone(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    fetch(MODEL, "active", tmp_path / "to", base_dir=copy)
    with pytest.raises(InvalidInput, match="is there already"):
        fetch(MODEL, "shadow", tmp_path / "to", base_dir=copy)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="is there already"):
        fetch(MODEL, "active", tmp_path / "link", base_dir=copy)


def test_links_among_the_files_are_not_followed(copy: Path, tmp_path: Path) -> None:
    model = copy / V1 / "model.onnx"
    model.rename(tmp_path / "elsewhere")
    model.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInput, match="links are not followed"):
        load(MODEL, "active", base_dir=copy)


def test_signatures_come_along_with_what_is_fetched(copy: Path, tmp_path: Path) -> None:
    data = sign(copy / V1)
    assert load(MODEL, "active", base_dir=copy).path == copy / V1
    fetched = fetch(MODEL, "active", tmp_path / "to", base_dir=copy)
    assert (fetched.path / "model.sig").read_bytes() == data
    (copy / V1 / "model.sig").unlink()
    (copy / V1 / "model.sig").symlink_to(copy / INDEX)
    with pytest.raises(InvalidInput, match=r"model\.sig"):
        fetch(MODEL, "active", tmp_path / "again", base_dir=copy)
    assert not (tmp_path / "again").exists()


def outside(copy: Path, memory: Memory, *, pinned: bool = True) -> bytes:
    """Move the model into a bucket, and promote the manifest that says so."""
    model = copy / V1 / "model.onnx"
    data, file = model.read_bytes(), copy / V1 / "manifest.json"
    memory.files["models/prod/v1/model.onnx"] = data
    model.unlink()
    storage = {"uri": "s3://models/prod/v1", "files": {"model.onnx": {"size": len(data)}}}
    file.write_text(json.dumps({**json.loads(file.read_text()), "storage": storage}))
    if pinned:
        edit(copy, manifest_digest=parse_manifest(file.read_bytes(), where="manifest").full_digest)
    return data


def test_files_outside_of_git_are_copied_once_into_the_cache_and_proven_each_time(
    copy: Path, tmp_path: Path, memory: Memory
) -> None:
    data, cache = outside(copy, memory), tmp_path / "cache"
    for _ in range(2):
        assert load(MODEL, "active", base_dir=copy, cache=cache).model_path.read_bytes() == data
    assert len(memory.read) == 1
    (spoilt,) = cache.rglob("model.onnx")
    spoilt.write_bytes(b"spoilt")
    assert load(MODEL, "active", base_dir=copy, cache=cache).model_path.read_bytes() == data, "it is brought again"
    memory.files["models/prod/v1/model.onnx"] = b"X" + data[1:]
    spoilt.write_bytes(b"spoilt")
    with pytest.raises(InvalidInput, match="the manifest says"):
        load(MODEL, "active", base_dir=copy, cache=cache)
    assert [path for path in cache.iterdir() if path.name.startswith(".")] == [], "nothing half is left"


def test_a_store_that_is_too_slow_for_a_service_is_told_without_a_policy(
    copy: Path, tmp_path: Path, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside(copy, memory)
    monkeypatch.setattr(Memory, "cat_file", slow)
    with pytest.raises(CouldNotVerify, match="were not read in 3,600 seconds") as told:
        load(MODEL, "active", base_dir=copy, cache=tmp_path / "cache")
    assert told.value.remedy == "run it again"


def slow(*_: object, **__: object) -> bytes:
    raise TimeoutError


def test_workers_that_start_at_once_share_a_cache(
    copy: Path, tmp_path: Path, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them finds the cache empty, and one is the first to have copied the files."""
    data, others = outside(copy, memory), [1, 2]
    load_one = partial(load, MODEL, "active", base_dir=copy, cache=tmp_path / "cache")
    read = Memory.cat_file

    def overtaken(self: Memory, path: str, **arguments: Any) -> bytes:
        if others:
            others.pop()
            load_one()
        return read(self, path, **arguments)

    monkeypatch.setattr(Memory, "cat_file", overtaken)
    assert load_one().model_path.read_bytes() == data
    assert others == []
    assert len(memory.read) == 3
    assert [path for path in (tmp_path / "cache").iterdir() if path.name.startswith(".")] == []


def test_without_a_cache_the_line_that_brings_the_files_is_named(copy: Path, memory: Memory) -> None:
    outside(copy, memory)
    with pytest.raises(InvalidInput, match=r"is not here, but at s3://models/prod/v1/model\.onnx") as told:
        load(MODEL, "active", base_dir=copy)
    assert f"promotebot fetch {MODEL} active --to {MODEL}-active --base-dir {copy}" in told.value.remedy
    assert memory.asked == []


def test_an_artifact_that_is_here_needs_no_cache(copy: Path, tmp_path: Path, memory: Memory) -> None:
    assert load(MODEL, "active", base_dir=copy, cache=tmp_path / "cache").path == copy / V1
    assert not (tmp_path / "cache").exists()
    assert memory.asked == []


def test_a_service_reads_no_place_that_the_pointer_does_not_pin(copy: Path, tmp_path: Path, memory: Memory) -> None:
    outside(copy, memory, pinned=False)
    for bring in (
        lambda: load(MODEL, "active", base_dir=copy, cache=tmp_path / "cache"),
        lambda: fetch(MODEL, "active", tmp_path / "to", base_dir=copy),
        lambda: make_bundle(MODEL, "active", now=datetime.now(timezone.utc), base_dir=copy),
    ):
        with pytest.raises(InvalidInput, match="the pointer does not pin the manifest that names this place"):
            bring()
    assert memory.asked == []
