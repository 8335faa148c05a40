"""A bundle proves itself without the repository: chain, pointer, manifest, and the files beside it."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import promotebot
from promotebot.artifact.loading import fetch, load, make_bundle
from promotebot.cli.main import main
from promotebot.errors import CouldNotVerify, InvalidInput, UsageError
from promotebot.registry import ModelRegistry
from promotebot.registry.chain import sealed
from promotebot.registry.codec import canonical_json

from .test_loading import INDEX, MODEL, V1, copy, exchange, spoil

__all__ = ["copy"]  # the fixture
ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
Document = dict[str, Any]


@pytest.fixture
def host(copy: Path) -> Path:
    """A machine with the artifact's files and the bundle, and nothing else of the repository."""
    (copy / "bundle.json").write_bytes(make_bundle(MODEL, "active", now=NOW, base_dir=copy))
    shutil.rmtree(copy / "ml/registry")
    return copy


def newest(copy: Path) -> str:
    digest = ModelRegistry.load(copy / INDEX).entries[next(iter(ModelRegistry.load(copy / INDEX)))].history_digest
    assert digest
    return digest


def test_what_a_stage_holds_is_loaded_by_its_bundle_alone(host: Path, tmp_path: Path) -> None:
    artifact = load(MODEL, "active", bundle=host / "bundle.json", base_dir=host)
    assert artifact == promotebot.load_artifact(host / V1)
    fetch(MODEL, "active", tmp_path / "to", bundle=host / "bundle.json", base_dir=host)
    assert load(MODEL, "active", base_dir=tmp_path / "to").manifest == artifact.manifest
    written = json.loads((tmp_path / "to" / INDEX).read_bytes())
    assert written["generated_at_utc"] == "2026-11-23T09:33:14Z", "the newest moment: its newest event, not the bundle"
    assert written["models"] == json.loads((ROOT / INDEX).read_bytes())["models"]


def test_a_bundle_is_canonical_json_by_its_schema(host: Path) -> None:
    data = (host / "bundle.json").read_bytes()
    document = json.loads(data)
    assert data == canonical_json(document) + b"\n"
    assert {"made_at_utc": "2026-03-01T12:00:00Z", "model": MODEL, "stage": "active"}.items() <= document.items()
    schema = json.loads((ROOT / "schemas/bundle.schema.json").read_bytes())
    jsonschema.Draft202012Validator(schema).validate(document)


def test_the_sample_has_more_digits_than_a_bundle_may_lose(copy: Path) -> None:
    """A manifest may hold fractions; its digest is the same after the bundle."""
    manifest = copy / V1 / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_bytes()), "threshold": 0.1, "half": 0.50}))
    (copy / "bundle.json").write_bytes(make_bundle(MODEL, "active", now=NOW, base_dir=copy))
    assert load(MODEL, "active", bundle=copy / "bundle.json", base_dir=copy).manifest.model_dump()["threshold"] == 0.1


def event(document: Document, index: int = 0) -> Document:
    found: Document = document["entry"]["history"][index]
    return found


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["entry"]["active"].update(artifact_id="other"), "ACTIVE is not what its newest event says"),
        (lambda d: d["entry"]["active"].update(more="of it"), "ACTIVE is not what its newest event says"),
        (lambda d: event(d).update(reason="another"), r"the chain is broken at history\[0\]: history_digest is"),
        (lambda d: event(d, 1).update(actor="somebody"), r"the chain is broken at history\[1\]: previous of history"),
        (lambda d: d["entry"]["history"].pop(), "names a previous event"),
        (lambda d: d["entry"]["history"].pop(0), r"the chain is broken at history\[0\]"),
        (lambda d: d["entry"].update(history=[]), "there is no event"),
        (lambda d: d["entry"].update(history_digest=None), "history_digest is None"),
        (lambda d: event(d).update(weight=0.5), "the chain is broken"),
        (lambda d: d["entry"].update(active=None), "ACTIVE is not what its newest event says"),
        (lambda d: d["entry"].update(history=3), r"\$.entry.history: "),
        (lambda d: d["manifest"]["sha256"].update({"model.onnx": "0" * 64}), r"\$.manifest is not the one that ACTIVE"),
        (lambda d: d["manifest"].pop("sha256"), r"\$.manifest: \$.sha256"),
        (lambda d: d.pop("manifest"), r"\$.manifest"),
        (lambda d: d.pop("entry"), r"\$.entry"),
        (lambda d: d.pop("made_at_utc"), r"\$.made_at_utc: "),
        (lambda d: d.update(made_at_utc="yesterday"), "is not a UTC time"),
        (lambda d: d.update(schema_version="v9"), r"\$.schema_version: "),
        (lambda d: d.update(stage="shadow"), f"is of SHADOW of {MODEL}, not ACTIVE of {MODEL}"),
        (lambda d: d.update(model="other"), f"is of ACTIVE of other, not ACTIVE of {MODEL}"),
    ],
)
def test_a_bundle_that_does_not_prove_itself_is_refused_with_the_line_that_makes_a_new_one(
    host: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Document], object], says: str
) -> None:
    document = json.loads((host / "bundle.json").read_bytes())
    change(document)
    (host / "bundle.json").write_text(json.dumps(document))
    doors = (partial(load, MODEL, "active"), partial(fetch, MODEL, "active", tmp_path / "to"))
    for door in doors:
        with pytest.raises(InvalidInput, match=says) as refused:
            door(bundle=host / "bundle.json", base_dir=host)
    assert not (tmp_path / "to").exists()
    assert str(host / "bundle.json") in refused.value.where
    shutil.copytree(ROOT / "ml/registry", host / "ml/registry")
    monkeypatch.chdir(host)
    (command,) = refused.value.remedy.commands
    program, *arguments = shlex.split(str(command))
    assert (program, main(arguments)) == ("promotebot", 0)
    assert load(MODEL, "active", bundle=f"{MODEL}-active.json")


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"{", b'{"entry": [], "manifest": 3}', b"\xff"])
def test_anything_but_a_bundle_is_refused(host: Path, data: bytes) -> None:
    (host / "bundle.json").write_bytes(data)
    with pytest.raises(InvalidInput):
        load(MODEL, "active", bundle=host / "bundle.json", base_dir=host)


def test_a_bundle_that_is_not_there_or_does_not_read_proves_nothing(host: Path) -> None:
    with pytest.raises(InvalidInput, match="is not there"):
        load(MODEL, "active", bundle=host / "gone.json", base_dir=host)
    with pytest.raises(CouldNotVerify, match="cannot be read"):
        load(MODEL, "active", bundle=host, base_dir=host)
    with pytest.raises(UsageError, match="a registry and a bundle"):
        load(MODEL, "active", bundle=host / "bundle.json", registry=host / INDEX)


def remeaning(host: Path) -> None:
    """The same files under another threshold; the sample's pointer pins no manifest, and the bundle holds one."""
    manifest = host / V1 / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_bytes()), "threshold": 2}))


@pytest.mark.parametrize(
    ("break_it", "says"),
    [(exchange, "the files are sha256:"), (spoil, "the manifest says"), (remeaning, "that of the bundle is sha256:")],
)
def test_files_that_are_not_those_of_the_bundle_are_refused(
    host: Path, break_it: Callable[[Path], object], says: str
) -> None:
    break_it(host)
    with pytest.raises(InvalidInput, match=says):
        load(MODEL, "active", bundle=host / "bundle.json", base_dir=host)


def test_the_age_of_a_bundle_is_counted_from_when_it_was_made(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(timezone.utc)
    for made, max_age in ((now, timedelta(hours=1)), (now - timedelta(days=1), timedelta(days=36_500))):
        (copy / "bundle.json").write_bytes(make_bundle(MODEL, "active", now=made, base_dir=copy))
        assert load(MODEL, "active", bundle=copy / "bundle.json", base_dir=copy, max_age=max_age)
    document = json.loads((copy / INDEX).read_bytes())
    events = document["models"][MODEL]["history"]
    history, digest = sealed([{**one, "ts_utc": "2020-01-01T00:00:00Z"} for one in events])
    document["models"][MODEL] |= {"history": history, "history_digest": digest}
    document["generated_at_utc"] = "2020-01-01T00:00:00Z"
    (copy / INDEX).write_text(json.dumps(document))
    (copy / "bundle.json").write_bytes(make_bundle(MODEL, "active", now=now, base_dir=copy))
    with pytest.raises(InvalidInput, match="from 2020-01-01T00:00:00Z") as old:
        load(MODEL, "active", base_dir=copy, max_age=timedelta(days=1))
    assert load(MODEL, "active", bundle=copy / "bundle.json", base_dir=copy, max_age=timedelta(days=1))
    monkeypatch.chdir(copy)
    (command,) = old.value.remedy.commands
    assert main(shlex.split(str(command))[1:]) == 0
    assert load(MODEL, "active", bundle=f"{MODEL}-active.json", max_age=timedelta(days=1))


def forge(copy: Path) -> None:
    """A history that somebody wrote and computed all hashes of: it is consistent in itself."""
    document = json.loads((copy / INDEX).read_bytes())
    entry = document["models"][MODEL]
    entry["history"][0]["actor"] = entry["active"]["actor"] = "nobody@example.com"
    entry["history"][0]["pointer"] = entry["active"]
    entry["history"], entry["history_digest"] = sealed(entry["history"])
    (copy / INDEX).write_text(json.dumps(document))


def test_a_forged_history_is_known_by_a_digest_from_elsewhere_alone(copy: Path) -> None:
    known = newest(copy)
    assert load(MODEL, "active", base_dir=copy, expect_history_digest=known)
    forge(copy)
    (copy / "bundle.json").write_bytes(make_bundle(MODEL, "active", now=NOW, base_dir=copy))
    sources: list[Document] = [{}, {"bundle": copy / "bundle.json"}]
    for source in sources:
        assert load(MODEL, "active", base_dir=copy, **source), "nothing in it says that it is forged"
        with pytest.raises(InvalidInput, match=f"ends with {newest(copy)}, expected {known}"):
            load(MODEL, "active", base_dir=copy, expect_history_digest=known, **source)
        with pytest.raises(InvalidInput, match="is not a digest"):
            load(MODEL, "active", base_dir=copy, expect_history_digest="", **source)


def test_the_digest_of_the_newest_event_vouches_for_a_whole_chain_only(copy: Path) -> None:
    known = newest(copy)
    document = json.loads((copy / INDEX).read_bytes())
    document["models"][MODEL]["history"][1]["actor"] = "nobody@example.com"
    (copy / INDEX).write_text(json.dumps(document))
    with pytest.raises(InvalidInput, match=r"the chain is broken at history\[1\]"):
        load(MODEL, "active", base_dir=copy, expect_history_digest=known)


def test_no_bundle_is_made_of_what_does_not_verify(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["bundle", MODEL, "active", "--base-dir", str(copy), "--out", str(copy / "bundle.json")]
    (copy / V1 / "model.onnx").rename(copy / "aside")
    assert main(words) == 1
    assert "is not there" in capsys.readouterr().err
    (copy / "aside").rename(copy / V1 / "model.onnx")
    document = json.loads((copy / INDEX).read_bytes())
    del document["models"][MODEL]["history_digest"]
    (copy / INDEX).write_text(json.dumps(document))
    assert main(words) == 1
    assert "the chain is broken at history[0]: history_digest is None" in capsys.readouterr().err
    assert not (copy / "bundle.json").exists()


def test_the_terminal_writes_and_fetches_by_it(copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known, file = newest(copy), str(tmp_path / "bundle.json")
    assert main(["bundle", MODEL, "active", "--base-dir", str(copy), "--out", file]) == 0
    assert capsys.readouterr().out == f"wrote {file}: ACTIVE of {MODEL}, 2 events, the newest {known}\n"
    assert main(["bundle", MODEL, "active", "--base-dir", str(copy)]) == 0
    printed, written = json.loads(capsys.readouterr().out), json.loads(Path(file).read_bytes())
    assert {**printed, "made_at_utc": ""} == {**written, "made_at_utc": ""}
    words = ["fetch", MODEL, "active", "--bundle", file, "--base-dir", str(copy), "--max-age", "1h"]
    assert main([*words, "--to", str(tmp_path / "no"), "--registry-path", str(copy / INDEX)]) == 2
    assert main([*words, "--to", str(tmp_path / "no"), "--expect-history-digest", f"sha256:{'0' * 64}"]) == 1
    assert not (tmp_path / "no").exists()
    assert main([*words, "--to", str(tmp_path / "to"), "--expect-history-digest", known]) == 0
    assert load(MODEL, "active", base_dir=tmp_path / "to", max_age=timedelta(hours=1), expect_history_digest=known)
